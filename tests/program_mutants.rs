//! Programs of real policies with one instruction changed: does the prover notice exactly those that do something else?
//!
//! Every change of one instruction that the kernel would still load is held against the policy. Where the prover says that
//! they differ, its witness is run on both. Where it says that nothing changed, a judge that knows nothing of diagrams
//! looks for a call that shows the opposite: all numbers with the boundary values of their conditions (`verify`), and
//! calls around the constants of the two instructions.
//!
//! By default some thousand changes of each program; `CALLGATE_CASES=1000000` takes all.

use std::path::Path;

use callgate_compiler::abi::{Abi, Endian};
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Instruction, Program, admit, op, simulate};
use callgate_compiler::call::SyscallData;
use callgate_compiler::compile::compile;
use callgate_compiler::lower::Target;
use callgate_compiler::policy::Policy;
use callgate_compiler::prove::{Budget, Verdict, policy_equals_program};
use callgate_compiler::verify;
use callgate_grammar::tree::Version;

use crate::corpus::{Read, policy, units};
use crate::support::root;

/// Every code seccomp accepts, and some that it doesn't.
fn codes() -> Vec<u16> {
    let loads = [op::IMM, op::ABS, op::MEM, op::LEN].into_iter().flat_map(|mode| [op::LD | mode, op::LDX | mode]);
    let alu = [op::ADD, op::SUB, op::MUL, op::DIV, op::OR, op::AND, op::LSH, op::RSH, op::NEG, op::XOR];
    let jumps = [op::JA, op::JEQ, op::JGT, op::JGE, op::JSET];
    let both = |code: u16| [code | op::K, code | op::X];
    loads
        .chain([op::ST, op::STX, op::RET | op::K, op::RET | op::A, op::MISC | op::TAX, op::MISC | op::TXA])
        .chain(alu.into_iter().flat_map(move |code| both(op::ALU | code)))
        .chain(jumps.into_iter().flat_map(move |code| both(op::JMP | code)))
        .collect()
}

/// One instruction changed in one way.
fn changes(of: Instruction, codes: &[u16]) -> Vec<Instruction> {
    let mut changed: Vec<Instruction> = (0..32).map(|bit| Instruction { k: of.k ^ 1 << bit, ..of }).collect();
    changed.extend([of.k.wrapping_add(1), of.k.wrapping_sub(1)].map(|k| Instruction { k, ..of }));
    changed.extend(codes.iter().map(|&code| Instruction { code, ..of }));
    if of.code & 0x07 == op::JMP {
        changed.push(Instruction { jt: of.jf, jf: of.jt, ..of });
        for step in [1, 255] {
            changed.push(Instruction { jt: of.jt.wrapping_add(step), ..of });
            changed.push(Instruction { jf: of.jf.wrapping_add(step), ..of });
        }
    }
    if of.code & 0x07 == op::RET {
        let actions = [
            Action::KillProcess,
            Action::KillThread,
            Action::Trap(0),
            Action::Errno(38),
            Action::Notify,
            Action::Trace(0),
            Action::Log,
            Action::Allow,
        ];
        changed.extend(actions.map(|action| Instruction { k: action.ret(), ..of }));
    }
    changed.retain(|&one| one != of);
    changed.sort_unstable_by_key(|one| (one.code, one.jt, one.jf, one.k));
    changed.dedup();
    changed
}

/// Where every ABI of the policies here stands.
const ORDER: Endian = Endian::Little;

fn action(program: &Program, data: &SyscallData) -> Action {
    Action::from_ret(simulate(program, ORDER, data).expect("it was admitted").ret)
}

/// A call near the constants of two instructions that the programs treat differently.
fn near(constants: [u32; 2], before: &Program, after: &Program) -> Option<SyscallData> {
    let words: Vec<u32> =
        constants.iter().flat_map(|&k| [k, k.wrapping_add(1), k.wrapping_sub(1), !k]).chain([0, 1, u32::MAX]).collect();
    let tokens = [Abi::X86_64.token(), Abi::X86.token(), Abi::Aarch64.token()];
    for &word in &words {
        for token in tokens {
            let mut calls = vec![SyscallData::new(word, 1, [0; 6]), SyscallData::new(token, word, [0; 6])];
            for (arg, shift) in (0..6).flat_map(|arg| [(arg, 0), (arg, 32)]) {
                for nr in (0..512).chain(0x4000_0000..0x4000_0200) {
                    let mut call = SyscallData::new(token, nr, [0; 6]);
                    call.args[arg] = u64::from(word) << shift;
                    calls.push(call);
                }
            }
            if let Some(call) = calls.into_iter().find(|call| action(before, call) != action(after, call)) {
                return Some(call);
            }
        }
    }
    None
}

#[derive(Default)]
struct Counts {
    refused: usize,
    different: usize,
    equal: usize,
    undecided: usize,
}

/// Every change of a program, or as many as are asked for, judged twice.
fn judge(name: &str, policy: &Policy, most: usize) -> Counts {
    let program = compile(policy).unwrap_or_else(|error| panic!("{name}: {error}")).program;
    let codes = codes();
    let of = |at: usize| changes(program.instructions[at], &codes).into_iter().map(move |change| (at, change));
    let all: Vec<(usize, Instruction)> = (0..program.instructions.len()).flat_map(of).collect();
    let mut counts = Counts::default();
    for &(at, change) in all.iter().step_by(all.len().div_ceil(most)) {
        let mut mutant = Program::new(program.instructions.clone());
        mutant.instructions[at] = change;
        let said = || format!("{name}, instruction {at}: {:?} -> {change:?}", program.instructions[at]);
        // The prover reads the kernel's rules on its own.
        let verdict = policy_equals_program(policy, &mutant, Budget { nodes: 300_000 });
        let admitted = admit(&mutant).is_ok();
        match verdict {
            Verdict::Fails(witness) => {
                assert!(admitted, "{}: decided, and the kernel would refuse it", said());
                let wanted = Action::from_ret(policy.decide(&witness.data).action.ret());
                let got = action(&mutant, &witness.data);
                assert_eq!((witness.left, witness.right), (wanted, got), "{}: {witness:?}", said());
                assert_ne!(wanted, got, "{}: {witness:?} shows nothing", said());
                counts.different += 1;
            }
            Verdict::Holds => {
                assert!(admitted, "{}: proven, and the kernel would refuse it", said());
                if let Err(mismatch) = verify::boundary(policy, &mutant) {
                    panic!("{}: proven equal, and {mismatch}", said());
                }
                if let Some(call) = near([program.instructions[at].k, change.k], &program, &mutant) {
                    panic!("{}: proven equal, and differs on {call:?}", said());
                }
                counts.equal += 1;
            }
            Verdict::Undecided(_) if !admitted => counts.refused += 1,
            Verdict::Undecided(why) => {
                counts.undecided += 1;
                assert!(counts.undecided <= all.len() / 100, "{}: {why}", said());
            }
        }
    }
    counts
}

fn check(files: &[(&str, &[Abi])]) {
    let most = std::env::var("CALLGATE_CASES").map_or(1_000, |cases| cases.parse().expect("a number"));
    for &(file, abis) in files {
        let mut target = Target::new(abis.to_vec(), Version { major: 6, minor: 18 });
        target.abis = Some(abis.to_vec());
        let policy = policy(&units(&root().join(Path::new(file)), &mut Read::new()), &target, file);
        let Counts { refused, different, equal, undecided } = judge(file, &policy, most);
        eprintln!(
            "{file}: {different} changes noticed, {equal} that change nothing, {undecided} undecided; {refused} that no kernel loads"
        );
        // The kernel refuses most codes; of the others, few change nothing.
        assert!(different > equal && different > 100, "{file}");
    }
}

#[test]
fn one_changed_instruction_of_dockers_policy_is_noticed_or_changes_nothing() {
    check(&[("tests/corpus/docker-default.raw.gate", &[Abi::X86_64, Abi::X86, Abi::X32])]);
}

#[test]
fn one_changed_instruction_of_a_machine_monitors_policy_is_noticed_or_changes_nothing() {
    check(&[
        ("tests/corpus/firecracker/vmm.raw.gate", &[Abi::X86_64]),
        ("tests/corpus/firecracker/vcpu.raw.gate", &[Abi::X86_64]),
        ("tests/corpus/crosvm/swap_monitor.raw.gate", &[Abi::X86_64]),
    ]);
}
