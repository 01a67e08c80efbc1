//! A stack of filters and its merge, in the running kernel.

use std::fs;

use callgate_compiler::combine::{Rule, combine, minimise};
use callgate_compiler::compile::compile;
use callgate_compiler::policy::Policy;
use callgate_compiler::prove::{Budget, Filter, Verdict, WordOrder};
use callgate_tracer::probe::{Outcome, observe, observe_stack};

use crate::engines::{self, Engine, around};
use crate::support::root;

/// On top of Docker's default: what a service's own filters may do. Each lets seccomp(2) through, so that the next can be loaded.
const REFINEMENTS: &[&str] = &[
    "errno(ENOSYS): io_uring_setup, clone3\ndeny: socket(family == AF_VSOCK)",
    "errno(EACCES): socket(family in {AF_ALG, AF_VSOCK}), ptrace\nerrno(EPERM): clone3",
    "kill-thread: keyctl, socket(type & 0xf == SOCK_PACKET)",
    "trap(7): personality(persona != 0), socket(family > 40)",
    "log: mount, getpid\nerrno(E2BIG): socket(protocol in 100..200)",
    "errno(EBADF): ioctl(cmd in {TIOCSTI, TIOCLINUX, 0x5401..0x5408})\ntrace(3): prctl(option & 8 == 8)",
    "kill: ioctl(fd == 77, cmd == TIOCSTI)\nerrno(EAGAIN): clone(flags has CLONE_NEWUSER)",
];

fn stack() -> Vec<Policy> {
    let docker = fs::read_to_string(root().join("profiles/policies/docker-default.gate")).expect("a policy");
    let own = if cfg!(target_arch = "x86_64") { "x86_64, x86" } else { "aarch64" };
    let mut policies = vec![engines::policy("docker-default.gate", &docker)];
    policies.extend(
        REFINEMENTS
            .iter()
            .map(|text| engines::policy(text, &format!("arch: {own}\nallow: all\nallow: arch other\n{text}\n"))),
    );
    policies
}

#[test]
fn eight_filters_and_their_merge_do_the_same() {
    let policies = stack();
    let merged = minimise(&combine(Rule::Stack, &policies).expect("they stack").policy).expect("a small policy");
    let programs: Vec<_> = policies.iter().map(|policy| compile(policy).expect("a filter").program).collect();
    let program = compile(&merged).expect("a filter").program;
    let order = WordOrder::of(&merged);
    let filters: Vec<_> = programs.iter().map(|program| Filter::Program(program, order)).collect();
    let proof = Rule::Stack.proof(&filters, Filter::Program(&program, order), Budget::default());
    assert_eq!(proof, Verdict::Holds);

    // Around what each filter and what the merged one decides. The kernel lets uretprobe and uprobe past every filter
    // (kernel/seccomp.c, seccomp_uprobe_exception).
    let mut calls: Vec<_> = policies.iter().chain([&merged]).flat_map(around).collect();
    let past_filters = |nr: u32| cfg!(target_arch = "x86_64") && matches!(nr, 335 | 336);
    calls.retain(|call| engines::kernel().reaches(call) && !past_filters(call.nr));
    calls.sort_by_key(|call| (call.arch, call.nr, call.args));
    calls.dedup();
    let stacked = observe_stack(&programs, &calls).expect("the kernel answers");
    let alone = observe(&program, &calls).expect("the kernel answers");
    for ((call, stacked), alone) in calls.iter().zip(&stacked).zip(&alone) {
        assert_eq!((*alone, *stacked), (Outcome::of(merged.decide(call).action), *alone), "{call:?}");
    }
    let kinds = |wanted: fn(&Outcome) -> bool| stacked.iter().filter(|outcome| wanted(outcome)).count();
    assert!(kinds(|outcome| matches!(outcome, Outcome::ThreadKilled)) > 0);
    assert!(kinds(|outcome| matches!(outcome, Outcome::Trapped(7))) > 0);
    assert!(kinds(|outcome| matches!(outcome, Outcome::ProcessKilled)) > 0);
    let sum: usize = programs.iter().map(|program| program.instructions.len()).sum();
    assert!(program.instructions.len() < sum);
    eprintln!(
        "{} calls; {} instructions for {sum} of {} filters",
        calls.len(),
        program.instructions.len(),
        programs.len()
    );
}
