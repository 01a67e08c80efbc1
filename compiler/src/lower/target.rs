//! What a policy is lowered for: the ABIs, capabilities and kernel that its `arch:` and `when` leave open.

use std::collections::BTreeSet;

use callgate_grammar::tree::Version;

use crate::abi::Abi;

/// The capabilities Docker gives a container by default (moby, `oci/caps/defaults.go`), without `CAP_`.
pub const DOCKER_CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Every capability, by number (include/uapi/linux/capability.h, Linux 6.18), without `CAP_`.
pub const CAPABILITIES: &[&str] = &[
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// The capability's name as [`CAPABILITIES`] spells it; `CAP_` before it and lower case are accepted.
#[must_use]
pub fn capability(name: &str) -> Option<&'static str> {
    let upper = name.to_ascii_uppercase();
    let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
    CAPABILITIES.iter().find(|known| **known == bare).copied()
}

/// What a policy is lowered for.
#[derive(Clone, Debug)]
pub struct Target {
    /// `--arch`: wins over the policy's `arch:`.
    pub abis: Option<Vec<Abi>>,
    /// The ABIs of a policy without `arch:`.
    pub default_abis: Vec<Abi>,
    /// `--cap`: what `when cap` holds for, as [`capability`] spells them.
    pub capabilities: BTreeSet<&'static str>,
    /// `--kernel`: what `when kernel` holds for; without it, the policy's `known:`, else `running_kernel`.
    pub kernel: Option<Version>,
    /// The kernel to assume when nothing names one.
    pub running_kernel: Version,
}

impl Target {
    /// Docker's capabilities and no override.
    #[must_use]
    pub fn new(default_abis: Vec<Abi>, running_kernel: Version) -> Self {
        Self {
            abis: None,
            default_abis,
            capabilities: DOCKER_CAPABILITIES.iter().copied().collect(),
            kernel: None,
            running_kernel,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockers_capabilities_exist() {
        for name in DOCKER_CAPABILITIES {
            assert_eq!(capability(&format!("cap_{}", name.to_lowercase())), Some(*name));
        }
        assert_eq!(capability("CAP_NONSENSE"), None);
    }
}
