//! The recording file: what is written is read back, what contradicts itself is refused, merging is a union.

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::Abi;
use callgate_profiles::recording::{
    Backend, Denied, First, Phase, Recording, RecordingError, Row, Run, Scope, Since, Unbounded, Values, Verdict,
};
use callgate_profiles::tally::Tally;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;

fn some_values() -> impl Strategy<Value = Values> {
    prop_oneof![
        btree_set(prop_oneof![0..5u64, Just(u64::MAX)], 1..4).prop_map(Values::Seen),
        Just(Values::Unbounded(Unbounded::Unbounded)),
    ]
}

fn some_phase() -> impl Strategy<Value = Phase> {
    prop_oneof![Just(Phase::Exec), Just(Phase::Run), Just(Phase::Serving)]
}

fn some_first() -> impl Strategy<Value = First> {
    let name = || "[ -~]{0,5}";
    let stack = vec(name(), 0..3);
    (any::<u64>(), any::<u32>(), name(), option::of(name()), option::of(name()), stack).prop_map(
        |(after, process, thread, executable, test, stack)| {
            let task = process;
            First { after, process, task, thread, executable, test, stack }
        },
    )
}

fn some_denied() -> impl Strategy<Value = Vec<Denied>> {
    let verdict = prop_oneof![
        (1..=4095_u16).prop_map(Verdict::Errno),
        Just(Verdict::Trap),
        Just(Verdict::Kill),
        Just(Verdict::Answered)
    ];
    btree_map((0..6u32, some_phase(), verdict), (1..9u64, option::of(some_first())), 0..3).prop_map(|rows| {
        let denied = |((nr, phase, verdict), (calls, first))| Denied {
            abi: Abi::X86_64,
            syscall: None,
            nr,
            phase,
            verdict,
            calls,
            first,
        };
        rows.into_iter().map(denied).collect()
    })
}

fn some_scope() -> impl Strategy<Value = (Scope, Since, bool)> {
    let scope = prop_oneof![
        Just(Scope::Command),
        "[a-f0-9]{12}".prop_map(Scope::Container),
        "/[a-z/]{0,9}".prop_map(Scope::Cgroup),
        any::<u32>().prop_map(Scope::Process)
    ];
    (scope, prop_oneof![Just(Since::Start), Just(Since::Filter)], any::<bool>())
}

fn some_rows() -> impl Strategy<Value = Vec<Row>> {
    let abi = prop_oneof![Just(Abi::X86_64), Just(Abi::X86), Just(Abi::X32)];
    let phase = some_phase();
    let arguments = btree_map(prop_oneof![Just("family".to_owned()), Just("type".to_owned())], some_values(), 0..3);
    btree_map((abi, 0..6u32, phase), (1..9u64, any::<bool>(), arguments, option::of(some_first())), 0..8).prop_map(
        |rows| {
            let row =
                |((abi, nr, phase), (calls, named, arguments, first)): ((Abi, u32, Phase), (u64, bool, _, _))| Row {
                    abi,
                    syscall: named.then(|| format!("call{nr}")),
                    nr: if abi == Abi::X32 { nr | callgate_compiler::abi::X32_BIT } else { nr },
                    phase,
                    calls,
                    arguments,
                    first,
                };
            rows.into_iter().map(row).collect()
        },
    )
}

/// A run of which everything but the id is drawn: runs of different ids are different runs.
fn some_run() -> impl Strategy<Value = Run> {
    let backend = prop_oneof![Just(Backend::Ebpf), Just(Backend::Notify), Just(Backend::Ptrace)];
    let lost = btree_map(Just("argument_values".to_owned()), 1..5u64, 0..2);
    (
        any::<u128>(),
        vec("[ -~\n]{0,8}", 0..3),
        backend,
        any::<bool>(),
        lost,
        0..3u64,
        some_rows(),
        some_denied(),
        some_scope(),
    )
        .prop_map(
            |(id, command, backend, calls_exact, lost, still_running, rows, denied, (scope, since, in_progress))| Run {
                id: format!("{id:032x}"),
                command,
                scope,
                since,
                backend,
                kernel: "6.18.44".to_owned(),
                machine: "x86_64".to_owned(),
                calls_exact,
                lost,
                still_running,
                serving_after: (still_running > 1).then_some(still_running),
                in_progress,
                ended: "exit 0".to_owned(),
                rows,
                denied,
            },
        )
}

fn recording(runs: &[Run]) -> Recording {
    Recording { runs: runs.iter().map(|run| (run.id.clone(), run.clone())).collect() }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(runs in vec(some_run(), 0..4)) {
        let recording = recording(&runs);
        let text = recording.to_json();
        prop_assert_eq!(text.lines().last(), Some("}"));
        prop_assert!(text.ends_with("\n"));
        let read = Recording::from_json(&text).unwrap();
        prop_assert_eq!(&read, &recording);
        prop_assert_eq!(read.to_json(), text);
    }

    #[test]
    fn merging_is_a_union(runs in vec(some_run(), 0..6), a in any::<u8>(), b in any::<u8>(), c in any::<u8>()) {
        let part = |bits: u8| {
            let chosen: Vec<Run> =
                runs.iter().enumerate().filter(|(index, _)| bits >> index & 1 == 1).map(|(_, run)| run.clone()).collect();
            recording(&chosen)
        };
        let merge = |one: &Recording, other: &Recording| one.clone().merge(other.clone()).unwrap();
        let (a, b, c) = (part(a), part(b), part(c));
        prop_assert_eq!(merge(&a, &b), merge(&b, &a));
        prop_assert_eq!(merge(&merge(&a, &b), &c), merge(&a, &merge(&b, &c)));
        prop_assert_eq!(merge(&a, &a), a.clone());
        prop_assert_eq!(merge(&merge(&a, &b), &a).to_json(), merge(&a, &b).to_json());
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\[\\]{}\":,a-z0-9 ]{0,80}") {
        let _ = Recording::from_json(&text);
    }
}

fn run(id: u8, rows: Vec<Row>) -> Run {
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

fn socket(families: Option<&[u64]>) -> Row {
    let values = |values: &[u64]| Values::Seen(BTreeSet::from_iter(values.iter().copied()));
    Row {
        abi: Abi::X86_64,
        syscall: Some("socket".to_owned()),
        nr: 41,
        phase: Phase::Run,
        calls: 2,
        arguments: families.map(|families| ("family".to_owned(), values(families))).into_iter().collect(),
        first: None,
    }
}

#[test]
fn the_file_is_what_it_always_was() {
    let recording = recording(&[run(1, vec![socket(Some(&[1, 16]))])]);
    let expected = r#"{
  "schema": 1,
  "complete": true,
  "calls_exact": true,
  "lost": {},
  "rows": [
    {"abi":"x86_64","syscall":"socket","nr":41,"phase":"run","calls":2,"runs":1,"arguments":{"family":[1,16]}}
  ],
  "runs": [
    {
      "id": "00000000000000000000000000000001",
      "command": ["cat","/etc/hostname"],
      "backend": "ebpf",
      "kernel": "6.18.44",
      "machine": "x86_64",
      "calls_exact": true,
      "lost": {},
      "still_running": 0,
      "ended": "exit 0",
      "rows": [
        {"abi":"x86_64","syscall":"socket","nr":41,"phase":"run","calls":2,"arguments":{"family":[1,16]}}
      ]
    }
  ]
}
"#;
    assert_eq!(recording.to_json(), expected);
}

#[test]
fn a_total_speaks_only_for_what_every_run_looked_at() {
    let both = recording(&[run(1, vec![socket(Some(&[1]))]), run(2, vec![socket(Some(&[2]))])]);
    let total = both.totals().remove(0);
    assert_eq!((total.calls, total.runs), (4, 2));
    assert_eq!(total.arguments["family"], Values::Seen(BTreeSet::from([1, 2])));
    let one_blind = recording(&[run(1, vec![socket(Some(&[1]))]), run(2, vec![socket(None)])]);
    assert!(one_blind.totals().remove(0).arguments.is_empty());
}

#[test]
fn one_id_with_two_contents_is_refused() {
    let one = recording(&[run(1, vec![socket(None)])]);
    let other = recording(&[run(1, vec![])]);
    assert_eq!(one.merge(other).unwrap_err().id, format!("{:032x}", 1));
}

#[test]
fn broken_files_say_where_and_what_next() {
    let shape = |text: &str| match Recording::from_json(text).unwrap_err() {
        RecordingError::Shape { line, column, .. } => (line, column),
        other => panic!("{other}"),
    };
    assert_eq!(shape(""), (1, 0));
    assert_eq!(shape("{\n  \"schema\": 1,\n  oops"), (3, 3));
    assert_eq!(shape("{\"schema\": 1}"), (1, 13));
    let good = recording(&[run(1, vec![socket(Some(&[1, 16]))])]).to_json();
    let message = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        Recording::from_json(&good.replace(from, to)).unwrap_err().to_string()
    };
    let schema = message("\"schema\": 1", "\"schema\": 9");
    assert_eq!(
        schema,
        "schema 9, and this callgate reads schema 1\n  next: record again, or use the callgate that wrote the file"
    );
    assert!(
        message("\"complete\": true", "\"complete\": false").starts_with("`complete` is not what the runs come to")
    );
    assert!(message("\"calls\":2,\"runs\":1", "\"calls\":3,\"runs\":1").starts_with("`rows` is not"));
    assert!(message("\"calls\":2", "\"calls\":0").contains("x86_64 socket was called 0 times"));
    assert!(message("\"nr\":41", "\"nr\":1073741865").contains("x86_64 socket has a number of another ABI"));
    assert!(message("[1,16]", "[]").contains("x86_64 socket has a parameter without values"));
    assert!(message("\"id\": \"0", "\"id\": \"G").contains("the id is not 32 lower-case hex digits"));
    assert!(message("\"ended\"", "\"ending\"").contains("unknown field `ending`"));
    assert!(message("[1,16]", "\"boundless\"").starts_with("line 7, column "));
}

#[test]
fn an_incomplete_recording_is_read_and_says_so() {
    let mut lossy = run(1, vec![socket(None)]);
    lossy.lost = BTreeMap::from([("forked_tasks".to_owned(), 3), ("argument_values".to_owned(), 0)]);
    let read = Recording::from_json(&recording(&[lossy]).to_json()).unwrap();
    assert!(!read.is_complete());
    assert_eq!(read.lost(), BTreeMap::from([("forked_tasks".to_owned(), 3)]));
}

proptest! {
    /// What a policy is derived from is the same whichever way the runs come: as one recording, one by one in any order, some
    /// of them twice.
    #[test]
    fn a_tally_is_of_a_set_of_runs(runs in vec(some_run(), 0..5), order in any::<u64>()) {
        let whole = Tally::of(&recording(&runs));
        let mut again: Vec<&Run> = runs.iter().chain(&runs).collect();
        let count = again.len().max(1);
        again.rotate_left(usize::try_from(order % count as u64).unwrap());
        if order % 2 == 0 {
            again.reverse();
        }
        let mut tally = Tally::default();
        for run in again {
            tally.add(run).unwrap();
        }
        prop_assert_eq!(&tally, &whole);
        for ((abi, nr), seen) in &tally.calls {
            let of = |run: &&Run| run.rows.iter().any(|row| (row.abi, row.nr) == (*abi, *nr));
            let distinct: BTreeMap<&str, &Run> = runs.iter().map(|run| (run.id.as_str(), run)).collect();
            prop_assert_eq!(seen.runs, distinct.values().copied().filter(|run| of(run)).count() as u64);
        }
    }
}

/// A thousand runs that show the same are one run's worth of entries, and a changed run under an old id is found out.
#[test]
fn a_tally_is_bounded_by_what_is_different() {
    let row = |nr, calls| Row {
        abi: Abi::X86_64,
        syscall: None,
        nr,
        phase: Phase::Run,
        calls,
        arguments: Default::default(),
        first: None,
    };
    let mut one = run(1, vec![row(0, 1), row(1, 2)]);
    let mut tally = Tally::default();
    tally.add(&one).unwrap();
    let size = tally.size();
    for id in 2..1000 {
        one.id = format!("{id:032x}");
        one.rows[0].calls = id;
        tally.add(&one).unwrap();
    }
    assert_eq!((tally.size(), tally.runs()), (size, 999));
    one.rows[0].calls += 1;
    assert_eq!(tally.add(&one).unwrap_err().id, one.id);
}
