//! What Docker's and Podman's `includes` and `excludes` call a machine.

use callgate_compiler::abi::Abi;

impl super::Conditions {
    /// Whether a machine is named.
    pub(crate) fn names_machine(&self, machine: Abi) -> bool {
        self.machines.iter().any(|name| machine_names(machine).contains(&name.as_str()))
    }
}

/// What a machine's architecture is called in `includes` and `excludes` (moby, `profiles/seccomp`, `goToNative`;
/// libseccomp-golang, `ScmpArch.String`, which Podman asks). They differ on one machine alone.
fn machine_names(machine: Abi) -> &'static [&'static str] {
    match machine {
        Abi::X86_64 => &["amd64"],
        Abi::Aarch64 => &["arm64"],
        Abi::Riscv64 => &["riscv64"],
        Abi::Loongarch64 => &["loongarch64", "loong64"],
        Abi::S390x => &["s390x"],
        Abi::Ppc64le => &["ppc64le"],
        Abi::Ppc64 => &["ppc64"],
        Abi::Mips64 => &["mips64"],
        Abi::Mips64el => &["mipsel64"],
        // The others are no 64-bit machine's own.
        _ => &[],
    }
}
