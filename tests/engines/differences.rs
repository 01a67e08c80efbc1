//! Where an engine and a policy differ, and why. What is listed here and doesn't happen fails the test, as does what
//! happens and isn't listed.

use callgate_compiler::abi::Abi;
use callgate_compiler::call::SyscallData;
use callgate_compiler::policy::Policy;
use callgate_compiler::tables;

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

/// Whether a call, and what the engine made of it, is part of a difference.
pub(crate) type These = fn(&Policy, &SyscallData, &str) -> bool;

/// What a difference is about.
pub(crate) enum About {
    /// The engine can't hold the policy; its words contain this.
    Policy(&'static str),
    /// What becomes of these calls.
    Calls(These),
    /// As `Calls`, for engines of some versions: it must show where the second says so, and may show elsewhere.
    CallsOfVersions(These, fn() -> bool),
}

const fn policy(engine: &'static str, file: &'static str, words: &'static str, reason: &'static str) -> Difference {
    Difference { engine, file: Some(file), about: About::Policy(words), reason }
}

const fn calls(engine: &'static str, these: These, reason: &'static str) -> Difference {
    Difference { engine, file: None, about: About::Calls(these), reason }
}

fn abi(call: &SyscallData) -> Option<Abi> {
    Abi::of_call(call.arch, call.nr)
}

/// A call of an ABI that the policy doesn't speak for.
fn unlisted(policy: &Policy, call: &SyscallData) -> bool {
    abi(call).is_none_or(|abi| !policy.abis.contains_key(&abi))
}

/// A call that its ABI has no name for.
fn nameless(call: &SyscallData) -> bool {
    abi(call).is_some_and(|abi| tables::name(abi, call.nr).is_none())
}

const THREE_ACTIONS: &str = "a filter of its has two actions, one for what matches and one for the rest";

/// Every difference that is known.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        engine: "kernel",
        file: None,
        about: About::CallsOfVersions(
            |_, call, _| abi(call) == Some(Abi::X86_64) && matches!(call.nr, 335 | 336),
            || kernel() >= (6, 14),
        ),
        reason: "the kernel lets uretprobe (335), and later uprobe (336), past every filter: \
                 seccomp_uprobe_exception in kernel/seccomp.c",
    },
    Difference {
        engine: "kernel",
        file: None,
        about: About::CallsOfVersions(
            |_, call, found| abi(call) == Some(Abi::X86) && found == "Signalled(11)",
            || false,
        ),
        reason: "a kernel without CONFIG_IA32_EMULATION has no int 0x80",
    },
    calls(
        "seccompiler",
        |policy, call, found| {
            let rest = policy.abis.get(&Abi::X86_64).map(|listed| listed.rest.action.to_string());
            abi(call) == Some(Abi::X32) && rest.is_some_and(|rest| rest == found)
        },
        "it has no x32 guard: x32 numbers are x86-64 numbers without a rule, and get the mismatch action",
    ),
    calls(
        "seccompiler",
        |policy, call, found| abi(call) == Some(Abi::X86) && policy.abis.contains_key(&Abi::X86_64) && found == "kill",
        "a filter of its is for one ABI, and kills the calls of every other token",
    ),
    policy("seccompiler", "02_deny_list.toml", "three actions", THREE_ACTIONS),
    policy("seccompiler", "03_every_action.toml", "three actions", THREE_ACTIONS),
    policy("seccompiler", "04_notify.toml", "three actions", THREE_ACTIONS),
    policy("seccompiler", "12_known_and_unknown.toml", "three actions", THREE_ACTIONS),
    policy("seccompiler", "13_unknown_of_its_own.toml", "three actions", THREE_ACTIONS),
    policy("seccompiler", "18_groups.toml", "three actions", THREE_ACTIONS),
    policy("seccompiler", "19_guards.toml", "three actions", THREE_ACTIONS),
    policy("seccompiler", "20_layers.toml", "three actions", THREE_ACTIONS),
    policy("seccompiler", "21_precedence.toml", "three actions", THREE_ACTIONS),
    policy("seccompiler", "25_abis_apart.toml", "three actions", THREE_ACTIONS),
    calls(
        "libseccomp",
        |policy, call, found| unlisted(policy, call) && found == "kill-thread",
        "it kills the thread for ABIs that aren't in the filter (SCMP_FLTATR_ACT_BADARCH), and no runtime changes that",
    ),
    calls(
        "libseccomp",
        |policy, call, _| !unlisted(policy, call) && nameless(call),
        "a profile names calls: numbers without a name take its default, as the export notes",
    ),
    #[cfg(feature = "libseccomp")]
    Difference {
        engine: "libseccomp",
        file: None,
        about: About::CallsOfVersions(
            |_, call, _| {
                let name = abi(call).and_then(|abi| tables::name(abi, call.nr));
                name.is_some_and(|name| libseccomp::ScmpSyscall::from_name(name).is_err())
            },
            // The newest call that a vector needs.
            || libseccomp::ScmpSyscall::from_name("uprobe").is_err(),
        ),
        reason: "calls newer than the library have no name in it, and take the default",
    },
    policy("libseccomp", "19_guards.toml", "decided differently", "OCI has one list of names for all ABIs"),
    policy(
        "libseccomp",
        "24_largest_errno.toml",
        "libseccomp refuses the errno",
        "libseccomp 2.5.4 takes errnos below this one",
    ),
    policy("libseccomp", "25_abis_apart.toml", "decided differently", "OCI has one list of names for all ABIs"),
];

/// The running kernel, major and minor.
fn kernel() -> (u16, u16) {
    let text = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("a Linux");
    let mut parts = text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}
