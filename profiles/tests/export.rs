//! Exports mean what the policy means.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::Program;
use callgate_compiler::call::SyscallData;
use callgate_compiler::condition::Width;
use callgate_compiler::policy::{FilterFlag, Policy};
use callgate_compiler::tables;
use callgate_profiles::export::{ExportError, ExportOptions, Format, Problem, export};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::engine;
use support::policies::{Drawn, arguments, atom, call, decision, set, some_policy, uniform};

const EXACT: ExportOptions = ExportOptions { allow_lossy: false, strict: false };
const LOSSY: ExportOptions = ExportOptions { allow_lossy: true, strict: false };

fn document(policy: &Policy, format: Format, options: &ExportOptions) -> (Value, Vec<String>) {
    let export = export(policy, &Program::default(), format, options).unwrap();
    (serde_json::from_slice(&export.bytes).unwrap(), export.notes)
}

fn machines(policy: &Policy) -> BTreeSet<Abi> {
    policy.abis.keys().map(|abi| abi.native()).collect()
}

/// Every named call of every listed ABI, with what the policy and the document do with it. OCI documents hold for one machine.
fn compare(policy: &Policy, document: &Value, check: &mut dyn FnMut(&str, Action, Action)) {
    for machine in machines(policy) {
        for (&abi, calls) in policy.abis.iter().filter(|(abi, _)| abi.native() == machine) {
            for (&nr, call) in &calls.calls {
                let name = tables::name(abi, nr).unwrap();
                let plain = [[0; 6]];
                let all: Vec<_> = if call.clauses.is_empty() { plain.to_vec() } else { arguments(abi).collect() };
                for args in all {
                    let data = SyscallData::new(abi.token(), nr, args);
                    let ours = match policy.decide(&data).action {
                        Action::Trap(_) => Action::Trap(0),
                        action => action,
                    };
                    check(name, ours, engine::decide(document, machine, &data));
                }
            }
        }
    }
}

fn formats() -> impl Strategy<Value = Format> {
    prop_oneof![Just(Format::Docker), Just(Format::Oci)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn an_exact_export_says_the_same_about_every_named_call(policy in some_policy(), format in formats()) {
        let Drawn(policy) = policy;
        match export(&policy, &Program::default(), format, &EXACT) {
            Ok(export) => {
                let document = serde_json::from_slice(&export.bytes).unwrap();
                compare(&policy, &document, &mut |name, ours, theirs| assert_eq!(ours, theirs, "{name}"));
            }
            Err(ExportError::Differs { differences, .. }) => {
                let names: BTreeSet<_> = differences.iter().map(|difference| difference.call.as_str()).collect();
                let Ok(export) = export(&policy, &Program::default(), format, &LOSSY) else { return Ok(()) };
                prop_assert!(export.notes.len() >= names.len());
                let document = serde_json::from_slice(&export.bytes).unwrap();
                compare(&policy, &document, &mut |name, ours, theirs| {
                    if names.contains(name) {
                        assert!(theirs <= ours, "{name}: {theirs} is laxer than {ours}");
                    } else {
                        assert_eq!(ours, theirs, "{name}");
                    }
                });
            }
            Err(ExportError::ByteOrders { .. }) => prop_assert_eq!(format, Format::Oci),
            // Two 64-bit words that both have to differ from something can take 64² rules.
            Err(ExportError::TooManyRules { .. }) => {}
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn the_same_policy_gives_the_same_bytes(policy in some_policy(), format in formats()) {
        let Drawn(policy) = policy;
        let once = export(&policy, &Program::default(), format, &LOSSY);
        prop_assert_eq!(once, export(&policy.clone(), &Program::default(), format, &LOSSY));
    }
}

/// `deny: all`, `allow: read, socket(family in {1, 2}, type == 1)`, `errno(ENOSYS): clone3`.
fn small() -> Policy {
    let mut policy = uniform(&[Abi::X86_64], Action::Errno(1));
    let family = atom(0, Width::W32, u64::MAX, &[(1, 2)]);
    let kind = atom(1, Width::W64, u64::MAX, &[(1, 1)]);
    set(&mut policy, Abi::ALL, "read", &call(&[], Action::Allow));
    set(&mut policy, Abi::ALL, "clone3", &call(&[], Action::Errno(38)));
    let both = callgate_compiler::condition::Condition::All(vec![family, kind]);
    set(&mut policy, Abi::ALL, "socket", &call(&[(both, Action::Allow)], Action::Errno(1)));
    policy
}

#[test]
fn docker_reads_this() {
    let (document, _) = document(&small(), Format::Docker, &EXACT);
    let socket = |mask: u64, value: u64| {
        json!({
            "names": ["socket"],
            "action": "SCMP_ACT_ALLOW",
            "args": [
                {"index": 0, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"},
                {"index": 1, "value": 1, "op": "SCMP_CMP_EQ"}
            ]
        })
    };
    assert_eq!(
        document,
        json!({
            "defaultAction": "SCMP_ACT_ERRNO",
            "defaultErrnoRet": 1,
            "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []}],
            "syscalls": [
                {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
                {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
                socket(0xffff_ffff, 1),
                socket(0xffff_ffff, 2)
            ]
        })
    );
}

#[test]
fn oci_reads_this() {
    let mut policy = uniform(&[Abi::X86_64, Abi::X86, Abi::X32], Action::KillProcess);
    policy.flags = vec![FilterFlag::Log];
    policy.listener = Some("/run/x.sock".to_owned());
    set(&mut policy, Abi::ALL, "mkdir", &call(&[], Action::Notify));
    let (document, _) = document(&policy, Format::Oci, &EXACT);
    assert_eq!(
        document,
        json!({
            "defaultAction": "SCMP_ACT_KILL_PROCESS",
            "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
            "flags": ["SECCOMP_FILTER_FLAG_LOG"],
            "listenerPath": "/run/x.sock",
            "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]
        })
    );
}

#[test]
fn machines_that_disagree_get_a_rule_each_in_docker_and_none_in_oci() {
    let mut policy = uniform(&[Abi::X86_64, Abi::Aarch64], Action::Errno(1));
    set(&mut policy, &[Abi::X86_64], "ptrace", &call(&[], Action::Allow));
    let (document, _) = document(&policy, Format::Docker, &EXACT);
    assert_eq!(
        document["syscalls"],
        json!([{"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64"]}}])
    );
    let refused = export(&policy, &Program::default(), Format::Oci, &EXACT).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "oci can't say what the policy says about 1 call: `ptrace` is decided differently on x86_64 and aarch64\n  next: export one \
         file for each ABI with `--arch`, or take the stricter action with `--allow-lossy`"
    );
}

/// On a 32-bit Arm host the rules of Arm's machines hold too.
#[test]
fn a_machines_rules_are_for_its_32_bit_hosts_as_well() {
    let mut policy =
        uniform(&[Abi::X86_64, Abi::X32, Abi::Aarch64, Abi::Arm, Abi::Mips64, Abi::Mips], Action::Errno(1));
    set(&mut policy, &[Abi::X86_64, Abi::X32, Abi::Aarch64, Abi::Arm], "ptrace", &call(&[], Action::Allow));
    let (document, _) = document(&policy, Format::Docker, &EXACT);
    let rule =
        |arches: &[&str]| json!({"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": arches}});
    assert_eq!(document["syscalls"], json!([rule(&["amd64"]), rule(&["arm64", "arm"])]));
}

#[test]
fn abis_of_one_machine_that_disagree_are_refused_or_get_the_stricter_action() {
    let mut policy = uniform(&[Abi::X86_64, Abi::X86], Action::Allow);
    set(&mut policy, &[Abi::X86], "ptrace", &call(&[], Action::Errno(1)));
    let refused = export(&policy, &Program::default(), Format::Docker, &EXACT).unwrap_err();
    let ExportError::Differs { differences, .. } = refused else { panic!("{refused}") };
    assert_eq!(differences[0].problem, Problem::AbisDisagree(vec![Abi::X86_64, Abi::X86]));
    let (document, notes) = document(&policy, Format::Docker, &LOSSY);
    assert_eq!(document["syscalls"][0], json!({"names": ["ptrace"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}));
    assert_eq!(notes[0], "`ptrace` is decided differently on x86_64 and x86: the file says errno(EPERM) for all of it");
}

#[test]
fn a_name_that_only_one_abi_has_is_no_disagreement() {
    let mut policy = uniform(&[Abi::X86_64, Abi::X86, Abi::Aarch64], Action::Errno(1));
    set(&mut policy, Abi::ALL, "arch_prctl", &call(&[], Action::Allow));
    set(&mut policy, Abi::ALL, "fstat64", &call(&[], Action::Allow));
    let (document, _) = document(&policy, Format::Oci, &EXACT);
    assert_eq!(document["syscalls"], json!([{"names": ["arch_prctl", "fstat64"], "action": "SCMP_ACT_ALLOW"}]));
}

#[test]
fn calls_that_a_machine_lacks_are_not_named_for_it() {
    let mut policy = uniform(&[Abi::X86_64, Abi::Aarch64], Action::Allow);
    set(&mut policy, Abi::ALL, "chmod", &call(&[], Action::Errno(1)));
    let alg = atom(0, Width::W32, u64::MAX, &[(38, 38)]);
    set(&mut policy, Abi::ALL, "socket", &call(&[(alg, Action::Errno(1))], Action::Allow));
    let (docker, notes) = document(&policy, Format::Docker, &EXACT);
    assert_eq!(docker["syscalls"][0]["names"], json!(["chmod"]));
    assert_eq!(docker["syscalls"][0]["includes"], json!({"arches": ["amd64"]}));
    assert!(notes.iter().all(|note| !note.contains("vouch")));
    let (_, notes) = document(&policy, Format::Oci, &EXACT);
    assert!(notes.iter().any(|note| note.starts_with("callgate doesn't vouch for this file's rules on aarch64")));
}

#[test]
fn x32_has_no_high_words_in_libseccomp() {
    let mut policy = uniform(&[Abi::X86_64, Abi::X32], Action::Errno(1));
    let wide = atom(1, Width::W64, u64::MAX, &[(5, 5)]);
    set(&mut policy, Abi::ALL, "lseek", &call(&[(wide, Action::Allow)], Action::Errno(1)));
    let refused = export(&policy, &Program::default(), Format::Docker, &EXACT).unwrap_err();
    let ExportError::Differs { differences, .. } = refused else { panic!("{refused}") };
    assert!(matches!(differences[0].problem, Problem::HighWord(Abi::X32, Some(_))));
}

#[test]
fn nor_has_mips_n32_and_o32_copies_the_sign() {
    for abi in [Abi::Mips, Abi::Mipsn32el] {
        let mut policy = uniform(&[abi], Action::Errno(1));
        let wide = atom(1, Width::W64, u64::MAX, &[(5, 5)]);
        set(&mut policy, Abi::ALL, "lseek", &call(&[(wide, Action::Allow)], Action::Errno(1)));
        let refused = export(&policy, &Program::default(), Format::Docker, &EXACT).unwrap_err();
        let ExportError::Differs { differences, .. } = refused else { panic!("{refused}") };
        assert!(matches!(differences[0].problem, Problem::HighWord(on, _) if on == abi));
    }
}

#[test]
fn an_oci_file_has_one_byte_order() {
    let policy = uniform(&[Abi::X86_64, Abi::S390x], Action::Allow);
    let refused = export(&policy, &Program::default(), Format::Oci, &LOSSY).unwrap_err();
    assert!(
        refused.to_string().starts_with("no runtime loads an oci file with ABIs of both byte orders: x86_64 and s390x")
    );
    let (docker, _) = document(&policy, Format::Docker, &EXACT);
    assert_eq!(docker["archMap"].as_array().unwrap().len(), 2);
}

#[test]
fn machines_stand_with_their_abis() {
    let (docker, _) = document(&uniform(Abi::ALL, Action::Allow), Format::Docker, &EXACT);
    let entry = |machine: &str, others: &[&str]| {
        let named = |abi: &str| format!("SCMP_ARCH_{abi}");
        let others: Vec<_> = others.iter().map(|abi| named(abi)).collect();
        json!({"architecture": named(machine), "subArchitectures": others})
    };
    assert_eq!(
        docker["archMap"],
        json!([
            entry("X86_64", &["X86", "X32"]),
            entry("AARCH64", &["ARM"]),
            entry("RISCV64", &[]),
            entry("LOONGARCH64", &[]),
            entry("S390X", &["S390"]),
            entry("PPC64LE", &[]),
            entry("PPC64", &["PPC"]),
            entry("MIPS64", &["MIPS", "MIPS64N32"]),
            entry("MIPSEL64", &["MIPSEL", "MIPSEL64N32"]),
        ])
    );
}

/// libseccomp turns rules on `socket` into rules on `socketcall` wherever there is one, and can't with two actions.
#[test]
fn socketcall_is_not_only_x86s() {
    for (abi, multiplexed) in [(Abi::S390x, true), (Abi::Ppc64le, true), (Abi::Mips, true), (Abi::Aarch64, false)] {
        let mut policy = uniform(&[abi], Action::Errno(1));
        let [one, two] = [1, 2].map(|family| atom(0, Width::W32, u64::MAX, &[(family, family)]));
        set(&mut policy, Abi::ALL, "socket", &call(&[(one, Action::Allow), (two, Action::Log)], Action::Errno(1)));
        match export(&policy, &Program::default(), Format::Docker, &EXACT) {
            Ok(_) => assert!(!multiplexed, "{abi}"),
            Err(ExportError::Differs { differences, .. }) => {
                assert_eq!(differences[0].problem, Problem::Multiplexed("socketcall", vec![abi]));
                assert!(multiplexed, "{abi}");
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn rules_that_libseccomp_would_refuse_for_socketcall_are_refused_here() {
    let mut policy = uniform(&[Abi::X86_64, Abi::X86], Action::Errno(1));
    let local = atom(0, Width::W32, u64::MAX, &[(1, 1)]);
    let clauses = [(local, Action::Allow)];
    set(&mut policy, Abi::ALL, "socket", &call(&clauses, Action::Errno(1)));
    let (_, notes) = document(&policy, Format::Docker, &EXACT);
    assert!(notes.iter().any(|note| note.contains("socketcall")));
    set(&mut policy, Abi::ALL, "socket", &call(&clauses, Action::Errno(38)));
    let refused = export(&policy, &Program::default(), Format::Docker, &EXACT).unwrap_err();
    let ExportError::Differs { differences, .. } = refused else { panic!("{refused}") };
    assert_eq!(differences[0].problem, Problem::Multiplexed("socketcall", vec![Abi::X86]));
    policy.abis.remove(&Abi::X86);
    assert!(export(&policy, &Program::default(), Format::Docker, &EXACT).is_ok());
}

#[test]
fn numbers_newer_than_known_make_the_default() {
    let mut policy = uniform(&[Abi::X86_64], Action::Errno(1));
    policy.abis.values_mut().for_each(|abi| abi.rest = decision(Action::Errno(38)));
    set(&mut policy, Abi::ALL, "read", &call(&[], Action::Allow));
    let (document, notes) = document(&policy, Format::Oci, &EXACT);
    assert_eq!(document["defaultErrnoRet"], 38);
    let denied = document["syscalls"].as_array().unwrap().iter().find(|entry| entry["errnoRet"] == 1).unwrap();
    assert!(denied["names"].as_array().unwrap().len() > 300);
    assert!(notes.iter().all(|note| !note.contains("numbers")), "{notes:?}");
}

/// ENOSYS is 38 on most ABIs and 89 on MIPS: numbers newer than `known:` are refused on all, never let through.
#[test]
fn the_default_of_all_abis_lets_nothing_through() {
    let mut policy = uniform(Abi::ALL, Action::Allow);
    for (&abi, listed) in &mut policy.abis {
        listed.rest = decision(Action::Errno(tables::errno(abi, "ENOSYS").unwrap()));
    }
    let (document, notes) = document(&policy, Format::Docker, &EXACT);
    assert_eq!((&document["defaultAction"], &document["defaultErrnoRet"]), (&json!("SCMP_ACT_ERRNO"), &json!(38)));
    let said = "numbers without a name get the file's default, errno(ENOSYS); the policy says errno(ENOSYS) on mips, mipsel, mips64, \
                mips64el and 2 more ABIs";
    assert!(notes.iter().any(|note| note == said), "{notes:#?}");
}

#[test]
fn notes_say_what_the_format_has_no_words_for() {
    let mut policy = uniform(&[Abi::X86, Abi::Aarch64], Action::Errno(1));
    set(&mut policy, Abi::ALL, "socket", &call(&[], Action::Allow));
    set(&mut policy, Abi::ALL, "mkdirat", &call(&[], Action::Trap(9)));
    set(&mut policy, Abi::ALL, "write", &call(&[], Action::Notify));
    policy.abis.get_mut(&Abi::Aarch64).unwrap().calls.insert(1000, call(&[], Action::Allow));
    policy.abis.get_mut(&Abi::Aarch64).unwrap().rest = decision(Action::Errno(38));
    policy.flags = vec![FilterFlag::Tsync];
    policy.foreign.insert(Abi::X32, decision(Action::Errno(1)));
    let (_, notes) = document(&policy, Format::Docker, &EXACT);
    let expected = [
        "the policy says kill and errno(EPERM) for ABIs that it doesn't list",
        "the policy doesn't list x86_64, but libseccomp always takes in the ABI of the machine",
        "on x86, libseccomp lets the rules on socket speak for socketcall too",
        "numbers without a name get the file's default, errno(EPERM); the policy says errno(ENOSYS) on aarch64",
        "the file can only name calls, so the policy's rules for these numbers are not in it: 1000 on aarch64",
        "the file has only trap, without a number: trap(9)",
        "runc answers ENOSYS to numbers above the highest one that the file names (socket on x86, aarch64)",
        "the policy notifies but has no `listener:`",
        "runc refuses notify for write",
        "Docker 20.10 drops flags it does not know: TSYNC",
    ];
    assert_eq!(notes.len(), expected.len(), "{notes:#?}");
    for (note, expected) in notes.iter().zip(expected) {
        assert!(note.starts_with(expected), "{note}");
    }
    let strict = ExportOptions { allow_lossy: false, strict: true };
    let refused = export(&policy, &Program::default(), Format::Docker, &strict).unwrap_err();
    assert!(matches!(refused, ExportError::Strict { notes: said, .. } if said == notes));
}

#[test]
fn too_many_rules_are_refused() {
    let mut policy = uniform(&[Abi::X86_64], Action::Errno(1));
    let ranges: Vec<_> = (0..5000).map(|value| (value * 3, value * 3)).collect();
    let many = atom(1, Width::W32, u64::MAX, &ranges);
    set(&mut policy, Abi::ALL, "ioctl", &call(&[(many, Action::Allow)], Action::Errno(1)));
    let refused = export(&policy, &Program::default(), Format::Docker, &EXACT).unwrap_err();
    assert!(refused.to_string().starts_with("the conditions on `ioctl` bring the file past 4096 argument rules"));
}

#[test]
fn formats_are_found_by_name() {
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(*format));
        assert_eq!(format.to_string(), format.name());
    }
    let error = "yaml".parse::<Format>().unwrap_err().to_string();
    assert_eq!(
        error,
        "no format is called `yaml`\n  next: callgate writes docker, oci, bpf, asm, c, gate, podman, spo, \
         rust, seccompiler, kafel, minijail, systemd, lxc, firejail"
    );
}
