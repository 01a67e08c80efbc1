//! One truth table for every engine: tests/vectors/*.toml.
//!
//! What a file says must happen is held against each engine, and so is what the evaluator says about calls that are
//! generated from the policy.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::call::SyscallData;
use callgate_compiler::policy::Policy;
use tempfile::TempDir;

use crate::engines::differences::{About, DIFFERENCES, Difference};
use crate::engines::{self, Case, Engine, cases};
use crate::support::{callgate, root, told};
use crate::table::{Verdict, judge};

/// Failures of a file that are shown; the rest is only counted.
const SHOWN: usize = 4;

/// What went wrong, by file.
#[derive(Default)]
struct Wrong(BTreeMap<String, Vec<String>>);

impl Wrong {
    fn add(&mut self, file: &str, what: String) {
        self.0.entry(file.to_owned()).or_default().push(what);
    }

    #[track_caller]
    fn none(&self, engine: &str) {
        let mut message = String::new();
        for (file, lines) in &self.0 {
            writeln!(message, "{file}: {} failures", lines.len()).expect("a string takes everything");
            for line in lines.iter().take(SHOWN) {
                writeln!(message, "  {line}").expect("a string takes everything");
            }
        }
        assert!(self.0.is_empty(), "{engine}\n{message}");
    }
}

/// Holds an engine to every file.
#[track_caller]
fn hold(engine: &impl Engine) {
    let listed = || DIFFERENCES.iter().enumerate().filter(|(_, difference)| difference.engine == engine.name());
    let mut found = BTreeSet::new();
    let mut wrong = Wrong::default();
    let (mut files, mut asked, mut out_of_reach) = (0, 0, 0);
    for case in cases() {
        let of_file = || listed().filter(|(_, difference)| difference.file.is_none_or(|file| file == case.file));
        let all = case.calls();
        let total = all.len();
        let calls: Vec<_> = all.into_iter().filter(|one| engine.reaches(&one.data)).collect();
        out_of_reach += total - calls.len();
        let data: Vec<_> = calls.iter().map(|one| one.data).collect();
        let answers = match engine.ask(&case.policy, &data) {
            Ok(answers) => answers,
            Err(reason) => {
                let known = |difference: &Difference| matches!(difference.about, About::Policy(words) if reason.contains(words));
                match of_file().find(|(_, difference)| known(difference)) {
                    Some((index, difference)) => {
                        found.insert(index);
                        eprintln!("{} can't hold {}: {reason} ({})", engine.name(), case.file, difference.reason);
                    }
                    None => wrong.add(&case.file, format!("can't be held: {reason}")),
                }
                continue;
            }
        };
        assert_eq!(answers.len(), calls.len());
        files += 1;
        asked += calls.len();
        for (one, answer) in calls.iter().zip(answers) {
            let expected = match one.vector {
                Some(index) => case.vectors[index].expected,
                None => case.policy.decide(&one.data).action,
            };
            if engine.shows(expected) == answer {
                continue;
            }
            let known = |difference: &Difference| match difference.about {
                About::Policy(_) => false,
                About::Calls(these) | About::CallsOfVersions(these, _) => these(&case.policy, &one.data, &answer),
            };
            match of_file().find(|(_, difference)| known(difference)) {
                Some((index, _)) => {
                    found.insert(index);
                }
                None => {
                    let place = one.vector.map_or_else(
                        || "generated".to_owned(),
                        |index| format!("line {}, {}", case.vectors[index].line, case.vectors[index].text),
                    );
                    wrong.add(&case.file, format!("{place}: {:x?}: {expected} expected, {answer} found", one.data));
                }
            }
        }
    }
    for (_, difference) in listed().filter(|(index, _)| !found.contains(index)) {
        let must_show = match difference.about {
            About::CallsOfVersions(_, here) => here(),
            About::Policy(_) | About::Calls(_) => true,
        };
        if must_show {
            wrong.add(difference.file.unwrap_or("every file"), format!("no longer differs: {}", difference.reason));
        }
    }
    eprintln!("{}: {files} files, {asked} calls; {out_of_reach} calls out of its reach", engine.name());
    wrong.none(engine.name());
}

#[test]
fn the_evaluator() {
    for Case { file, policy, vectors, .. } in cases() {
        for vector in vectors {
            let said = match judge(&policy, &vector) {
                Verdict::Holds => continue,
                Verdict::Differs(decision, data) => format!("{} at {data:x?}", decision.action),
                Verdict::NoSuchCall => "no such call".to_owned(),
                Verdict::Undecided => "undecided".to_owned(),
            };
            panic!("{file}:{}: {} => {} expected, {said}", vector.line, vector.text, vector.expected);
        }
    }
    hold(&engines::evaluator());
}

#[test]
fn the_simulated_program() {
    hold(&engines::simulator());
}

#[test]
fn the_live_kernel() {
    hold(&engines::kernel());
}

#[test]
fn the_seccompiler_crate() {
    hold(&engines::seccompiler());
}

#[cfg(feature = "libseccomp")]
#[test]
fn the_libseccomp_crate() {
    hold(&engines::libseccomp());
}

#[cfg(not(feature = "libseccomp"))]
#[test]
fn the_libseccomp_crate() {
    assert!(
        std::env::var_os("CALLGATE_REQUIRE").is_none_or(|value| value != "all"),
        "CALLGATE_REQUIRE=all, and the feature `libseccomp` is off"
    );
    eprintln!("skipped: needs the feature `libseccomp`");
}

/// An engine as wrong as its function.
struct Broken(&'static str, fn(&SyscallData) -> SyscallData);

impl Engine for Broken {
    fn name(&self) -> &'static str {
        self.0
    }

    fn reaches(&self, _call: &SyscallData) -> bool {
        true
    }

    fn ask(&self, policy: &Policy, calls: &[SyscallData]) -> Result<Vec<String>, String> {
        Ok(calls.iter().map(|call| policy.decide(&(self.1)(call)).action.to_string()).collect())
    }
}

#[test]
#[should_panic(expected = "07_boundaries_64.toml")]
fn an_engine_that_reads_low_halves_only_is_found() {
    hold(&Broken("half-blind", |call| SyscallData { args: call.args.map(|word| word & 0xffff_ffff), ..*call }));
}

#[test]
#[should_panic(expected = "16_x32_guard.toml")]
fn an_engine_without_the_x32_guard_is_found() {
    let strip = |call: &SyscallData| {
        let x32 = Abi::of_call(call.arch, call.nr) == Some(Abi::X32) && call.arch == Abi::X86_64.token();
        SyscallData { nr: if x32 { call.nr & 0xfff } else { call.nr }, ..*call }
    };
    hold(&Broken("x32-blind", strip));
}

#[test]
#[should_panic(expected = "no longer differs: it has no x32 guard")]
fn a_listed_difference_that_is_gone_is_found() {
    hold(&Broken("seccompiler", |call| *call));
}

#[test]
fn every_file_says_why_and_every_action_is_there() {
    let cases = cases();
    assert!(cases.len() >= 15);
    let mut seen = BTreeSet::new();
    for case in &cases {
        assert!(case.text.starts_with("# "), "{} doesn't start with a comment that says why", case.file);
        seen.extend(case.vectors.iter().map(|vector| match vector.expected {
            Action::Errno(errno) => Action::Errno(errno.min(2)),
            Action::Trap(data) => Action::Trap(data.min(1)),
            Action::Trace(data) => Action::Trace(data.min(1)),
            action => action,
        }));
    }
    let every = [
        Action::KillProcess,
        Action::KillThread,
        Action::Trap(0),
        Action::Trap(1),
        Action::Errno(0),
        Action::Errno(1),
        Action::Errno(2),
        Action::Notify,
        Action::Trace(0),
        Action::Trace(1),
        Action::Log,
        Action::Allow,
    ];
    assert_eq!(seen, every.into());
}

#[test]
fn the_command_checks_the_same_tables() {
    for case in cases() {
        let path = format!("tests/vectors/{}", case.file);
        let output = callgate().args(["eval", "--vectors", &path]).current_dir(root()).output().expect("callgate runs");
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        let lines = String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.starts_with("ok   ")).count();
        assert_eq!(lines, case.vectors.len(), "{}", told(&output));
    }
}

#[test]
fn a_vector_that_fails_is_shown_with_its_reason() {
    let folder = TempDir::new().expect("a folder");
    let table = "vectors = [\n  { abi = \"x86_64\", call = \"read\", action = \"allow\" },\n  \
                 { abi = \"x86_64, x86\", call = \"socket(AF_UNIX)\", action = \"deny\" },\n  \
                 { abi = \"0x1234\", call = \"1\", action = \"kill\" },\n]\n";
    fs::write(folder.path().join("t.toml"), table).expect("a file");
    fs::write(folder.path().join("p.gate"), "arch: x86_64\ndeny: all\nallow: read, socket(type == SOCK_STREAM)\n")
        .expect("a file");
    let output = callgate()
        .args(["eval", "p.gate", "--vectors", "t.toml"])
        .current_dir(folder.path())
        .output()
        .expect("callgate runs");
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let expected = "ok   t.toml:2: read on x86_64 => allow\n\
                    FAIL t.toml:3: socket(AF_UNIX) on x86_64 => errno(EPERM)\n     \
                    socket(0x1, 0x1, 0x0) is allow\n     \
                    because of p.gate:3:14: socket(type == SOCK_STREAM)\n\
                    FAIL t.toml:3: socket(AF_UNIX) on x86 => errno(EPERM)\n     \
                    socket(0x0, 0x0, 0x0) is kill\n     \
                    because of the policy doesn't list x86\n\
                    ok   t.toml:4: 1 on the ABI with token 0x1234 => kill\n\
                    2 passed, 2 failed\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

#[test]
fn bad_tables_are_errors_with_a_line() {
    let vector = |line: &str| format!("policy = 'deny: all'\nvectors = [\n  {line},\n]\n");
    let good = "{ abi = \"x86_64\", call = \"read\", action = \"deny\" }";
    for (text, expected) in [
        ("policy = 'deny: all'\nvectors = [\n".to_owned(), &["t.toml:"][..]),
        ("polcy = 'deny: all'\nvectors = []\n".to_owned(), &["t.toml:1", "polcy"]),
        ("policy = 'deny: all'\nvectors = []\n".to_owned(), &["t.toml:1", "no vectors"]),
        (format!("vectors = [\n{good}\n]\n"), &["no policy of its own", "eval FILE --vectors"]),
        (format!("under = ['deny: all']\nvectors = [\n{good}\n]\n"), &["`under`"]),
        (vector("{ abi = \"vax\", call = \"read\", action = \"deny\" }"), &["t.toml:3", "vax", "x86_64"]),
        (vector("{ abi = \"x86_64\", call = \"raed\", action = \"deny\" }"), &["t.toml:3", "did you mean `read`"]),
        (
            vector("{ abi = \"aarch64\", call = \"open\", action = \"deny\" }"),
            &["t.toml:3", "aarch64 doesn't have `open`"],
        ),
        (vector("{ abi = \"x86_64\", call = \"read\", action = \"denny\" }"), &["t.toml:3", "denny"]),
        (vector("{ abi = \"0x12\", call = \"read\", action = \"deny\" }"), &["t.toml:3", "number of the call"]),
        (vector("{ abi = \"x86_64\", call = \"read\" }"), &["t.toml:3", "action"]),
        ("policy = 'deny all'\nvectors = [\n".to_owned() + good + "\n]\n", &["t.toml:1"]),
    ] {
        let folder = TempDir::new().expect("a folder");
        fs::write(folder.path().join("t.toml"), &text).expect("a file");
        let output = callgate()
            .args(["eval", "--vectors", "t.toml"])
            .current_dir(folder.path())
            .output()
            .expect("callgate runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}\n{}", told(&output));
        assert!(output.stdout.is_empty() && stderr.contains("help"), "{text}\n{stderr}");
        for part in expected {
            assert!(stderr.contains(part), "`{part}` is not in:\n{stderr}\nfor {text}");
        }
    }
}
