//! libseccomp's programs of a policy, fed with the exported OCI document as runtimes feed it.

use std::io::{Read as _, Seek as _};

use callgate_compiler::abi::Endian;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Program, from_bytes};
use callgate_compiler::policy::{Cause, Decision, Policy};
use callgate_profiles::export::{ExportOptions, Format, export};
use libseccomp::{ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};
use serde_json::Value;

/// The policy as libseccomp carries it out: it kills the thread, not the process, of a call of another ABI.
pub(super) fn meaning(policy: &Policy) -> Policy {
    let other = Decision { action: Action::KillThread, cause: Cause::UnlistedAbi };
    Policy { other, ..policy.clone() }
}

/// Its list (level 1) or its tree (level 2).
pub(super) fn program(policy: &Policy, level: u32) -> Program {
    let options = ExportOptions { allow_lossy: false, strict: false };
    let exported = export(policy, &Program::default(), Format::Oci, &options).expect("it can be exported");
    let document: Value = serde_json::from_slice(&exported.bytes).expect("JSON");
    libseccomp::set_api(6).expect("it knows the level");
    let mut filter = ScmpFilterContext::new(action(&document, "defaultAction", "defaultErrnoRet")).expect("a filter");
    filter.remove_arch(ScmpArch::Native).expect("it is there");
    for name in list(&document["architectures"]) {
        filter.add_arch(name.parse::<ScmpArch>().expect("it knows it")).expect("it isn't there");
    }
    filter.set_ctl_optimize(level).expect("it has two");
    for entry in document["syscalls"].as_array().into_iter().flatten() {
        let tests: Vec<_> = entry["args"].as_array().into_iter().flatten().map(comparison).collect();
        for name in list(&entry["names"]) {
            if let Ok(call) = ScmpSyscall::from_name(name) {
                let action = action(entry, "action", "errnoRet");
                filter.add_rule_conditional(action, call, &tests).expect("it takes the rule");
            }
        }
    }
    let mut file = tempfile::tempfile().expect("a file");
    filter.export_bpf(&file).expect("it writes");
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("it is read");
    from_bytes(&bytes, Endian::Little).expect("whole instructions")
}

fn comparison(test: &Value) -> ScmpArgCompare {
    let number = |key: &str| test.get(key).and_then(Value::as_u64).unwrap_or(0);
    let index = u32::try_from(number("index")).expect("an argument");
    let (operator, value) = match test["op"].as_str() {
        Some("SCMP_CMP_MASKED_EQ") => (ScmpCompareOp::MaskedEqual(number("value")), number("valueTwo")),
        _ => (ScmpCompareOp::Equal, number("value")),
    };
    ScmpArgCompare::new(index, operator, value)
}

fn action(entry: &Value, name: &str, errno: &str) -> ScmpAction {
    let data = entry.get(errno).and_then(Value::as_i64).and_then(|data| i32::try_from(data).ok());
    ScmpAction::from_str(entry[name].as_str().unwrap_or_default(), data).expect("an action")
}

fn list(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}
