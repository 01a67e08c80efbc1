//! Where an engine and a policy differ, and why. What is listed here and doesn't happen fails the test, as does what
//! happens and isn't listed.

use callgate_compiler::abi::Abi;
use callgate_compiler::call::SyscallData;
use callgate_compiler::policy::Policy;

/// One difference on purpose.
pub(crate) struct Difference {
    /// The engine's name.
    pub(crate) engine: &'static str,
    /// The file; `None` where the reason isn't about one, and the difference shows in at least one.
    pub(crate) file: Option<&'static str>,
    /// What it is about.
    pub(crate) about: About,
    /// Why.
    pub(crate) reason: &'static str,
}

/// What a difference is about.
pub(crate) enum About {
    /// The engine can't hold the policy; its words contain this.
    Policy(&'static str),
    /// What becomes of these calls.
    Calls(fn(&Policy, &SyscallData) -> bool),
    /// As `Calls`, but only some versions of the engine differ, so nothing is wrong when none is found.
    CallsOfSomeVersions(fn(&Policy, &SyscallData) -> bool),
}

const fn policy(engine: &'static str, file: &'static str, words: &'static str, reason: &'static str) -> Difference {
    Difference { engine, file: Some(file), about: About::Policy(words), reason }
}

/// Every difference that is known.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        engine: "kernel",
        file: None,
        about: About::CallsOfSomeVersions(|_, call| {
            call.arch == Abi::X86_64.token() && matches!(call.nr, 335 | 336)
        }),
        reason: "from 6.14 on the kernel lets uretprobe (335), and later uprobe (336), past every filter: \
                 seccomp_uprobe_exception in kernel/seccomp.c",
    },
    Difference {
        engine: "seccompiler",
        file: None,
        about: About::Calls(|policy, call| {
            Abi::of_call(call.arch, call.nr) == Some(Abi::X32) && policy.abis.contains_key(&Abi::X86_64)
        }),
        reason: "it has no x32 guard: x32 numbers are x86-64 numbers without a rule, and get the mismatch action",
    },
];
