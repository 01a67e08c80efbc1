//! A policy with conditions, on every ABI alone and on all of them in one program.

#![allow(clippy::unwrap_used)]

use callgate_compiler::abi::{Abi, Endian};
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Program, converted_length, simulate};
use callgate_compiler::call::SyscallData;
use callgate_compiler::compile::compile;
use callgate_compiler::lower::{Groups, Lowered, Target, Unit, lower};
use callgate_compiler::policy::Policy;
use callgate_compiler::tables;
use callgate_compiler::verify;
use callgate_grammar::tree::Version;
use callgate_grammar::{Sources, parse};

const TEXT: &str = "
known: 6.12
deny: all
allow: read, write, close, exit_group, rt_sigreturn
allow: socket(family in {AF_UNIX, AF_INET}, type & 0xf != SOCK_RAW)
allow: openat(flags has O_DIRECTORY)
allow: clone(flags lacks CLONE_NEWUSER|CLONE_NEWNS)
allow: ioctl(cmd == TCGETS || cmd == FIONREAD)
allow: sendfile(count <= 5)
allow: splice(len in 3..9, flags == SPLICE_F_MOVE)
errno(ENOSYS): clone3
kill: ptrace(request == PTRACE_ATTACH)
";

fn lower_text(text: &str, abis: &[Abi]) -> Lowered {
    let mut sources = Sources::default();
    let source = sources.add("test", text);
    let (file, diagnostics) = parse(source, text);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let units = [Unit { source, file, layer: 0, scope: 0 }];
    let target = Target::new(abis.to_vec(), Version { major: 6, minor: 18 });
    lower(&units, &Groups::new(), &target)
}

fn diagnostics(text: &str, abis: &[Abi]) -> Vec<String> {
    lower_text(text, abis).diagnostics.into_iter().map(|diagnostic| diagnostic.message).collect()
}

fn lowered(text: &str, abis: &[Abi]) -> Policy {
    let lowered = lower_text(text, abis);
    lowered.policy.unwrap_or_else(|| panic!("{abis:?}: {:#?}", lowered.diagnostics))
}

fn action(program: &Program, abi: Abi, call: &str, args: [u64; 6]) -> Action {
    let nr = tables::number(abi, call).unwrap_or_else(|| panic!("{abi} {call}"));
    let outcome = simulate(program, abi.endian(), &SyscallData::new(abi.token(), nr, args)).unwrap();
    Action::from_ret(outcome.ret)
}

/// What the text says, with each ABI's own numbers for everything.
#[track_caller]
fn check(program: &Program, abi: Abi) {
    let value = |name| tables::constant(abi, name).unwrap_or_else(|| panic!("{abi} {name}"));
    let enosys = Action::Errno(tables::errno(abi, "ENOSYS").unwrap());
    let denied = Action::Errno(1);
    let is = |call: &str, args: [u64; 6], wanted: Action| {
        assert_eq!(action(program, abi, call, args), wanted, "{abi} {call} {args:x?}");
    };
    is("read", [0; 6], Action::Allow);
    is("getpid", [0; 6], denied);
    is("clone3", [0; 6], enosys);
    is("file_getattr", [0; 6], enosys);
    // The kernel reads 32 bits: what stands above, copies of the sign on MIPS o32 too, plays no part.
    for above in [0, 0xffff_ffff_0000_0000] {
        is("socket", [2 | above, value("SOCK_STREAM") | above, 0, 0, 0, 0], Action::Allow);
        is("socket", [2 | above, value("SOCK_RAW") | above, 0, 0, 0, 0], denied);
        is("socket", [3 | above, value("SOCK_STREAM") | above, 0, 0, 0, 0], denied);
    }
    is("openat", [0, 0, value("O_DIRECTORY"), 0, 0, 0], Action::Allow);
    is("openat", [0, 0, !value("O_DIRECTORY"), 0, 0, 0], denied);
    is("ioctl", [0, value("TCGETS"), 0, 0, 0, 0], Action::Allow);
    is("ioctl", [0, value("TCGETS") + 1, 0, 0, 0, 0], denied);
    is("ptrace", [value("PTRACE_ATTACH"), 0, 0, 0, 0, 0], Action::KillProcess);
    is("splice", [0, 0, 0, 0, 9, value("SPLICE_F_MOVE")], Action::Allow);
    is("splice", [0, 0, 0, 0, 10, value("SPLICE_F_MOVE")], denied);
    let mut clone = [0; 6];
    clone[if matches!(abi, Abi::S390 | Abi::S390x) { 1 } else { 0 }] = value("CLONE_NEWUSER");
    is("clone", clone, denied);
    clone.swap(0, 1);
    is("clone", clone, Action::Allow);
    // A length is as wide as a register; MIPS n32 runs the compat handler, which cuts it.
    let wide = if abi.long_bits() == 64 || abi == Abi::X32 { denied } else { Action::Allow };
    is("sendfile", [0, 0, 0, 0x1_0000_0005, 0, 0], wide);
    is("sendfile", [0, 0, 0, 5, 0, 0], Action::Allow);
}

#[test]
fn every_abi_alone() {
    for &abi in Abi::ALL {
        let policy = lowered(TEXT, &[abi]);
        let program = compile(&policy).unwrap_or_else(|error| panic!("{abi}: {error}")).program;
        check(&program, abi);
    }
}

#[test]
fn all_abis_together() {
    let policy = lowered(TEXT, Abi::ALL);
    let program = compile(&policy).unwrap().program;
    for &abi in Abi::ALL {
        check(&program, abi);
        assert_eq!(policy.abis[&abi], lowered(TEXT, &[abi]).abis[&abi], "{abi}: the others make no difference to it");
    }
    verify::boundary(&policy, &program).unwrap();
    assert!(program.instructions.len() < 1000, "{}", program.instructions.len());
    assert!(converted_length(&program) < 2000, "{}", converted_length(&program));
}

/// Every pair of ABIs of different byte order that share a table: the same words, the other way round.
#[test]
fn words_stand_in_the_order_of_the_abi() {
    let text = "deny: all\nallow: lseek(raw(arg1) == 0x1_0000_0005)\n";
    let program = compile(&lowered(text, Abi::ALL)).unwrap().program;
    for &abi in Abi::ALL {
        assert_eq!(action(&program, abi, "lseek", [0, 0x1_0000_0005, 0, 0, 0, 0]), Action::Allow, "{abi}");
        assert_eq!(action(&program, abi, "lseek", [0, 0x5_0000_0001, 0, 0, 0, 0]), Action::Errno(1), "{abi}");
        let other = if abi.endian() == Endian::Big { Endian::Little } else { Endian::Big };
        let nr = tables::number(abi, "lseek").unwrap();
        let swapped = SyscallData::new(abi.token(), nr, [0, 0x5_0000_0001, 0, 0, 0, 0]);
        assert_eq!(Action::from_ret(simulate(&program, other, &swapped).unwrap().ret), Action::Allow, "{abi}");
    }
}

/// A name counts on the ABIs that have it, and in a policy that lists no ABI nothing is said about the others.
#[test]
fn names_that_some_abis_lack() {
    let policy = lowered("deny: all\nallow: open, socketcall, set_tls, riscv_hwprobe\n", Abi::ALL);
    let program = compile(&policy).unwrap().program;
    for call in ["open", "socketcall", "set_tls", "riscv_hwprobe"] {
        for &abi in Abi::ALL.iter().filter(|&&abi| tables::number(abi, call).is_some()) {
            assert_eq!(action(&program, abi, call, [0; 6]), Action::Allow, "{abi} {call}");
        }
    }
    assert_eq!(tables::number(Abi::Aarch64, "open"), None);
    assert_eq!(tables::number(Abi::Arm, "socketcall"), None);
}

/// One warning for all ABIs whose old `mmap` takes a structure, with a guard that makes it go away.
#[test]
fn a_parameter_that_some_abis_lack() {
    let text = "deny: all\nallow: mmap(prot lacks PROT_EXEC)\n";
    let said = diagnostics(text, Abi::ALL);
    assert_eq!(said, ["the call has no parameter `prot` on x86, s390x, s390"]);
    let guarded =
        "deny: all\nwhen not arch x86 and not arch s390x and not arch s390 { allow: mmap(prot lacks PROT_EXEC) }\n";
    assert_eq!(diagnostics(guarded, Abi::ALL), [""; 0]);
}
