//! Cubes against the call they were made of.

use proptest::prelude::*;

use super::inputs::{all_args, atom, call, is, some_call};
use crate::action::Action;
use crate::condition::{Condition, Width};
use crate::prove::{Cube, TooMany, cover_for, cubes, cubes_for};

/// Random conditions on three words can take millions of cubes; those are passed over.
const FEW: usize = 2_000;

/// Whether two cubes hold for no arguments together: some bit that both look at differs.
fn disjoint(a: &Cube, b: &Cube) -> bool {
    (0..6).any(|arg| (a.value[arg] ^ b.value[arg]) & a.mask[arg] & b.mask[arg] != 0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn cubes_are_disjoint_and_say_what_the_call_does(call in some_call()) {
        let Ok(cubes) = cubes(&call, FEW) else { return Ok(()) };
        prop_assert!(cubes.iter().all(|(cube, _)| (0..6).all(|arg| cube.value[arg] & !cube.mask[arg] == 0)));
        for (index, (cube, _)) in cubes.iter().enumerate().take(200) {
            prop_assert!(cubes[..index].iter().all(|(other, _)| disjoint(cube, other)));
        }
        for args in all_args().step_by(31) {
            let action = Action::from_ret(call.decide(&args).action.ret());
            let holding: Vec<_> = cubes.iter().filter(|(cube, _)| cube.holds(&args)).collect();
            prop_assert_eq!(holding.len(), 1);
            prop_assert_eq!(holding[0].1, action);
        }
    }

    #[test]
    fn kept_cubes_hold_exactly_where_the_kept_action_is(call in some_call()) {
        let Ok(kept) = cubes_for(&call, |action| action == Action::Allow, FEW) else { return Ok(()) };
        prop_assert!(kept.iter().all(|&(_, action)| action == Action::Allow));
        for args in all_args().step_by(7) {
            let holding = kept.iter().filter(|(cube, _)| cube.holds(&args)).count();
            prop_assert_eq!(holding, usize::from(call.decide(&args).action == Action::Allow));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_cover_holds_exactly_where_its_actions_are(call in some_call()) {
        let keep = |action| action != Action::KillProcess;
        let Ok(cover) = cover_for(&call, keep, FEW) else { return Ok(()) };
        prop_assert!(cubes_for(&call, keep, FEW).map_or(true, |cubes| cover.len() <= cubes.len()));
        for args in all_args().step_by(7) {
            let action = Action::from_ret(call.decide(&args).action.ret());
            let mut holding = cover.iter().filter(|(cube, _)| cube.holds(&args)).map(|&(_, action)| action).peekable();
            prop_assert_eq!(holding.peek().is_some(), keep(action));
            prop_assert!(holding.all(|held| held == action));
        }
    }
}

fn allowed(condition: Condition) -> usize {
    let call = call(&[(condition, Action::Allow)], Action::Errno(1));
    cubes_for(&call, Action::permits, FEW).unwrap().len()
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

#[test]
fn common_conditions_are_few_cubes() {
    let set = |arg, values: &[u64]| {
        let ranges: Vec<_> = values.iter().map(|&value| (value, value)).collect();
        atom(arg, Width::W32, u64::MAX, &ranges)
    };
    assert_eq!(allowed(Condition::Always), 1);
    assert_eq!(allowed(is(0, 3)), 1);
    assert_eq!(allowed(not(atom(1, Width::W32, 0xf, &[(3, 3)]))), 4);
    assert_eq!(allowed(atom(0, Width::W32, 0x7e02_0000, &[(0, 0)])), 1);
    assert_eq!(allowed(set(0, &[0, 8, 0x20000, 0x20008, 0xffff_ffff])), 2);
    assert_eq!(allowed(set(1, &[0x5401, 0x5421, 0x8912, 0x89ff])), 3);
    assert_eq!(allowed(not(is(0, 16))), 32);
    assert_eq!(allowed(atom(0, Width::W64, u64::MAX, &[(0, 0xffff)])), 1);
    let two = Condition::All(vec![set(0, &[1, 4, 10]), not(atom(1, Width::W32, 0xf, &[(3, 3)]))]);
    assert_eq!(allowed(two), 12);
}

#[test]
fn the_order_of_the_arguments_is_the_one_with_fewest_cubes() {
    // arg0 == 1 and arg1 == 1, or arg1 == 2: tested arg0 first, "not 1" would cost 32 cubes.
    let either = Condition::Any(vec![Condition::All(vec![is(0, 1), is(1, 1)]), is(1, 2)]);
    assert_eq!(allowed(either), 2);
}

#[test]
fn a_cover_says_alternatives_as_alternatives() {
    let cover = |condition: Condition| {
        let call = call(&[(condition, Action::Allow)], Action::Errno(1));
        cover_for(&call, Action::permits, 32).unwrap().len()
    };
    assert_eq!(cover(Condition::Any(vec![is(0, 1), is(1, 2), is(2, 3)])), 3);
    assert_eq!(cover(Condition::Any(Vec::new())), 0);
    assert_eq!(cover(Condition::Always), 1);
    assert_eq!(cover(not(is(0, 16))), 32);
}

#[test]
fn the_limit_counts_kept_cubes_only() {
    let call = call(&[(is(0, 3), Action::Allow)], Action::Errno(1));
    assert_eq!(cubes(&call, 32), Err(TooMany { limit: 32 }));
    assert_eq!(cubes(&call, 33).unwrap().len(), 33);
    assert_eq!(
        cubes_for(&call, Action::permits, 1).unwrap()[0].0,
        Cube { mask: [0xffff_ffff, 0, 0, 0, 0, 0], value: [3, 0, 0, 0, 0, 0] }
    );
}
