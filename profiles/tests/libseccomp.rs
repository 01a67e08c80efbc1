//! Exported documents, carried out by libseccomp, mean what the policy means.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::Program;
use callgate_compiler::call::SyscallData;
use callgate_compiler::policy::Policy;
use callgate_profiles::export::{ExportOptions, Format, export};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::Value;
use support::policies::{Drawn, NAMES, arguments, number, some_policy};
use support::{compiler, engine};

/// libseccomp's own token for an ABI: x32 has one, unlike in `seccomp_data` (`SCMP_ARCH_X32`, seccomp.h).
fn token(abi: Abi) -> u32 {
    if abi == Abi::X32 { 0x4000_003e } else { abi.token() }
}

/// The document as the oracle's commands, as a runtime on this machine would read it.
fn commands(document: &Value, machine: Abi) -> String {
    let mut text = format!("filter {:x}\n", engine::action(document, "defaultAction", "defaultErrnoRet").ret());
    for abi in engine::abis(document, machine) {
        writeln!(text, "arch {:x}", token(abi)).unwrap();
    }
    for entry in engine::entries(document, machine) {
        for name in entry["names"].as_array().unwrap() {
            write!(text, "rule {:x} {}", engine::action(entry, "action", "errnoRet").ret(), name.as_str().unwrap())
                .unwrap();
            for test in entry.get("args").and_then(Value::as_array).into_iter().flatten() {
                let (mask, value) = match test["op"].as_str().unwrap() {
                    "SCMP_CMP_EQ" => (u64::MAX, test["value"].as_u64().unwrap()),
                    _ => (test["value"].as_u64().unwrap(), test["valueTwo"].as_u64().unwrap()),
                };
                write!(text, " {:x} {mask:x} {value:x}", test["index"].as_u64().unwrap()).unwrap();
            }
            text.push('\n');
        }
    }
    text + "load\n"
}

/// The calls worth asking about on a machine: every drawn one with the arguments that matter to it.
fn calls(policy: &Policy, machine: Abi) -> Vec<SyscallData> {
    let mut calls = Vec::new();
    for (&abi, of_abi) in policy.abis.iter().filter(|(abi, _)| abi.native() == machine) {
        for nr in NAMES.iter().filter_map(|name| number(abi, name)) {
            let arguments: Vec<_> =
                if of_abi.calls[&nr].clauses.is_empty() { vec![[0; 6]] } else { arguments(abi).collect() };
            calls.extend(arguments.into_iter().map(|args| SyscallData::new(abi.token(), nr, args)));
        }
    }
    calls
}

#[test]
fn libseccomp_does_what_the_policy_says() {
    const POLICIES: usize = 250;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/libseccomp_oracle.c");
    let Some(oracle) = compiler::compile("libseccomp_oracle", &source, &["-lseccomp"]) else { return };
    let mut runner = TestRunner::deterministic();
    let mut exact = 0;
    for index in 0..POLICIES {
        let drawn = some_policy().new_tree(&mut runner).unwrap().current();
        let Drawn(policy) = &drawn;
        let format = if index % 2 == 0 { Format::Docker } else { Format::Oci };
        let options = ExportOptions { allow_lossy: false, strict: false };
        let Ok(export) = export(policy, &Program::default(), format, &options) else { continue };
        let document: Value = serde_json::from_slice(&export.bytes).unwrap();
        // What a note says isn't vouched for.
        let noted = export.notes.iter().any(|note| note.starts_with("callgate doesn't vouch"));
        if document["defaultAction"] == "SCMP_ACT_NOTIFY" || noted {
            continue;
        }
        exact += 1;
        for machine in policy.abis.keys().map(|abi| abi.native()).collect::<BTreeSet<_>>() {
            // libseccomp knows it since 2.6.
            if engine::abis(&document, machine).contains(&Abi::Loongarch64) {
                continue;
            }
            let calls = calls(policy, machine);
            let mut input = commands(&document, machine);
            for SyscallData { nr, arch, args, .. } in &calls {
                let args: Vec<String> = args.iter().map(|word| format!("{word:x}")).collect();
                writeln!(input, "call {arch:x} {nr:x} {}", args.join(" ")).unwrap();
            }
            let output = String::from_utf8(compiler::run(&oracle, &input)).unwrap();
            let answers: Vec<u32> = output.lines().map(|line| u32::from_str_radix(line, 16).unwrap()).collect();
            assert_eq!(answers.len(), calls.len());
            for (data, answer) in calls.iter().zip(answers) {
                let ours = match policy.decide(data).action {
                    Action::Trap(_) => Action::Trap(0),
                    action => action,
                };
                assert_eq!(Action::from_ret(answer), ours, "{format} on {machine}: {data:x?}\n{drawn:?}\n{document:#}");
            }
        }
    }
    assert!(exact > POLICIES / 3, "only {exact} of {POLICIES} policies could be exported");
}
