//! The pseudo filter code that libseccomp prints means what the instructions mean that it writes of the same filter.
#![allow(clippy::unwrap_used)]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use callgate_compiler::abi::{Abi, Endian};
use callgate_compiler::bpf;
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::prove::{Budget, Verdict, policy_equals_program};
use callgate_grammar::tree::Version;
use callgate_grammar::{Diagnostic, Sources, parse};
use callgate_profiles::import::{Document, Format, import};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use support::compiler;

/// libseccomp's own token for an ABI: x32 has one, unlike in `seccomp_data` (`SCMP_ARCH_X32`, seccomp.h).
fn token(abi: Abi) -> u32 {
    if abi == Abi::X32 { 0x4000_003e } else { abi.token() }
}

const NAMES: [&str; 8] = ["read", "write", "openat", "clone", "ioctl", "kill", "personality", "getpid"];

/// The commands that build a filter: a few rules with few arguments, so that they meet.
fn some_filter() -> impl Strategy<Value = String> {
    let abis = prop::sample::select(vec![
        vec![Abi::X86_64],
        vec![Abi::X86_64, Abi::X32],
        vec![Abi::X86_64, Abi::X86, Abi::X32],
        vec![Abi::Aarch64, Abi::Arm],
    ]);
    let action = || {
        prop::sample::select(vec![
            0x7fff_0000_u32,
            0x0005_0001,
            0x0005_000d,
            0,
            0x8000_0000,
            0x7ffc_0000,
            0x0003_0000,
            0x7fc0_0000,
        ])
    };
    let word = || prop::sample::select(vec![0_u64, 1, 2, 3, 0xff, 0x1_0000_0000, 0x1_0000_0001, 0xffff_ffff, u64::MAX]);
    // enum scmp_compare: EQ and MASKED_EQ, what profiles use.
    let test = (0..2_u8, prop_oneof![Just(4_u8), Just(7)], word(), word());
    let rule = (action(), prop::sample::select(&NAMES[..]), prop::collection::vec(test, 0..3));
    (abis, action(), 1..3_u8, prop::collection::vec(rule, 1..12)).prop_map(|(abis, default, level, rules)| {
        let mut text = format!("filter {default:x}\n");
        for abi in abis {
            writeln!(text, "arch {:x}", token(abi)).unwrap();
        }
        writeln!(text, "optimize {level:x}").unwrap();
        for (action, name, tests) in rules {
            write!(text, "rule {action:x} {name}").unwrap();
            let mut seen = Vec::new();
            for (index, operator, one, other) in tests {
                if !seen.contains(&index) {
                    seen.push(index);
                    write!(text, " {index:x} {operator:x} {one:x} {other:x}").unwrap();
                }
            }
            text.push('\n');
        }
        text
    })
}

#[test]
fn pseudo_filter_code_is_proven_equal_to_the_filter() {
    const FILTERS: usize = 150;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/libseccomp_pfc.c");
    let Some(oracle) = compiler::compile("libseccomp_pfc", &source, &["-lseccomp"]) else { return };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (bytes, code) = (folder.join("filter.bpf"), folder.join("filter.pfc"));
    let mut runner = TestRunner::deterministic();
    for _ in 0..FILTERS {
        let commands = some_filter().new_tree(&mut runner).unwrap().current();
        let mut child = Command::new(&oracle).args([&bytes, &code]).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(commands.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{commands}");
        let program = bpf::from_bytes(&fs::read(&bytes).unwrap(), Endian::Little).unwrap();
        let text = fs::read_to_string(&code).unwrap();
        assert_eq!(Format::of(&text), Some(Format::Pfc));
        let mut sources = Sources::default();
        let source = sources.add("filter", text.clone());
        let mut includes = |name: &str, at| Err(Diagnostic::error("unreadable-use", name).at(at, ""));
        let imported = import(Format::Pfc, &Document { text: &text, source, selector: None }, &mut includes);
        let gate = imported.gate().unwrap_or_else(|| panic!("{text}\n{:#?}", imported.diagnostics));
        let (file, diagnostics) = parse(source, &gate);
        assert!(diagnostics.is_empty(), "{gate}\n{diagnostics:#?}");
        let target = Target::new(vec![Abi::X86_64], Version { major: 6, minor: 18 });
        let lowered = lower(&[Unit { source, file, layer: 1, scope: 1 }], &Groups::new(), &target);
        let policy = lowered.policy.unwrap_or_else(|| panic!("{text}\n{gate}\n{:#?}", lowered.diagnostics));
        let verdict = policy_equals_program(&policy, &program, Budget::default());
        assert_eq!(verdict, Verdict::Holds, "{commands}\n{text}\n{gate}");
    }
}
