//! From nodes with many arms to two-way compares.

use super::compares::{Compares, Step, StepId, Test};
use super::frequency::{self, Flow};
use super::objective::{Objective, Optimize};
use super::search::{self, Interval, Limits, Reach, ShortRuns};
use super::tails::{self, Dispatch};
use crate::graph::{Arm, Graph, Node, NodeId, Variable, Word, largest_possible, smallest_possible};
use crate::policy::Policy;

/// What every interval of an argument weighs: nothing says which values are passed.
const ARGUMENT_WEIGHT: u64 = 1 << 16;

/// What a compare in the program costs, in compares on a search times weight, when all searches weigh `total`.
fn price(objective: &Objective, total: u64) -> u64 {
    let price = match objective.optimize {
        // No search takes so many compares.
        Optimize::Size => total.saturating_mul(64),
        Optimize::Balanced => total / 12,
        // No program has so many.
        Optimize::Speed => total / 4096,
    };
    price.max(1)
}

/// How to look for the trees that tell the values of an argument apart: they are few.
fn argument_limits(objective: &Objective, intervals: &[Interval]) -> Limits {
    let price = price(objective, search::weight(intervals));
    Limits { price, window: 32, holes: 4, few: 4, slack: 3, short_runs: ShortRuns::Planned }
}

/// How to look for the trees that tell tokens and numbers apart, when all searches weigh `total`.
fn limits(objective: &Objective, total: u64) -> Limits {
    let price = price(objective, total);
    if objective.exhaustive {
        // A way one compare longer is worth little for few instructions less.
        let slack = if objective.optimize == Optimize::Speed { 3 } else { 2 };
        return Limits { price, window: 200, holes: 8, few: 12, slack, short_runs: ShortRuns::Exact(Reach::FAR) };
    }
    let short_runs = match objective.optimize {
        Optimize::Size => ShortRuns::Mended(Reach::FAR),
        Optimize::Speed => ShortRuns::Mended(Reach::NEAR),
        // The default has to be quick itself: mending takes half as long again, and its tests of bits cost the prover as much.
        Optimize::Balanced => ShortRuns::Planned,
    };
    Limits { price, window: 12, holes: 4, few: 4, slack: 2, short_runs }
}

/// The compares of a graph, and where they start.
pub(super) fn lower(graph: &Graph, root: NodeId, policy: &Policy, objective: &Objective) -> (Compares, StepId) {
    let flow = Flow::of(graph, root, frequency::points(policy, objective));
    let limits = limits(objective, flow.total);
    let mut compares = Compares::default();
    let mut steps: Vec<Option<StepId>> = vec![None; root.index() + 1];
    let reachable = graph.reachable(root);
    for &id in &reachable {
        steps[id.index()] = match graph.node(id) {
            Node::Leaf(action) => Some(compares.ret(action.ret())),
            Node::Switch { variable, arms } if is_argument(*variable) => {
                argument(&mut compares, *variable, &intervals(*variable, arms, &steps, &[]), objective)
            }
            // Conditions are built into nodes that end in actions before a policy's graph is finished.
            Node::Switch { .. } | Node::Truth(_) => None,
        };
    }
    numbers_alone(graph, &reachable, &flow, limits, &mut compares, &mut steps);
    for &id in &reachable {
        if let (None, Node::Switch { variable, arms }) = (steps[id.index()], graph.node(id)) {
            let values = flow.values(id, variable.word, variable.mask);
            let intervals = intervals(*variable, arms, &steps, &values);
            steps[id.index()] = number(&mut compares, *variable, &intervals, &values, limits);
        }
    }
    let start = steps[root.index()].unwrap_or_else(|| compares.ret(policy.other.action.ret()));
    (compares, start)
}

/// The nodes that look at the number and lead to no other such node, with what their searches have in common shared.
fn numbers_alone(
    graph: &Graph,
    reachable: &[NodeId],
    flow: &Flow,
    limits: Limits,
    compares: &mut Compares,
    steps: &mut [Option<StepId>],
) {
    let mut nodes = Vec::new();
    let mut dispatches = Vec::new();
    let mut values = Vec::new();
    for &id in reachable {
        let Node::Switch { variable, arms } = graph.node(id) else { continue };
        if variable.word != Word::NUMBER || arms.iter().any(|arm| steps[arm.target.index()].is_none()) {
            continue;
        }
        let weights = flow.values(id, variable.word, variable.mask);
        let intervals = intervals(*variable, arms, steps, &weights);
        if bit_test(compares, *variable, &intervals).is_none() {
            nodes.push(id);
            values.push(weights);
            dispatches.push(Dispatch { variable: *variable, intervals });
        }
    }
    let mut tree = |dispatch: &Dispatch| search::tree_within(compares, dispatch.variable, &dispatch.intervals, limits);
    // What sharing spares is a guess made before there are trees: of many searches a wrong one adds up, and both are built.
    let apart: Option<Vec<_>> = (dispatches.len() > FEW_SEARCHES).then(|| dispatches.iter().map(&mut tree).collect());
    tails::share(compares, &mut dispatches, limits);
    let mut tree = |dispatch: &Dispatch| search::tree_within(compares, dispatch.variable, &dispatch.intervals, limits);
    let together: Vec<_> = dispatches.iter().map(&mut tree).collect();
    let cost = |trees: &[Option<StepId>]| cost(compares, trees, &values, limits.price);
    let best = apart.filter(|apart| cost(apart) < cost(&together)).unwrap_or(together);
    for (id, tree) in nodes.into_iter().zip(best) {
        steps[id.index()] = tree;
    }
}

/// Of no more searches than this, what they have in common is always shared.
const FEW_SEARCHES: usize = 3;

/// What searches cost that look for these values, each so often: every compare of the program once, and those on the ways.
fn cost(compares: &Compares, trees: &[Option<StepId>], values: &[Vec<(u32, u64)>], price: u64) -> u64 {
    let program = compares.reachable_from(trees.iter().flatten().copied()).len() as u64;
    let on_the_way = |at: Option<StepId>, value: u32| {
        let (mut at, mut made) = (at, 0_u64);
        while let Some(Step::Compare { variable, test, k, yes, no }) = at.map(|at| compares.step(at)) {
            if variable.word != Word::NUMBER {
                break;
            }
            made += 1;
            let value = value & variable.mask;
            at = Some(if test.holds(value, k) { yes } else { no });
        }
        made
    };
    let ways = trees.iter().zip(values).flat_map(|(&tree, values)| {
        values.iter().map(move |&(value, weight)| on_the_way(tree, value).saturating_mul(weight))
    });
    ways.fold(program.saturating_mul(price), u64::saturating_add)
}

fn is_argument(variable: Variable) -> bool {
    !matches!(variable.word, Word::NUMBER | Word::TOKEN)
}

/// The intervals of a node's arms. `values` says, ascending, what single values weigh; intervals of an argument all weigh the same.
fn intervals(variable: Variable, arms: &[Arm], steps: &[Option<StepId>], mut values: &[(u32, u64)]) -> Vec<Interval> {
    let mut first = 0;
    let mut intervals = Vec::with_capacity(arms.len());
    for arm in arms {
        let least = smallest_possible(variable.mask, first).unwrap_or(first);
        let greatest = largest_possible(variable.mask, arm.last);
        let (here, after) = values.split_at(values.partition_point(|&(value, _)| value <= greatest));
        values = after;
        let weight = if is_argument(variable) { ARGUMENT_WEIGHT } else { here.iter().map(|&(_, weight)| weight).sum() };
        if let Some(target) = steps[arm.target.index()] {
            intervals.push(Interval { first: least, only: (least == greatest).then_some(least), weight, target });
        }
        first = arm.last.wrapping_add(1);
    }
    intervals
}

fn argument(
    compares: &mut Compares,
    variable: Variable,
    intervals: &[Interval],
    objective: &Objective,
) -> Option<StepId> {
    let limits = argument_limits(objective, intervals);
    bit_test(compares, variable, intervals).or_else(|| search::tree_within(compares, variable, intervals, limits))
}

fn number(
    compares: &mut Compares,
    variable: Variable,
    intervals: &[Interval],
    values: &[(u32, u64)],
    limits: Limits,
) -> Option<StepId> {
    if let Some(step) = bit_test(compares, variable, intervals) {
        return Some(step);
    }
    let tree = search::tree_within(compares, variable, intervals, limits)?;
    Some(spare_the_mask(compares, variable, intervals, tree, values, limits.price))
}

/// Where x32 is decided as x86-64 is, both come to one search under a mask, and most calls don't need the AND: with `s` the
/// search, `t(x) = if x >= 2^p { t(x) } else { s }` when `t` leads to `s`, which looks at `x & (2^p - 1)`, for all x below `2^p`.
///
/// Nor do most of them need that test: numbers from `2^p` up all take one way through `s` (`>=` holds, `==` doesn't), and the
/// test can wait on that way until others have left it: `if c(x) { a } else { b } = if c(x) { a } else if x >= 2^p { t(x) } else { b }`
/// when `c` doesn't hold from `2^p` up. Each test that it waits for is made again in `t`.
fn spare_the_mask(
    compares: &mut Compares,
    variable: Variable,
    intervals: &[Interval],
    tree: StepId,
    values: &[(u32, u64)],
    price: u64,
) -> StepId {
    let (Some(first), second) = (intervals.first(), intervals.get(1)) else { return tree };
    let Step::Compare { variable: masked, .. } = compares.step(first.target) else { return tree };
    let past = masked.mask.wrapping_add(1);
    // Where it ends right there, the tree makes this test anyway.
    let goes_on = second.is_none_or(|second| second.first > past);
    if variable != Variable::whole(Word::NUMBER) || masked.word != Word::NUMBER || !past.is_power_of_two() || !goes_on {
        return tree;
    }
    let way = way_of_large_numbers(compares, first.target);
    let waits = cheapest_wait(&way, values, past, price);
    let rest = way.get(waits).map_or(first.target, |test| test.step);
    let guard = compares.compare(variable, Test::AtLeast, past, tree, rest);
    way[..waits].iter().rev().fold(guard, |rest, test| {
        let (yes, no) = if test.test == Test::Equal { (test.leaves_to, rest) } else { (rest, test.leaves_to) };
        compares.compare(variable, test.test, test.k, yes, no)
    })
}

/// A test on the way of large numbers.
struct Passed {
    step: StepId,
    test: Test,
    k: u32,
    /// Where the numbers go that leave the way here.
    leaves_to: StepId,
}

/// The tests that a number above all constants makes, and passes by.
fn way_of_large_numbers(compares: &Compares, start: StepId) -> Vec<Passed> {
    let mut way = Vec::new();
    let mut at = start;
    while let Step::Compare { variable, test, k, yes, no } = compares.step(at) {
        let (leaves_to, next) = match test {
            _ if variable.word != Word::NUMBER => break,
            Test::Equal => (yes, no),
            Test::AtLeast => (no, yes),
            Test::AnyBit => break,
        };
        way.push(Passed { step: at, test, k, leaves_to });
        at = next;
    }
    // The last test tells two ends apart; behind it there is nothing left to spare.
    way.pop();
    way
}

/// After how many tests the guard costs least: every test before it stands in the program twice, every number still on the
/// way when it comes takes it.
fn cheapest_wait(way: &[Passed], values: &[(u32, u64)], past: u32, price: u64) -> usize {
    let mut here: Vec<_> = values.iter().copied().filter(|&(value, _)| value < past).collect();
    let weight = |here: &[(u32, u64)]| here.iter().map(|&(_, weight)| weight).sum::<u64>();
    let mut best = (weight(&here), 0);
    for (index, test) in way.iter().enumerate() {
        here.retain(|&(value, _)| if test.test == Test::Equal { value != test.k } else { value >= test.k });
        let cost = weight(&here).saturating_add(price.saturating_mul(index as u64 + 1));
        if cost < best.0 {
            best = (cost, index + 1);
        }
    }
    best.1
}

/// A bound at a power of two is a test of the bits from there up, on the whole word, and spares the AND:
/// `(x & m) >= 2^p  =  x & (m & -2^p) != 0`. At the lowest bit of the mask it is `x & m != 0`.
fn bit_test(compares: &mut Compares, variable: Variable, intervals: &[Interval]) -> Option<StepId> {
    let [below, above] = intervals else { return None };
    if variable.mask == u32::MAX || !above.first.is_power_of_two() {
        return None;
    }
    let whole = Variable::whole(variable.word);
    Some(compares.compare(whole, Test::AnyBit, variable.mask & above.first.wrapping_neg(), above.target, below.target))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::Endian;

    /// Wherever the guard waits, numbers go where they went: to the native search below 2^p, to the twin's from there on.
    #[test]
    fn a_guard_may_wait() {
        let native = Variable { word: Word::NUMBER, mask: 63 };
        let whole = Variable::whole(Word::NUMBER);
        // One number after the other hot, and several prices, so that every wait is the best at some time.
        for (hot, price) in (0..24_u32).flat_map(|hot| [(hot, 1), (hot, 40), (hot, 1000)]) {
            let mut compares = Compares::default();
            let [a, b, c] = [0, 1, 2].map(|value| compares.ret(value));
            let firsts = [(0, a), (2, b), (3, a), (9, c), (10, a), (14, b), (20, a)];
            let end = |index: usize| firsts.get(index + 1).map_or(64, |next| next.0);
            let interval = |(index, &(first, target)): (usize, &(u32, StepId))| {
                let only = (end(index) == first + 1).then_some(first);
                let weight = if (first..end(index)).contains(&hot) { 100 } else { 1 };
                Interval { first, only, weight, target }
            };
            let intervals: Vec<_> = firsts.iter().enumerate().map(interval).collect();
            let limits = Limits { price, window: 20, holes: 4, few: 12, slack: 3, short_runs: ShortRuns::Planned };
            let search = search::tree_within(&mut compares, native, &intervals, limits).unwrap();
            let outer = [(0, search), (64, c), (128, b)].map(|(first, target)| Interval {
                first,
                only: None,
                weight: 1,
                target,
            });
            let values: Vec<_> = (0..24).map(|value| (value, if value == hot { 100 } else { 1 })).collect();
            let start = number(&mut compares, whole, &outer, &values, limits).unwrap();
            for nr in 0..200_u32 {
                let mut at = start;
                while let Step::Compare { variable, test, k, yes, no } = compares.step(at) {
                    let value = nr & variable.mask;
                    at = if if test == Test::Equal { value == k } else { value >= k } { yes } else { no };
                }
                let place = firsts.iter().rev().find(|&&(first, _)| first <= nr).unwrap().1;
                assert_eq!(
                    at,
                    if nr < 64 {
                        place
                    } else if nr < 128 {
                        c
                    } else {
                        b
                    },
                    "{nr} {hot} {price}"
                );
            }
        }
    }

    /// Against the definition, for every mask and bound of five bits.
    #[test]
    fn a_bound_at_a_power_of_two_is_a_bit_test() {
        for mask in 1..32_u32 {
            for p in 0..5 {
                let Some(first) = smallest_possible(mask, 1 << p) else { continue };
                let mut compares = Compares::default();
                let (below, above) = (compares.ret(0), compares.ret(1));
                let interval = |first, target| Interval { first, only: None, weight: 1, target };
                let variable = Variable { word: Word::low(0, Endian::Little), mask };
                let step = bit_test(&mut compares, variable, &[interval(0, below), interval(first, above)]);
                let Some(Step::Compare { variable: own, k, yes, .. }) = step.map(|step| compares.step(step)) else {
                    assert!(!first.is_power_of_two());
                    continue;
                };
                assert_eq!((own.mask, yes), (u32::MAX, above));
                for x in 0..64 {
                    assert_eq!(x & k != 0, x & mask >= first, "{mask:#b} {first} {x}");
                }
            }
        }
    }
}
