//! What Docker's and Podman's `includes` and `excludes` call a machine, and what a comparison asks.

use callgate_compiler::abi::Abi;
use callgate_compiler::condition::{Atom, Condition, ValueSet, Width};

use super::{Argument, Comparison};

impl super::Conditions {
    /// Whether a machine is named: its own ABI, as Go and libseccomp spell it. A name that is no machine's own (`x32`, `x86`)
    /// matches none.
    #[must_use]
    pub fn names_machine(&self, machine: Abi) -> bool {
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

impl Argument {
    /// What it asks of the whole word, unsigned, as libseccomp compares on 64-bit ABIs.
    #[must_use]
    pub fn condition(&self) -> Condition {
        let (value, most) = (self.value, self.mask);
        let above = value.checked_add(1).map(|next| (next, most));
        let below = value.checked_sub(1).map(|last| (0, last));
        let values = match self.comparison {
            Comparison::Equal => ValueSet::one(value),
            Comparison::NotEqual => ValueSet::of(below.into_iter().chain(above)),
            Comparison::Less => ValueSet::of(below),
            Comparison::LessOrEqual => ValueSet::of([(0, value)]),
            Comparison::GreaterOrEqual => ValueSet::of([(value, most)]),
            Comparison::Greater => ValueSet::of(above),
        };
        Condition::Atom(Atom { arg: self.index, width: Width::W64, mask: self.mask, values })
    }
}
