//! What a policy of an imported file decides is decided by the file's own words, and what is found in it is found there.
#![allow(clippy::unwrap_used)]

use callgate_compiler::abi::Abi;
use callgate_compiler::call::SyscallData;
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::policy::{Cause, Policy};
use callgate_compiler::prove::{Budget, Verdict, policies_equal};
use callgate_compiler::tables;
use callgate_grammar::tree::{File, Version};
use callgate_grammar::{Diagnostic, SourceId, Sources, parse};
use callgate_profiles::engine::{Engine, Host, Libseccomp, read_as};
use callgate_profiles::import::{Document, Format, Imported};

const INCLUDED: &str = "write: arg0 == 1\n";

fn read(engine: Engine, format: Format, text: &str) -> (Sources, Imported) {
    let mut sources = Sources::default();
    let source = sources.add("file", text);
    let kernel = Version { major: 6, minor: 18 };
    let host =
        Host { machine: Abi::X86_64, capabilities: Default::default(), kernel, libseccomp: Libseccomp::Debian12 };
    let mut includes = |name: &str, at| match name {
        "included" => Ok((sources.add(name, INCLUDED), INCLUDED.to_owned())),
        _ => Err(Diagnostic::error("unreadable-use", "no").at(at, "")),
    };
    let document = Document { text, source, selector: None };
    let imported = read_as(engine, &host, format, &document, &mut includes);
    (sources, imported)
}

fn policy(file: File) -> Policy {
    let target = Target::new(vec![Abi::X86_64], Version { major: 6, minor: 18 });
    let lowered = lower(&[Unit { source: SourceId(0), file, layer: 1, scope: 1 }], &Groups::new(), &target);
    lowered.policy.unwrap_or_else(|| panic!("{:#?}", lowered.diagnostics))
}

/// Holds the words that decide each call, and the call with these first arguments, to what they should be.
#[track_caller]
fn decided_by(engine: Engine, format: Format, text: &str, expected: &[(&str, u64, &str)]) {
    let (sources, imported) = read(engine, format, text);
    let gate = imported.gate().unwrap_or_else(|| panic!("{:#?}", imported.diagnostics));
    let policy = policy(imported.file.unwrap());
    for &(call, argument, words) in expected {
        let nr = tables::number(Abi::X86_64, call).unwrap();
        let decision = policy.decide(&SyscallData::new(Abi::X86_64.token(), nr, [argument, 0, 0, 0, 0, 0]));
        let Cause::Statement(span) = decision.cause else { panic!("{call}: {decision:?}") };
        assert_eq!(sources.snippet(span), words, "{call}({argument}) of {text}");
    }
    // The tree is what its text says, places aside.
    let (file, findings) = parse(SourceId(9), &gate);
    assert_eq!(findings, []);
    assert_eq!(callgate_grammar::print(&file), Some(gate));
    assert_eq!(policies_equal(&policy, &self::policy(file), Budget::default()), Verdict::Holds);
}

const JSON: &str = r#"{"defaultAction": "SCMP_ACT_KILL", "syscalls": [
    {"names": ["read", "close"], "action": "SCMP_ACT_ALLOW"},
    {"name": "personality", "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]},
    {"name": "mount", "action": "SCMP_ACT_LOG", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}, {"names":
    ["mount"], "action": "SCMP_ACT_TRAP", "args": [{"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]}]}"#;

#[test]
fn json() {
    let name = |name: &str| format!("\"{name}\"");
    for engine in [Engine::Document, Engine::Crun, Engine::Podman] {
        let (reads, close, personality, mount) = (name("read"), name("close"), name("personality"), name("mount"));
        let expected = [
            ("read", 0, reads.as_str()),
            ("close", 0, &close),
            ("personality", 8, &personality),
            ("personality", 9, "\"SCMP_ACT_KILL\""),
            ("mount", 1, &mount),
            ("mount", 2, &mount),
            ("open", 0, "\"SCMP_ACT_KILL\""),
        ];
        decided_by(engine, Format::Docker, JSON, &expected);
    }
    // Two entries for one call are told apart, and what runc's stub decides is decided by the default.
    let (sources, imported) = read(Engine::Runc, Format::Docker, JSON);
    let policy = policy(imported.file.unwrap());
    let cause = |call: &str, argument| {
        let nr = tables::number(Abi::X86_64, call).unwrap();
        match policy.decide(&SyscallData::new(Abi::X86_64.token(), nr, [argument, 0, 0, 0, 0, 0])).cause {
            Cause::Statement(span) => (sources.line_column(span.source, span.start).0, sources.snippet(span)),
            ref other => panic!("{other:?}"),
        }
    };
    assert_eq!(cause("mount", 1), (4, "\"mount\""));
    assert_eq!(cause("mount", 2), (5, "\"mount\""));
    assert_eq!(cause("clone3", 0), (1, "\"SCMP_ACT_KILL\""));
}

#[test]
fn yaml() {
    let text = "apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: SeccompProfile\nmetadata: {name: a}\nspec:\n  \
                defaultAction: SCMP_ACT_ERRNO\n  syscalls:\n  - action: SCMP_ACT_ALLOW\n    names: [read, 'write']\n";
    let expected = [("read", 0, "read"), ("write", 0, "'write'"), ("open", 0, "SCMP_ACT_ERRNO")];
    decided_by(Engine::Document, Format::Spo, text, &expected);
    decided_by(Engine::Crun, Format::Spo, text, &expected);
}

#[test]
fn seccompiler() {
    let text = r#"{"main": {"mismatch_action": "trap", "match_action": "allow", "filter": [{"syscall": "read"},
        {"syscall": "kill", "args": [{"index": 0, "type": "dword", "op": "eq", "val": 7}]}]}}"#;
    let expected = [("read", 0, "\"read\""), ("kill", 7, "\"kill\""), ("kill", 8, "\"trap\"")];
    decided_by(Engine::Document, Format::Seccompiler, text, &expected);
}

#[test]
fn minijail() {
    let text =
        "@include included\n@default kill-thread\nread: 1\n{ dup, dup2 }: arg0 == 3 || arg0 == 4; return EPERM\n";
    let expected = [
        ("read", 0, "read"),
        ("dup2", 4, "dup2"),
        ("dup2", 5, "@default kill-thread"),
        // In the file that is included.
        ("write", 1, "write"),
    ];
    decided_by(Engine::Document, Format::Minijail, text, &expected);
}

#[test]
fn kafel() {
    let text = "POLICY a { ALLOW { read, write { fd == 1 } }, ERRNO(5) { write } }\nUSE a DEFAULT KILL_PROCESS\n";
    let expected = [("read", 0, "read"), ("write", 1, "write"), ("write", 2, "write"), ("open", 0, "DEFAULT")];
    decided_by(Engine::Document, Format::Kafel, text, &expected);
}

#[test]
fn lxc() {
    let text = "2\nallowlist errno 1\nread\nkill allow [0,1,SCMP_CMP_EQ]\n";
    let expected = [("read", 0, "read"), ("kill", 1, "kill"), ("kill", 2, "allowlist errno 1")];
    decided_by(Engine::Document, Format::Lxc, text, &expected);
}

#[test]
fn systemd() {
    let text = "[Service]\nSystemCallFilter=@file-system mount\nSystemCallFilter=~open:EACCES\nSystemCallLog=mount\n";
    let expected = [
        ("openat", 0, "@file-system"),
        // What every list of allowed calls has.
        ("execve", 0, "@file-system mount"),
        ("mount", 0, "mount"),
        ("open", 0, "open"),
        ("reboot", 0, "@file-system mount"),
    ];
    decided_by(Engine::Document, Format::Systemd, text, &expected);
    let mount = text.rfind("mount").unwrap() as u32;
    let (_, imported) = read(Engine::Document, Format::Systemd, text);
    let policy = policy(imported.file.unwrap());
    let nr = tables::number(Abi::X86_64, "mount").unwrap();
    // The word that has it logged.
    let cause = &policy.abis[&Abi::X86_64].calls[&nr].otherwise.cause;
    assert!(matches!(cause, Cause::Statement(span) if span.start == mount), "{cause:?}");
}

#[test]
fn firejail() {
    let text = "include /etc/x\nseccomp @clock,ptrace:EACCES,!mount\n";
    let expected = [
        ("clock_settime", 0, "seccomp"),
        ("adjtimex", 0, "seccomp"),
        ("ptrace", 0, "seccomp"),
        ("mount", 0, "mount"),
        ("read", 0, "seccomp"),
    ];
    decided_by(Engine::Document, Format::Firejail, text, &expected);
}

#[test]
fn pseudo_code() {
    let text = "# pseudo filter code start\n# filter for arch x86_64 (3221225534)\nif ($arch == 3221225534)\n  \
                # filter for syscall \"read\" (0) [priority: 65535]\n  if ($syscall == 0)\n    action ALLOW;\n  \
                # default action\n  action ERRNO(1);\n# invalid architecture action\naction KILL;\n\
                # pseudo filter code end\n";
    let expected = [("read", 0, "action ALLOW;"), ("open", 0, "action ERRNO(1);")];
    decided_by(Engine::Document, Format::Pfc, text, &expected);
}

/// The places of a note on names are the names.
#[test]
fn unknown_names() {
    let text = r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
        {"names": ["read", "raed", "write"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["wriet", "raed"], "action": "SCMP_ACT_LOG"}, {"names": ["cachestat"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["file_getattr"], "action": "SCMP_ACT_ALLOW"}]}"#;
    for (engine, expected) in [
        (Engine::Document, &["\"raed\"", "\"wriet\""][..]),
        // libseccomp is older than this call.
        (Engine::Crun, &["\"raed\"", "\"wriet\"", "\"file_getattr\""]),
    ] {
        let (sources, imported) = read(engine, Format::Docker, text);
        let note = imported.diagnostics.iter().find(|finding| finding.code == "unknown-syscall").unwrap();
        let places: Vec<&str> = note.labels.iter().map(|label| sources.snippet(label.span)).collect();
        assert_eq!(places, expected, "{engine}");
    }
    // ABIs that no filter can hold together, where they stand.
    let text = r#"{"defaultAction": "SCMP_ACT_KILL", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_S390X"]}"#;
    let (sources, imported) = read(Engine::Crun, Format::Oci, text);
    let places: Vec<&str> =
        imported.diagnostics.iter().map(|finding| sources.snippet(finding.labels[0].span)).collect();
    assert_eq!(places, ["\"SCMP_ARCH_S390X\""]);
}
