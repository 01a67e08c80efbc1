//! libseccomp, through its crate: the filters of its backend as runc would build them
//! (`libcontainer/seccomp/seccomp_linux.go`), without the ENOSYS stub that runc puts in front; simulated.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use callgate_compiler::abi::{Abi, Endian};
use callgate_compiler::action::Action;
use callgate_compiler::call::SyscallData;
use callgate_compiler::policy::Policy;

use super::Engine;
use super::simulator::run;
use crate::backend::by_libseccomp::{LIST, document, filter};

/// `ScmpFilterContext`, simulated.
pub(super) struct Libseccomp;

impl Engine for Libseccomp {
    fn name(&self) -> &'static str {
        "libseccomp"
    }

    fn shows(&self, action: Action) -> String {
        match action {
            Action::Trap(_) => "trap".to_owned(),
            _ => action.to_string(),
        }
    }

    /// Calls of machines that we know: on any other, runc would build another filter.
    fn reaches(&self, call: &SyscallData) -> bool {
        Abi::of_call(call.arch, call.nr).is_some()
    }

    fn ask(&self, policy: &Policy, calls: &[SyscallData]) -> Result<Vec<String>, String> {
        let document = document(policy)?;
        let mut programs = BTreeMap::new();
        calls
            .iter()
            .map(|call| {
                let machine = Abi::of_call(call.arch, call.nr).expect("a known ABI").native();
                if !policy.abis.keys().any(|abi| abi.native() == machine) {
                    return Ok(self.shows(policy.decide(call).action));
                }
                let program = match programs.entry(machine) {
                    Entry::Occupied(built) => built.into_mut(),
                    Entry::Vacant(place) => place.insert(
                        filter(&document, Some(machine), None, Endian::Little, LIST)
                            .map_err(|error| format!("on {machine}: {error}"))?,
                    ),
                };
                Ok(self.shows(run(program, call)))
            })
            .collect()
    }
}
