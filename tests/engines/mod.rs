//! Everything that can say what a policy does to a call.

mod boundaries;
#[cfg(feature = "libseccomp")]
mod by_libseccomp;
mod by_seccompiler;
mod case;
pub(crate) mod differences;
mod evaluator;
mod kernel;
mod mutants;
mod simulator;

use callgate_compiler::action::Action;
use callgate_compiler::call::SyscallData;
use callgate_compiler::policy::Policy;

pub(crate) use case::{Case, around, cases, policy};

/// Something that carries out policies.
pub(crate) trait Engine {
    /// What the list of differences calls it.
    fn name(&self) -> &'static str;

    /// How an action shows itself; actions that the engine can't tell apart look alike.
    fn shows(&self, action: Action) -> String {
        action.to_string()
    }

    /// Which calls it can be asked about.
    fn reaches(&self, call: &SyscallData) -> bool;

    /// How each of these calls, which it [reaches](Self::reaches), comes out under the policy.
    ///
    /// # Errors
    /// Why the engine can't hold this policy.
    fn ask(&self, policy: &Policy, calls: &[SyscallData]) -> Result<Vec<String>, String>;
}

pub(crate) fn evaluator() -> impl Engine {
    evaluator::Evaluator
}

pub(crate) fn simulator() -> impl Engine {
    simulator::Simulator
}

pub(crate) fn kernel() -> impl Engine {
    kernel::Kernel
}

pub(crate) fn seccompiler() -> impl Engine {
    by_seccompiler::Seccompiler
}

#[cfg(feature = "libseccomp")]
pub(crate) fn libseccomp() -> impl Engine {
    by_libseccomp::Libseccomp
}
