//! What changes nothing for one call. Each law leaves the call as it is on all argument words.

use super::ways::{Way, Ways};
use crate::condition::Condition;
use crate::prove::{self, Budget, Part};

/// What one question about one call may cost; the calls of real policies cost a thousandth of it.
pub(super) const BUDGET: Budget = Budget { nodes: 500_000 };

/// The laws, one after the other; `None` when the prover's budget ends.
pub(super) fn simplified<M: Clone>(ways: Ways<M>) -> Option<Ways<M>> {
    if ways.clauses.is_empty() {
        return Some(ways);
    }
    only_what_is_needed(complement(refusals_as_one(only_what_is_needed(ways)?)))
}

/// A clause that decides nothing, or without which the same comes out, goes. Where the clauses leave no call over, the last
/// one needs no condition: `c1 → a, c2 → b, else c` = `c1 → a, else b` when `c1 || c2`.
pub(super) fn only_what_is_needed<M>(mut ways: Ways<M>) -> Option<Ways<M>> {
    let mut parts = prove::parts(&ways.call(), BUDGET)?;
    if !parts.reaches_otherwise
        && let Some(last) = parts.clauses.iter().rposition(|&part| part != Part::Hidden)
    {
        ways.clauses.truncate(last + 1);
        let last = ways.clauses.pop()?;
        ways.otherwise = (last.action, last.mark);
        parts = prove::parts(&ways.call(), BUDGET)?;
    }
    let mut parts = parts.clauses.into_iter();
    ways.clauses.retain(|_| parts.next() == Some(Part::Needed));
    Some(ways)
}

/// `!a → x, !b → x, else y` = `!(a && b) → x, else y`: what several policies refuse, each for its own reason, is what not all
/// of them let through.
fn refusals_as_one<M: Clone>(mut ways: Ways<M>) -> Ways<M> {
    let Some(last) = ways.clauses.last() else { return ways };
    let refused = |way: &&Way<M>| matches!(way.condition, Condition::Not(_)) && way.action == last.action;
    let alike = ways.clauses.iter().rev().take_while(refused).count();
    if alike < 2 {
        return ways;
    }
    let from = ways.clauses.len() - alike;
    let (action, mark) = (last.action, ways.clauses[from].mark.clone());
    let passed = ways.clauses.drain(from..).map(|way| not(way.condition));
    let condition = not(all(passed.collect()));
    ways.clauses.push(Way { condition, action, mark });
    ways
}

/// `!a → x, else y` = `a → y, else x`
fn complement<M>(mut ways: Ways<M>) -> Ways<M> {
    match ways.clauses.pop() {
        Some(Way { condition: Condition::Not(passed), action, mark }) => {
            let (passing, passing_mark) = std::mem::replace(&mut ways.otherwise, (action, mark));
            ways.clauses.push(Way { condition: *passed, action: passing, mark: passing_mark });
        }
        last => ways.clauses.extend(last),
    }
    ways
}

/// `!!a` = `a`
pub(super) fn not(condition: Condition) -> Condition {
    match condition {
        Condition::Not(inner) => *inner,
        other => Condition::Not(Box::new(other)),
    }
}

/// `a && (b && c)` = `a && b && c`, `a && true` = `a`
pub(super) fn all(parts: Vec<Condition>) -> Condition {
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Condition::Always => {}
            Condition::All(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    match flat.len() {
        0 => Condition::Always,
        1 => flat.remove(0),
        _ => Condition::All(flat),
    }
}

/// `a || (b || c)` = `a || b || c`
pub(super) fn any(parts: Vec<Condition>) -> Condition {
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Condition::Any(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    if flat.len() == 1 { flat.remove(0) } else { Condition::Any(flat) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Action;
    use crate::prove::Overlap;
    use crate::samples::word32;

    fn ways(clauses: &[(Condition, Action)], otherwise: Action) -> Ways<usize> {
        let clauses: Vec<_> = (0..)
            .zip(clauses)
            .map(|(mark, (condition, action))| Way { condition: condition.clone(), action: *action, mark })
            .collect();
        let mark = clauses.len();
        Ways { clauses, otherwise: (otherwise, mark) }
    }

    fn is(value: u64) -> Condition {
        word32(0, &[(value, value)])
    }

    fn up_to(value: u64) -> Condition {
        word32(0, &[(0, value)])
    }

    /// A law's outcome: the same call on all words, and these clauses.
    #[track_caller]
    fn check(law: impl Fn(Ways<usize>) -> Ways<usize>, before: &Ways<usize>, after: &Ways<usize>) {
        let found = law(before.clone());
        assert_eq!(prove::call_difference(&before.call(), &found.call(), BUDGET), Overlap::Never);
        assert_eq!(found, *after);
    }

    fn needed(ways: Ways<usize>) -> Ways<usize> {
        only_what_is_needed(ways).expect("a small call")
    }

    const ALLOW: Action = Action::Allow;
    const DENY: Action = Action::Errno(1);

    #[test]
    fn a_clause_that_is_hidden_goes() {
        let before = ways(&[(up_to(9), ALLOW), (is(3), Action::Log)], DENY);
        check(needed, &before, &Ways { clauses: vec![before.clauses[0].clone()], otherwise: (DENY, 2) });
    }

    #[test]
    fn a_clause_that_does_what_would_come_out_anyway_goes() {
        let before = ways(&[(is(3), DENY), (up_to(2), ALLOW), (is(9), DENY)], DENY);
        check(needed, &before, &Ways { clauses: vec![before.clauses[1].clone()], otherwise: (DENY, 3) });
        // Not one that keeps a later clause off.
        let before = ways(&[(is(3), DENY), (up_to(9), ALLOW)], DENY);
        check(needed, &before, &before);
    }

    #[test]
    fn clauses_that_leave_nothing_over_need_one_condition_less() {
        let before = ways(&[(up_to(9), ALLOW), (not(up_to(4)), DENY)], Action::KillProcess);
        check(needed, &before, &Ways { clauses: vec![before.clauses[0].clone()], otherwise: (DENY, 1) });
    }

    #[test]
    fn two_refusals_are_one() {
        let before = ways(&[(is(1), Action::Log), (not(up_to(9)), DENY), (not(is(3)), DENY)], ALLOW);
        let refused = Way { condition: not(all(vec![up_to(9), is(3)])), action: DENY, mark: 1 };
        check(
            refusals_as_one,
            &before,
            &Ways { clauses: vec![before.clauses[0].clone(), refused], otherwise: (ALLOW, 3) },
        );
        let before = ways(&[(not(up_to(9)), DENY), (not(is(3)), Action::Errno(2))], ALLOW);
        check(refusals_as_one, &before, &before);
    }

    #[test]
    fn what_is_refused_unless_is_passed_if() {
        let before = ways(&[(is(1), Action::Log), (not(up_to(9)), DENY)], ALLOW);
        let passed = Way { condition: up_to(9), action: ALLOW, mark: 2 };
        check(complement, &before, &Ways { clauses: vec![before.clauses[0].clone(), passed], otherwise: (DENY, 1) });
        let before = ways(&[(is(1), Action::Log)], ALLOW);
        check(complement, &before, &before);
    }
}
