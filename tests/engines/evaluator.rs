//! The definition itself.

use callgate_compiler::call::SyscallData;
use callgate_compiler::policy::Policy;

use super::Engine;

/// [`Policy::decide`].
pub(super) struct Evaluator;

impl Engine for Evaluator {
    fn name(&self) -> &'static str {
        "evaluator"
    }

    fn reaches(&self, _call: &SyscallData) -> bool {
        true
    }

    fn ask(&self, policy: &Policy, calls: &[SyscallData]) -> Result<Vec<String>, String> {
        Ok(calls.iter().map(|call| policy.decide(call).action.to_string()).collect())
    }
}
