//! The figures of whole programs.

use super::*;
use crate::action::Action;
use crate::bpf::{Instruction, op};
use crate::compile::compile;
use crate::condition::Width;
use crate::samples::{atom, docker_like, policy, when};

const KERNEL: Version = Version { major: 6, minor: 18 };

#[test]
fn a_policy_of_the_size_of_dockers() {
    let abis = [Abi::X86_64, Abi::X86, Abi::X32];
    let policy = docker_like(&abis);
    let program = compile(&policy).unwrap().program;
    let measures = measure(&program, abis, KERNEL).unwrap();
    assert_eq!(measures.instructions, program.instructions.len());
    assert!(measures.converted > measures.instructions);
    for of in &measures.abis {
        assert!(of.worst.is_exact(), "{of:?}");
        let call = of.worst.call.unwrap();
        assert_eq!(Abi::of_call(call.arch, call.nr), Some(of.abi));
        assert_eq!(simulate(&program, of.abi.endian(), &call).unwrap().executed, of.worst.executed);
        assert!(of.mean > 3.0 && of.mean < of.worst.executed as f64, "{of:?}");
        assert_eq!(of.cached.len() + of.uncached.len(), tables::calls(of.abi).count());
        // uretprobe and uprobe aren't the policy's to decide.
        for &nr in of.cached.iter().filter(|&&nr| of.abi != Abi::X86_64 || !(335..=336).contains(&nr)) {
            assert_eq!(policy.decide(&SyscallData::new(of.abi.token(), nr, [7; 6])).action, Action::Allow);
        }
        for (nr, reason) in &of.uncached {
            let call = &policy.abis[&of.abi].calls.get(nr);
            let expected = match call {
                _ if of.abi == Abi::X32 => matches!(reason, Uncached::NoBitmap),
                Some(call) if !call.clauses.is_empty() => matches!(reason, Uncached::Argument(0)),
                _ => matches!(reason, Uncached::Action(Action::Errno(_))),
            };
            assert!(expected, "{}: {nr} {reason}", of.abi);
        }
    }
    assert_eq!(measures.worst().unwrap().executed, measures.abis.iter().map(|of| of.worst.executed).max().unwrap());
    assert_eq!(measures.cached(), measures.abis.iter().map(|of| of.cached.len()).sum::<usize>());
    assert_eq!(measure(&program, abis, Version { major: 5, minor: 10 }).unwrap().cached(), 0);
}

#[test]
fn every_reason() {
    let of = |instructions: Vec<Instruction>| cached(&Program::new(instructions), Abi::X86_64, 39, KERNEL);
    let allow = Instruction::ret(0x7fff_0000);
    assert_eq!(of(vec![allow]), Ok(()));
    assert_eq!(of(vec![Instruction::ret(0x7fff_0003)]), Err(Uncached::AllowWithData(3)));
    assert_eq!(of(vec![Instruction::ret(0x7ffc_0000)]), Err(Uncached::Action(Action::Log)));
    assert_eq!(of(vec![Instruction::load(44), allow]), Err(Uncached::Argument(3)));
    assert_eq!(of(vec![Instruction::load(12), allow]), Err(Uncached::InstructionPointer));
    assert_eq!(of(vec![Instruction::statement(op::MISC | op::TAX, 0), allow]), Err(Uncached::Instruction(0)));
    let program = Program::new(vec![allow]);
    let on = |abi, minor| cached(&program, abi, 0, Version { major: 5, minor });
    assert_eq!(on(Abi::X86, 11), Ok(()));
    assert_eq!(on(Abi::X86, 10), Err(Uncached::OldKernel));
    assert_eq!(on(Abi::X32, 11), Err(Uncached::NoBitmap));
    assert_eq!(on(Abi::Mips64el, 11), Err(Uncached::NoBitmap));
}

#[test]
fn calls_that_newer_kernels_never_filter() {
    let kill = Program::new(vec![Instruction::ret(0)]);
    let on = |abi, name, minor| {
        let nr = tables::number(abi, name).unwrap();
        cached(&kill, abi, nr, Version { major: 6, minor }).is_ok()
    };
    assert!(on(Abi::X86_64, "uretprobe", 14) && !on(Abi::X86_64, "uretprobe", 13));
    assert!(on(Abi::X86_64, "uprobe", 18) && !on(Abi::X86_64, "uprobe", 17));
    assert_eq!(cached(&kill, Abi::X86, 335, KERNEL), Err(Uncached::Action(Action::KillThread)));
}

#[test]
fn a_mix_weighs_calls_and_the_bitmap_takes_some_away() {
    let checked = when(atom(0, Width::W32, 0xffff_ffff, &[(1, 1)]));
    let policy = policy([(Abi::X86_64, [(0, crate::samples::always(Action::Allow)), (41, checked)].into())]);
    let program = compile(&policy).unwrap().program;
    let ran = |nr, args| executed(&program, Abi::X86_64, &SyscallData::new(Abi::X86_64.token(), nr, args));
    let (read, socket) = (ran(0, [0; 6]), ran(41, typical_arguments("socket")));
    let mix: BTreeMap<String, f64> =
        [("read", 3.0), ("socket", 1.0), ("no_such_call", 9.0)].map(|(name, weight)| (name.to_owned(), weight)).into();
    let mean = |kernel| weighted_mean(&program, Abi::X86_64, &mix, kernel).unwrap();
    assert!((mean(None) - (3.0 * read + socket) / 4.0).abs() < 1e-9);
    assert!((mean(Some(KERNEL)) - socket / 4.0).abs() < 1e-9);
    let none = weighted_mean(&program, Abi::X86_64, &BTreeMap::new(), None);
    assert_eq!(none, None);
}

#[test]
fn the_typical_calls_are_those_of_each_abi() {
    for &abi in Abi::ALL {
        assert_eq!(typical_calls(abi).count(), 470);
        assert!(typical_calls(abi).all(|call| Abi::of_call(call.arch, call.nr) == Some(abi)), "{abi}");
    }
    let socket = typical_calls(Abi::Mips64el).find(|call| call.args[1] == 0x80801).unwrap();
    assert_eq!(tables::name(Abi::Mips64el, socket.nr), Some("socket"));
}
