//! Conditions without negations, each word under each mask looked at once in a conjunction or disjunction.

use callgate_compiler::condition::{Atom, Condition, ValueSet, Width};

/// Masks with at most this many bits have their values counted one by one.
const FEW_BITS: u32 = 8;

/// A condition in negation normal form. Nothing constant stands inside `All` and `Any`, and no `All` in an `All`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    Always,
    Never,
    Atom(Atom),
    All(Vec<Shape>),
    Any(Vec<Shape>),
}

/// What a condition comes to.
pub(super) fn simplify(condition: &Condition) -> Shape {
    shape(condition, true)
}

/// The condition if `holds`, else its opposite.
fn shape(condition: &Condition, holds: bool) -> Shape {
    let each = |parts: &[Condition]| parts.iter().map(|part| shape(part, holds)).collect::<Vec<_>>();
    match condition {
        Condition::Always => constant(holds),
        Condition::Atom(atom) => self::atom(atom, holds),
        Condition::Not(inner) => shape(inner, !holds),
        Condition::All(parts) if holds => all(each(parts)),
        Condition::All(parts) => any(each(parts)),
        Condition::Any(parts) if holds => any(each(parts)),
        Condition::Any(parts) => all(each(parts)),
    }
}

fn constant(holds: bool) -> Shape {
    if holds { Shape::Always } else { Shape::Never }
}

fn atom(atom: &Atom, holds: bool) -> Shape {
    let mask = atom.mask & atom.width.max();
    let inside = reachable(mask, &atom.values);
    let outside = opposite(mask, &inside);
    let values = match (inside.is_empty(), outside.is_empty()) {
        (true, _) => return constant(!holds),
        (_, true) => return constant(holds),
        _ if holds => inside,
        _ => outside,
    };
    // A mask of low bits says all that a width does.
    let width = if mask >> 32 == 0 { Width::W32 } else { Width::W64 };
    Shape::Atom(Atom { arg: atom.arg, width, mask, values })
}

/// The values of a set that a masked word can have; of a mask with many bits, a range may hold a few it can't.
fn reachable(mask: u64, values: &ValueSet) -> ValueSet {
    if is_low(mask) {
        return both(values, &ValueSet::of([(0, mask)]));
    }
    if mask.count_ones() <= FEW_BITS {
        return ValueSet::of(values_of(mask).filter(|&value| values.contains(value)).map(|value| (value, value)));
    }
    let clipped = both(values, &ValueSet::of([(0, mask)]));
    ValueSet::of(clipped.ranges().iter().copied().filter(|&(low, high)| low != high || low & !mask == 0))
}

/// The other values that a masked word can have.
pub(super) fn opposite(mask: u64, values: &ValueSet) -> ValueSet {
    reachable(mask, &values.complement(mask))
}

/// Whether the bits of a mask are all the low ones.
fn is_low(mask: u64) -> bool {
    mask & mask.wrapping_add(1) == 0
}

/// Every value of a word under a mask, ascending.
fn values_of(mask: u64) -> impl Iterator<Item = u64> {
    let mut next = Some(0_u64);
    std::iter::from_fn(move || {
        let value = next?;
        next = (value != mask).then(|| (value | !mask).wrapping_add(1) & mask);
        Some(value)
    })
}

fn both(one: &ValueSet, other: &ValueSet) -> ValueSet {
    let mut ranges = Vec::new();
    let (mut left, mut right) = (one.ranges(), other.ranges());
    while let (Some(&a), Some(&b)) = (left.first(), right.first()) {
        ranges.push((a.0.max(b.0), a.1.min(b.1)));
        if a.1 < b.1 {
            left = &left[1..];
        } else {
            right = &right[1..];
        }
    }
    ValueSet::of(ranges)
}

fn either(one: &ValueSet, other: &ValueSet) -> ValueSet {
    ValueSet::of(one.ranges().iter().chain(other.ranges()).copied())
}

/// Whether two tests look at the same bits.
fn alike(one: &Atom, other: &Atom) -> bool {
    (one.arg, one.width, one.mask) == (other.arg, other.width, other.mask)
}

pub(super) fn all(parts: Vec<Shape>) -> Shape {
    join(parts, &Shape::Always, &Shape::Never, both, |part| match part {
        Shape::All(inner) => Ok(inner),
        other => Err(other),
    })
    .map_or_else(|constant| constant, Shape::All)
}

pub(super) fn any(parts: Vec<Shape>) -> Shape {
    join(parts, &Shape::Never, &Shape::Always, either, |part| match part {
        Shape::Any(inner) => Ok(inner),
        other => Err(other),
    })
    .map_or_else(|constant| constant, Shape::Any)
}

/// Several parts flattened and merged; a single shape when that is all there is. `neutral` changes nothing, `decisive` decides.
fn join(
    parts: Vec<Shape>,
    neutral: &Shape,
    decisive: &Shape,
    merge: impl Fn(&ValueSet, &ValueSet) -> ValueSet,
    inner: impl Fn(Shape) -> Result<Vec<Shape>, Shape>,
) -> Result<Vec<Shape>, Shape> {
    let mut joined: Vec<Shape> = Vec::new();
    let flat = parts.into_iter().flat_map(|part| inner(part).unwrap_or_else(|single| vec![single]));
    for part in flat {
        let place = match &part {
            Shape::Atom(atom) => {
                joined.iter().position(|other| matches!(other, Shape::Atom(known) if alike(known, atom)))
            }
            _ => None,
        };
        match (part, place) {
            (Shape::Atom(new), Some(place)) => {
                if let Shape::Atom(known) = &joined[place] {
                    let merged = Atom { values: merge(&known.values, &new.values), ..new };
                    joined[place] = atom(&merged, true);
                }
            }
            (part, _) if part == *neutral || joined.contains(&part) => {}
            (part, _) => joined.push(part),
        }
    }
    if joined.contains(decisive) {
        return Err(decisive.clone());
    }
    joined.retain(|part| part != neutral);
    match joined.len() {
        0 => Err(neutral.clone()),
        1 => Err(joined.remove(0)),
        _ => Ok(joined),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_mask() {
        assert_eq!(values_of(0b1010).collect::<Vec<_>>(), [0, 0b10, 0b1000, 0b1010]);
        assert_eq!(values_of(0).collect::<Vec<_>>(), [0]);
        assert_eq!(values_of(u64::MAX).take(3).collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn words_are_looked_at_once() {
        let one = |values: &[(u64, u64)], mask| {
            Condition::Atom(Atom { arg: 1, width: Width::W64, mask, values: ValueSet::of(values.iter().copied()) })
        };
        let not = |condition| Condition::Not(Box::new(condition));
        assert_eq!(
            simplify(&Condition::All(vec![not(one(&[(3, 3)], 0xf)), not(one(&[(5, 5)], 0xf))])),
            simplify(&one(&[(0, 2), (4, 4), (6, 15)], 0xf))
        );
        assert_eq!(simplify(&Condition::Any(vec![one(&[(0, 7)], 0xf), one(&[(8, 90)], 0xf)])), Shape::Always);
        assert_eq!(simplify(&one(&[(1, 1)], 0x10)), Shape::Never);
        assert_eq!(simplify(&not(one(&[(0, 0)], 0x30))), simplify(&one(&[(1, 0x30)], 0x30)));
        assert_eq!(simplify(&Condition::All(Vec::new())), Shape::Always);
        assert_eq!(simplify(&Condition::Any(Vec::new())), Shape::Never);
    }
}
