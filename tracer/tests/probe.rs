//! The live oracle: what the kernel says a filter does, against what the filter was written to do.

#![allow(clippy::unwrap_used)]

mod support;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::call::SyscallData;
use callgate_tracer::probe::{Outcome, ProbeError, observe};
use support::filter;
// Tests here fork, and what another thread holds locked then stays so in the child: each test is a process of its own.
use test_fork::test;

fn native() -> u32 {
    if cfg!(target_arch = "x86_64") { Abi::X86_64.token() } else { Abi::Aarch64.token() }
}

fn call(arch: u32, nr: i64) -> SyscallData {
    SyscallData::new(arch, u32::try_from(nr).unwrap(), [0; 6])
}

#[test]
fn every_action_shows_itself() {
    let actions = [
        Action::KillProcess,
        Action::KillThread,
        Action::Trap(0),
        Action::Trap(77),
        Action::Errno(0),
        Action::Errno(1),
        Action::Errno(4095),
        Action::Trace(3),
        Action::Log,
        Action::Allow,
    ];
    // Numbers that would do harm if they were executed.
    let dangerous = [
        libc::SYS_exit_group,
        libc::SYS_kill,
        libc::SYS_execve,
        libc::SYS_exit,
        libc::SYS_munmap,
        libc::SYS_rt_sigreturn,
        libc::SYS_seccomp,
        libc::SYS_ptrace,
        libc::SYS_futex,
        libc::SYS_close,
    ];
    let rules: Vec<_> = dangerous.into_iter().zip(actions).collect();
    let program = filter(&rules, Action::Allow);
    let calls: Vec<_> = dangerous.iter().map(|&nr| call(native(), nr)).collect();
    let expected: Vec<_> = actions.into_iter().map(Outcome::of).collect();
    assert_eq!(observe(&program, &calls).unwrap(), expected);
}

#[test]
fn what_is_killed_does_not_hide_what_follows() {
    let killed = filter(&[(libc::SYS_getpid, Action::Allow)], Action::KillProcess);
    let calls = [libc::SYS_write, libc::SYS_getpid, libc::SYS_exit, libc::SYS_getpid].map(|nr| call(native(), nr));
    let expected = [Outcome::ProcessKilled, Outcome::Passed, Outcome::ProcessKilled, Outcome::Passed];
    assert_eq!(observe(&killed, &calls).unwrap(), expected);
    assert_eq!(observe(&killed, &[]).unwrap(), []);
}

#[test]
fn every_number_can_be_asked_about() {
    // The kernel lets uretprobe and uprobe past every filter (kernel/seccomp.c, seccomp_uprobe_exception).
    let past_filters = |nr: &i64| cfg!(target_arch = "x86_64") && matches!(nr, 335 | 336);
    let numbers: Vec<_> = (0..600).filter(|nr| !past_filters(nr)).collect();
    let calls: Vec<_> = numbers.iter().map(|&nr| call(native(), nr)).collect();
    let rules: Vec<_> = numbers.iter().filter(|&nr| nr % 3 == 0).map(|&nr| (nr, Action::Allow)).collect();
    for rest in [Action::Errno(38), Action::KillProcess] {
        let program = filter(&rules, rest);
        let expected: Vec<_> =
            numbers.iter().map(|nr| if nr % 3 == 0 { Outcome::Passed } else { Outcome::of(rest) }).collect();
        assert_eq!(observe(&program, &calls).unwrap(), expected);
    }
}

#[test]
fn the_sixth_argument_arrives() {
    use callgate_compiler::bpf::{Instruction, Program, op};
    let step = |code, jf, k| Instruction { code, jt: 0, jf, k };
    for arg in 0..6_usize {
        for (half, shift) in [(0, 0), (4, 32)] {
            let offset = u32::try_from(16 + 8 * arg).unwrap() + half;
            let program = Program::new(vec![
                step(op::LD | op::W | op::ABS, 0, offset),
                step(op::JMP | op::JEQ | op::K, 1, 0x1234_5678),
                step(op::RET | op::K, 0, Action::Errno(7).ret()),
                step(op::RET | op::K, 0, Action::Allow.ret()),
            ]);
            let mut hit = call(native(), libc::SYS_getpid);
            hit.args[arg] = 0x1234_5678 << shift;
            let miss = call(native(), libc::SYS_getpid);
            assert_eq!(observe(&program, &[hit, miss]).unwrap(), [Outcome::Errno(7), Outcome::Passed], "{arg} {half}");
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn the_abis_of_an_x86_64_kernel_reach_the_filter() {
    use callgate_compiler::bpf::{Instruction, Program, op};
    let step = |code, jf, k| Instruction { code, jt: 0, jf, k };
    let program = Program::new(vec![
        step(op::LD | op::W | op::ABS, 0, 4),
        step(op::JMP | op::JEQ | op::K, 3, Abi::X86.token()),
        step(op::LD | op::W | op::ABS, 0, 16 + 8 * 5),
        step(op::JMP | op::JEQ | op::K, 2, 0xffff_fff0),
        step(op::RET | op::K, 0, Action::Errno(32).ret()),
        step(op::LD | op::W | op::ABS, 0, 0),
        step(op::JMP | op::JGE | op::K, 1, 0x4000_0000),
        step(op::RET | op::K, 0, Action::Errno(33).ret()),
        step(op::RET | op::K, 0, Action::Allow.ret()),
    ]);
    let x32 = SyscallData::new(Abi::X32.token(), 0x4000_0027, [0; 6]);
    let skip = SyscallData::new(Abi::X86_64.token(), u32::MAX, [0; 6]);
    let first = observe(&program, &[call(native(), 39), x32, skip]).unwrap();
    assert_eq!(first, [Outcome::Passed, Outcome::Errno(33), Outcome::Errno(33)]);
    let i386 = SyscallData::new(Abi::X86.token(), 20, [1, 2, 3, 4, 5, 0xffff_fff0]);
    match observe(&program, &[i386, call(Abi::X86.token(), 20)]).unwrap()[..] {
        [Outcome::Signalled(libc::SIGSEGV), _] => support::skip("the kernel has no i386 entry"),
        ref outcomes => assert_eq!(outcomes, [Outcome::Errno(32), Outcome::Passed]),
    }
    let wide = SyscallData::new(Abi::X86.token(), 20, [1 << 32, 0, 0, 0, 0, 0]);
    assert!(matches!(observe(&program, &[wide]), Err(ProbeError::WideArgument(_))));
}

#[test]
fn what_cannot_be_asked_is_an_error() {
    let program = filter(&[], Action::Allow);
    assert!(matches!(observe(&program, &[call(0x1234, 0)]), Err(ProbeError::ForeignAbi(0x1234))));
    let mut broken = program.clone();
    broken.instructions.pop();
    let calls = [call(native(), libc::SYS_getpid)];
    assert!(matches!(observe(&broken, &calls), Err(ProbeError::Load(nix::errno::Errno::EINVAL))));
    broken.instructions.clear();
    assert!(matches!(observe(&broken, &calls), Err(ProbeError::Length(0))));
}
