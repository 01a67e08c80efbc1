//! The rules as libseccomp's.

use std::fs::File;
use std::io::{Read as _, Seek as _};

use callgate_compiler::abi::Endian;
use callgate_compiler::bpf::{Program, from_bytes};
use libseccomp::error::SeccompError;
use libseccomp::{ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};

use super::rules::{Case, Operator, Test};
use crate::backend::by_libseccomp::scmp_action;

/// What libseccomp makes of the rules, as a sorted list or as a tree.
pub(super) fn program(case: &Case) -> Result<Program, String> {
    // Also the actions that this machine's kernel may lack: the filter is only compared.
    libseccomp::set_api(6).map_err(said)?;
    let mut filter = ScmpFilterContext::new(scmp_action(case.default)).map_err(said)?;
    filter.set_act_badarch(ScmpAction::KillProcess).map_err(said)?;
    filter.remove_arch(ScmpArch::Native).map_err(said)?;
    filter.add_arch(ScmpArch::X8664).map_err(said)?;
    filter.set_ctl_optimize(1 + case.rules.len() as u32 % 2).map_err(said)?;
    for rule in &case.rules {
        let tests: Vec<_> = rule.tests.iter().map(comparison).collect();
        let call = ScmpSyscall::from(rule.nr.cast_signed());
        filter.add_rule_conditional(scmp_action(rule.action), call, &tests).map_err(said)?;
    }
    let mut file: File = tempfile::tempfile().map_err(|error| error.to_string())?;
    filter.export_bpf(&file).map_err(said)?;
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).map_err(|error| error.to_string())?;
    from_bytes(&bytes, Endian::Little).map_err(|error| error.to_string())
}

fn comparison(test: &Test) -> ScmpArgCompare {
    let operator = match test.operator {
        Operator::Equal => ScmpCompareOp::Equal,
        Operator::NotEqual => ScmpCompareOp::NotEqual,
        Operator::Less => ScmpCompareOp::Less,
        Operator::LessOrEqual => ScmpCompareOp::LessOrEqual,
        Operator::Greater => ScmpCompareOp::Greater,
        Operator::GreaterOrEqual => ScmpCompareOp::GreaterEqual,
        Operator::MaskedEqual(mask) => ScmpCompareOp::MaskedEqual(mask),
    };
    ScmpArgCompare::new(test.arg.into(), operator, test.value)
}

#[allow(clippy::needless_pass_by_value)] // for map_err
fn said(error: SeccompError) -> String {
    error.to_string()
}
