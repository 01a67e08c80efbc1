//! Policies and programs made to be hard: each ends with an answer or with "undecided", within what the budget pays for.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use callgate_compiler::abi::{Abi, Endian};
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Instruction, Program, admit};
use callgate_compiler::compile::{CompileError, compile};
use callgate_compiler::condition::{Atom, Condition, ValueSet, Width};
use callgate_compiler::policy::{AbiPolicy, CallPolicy, Cause, Clause, Decision, Policy};
use callgate_compiler::prove::{
    Budget, Cost, Filter, Relation, Verdict, WordOrder, policy_equals_program, prove_at_cost,
};

/// Steps that a node of the budget pays for.
const STEPS_PER_NODE: usize = 20;

fn decision(action: Action) -> Decision {
    Decision { action, cause: Cause::UnlistedAbi }
}

/// Words that look random and are the same every time: splitmix64.
struct Words(u64);

impl Words {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

/// One call that is allowed when one of many random rules holds.
fn policy(rules: usize, arguments: u8, masked: bool) -> Policy {
    let mut words = Words(rules as u64);
    let mut test = |arg| {
        let mask = if masked { words.next() & words.next() } else { u64::MAX };
        Condition::Atom(Atom { arg, width: Width::W64, mask, values: ValueSet::one(words.next() & mask) })
    };
    let clauses = (0..rules)
        .map(|_| Clause {
            condition: Condition::All((0..arguments).map(&mut test).collect()),
            decision: decision(Action::Allow),
        })
        .collect();
    let calls = BTreeMap::from([(16, CallPolicy { clauses, otherwise: decision(Action::Errno(1)) })]);
    Policy {
        abis: BTreeMap::from([(Abi::X86_64, AbiPolicy { calls, rest: decision(Action::Errno(1)) })]),
        foreign: BTreeMap::new(),
        other: decision(Action::KillProcess),
        flags: Vec::new(),
        listener: None,
        listener_metadata: None,
    }
}

#[test]
fn entangled_policies_are_compiled_and_proven_or_refused() {
    let mut proven = 0;
    for (rules, arguments, masked) in
        [(40, 1, false), (20, 3, false), (300, 2, false), (20, 2, true), (40, 2, true), (30, 6, true), (200, 6, true)]
    {
        let policy = policy(rules, arguments, masked);
        match compile(&policy) {
            Ok(compiled) => {
                assert_eq!(admit(&compiled.program), Ok(()));
                let verdict = policy_equals_program(&policy, &compiled.program, Budget::default());
                assert_eq!(verdict, Verdict::Holds);
                proven += 1;
            }
            Err(CompileError::Wrong(witness)) => panic!("{rules} rules of {arguments}: {witness:?}"),
            Err(error) => {
                assert!(error.to_string().contains("next:") || error.to_string().contains("fewer"), "{error}");
            }
        }
    }
    assert!(proven >= 3, "{proven}");
}

/// The cost of comparing a program with itself, changed where it ends, and the verdict.
fn cost(instructions: &[Instruction], nodes: usize) -> (Verdict, Cost) {
    let one = Program::new(instructions.to_vec());
    let mut other = one.clone();
    other.instructions.last_mut().unwrap().k = Action::KillThread.ret();
    assert_eq!(admit(&one), Ok(()));
    let filter = |program| Filter::Program(program, WordOrder::Machine(Endian::Little));
    prove_at_cost(Relation::Equal, filter(&one), filter(&other), Budget { nodes })
}

fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> Instruction {
    Instruction { code, jt, jf, k }
}

#[test]
fn a_program_costs_no_more_than_the_budget() {
    let (ld, jeq, jset, or, st, ret) = (0x20, 0x15, 0x45, 0x44, 0x02, 0x06);
    let allow = Action::Allow.ret();
    // Each test of an argument adds a bit to A or doesn't: a state for each set of bits.
    let mut states = vec![instruction(0x00, 0, 0, 0), instruction(st, 0, 0, 0)];
    for bit in 0..32 {
        states.extend([
            instruction(ld, 0, 0, 16),
            instruction(jset, 0, 3, 1 << bit),
            instruction(0x60, 0, 0, 0),
            instruction(or, 0, 0, 1 << (31 - bit)),
            instruction(st, 0, 0, 0),
        ]);
    }
    states.extend([instruction(0x60, 0, 0, 0), instruction(jeq, 0, 1, 0x1234), instruction(ret, 0, 0, allow)]);
    states.push(instruction(ret, 0, 0, Action::Errno(1).ret()));
    // A long dispatch that many tests of other words lead to.
    let mut shared = Vec::new();
    for bit in 0..200_u32 {
        shared.push(instruction(ld, 0, 0, 16 + 4 * (bit % 12)));
        shared.push(instruction(jset, 1, 0, 1 << (bit % 32)));
        shared.push(instruction(0x05, 0, 0, 3 * (199 - bit)));
    }
    shared.push(instruction(ld, 0, 0, 0));
    for number in 0..1_000 {
        let action = if number % 2 == 0 { Action::Errno(1) } else { Action::Errno(2) };
        shared.push(instruction(jeq, 0, 1, number * 3));
        shared.push(instruction(ret, 0, 0, action.ret()));
    }
    shared.push(instruction(ret, 0, 0, allow));
    for program in [states, shared] {
        let mut answers = Vec::new();
        for nodes in [1_000, 100_000, 3_000_000] {
            let (verdict, cost) = cost(&program, nodes);
            assert!(cost.nodes <= nodes && cost.steps <= nodes * STEPS_PER_NODE, "{cost:?} of {nodes} nodes");
            assert_ne!(verdict, Verdict::Holds);
            answers.push(matches!(verdict, Verdict::Undecided(_)));
        }
        assert!(answers[0] && answers.is_sorted_by(|before, after| before >= after), "{answers:?}");
    }
}
