//! Random rules of one call that each test several arguments: what a diagram of bits is worst at.

use std::collections::BTreeMap;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Instruction, Program};
use callgate_compiler::condition::{Atom, Condition, ValueSet, Width};
use callgate_compiler::policy::{AbiPolicy, CallPolicy, Cause, Clause, Decision, Policy};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

const NUMBER: u32 = 41;

fn decision(action: Action) -> Decision {
    Decision { action, cause: Cause::UnlistedAbi }
}

/// A policy that allows a call when one of the rules holds, and seccompiler's program of it: the rules in a row.
pub(super) fn random(rules: usize, arguments: u8, masked: bool) -> (Policy, Program) {
    // splitmix64, the same every time.
    let mut state = 7_u64;
    let mut word = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    };
    let mut clauses = Vec::new();
    let mut theirs = Vec::new();
    for _ in 0..rules {
        let mut tests = Vec::new();
        let mut conditions = Vec::new();
        for arg in 0..arguments {
            let mask = if masked { word() & word() } else { u64::MAX };
            let value = word() & mask;
            tests.push(Condition::Atom(Atom { arg, width: Width::W64, mask, values: ValueSet::one(value) }));
            let operator = if masked { SeccompCmpOp::MaskedEq(mask) } else { SeccompCmpOp::Eq };
            let condition = SeccompCondition::new(arg, SeccompCmpArgLen::Qword, operator, value);
            conditions.push(condition.expect("there is such an argument"));
        }
        clauses.push(Clause { condition: Condition::All(tests), decision: decision(Action::Allow) });
        theirs.push(SeccompRule::new(conditions).expect("a rule"));
    }
    let eperm = || decision(Action::Errno(1));
    let calls = BTreeMap::from([(NUMBER, CallPolicy { clauses, otherwise: eperm() })]);
    let policy = Policy {
        abis: BTreeMap::from([(Abi::X86_64, AbiPolicy { calls, rest: eperm() })]),
        // seccompiler has no guard against x32: its numbers are numbers without a rule.
        foreign: BTreeMap::from([(Abi::X32, eperm())]),
        other: decision(Action::KillProcess),
        flags: Vec::new(),
        listener: None,
        listener_metadata: None,
    };
    let calls = BTreeMap::from([(i64::from(NUMBER), theirs)]);
    let filter = SeccompFilter::new(calls, SeccompAction::Errno(1), SeccompAction::Allow, TargetArch::x86_64);
    let bpf: BpfProgram = filter.expect("a filter").try_into().expect("it compiles");
    let instruction = |one: &seccompiler::sock_filter| Instruction { code: one.code, jt: one.jt, jf: one.jf, k: one.k };
    (policy, Program::new(bpf.iter().map(instruction).collect()))
}
