//! Programs for every objective mean the same, and each is good at what it is for.

use super::*;
use crate::generate::{Objective, Optimize, Weights, generate_for, plainest};
use crate::prove::{Budget, Verdict, policy_equals_program};

const ABIS: &[Abi] = &[Abi::X86_64, Abi::X86, Abi::X32];

fn objectives(weights: &Weights) -> Vec<Objective> {
    let mut objectives = Vec::new();
    for optimize in [Optimize::Size, Optimize::Balanced, Optimize::Speed] {
        for exhaustive in [false, true] {
            for weights in [None, Some(weights.clone())] {
                for bitmap in [false, true] {
                    objectives.push(Objective { optimize, exhaustive, weights: weights.clone(), bitmap });
                }
            }
        }
    }
    objectives
}

/// read in nine of ten calls, socket in the others.
fn mostly_read() -> Weights {
    Weights::of([((Abi::X86_64, 0), 9000), ((Abi::X86_64, 41), 1000)])
}

fn executed(program: &Program, nr: u32) -> usize {
    simulate(program, Endian::Little, &SyscallData::new(Abi::X86_64.token(), nr, [1; 6])).unwrap().executed
}

fn mean(program: &Program) -> f64 {
    (0..470).map(|nr| executed(program, nr)).sum::<usize>() as f64 / 470.0
}

#[test]
fn every_objective_gives_a_proven_program() {
    for abis in [&ABIS[..1], ABIS] {
        let policy = docker_like(abis);
        for objective in objectives(&mostly_read()) {
            let program = generate_for(&policy, &objective).unwrap();
            assert_eq!(admit(&program), Ok(()));
            assert_eq!(policy_equals_program(&policy, &program, Budget::default()), Verdict::Holds, "{objective:?}");
            keeps_the_bitmap(&policy, &program);
            assert_eq!(generate_for(&policy, &objective), Ok(program));
        }
        let program = plainest(&policy).unwrap();
        assert_eq!(policy_equals_program(&policy, &program, Budget::default()), Verdict::Holds);
    }
}

#[test]
fn size_is_smallest_and_speed_is_fastest() {
    for abis in [&ABIS[..1], ABIS] {
        for exhaustive in [false, true] {
            let of = |optimize| {
                let objective = Objective { optimize, exhaustive, bitmap: false, ..Objective::default() };
                generate_for(&docker_like(abis), &objective).unwrap()
            };
            let [size, balanced, speed] = [Optimize::Size, Optimize::Balanced, Optimize::Speed].map(of);
            assert!(size.instructions.len() <= balanced.instructions.len());
            assert!(size.instructions.len() < speed.instructions.len());
            assert!(mean(&speed) <= mean(&balanced) && mean(&speed) < mean(&size));
        }
    }
}

#[test]
fn the_rule_comes_near_the_best() {
    for abis in [&ABIS[..1], ABIS] {
        for optimize in [Optimize::Size, Optimize::Balanced, Optimize::Speed] {
            let of = |exhaustive| {
                let objective = Objective { optimize, exhaustive, bitmap: false, ..Objective::default() };
                let program = generate_for(&docker_like(abis), &objective).unwrap();
                (program.instructions.len() as f64, mean(&program))
            };
            let (ruled, best) = (of(false), of(true));
            match optimize {
                Optimize::Size => assert!(ruled.0 <= best.0 * 1.1, "{ruled:?} {best:?}"),
                Optimize::Speed => assert!(ruled.1 <= best.1 * 1.1, "{ruled:?} {best:?}"),
                Optimize::Balanced => {
                    assert!(ruled.0 <= best.0 * 1.1 && ruled.1 <= best.1 * 1.1, "{ruled:?} {best:?}");
                }
            }
        }
    }
}

/// Without the bitmap the hottest call is found by the first compare of a number, before x32 is told apart; with it the kernel
/// answers that call, and the one that arguments decide comes first.
#[test]
fn the_hottest_call_that_the_filter_runs_for_comes_first() {
    let of = |abis: &[Abi], bitmap| {
        let weights = Some(mostly_read());
        let objective = Objective { optimize: Optimize::Speed, weights, bitmap, ..Objective::default() };
        generate_for(&docker_like(abis), &objective).unwrap()
    };
    // ld arch, jeq, ld nr, jeq, ret. For three ABIs the same.
    assert_eq!(executed(&of(&ABIS[..1], false), 0), 5);
    assert_eq!(executed(&of(ABIS, false), 0), 5);
    let (with, without) = (of(ABIS, true), of(ABIS, false));
    assert!(executed(&with, 0) > 5);
    assert!(executed(&with, 41) < executed(&without, 41));
}

/// ENOSYS for what the kernel version doesn't have is folded into the search, not put in front of it.
#[test]
fn enosys_for_unknown_numbers_costs_little() {
    for optimize in [Optimize::Size, Optimize::Balanced] {
        for exhaustive in [false, true] {
            let objective = Objective { optimize, exhaustive, ..Objective::default() };
            let mut policy = docker_like(&[Abi::X86_64]);
            let before = generate_for(&policy, &objective).unwrap().instructions.len();
            policy.abis.get_mut(&Abi::X86_64).unwrap().rest = decision(Action::Errno(38));
            let after = generate_for(&policy, &objective).unwrap().instructions.len();
            assert!(after <= before + 2, "{before} {after} {objective:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn every_policy_is_its_program_for_every_objective(
        policy in policies(),
        which in 0_usize..24,
        counts in prop::collection::btree_map((0..Abi::ALL.len(), 0_u32..24), any::<u64>(), 0..9),
    ) {
        let weights = Weights::of(counts.into_iter().map(|((abi, nr), count)| ((Abi::ALL[abi], nr), count)));
        let objective = &objectives(&weights)[which];
        let program = generate_for(&policy, objective).unwrap();
        prop_assert_eq!(admit(&program), Ok(()));
        let verdict = policy_equals_program(&policy, &program, Budget::default());
        prop_assert!(!matches!(verdict, Verdict::Fails(_)), "{:?}", verdict);
        keeps_the_bitmap(&policy, &program);
    }
}
