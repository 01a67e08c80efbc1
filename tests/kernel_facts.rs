//! Our model of the kernel, held to the kernel: what it admits, what a filter grows to, what each instruction does, and what
//! it caches. Needs no root but for the last.

use std::path::Path;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Instruction, Program, admit, converted_length, op, simulate};
use callgate_compiler::call::SyscallData;
use callgate_compiler::compile::compile;
use callgate_compiler::measure::cached;
use callgate_compiler::tables;
use callgate_tracer::probe::{Outcome, observe};
use callgate_tracer::trial::{TimedCall, trial};
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::policies::{KERNEL, resolved};
use crate::support::{Need, callgate, have, told};

/// `MAX_INSNS_PER_PATH`, kernel/seccomp.c: converted instructions of all filters of a task, with 4 for each but the newest.
const MOST_ON_A_PATH: usize = (1 << 18) / 8;

/// A filter of so many instructions that allows everything, after a look at an argument, so that the kernel's search for
/// cacheable calls ends at once.
fn filler(loads: usize) -> Program {
    let mut instructions = vec![Instruction::load(16); loads];
    instructions.push(Instruction::ret(Action::Allow.ret()));
    Program::new(instructions)
}

/// What an empty [`filler`] takes once another filter comes after it: three instructions of prologue, two of RET, and 4.
const FILLER: usize = 9;

/// Filters that take exactly so much of the path together.
fn fillers(total: usize) -> Vec<Program> {
    let count = total.div_ceil(4000);
    (0..count).map(|index| filler((total + index) / count - FILLER)).collect()
}

/// Whether the kernel has room for the program where so much is left.
fn fits(program: &Program, left: usize) -> bool {
    let mut stack = fillers(MOST_ON_A_PATH - left);
    stack.push(program.clone());
    let tried = trial(&stack, &[], 0).expect("a child");
    assert!(tried.loads.len() + 1 >= stack.len(), "a filler was refused: {:?}", tried.refused);
    tried.refused.is_none()
}

fn assert_converted(program: &Program, what: &str) {
    let length = converted_length(program);
    assert!(fits(program, length), "{what}: {length} is too little");
    assert!(!fits(program, length - 1), "{what}: {length} is too much");
}

#[test]
fn a_filter_grows_to_what_we_say() {
    let policy = "deny: all\nallow: read, write, personality(persona in {0, 8}), clone(flags lacks CLONE_NEWUSER)\n\
        allow: socket(family < 17), prctl(option > 3)\n";
    for abis in [&[Abi::X86_64][..], &[Abi::X86_64, Abi::X86, Abi::X32], Abi::ALL] {
        let program = compile(&resolved(policy, abis).expect("a policy")).expect("it compiles").program;
        assert_converted(&program, &format!("{} ABIs", abis.len()));
    }
    // As long as filters get, and the most that one instruction grows to.
    assert_converted(&filler(4095), "4,096 instructions");
    let divide = Instruction::statement(op::ALU | op::DIV | op::X, 0);
    let mut divisions = vec![divide; 1000];
    divisions.push(Instruction::ret(0));
    assert_converted(&Program::new(divisions), "divisions");
}

/// An instruction: mostly one that seccomp has, with an operand that some accept and some don't.
fn instructions() -> impl Strategy<Value = Instruction> {
    let codes = prop_oneof![
        6 => Just(op::LD | op::W | op::ABS),
        12 => prop::sample::select(vec![op::JEQ, op::JGT, op::JGE, op::JSET]).prop_map(|condition| op::JMP | condition),
        2 => prop::sample::select(vec![op::JEQ, op::JGT, op::JGE, op::JSET]).prop_map(|condition| op::JMP | op::X | condition),
        6 => prop::sample::select(vec![
            op::ADD, op::SUB, op::MUL, op::DIV, op::AND, op::OR, op::XOR, op::LSH, op::RSH,
        ]).prop_flat_map(|operation| prop_oneof![Just(op::ALU | operation), Just(op::ALU | op::X | operation)]),
        4 => prop::sample::select(vec![
            op::ALU | op::NEG, op::LD | op::IMM, op::LDX | op::IMM, op::LD | op::W | op::LEN, op::LDX | op::W | op::LEN,
            op::MISC | op::TAX, op::MISC | op::TXA, op::ST, op::STX, op::LD | op::MEM, op::LDX | op::MEM,
            op::RET, op::RET | op::A, op::JMP | op::JA,
        ]),
    ];
    let arguments = (4_u32..16).prop_map(|word| 4 * word);
    let constants = prop_oneof![
        4 => 0_u32..5,
        4 => arguments,
        1 => any::<u32>(),
        1 => prop::sample::select(vec![0x7fff_0000, 0x0005_0001, 0x0003_0007, 0x8000_0000, 0xc000_003e, 31, 32]),
    ];
    (codes, constants, 0_u8..5, 0_u8..5).prop_map(|(code, k, jt, jf)| {
        let scratch = [op::ST, op::STX, op::LD | op::MEM, op::LDX | op::MEM].contains(&code);
        let k = match code {
            // Mostly aligned, and never where the instruction stands: that is the child's own affair.
            code if code == op::LD | op::W | op::ABS => match if k % 16 == 1 { k } else { k & 0x3c } {
                8..16 => 0,
                offset => offset,
            },
            code if scratch || code == op::JMP | op::JA => k % 4,
            _ => k,
        };
        let jumps = code & 0x07 == op::JMP && code & 0xf0 != op::JA;
        if jumps { Instruction { code, jt, jf, k } } else { Instruction::statement(code, k) }
    })
}

/// Programs that are mostly admitted.
fn programs() -> impl Strategy<Value = Program> {
    (prop::collection::vec(instructions(), 1..30), any::<bool>(), any::<u16>()).prop_map(|(body, stores, ret)| {
        let mut program = Vec::new();
        if stores {
            program.extend((0..4).map(|word| Instruction::statement(op::ST, word)));
        }
        program.extend(body);
        // No jump leads past these; which one is reached shows.
        program.extend([
            Instruction::ret(Action::Errno(ret % 4000).ret()),
            Instruction::ret(Action::Allow.ret()),
            Instruction::statement(op::RET | op::A, 0),
            Instruction::ret(Action::Errno(11).ret()),
            Instruction::ret(Action::Trap(12).ret()),
        ]);
        Program::new(program)
    })
}

/// Programs that are often refused: one instruction of a good one replaced.
fn doubtful() -> impl Strategy<Value = Program> {
    let wrong = (any::<u16>(), any::<u8>(), any::<u8>(), 0_u32..70, any::<bool>());
    (programs(), wrong, any::<prop::sample::Index>()).prop_map(|(mut program, (code, jt, jf, k, known), at)| {
        let position = at.index(program.instructions.len());
        let own = program.instructions[position].code;
        let code = if known { own } else { code & 0xff };
        program.instructions[position] = Instruction { code, jt, jf, k };
        program
    })
}

fn native() -> Abi {
    if cfg!(target_arch = "x86_64") { Abi::X86_64 } else { Abi::Aarch64 }
}

fn config(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn the_kernel_takes_what_admit_takes(program in doubtful()) {
        let tried = trial(std::slice::from_ref(&program), &[], 0).expect("a child");
        prop_assert_eq!(tried.refused.is_none(), admit(&program).is_ok(), "{:?}: {:?}", tried.refused, admit(&program));
    }
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn a_call_fares_as_the_simulator_says(
        program in programs(),
        calls in prop::collection::vec((0_u32..330, prop::array::uniform6(prop_oneof![0_u64..8, any::<u64>()])), 1..6),
    ) {
        prop_assume!(admit(&program).is_ok());
        let abi = native();
        let calls: Vec<_> = calls.into_iter().map(|(nr, args)| SyscallData::new(abi.token(), nr, args)).collect();
        let observed = observe(&program, &calls).expect("an answer");
        for (call, observed) in calls.iter().zip(observed) {
            let ret = simulate(&program, abi.endian(), call).expect("an admitted program").ret;
            // What is less severe than the probe's own filter loses to it, an action that the kernel doesn't know too.
            let milder = (ret & 0xffff_0000).cast_signed() > Action::Errno(0).ret().cast_signed();
            let expected = if milder { Outcome::Passed } else { Outcome::of(Action::from_ret(ret)) };
            prop_assert_eq!(expected, observed, "{:?} returns {:#x}", call, ret);
        }
    }
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn a_random_filter_grows_to_what_we_say(program in programs()) {
        prop_assume!(admit(&program).is_ok());
        assert_converted(&program, "a random program");
    }
}

/// The kernel says what it caches only where it was built with `CONFIG_SECCOMP_CACHE_DEBUG`. Nothing else shows it: a cached
/// call and an allowed one differ in time alone, and no test here asks the clock.
#[test]
fn what_is_cached_is_what_we_say() {
    if !Path::new("/proc/self/seccomp_cache").exists() {
        eprintln!("skipped: this kernel doesn't show what it caches (CONFIG_SECCOMP_CACHE_DEBUG)");
        return;
    }
    if !have(&[Need::Root, Need::Tool("cat")]) {
        return;
    }
    let abi = native();
    let policy = format!("arch: {abi}\nallow: all\ndeny: mount, socket(family == 40), personality(persona == 8)\n");
    let program = compile(&resolved(&policy, &[abi]).expect("a policy")).expect("it compiles").program;
    let statements = policy.lines().flat_map(|line| ["-e", line]);
    let output = callgate().arg("run").args(statements).args(["--", "cat", "/proc/self/seccomp_cache"]).output();
    let output = output.expect("callgate runs");
    assert!(output.status.success(), "{}", told(&output));
    let shown = String::from_utf8(output.stdout).expect("text");
    let mut compared = 0;
    for line in shown.lines() {
        let fields: Vec<_> = line.split_whitespace().collect();
        let &[name, nr, state] = &fields[..] else { panic!("{line}") };
        let (Ok(listed), Ok(nr)) = (name.parse::<Abi>(), nr.parse::<u32>()) else { continue };
        if listed == abi && tables::name(abi, nr).is_some() {
            assert_eq!(cached(&program, abi, nr, KERNEL).is_ok(), state == "ALLOW", "{line}");
            compared += 1;
        }
    }
    assert!(compared > 300, "{shown}");
}

#[test]
fn a_trial_times_what_the_filters_let_happen() {
    let always = |action: Action| Program::new(vec![Instruction::ret(action.ret())]);
    let calls = [TimedCall::ParentId, TimedCall::NoSuchCall];
    let tried = trial(&[always(Action::Allow), always(Action::Allow)], &calls, 50).expect("a child");
    assert_eq!((tried.loads.len(), tried.refused, tried.calls.len()), (2, None, 2));
    assert!(tried.loads.iter().chain(&tried.calls).all(|&nanoseconds| nanoseconds > 0), "{tried:?}");
    // The second load is refused by the first filter, and a killed child times nothing.
    let tried = trial(&[always(Action::Errno(77)), always(Action::Allow)], &calls, 50).expect("a child");
    assert_eq!((tried.loads.len(), tried.refused.map(|errno| errno as i32), tried.calls.len()), (1, Some(77), 0));
    let tried = trial(&[always(Action::KillProcess)], &calls, 50).expect("a child");
    assert_eq!((tried.loads.len(), tried.refused, tried.calls.len()), (1, None, 0));
}
