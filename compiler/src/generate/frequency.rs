//! How often a search is made, by number: what a program is made short for.

use crate::abi::Abi;
use crate::action::Action;
use crate::graph::{Graph, Node, NodeId, Word};
use crate::measure::has_bitmap;
use crate::policy::{AbiPolicy, Policy};

use super::objective::{Objective, Weights};

/// What the numbers of an ABI weigh in all when nothing says how often they are called: a kernel's own, those of a
/// compatibility ABI, and x32, which hardly anything is built for.
const NATIVE_SHARE: u64 = 1 << 30;
const COMPAT_SHARE: u64 = 1 << 27;
const X32_SHARE: u64 = 1 << 20;

/// What all counted calls weigh together; the shares above break ties between them.
const COUNTED_SHARE: u64 = 1 << 36;

/// Longer than any table's block of consecutive numbers.
const BLOCK: u32 = 1024;

/// When the kernel caches what no argument decides, and nothing says how often a number is called, one that arguments decide
/// counts for so many others: for the others the filter runs once, while it is attached, or to refuse them.
const DECIDED_BY_ARGUMENTS: u64 = 4;

/// A number as a filter sees it, and how much it weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    token: u32,
    nr: u32,
    weight: u64,
}

/// The numbers that count.
pub(super) fn points(policy: &Policy, objective: &Objective) -> Vec<Point> {
    let mut points = Vec::new();
    for (&abi, listed) in &policy.abis {
        points.extend(alike(abi, listed, objective.bitmap && has_bitmap(abi)));
    }
    if let Some(weights) = &objective.weights {
        points.extend(counted(policy, weights, objective.bitmap));
    }
    points
}

/// Every number from an ABI's first to its last that the policy knows.
fn alike(abi: Abi, listed: &AbiPolicy, bitmap: bool) -> Vec<Point> {
    let (Some((&first, _)), Some((&last, _))) = (listed.calls.first_key_value(), listed.calls.last_key_value()) else {
        return Vec::new();
    };
    let share = match abi {
        Abi::X32 => X32_SHARE,
        _ if abi.native() == abi => NATIVE_SHARE,
        _ => COMPAT_SHARE,
    };
    // Numbers of a table's own block count whether they are named or not; numbers far off it (arm has some from 0xf0000 on)
    // only when they are.
    let end = first.saturating_add(BLOCK).min(last.saturating_add(1));
    let far = listed.calls.range(end..).map(|(&nr, _)| nr);
    let numbers: Vec<u32> = (first..end).chain(far).collect();
    let mut by_arguments = listed.calls.iter().filter(|(_, call)| bitmap && !call.clauses.is_empty()).peekable();
    let mut factors = vec![1; numbers.len()];
    for (factor, &nr) in factors.iter_mut().zip(&numbers) {
        if by_arguments.next_if(|&(&decided, _)| decided == nr).is_some() {
            *factor = DECIDED_BY_ARGUMENTS;
        }
    }
    let one = share / factors.iter().sum::<u64>().max(1);
    let point = |(nr, factor): (u32, u64)| Point { token: abi.token(), nr, weight: one * factor };
    numbers.into_iter().zip(factors).map(point).collect()
}

/// The calls that were counted, as far as the filter runs for them.
fn counted(policy: &Policy, weights: &Weights, bitmap: bool) -> Vec<Point> {
    let runs = |abi: Abi, nr: u32| {
        !(bitmap && has_bitmap(abi) && policy.abis.get(&abi).is_some_and(|listed| cacheable(listed, nr)))
    };
    let counts: Vec<_> = weights.counts().filter(|&((abi, nr), _)| runs(abi, nr)).collect();
    let total: u128 = counts.iter().map(|&(_, count)| u128::from(count)).sum();
    counts
        .into_iter()
        .map(|((abi, nr), count)| {
            let share = u128::from(count) * u128::from(COUNTED_SHARE) / total.max(1);
            // Not more than COUNTED_SHARE.
            Point { token: abi.token(), nr, weight: u64::try_from(share).unwrap_or(COUNTED_SHARE) }
        })
        .collect()
}

/// Whether a kernel with the bitmap lets this call through without running the filter.
fn cacheable(listed: &AbiPolicy, nr: u32) -> bool {
    match listed.calls.get(&nr) {
        Some(call) => call.clauses.is_empty() && call.otherwise.action == Action::Allow,
        None => listed.rest.action == Action::Allow,
    }
}

/// For each node that looks at the token or the number, the points that come to it.
pub(super) struct Flow {
    at: Vec<Vec<Point>>,
    /// What all points weigh.
    pub(super) total: u64,
}

impl Flow {
    pub(super) fn of(graph: &Graph, root: NodeId, points: Vec<Point>) -> Self {
        let total = points.iter().map(|point| point.weight).sum();
        let mut at: Vec<Vec<Point>> = vec![Vec::new(); root.index() + 1];
        at[root.index()] = points;
        for id in graph.reachable(root).into_iter().rev() {
            let Node::Switch { variable, arms } = graph.node(id) else { continue };
            if !matches!(variable.word, Word::NUMBER | Word::TOKEN) {
                continue;
            }
            for point in at[id.index()].clone() {
                let value = value(variable.word, point) & variable.mask;
                let target = arms[arms.partition_point(|arm| arm.last < value)].target;
                if let Node::Switch { variable: next, .. } = graph.node(target)
                    && matches!(next.word, Word::NUMBER | Word::TOKEN)
                {
                    at[target.index()].push(point);
                }
            }
        }
        Self { at, total }
    }

    /// The values of a word under a mask at a node, ascending, and what each weighs.
    pub(super) fn values(&self, node: NodeId, word: Word, mask: u32) -> Vec<(u32, u64)> {
        let mut values: Vec<_> =
            self.at[node.index()].iter().map(|&point| (value(word, point) & mask, point.weight)).collect();
        values.sort_unstable();
        values
    }
}

fn value(word: Word, point: Point) -> u32 {
    if word == Word::TOKEN { point.token } else { point.nr }
}
