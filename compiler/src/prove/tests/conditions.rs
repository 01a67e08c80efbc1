//! Questions about conditions against asking the condition itself.

use proptest::prelude::*;

use super::inputs::{all_args, atom, is, some_call, some_condition};
use crate::action::Action;
use crate::condition::{Condition, Width};
use crate::policy::CallPolicy;
use crate::prove::{Budget, Implication, Overlap, call_difference, implies, overlap, satisfiable};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn overlap_is_what_both_say(a in some_condition(), b in some_condition()) {
        match overlap(&a, &b, Budget::default()) {
            Overlap::Never => prop_assert!(!all_args().any(|args| a.holds(&args) && b.holds(&args))),
            Overlap::At(args) => prop_assert!(a.holds(&args) && b.holds(&args)),
            Overlap::Undecided => prop_assert!(false, "undecided"),
        }
    }

    #[test]
    fn implication_is_what_both_say(a in some_condition(), b in some_condition()) {
        match implies(&a, &b, Budget::default()) {
            Implication::Holds => prop_assert!(!all_args().any(|args| a.holds(&args) && !b.holds(&args))),
            Implication::Fails(args) => prop_assert!(a.holds(&args) && !b.holds(&args)),
            Implication::Undecided => prop_assert!(false, "undecided"),
        }
    }

    #[test]
    fn a_call_difference_is_what_both_decide(call in some_call(), without in any::<prop::sample::Index>()) {
        prop_assume!(!call.clauses.is_empty());
        let mut shorter = call.clone();
        shorter.clauses.remove(without.index(call.clauses.len()));
        let action = |call: &CallPolicy, args: &[u64; 6]| Action::from_ret(call.decide(args).action.ret());
        match call_difference(&call, &shorter, Budget::default()) {
            Overlap::Never => prop_assert!(all_args().all(|args| action(&call, &args) == action(&shorter, &args))),
            Overlap::At(args) => prop_assert_ne!(action(&call, &args), action(&shorter, &args)),
            Overlap::Undecided => prop_assert!(false, "undecided"),
        }
    }

    #[test]
    fn a_small_budget_never_answers_wrongly(a in some_condition(), b in some_condition(), nodes in 0..200usize) {
        let answer = overlap(&a, &b, Budget { nodes });
        if answer != Overlap::Undecided {
            prop_assert_eq!(answer, overlap(&a, &b, Budget::default()));
        }
    }
}

#[test]
fn a_condition_and_its_opposite_exclude_each_other() {
    let is_three = is(2, 3);
    let not_three = Condition::Not(Box::new(is_three.clone()));
    assert_eq!(overlap(&is_three, &not_three, Budget::default()), Overlap::Never);
    assert_eq!(satisfiable(&is_three, Budget::default()), Overlap::At([0, 0, 3, 0, 0, 0]));
    assert_eq!(satisfiable(&Condition::Any(Vec::new()), Budget::default()), Overlap::Never);
    // 64 bits wide, {3} is less than the low word's {3}.
    let wide = atom(2, Width::W64, u64::MAX, &[(3, 3)]);
    assert_eq!(implies(&wide, &is_three, Budget::default()), Implication::Holds);
    assert_eq!(implies(&is_three, &wide, Budget::default()), Implication::Fails([0, 0, 0x1_0000_0003, 0, 0, 0]));
}

#[test]
fn a_mask_reads_as_zero_where_it_is_zero() {
    let impossible = atom(0, Width::W32, 4, &[(3, 3)]);
    assert_eq!(satisfiable(&impossible, Budget::default()), Overlap::Never);
    let any_but_one_bit = atom(0, Width::W64, 4, &[(0, 3)]);
    assert_eq!(implies(&any_but_one_bit, &atom(0, Width::W64, 4, &[(0, 0)]), Budget::default()), Implication::Holds);
}
