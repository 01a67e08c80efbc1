//! What runc and crun (through libseccomp) do with a seccomp document, written from their observed behaviour and from
//! runtime-spec's config-linux.md; shares nothing with the exporter.

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::call::SyscallData;
use callgate_compiler::tables;
use serde_json::Value;

/// The action for a call on a machine, with the panic of a test where the document is one that a runtime would refuse or read
/// in a way nobody means.
pub fn decide(document: &Value, machine: Abi, data: &SyscallData) -> Action {
    let default = action(document, "defaultAction", "defaultErrnoRet");
    let Some(abi) = Abi::of_call(data.arch, data.nr).filter(|abi| abis(document, machine).contains(abi)) else {
        return Action::KillThread;
    };
    let Some(name) = tables::name(abi, data.nr) else { return default };
    let mine = entries(document, machine)
        .filter(|entry| entry["names"].as_array().unwrap().iter().any(|other| other.as_str() == Some(name)));
    let (plain, conditional): (Vec<_>, Vec<_>) = mine.partition(|entry| entry.get("args").is_none());
    assert!(plain.len() <= 1 && (plain.is_empty() || conditional.is_empty()), "{name} has a plain rule and another");
    let mut actions: Vec<Action> = plain
        .into_iter()
        .chain(conditional.into_iter().filter(|entry| holds(entry, abi, &data.args)))
        .map(|entry| action(entry, "action", "errnoRet"))
        .collect();
    assert!(actions.len() <= 1, "{name} has rules that overlap at {data:x?}");
    assert_ne!(actions.first(), Some(&default), "{name} has a rule that runtimes drop");
    actions.pop().unwrap_or(default)
}

/// The rules for a machine.
pub fn entries(document: &Value, machine: Abi) -> impl Iterator<Item = &Value> {
    // goToNative of moby's seccomp_linux.go.
    let go_name = match machine {
        Abi::X86_64 => "amd64",
        Abi::Aarch64 => "arm64",
        Abi::Riscv64 => "riscv64",
        Abi::Loongarch64 => "loongarch64",
        Abi::S390x => "s390x",
        Abi::Ppc64le => "ppc64le",
        Abi::Ppc64 => "ppc64",
        Abi::Mips64 => "mips64",
        Abi::Mips64el => "mipsel64",
        _ => unreachable!("{machine} is no machine's own ABI"),
    };
    document["syscalls"].as_array().unwrap().iter().filter(move |entry| match entry.get("includes") {
        Some(includes) => includes["arches"].as_array().unwrap().iter().any(|arch| arch.as_str() == Some(go_name)),
        None => true,
    })
}

/// The ABIs in the filter: the machine's own, and what the document adds.
pub fn abis(document: &Value, machine: Abi) -> Vec<Abi> {
    let strings = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    let added = match (document.get("architectures"), document.get("archMap")) {
        (Some(architectures), None) => strings(architectures),
        (None, Some(map)) => {
            let mine = map.as_array().unwrap().iter().find(|entry| entry["architecture"] == machine.oci_name());
            mine.map_or_else(Vec::new, |entry| strings(&entry["subArchitectures"]))
        }
        _ => panic!("a runtime takes architectures or archMap, not both"),
    };
    let added = added.iter().map(|name| *Abi::ALL.iter().find(|abi| abi.oci_name() == name).unwrap());
    let mut abis: Vec<Abi> = added.chain([machine]).collect();
    abis.sort_unstable();
    abis.dedup();
    abis
}

/// The action of a rule or of the document.
pub fn action(entry: &Value, name: &str, errno: &str) -> Action {
    let number = entry.get(errno).map(|number| u16::try_from(number.as_u64().unwrap()).unwrap());
    match (entry[name].as_str().unwrap(), number) {
        ("SCMP_ACT_KILL_PROCESS", None) => Action::KillProcess,
        ("SCMP_ACT_KILL_THREAD", None) => Action::KillThread,
        ("SCMP_ACT_TRAP", None) => Action::Trap(0),
        ("SCMP_ACT_ERRNO", Some(number)) => Action::Errno(number),
        ("SCMP_ACT_NOTIFY", None) => Action::Notify,
        ("SCMP_ACT_TRACE", Some(number)) => Action::Trace(number),
        ("SCMP_ACT_LOG", None) => Action::Log,
        ("SCMP_ACT_ALLOW", None) => Action::Allow,
        other => panic!("a runtime refuses {other:?}"),
    }
}

fn holds(entry: &Value, abi: Abi, args: &[u64; 6]) -> bool {
    let tests = entry["args"].as_array().unwrap();
    let mut indices: Vec<u64> = tests.iter().map(|test| test["index"].as_u64().unwrap()).collect();
    indices.sort_unstable();
    assert!(indices.windows(2).all(|pair| pair[0] < pair[1]), "runc ORs the tests of an argument named twice");
    // libseccomp has x32 and MIPS n32 as 32-bit ABIs.
    let compared = if abi.long_bits() == 32 { 0xffff_ffff } else { u64::MAX };
    tests.iter().all(|test| {
        let arg = args[usize::try_from(test["index"].as_u64().unwrap()).unwrap()] & compared;
        let value = test["value"].as_u64().unwrap();
        match test["op"].as_str().unwrap() {
            "SCMP_CMP_EQ" => arg == value & compared,
            "SCMP_CMP_MASKED_EQ" => arg & value == test["valueTwo"].as_u64().unwrap() & compared,
            other => panic!("{other}"),
        }
    })
}
