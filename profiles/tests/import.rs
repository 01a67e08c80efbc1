//! Importers: what files of other formats mean, and what is wrong with them.

use std::collections::BTreeSet;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::call::SyscallData;
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::policy::Policy;
use callgate_compiler::tables;
use callgate_grammar::tree::Version;
use callgate_grammar::{Diagnostic, Severity, SourceId, Sources, Span, parse};
use callgate_profiles::engine::{Engine, Host, Libseccomp, read_as, read_leniently};
use callgate_profiles::import::{Document, Format, Imported, import};
use proptest::prelude::*;

fn imported(format: Format, text: &str) -> Imported {
    let mut sources = Sources::default();
    let source = sources.add("file", text);
    let mut includes = |name: &str, at: Span| match name {
        "shared.policy" => {
            let text = "write: arg0 == 1\nopen: return ENOENT\n";
            Ok((sources.add(name, text), text.to_owned()))
        }
        _ => Err(Diagnostic::error("unreadable-use", format!("no {name}")).at(at, "").help("write it")),
    };
    import(format, &Document { text, source, selector: None }, &mut includes)
}

#[track_caller]
fn policy_for(format: Format, text: &str, capabilities: &[&'static str], kernel: Version) -> Policy {
    let imported = imported(format, text);
    let gate = imported.gate().unwrap_or_else(|| panic!("{:#?}", imported.diagnostics));
    let mut sources = Sources::default();
    let source = sources.add("gate", gate.clone());
    let (file, diagnostics) = parse(source, &gate);
    assert!(diagnostics.is_empty(), "{gate}\n{diagnostics:#?}");
    let mut target = Target::new(vec![Abi::X86_64], kernel);
    target.capabilities = capabilities.iter().copied().collect::<BTreeSet<_>>();
    let lowered = lower(&[Unit { source, file, layer: 1, scope: 1 }], &Groups::new(), &target);
    lowered.policy.unwrap_or_else(|| panic!("{gate}\n{:#?}", lowered.diagnostics))
}

#[track_caller]
fn policy(format: Format, text: &str) -> Policy {
    policy_for(format, text, &[], Version { major: 6, minor: 18 })
}

fn on(policy: &Policy, abi: Abi, call: &str, args: [u64; 6]) -> Action {
    let nr = tables::number(abi, call).expect("a call");
    policy.decide(&SyscallData::new(abi.token(), nr, args)).action
}

fn done(policy: &Policy, call: &str, args: [u64; 6]) -> Action {
    on(policy, Abi::X86_64, call, args)
}

/// The codes of what an importer found, errors with `!`.
fn found(format: Format, text: &str) -> Vec<String> {
    let imported = imported(format, text);
    let errors = imported.diagnostics.iter().filter(|finding| finding.is_error()).count();
    assert_eq!(imported.file.is_none(), errors > 0, "{:#?}", imported.diagnostics);
    for finding in &imported.diagnostics {
        let next_step = finding.severity < Severity::Error || finding.help.is_some();
        assert!(next_step, "no next step: {finding:?}");
        for label in finding.labels.iter().filter(|label| label.span.source == SourceId(0)) {
            assert!(label.span.start <= label.span.end && label.span.end as usize <= text.len(), "{finding:?}");
        }
    }
    let mark = |finding: &Diagnostic| format!("{}{}", finding.code, if finding.is_error() { "!" } else { "" });
    imported.diagnostics.iter().map(mark).collect()
}

fn docker(rules: &str) -> String {
    format!(r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{rules}]}}"#)
}

const EPERM: Action = Action::Errno(1);

#[test]
fn words_are_compared_whole() {
    let text = docker(
        r#"{"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]},
           {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
           {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_GT"}]}"#,
    );
    let policy = policy(Format::Docker, &text);
    assert_eq!(done(&policy, "personality", [8, 0, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(done(&policy, "personality", [1 << 32 | 8, 0, 0, 0, 0, 0]), EPERM);
    assert_eq!(done(&policy, "clone", [0x11, 0, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(done(&policy, "clone", [0x1000_0000, 0, 0, 0, 0, 0]), EPERM);
    assert_eq!(done(&policy, "socket", [40, 0, 0, 0, 0, 0]), EPERM);
    assert_eq!(done(&policy, "socket", [u64::MAX, 0, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(done(&policy, "read", [0; 6]), EPERM);
}

#[test]
fn which_of_several_rules_counts() {
    let conditional = |action: &str, value: u64| {
        let args = format!(r#"[{{"index": 0, "value": {value}, "op": "SCMP_CMP_EQ"}}]"#);
        format!(r#"{{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": {action}, "args": {args}}}"#)
    };
    let plain = |errno: u16| format!(r#"{{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": {errno}}}"#);
    let kill = |rules: &[String], first| {
        done(&policy(Format::Docker, &docker(&rules.join(","))), "kill", [first, 0, 0, 0, 0, 0])
    };

    // A rule without arguments, wherever it stands; of two, the first.
    assert_eq!(kill(&[conditional("13", 2), plain(22)], 2), Action::Errno(22));
    assert_eq!(kill(&[plain(22), plain(13)], 0), Action::Errno(22));
    // Of two with arguments that hold together, the first.
    let range = r#"{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5,
        "args": [{"index": 0, "value": 9, "op": "SCMP_CMP_LE"}]}"#;
    assert_eq!(kill(&[conditional("13", 2), range.to_owned()], 2), Action::Errno(13));
    assert_eq!(kill(&[conditional("13", 2), range.to_owned()], 3), Action::Errno(5));
    assert_eq!(kill(&[range.to_owned(), conditional("13", 2)], 2), Action::Errno(5));
    // A rule that does what the default does is none.
    assert_eq!(kill(&[plain(1), conditional("13", 2)], 2), Action::Errno(13));
    assert_eq!(kill(&[conditional("1", 2), plain(13)], 2), Action::Errno(13));
}

#[test]
fn conditions_stay_conditions() {
    let text = docker(
        r#"{"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
           {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
           {"names": ["bpf"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "excludes": {"caps": ["CAP_SYS_ADMIN", "CAP_BPF"]}},
           {"names": ["bpf"], "action": "SCMP_ACT_ALLOW"},
           {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
           {"names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm64"]}}"#,
    );
    let new = Version { major: 6, minor: 1 };
    let with = |capabilities: &[&'static str], kernel| policy_for(Format::Docker, &text, capabilities, kernel);
    assert_eq!(done(&with(&["SYS_ADMIN"], new), "mount", [0; 6]), Action::Allow);
    assert_eq!(done(&with(&[], new), "mount", [0; 6]), Action::Errno(38));
    // Each of the excluded ones is enough for the rule not to count.
    assert_eq!(done(&with(&[], new), "bpf", [0; 6]), Action::Errno(38));
    assert_eq!(done(&with(&["BPF"], new), "bpf", [0; 6]), Action::Allow);
    assert_eq!(done(&with(&["SYS_ADMIN"], new), "bpf", [0; 6]), Action::Allow);
    assert_eq!(done(&with(&[], new), "ptrace", [0; 6]), Action::Allow);
    assert_eq!(done(&with(&[], Version { major: 4, minor: 7 }), "ptrace", [0; 6]), EPERM);
    assert_eq!(done(&with(&[], new), "arch_prctl", [0; 6]), EPERM);
}

#[test]
fn architectures_flags_and_the_listener() {
    let text = r#"{"defaultAction": "SCMP_ACT_KILL_PROCESS",
        "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
        "flags": ["SECCOMP_FILTER_FLAG_LOG"], "listenerPath": "/run/\"x\".sock", "listenerMetadata": "{\"pod\": 1}",
        "syscalls": [{"names": ["read"], "action": "SCMP_ACT_NOTIFY"}, {"name": "write", "action": "SCMP_ACT_TRACE"}]}"#;
    let policy = policy(Format::Oci, text);
    assert_eq!(policy.abis.keys().copied().collect::<Vec<_>>(), [Abi::X86_64, Abi::X86]);
    assert_eq!(policy.listener.as_deref(), Some("/run/\"x\".sock"));
    assert_eq!(policy.listener_metadata.as_deref(), Some("{\"pod\": 1}"));
    assert_eq!(policy.flags.len(), 1);
    assert_eq!(on(&policy, Abi::X86, "read", [0; 6]), Action::Notify);
    assert_eq!(done(&policy, "write", [0; 6]), Action::Trace(1));
    assert_eq!(done(&policy, "open", [0; 6]), Action::KillProcess);
    let config = format!(r#"{{"ociVersion": "1.2.0", "linux": {{"seccomp": {text}}}}}"#);
    assert_eq!(Format::of(&config), Some(Format::Oci));
    assert!(imported(Format::Oci, &config).file.is_some());
}

#[test]
fn what_is_wrong_with_a_profile() {
    let check = |text: &str, expected: &[&str]| assert_eq!(found(Format::Docker, text), expected, "{text}");
    check("{", &["malformed-json!"]);
    check("{}", &["missing-key!"]);
    check(r#"{"defaultAction": 1}"#, &["wrong-type!"]);
    check(r#"{"defaultAction": "SCMP_ACT_ALLOW", "sysCalls": []}"#, &["key-case!"]);
    check(r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscals": []}"#, &["unknown-key!"]);
    check(r#"{"defaultAction": "SCMP_ACT_ALLOW", "defaultAction": "SCMP_ACT_KILL"}"#, &["duplicate-key!"]);
    check(r#"{"defaultAction": "SCMP_ACT_ALOW"}"#, &["unknown-action!"]);
    check(r#"{"defaultAction": "SCMP_ACT_KILL", "defaultErrnoRet": 1}"#, &["errno-without-use!"]);
    check(r#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "defaultErrno": "ENOSYS"}"#, &["two-errnos!"]);
    check(r#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrno": "ENOSYS"}"#, &["errno-name-only"]);
    check(r#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 5000}"#, &["errno-out-of-range"]);
    let misspelt = r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X8664"]}"#;
    check(misspelt, &["unknown-abi!"]);
    check(
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], "archMap": [{"architecture": "SCMP_ARCH_X86"}]}"#,
        &["two-lists!"],
    );
    check(r#"{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_LOGS"]}"#, &["unknown-flag!"]);
    check(&docker(r#"{"names": ["raed"], "action": "SCMP_ACT_ALLOW"}"#), &["unknown-syscall"]);
    check(&docker(r#"{"names": [], "action": "SCMP_ACT_ALLOW"}"#), &["empty-names!"]);
    check(&docker(r#"{"name": "read", "names": ["write"], "action": "SCMP_ACT_ALLOW"}"#), &["name-and-names!"]);
    let with = |args: &str| docker(&format!(r#"{{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{args}]}}"#));
    check(&with(r#"{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}"#), &["not-in-range!"]);
    check(&with(r#"{"index": 0, "value": -1, "op": "SCMP_CMP_EQ"}"#), &["not-in-range!"]);
    check(&with(r#"{"index": 0, "op": "SCMP_CMP_EQ"}"#), &["missing-key!"]);
    check(&with(r#"{"index": 0, "value": 1, "op": "SCMP_CMP_EG"}"#), &["unknown-operator!"]);
    check(&with(r#"{"index": 0, "value": 1, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}"#), &["value-outside-mask!"]);
    let twice = r#"{"index": 0, "value": 1, "op": "SCMP_CMP_GE"}, {"index": 0, "value": 5, "op": "SCMP_CMP_LE"}"#;
    check(&with(twice), &["same-argument-twice"]);
    let both = policy(Format::Docker, &with(twice));
    assert_eq!(done(&both, "read", [3, 0, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(done(&both, "read", [6, 0, 0, 0, 0, 0]), EPERM);
}

#[test]
fn seccompiler_compares_halves_and_wholes() {
    let text = r#"{"main": {"mismatch_action": {"errno": 38}, "match_action": "allow", "filter": [
        {"syscall": "kill", "args": [{"index": 0, "type": "dword", "op": "eq", "val": 1}]},
        {"syscall": "kill", "args": [{"index": 0, "type": "qword", "op": "ge", "val": 4294967298}]},
        {"syscall": "mprotect", "args": [{"index": 2, "type": "dword", "op": {"masked_eq": 4}, "val": 0}]},
        {"syscall": "read"}]}}"#;
    assert_eq!(Format::of(text), Some(Format::Seccompiler));
    let policy = policy(Format::Seccompiler, text);
    let kill = |first| done(&policy, "kill", [first, 0, 0, 0, 0, 0]);
    assert_eq!(
        [1, 1 << 32 | 1, 2, 1 << 32 | 2].map(kill),
        [Action::Allow, Action::Allow, Action::Errno(38), Action::Allow]
    );
    assert_eq!(done(&policy, "mprotect", [0, 0, 3, 0, 0, 0]), Action::Allow);
    assert_eq!(done(&policy, "mprotect", [0, 0, 7, 0, 0, 0]), Action::Errno(38));
    assert_eq!(done(&policy, "read", [0; 6]), Action::Allow);
    let wrong = r#"{"main": {"mismatch_action": "trap", "match_action": "alow", "filter": [
        {"syscall": "raed"}, {"syscall": "read", "args": [{"index": 0, "type": "word", "op": "eq", "val": 1}]}]}}"#;
    assert_eq!(found(Format::Seccompiler, wrong), ["unknown-action!"]);
}

#[test]
fn minijail_takes_the_first_that_matches() {
    let text = "# a comment\n@frequency ./x.frequency\n@include shared.policy\nread: 1\nwrite: arg0 == 2 && arg2 < 0x10 || \\\n  arg0 in 0xf0\n\
                mmap: arg2 in ~PROT_EXEC\nclone: arg0 & CLONE_THREAD; return EPERM\nclone: 1\n{dup, dup2}: trap\n";
    assert_eq!(Format::of(text), Some(Format::Minijail));
    let policy = policy(Format::Minijail, text);
    let write = |first, third| done(&policy, "write", [first, 0, third, 0, 0, 0]);
    assert_eq!(write(1, 99), Action::Allow);
    assert_eq!(write(2, 15), Action::Allow);
    assert_eq!(write(2, 16), Action::KillProcess);
    assert_eq!(write(0x30, 99), Action::Allow);
    assert_eq!(write(0x31, 99), Action::KillProcess);
    assert_eq!(done(&policy, "open", [0; 6]), Action::Errno(2));
    assert_eq!(done(&policy, "mmap", [0, 0, 3, 0, 0, 0]), Action::Allow);
    assert_eq!(done(&policy, "mmap", [0, 0, 7, 0, 0, 0]), Action::KillProcess);
    assert_eq!(done(&policy, "clone", [0x10000, 0, 0, 0, 0, 0]), EPERM);
    assert_eq!(done(&policy, "clone", [0; 6]), Action::Allow);
    assert_eq!(done(&policy, "dup2", [0; 6]), Action::Trap(0));
    assert_eq!(done(&policy, "execve", [0; 6]), Action::KillProcess);
}

#[test]
fn what_is_wrong_with_a_minijail_policy() {
    let check = |text: &str, expected: &[&str]| assert_eq!(found(Format::Minijail, text), expected, "{text}");
    check("@include none\n", &["unreadable-use!"]);
    check("@includes none\n", &["unknown-directive!"]);
    check("read: 1\nread: arg0 == 1\n", &["unreachable-filter!"]);
    check("raed: 1\n", &["unknown-syscall!"]);
    check("read 1\n", &["not-a-rule!"]);
    check("read: arg7 == 1\n", &["bad-filter!"]);
    check("read: arg0 = 1\n", &["bad-filter!"]);
    check("read: arg0 == PORT_EXEC\n", &["bad-filter!"]);
    check("read: return ENOSUCH\n", &["bad-filter!"]);
    check("read: maybe\n", &["bad-filter!"]);
}

#[test]
fn files_too_large_to_mean_anything() {
    let tildes = format!("read: arg0 == {}1\n", "~".repeat(100_000));
    assert_eq!(found(Format::Minijail, &tildes), ["bad-filter!"]);
    let brackets = format!("read: arg0 == {}1{}\n", "(".repeat(100_000), ")".repeat(100_000));
    assert_eq!(found(Format::Minijail, &brackets), ["bad-filter!"]);
    assert_eq!(found(Format::Docker, &"[".repeat(100_000)), ["malformed-json!"]);
    let test = r#"{"index": 0, "value": 1, "op": "SCMP_CMP_NE"}"#;
    let tests = vec![test; 600].join(", ");
    let long = docker(&format!(r#"{{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{tests}]}}"#));
    assert_eq!(found(Format::Docker, &long).last().map(String::as_str), Some("untranslatable!"));
    // Forty rules on pairs of capabilities, each with an action of its own.
    let capabilities = callgate_compiler::lower::target::CAPABILITIES;
    let rules: Vec<_> = (0..40)
        .map(|at| {
            let (one, two) = (capabilities[at], capabilities[(at * 7 + 3) % 41]);
            format!(
                r#"{{"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": {}, "includes": {{"caps": ["CAP_{one}", "CAP_{two}"]}}}}"#,
                at + 2
            )
        })
        .collect();
    assert_eq!(found(Format::Docker, &docker(&rules.join(","))), ["untranslatable!"]);
}

#[test]
fn a_policy_is_no_file_of_another_format() {
    for text in [
        "deny: all\n",
        "arch: x86_64\n",
        "allow: read\n",
        "kill-thread: all\n",
        "trap: all",
        "# {\nlog: all",
        "",
        "errno(1): all",
    ] {
        assert_eq!(Format::of(text), None, "{text}");
    }
    assert_eq!(Format::of("{\"volume\": 1}"), None);
}

proptest! {
    /// Whatever the text is, there is an answer, and its places are inside the text.
    #[test]
    fn no_text_is_too_strange(text in "\\PC*", at in 0usize..4) {
        found(Format::ALL[at], &text);
        let _ = Format::of(&text);
    }

    #[test]
    fn a_cut_or_changed_file_is_answered_too(from in 0usize..900, with in "\\PC{0,3}", cut in any::<bool>(), at in 0usize..2) {
        let files = [
            docker(r#"{"names": ["kill", "é"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]},
                {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errno": "ENOSYS", "excludes": {"caps": ["CAP_SYS_ADMIN"]}}"#),
            "@include shared.policy\n{dup, dup2}: {arg0 == 1 || arg1 in ~(PROT_EXEC|0x10); kill, trap}\n# é\nread: 1 \\\n\nclone: arg0 & 1; allow\n".to_owned(),
        ];
        let text = &files[at];
        let mut from = from % text.len();
        while !text.is_char_boundary(from) {
            from -= 1;
        }
        let rest = if cut { "" } else { &text[from..] };
        let changed = format!("{}{with}{rest}", &text[..from]);
        found([Format::Docker, Format::Minijail][at], &changed);
    }
}

/// A key that no engine reads, say: a finding, and the file means something all the same.
#[test]
fn what_engines_pass_over_is_read_past() {
    let host = Host {
        machine: Abi::X86_64,
        capabilities: BTreeSet::new(),
        kernel: Version { major: 6, minor: 12 },
        libseccomp: Libseccomp::Newest,
    };
    let check = |engine: Engine, text: &str, code: &str, reads: bool| {
        let document = Document { text, source: SourceId::default(), selector: None };
        let mut none = |_: &str, at| Err(Diagnostic::error("unreadable-use", "").at(at, ""));
        let strict = read_as(engine, &host, Format::Docker, &document, &mut none);
        assert!(strict.gate().is_none() && strict.diagnostics.iter().any(|finding| finding.code == code), "{strict:?}");
        let lenient = read_leniently(engine, &host, Format::Docker, &document, &mut none);
        assert_eq!(lenient.gate().is_some(), reads, "{engine}: {lenient:?}");
        assert!(lenient.diagnostics.iter().any(|finding| finding.code == code), "{lenient:?}");
    };
    for &engine in Engine::ALL {
        check(engine, &docker(r#"{"names": ["read"], "action": "SCMP_ACT_ALLOW", "arg": []}"#), "unknown-key", true);
        check(engine, &docker(r#"{"names": [], "action": "SCMP_ACT_ALLOW"}"#), "empty-names", true);
        let cased = docker(r#"{"Names": ["read"], "action": "SCMP_ACT_ALLOW"}"#);
        check(engine, &cased, "key-case", engine != Engine::Crun);
        check(engine, r#"{"defaultAction": "SCMP_ACT_ALOW"}"#, "unknown-action", false);
    }
    let masked = r#"{"names": ["read"], "action": "SCMP_ACT_ALLOW",
        "args": [{"index": 0, "value": 15, "valueTwo": 255, "op": "SCMP_CMP_MASKED_EQ"}]}"#;
    check(Engine::Document, &docker(masked), "value-outside-mask", true);
}
