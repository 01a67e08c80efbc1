//! Formats that are one profile in several dresses: what is written is read back and means the same, and what is wrong with a
//! file is said with its place.
#![allow(clippy::unwrap_used)]

mod support;

use callgate_compiler::abi::{Abi, HighHalf};
use callgate_compiler::action::Action;
use callgate_compiler::bpf::Program;
use callgate_compiler::call::SyscallData;
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::policy::Policy;
use callgate_compiler::tables;
use callgate_grammar::tree::Version;
use callgate_grammar::{Diagnostic, Sources, Span, parse};
use callgate_profiles::engine::{Engine, Host, Libseccomp, read_as};
use callgate_profiles::export::{ExportError, ExportOptions, Format, export};
use callgate_profiles::import::{self, Document, Imported};
use proptest::prelude::*;
use support::policies::{Drawn, arguments, call, set, some_policy, uniform};

const EXACT: ExportOptions = ExportOptions { allow_lossy: false, strict: false };

fn host(machine: Abi) -> Host {
    let kernel = Version { major: 6, minor: 18 };
    Host { machine, capabilities: Default::default(), kernel, libseccomp: Libseccomp::Newest }
}

/// Files that are beside the one that is read.
const BESIDE: &[(&str, &str)] = &[
    (
        "base.yaml",
        "apiVersion: security-profiles-operator.x-k8s.io/v1beta1\nkind: SeccompProfile\nmetadata: {name: base}\n\
                   spec:\n  defaultAction: SCMP_ACT_KILL\n  syscalls:\n  - action: SCMP_ACT_ALLOW\n    names: [write, futex]\n",
    ),
    (
        "round.yaml",
        "apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: SeccompProfile\nmetadata: {name: round}\n\
                    spec: {defaultAction: SCMP_ACT_KILL, baseProfileName: round}\n",
    ),
];

fn imported(engine: Engine, machine: Abi, format: import::Format, text: &str, selector: Option<&str>) -> Imported {
    let mut sources = Sources::default();
    let source = sources.add("file", text);
    let mut includes = |name: &str, at: Span| match BESIDE.iter().find(|(known, _)| *known == name) {
        Some((name, text)) => Ok((sources.add(*name, *text), (*text).to_owned())),
        None => Err(Diagnostic::error("unreadable-use", format!("no {name}")).at(at, "").help("write it")),
    };
    read_as(engine, &host(machine), format, &Document { text, source, selector }, &mut includes)
}

#[track_caller]
fn policy(imported: Imported, machine: Abi) -> Policy {
    let (gate, findings) = (imported.gate(), imported.diagnostics);
    let gate = gate.unwrap_or_else(|| panic!("{findings:#?}"));
    let mut sources = Sources::default();
    let source = sources.add("gate", gate.clone());
    let (file, diagnostics) = parse(source, &gate);
    assert!(diagnostics.is_empty(), "{gate}\n{diagnostics:#?}");
    let target = Target::new(vec![machine], Version { major: 6, minor: 18 });
    let lowered = lower(&[Unit { source, file, layer: 1, scope: 1 }], &Groups::new(), &target);
    lowered.policy.unwrap_or_else(|| panic!("{gate}\n{:#?}", lowered.diagnostics))
}

/// As [`policy`], where that name is a drawn policy's.
fn read_by(imported: Imported, machine: Abi) -> Policy {
    policy(imported, machine)
}

fn read(format: import::Format, text: &str) -> Policy {
    policy(imported(Engine::Document, Abi::X86_64, format, text, None), Abi::X86_64)
}

fn done(policy: &Policy, call: &str) -> Action {
    policy.decide(&SyscallData::new(Abi::X86_64.token(), tables::number(Abi::X86_64, call).unwrap(), [0; 6])).action
}

/// The codes of what there is to say, errors with `!`, and what each one's first place is.
fn found(text: &str) -> Vec<(String, String)> {
    let imported = imported(Engine::Document, Abi::X86_64, import::Format::Spo, text, None);
    let mark = |finding: &Diagnostic| {
        let span = finding.labels[0].span;
        let place = if span.source.0 == 0 { &text[span.start as usize..span.end as usize] } else { "elsewhere" };
        (format!("{}{}", finding.code, if finding.is_error() { "!" } else { "" }), place.trim_end().to_owned())
    };
    imported.diagnostics.iter().map(mark).collect()
}

fn spo(spec: &str) -> String {
    format!(
        "apiVersion: security-profiles-operator.x-k8s.io/v1beta1\nkind: SeccompProfile\nmetadata:\n  name: é\nspec:\n{spec}"
    )
}

#[test]
fn a_profile_of_the_operators_is_an_oci_profile() {
    let text = spo(
        "  defaultAction: \"SCMP_ACT_ERRNO\" # a comment\n  architectures: [SCMP_ARCH_X86_64]\n  flags: [SECCOMP_FILTER_FLAG_LOG]\n  syscalls:\n  \
         - action: SCMP_ACT_ALLOW\n    names:\n    - read\n    - close\n  - action: SCMP_ACT_ERRNO\n    errnoRet: 0x26\n    names: [clone3]\n  \
         - action: SCMP_ACT_ALLOW\n    names: [kill]\n    args:\n    - {index: 1, value: 9, op: SCMP_CMP_NE}\n",
    );
    assert_eq!(import::Format::of(&text), Some(import::Format::Spo));
    let policy = read(import::Format::Spo, &text);
    assert_eq!(
        ["read", "close", "clone3", "kill", "open"].map(|name| done(&policy, name)),
        [Action::Allow, Action::Allow, Action::Errno(38), Action::Allow, Action::Errno(1)]
    );
    assert_eq!(policy.flags.len(), 1);
}

#[test]
fn a_base_adds_its_rules_and_nothing_else() {
    let text = spo(
        "  defaultAction: SCMP_ACT_ERRNO\n  baseProfileName: base\n  syscalls:\n  - {action: SCMP_ACT_ALLOW, names: [read]}\n",
    );
    let policy = read(import::Format::Spo, &text);
    assert_eq!(
        ["read", "write", "open"].map(|name| done(&policy, name)),
        [Action::Allow, Action::Allow, Action::Errno(1)]
    );
    for (base, code) in
        [("none", "unreadable-use!"), ("oci://registry/profile", "base-profile!"), ("round", "use-cycle!")]
    {
        let text = spo(&format!("  defaultAction: SCMP_ACT_ERRNO\n  baseProfileName: {base}\n"));
        assert_eq!(found(&text)[0].0, code);
    }
}

#[test]
fn several_documents_take_a_selector() {
    let one = |name: &str, action: &str| {
        format!(
            "---\napiVersion: security-profiles-operator.x-k8s.io/v1\nkind: SeccompProfile\nmetadata:\n  name: {name}\nspec:\n  defaultAction: {action}\n"
        )
    };
    let text = one("first", "SCMP_ACT_LOG") + "---\nkind: ConfigMap\n" + &one("second", "SCMP_ACT_KILL");
    let of = |selector| imported(Engine::Document, Abi::X86_64, import::Format::Spo, &text, selector);
    assert_eq!(done(&policy(of(Some("second")), Abi::X86_64), "read"), Action::KillThread);
    for selector in [None, Some("third")] {
        let error = &of(selector).diagnostics[0];
        assert_eq!(error.code, "which-filter");
        assert!(error.help.as_deref().is_some_and(|help| help.contains("#first, #second")), "{error:?}");
    }
}

#[test]
fn what_is_wrong_with_a_profile_of_the_operators_stands_in_its_yaml() {
    let check = |text: &str, expected: &[(&str, &str)]| {
        let found = found(text);
        let found: Vec<_> = found.iter().map(|(code, place)| (code.as_str(), place.as_str())).collect();
        assert_eq!(found, expected, "{text}");
    };
    check(
        &spo("  defaultaction: SCMP_ACT_LOG\n"),
        &[("unknown-key!", "defaultaction"), ("missing-key!", "defaultaction: SCMP_ACT_LOG")],
    );
    check(&spo("  defaultAction: SCMP_ACT_ALOW\n"), &[("unknown-action!", "SCMP_ACT_ALOW")]);
    check(
        &spo("  defaultAction: SCMP_ACT_LOG\n  defaultAction: SCMP_ACT_LOG\n"),
        &[("duplicate-key!", "defaultAction")],
    );
    // Docker's keys are not the operator's.
    check(&spo("  defaultAction: SCMP_ACT_LOG\n  archMap: []\n"), &[("unknown-key!", "archMap")]);
    check(
        &spo(
            "  defaultAction: SCMP_ACT_LOG\n  syscalls:\n  - action: SCMP_ACT_ALLOW\n    names: [read]\n    errno: EPERM\n",
        ),
        &[("unknown-key!", "errno")],
    );
    let late = "kind: SeccompProfile\napiVersion: security-profiles-operator.x-k8s.io/v9\nspecs: {}\nspec: {defaultAction: SCMP_ACT_LOG}\n";
    check(late, &[("unknown-version!", "security-profiles-operator.x-k8s.io/v9"), ("unknown-key!", "specs")]);
    check("kind: SeccompProfile\nmetadata: [", &[("malformed-yaml!", "")]);
    check("kind: &a SeccompProfile\nspec: *a\n", &[("yaml-anchor!", "*a")]);
    check("- op: replace\n  path: /metadata/namespace\n  value: x\n", &[("no-profile!", "")]);
    let deep = format!("kind: SeccompProfile\nspec: {}{}\n", "[".repeat(40), "]".repeat(40));
    assert_eq!(found(&deep)[0].0, "too-deep!");
}

/// Every named call of the ABIs, on arguments that a program can have there.
fn same(ours: &Policy, theirs: &Policy, abis: &[Abi]) {
    for abi in abis {
        for (&nr, call) in &ours.abis[abi].calls {
            let Some(name) = tables::name(*abi, nr) else { continue };
            let plain = vec![[0; 6]];
            for args in if call.clauses.is_empty() { plain } else { arguments(*abi).collect() } {
                if abi.high_half() == HighHalf::Zero && args.iter().any(|word| word >> 32 != 0) {
                    continue;
                }
                let data = SyscallData::new(abi.token(), nr, args);
                let trap = |action| if matches!(action, Action::Trap(_)) { Action::Trap(0) } else { action };
                assert_eq!(
                    trap(ours.decide(&data).action),
                    trap(theirs.decide(&data).action),
                    "{name} on {abi}: {args:x?}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_exported_is_read_back(policy in some_policy(), podman in any::<bool>()) {
        let Drawn(ours) = policy;
        let (to, from) = if podman { (Format::Podman, import::Format::Podman) } else { (Format::Spo, import::Format::Spo) };
        match export(&ours, &Program::default(), to, &EXACT) {
            Ok(export) => {
                let text = String::from_utf8(export.bytes).unwrap();
                for machine in ours.abis.keys().map(|abi| abi.native()) {
                    let engine = if podman { Engine::Podman } else { Engine::Crun };
                    let theirs = read_by(imported(engine, machine, from, &text, None), machine);
                    let abis: Vec<Abi> = ours.abis.keys().copied().filter(|abi| abi.native() == machine && theirs.abis.contains_key(abi)).collect();
                    same(&ours, &theirs, &abis);
                }
            }
            Err(ExportError::Unproven { call, .. }) => prop_assert!(false, "{call}"),
            Err(_) => {}
        }
    }

    #[test]
    fn a_filter_of_seccompilers_is_read_back(policy in some_policy()) {
        let Drawn(mut ours) = policy;
        let Some(abi) = [Abi::X86_64, Abi::Aarch64, Abi::Riscv64].into_iter().find(|abi| ours.abis.contains_key(abi)) else { return Ok(()) };
        ours.abis.retain(|other, _| *other == abi);
        match export(&ours, &Program::default(), Format::Seccompiler, &EXACT) {
            Ok(export) => {
                let text = String::from_utf8(export.bytes).unwrap();
                prop_assert_eq!(import::Format::of(&text), Some(import::Format::Seccompiler));
                let theirs = read_by(imported(Engine::Document, abi, import::Format::Seccompiler, &text, None), abi);
                same(&ours, &theirs, &[abi]);
            }
            Err(ExportError::Unproven { call, .. }) => prop_assert!(false, "{call}"),
            Err(_) => {}
        }
    }

    /// Whatever the text is, there is an answer, and its places are inside the text.
    #[test]
    fn no_yaml_is_too_strange(text in "\\PC*", cut in 0usize..400, with in "[-:\\[{}\\]*&!|>'\" \n#a]{0,4}") {
        found(&text);
        let whole = spo("  defaultAction: SCMP_ACT_LOG\n  syscalls:\n  - action: SCMP_ACT_ALLOW\n    names: [read, 'é']\n    args: [{index: 0, value: 1, op: SCMP_CMP_EQ}]\n");
        let mut cut = cut % whole.len();
        while !whole.is_char_boundary(cut) {
            cut -= 1;
        }
        found(&format!("{}{with}{}", &whole[..cut], &whole[cut..]));
        found(&format!("{}{with}", &whole[..cut]));
    }
}

#[test]
fn what_a_format_has_no_room_for_is_refused() {
    let refused = |policy: &Policy, format| match export(policy, &Program::default(), format, &EXACT) {
        Err(ExportError::Refused { problem, .. }) => problem,
        other => panic!("{other:?}"),
    };
    let enosys = uniform(&[Abi::X86_64], Action::Errno(38));
    assert!(refused(&enosys, Format::Spo).contains("EPERM"));
    let mut success = uniform(&[Abi::X86_64], Action::Errno(1));
    set(&mut success, &[Abi::X86_64], "read", &call(&[], Action::Errno(0)));
    assert!(refused(&success, Format::Spo).contains("EPERM"));
    assert!(refused(&uniform(&[Abi::X86_64, Abi::X86], Action::Allow), Format::Seccompiler).contains("--arch"));
    let mut three = uniform(&[Abi::X86_64], Action::Errno(1));
    set(&mut three, &[Abi::X86_64], "read", &call(&[], Action::Allow));
    set(&mut three, &[Abi::X86_64], "write", &call(&[], Action::Log));
    assert!(refused(&three, Format::Seccompiler).contains("log, allow"));
    // libseccomp takes errnos below the largest.
    let mut largest = uniform(&[Abi::X86_64], Action::Errno(1));
    set(&mut largest, &[Abi::X86_64], "read", &call(&[], Action::Errno(4095)));
    for format in [Format::Docker, Format::Oci, Format::Podman] {
        assert!(refused(&largest, format).contains("4095"));
    }
}

#[test]
fn a_rust_file_compiles_and_holds_the_filter() {
    use callgate_compiler::bpf::Instruction;
    let instructions = vec![
        Instruction { code: 0x20, jt: 0, jf: 0, k: 4 },
        Instruction { code: 0x15, jt: 1, jf: 0, k: Abi::X86_64.token() },
        Instruction { code: 0x06, jt: 0, jf: 0, k: 0x8000_0000 },
        Instruction { code: 0x06, jt: 0, jf: 0, k: 0x7fff_0000 },
    ];
    let program = Program { instructions, ..Program::default() };
    let policy = uniform(&[Abi::X86_64], Action::Allow);
    let bytes = export(&policy, &program, Format::Rust, &EXACT).unwrap().bytes;
    let folder = tempfile::TempDir::new().unwrap();
    let main = "mod filter { include!(\"filter.in\"); }\nfn main() {\n    for one in filter::FILTER { println!(\"{} {} {} {}\", one.code, one.jt, one.jf, one.k); }\n}\n";
    // An included file has no inner comments.
    let source = String::from_utf8(bytes).unwrap().replace("//! ", "// ");
    std::fs::write(folder.path().join("filter.in"), source).unwrap();
    std::fs::write(folder.path().join("main.rs"), main).unwrap();
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let built = std::process::Command::new(rustc)
        .args(["--edition", "2024", "-D", "warnings", "-A", "dead_code", "main.rs"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let printed = std::process::Command::new(folder.path().join("main")).output().unwrap().stdout;
    let expected = "32 0 0 4\n21 1 0 3221225534\n6 0 0 2147483648\n6 0 0 2147418112\n";
    assert_eq!(String::from_utf8(printed).unwrap(), expected);
}
