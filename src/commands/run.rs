//! `callgate run`

use callgate_compiler::abi::Abi;
use callgate_compiler::call::SyscallData;
use callgate_compiler::condition::Condition;
use callgate_compiler::outcome::outcomes;
use callgate_compiler::policy::Policy;
use callgate_compiler::tables;
use callgate_tracer::command::Prepared;
use callgate_tracer::enforce::{self, EnforceOptions};

use super::spelling;
use crate::cli::Run;
use crate::failure::{Failure, Outcome};
use crate::{input, objective, policy};

pub(crate) fn run(args: &Run) -> Outcome {
    let host = policy::host_abi()?;
    let loaded = input::load(
        &args.files,
        &args.policy.statements,
        &policy::reading(&args.policy.target.host, &args.policy.target.arch)?,
    )?;
    let target = policy::target(&args.policy.target, vec![host])?;
    let checked = policy::check(loaded, &target)?;
    let kernel = target.kernel.unwrap_or(target.running_kernel);
    let compiled = objective::program(&checked.policy, &args.objective, Some(kernel))?;
    must_allow_execve(&checked.policy, host)?;
    let command = Prepared::new(&args.command)?;
    let options = EnforceOptions { keep_privileges: args.keep_privileges };
    // Comes back only when the command could not be started.
    let error = enforce::run(&compiled.program, &checked.policy.flags, &command, options);
    Err(Failure::from(error))
}

/// Without execve nothing could start, and a filter that kills would not even let us say so.
fn must_allow_execve(policy: &Policy, host: Abi) -> Result<(), Failure> {
    let nr = tables::number(host, "execve").expect("every ABI has execve");
    let missing = |action: String| {
        Failure::new(format!("the policy answers execve with {action}, so the command could not start"))
            .help("add `allow: execve`: it is the one call made under the filter before the command's own")
    };
    let Some(call) = policy.abis.get(&host).and_then(|abi| abi.calls.get(&nr)) else {
        let decision = policy.decide(&SyscallData::new(host.token(), nr, [0; 6]));
        return if decision.action.permits() { Ok(()) } else { Err(missing(spelling::action(decision.action, host))) };
    };
    // Its arguments are pointers that aren't known yet; a condition on them is the policy author's own risk.
    let possible = outcomes(call, &Condition::Always)?;
    match possible.iter().find(|outcome| outcome.decision.action.permits()) {
        Some(_) => Ok(()),
        None => Err(missing(spelling::action(call.otherwise.action, host))),
    }
}
