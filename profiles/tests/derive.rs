//! Policies derived from recordings: the text as a whole, and what it must never say.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::{Abi, X32_BIT};
use callgate_compiler::call::SyscallData;
use callgate_compiler::lower::target::Target;
use callgate_compiler::lower::{Groups, Unit, lower};
use callgate_compiler::policy::Policy;
use callgate_compiler::tables;
use callgate_grammar::tree::{NameOrNumber, StatementKind, TargetKind, Verb, Version};
use callgate_grammar::{SourceId, parse};
use callgate_profiles::derive::{DeriveError, DeriveOptions, Otherwise, SiblingCalls, derive};
use callgate_profiles::recording::{Backend, Phase, Recording, Row, Run, Scope, Since, Unbounded, Values};
use callgate_profiles::tally::Tally;
use callgate_profiles::{Arguments, Runtime};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

fn row(abi: Abi, name: &str, phase: Phase) -> Row {
    let nr = tables::number(abi, name).unwrap_or_else(|| panic!("{abi} has no {name}"));
    Row { abi, syscall: Some(name.to_owned()), nr, phase, calls: 1, arguments: BTreeMap::new(), first: None }
}

fn run(id: u8, names: &[&str]) -> Run {
    let execve = row(Abi::X86_64, "execve", Phase::Exec);
    let rows = [execve].into_iter().chain(names.iter().map(|name| row(Abi::X86_64, name, Phase::Run))).collect();
    Run {
        id: format!("{id:032x}"),
        command: vec!["cat".to_owned(), "/etc/hostname".to_owned()],
        scope: Scope::default(),
        since: Since::default(),
        backend: Backend::Ebpf,
        kernel: "6.18.44".to_owned(),
        machine: "x86_64".to_owned(),
        calls_exact: true,
        lost: BTreeMap::new(),
        still_running: 0,
        serving_after: None,
        in_progress: false,
        ended: "exit 0".to_owned(),
        rows,
        denied: Vec::new(),
    }
}

fn recording(runs: &[Run]) -> Recording {
    Recording { runs: runs.iter().map(|run| (run.id.clone(), run.clone())).collect() }
}

fn seen(values: &[u64]) -> Values {
    Values::Seen(values.iter().copied().collect())
}

/// The targets of the statements with this verb, as (ABI of the `when`, text).
fn targets(gate: &str, verb: &Verb) -> BTreeSet<(Option<String>, String)> {
    let (file, diagnostics) = parse(SourceId::default(), gate);
    assert_eq!(diagnostics, [], "{gate}");
    let mut found = BTreeSet::new();
    let mut of_rule = |abi: Option<&str>, kind: &StatementKind| {
        let StatementKind::Rule { verb: this, targets } = kind else { return };
        let same = match (&this.node, verb) {
            (Verb::Errno(_), Verb::Errno(_)) => true,
            (this, verb) => this == verb,
        };
        for target in targets.iter().filter(|_| same) {
            let text = &gate[target.span.start as usize..target.span.end as usize];
            assert!(found.insert((abi.map(str::to_owned), text.to_owned())), "{text} stands twice:\n{gate}");
        }
    };
    for statement in &file.statements {
        match &statement.node {
            StatementKind::When { guards, body } => {
                let callgate_grammar::tree::GuardKind::Arch(name) = &guards[0].node.kind else { panic!("{guards:?}") };
                body.iter().for_each(|statement| of_rule(Some(&name.node), &statement.node));
            }
            kind => of_rule(None, kind),
        }
    }
    found
}

fn allowed(gate: &str) -> BTreeSet<(Option<String>, String)> {
    targets(gate, &Verb::Allow)
}

#[test]
fn cat_becomes_this() {
    let names = ["brk", "close", "fstat", "mmap", "openat", "read", "rseq", "write", "exit_group"];
    let only_seen = DeriveOptions { siblings: SiblingCalls::None, ..DeriveOptions::default() };
    let derived = derive(&recording(&[run(1, &names)]), &only_seen).unwrap();
    let expected = "\
# Derived by callgate from 1 run of `cat /etc/hostname`
# (complete; recorded with ebpf on Linux 6.18.44 x86_64).
arch: x86_64
deny: all

# starts the command: the only call that `callgate run` makes under the filter
allow: execve

# observed
allow: brk, close, exit_group, fstat, mmap, openat, read, rseq, write

# made by the kernel, or needed to end
allow: exit, restart_syscall, rt_sigreturn

# abort(3) and what leads to it: a failing check says why and dies by its signal
allow: getpid, gettid, rt_sigaction, rt_sigprocmask, tgkill, tkill, writev

# calls that libraries try and do without only when told ENOSYS
errno(ENOSYS): cachestat, clone3, close_range, epoll_pwait2, faccessat2, fchmodat2, futex_waitv
errno(ENOSYS): landlock_create_ruleset, listmount, mseal, openat2, pidfd_open, pidfd_send_signal, statmount
errno(ENOSYS): statx
";
    assert_eq!(derived.gate, expected);
    assert_eq!(derived.notes, Vec::<String>::new());
}

#[test]
fn siblings_are_added_with_their_reasons() {
    let names = ["brk", "fstat", "mmap", "openat", "read", "write", "exit_group"];
    let derived = derive(&recording(&[run(1, &names)]), &DeriveOptions::default()).unwrap();
    let expected = "
# open(3) is openat since glibc 2.26, and open in musl
allow: open

# stat(3), lstat(3) and fstat(3) are newfstatat since glibc 2.33, and calls of their own before it and in musl
allow: lstat, newfstatat, stat

# stdio reads with read in glibc and with readv in musl
allow: readv

# glibc's loader reads the headers of libraries with pread64
allow: pread64
";
    assert!(derived.gate.contains(expected), "{}", derived.gate);
    // What libraries do without answers ENOSYS, and what wasn't seen in any form is not there.
    let allowed = allowed(&derived.gate);
    for name in ["statx", "openat2", "clone3", "socket", "mkdir", "fork", "futex"] {
        assert!(!allowed.contains(&(None, name.to_owned())), "{name}");
    }
    let why = derived.targets.iter().find(|target| target.call == "open").unwrap();
    assert_eq!((why.abi, why.verb), (Abi::X86_64, "allow"));
    assert_eq!(why.reason, ["open(3) is openat since glibc 2.26, and open in musl"]);
}

/// On the ABI where the relative was seen, and on no other.
#[test]
fn siblings_stay_on_their_abi() {
    let mut run = run(1, &["read"]);
    run.rows.push(row(Abi::X86, "clock_gettime64", Phase::Run));
    run.rows.push(row(Abi::X86, "openat", Phase::Run));
    run.rows.push(row(Abi::X86, "futex_time64", Phase::Run));
    let derived = derive(&recording(&[run]), &DeriveOptions::default()).unwrap();
    let allowed = allowed(&derived.gate);
    let x86 = |name: &str| allowed.contains(&(Some("x86".to_owned()), name.to_owned()));
    assert!(x86("open") && x86("futex"), "{}", derived.gate);
    assert!(!allowed.contains(&(None, "open".to_owned())));
    assert!(allowed.contains(&(None, "clock_gettime".to_owned())), "{}", derived.gate);
}

/// A sibling is held as what was seen is held; without anything to hold it to, a call of power isn't added.
#[test]
fn a_sibling_is_no_door_around_a_condition() {
    let rows: &[(&str, &[(&str, Values)])] =
        &[("mmap", &[("prot", seen(&[1, 3]))]), ("openat", &[("flags", seen(&[0, 0x80000]))]), ("vfork", &[])];
    let derived = |arguments| {
        let options = DeriveOptions { arguments, ..DeriveOptions::default() };
        allowed(&derive(&recording(&[with_arguments(rows)]), &options).unwrap().gate)
    };
    let has = |allowed: &BTreeSet<_>, text: &str| allowed.contains(&(None::<String>, text.to_owned()));
    let clone = "clone(clone_flags lacks CLONE_NEWCGROUP|CLONE_NEWIPC|CLONE_NEWNET|CLONE_NEWNS|CLONE_NEWPID|CLONE_NEWUSER|\
                 CLONE_NEWUTS)";
    let whole = derived(Arguments::None);
    assert!(has(&whole, "mprotect") && has(&whole, "open") && has(&whole, clone), "{whole:?}");
    let safe = derived(Arguments::Safe);
    assert!(has(&safe, "mprotect(prot lacks ~0x3)") && has(&safe, "open") && has(&safe, clone), "{safe:?}");
    let all = derived(Arguments::All);
    assert!(has(&all, "mprotect(prot lacks ~0x3)") && has(&all, "open(flags lacks ~0x80000)"), "{all:?}");
}

#[test]
fn calls_of_few_runs_stand_apart_when_asked_for() {
    let runs = [run(1, &["read"]), run(2, &["read", "mkdir"]), run(3, &["read", "mkdir", "chdir"])];
    let options = DeriveOptions { min_runs: 3, siblings: SiblingCalls::None, ..DeriveOptions::default() };
    let derived = derive(&recording(&runs), &options).unwrap();
    let expected = "
# observed
allow: read

# observed in fewer than 3 of 3 runs: does the program need them, or did a test?
# chdir 1, mkdir 2
allow: chdir, mkdir
";
    assert!(derived.gate.contains(expected), "{}", derived.gate);
    assert!(
        derived.notes.contains(&"seen in fewer than 3 of 3 runs: chdir 1, mkdir 2".to_owned()),
        "{:?}",
        derived.notes
    );
}

/// Past the bound a parameter is left free, and a note says so.
#[test]
fn what_is_left_free_is_said() {
    let many = seen(&(0..17).collect::<Vec<_>>());
    let run = with_arguments(&[("fcntl", &[("cmd", many)]), ("futex", &[("op", seen(&[0x80, 0x189]))])]);
    let options = DeriveOptions { arguments: Arguments::All, ..DeriveOptions::default() };
    let derived = derive(&recording(&[run]), &options).unwrap();
    let note = "`cmd` of fcntl (x86_64) is left free: it was seen with 17 values, and 16 are the most it is held to";
    assert_eq!(derived.notes, [note]);
    assert!(allowed(&derived.gate).contains(&(None, "futex(op & 0xfffffe7f in {0, 1, 3, 4, 5, 9, 10})".to_owned())));
}

#[test]
fn a_runtime_adds_its_baseline_with_the_reasons() {
    let options = DeriveOptions { runtime: Some(Runtime::Runc), ..DeriveOptions::default() };
    let derived = derive(&recording(&[run(1, &["read", "exit_group"])]), &options).unwrap();
    assert!(derived.gate.contains("\n# runc: Going to the working directory and making sure that it lies inside"));
    let allowed = allowed(&derived.gate);
    for name in ["capset", "openat2", "statx", "faccessat2", "getcwd"] {
        assert!(allowed.contains(&(None, name.to_owned())), "{name}");
    }
    let enosys = targets(&derived.gate, &parse_errno());
    assert!(enosys.contains(&(None, "clone3".to_owned())));
    assert!(!enosys.iter().any(|(_, name)| ["openat2", "statx", "close_range"].contains(&name.as_str())));
    // Refused by the default anyway.
    assert_eq!(targets(&derived.gate, &Verb::Deny), BTreeSet::from([(None, "all".to_owned())]));
    let kill = DeriveOptions { default: Otherwise::Kill, ..options };
    let killing = derive(&recording(&[run(1, &["uname"])]), &kill).unwrap();
    assert!(killing.gate.contains("\nkill: all\n"));
    let denied = targets(&killing.gate, &Verb::Deny);
    assert!(denied.contains(&(None, "fsopen".to_owned())));
    assert!(!denied.contains(&(None, "uname".to_owned())));
}

fn parse_errno() -> Verb {
    callgate_grammar::parse_verb(SourceId::default(), "errno(ENOSYS)").unwrap().node
}

#[test]
fn log_leaves_nothing_out() {
    let options = DeriveOptions { default: Otherwise::Log, ..DeriveOptions::default() };
    let derived = derive(&recording(&[run(1, &["read"])]), &options).unwrap();
    assert!(derived.gate.contains("\nlog: all\n"));
    assert!(!derived.gate.contains("errno"));
}

#[test]
fn nothing_is_granted_on_an_abi_where_it_was_not_seen() {
    let mut run = run(1, &["read", "openat"]);
    run.rows.push(row(Abi::X86, "read", Phase::Run));
    run.rows.push(row(Abi::X86, "fstat64", Phase::Run));
    let derived = derive(&recording(&[run]), &DeriveOptions::default()).unwrap();
    assert!(derived.gate.contains("\narch: x86_64, x86\n"));
    let allowed = allowed(&derived.gate);
    let on = |abi: &str| Some(abi.to_owned());
    assert!(allowed.contains(&(None, "read".to_owned())));
    assert!(allowed.contains(&(on("x86"), "fstat64".to_owned())));
    assert!(allowed.contains(&(on("x86_64"), "openat".to_owned())));
    assert!(allowed.contains(&(on("x86_64"), "execve".to_owned())));
    assert!(allowed.contains(&(on("x86"), "sigreturn".to_owned())));
    assert!(derived.gate.contains("when arch x86_64 {\n    allow: openat\n}\n"));
}

#[test]
fn numbers_without_a_name_stay_numbers() {
    let mut run = run(1, &["read"]);
    let number = |abi, nr, name: Option<&str>| Row {
        abi,
        syscall: name.map(str::to_owned),
        nr,
        phase: Phase::Run,
        calls: 1,
        arguments: BTreeMap::new(),
        first: None,
    };
    run.rows.push(number(Abi::X86_64, 1000, Some("brand_new\nallow: all")));
    run.rows.push(number(Abi::X86_64, u32::MAX, None));
    run.rows.push(number(Abi::X32, X32_BIT | 1001, None));
    // The tables of the day of the recording had no name for read.
    run.rows.iter_mut().filter(|row| row.nr == 0).for_each(|row| row.syscall = None);
    let derived = derive(&recording(&[run]), &DeriveOptions::default()).unwrap();
    let allowed = allowed(&derived.gate);
    let on = |abi: &str| Some(abi.to_owned());
    assert!(allowed.contains(&(on("x86_64"), "1000".to_owned())), "{}", derived.gate);
    assert!(allowed.contains(&(on("x32"), (X32_BIT | 1001).to_string())));
    assert!(allowed.contains(&(on("x86_64"), "read".to_owned())));
    assert!(!allowed.iter().any(|(_, name)| name == "all" || name == "4294967295"));
    assert!(derived.gate.contains("\n# 1000 is brand_new\\u{a}allow: all\n"));
}

fn with_arguments(rows: &[(&str, &[(&str, Values)])]) -> Run {
    let mut run = run(1, &[]);
    for (name, arguments) in rows {
        let mut row = row(Abi::X86_64, name, Phase::Run);
        row.arguments = arguments.iter().map(|(name, values)| ((*name).to_owned(), values.clone())).collect();
        run.rows.push(row);
    }
    run
}

#[test]
fn arguments_are_held_to_what_was_seen() {
    let run = with_arguments(&[
        ("socket", &[("family", seen(&[1, 2])), ("type", seen(&[0x80001])), ("arg2", seen(&[0]))]),
        ("openat", &[("dfd", seen(&[3])), ("flags", seen(&[0, 0x80000, 0x241]))]),
        ("mmap", &[("prot", seen(&[1, 3])), ("flags", Values::Unbounded(Unbounded::Unbounded))]),
        ("fcntl", &[("cmd", seen(&(0..17).collect::<Vec<_>>()))]),
        ("personality", &[("personality", seen(&[0xffff_ffff]))]),
        ("prctl", &[("option", seen(&[0xffff_ffff, 15]))]),
        ("execve", &[("filename", seen(&[1]))]),
        ("rt_sigprocmask", &[("how", seen(&[2]))]),
    ]);
    let options = DeriveOptions { arguments: Arguments::Safe, ..DeriveOptions::default() };
    let derived = derive(&recording(std::slice::from_ref(&run)), &options).unwrap();
    let allowed = allowed(&derived.gate);
    for target in [
        "socket(family in {1, 2}, type == 0x80001)",
        // What files a program opens how isn't for a filter to hold it to.
        "openat",
        "mmap(prot lacks ~0x3)",
        "fcntl",
        "personality(personality == 0xffffffff)",
        "prctl(option in {15, -1})",
        // Allowed whole for abort(3).
        "rt_sigprocmask",
    ] {
        assert!(allowed.contains(&(None, target.to_owned())), "{target}:\n{}", derived.gate);
    }
    // Without a recorder that looked at arguments in every run, nothing is known of them.
    let mut blind = run.clone();
    blind.id = format!("{:032x}", 2);
    blind.rows.iter_mut().for_each(|row| row.arguments.clear());
    let derived = derive(&recording(&[run, blind]), &options).unwrap();
    let conditional = |line: &str| line.starts_with("allow:") && line.contains('(');
    assert!(!derived.gate.lines().any(conditional), "{}", derived.gate);
}

#[test]
fn an_incomplete_recording_is_refused_unless_asked_for() {
    let mut lossy = run(1, &["read"]);
    lossy.lost = BTreeMap::from([("forked_tasks".to_owned(), 3)]);
    let refused = derive(&recording(&[lossy.clone()]), &DeriveOptions::default()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the recording is incomplete (3 forked_tasks), so the policy would refuse what the command needs\n  next: record again, or \
         derive with `--incomplete-ok`"
    );
    let options = DeriveOptions { incomplete_ok: true, ..DeriveOptions::default() };
    let derived = derive(&recording(&[lossy]), &options).unwrap();
    assert!(derived.gate.contains("(INCOMPLETE; "));
    assert!(derived.gate.contains("# Lost: 3 forked_tasks. The command may need calls that are not here.\n"));
    assert_eq!(derived.notes, ["the recording is incomplete: the policy may refuse what the command needs"]);
    assert_eq!(derive(&Recording::default(), &options).unwrap_err(), DeriveError::Empty);
}

#[test]
fn runs_that_differ_are_told_apart() {
    let mut second = run(2, &["read", "futex"]);
    second.still_running = 2;
    second.ended = "signal 15".to_owned();
    second.command = vec!["sh".to_owned(), "-c".to_owned(), "echo hi\nallow: all".to_owned(), "\u{202e}".to_owned()];
    let derived = derive(&recording(&[run(1, &["read"]), second]), &DeriveOptions::default()).unwrap();
    assert!(
        derived.gate.starts_with(
            "# Derived by callgate from 2 runs of 2 commands:\n#   `cat /etc/hostname` (1 run)\n#   `sh -c 'echo \
         hi\\u{a}allow: all' '\\u{202e}'` (1 run)\n# (complete;"
        ),
        "{}",
        derived.gate
    );
    assert!(derived.gate.contains("# observed\n# in some of 2 runs only: futex 1\n"));
    assert_eq!(
        derived.notes,
        [
            "seen in only one of 2 runs: futex",
            "1 of 3 things seen in 2 runs were seen in one of them only: about 20.0 % of what another run shows will be \
             new (Good–Turing), and at least 0 more exist (Chao)",
            "2 processes were still running when the recording ended: what they called later is not in the policy",
            "1 run did not end with exit 0",
        ]
    );
}

#[test]
fn defaults_are_found_by_name() {
    for &(default, name) in Otherwise::ALL {
        assert_eq!(name.parse(), Ok(default));
        assert_eq!(default.to_string(), name);
    }
    assert!("trap".parse::<Otherwise>().unwrap_err().to_string().starts_with("no default is called `trap`"));
}

/// Some rows of real calls, with made-up arguments.
fn some_rows() -> impl Strategy<Value = Vec<Row>> {
    let phase = prop_oneof![1 => Just(Phase::Exec), 4 => Just(Phase::Run)];
    let values = prop_oneof![
        4 => vec(any::<u64>(), 1..20).prop_map(|values| seen(&values)),
        1 => Just(Values::Unbounded(Unbounded::Unbounded)),
    ];
    let drawn = btree_map((prop::sample::select(Abi::ALL), 0..10_000usize, phase), vec(values, 0..6), 1..30);
    drawn.prop_map(|drawn| {
        let mut rows: BTreeMap<(Abi, u32, Phase), Row> = BTreeMap::new();
        for ((abi, index, phase), values) in drawn {
            let calls: Vec<_> = tables::calls(abi).collect();
            let (nr, name) = calls[index % calls.len()];
            let parameters = tables::prototype(abi, name).unwrap_or_default();
            let arguments = parameters.iter().map(|parameter| parameter.name.to_owned()).zip(values).collect();
            let row = Row { abi, syscall: Some(name.to_owned()), nr, phase, calls: 1, arguments, first: None };
            rows.insert((abi, nr, phase), row);
        }
        rows.into_values().collect()
    })
}

proptest! {
    #[test]
    fn everything_observed_is_allowed_and_the_text_is_a_policy(
        rows in some_rows(),
        runtime in prop_oneof![Just(None), Just(Some(Runtime::Runc)), Just(Some(Runtime::Crun))],
        arguments in prop::sample::select(Arguments::ALL),
        siblings in prop::sample::select(SiblingCalls::ALL),
    ) {
        let mut run = run(1, &[]);
        run.rows = rows.clone();
        let options = DeriveOptions { runtime, arguments: arguments.0, siblings: siblings.0, ..DeriveOptions::default() };
        let derived = derive(&recording(&[run]), &options).unwrap();
        // A single target is never cut, whatever its condition.
        let short = |line: &str| line.starts_with('#') || line.len() <= 110 || !line.contains("), ");
        prop_assert!(derived.gate.lines().all(short), "{}", derived.gate);
        let allowed = allowed(&derived.gate);
        let has = |abi: Abi, name: &str| {
            allowed.iter().any(|(on, text)| {
                let names = on.as_deref().is_none_or(|on| on == abi.name());
                names && text.split('(').next() == Some(name)
            })
        };
        for row in &rows {
            prop_assert!(has(row.abi, row.syscall.as_deref().unwrap()), "{row:?}\n{}", derived.gate);
        }
        for (on, name) in targets(&derived.gate, &parse_errno()) {
            let same = |row: &&Row| on.as_deref().is_none_or(|on| on == row.abi.name()) && row.syscall.as_ref() == Some(&name);
            prop_assert!(!rows.iter().any(|row| same(&row)), "{name} was observed");
        }
    }
}

/// The policy of a derived text, for every ABI that it names.
fn policy(gate: &str) -> Policy {
    let (file, diagnostics) = parse(SourceId::default(), gate);
    assert_eq!(diagnostics, [], "{gate}");
    let unit = Unit { source: SourceId::default(), file, layer: 1, scope: 1 };
    let target = Target::new(vec![Abi::X86_64], Version { major: 6, minor: 12 });
    let lowered = lower(&[unit], &Groups::new(), &target);
    let errors: Vec<_> = lowered.diagnostics.iter().filter(|finding| finding.is_error()).collect();
    assert!(errors.is_empty(), "{errors:?}\n{gate}");
    lowered.policy.expect("without errors there is a policy")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the options: the text has a meaning, every call that was seen is permitted with every value it was seen with,
    /// and what is added for other libraries only widens the policy.
    #[test]
    fn what_was_seen_is_permitted(rows in some_rows(), arguments in prop::sample::select(Arguments::ALL)) {
        let mut run = run(1, &[]);
        run.rows = rows.clone();
        let with = |siblings| {
            let options = DeriveOptions { arguments: arguments.0, siblings, ..DeriveOptions::default() };
            policy(&derive(&recording(std::slice::from_ref(&run)), &options).unwrap().gate)
        };
        let (narrow, wide) = (with(SiblingCalls::None), with(SiblingCalls::Libc));
        for row in &rows {
            let parameters = tables::prototype(row.abi, row.syscall.as_deref().unwrap()).unwrap_or_default();
            for turn in 0..3 {
                let value = |index: usize| match parameters.get(index).and_then(|known| row.arguments.get(known.name)) {
                    Some(Values::Seen(values)) => values.iter().cycle().nth(turn).copied().unwrap_or_default(),
                    _ => 0,
                };
                let data = SyscallData::new(row.abi.token(), row.nr, std::array::from_fn(value));
                prop_assert!(narrow.decide(&data).action.permits(), "{row:?} {data:?}");
                prop_assert!(wide.decide(&data).action.permits(), "{row:?} {data:?}");
            }
        }
        for &(abi, nr) in Tally::of(&recording(&[run])).calls.keys() {
            let data = SyscallData::new(abi.token(), nr, [0; 6]);
            prop_assert!(!narrow.decide(&data).action.permits() || wide.decide(&data).action.permits());
        }
    }
}

#[test]
fn a_target_is_a_name_or_a_number() {
    let derived = derive(&recording(&[run(1, &["read"])]), &DeriveOptions::default()).unwrap();
    let (file, _) = parse(SourceId::default(), &derived.gate);
    let calls = file.statements.iter().filter_map(|statement| match &statement.node {
        StatementKind::Rule { targets, .. } => Some(targets),
        _ => None,
    });
    for target in calls.flatten() {
        match &target.node {
            TargetKind::Call(call) => assert!(matches!(call.callee.node, NameOrNumber::Name(_))),
            other => assert_eq!(*other, TargetKind::All),
        }
    }
}
