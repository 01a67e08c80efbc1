//! seccompiler, through its crate: the filters of its backend, simulated.

use std::collections::BTreeMap;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::call::SyscallData;
use callgate_compiler::policy::Policy;

use super::Engine;
use super::simulator::run;
use crate::backend::by_seccompiler::{MACHINES, program};

/// `SeccompFilter`, simulated.
pub(super) struct Seccompiler;

impl Engine for Seccompiler {
    fn name(&self) -> &'static str {
        "seccompiler"
    }

    fn shows(&self, action: Action) -> String {
        match action {
            Action::Trap(_) => "trap".to_owned(),
            _ => action.to_string(),
        }
    }

    /// Calls of machines that it compiles for.
    fn reaches(&self, call: &SyscallData) -> bool {
        Abi::of_call(call.arch, call.nr).is_some_and(|abi| MACHINES.iter().any(|(machine, _)| *machine == abi.native()))
    }

    fn ask(&self, policy: &Policy, calls: &[SyscallData]) -> Result<Vec<String>, String> {
        let mut programs = BTreeMap::new();
        for (machine, _) in MACHINES {
            if policy.abis.contains_key(&machine) {
                programs.insert(machine, program(policy, machine)?);
            }
        }
        if programs.is_empty() {
            return Err("no ABI that it compiles for".to_owned());
        }
        Ok(calls
            .iter()
            .map(|call| {
                let machine = Abi::of_call(call.arch, call.nr).map(Abi::native);
                match machine.and_then(|machine| programs.get(&machine)) {
                    Some(program) => self.shows(run(program, call)),
                    // The policy doesn't speak for the machine; no filter was made for it.
                    None => self.shows(policy.decide(call).action),
                }
            })
            .collect())
    }
}
