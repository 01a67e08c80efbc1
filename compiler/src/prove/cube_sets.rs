//! Sets of cubes, shared like the diagrams they are read from: a list can be counted before it is written out.

use std::collections::HashMap;

use super::cubes::Cube;
use super::diagram::{Diagrams, Function, Level, OutOfNodes};
use super::layout::Layout;
use crate::action::Action;

/// What a remembered result costs, in nodes.
const SET_NODES: usize = 8;

/// A set in [`CubeSets`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct CubeSetId(usize);

impl CubeSetId {
    /// No cube.
    pub(super) const NONE: Self = Self(0);
    /// The cube that always holds.
    const ALWAYS: Self = Self(1);
}

enum Shape {
    None,
    Always,
    /// The cubes of `low` where the bit is zero, of `high` where it is one, of `free` in both.
    Split {
        level: Level,
        low: CubeSetId,
        high: CubeSetId,
        free: CubeSetId,
    },
    Labelled(CubeSetId, Action),
    Either(CubeSetId, CubeSetId),
}

/// Sets of cubes read from the functions of one store.
pub(super) struct CubeSets {
    sets: Vec<(Shape, u64)>,
    paths: HashMap<Function, CubeSetId>,
    covers: HashMap<(Function, Function), (CubeSetId, Function)>,
}

impl Default for CubeSets {
    fn default() -> Self {
        let sets = vec![(Shape::None, 0), (Shape::Always, 1)];
        Self { sets, paths: HashMap::new(), covers: HashMap::new() }
    }
}

impl CubeSets {
    /// How many cubes are in a set; `u64::MAX` for more than that.
    pub(super) fn count(&self, set: CubeSetId) -> u64 {
        self.sets[set.0].1
    }

    fn add(&mut self, shape: Shape) -> CubeSetId {
        let count = match shape {
            Shape::None => 0,
            Shape::Always => 1,
            Shape::Split { low, high, free, .. } => {
                self.count(low).saturating_add(self.count(high)).saturating_add(self.count(free))
            }
            Shape::Labelled(set, _) => self.count(set),
            Shape::Either(a, b) => self.count(a).saturating_add(self.count(b)),
        };
        self.sets.push((shape, count));
        CubeSetId(self.sets.len() - 1)
    }

    /// The same cubes, each with an action.
    pub(super) fn labelled(&mut self, set: CubeSetId, action: Action) -> CubeSetId {
        self.add(Shape::Labelled(set, action))
    }

    /// The cubes of both.
    pub(super) fn either(&mut self, a: CubeSetId, b: CubeSetId) -> CubeSetId {
        self.add(Shape::Either(a, b))
    }

    /// One cube for each path of a diagram to an action, with that action. They are disjoint.
    pub(super) fn paths(&mut self, diagrams: &mut Diagrams, function: Function) -> Result<CubeSetId, OutOfNodes> {
        if function == Function::FALSE {
            return Ok(CubeSetId::NONE);
        }
        if let Some(&set) = self.paths.get(&function) {
            return Ok(set);
        }
        diagrams.charge(SET_NODES)?;
        let set = match (diagrams.node(function), function.action()) {
            (Some(node), _) => {
                let low = self.paths(diagrams, node.low)?;
                let high = self.paths(diagrams, node.high)?;
                self.add(Shape::Split { level: node.level, low, high, free: CubeSetId::NONE })
            }
            (None, Some(action)) => self.labelled(CubeSetId::ALWAYS, action),
            (None, None) => CubeSetId::ALWAYS,
        };
        self.paths.insert(function, set);
        Ok(set)
    }

    /// Cubes that together hold exactly where the function is true, none of which can be left out.
    pub(super) fn cover(&mut self, diagrams: &mut Diagrams, function: Function) -> Result<CubeSetId, OutOfNodes> {
        Ok(self.cover_between(diagrams, function, function)?.0)
    }

    /// Cubes that hold wherever `must` is true and nowhere that `may` is false, and where they hold.
    ///
    /// Minato and Morreale's irredundant sum of products: on the upper bit, what only one half may be covered with is
    /// covered in that half; what is left of both is covered once, without the bit.
    fn cover_between(
        &mut self,
        diagrams: &mut Diagrams,
        must: Function,
        may: Function,
    ) -> Result<(CubeSetId, Function), OutOfNodes> {
        if must == Function::FALSE {
            return Ok((CubeSetId::NONE, Function::FALSE));
        }
        let Some(level) = diagrams.top(must, may).filter(|_| may != Function::TRUE) else {
            return Ok((CubeSetId::ALWAYS, Function::TRUE));
        };
        if let Some(&known) = self.covers.get(&(must, may)) {
            return Ok(known);
        }
        diagrams.charge(SET_NODES)?;
        let (must_low, must_high) = diagrams.halves(must, level);
        let (may_low, may_high) = diagrams.halves(may, level);
        let only_low = without(diagrams, must_low, may_high)?;
        let (low, held_low) = self.cover_between(diagrams, only_low, may_low)?;
        let only_high = without(diagrams, must_high, may_low)?;
        let (high, held_high) = self.cover_between(diagrams, only_high, may_high)?;
        let left_low = without(diagrams, must_low, held_low)?;
        let left_high = without(diagrams, must_high, held_high)?;
        let left = diagrams.or(left_low, left_high)?;
        let may_both = diagrams.and(may_low, may_high)?;
        let (free, held_free) = self.cover_between(diagrams, left, may_both)?;
        let held_low = diagrams.or(held_low, held_free)?;
        let held_high = diagrams.or(held_high, held_free)?;
        let held = diagrams.test(level, held_low, held_high)?;
        let cover = (self.add(Shape::Split { level, low, high, free }), held);
        self.covers.insert((must, may), cover);
        Ok(cover)
    }

    /// The cubes of a set, those that have an action.
    pub(super) fn list(&self, set: CubeSetId, layout: Layout) -> Vec<(Cube, Action)> {
        let mut cubes = Vec::new();
        self.walk(set, layout, Cube::default(), None, &mut cubes);
        cubes
    }

    /// `cube` and `action` are what was said above the set.
    fn walk(
        &self,
        set: CubeSetId,
        layout: Layout,
        cube: Cube,
        action: Option<Action>,
        cubes: &mut Vec<(Cube, Action)>,
    ) {
        match self.sets[set.0].0 {
            Shape::None => {}
            Shape::Always => cubes.extend(action.map(|action| (cube, action))),
            Shape::Labelled(set, action) => self.walk(set, layout, cube, Some(action), cubes),
            Shape::Either(a, b) => {
                self.walk(a, layout, cube, action, cubes);
                self.walk(b, layout, cube, action, cubes);
            }
            Shape::Split { level, low, high, free } => {
                let (mut with_zero, mut with_one) = (cube, cube);
                if let Some((arg, bit)) = layout.arg_bit(level) {
                    with_zero.mask[arg] |= bit;
                    with_one.mask[arg] |= bit;
                    with_one.value[arg] |= bit;
                }
                self.walk(low, layout, with_zero, action, cubes);
                self.walk(high, layout, with_one, action, cubes);
                self.walk(free, layout, cube, action, cubes);
            }
        }
    }
}

/// `a && !b`
fn without(diagrams: &mut Diagrams, a: Function, b: Function) -> Result<Function, OutOfNodes> {
    diagrams.choose(b, Function::FALSE, a)
}
