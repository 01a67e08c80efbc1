//! Which parameters a derived policy holds to the values that were seen.
//!
//! Only those whose value decides what power the call is, and comes from the program's text. Others depend on what happens
//! to happen: which operations of futex a lock needs is a matter of who comes first, and a policy that holds them to one
//! run's breaks in another (a Python program did, at the third start).

/// Call, and its parameters that are held. Sorted.
const HELD: &[(&str, &[&str])] = &[
    ("arch_prctl", &["option"]),
    ("bpf", &["cmd"]),
    ("clone", &["clone_flags"]),
    ("fcntl", &["cmd"]),
    ("fcntl64", &["cmd"]),
    ("ioctl", &["cmd"]),
    ("keyctl", &["option"]),
    ("mmap", &["prot"]),
    ("mmap2", &["prot"]),
    ("mprotect", &["prot"]),
    ("personality", &["personality"]),
    ("pkey_mprotect", &["prot"]),
    ("prctl", &["option"]),
    ("ptrace", &["request"]),
    ("seccomp", &["op"]),
    ("setns", &["flags"]),
    ("setsockopt", &["level", "optname"]),
    ("socket", &["family", "type", "protocol"]),
    ("socketpair", &["family", "type", "protocol"]),
    ("unshare", &["unshare_flags"]),
];

/// Whether the parameter is held to the values seen.
pub(crate) fn is_held(call: &str, parameter: &str) -> bool {
    HELD.binary_search_by_key(&call, |(name, _)| name).is_ok_and(|at| HELD[at].1.contains(&parameter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use callgate_compiler::abi::Abi;
    use callgate_compiler::tables::{self, Role};

    #[test]
    fn what_is_held_is_known() {
        assert!(HELD.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (call, parameters) in HELD {
            for parameter in *parameters {
                let known = Abi::ALL.iter().find_map(|&abi| tables::parameter(abi, call, parameter));
                let (_, found) = known.unwrap_or_else(|| panic!("{call}({parameter})"));
                assert_eq!(found.name, *parameter, "{call}: the recorder uses the first name");
                assert!(matches!(found.role, Role::Selector | Role::Flags), "{call}({parameter})");
            }
        }
    }
}
