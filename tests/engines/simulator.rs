//! The compiled program on the simulated machine.

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Program, admit, simulate};
use callgate_compiler::call::SyscallData;
use callgate_compiler::compile::compile;
use callgate_compiler::policy::Policy;

use super::Engine;

/// `compile()`, the kernel's admission rules, and the simulator.
pub(super) struct Simulator;

impl Engine for Simulator {
    fn name(&self) -> &'static str {
        "simulator"
    }

    fn reaches(&self, _call: &SyscallData) -> bool {
        true
    }

    fn ask(&self, policy: &Policy, calls: &[SyscallData]) -> Result<Vec<String>, String> {
        let program = compile(policy).map_err(|error| error.to_string())?.program;
        admit(&program).map_err(|refusal| refusal.to_string())?;
        assert_eq!(program.provenance.len(), program.instructions.len(), "every instruction has its calls");
        Ok(calls
            .iter()
            .map(|call| {
                let action = run(&program, call);
                if claims(policy, &program, call, action) {
                    action.to_string()
                } else {
                    format!("{action}, at an instruction whose provenance doesn't have this call")
                }
            })
            .collect())
    }
}

/// What a filter does to a call on the machine that the call is made on.
pub(super) fn run(program: &Program, call: &SyscallData) -> Action {
    let known = Abi::ALL.iter().find(|abi| abi.token() == call.arch);
    let endian = known.map_or(callgate_compiler::abi::Endian::Little, |abi| abi.endian());
    let outcome = simulate(program, endian, call).expect("an admitted program doesn't fault");
    Action::from_ret(outcome.ret)
}

/// Whether some end of the program that returns this action says that this call can come to it.
fn claims(policy: &Policy, program: &Program, call: &SyscallData, action: Action) -> bool {
    // ABIs that the policy doesn't name are one to a program.
    let named = |abi: &Abi| policy.abis.contains_key(abi) || policy.foreign.contains_key(abi);
    let abi = Abi::of_call(call.arch, call.nr).filter(named);
    program.instructions.iter().enumerate().filter(|(_, end)| end.k == action.ret()).any(|(position, _)| {
        program.origins(position).iter().any(|origin| {
            origin.abi == abi && origin.numbers.iter().any(|&(low, high)| (low..=high).contains(&call.nr))
        })
    })
}
