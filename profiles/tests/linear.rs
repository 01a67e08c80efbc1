//! Reading a file takes work in proportion to its length. The work is counted in instructions, by valgrind, never timed.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use callgate_compiler::abi::Abi;
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_grammar::tree::Version;
use callgate_grammar::{Diagnostic, SourceId};
use callgate_profiles::import::{Document, Format, import};

/// What a run of this very test, told so by the environment, does instead: one case at one length.
const ONE_CASE: &str = "CALLGATE_LINEAR_CASE";

/// Four times the text may take this many times the work: a sort of it does, a walk of all for each of its parts doesn't.
const MOST: f64 = 6.5;

/// Texts of one shape and about this many bytes, each with something that could be looked for again and again.
fn cases(bytes: usize) -> Vec<(&'static str, Format, String)> {
    let list = |each: &dyn Fn(usize) -> String, between: &str, size: usize| {
        (0..bytes / size).map(each).collect::<Vec<_>>().join(between)
    };
    let json = |rules: String| format!(r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{rules}]}}"#);
    let spo = |syscalls: String| {
        "apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: SeccompProfile\nmetadata: {name: a}\nspec:\n  \
         defaultAction: SCMP_ACT_ERRNO\n  syscalls:\n"
            .to_owned()
            + &syscalls
    };
    let value = |at: usize| {
        format!(
            r#"{{"names": ["ioctl"], "action": "SCMP_ACT_ALLOW", "args": [{{"index": 1, "value": {at}, "op": "SCMP_CMP_EQ"}}]}}"#
        )
    };
    let names = format!(r#"{{"names": [{}], "action": "SCMP_ACT_ALLOW"}}"#, list(&|_| r#""read""#.to_owned(), ",", 7));
    let unknown =
        format!(r#"{{"names": [{}], "action": "SCMP_ACT_ALLOW"}}"#, list(&|at| format!(r#""u{at}""#), ",", 8));
    let yaml = format!("  - action: SCMP_ACT_ALLOW\n    names:\n{}\n", list(&|_| "    - read".to_owned(), "\n", 11));
    let threads = |at: usize| {
        format!(r#"{{"syscall": "ioctl", "args": [{{"index": 1, "type": "dword", "op": "eq", "val": {at}}}]}}"#)
    };
    let pfc = |at: usize| format!("    if ($a1.lo32 == {at})\n      action ALLOW;");
    vec![
        ("names in JSON", Format::Docker, json(names)),
        ("unknown names in JSON", Format::Docker, json(unknown)),
        ("unknown keys in JSON", Format::Docker, format!("{{{}}}", list(&|at| format!(r#""k{at}":1"#), ",", 9))),
        ("values of a call in JSON", Format::Docker, json(list(&value, ",", 110))),
        ("names in YAML", Format::Spo, spo(yaml)),
        ("keys in YAML", Format::Spo, spo(String::new()) + &list(&|at| format!("k{at}: 1"), "\n", 9) + "\n"),
        (
            "values of a call for seccompiler",
            Format::Seccompiler,
            format!(
                r#"{{"main": {{"mismatch_action": "trap", "match_action": "allow", "filter": [{}]}}}}"#,
                list(&threads, ",", 82)
            ),
        ),
        ("names of minijail", Format::Minijail, format!("{{{}}}: 1\n", list(&|_| "read".to_owned(), ",", 5))),
        ("lines of minijail", Format::Minijail, list(&|at| format!("ioctl: arg1 == {at}"), "\n", 19) + "\n"),
        (
            "rules of kafel",
            Format::Kafel,
            format!("ALLOW {{ {} }} DEFAULT KILL\n", list(&|at| format!("ioctl {{ cmd == {at} }}"), ", ", 22)),
        ),
        (
            "policies of kafel",
            Format::Kafel,
            "POLICY p0 { ALLOW { read } }\n".to_owned()
                + &list(&|at| format!("POLICY p{} {{ USE p{at} }}", at + 1), "\n", 25)
                + "\nUSE p1 DEFAULT KILL\n",
        ),
        (
            "lines of LXC",
            Format::Lxc,
            "2\nallowlist errno 1\n".to_owned() + &list(&|at| format!("ioctl allow [1,{at},==]"), "\n", 24) + "\n",
        ),
        (
            "lines of systemd",
            Format::Systemd,
            "[Service]\n".to_owned() + &"SystemCallFilter=read write\n".repeat(bytes / 28),
        ),
        ("words of systemd", Format::Systemd, format!("[Service]\nSystemCallFilter={}\n", "read ".repeat(bytes / 5))),
        ("lines of firejail", Format::Firejail, "seccomp.drop read\n".repeat(bytes / 18) + "seccomp\n"),
        ("words of firejail", Format::Firejail, format!("seccomp {}\n", list(&|_| "read".to_owned(), ",", 5))),
        (
            "tests of pseudo code",
            Format::Pfc,
            "# filter for arch x86_64 (3221225534)\nif ($arch == 3221225534)\n  if ($syscall == 16)\n".to_owned()
                + &list(&pfc, "\n", 44)
                + "\n  # default action\n  action ERRNO(1);\n# invalid architecture action\naction KILL;\n",
        ),
    ]
}

/// Reads a text and gives it its meaning, if it has one.
fn read(format: Format, text: &str) {
    let document = Document { text, source: SourceId(0), selector: None };
    let mut includes = |_: &str, at| Err(Diagnostic::error("unreadable-use", "no").at(at, ""));
    if let Some(file) = import(format, &document, &mut includes).file {
        let target = Target::new(vec![Abi::X86_64], Version { major: 6, minor: 18 });
        let _ = lower(&[Unit { source: SourceId(0), file, layer: 1, scope: 1 }], &Groups::new(), &target);
    }
}

/// How many instructions this test takes for a case.
fn instructions(case: usize, bytes: usize) -> f64 {
    let own = std::env::current_exe().unwrap();
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(own)
        .args(["--exact", "work_grows_as_the_text_does", "--nocapture"])
        .env(ONE_CASE, format!("{case} {bytes}"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let count = said.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count.trim().parse());
    count.unwrap_or_else(|| panic!("{said}")).unwrap()
}

#[test]
fn work_grows_as_the_text_does() {
    if let Ok(asked) = std::env::var(ONE_CASE) {
        let (case, bytes) = asked.split_once(' ').unwrap();
        let (_, format, text) = cases(bytes.parse().unwrap()).swap_remove(case.parse().unwrap());
        return read(format, &text);
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        let required = std::env::var_os("CALLGATE_REQUIRE").is_some_and(|value| value == "all");
        assert!(!required, "work_grows_as_the_text_does needs valgrind");
        eprintln!("skipped: work_grows_as_the_text_does needs valgrind");
        return;
    }
    let mut wrong = Vec::new();
    for (case, (name, ..)) in cases(0).into_iter().enumerate() {
        // The tables are read whatever the length is.
        let [none, short, long] = [400, 8_000, 32_000].map(|bytes| instructions(case, bytes));
        let grows = (long - none) / (short - none).max(1.0);
        println!("{name}: {:.0} instructions for 32 kB, {grows:.1} times those for 8 kB", long - none);
        if grows > MOST {
            wrong.push(format!("{name}: {grows:.1} times the work for four times the text"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
