//! libseccomp, through its crate, fed with the exported OCI document as runc feeds it
//! (`libcontainer/seccomp/seccomp_linux.go`).

use std::io::{Read as _, Seek as _};

use callgate_compiler::abi::{Abi, Endian};
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Program, admit, from_bytes};
use callgate_compiler::policy::Policy;
use callgate_profiles::export::{ExportOptions, Format, export};
use libseccomp::error::SeccompError;
use libseccomp::{ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};
use serde_json::Value;

/// libseccomp's filter for the ABIs that a policy lists; calls through others do what the policy says of ABIs that it doesn't
/// name.
///
/// # Errors
/// What it has no words for.
pub(crate) fn program(policy: &Policy) -> Result<Program, String> {
    let endian = policy.abis.keys().next().map_or(Endian::Little, |abi| abi.endian());
    filter(&document(policy)?, None, Some(policy.other.action), endian, LIST)
}

/// The OCI document of a policy.
///
/// # Errors
/// When there is none that says the same.
pub(crate) fn document(policy: &Policy) -> Result<Value, String> {
    let options = ExportOptions { allow_lossy: false, strict: false };
    let exported = export(policy, &Program::default(), Format::Oci, &options)
        .map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())?;
    let apart = exported.notes.iter().any(|note| note.starts_with("callgate doesn't vouch"));
    if apart {
        return Err("not vouched for, as the export notes".to_owned());
    }
    serde_json::from_slice(&exported.bytes).map_err(|error| error.to_string())
}

/// `SCMP_FLTATR_CTL_OPTIMIZE`'s default: a list of compares (libseccomp, `seccomp_attr_set(3)`).
pub(crate) const LIST: u32 = 1;

/// libseccomp's filter for a document, as runc builds it; on a machine, for that one's own ABI too. `optimize` is its level:
/// [`LIST`], or 2 for a tree.
///
/// # Errors
/// What libseccomp refuses.
pub(crate) fn filter(
    document: &Value,
    machine: Option<Abi>,
    bad_arch: Option<Action>,
    endian: Endian,
    optimize: u32,
) -> Result<Program, String> {
    // Also what this machine's kernel lacks, notify among it: the filter isn't loaded here.
    libseccomp::set_api(6).map_err(said)?;
    let default = action(document, "defaultAction", "defaultErrnoRet")?;
    if default == ScmpAction::Notify {
        return Err("runtimes refuse notify as the default".to_owned());
    }
    let mut filter = ScmpFilterContext::new(default).map_err(said)?;
    filter.set_ctl_optimize(optimize).map_err(said)?;
    filter.remove_arch(ScmpArch::Native).map_err(said)?;
    for name in list(&document["architectures"]).chain(machine.map(Abi::oci_name)) {
        let arch: ScmpArch = name.parse().map_err(said)?;
        if !filter.is_arch_present(arch).map_err(said)? {
            filter.add_arch(arch).map_err(said)?;
        }
    }
    if let Some(bad_arch) = bad_arch {
        filter.set_act_badarch(scmp_action(bad_arch)).map_err(said)?;
    }
    for entry in document["syscalls"].as_array().into_iter().flatten() {
        let wanted = action(entry, "action", "errnoRet")?;
        // libseccomp refuses a rule that says what the default says; runc passes over it.
        if wanted == default {
            continue;
        }
        for name in list(&entry["names"]) {
            // Names that libseccomp doesn't know are passed over as well.
            if let Ok(call) = ScmpSyscall::from_name(name) {
                add(&mut filter, wanted, call, entry.get("args").and_then(Value::as_array).map_or(&[], Vec::as_slice))?;
            }
        }
    }
    let mut file = tempfile::tempfile().map_err(|error| error.to_string())?;
    filter.export_bpf(&file).map_err(said)?;
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).map_err(|error| error.to_string())?;
    let program = from_bytes(&bytes, endian).map_err(|error| error.to_string())?;
    admit(&program).map_err(|refusal| refusal.to_string())?;
    Ok(program)
}

/// `matchCall` of runc: one rule of all tests, or, where an argument is named twice, a rule of each.
fn add(filter: &mut ScmpFilterContext, action: ScmpAction, call: ScmpSyscall, tests: &[Value]) -> Result<(), String> {
    let mut indices: Vec<_> = tests.iter().map(|test| test["index"].as_u64()).collect();
    let tests: Vec<_> = tests.iter().map(comparison).collect::<Result<_, _>>()?;
    indices.sort_unstable();
    if indices.windows(2).any(|pair| pair[0] == pair[1]) {
        for test in tests {
            filter.add_rule_conditional(action, call, &[test]).map_err(said)?;
        }
    } else {
        filter.add_rule_conditional(action, call, &tests).map_err(said)?;
    }
    Ok(())
}

fn comparison(test: &Value) -> Result<ScmpArgCompare, String> {
    let number = |key: &str| test.get(key).map_or(Some(0), Value::as_u64).ok_or(format!("{key} of {test}"));
    let index = u32::try_from(number("index")?).map_err(|error| error.to_string())?;
    let value = number("value")?;
    // The two operators that libseccomp is trusted on (CVE-2019-9893, GHSA-4q85-33p6-j5g6); an export has no other.
    match test["op"].as_str() {
        Some("SCMP_CMP_EQ") => Ok(ScmpArgCompare::new(index, ScmpCompareOp::Equal, value)),
        Some("SCMP_CMP_MASKED_EQ") => {
            Ok(ScmpArgCompare::new(index, ScmpCompareOp::MaskedEqual(value), number("valueTwo")?))
        }
        other => Err(format!("an export compares with {other:?}")),
    }
}

fn action(entry: &Value, name: &str, errno: &str) -> Result<ScmpAction, String> {
    let data = entry.get(errno).and_then(Value::as_i64).and_then(|data| i32::try_from(data).ok());
    ScmpAction::from_str(entry[name].as_str().unwrap_or_default(), data).map_err(said)
}

/// The action in libseccomp's words.
pub(crate) fn scmp_action(action: Action) -> ScmpAction {
    match action {
        Action::KillProcess => ScmpAction::KillProcess,
        Action::KillThread => ScmpAction::KillThread,
        Action::Trap(_) => ScmpAction::Trap,
        Action::Errno(errno) => ScmpAction::Errno(errno.into()),
        Action::Notify => ScmpAction::Notify,
        Action::Trace(data) => ScmpAction::Trace(data),
        Action::Log => ScmpAction::Log,
        Action::Allow => ScmpAction::Allow,
    }
}

fn list(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

#[allow(clippy::needless_pass_by_value)] // for map_err
fn said(error: SeccompError) -> String {
    error.to_string()
}
