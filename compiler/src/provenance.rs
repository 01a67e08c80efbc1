//! Which statements an instruction of a program carries out.

use std::collections::BTreeSet;

use crate::abi::Abi;
use crate::action::Action;
use crate::bpf::{Instruction, Origin, Program, offset, op};
use crate::policy::{CallPolicy, Cause, Decision, Policy};

/// What decided the calls that end at this instruction, or whose arguments it loads; sorted, each once.
///
/// For a return, the causes of every decision of this action that some call coming by can meet; for a load of an argument, those
/// of the clauses that look at it. Nothing for other instructions, and for a program without
/// [provenance](Program::provenance).
#[must_use]
pub fn causes<'p>(policy: &'p Policy, program: &Program, position: usize) -> Vec<&'p Cause> {
    const RETURN: u16 = op::RET | op::K;
    const LOAD: u16 = op::LD | op::W | op::ABS;
    let origins = program.origins(position);
    let mut found = BTreeSet::new();
    match program.instructions.get(position) {
        Some(&Instruction { code: RETURN, k, .. }) => {
            let action = Action::from_ret(k);
            for decision in origins.iter().flat_map(|origin| decisions(policy, origin)) {
                if Action::from_ret(decision.action.ret()) == action {
                    found.insert(&decision.cause);
                }
            }
        }
        Some(&Instruction { code: LOAD, k: at @ offset::ARGUMENTS.., .. }) => {
            let argument = (at - offset::ARGUMENTS) / 8;
            for clause in origins.iter().flat_map(|origin| calls(policy, origin)).flat_map(|call| &call.clauses) {
                let mut looks = false;
                clause.condition.atoms(&mut |atom| looks |= u32::from(atom.arg) == argument);
                if looks {
                    found.insert(&clause.decision.cause);
                }
            }
        }
        _ => {}
    }
    found.into_iter().collect()
}

/// The calls of a listed ABI with these numbers.
fn calls<'p>(policy: &'p Policy, origin: &Origin) -> Vec<&'p CallPolicy> {
    let Some(listed) = origin.abi.and_then(|abi| policy.abis.get(&abi)) else { return Vec::new() };
    origin.numbers.iter().flat_map(|&(low, high)| listed.calls.range(low..=high)).map(|(_, call)| call).collect()
}

/// Every decision that calls with these numbers can meet.
fn decisions<'p>(policy: &'p Policy, origin: &Origin) -> Vec<&'p Decision> {
    let of_abi = |abi: Abi| match policy.abis.get(&abi) {
        None => vec![policy.foreign.get(&abi).unwrap_or(&policy.other)],
        Some(listed) => {
            let calls = calls(policy, origin);
            let numbers: u64 = origin.numbers.iter().map(|(low, high)| u64::from(high - low) + 1).sum();
            let mut decisions: Vec<_> = calls
                .iter()
                .flat_map(|call| call.clauses.iter().map(|clause| &clause.decision).chain([&call.otherwise]))
                .collect();
            if numbers > calls.len() as u64 {
                decisions.push(&listed.rest);
            }
            decisions
        }
    };
    origin.abi.map_or_else(|| vec![&policy.other], of_abi)
}

#[cfg(test)]
mod tests {
    use callgate_grammar::{SourceId, Span};

    use super::*;
    use crate::generate::generate;
    use crate::samples::{self, word32};

    #[test]
    fn returns_and_argument_loads_name_their_statements() {
        let cause = |start| Cause::Statement(Span { source: SourceId(0), start, end: start + 1 });
        let mut policy = samples::docker_like(&[Abi::X86_64]);
        let listed = policy.abis.get_mut(&Abi::X86_64).unwrap();
        for call in listed.calls.values_mut() {
            call.otherwise.cause = cause(1);
            call.clauses.clear();
        }
        listed.rest.cause = cause(2);
        let mut checked = samples::when(word32(1, &[(7, 7)]));
        checked.clauses[0].decision.cause = cause(3);
        checked.otherwise.cause = cause(4);
        listed.calls.insert(16, checked);
        policy.other.cause = cause(5);
        let program = generate(&policy).unwrap();
        let of = |wanted: &dyn Fn(Instruction) -> bool| {
            let positions = (0..program.instructions.len()).filter(|&at| wanted(program.instructions[at]));
            let causes: BTreeSet<_> = positions.flat_map(|at| causes(&policy, &program, at)).cloned().collect();
            causes.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(of(&|instruction| instruction == Instruction::ret(0x7fff_0000)), [cause(1), cause(3)]);
        assert_eq!(of(&|instruction| instruction == Instruction::ret(0x8000_0000)), [cause(5)]);
        assert_eq!(of(&|instruction| instruction == Instruction::load(24)), [cause(3)]);
        assert_eq!(of(&|instruction| instruction == Instruction::load(0)), []);
        let refused = of(&|instruction| instruction == Instruction::ret(0x0005_0001));
        assert!(refused.contains(&cause(2)) && refused.contains(&cause(4)), "{refused:?}");
    }
}
