//! The running kernel. Needs no root: the probe sets `no_new_privs`.

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::call::SyscallData;
use callgate_compiler::compile::compile;
use callgate_compiler::policy::Policy;
use callgate_tracer::probe::{Outcome, observe};

use super::Engine;

/// [`observe`]: calls that are made, and never executed.
pub(super) struct Kernel;

impl Engine for Kernel {
    fn name(&self) -> &'static str {
        "kernel"
    }

    fn shows(&self, action: Action) -> String {
        format!("{:?}", Outcome::of(action))
    }

    /// This machine's own entries: on x86-64 with x32 numbers and, by way of int 0x80, i386.
    fn reaches(&self, call: &SyscallData) -> bool {
        let own = if cfg!(target_arch = "x86_64") { Abi::X86_64 } else { Abi::Aarch64 };
        call.arch == own.token() || (own == Abi::X86_64 && call.arch == Abi::X86.token())
    }

    fn ask(&self, policy: &Policy, calls: &[SyscallData]) -> Result<Vec<String>, String> {
        let program = compile(policy).map_err(|error| error.to_string())?.program;
        let outcomes = observe(&program, calls).map_err(|error| error.to_string())?;
        Ok(outcomes.into_iter().map(|outcome| format!("{outcome:?}")).collect())
    }
}
