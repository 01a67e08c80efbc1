//! The text formats of other programs: what is written is read back, and the prover is the judge.
#![allow(clippy::unwrap_used)]

mod support;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::Program;
use callgate_compiler::call::SyscallData;
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::policy::Policy;
use callgate_compiler::prove::{Budget, Verdict, policies_equal};
use callgate_compiler::tables;
use callgate_grammar::tree::Version;
use callgate_grammar::{Diagnostic, Severity, SourceId, Sources, parse};
use callgate_profiles::export::{self, ExportOptions, export};
use callgate_profiles::import::{self, Document, Imported, import};
use proptest::prelude::*;
use support::policies::{Drawn, decision, set, some_call, uniform};

const EXACT: ExportOptions = ExportOptions { allow_lossy: false, strict: false };

/// Reads a text; `named` are the files it may include.
fn read(from: import::Format, text: &str, named: &[(&str, &str)]) -> Imported {
    let mut sources = Sources::default();
    let source = sources.add("file", text);
    let mut includes = |name: &str, at| match named.iter().find(|(known, _)| *known == name) {
        Some((_, text)) => Ok((sources.add(name, *text), (*text).to_owned())),
        None => Err(Diagnostic::error("unreadable-use", format!("no {name}")).at(at, "").help("write it")),
    };
    import(from, &Document { text, source, selector: None }, &mut includes)
}

/// The policy that a text of the language means.
#[track_caller]
fn lowered(gate: &str, abis: &[Abi]) -> Policy {
    let mut sources = Sources::default();
    let source = sources.add("gate", gate);
    let (file, diagnostics) = parse(source, gate);
    assert!(diagnostics.is_empty(), "{gate}\n{diagnostics:#?}");
    let target = Target::new(abis.to_vec(), Version { major: 6, minor: 18 });
    let lowered = lower(&[Unit { source, file, layer: 1, scope: 1 }], &Groups::new(), &target);
    lowered.policy.unwrap_or_else(|| panic!("{gate}\n{:#?}", lowered.diagnostics))
}

#[track_caller]
fn policy_on(abis: &[Abi], from: import::Format, text: &str, named: &[(&str, &str)]) -> Policy {
    let imported = read(from, text, named);
    let gate = imported.gate().unwrap_or_else(|| panic!("{text}\n{:#?}", imported.diagnostics));
    lowered(&gate, abis)
}

#[track_caller]
fn policy(from: import::Format, text: &str) -> Policy {
    policy_on(&[Abi::X86_64], from, text, &[])
}

fn on(policy: &Policy, abi: Abi, call: &str, args: [u64; 6]) -> Action {
    let nr = tables::number(abi, call).unwrap();
    policy.decide(&SyscallData::new(abi.token(), nr, args)).action
}

fn done(policy: &Policy, call: &str, args: &[u64]) -> Action {
    let mut words = [0; 6];
    words[..args.len()].copy_from_slice(args);
    on(policy, Abi::X86_64, call, words)
}

/// The codes of what an importer found, errors with `!`, each at a place in the text and with a next step.
#[track_caller]
fn found(from: import::Format, text: &str) -> Vec<String> {
    let imported = read(from, text, &[]);
    let errors = imported.diagnostics.iter().filter(|finding| finding.is_error()).count();
    assert_eq!(imported.file.is_none(), errors > 0, "{:#?}", imported.diagnostics);
    for finding in &imported.diagnostics {
        assert!(finding.severity < Severity::Error || finding.help.is_some(), "no next step: {finding:?}");
        for label in finding.labels.iter().filter(|label| label.span.source == SourceId(0)) {
            let (start, end) = (label.span.start as usize, label.span.end as usize);
            assert!(text.get(start..end).is_some(), "{finding:?}");
        }
    }
    let mark = |finding: &Diagnostic| format!("{}{}", finding.code, if finding.is_error() { "!" } else { "" });
    imported.diagnostics.iter().map(mark).collect()
}

/// A policy of one ABI as its calls: `rest` is what all else does.
fn some_policy_of(abi: Abi, names: &'static [&'static str]) -> impl Strategy<Value = Drawn> {
    let calls = proptest::collection::btree_map(prop::sample::select(names), some_call(true), 0..6);
    (calls, support::policies::some_action(), support::policies::some_action()).prop_map(move |(calls, all, rest)| {
        let mut policy = uniform(&[abi], all);
        for (name, call) in &calls {
            set(&mut policy, &[abi], name, call);
        }
        policy.abis.get_mut(&abi).unwrap().rest = decision(rest);
        Drawn(policy)
    })
}

#[track_caller]
fn written(policy: &Policy, to: export::Format) -> String {
    String::from_utf8(export(policy, &Program::default(), to, &EXACT).unwrap().bytes).unwrap()
}

#[track_caller]
fn proven_equal(one: &Policy, other: &Policy, text: &str) {
    assert_eq!(policies_equal(one, other, Budget::default()), Verdict::Holds, "{text}");
}

mod kafel {
    use super::*;

    const FROM: import::Format = import::Format::Kafel;

    #[test]
    fn the_first_rule_that_matches_counts() {
        let text = "
            #define STDERR 0x2
            POLICY base { ERRNO(5) { write { fd == 7 }, ptrace }, KILL_PROCESS { mount } }
            POLICY more { ALLOW { write { fd == 1, fd == STDERR || (fd & 0xf0) == 0x70 }, write(a, b) { b == 3 } } }
            POLICY both { USE base, USE more, TRACE(3) { write } }
            USE both
            DEFAULT TRAP(9)";
        let policy = policy(FROM, text);
        for (args, action) in [
            (&[1][..], Action::Allow),
            (&[2], Action::Allow),
            (&[0x73], Action::Allow),
            (&[7], Action::Errno(5)),
            (&[1 << 32 | 7], Action::Errno(5)),
            (&[9, 3], Action::Allow),
            (&[9, 1 << 32 | 3], Action::Trace(3)),
            (&[9], Action::Trace(3)),
        ] {
            assert_eq!(done(&policy, "write", args), action, "{args:x?}");
        }
        assert_eq!(done(&policy, "ptrace", &[]), Action::Errno(5));
        assert_eq!(done(&policy, "mount", &[]), Action::KillProcess);
        assert_eq!(done(&policy, "read", &[]), Action::Trap(9));
    }

    #[test]
    fn a_default_numbers_names_and_architectures() {
        let text = "
            // nothing said: KILL
            /* a * comment */
            #define fresh -1
            ALLOW { fresh(x) { x == 1 }, SYSCALL[0x1f4], SYSCALL[1], newstat, umount },
            LOG { io_uring_setup ON x86_64, getuid ON { i386, arm }, read ON aarch64 }";
        let policy = policy_on(&[Abi::X86_64, Abi::X86, Abi::Aarch64], FROM, text, &[]);
        let nr = |nr| policy.decide(&SyscallData::new(Abi::X86_64.token(), nr, [1, 0, 0, 0, 0, 0])).action;
        assert_eq!(
            [nr(u32::MAX), nr(500), nr(1), nr(501)],
            [Action::Allow, Action::Allow, Action::Allow, Action::KillThread]
        );
        assert_eq!(done(&policy, "stat", &[]), Action::Allow);
        assert_eq!(done(&policy, "umount2", &[]), Action::Allow);
        assert_eq!(done(&policy, "io_uring_setup", &[]), Action::Log);
        assert_eq!(on(&policy, Abi::X86, "io_uring_setup", [0; 6]), Action::KillThread);
        // kafel's names are the handlers': getuid is the one with 32-bit ids.
        assert_eq!(on(&policy, Abi::X86, "getuid32", [0; 6]), Action::Log);
        assert_eq!(on(&policy, Abi::X86, "getuid", [0; 6]), Action::KillThread);
        assert_eq!(on(&policy, Abi::Aarch64, "read", [0; 6]), Action::Log);
        assert_eq!(done(&policy, "read", &[]), Action::KillThread);
    }

    #[test]
    fn what_is_included_stands_in_its_place() {
        let named = [
            ("a.policy", "#define ONE 1\n#include \"b.policy\";"),
            ("b.policy", "POLICY b { ALLOW { read { fd == ONE } } }"),
        ];
        let policy = policy_on(&[Abi::X86_64], FROM, "#include \"a.policy\"\nUSE b DEFAULT ERRNO(1)", &named);
        assert_eq!(done(&policy, "read", &[1]), Action::Allow);
        assert_eq!(done(&policy, "read", &[2]), Action::Errno(1));
        // A file that includes itself ends somewhere.
        let endless = read(FROM, "#include \"a\" \"a\"", &[("a", "#include \"a\" \"a\"\n")]);
        assert!(endless.file.is_none());
    }

    #[test]
    fn conditions_that_always_or_never_hold() {
        let text = "ALLOW { read { 1 == 1 }, write { 1 == 2 }, close { (fd & 0xf) == 0x10 }, lseek { !(offset == offset) || fd >= 0 } }";
        let policy = policy(FROM, text);
        assert_eq!(done(&policy, "read", &[]), Action::Allow);
        assert_eq!(done(&policy, "write", &[]), Action::KillThread);
        assert_eq!(done(&policy, "close", &[]), Action::KillThread);
        assert_eq!(done(&policy, "lseek", &[]), Action::Allow);
    }

    #[test]
    fn what_is_wrong_is_said_where_it_is() {
        for (text, codes) in [
            ("ALLOW { raed }", &["unknown-syscall!"][..]),
            ("ALLOW { uname ON x86_64 }", &["unknown-syscall!"]),
            ("ALLOW { stat }", &["not-kafels-name"]),
            ("ALLOW { mmap { prot == 1 } }", &["not-kafels-name", "unknown-argument"]),
            ("ALLOW { read { fdd == 1 } }", &["unknown-argument!"]),
            ("ALLOW { read(a) { fd == 1 } }", &["unknown-argument!"]),
            ("ALLOW { write { fd == count } }", &["two-arguments!"]),
            ("ALLOW { write { (fd | count) == 1 && buf == x } }", &["two-arguments!", "unknown-argument!"]),
            ("USE nothing", &["unknown-policy!"]),
            ("POLICY a {} POLICY a {}", &["duplicate-policy!"]),
            ("DEFAULT ALLOW DEFAULT KILL", &["duplicate-default!"]),
            ("#define A 1\n#define A 2\n", &["duplicate-constant!"]),
            ("ALOW { read }", &["kafel-syntax!"]),
            ("ALLOW { read", &["kafel-syntax!"]),
            ("ALLOW { read { fd } }", &["kafel-syntax!"]),
            ("ALLOW { read { (fd == 1) & 2 == 1 } }", &["kafel-syntax!"]),
            ("ALLOW { read { fd == 09 } }", &["bad-token!"]),
            ("ALLOW { read } /* ", &["bad-token!"]),
            ("ALLOW { read } $", &["bad-token!"]),
            ("ERRNO(65536) { read }", &["value-too-large!"]),
            ("ALLOW { read(a, a) }", &["bad-arguments!"]),
            ("ALLOW { read ON vax }", &["unknown-abi!"]),
            ("#include \"nowhere\"", &["unreadable-use!"]),
            ("POLICY unused { ALLOW { raed } } DEFAULT ALLOW", &["unknown-syscall!"]),
        ] {
            assert_eq!(found(FROM, text), codes, "{text}");
        }
    }

    #[test]
    fn kafel_reads_this() {
        let gate = "deny: all\nallow: read, umount2, openat2, 500, socket(family in {1, 2, 10})\nerrno(ENOSYS): clone3\n\
                    kill: ioctl(raw(arg1) & 0xffffffff != 0x5401 && raw(arg2) > 3)\n";
        let text = written(&lowered(gate, &[Abi::X86_64]), export::Format::Kafel);
        assert_eq!(
            text,
            "// For x86_64.\nPOLICY callgate {\n\tERRNO(38) {\n\t\tclone3\n\t},\n\tALLOW {\n\t\tSYSCALL[500],\n\t\topenat2,\n\t\tread,\n\t\tumount\n\t},\n\
             \tKILL_PROCESS {\n\t\tioctl(a0, a1, a2, a3, a4, a5) { (a1 & 0xffffffff) != 0x5401 && a2 >= 0x4 }\n\t},\n\
             \tALLOW {\n\t\tsocket(a0, a1, a2, a3, a4, a5) { ((a0 & 0xffffffff) >= 0x1 && (a0 & 0xffffffff) <= 0x2) || \
             (a0 & 0xffffffff) == 0xa }\n\t}\n}\n\nUSE callgate DEFAULT ERRNO(1)\n"
        );
        assert_eq!(import::Format::of(&text), Some(FROM));
    }

    const NAMES: &[&str] = &["read", "stat", "ioctl", "openat", "listns", "umount2"];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn what_is_written_means_the_same(drawn in some_policy_of(Abi::X86_64, NAMES)) {
            let text = written(&drawn.0, export::Format::Kafel);
            proven_equal(&drawn.0, &policy(FROM, &text), &text);
        }

        #[test]
        fn on_an_abi_of_32_bits_as_well(drawn in some_policy_of(Abi::X86, &["getuid32", "getuid", "stat", "semget", "socketcall"])) {
            let text = written(&drawn.0, export::Format::Kafel);
            proven_equal(&drawn.0, &policy_on(&[Abi::X86], FROM, &text, &[]), &text);
        }
    }
}

mod minijail {
    use super::*;

    const FROM: import::Format = import::Format::Minijail;

    #[test]
    fn minijail_reads_this() {
        let gate = "kill: all\nallow: read, socket(family == 1), mmap(raw(arg2) & 4 == 0), clone(raw(arg0) & 3 != 0)\n\
                    errno(ENOSYS): clone3\ntrap: ioctl(raw(arg1) != 0x5401)\n";
        let text = written(&lowered(gate, &[Abi::X86_64]), export::Format::Minijail);
        assert_eq!(
            text,
            "# For x86_64.\n@default kill-process\nclone: arg0 & 0x3\nclone3: return ENOSYS\nioctl: { arg1 != 0x5401; trap }\n\
             mmap: arg2 in 0xfffffffffffffffb\nread: allow\nsocket: arg0 in 0xffffffff00000001 && arg0 & 0x1\n"
        );
        assert_eq!(import::Format::of(&text), Some(FROM));
        let denies = written(
            &lowered("allow: all\ndeny: ptrace, socket(raw(arg0) == 3)", &[Abi::X86_64]),
            export::Format::Minijail,
        );
        assert_eq!(denies, "# For x86_64.\n@denylist\nptrace: return EPERM\nsocket: { arg0 == 0x3; return EPERM }\n");
    }

    #[test]
    fn architectures_numbers_values_and_defaults() {
        let text = "@default trap\n{ read, write[arch=x86_64,x86], open[arch=arm] }: { arg0 == (1 | 2) || arg1 in ~(0xf0|~0xff), return EACCES }\n\
                    500: allow\nmmap: arg2 in ~PROT_EXEC || arg2 & (PROT_WRITE | 0x100)\n";
        let policy = policy(FROM, text);
        assert_eq!(done(&policy, "read", &[3]), Action::Allow);
        assert_eq!(done(&policy, "read", &[2, 0x0f]), Action::Allow);
        assert_eq!(done(&policy, "write", &[2, 0x10]), Action::Errno(13));
        assert_eq!(done(&policy, "open", &[3]), Action::Trap(0));
        assert_eq!(policy.decide(&SyscallData::new(Abi::X86_64.token(), 500, [0; 6])).action, Action::Allow);
        assert_eq!(done(&policy, "mmap", &[0, 0, 4]), Action::Trap(0));
        assert_eq!(done(&policy, "mmap", &[0, 0, 6]), Action::Allow);
        assert_eq!(done(&policy, "mmap", &[0, 0, 0x104]), Action::Allow);
        for (text, codes) in [
            ("read[arch=vax]: 1", &["bad-metadata!"][..]),
            ("read[arc=x86]: 1", &["bad-metadata!"]),
            ("read[arch=x86: 1", &["bad-metadata!"]),
            ("io@group: 1", &["unknown-group!"]),
            ("@default allow\nread: 1", &["permissive-default!"]),
            ("read: arg0 == 1; return EPERM", &["two-meanings"]),
            ("read: { arg0 == 1; return EPERM }", &[]),
            ("read: 1\nread: 1", &["unreachable-filter!"]),
            ("read[arch=x86]: 1\nread[arch=arm]: 1", &[]),
        ] {
            assert_eq!(found(FROM, text), codes, "{text}");
        }
    }

    /// The policy as such a file can say it: traps and traces without numbers, and nothing of numbers without a name.
    fn as_written(policy: &Policy, default: Action) -> Policy {
        let mut policy = policy.clone();
        for abi in policy.abis.values_mut() {
            abi.rest.action = default;
            for call in abi.calls.values_mut() {
                let actions = call.clauses.iter_mut().map(|clause| &mut clause.decision.action);
                for action in actions.chain([&mut call.otherwise.action]) {
                    match action {
                        Action::Trap(data) | Action::Trace(data) => *data = 0,
                        _ => {}
                    }
                }
            }
        }
        policy
    }

    const NAMES: &[&str] = &["read", "kill", "ioctl", "openat", "clone", "umount2"];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn what_is_written_means_the_same(drawn in some_policy_of(Abi::X86_64, NAMES)) {
            let text = match export(&drawn.0, &Program::default(), export::Format::Minijail, &EXACT) {
                Ok(export) => String::from_utf8(export.bytes).unwrap(),
                Err(export::ExportError::TooManyRules { .. } | export::ExportError::NotReadBack { .. }) => return Ok(()),
                Err(other) => panic!("{other}"),
            };
            let back = policy(FROM, &text);
            proven_equal(&as_written(&drawn.0, back.abis[&Abi::X86_64].rest.action), &back, &text);
        }
    }
}

mod pfc {
    use super::*;

    const FROM: import::Format = import::Format::Pfc;

    const TEXT: &str = r#"#
# pseudo filter code start
#
# filter for arch x86_64 (3221225534)
if ($arch == 3221225534)
  # filter for syscall "UNKNOWN" (500) [priority: 65535]
  if ($syscall == 500)
    action 0x7fc00000;
  # filter for syscall "socket" (41) [priority: 65532]
  if ($syscall == 41)
    if ($a0.hi32 == 0)
      if ($a0.lo32 == 1)
        action ALLOW;
      if ($a1.lo32 & 0x0000000f == 3)
        action ERRNO(13);
    if ($a2.hi32 >= 1)
    else
      action LOG;
  # default action
  action ERRNO(1);
# filter for arch x32 (3221225534)
if ($arch == 3221225534)
  if ($syscall > 1073741829)
    if ($syscall == 1073741832)
      action ALLOW;
  else # ($syscall <= 1073741829)
    if ($syscall == 1073741824)
      action TRAP(3);
  # default action
  action ERRNO(1);
# invalid architecture action
action KILL_PROCESS;
#
# pseudo filter code end
#
"#;

    #[test]
    fn the_tree_is_read_in_its_order() {
        assert_eq!(import::Format::of(TEXT), Some(FROM));
        let policy = policy_on(&[Abi::X86_64, Abi::X32], FROM, TEXT, &[]);
        for (args, action) in [
            (&[1][..], Action::Allow),
            (&[2, 3], Action::Errno(13)),
            (&[2, 4], Action::Log),
            (&[2, 4, 1 << 32], Action::Errno(1)),
            (&[1 << 32 | 1, 3], Action::Log),
        ] {
            assert_eq!(done(&policy, "socket", args), action, "{args:x?}");
        }
        let nr = |nr| policy.decide(&SyscallData::new(Abi::X86_64.token(), nr, [0; 6])).action;
        assert_eq!(
            [nr(500), nr(501), nr(0x4000_0000), nr(0x4000_0008)],
            [Action::Notify, Action::Errno(1), Action::Trap(3), Action::Allow]
        );
        assert_eq!(policy.other.action, Action::KillProcess);
    }

    #[test]
    fn what_is_wrong_is_said_where_it_is() {
        let edited = |from: &str, to: &str| TEXT.replacen(from, to, 1);
        for (text, code) in [
            (edited("action LOG;", "action LOGG;"), "pfc-line!"),
            (edited("($a0.hi32 == 0)", "($a6.hi32 == 0)"), "pfc-line!"),
            (edited("    else\n", "        else\n"), "pfc-structure!"),
            (edited("if ($syscall == 500)\n", ""), "pfc-structure!"),
            (edited("if ($syscall == 500)", "if ($syscall == 1073742324)"), "pfc-structure!"),
            (edited("$arch == 3221225534", "$arch == 17"), "unknown-abi!"),
            (edited("  # default action\n  action ERRNO(1);\n", ""), "pfc-structure!"),
            (edited("action ERRNO(1);", "action ALLOW;"), "pfc-structure!"),
            ("# pseudo filter code start\n".to_owned(), "pfc-structure!"),
        ] {
            assert!(found(FROM, &text).contains(&code.to_owned()), "{code}: {:?}\n{text}", found(FROM, &text));
        }
    }
}

mod lxc {
    use super::*;

    const FROM: import::Format = import::Format::Lxc;

    #[test]
    fn lists_of_both_versions() {
        let old = policy(FROM, "1\nallowlist\n0\n1\n500\n");
        assert_eq!([done(&old, "read", &[]), done(&old, "close", &[])], [Action::Allow, Action::KillThread]);
        let text = "2\ndenylist\nreject_force_umount  # comment\nptrace errno 13\nkexec_load\n[x86]\nmodify_ldt trap\n[all]\nsocket notify [0,16,SCMP_CMP_EQ][1,0x3,SCMP_CMP_MASKED_EQ,0xf]\nread allow\n";
        assert_eq!(import::Format::of(text), Some(FROM));
        let new = policy_on(&[Abi::X86_64, Abi::X86], FROM, text, &[]);
        assert_eq!(done(&new, "umount2", &[0, 1]), Action::Errno(13));
        assert_eq!(done(&new, "umount2", &[0, 2]), Action::Allow);
        assert_eq!(done(&new, "ptrace", &[]), Action::Errno(13));
        assert_eq!(done(&new, "kexec_load", &[]), Action::KillThread);
        assert_eq!(done(&new, "modify_ldt", &[]), Action::Allow);
        assert_eq!(on(&new, Abi::X86, "modify_ldt", [0; 6]), Action::Trap(0));
        assert_eq!(done(&new, "socket", &[16, 0x13]), Action::Notify);
        assert_eq!(done(&new, "socket", &[16, 0x14]), Action::Allow);
        assert_eq!(found(FROM, text), ["same-as-default"]);
    }

    #[test]
    fn what_is_wrong_is_said_where_it_is() {
        for (text, code) in [
            ("3\nallowlist\n", "bad-line!"),
            ("2\nallow-list\n", "bad-line!"),
            ("1\ndenylist\n", "bad-line!"),
            ("2\nallowlist errno\n", "bad-line!"),
            ("2\nallowlist\nraed\n", "unknown-syscall!"),
            ("2\nallowlist\nread kil\n", "bad-line!"),
            ("2\nallowlist\n[vax]\n", "bad-line!"),
            ("2\nallowlist\nread allow [6,1,==]\n", "bad-line!"),
            ("2\nallowlist\nread allow [0,1]\n", "bad-line!"),
            ("2\nallowlist\nread allow [0,1,SCMP_CMP_QE]\n", "bad-line!"),
            ("2\nallowlist\nread allow [0,1,&=]\n", "bad-line!"),
            ("2\nallowlist\nread allow [0,1,==,3]\n", "bad-line!"),
            ("2\nallowlist\nread allow [0,1,==\n", "bad-line!"),
            ("1\nallowlist\nread\n", "bad-line!"),
        ] {
            assert_eq!(found(FROM, text), [code], "{text}");
        }
    }
}

/// Policies whose calls do one thing each.
fn some_plain_policy(abi: Abi, actions: &'static [Action]) -> impl Strategy<Value = Drawn> {
    const NAMES: &[&str] = &["read", "execve", "futex", "mount", "ptrace", "prctl", "openat", "nanosleep", "brk"];
    let action = || prop::sample::select(actions);
    let calls = proptest::collection::btree_map(prop::sample::select(NAMES), action(), 0..9);
    (calls, action()).prop_map(move |(calls, all)| {
        let mut policy = uniform(&[abi], all);
        for (name, action) in calls {
            set(&mut policy, &[abi], name, &support::policies::call(&[], action));
        }
        Drawn(policy)
    })
}

mod systemd {
    use super::*;

    const FROM: import::Format = import::Format::Systemd;

    #[test]
    fn lists_are_edited_in_their_order() {
        let text = "[Unit]\nDescription=x\n# comment\n[Service]\nSystemCallArchitectures=native\n\
                    SystemCallFilter=read mount ptrace @swap\nSystemCallFilter = ~mount ptrace:EACCES swapoff:kill \\\n; in between\n execve\n\
                    SystemCallErrorNumber=ENOSYS\nSystemCallLog=read nothing-here\nSystemCallLog=\nSystemCallLog=read mount\n";
        let text = text.replace(" nothing-here", "");
        assert_eq!(import::Format::of(&text), Some(FROM));
        assert_eq!(found(FROM, &text), Vec::<String>::new());
        let policy = policy(FROM, &text);
        for (call, action) in [
            ("read", Action::Log),
            ("mount", Action::Errno(38)),
            ("ptrace", Action::Errno(13)),
            ("swapon", Action::Allow),
            ("swapoff", Action::KillProcess),
            // Of @default, and taken out.
            ("execve", Action::Errno(38)),
            ("exit_group", Action::Allow),
            ("write", Action::Errno(38)),
        ] {
            assert_eq!(done(&policy, call, &[]), action, "{call}");
        }
    }

    #[test]
    fn deny_lists_and_none() {
        let denied = policy(
            FROM,
            "[Service]\nSystemCallFilter=~@mount ptrace:EPERM\nSystemCallFilter=chroot\nSystemCallLog=~read\n",
        );
        for (call, action) in [
            ("mount", Action::KillProcess),
            ("ptrace", Action::Errno(1)),
            ("chroot", Action::Log),
            ("read", Action::Allow),
            ("write", Action::Log),
        ] {
            assert_eq!(done(&denied, call, &[]), action, "{call}");
        }
        let reset =
            policy(FROM, "[Service]\nSystemCallFilter=read\nSystemCallFilter=\nSystemCallArchitectures=x86-64 x86\n");
        assert_eq!(done(&reset, "mount", &[]), Action::Allow);
        assert_eq!(reset.abis.keys().copied().collect::<Vec<_>>(), [Abi::X86_64, Abi::X86]);
    }

    #[test]
    fn what_is_wrong_is_said_where_it_is() {
        for (line, codes) in [
            ("SystemCallFilter=raed", &["open-abis", "unknown-syscall!"][..]),
            ("SystemCallFilter=@sytem-service", &["open-abis", "bad-assignment!"]),
            ("SystemCallFilter=read:EPERM", &["open-abis", "bad-assignment!"]),
            ("SystemCallFilter=~read:EPREM", &["open-abis", "bad-assignment!"]),
            ("SystemCallFilters=read", &["open-abis", "unknown-key!"]),
            ("systemcallfilter=read", &["open-abis", "unknown-key!"]),
            ("SystemCallErrorNumber=0", &["open-abis", "bad-assignment!"]),
            ("SystemCallArchitectures=x86_46", &["open-abis", "bad-assignment!"]),
            ("SystemCallFilter=\"read\"", &["open-abis", "bad-assignment!"]),
            ("RestrictNamespaces=yes", &["open-abis", "another-filter"]),
            ("RestrictNamespaces=no", &["open-abis"]),
            ("what", &["open-abis", "bad-assignment!"]),
            ("[Unit]\nSystemCallFilter=read", &["open-abis", "bad-assignment!"]),
        ] {
            assert_eq!(found(FROM, &format!("[Service]\n{line}\n")), codes, "{line}");
        }
        assert_eq!(
            found(FROM, "SystemCallFilter=read\nSystemCallArchitectures=native\n"),
            ["no-section", "no-section"]
        );
    }

    #[test]
    fn systemd_reads_this() {
        let gate =
            "deny: all\nallow: read, write, execve, exit_group\nlog: openat\nkill: ptrace\nerrno(ENOSYS): clone3\n";
        let text = written(&lowered(gate, &[Abi::X86_64]), export::Format::Systemd);
        assert!(text.starts_with("[Service]\nSystemCallArchitectures=native\nSystemCallFilter=@default openat read write\nSystemCallFilter=~"), "{text}");
        assert!(
            text.contains(" clone3:ENOSYS ") && text.contains(" ptrace:kill ") && !text.contains(" execve "),
            "{text}"
        );
        assert!(text.ends_with("SystemCallErrorNumber=EPERM\nSystemCallLog=openat\n"), "{text}");
        let refused = export(
            &lowered("deny: all\nallow: read(fd == 1)\ntrap: write", &[Abi::X86_64]),
            &Program::default(),
            export::Format::Systemd,
            &EXACT,
        );
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("2 calls: `read` depends on its arguments; `write` is trap"), "{refused}");
    }

    const ACTIONS: &[Action] = &[Action::Allow, Action::Errno(1), Action::Errno(38), Action::KillProcess, Action::Log];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn what_is_written_means_the_same(drawn in some_plain_policy(Abi::X86_64, ACTIONS)) {
            let text = written(&drawn.0, export::Format::Systemd);
            proven_equal(&drawn.0, &policy(FROM, &text), &text);
        }
    }
}

mod firejail {
    use super::*;

    const FROM: import::Format = import::Format::Firejail;

    #[test]
    fn the_three_kinds_of_list() {
        let keep = policy(
            FROM,
            "seccomp.block-secondary\nseccomp.keep read,write:ENOSYS,!execve\nseccomp-error-action kill\n",
        );
        for (call, action) in [
            ("read", Action::Allow),
            ("write", Action::Errno(38)),
            ("execve", Action::KillThread),
            ("prctl", Action::Allow),
            ("mount", Action::KillThread),
        ] {
            assert_eq!(done(&keep, call, &[]), action, "{call}");
        }
        let drop = policy(FROM, "caps.drop all\nseccomp.drop @mount,!umount2,$0,ptrace:kill\n");
        assert_eq!(done(&drop, "mount", &[]), Action::Errno(1));
        assert_eq!(done(&drop, "umount2", &[]), Action::Allow);
        assert_eq!(done(&drop, "read", &[]), Action::Errno(1));
        assert_eq!(done(&drop, "ptrace", &[]), Action::KillThread);
        let more = policy(FROM, "seccomp getpid:EACCES,!ptrace,mount:EACCES\nseccomp-error-action log\n");
        assert_eq!(done(&more, "getpid", &[]), Action::Errno(13));
        assert_eq!(done(&more, "ptrace", &[]), Action::Allow);
        // The default list stands before it.
        assert_eq!(done(&more, "mount", &[]), Action::Log);
        assert_eq!(done(&more, "write", &[]), Action::Allow);
    }

    #[test]
    fn what_is_wrong_is_said_where_it_is() {
        for (text, code) in [
            ("seccomp.drop raed", "unknown-syscall!"),
            ("seccomp.drop @mout", "bad-directive!"),
            ("seccomp.drop read:EPREM", "bad-directive!"),
            ("seccomp.drop $x", "bad-directive!"),
            ("seccomp.drop", "bad-directive!"),
            ("seccomp.dorp read", "bad-directive!"),
            ("seccomp-error-action kil", "bad-directive!"),
            ("seccomp.32.drop read", "no-filter!"),
            ("seccomp\nmemory-deny-write-execute", "another-filter"),
        ] {
            assert!(found(FROM, text).contains(&code.to_owned()), "{text}: {:?}", found(FROM, text));
        }
    }

    #[test]
    fn firejail_reads_this() {
        let drops = written(
            &lowered("allow: all\ndeny: ptrace\nerrno(ENOSYS): clone3\nkill-thread: mount, 500", &[Abi::X86_64]),
            export::Format::Firejail,
        );
        assert_eq!(
            drops,
            "seccomp.block-secondary\nseccomp-error-action EPERM\nseccomp.drop clone3:ENOSYS,mount:kill,ptrace,$500:kill\n"
        );
        assert_eq!(import::Format::of(&drops), Some(FROM));
        let keeps = written(
            &lowered("deny: all\nallow: read, execve, 500\nerrno(ENOSYS): clone3", &[Abi::X86_64]),
            export::Format::Firejail,
        );
        assert!(keeps.starts_with("seccomp.block-secondary\nseccomp-error-action EPERM\nseccomp.keep "), "{keeps}");
        assert!(
            keeps.contains("clone3:ENOSYS")
                && keeps.contains("!prctl")
                && keeps.contains(",read")
                && keeps.ends_with(",$500\n"),
            "{keeps}"
        );
    }

    const ACTIONS: &[Action] = &[Action::Allow, Action::Errno(1), Action::Errno(38), Action::KillThread, Action::Log];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn what_is_written_means_the_same(drawn in some_plain_policy(Abi::X86_64, ACTIONS)) {
            let text = match export(&drawn.0, &Program::default(), export::Format::Firejail, &EXACT) {
                Ok(export) => String::from_utf8(export.bytes).unwrap(),
                Err(export::ExportError::Differs { .. }) => return Ok(()),
                Err(other) => panic!("{other}"),
            };
            if text.contains("seccomp.keep") || text.contains("seccomp.drop") {
                proven_equal(&drawn.0, &policy(FROM, &text), &text);
            }
        }
    }
}

mod lxc_out {
    use super::*;

    #[test]
    fn lxc_reads_this() {
        let gate = "arch: x86_64, x86, x32\ndeny: all\nallow: read, socket(raw(arg0) & 0xffffffff in {1, 2})\nerrno(ENOSYS): clone3, socketcall\nkill-thread: ptrace\n";
        let text = written(&lowered(gate, &[]), export::Format::Lxc);
        assert_eq!(
            text,
            "2\nallowlist errno 1\n[all]\nclone3 errno 38\nptrace kill\nread allow\nsocket allow [0,0x1,&=,0xffffffff]\n\
             socket allow [0,0x2,&=,0xffffffff]\nsocketcall errno 38\n"
        );
        assert_eq!(import::Format::of(&text), Some(import::Format::Lxc));
        let refused = export(
            &lowered("kill: all\nallow: read", &[Abi::X86_64]),
            &Program::default(),
            export::Format::Lxc,
            &EXACT,
        );
        assert!(refused.unwrap_err().to_string().contains("`all` is kill"), "no such action");
    }

    const NAMES: &[&str] = &["read", "kill", "ioctl", "openat", "clone", "umount2"];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn what_is_written_means_the_same(drawn in some_policy_of(Abi::X86_64, NAMES)) {
            let mut policy_in = drawn.0;
            let rest = policy_in.abis[&Abi::X86_64].rest.action;
            let text = match export(&policy_in, &Program::default(), export::Format::Lxc, &EXACT) {
                Ok(export) => String::from_utf8(export.bytes).unwrap(),
                Err(
                    export::ExportError::Differs { .. }
                    | export::ExportError::TooManyRules { .. }
                    | export::ExportError::NotReadBack { .. },
                ) => return Ok(()),
                Err(other) => panic!("{other}"),
            };
            policy_in.abis.get_mut(&Abi::X86_64).unwrap().rest = decision(rest);
            proven_equal(&policy_in, &policy(import::Format::Lxc, &text), &text);
        }
    }
}

mod any_text {
    use super::*;

    /// Something of every format.
    const SAMPLES: &[(import::Format, &str)] = &[
        (
            import::Format::Kafel,
            "#define A 0x1\nPOLICY p { ALLOW { read, write(a, b) { (a & A) == 1 && !(b > 2), a != 3 } }, ERRNO(1) { SYSCALL[-1] ON { x86, arm } } }\nUSE p DEFAULT KILL // end",
        ),
        (
            import::Format::Minijail,
            "@default trap\n@include ./a\n{ read[arch=x86], write }: { arg0 in ~(1|PROT_EXEC) && arg1 & 4; return EPERM, 1 }\nopen: arg1 == 0x1 \\\n || arg2 != 3\n",
        ),
        (
            import::Format::Systemd,
            "[Service]\nSystemCallFilter=~@mount read:EPERM \\\n write\nSystemCallErrorNumber=kill\nSystemCallArchitectures=native x86\nSystemCallLog=read\n",
        ),
        (
            import::Format::Lxc,
            "2\nallowlist errno 1\n[x86_64]\nread allow [0,0x1,&=,0xf][1,2,SCMP_CMP_GT]\nreject_force_umount\n",
        ),
        (
            import::Format::Firejail,
            "seccomp.block-secondary\nseccomp-error-action EPERM\nseccomp.keep @basic-io,!read,$5:ENOSYS,write:kill\n",
        ),
        (
            import::Format::Pfc,
            "# pseudo filter code start\n# filter for arch x86_64 (3221225534)\nif ($arch == 3221225534)\n  if ($syscall == 1)\n    if ($a0.hi32 & 0x0000000f == 1)\n      action ALLOW;\n    else\n      action TRACE(3);\n  # default action\n  action ERRNO(1);\n# invalid architecture action\naction KILL;\n",
        ),
    ];

    #[test]
    fn the_samples_are_read() {
        for (format, text) in SAMPLES {
            let imported = read(*format, text, &[("./a", "close: 1\n")]);
            assert!(imported.file.is_some(), "{format}: {:#?}", imported.diagnostics);
            assert_eq!(import::Format::of(text), Some(*format), "{text}");
        }
    }

    /// A text, cut and put together again.
    fn mutated() -> impl Strategy<Value = (import::Format, String)> {
        let edits = proptest::collection::vec(
            (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..5_u8, "\\PC{0,3}"),
            1..6,
        );
        (prop::sample::select(SAMPLES), edits).prop_map(|((format, text), edits)| {
            let mut characters: Vec<char> = text.chars().collect();
            for (from, to, kind, new) in edits {
                if characters.is_empty() {
                    break;
                }
                let (one, two) = (from.index(characters.len()), to.index(characters.len()));
                let (start, end) = (one.min(two), one.max(two));
                match kind {
                    0 => drop(characters.drain(start..end)),
                    1 => characters.swap(start, end),
                    2 => {
                        let part: Vec<char> = characters[start..end].to_vec();
                        characters.splice(start..start, part);
                    }
                    3 => characters.truncate(end),
                    _ => drop(characters.splice(start..start, new.chars())),
                }
            }
            (format, characters.into_iter().collect())
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn nothing_breaks_an_importer((format, text) in mutated()) {
            found(format, &text);
            let _ = import::Format::of(&text);
        }

        #[test]
        fn nor_does_any_text(text in "\\PC{0,80}", lines in proptest::collection::vec("[a-zA-Z0-9_@~#$%&|=!<>(){}\\[\\],.:; \"\\\\-]{0,30}", 0..6)) {
            for format in import::Format::ALL {
                found(*format, &text);
                found(*format, &lines.join("\n"));
            }
            let _ = import::Format::of(&text);
        }
    }
}
