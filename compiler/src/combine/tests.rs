//! Combined policies against the prover's own idea of what filters do together, and the algebra of the operations.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{CombineError, Rule, combine, intersect, minimise, stack, union};
use crate::abi::Abi;
use crate::action::Action;
use crate::call::SyscallData;
use crate::compile::compile;
use crate::condition::Condition;
use crate::condition::Width;
use crate::policy::{AbiPolicy, CallPolicy, Clause, FilterFlag, Policy};
use crate::prove::{Budget, Filter, Verdict, WordOrder, policies_equal};
use crate::samples::{always, atom, decision, docker_like, policies, policy, when, word32, word64};

const RULES: [Rule; 3] = [Rule::Stack, Rule::Union, Rule::Intersect];

fn filters(policies: &[Policy]) -> Vec<Filter<'_>> {
    policies.iter().map(Filter::Policy).collect()
}

#[track_caller]
fn proven(rule: Rule, inputs: &[Policy], combined: &Policy) {
    assert!(!combined.abis.is_empty());
    assert!(combined.foreign.keys().all(|abi| !combined.abis.contains_key(abi)));
    let verdict = rule.proof(&filters(inputs), Filter::Policy(combined), Budget::default());
    assert_eq!(verdict, Verdict::Holds, "{rule:?}");
}

#[track_caller]
fn same(a: &Policy, b: &Policy) {
    assert_eq!(policies_equal(a, b, Budget::default()), Verdict::Holds);
}

/// The pointwise rule by its definition, for one call.
fn by_definition(rule: Rule, inputs: &[Policy], data: &SyscallData) -> Action {
    let answers = inputs.iter().map(|policy| Action::from_ret(policy.decide(data).action.ret()));
    match rule {
        Rule::Union => answers.max(),
        Rule::Intersect => answers.min(),
        Rule::Stack => answers.reduce(|older, newer| {
            let severity = |action: Action| Action::from_ret(action.ret() & 0xffff_0000);
            if severity(older) < severity(newer) { older } else { newer }
        }),
    }
    .expect("an input")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_prover_finds_the_combination_right(inputs in prop::collection::vec(policies(), 1..4)) {
        for rule in RULES {
            let combined = combine(rule, &inputs).unwrap();
            proven(rule, &inputs, &combined.policy);
            for (&(abi, nr), args) in &combined.disputed {
                let data = SyscallData::new(abi.token(), nr, *args);
                let first = inputs[0].decide(&data).action;
                prop_assert!(inputs.iter().any(|input| input.decide(&data).action != first));
                // An opinion that is not the prover's.
                prop_assert_eq!(combined.policy.decide(&data).action, by_definition(rule, &inputs, &data));
            }
            for (number, deciders) in &combined.decided_by {
                prop_assert!(!deciders.is_empty());
                // A number that nobody disputes is decided alike by all; then it's enough that someone is named.
                if combined.disputed.contains_key(number) {
                    prop_assert!(deciders.iter().all(|&input| input < inputs.len()));
                }
            }
        }
    }

    #[test]
    fn deciders_are_those_without_whom_something_changes(inputs in prop::collection::vec(policies(), 2..4)) {
        // Who decides no call of any number can be left out, as far as the listed ABIs go.
        let combined = combine(Rule::Stack, &inputs).unwrap();
        for left_out in 0..inputs.len() {
            let mut others = inputs.clone();
            others.remove(left_out);
            let without = stack(&others).unwrap();
            for (&(abi, nr), deciders) in &combined.decided_by {
                let call = |policy: &Policy| policy.abis.get(&abi).and_then(|listed| listed.calls.get(&nr)).cloned();
                let (Some(with), Some(without)) = (call(&combined.policy), call(&without)) else { continue };
                if !deciders.contains(&left_out) {
                    let difference = crate::prove::call_difference(&with, &without, Budget::default());
                    prop_assert_eq!(difference, crate::prove::Overlap::Never);
                }
            }
        }
    }

    #[test]
    fn union_and_intersection_are_a_lattice(a in policies(), b in policies(), c in policies()) {
        for (join, meet) in [(union as fn(&[Policy]) -> _, intersect as fn(&[Policy]) -> _), (intersect, union)] {
            let two = |operation: fn(&[Policy]) -> Result<Policy, CombineError>, a: &Policy, b: &Policy| {
                operation(&[a.clone(), b.clone()]).unwrap()
            };
            same(&two(join, &a, &b), &two(join, &b, &a));
            same(&two(join, &a, &a), &a);
            let three = join(&[a.clone(), b.clone(), c.clone()]).unwrap();
            same(&two(join, &two(join, &a, &b), &c), &three);
            same(&two(join, &a, &two(join, &b, &c)), &three);
            same(&two(join, &a, &two(meet, &a, &b)), &a);
        }
    }

    #[test]
    fn a_stack_is_associative_and_idempotent(a in policies(), b in policies(), c in policies()) {
        let two = |a: &Policy, b: &Policy| stack(&[a.clone(), b.clone()]).unwrap();
        let three = stack(&[a.clone(), b.clone(), c.clone()]).unwrap();
        same(&two(&two(&a, &b), &c), &three);
        same(&two(&a, &two(&b, &c)), &three);
        same(&two(&a, &a), &a);
    }

    #[test]
    fn what_changes_nothing_goes_and_the_rest_stays(policy in policies()) {
        let smaller = minimise(&policy).unwrap();
        same(&smaller, &policy);
        prop_assert_eq!(&minimise(&smaller).unwrap(), &smaller);
        let clauses = |policy: &Policy| {
            policy.abis.values().flat_map(|listed| listed.calls.values()).map(|call| call.clauses.len()).sum::<usize>()
        };
        prop_assert!(clauses(&smaller) <= clauses(&policy));
        // Every clause that is left is needed: without it a call changes.
        for call in smaller.abis.values().flat_map(|listed| listed.calls.values()) {
            for left_out in 0..call.clauses.len() {
                let mut without = call.clone();
                without.clauses.remove(left_out);
                let difference = crate::prove::call_difference(call, &without, Budget::default());
                prop_assert_ne!(difference, crate::prove::Overlap::Never);
            }
        }
    }
}

#[test]
fn the_prover_notices_a_wrong_combination() {
    let allowing = policy([(Abi::X86_64, BTreeMap::from([(0, always(Action::Allow)), (1, always(Action::Allow))]))]);
    let other = policy([(Abi::X86_64, BTreeMap::from([(0, always(Action::Allow)), (1, always(Action::Errno(5)))]))]);
    let inputs = [allowing.clone(), other.clone()];
    let mut found = Vec::new();
    for (rule, wrong) in [(Rule::Stack, &allowing), (Rule::Union, &other), (Rule::Intersect, &allowing)] {
        let verdict = rule.proof(&filters(&inputs), Filter::Policy(wrong), Budget::default());
        let Verdict::Fails(witness) = verdict else { panic!("{verdict:?}") };
        assert_eq!(witness.data, SyscallData::new(Abi::X86_64.token(), 1, [0; 6]));
        assert_eq!(witness.left, by_definition(rule, &inputs, &witness.data));
        found.push((witness.left, witness.right));
    }
    let (allow, five) = (Action::Allow, Action::Errno(5));
    assert_eq!(found, [(five, allow), (allow, five), (five, allow)]);
}

#[test]
fn of_equal_actions_the_newest_filter_s_data_counts() {
    let answers = |errno| policy([(Abi::X86_64, BTreeMap::from([(0, always(Action::Errno(errno)))]))]);
    let inputs = [answers(38), answers(1), answers(13)];
    let of = |policy: &Policy| policy.decide(&SyscallData::new(Abi::X86_64.token(), 0, [0; 6])).action;
    assert_eq!(of(&stack(&inputs).unwrap()), Action::Errno(13));
    assert_eq!(of(&union(&inputs).unwrap()), Action::Errno(38), "the fallback goes on working");
    assert_eq!(of(&intersect(&inputs).unwrap()), Action::Errno(1));
}

#[test]
fn severity_is_the_kernel_s() {
    // kernel/seccomp.c: the smallest signed return value.
    let order = [
        Action::KillProcess,
        Action::KillThread,
        Action::Trap(9),
        Action::Errno(1),
        Action::Notify,
        Action::Trace(0),
        Action::Log,
        Action::Allow,
    ];
    let one = |action| policy([(Abi::X86_64, BTreeMap::from([(0, always(action))]))]);
    let of = |policy: &Policy| policy.decide(&SyscallData::new(Abi::X86_64.token(), 0, [0; 6])).action;
    for (index, &severe) in order.iter().enumerate() {
        for &mild in &order[index..] {
            for inputs in [[one(severe), one(mild)], [one(mild), one(severe)]] {
                assert_eq!(of(&stack(&inputs).unwrap()), severe);
                assert_eq!(of(&intersect(&inputs).unwrap()), severe);
                assert_eq!(of(&union(&inputs).unwrap()), mild);
            }
        }
    }
}

#[test]
fn an_abi_that_one_input_does_not_list_is_decided_by_both() {
    let calls = || BTreeMap::from([(0, always(Action::Allow))]);
    let one = policy([(Abi::X86_64, calls())]);
    let two = policy([(Abi::X86_64, calls()), (Abi::X86, BTreeMap::from([(3, always(Action::Allow))]))]);
    let inputs = [one, two];
    let stacked = stack(&inputs).unwrap();
    assert_eq!(stacked.abis.keys().collect::<Vec<_>>(), [&Abi::X86_64], "x86 is killed by the first");
    assert_eq!(stacked.foreign, BTreeMap::new());
    let united = union(&inputs).unwrap();
    assert_eq!(united.abis.keys().collect::<Vec<_>>(), [&Abi::X86_64, &Abi::X86]);
    for (rule, combined) in [(Rule::Stack, &stacked), (Rule::Union, &united)] {
        proven(rule, &inputs, combined);
    }
    // Nothing in common: every call is killed, and the policy still lists ABIs.
    let apart = [policy([(Abi::X86_64, calls())]), policy([(Abi::Aarch64, calls())])];
    let nothing = stack(&apart).unwrap();
    assert_eq!(nothing.abis.len(), 2);
    assert_eq!(nothing.actions(), [Action::KillProcess]);
    proven(Rule::Stack, &apart, &nothing);
}

#[test]
fn foreign_abis_and_the_others_are_exact() {
    let mut one = policy([(Abi::X86_64, BTreeMap::new())]);
    one.foreign.insert(Abi::X86, decision(Action::Errno(38)));
    one.other = decision(Action::Errno(1));
    let mut two = policy([(Abi::X86_64, BTreeMap::new())]);
    two.foreign.insert(Abi::Arm, decision(Action::Allow));
    two.other = decision(Action::Trap(0));
    let inputs = [one, two];
    for rule in RULES {
        let combined = combine(rule, &inputs).unwrap().policy;
        proven(rule, &inputs, &combined);
    }
    let united = union(&inputs).unwrap();
    assert_eq!(united.other.action, Action::Errno(1));
    assert_eq!(united.foreign.keys().collect::<Vec<_>>(), [&Abi::X86, &Abi::Arm]);
}

/// How long the combined clauses of one call are, in tests.
fn tests_of(call: &CallPolicy) -> usize {
    let mut tests = 0;
    call.clauses.iter().for_each(|clause| clause.condition.atoms(&mut |_| tests += 1));
    tests
}

fn only_call(policy: &Policy) -> &CallPolicy {
    policy.abis[&Abi::X86_64].calls.values().next().expect("a call")
}

#[test]
fn clauses_are_not_multiplied() {
    // Eight policies that allow a call for twenty values of an argument of their own, each an alternative of its own.
    let inputs: Vec<_> = (0..6_u8)
        .map(|arg| {
            let clauses = (0..20_u64).map(|value| Clause {
                condition: word32(arg, &[(value * 3, value * 3)]),
                decision: decision(Action::Allow),
            });
            let call = CallPolicy { clauses: clauses.collect(), otherwise: decision(Action::Errno(1)) };
            policy([(Abi::X86_64, BTreeMap::from([(16, call)]))])
        })
        .collect();
    for rule in RULES {
        let combined = combine(rule, &inputs).unwrap().policy;
        proven(rule, &inputs, &combined);
        assert!(tests_of(only_call(&combined)) <= 6 * 20, "{rule:?}: {}", tests_of(only_call(&combined)));
    }
    let stacked = stack(&inputs).unwrap();
    assert_eq!(only_call(&stacked).clauses.len(), 1, "allowed when all of six conditions hold");
}

#[test]
fn a_constant_side_leaves_the_clauses_as_they_are() {
    let condition = word32(0, &[(1, 1), (3, 9)]);
    let asked = policy([(Abi::X86_64, BTreeMap::from([(16, when(condition.clone()))]))]);
    let constant = |action| policy([(Abi::X86_64, BTreeMap::from([(16, always(action))]))]);
    let with = |rule, action| combine(rule, &[asked.clone(), constant(action)]).unwrap().policy;
    assert_eq!(only_call(&with(Rule::Stack, Action::Allow)), &when(condition.clone()));
    assert_eq!(only_call(&with(Rule::Union, Action::Errno(1))), &when(condition.clone()));
    assert_eq!(only_call(&with(Rule::Stack, Action::KillProcess)), &always(Action::KillProcess));
    assert_eq!(only_call(&with(Rule::Union, Action::Allow)), &always(Action::Allow));
    // Log lets it through and is more severe than allow: it takes the allowed calls, and the others stay.
    let logged = with(Rule::Stack, Action::Log);
    assert_eq!(only_call(&logged).clauses[0].condition, condition);
    assert_eq!(only_call(&logged).clauses[0].decision.action, Action::Log);
}

#[test]
fn the_same_policy_twice_is_the_same_text() {
    let docker = docker_like(&[Abi::X86_64, Abi::X86, Abi::X32]);
    for rule in RULES {
        let combined = combine(rule, &[docker.clone(), docker.clone(), docker.clone()]).unwrap();
        assert_eq!(combined.policy, docker);
        assert!(combined.disputed.is_empty());
    }
}

#[test]
fn the_program_of_a_stack_is_proven_against_the_programs_of_its_filters() {
    let mut inputs = vec![docker_like(&[Abi::X86_64, Abi::X86])];
    let narrow = |arg, ranges: &[(u64, u64)]| when(word64(arg, ranges));
    for arg in 0..4_u8 {
        let mut calls = inputs[0].abis[&Abi::X86_64].calls.clone();
        calls.insert(41, narrow(arg, &[(0, 2), (10, 16)]));
        calls.insert(16, when(atom(arg, Width::W32, 0xff00, &[(0x5400, 0x5400)])));
        calls.insert(200 + u32::from(arg), always(Action::Errno(38)));
        let mut input = inputs[0].clone();
        input.abis.insert(Abi::X86_64, AbiPolicy { calls, rest: decision(Action::Errno(1)) });
        inputs.push(input);
    }
    let programs: Vec<_> = inputs.iter().map(|input| compile(input).unwrap().program).collect();
    let stacked = stack(&inputs).unwrap();
    let merged = compile(&stacked).unwrap().program;
    let order = WordOrder::of(&stacked);
    let filters: Vec<_> = programs.iter().map(|program| Filter::Program(program, order)).collect();
    let verdict = Rule::Stack.proof(&filters, Filter::Program(&merged, order), Budget::default());
    assert_eq!(verdict, Verdict::Holds);
    let sum: usize = programs.iter().map(|program| program.instructions.len()).sum();
    assert!(merged.instructions.len() * 3 < sum, "{} of {sum}", merged.instructions.len());
}

#[test]
fn numbers_that_no_table_names_go_when_they_do_what_the_rest_does() {
    let mut calls = BTreeMap::from([(0, always(Action::Errno(1))), (5000, always(Action::Errno(1)))]);
    calls.insert(5001, always(Action::Allow));
    let mut one = policy([(Abi::X86_64, calls)]);
    one.foreign.insert(Abi::Arm, decision(Action::KillProcess));
    one.foreign.insert(Abi::X86, decision(Action::Allow));
    let smaller = minimise(&one).unwrap();
    same(&smaller, &one);
    assert_eq!(smaller.abis[&Abi::X86_64].calls.keys().collect::<Vec<_>>(), [&0, &5001], "read has a name");
    assert_eq!(smaller.foreign.keys().collect::<Vec<_>>(), [&Abi::X86]);
}

fn with(flags: &[FilterFlag], listener: Option<&str>, action: Action) -> Policy {
    let mut made = policy([(Abi::X86_64, BTreeMap::from([(0, always(action))]))]);
    made.flags = flags.to_vec();
    made.listener = listener.map(str::to_owned);
    made
}

#[test]
fn flags_are_those_the_kernel_would_act_on() {
    use FilterFlag::{Log, SpecAllow, Tsync, WaitKillableRecv};
    let made = |flags: &[FilterFlag]| with(flags, None, Action::Allow);
    let flags = |rule, inputs: &[Policy]| combine(rule, inputs).map(|combined| combined.policy.flags);
    let some = [made(&[Tsync, Log, SpecAllow]), made(&[Tsync, Log])];
    assert_eq!(flags(Rule::Stack, &some), Ok(vec![Tsync, Log]), "one filter without it keeps the mitigation");
    assert_eq!(flags(Rule::Stack, &[made(&[SpecAllow]), made(&[SpecAllow])]), Ok(vec![SpecAllow]));
    let not_all = [made(&[]), made(&[Log])];
    assert_eq!(flags(Rule::Stack, &not_all), Err(CombineError::FlagOfSome { flag: Log, with: 1, without: 0 }));
    assert_eq!(flags(Rule::Union, &not_all), Ok(vec![Log]));
    assert_eq!(flags(Rule::Intersect, &[made(&[WaitKillableRecv, SpecAllow]), made(&[])]), Ok(vec![WaitKillableRecv]));
}

#[test]
fn a_stack_has_one_listener() {
    let listener = Some("/run/a.sock");
    let notifying = with(&[], listener, Action::Notify);
    let plain = with(&[], None, Action::Allow);
    assert_eq!(stack(&[plain.clone(), notifying.clone()]).unwrap().listener.as_deref(), listener);
    assert_eq!(stack(&[notifying.clone(), notifying.clone()]), Err(CombineError::TwoListeners(0, 1)));
    assert_eq!(union(&[notifying.clone(), notifying.clone()]).unwrap().listener.as_deref(), listener);
    let other = with(&[], Some("/run/b.sock"), Action::Allow);
    assert_eq!(union(&[notifying.clone(), other]), Err(CombineError::DifferentListeners(0, 1)));
    let silent = with(&[], None, Action::Notify);
    assert_eq!(stack(&[notifying, silent.clone()]), Err(CombineError::NotifiesAlone { silent: 1, with_listener: 0 }));
    assert!(stack(&[silent.clone(), silent]).is_ok());
}

#[test]
fn nothing_combines_to_nothing() {
    for rule in RULES {
        assert_eq!(combine(rule, &[]), Err(CombineError::Nothing));
    }
}

#[test]
fn what_is_too_entangled_is_said_so() {
    // Masks over several words whose "or" has no small diagram in any order, times several policies.
    let input = |seed: u64| {
        let clauses = (0..40_u64).map(|index| {
            let parts = (0..6_u8).map(|arg| {
                let mask = (seed + 1)
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                    .rotate_left((index * 7 + u64::from(arg) * 11) as u32);
                atom(arg, Width::W64, mask, &[(mask & 0x5555_5555_5555_5555, mask & 0x5555_5555_5555_5555)])
            });
            Clause { condition: Condition::All(parts.collect()), decision: decision(Action::Allow) }
        });
        let call = CallPolicy { clauses: clauses.collect(), otherwise: decision(Action::Errno(1)) };
        policy([(Abi::X86_64, BTreeMap::from([(16, call)]))])
    };
    let inputs: Vec<_> = (0..3).map(input).collect();
    assert_eq!(stack(&inputs), Err(CombineError::TooEntangled { abi: Abi::X86_64, nr: 16 }));
}
