//! Two ABIs under one token: x32's numbers are mostly x86-64's with bit 30 set, and decided alike.

use super::{Arm, Graph, Variable, Word, laws};
use crate::abi::X32_BIT;

/// The number without what tells the twins apart.
const NUMBER_BITS: Variable = Variable { word: Word::NUMBER, mask: X32_BIT - 1 };

/// Numbers with bit 30 and not bit 31 end here.
const LAST_SHARED: u32 = 2 * X32_BIT - 1;

/// Shares the search among numbers below bit 30 with those that have it: `f(n) = g(n & (2^30 - 1))` below it, and with it
/// `f(n) = if n & (2^30 - 1) is where the twins differ: its own decision, else g(n & (2^30 - 1))`.
///
/// `None` when the twins differ in so much that two separate searches are as small.
pub(super) fn share(graph: &mut Graph, arms: &[Arm]) -> Option<Vec<Arm>> {
    let below = between(arms, 0, X32_BIT - 1);
    let above = between(arms, X32_BIT, LAST_SHARED);
    let below: Vec<Arm> = below.into_iter().map(|arm| Arm { last: arm.last & NUMBER_BITS.mask, ..arm }).collect();
    let above: Vec<Arm> = above.into_iter().map(|arm| Arm { last: arm.last & NUMBER_BITS.mask, ..arm }).collect();
    let native = graph.switch(NUMBER_BITS, below.clone());
    let mut differences = Vec::new();
    let (mut one, mut other) = (below.iter().peekable(), above.iter().peekable());
    while let (Some(own), Some(twin)) = (one.peek(), other.peek()) {
        let last = own.last.min(twin.last);
        differences.push(Arm { last, target: if own.target == twin.target { native } else { twin.target } });
        let (next_one, next_other) = (own.last == last, twin.last == last);
        if next_one {
            one.next();
        }
        if next_other {
            other.next();
        }
    }
    let differences = laws::merge_neighbours(differences);
    // The mask costs an instruction, and a difference next to another decision than it has may cost two compares.
    if differences.len() + 1 >= above.len() {
        return None;
    }
    let twin = graph.switch(NUMBER_BITS, differences);
    let rest = between(arms, LAST_SHARED + 1, u32::MAX);
    let shared = [Arm { last: X32_BIT - 1, target: native }, Arm { last: LAST_SHARED, target: twin }];
    Some(shared.into_iter().chain(rest).collect())
}

/// The arms within `first..=last`, cut to it.
fn between(arms: &[Arm], first: u32, last: u32) -> Vec<Arm> {
    let from = arms.partition_point(|arm| arm.last < first);
    let mut inside: Vec<Arm> = arms[from..].iter().copied().take_while(|arm| arm.last < last).collect();
    inside.extend(arms.get(from + inside.len()).map(|arm| Arm { last, ..*arm }));
    inside
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Action;
    use crate::graph::NodeId;

    #[test]
    fn sharing_changes_no_decision() {
        let mut graph = Graph::default();
        let [a, b, c] = [Action::Allow, Action::Errno(1), Action::KillProcess].map(|action| graph.leaf(action));
        let points = |base: u32, odd: NodeId| {
            let low = (0..20).map(move |n| Arm { last: base + n * 3, target: if n % 2 == 0 { a } else { b } });
            low.chain([Arm { last: base + 70, target: odd }, Arm { last: base + X32_BIT - 1, target: b }])
        };
        let ends = [Arm { last: u32::MAX - 1, target: b }, Arm { last: u32::MAX, target: c }];
        let arms: Vec<_> = points(0, a).chain(points(X32_BIT, c)).chain(ends).collect();
        let shared = share(&mut graph, &arms).unwrap();
        assert!(shared.len() <= 4);
        let before = graph.switch(Variable::whole(Word::NUMBER), arms);
        let after = graph.switch(Variable::whole(Word::NUMBER), shared);
        let edges = [X32_BIT - 1, 2 * X32_BIT - 1, 2 * X32_BIT, u32::MAX - 1, u32::MAX];
        for number in (0..80).flat_map(|n| [n, n + X32_BIT, n + 2 * X32_BIT]).chain(edges) {
            assert_eq!(graph.end(before, &|_| number), graph.end(after, &|_| number), "{number:#x}");
        }
        assert!(graph.size(after) < graph.size(before) - 15);
    }

    #[test]
    fn strangers_stay_apart() {
        let mut graph = Graph::default();
        let [a, b] = [Action::Allow, Action::Errno(1)].map(|action| graph.leaf(action));
        let arms =
            [Arm { last: 9, target: a }, Arm { last: X32_BIT - 1, target: b }, Arm { last: u32::MAX, target: a }];
        assert_eq!(share(&mut graph, &arms), None);
    }
}
