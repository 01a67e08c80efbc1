//! The numbers against libseccomp's, asked through its `scmp_sys_resolver` (Debian package seccomp).

use std::collections::BTreeSet;
use std::process::Command;

use crate::abi::Abi;
use crate::tables;

/// Parts of socketcall and ipc: where an ABI has those, libseccomp answers with a number of its own below -100 and rewrites
/// both. (`SOCKETCALL` and `IPC` in its src/arch-*.c; `send` and `recv` are parts too.)
const MULTIPLEXED: &str = "accept socket bind connect listen getsockname getpeername socketpair send sendto recv recvfrom shutdown \
                           setsockopt getsockopt sendmsg recvmsg sendmmsg recvmmsg accept4 semget semctl semtimedop shmget shmctl shmat \
                           shmdt msgget msgsnd msgrcv msgctl";

/// Calls some versions of libseccomp say an ABI lacks: `map_shadow_stack` is in x32's table since 6.6, not in 2.5's.
const DENIED: &[(Abi, &str)] = &[(Abi::X32, "map_shadow_stack")];

/// The number libseccomp has for a call; -1 when it doesn't know the name.
fn resolve(abi: Abi, name: &str) -> Option<i64> {
    // Its names of ABIs are the last words of the OCI ones.
    let theirs = abi.oci_name().trim_start_matches("SCMP_ARCH_").to_lowercase();
    let output = Command::new("scmp_sys_resolver").args(["-a", &theirs, name]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

#[test]
fn numbers_are_libseccomps() {
    if resolve(Abi::X86_64, "read") != Some(0) {
        let required = std::env::var("CALLGATE_REQUIRE").is_ok_and(|value| value == "all");
        assert!(!required, "scmp_sys_resolver doesn't answer");
        eprintln!("skipped: numbers_are_libseccomps: scmp_sys_resolver doesn't answer (Debian package seccomp)");
        return;
    }
    let mut tables_seen = BTreeSet::new();
    for &abi in Abi::ALL {
        let Some(read) = resolve(abi, "read") else {
            assert_eq!(abi, Abi::Loongarch64, "libseccomp has it since 2.6, the others are older");
            continue;
        };
        assert_eq!(Some(read), tables::number(abi, "read").map(i64::from), "{abi}");
        if !tables_seen.insert(abi.table()) {
            continue;
        }
        let mut compared = 0;
        for (number, name) in tables::calls(abi) {
            let theirs = resolve(abi, name).unwrap();
            let parts = tables::number(abi, "ipc").is_some()
                && theirs < 0
                && MULTIPLEXED.split_whitespace().any(|part| part == name);
            // Unknown (-1): the call is newer than the library. What it may deny depends on its version.
            if theirs == -1 || parts || (theirs < 0 && DENIED.contains(&(abi, name))) {
                continue;
            }
            assert_eq!(theirs, i64::from(number), "{abi} {name}");
            compared += 1;
        }
        assert!(compared > 300, "{abi}: only {compared} calls compared");
    }
}
