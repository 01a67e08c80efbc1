//! What a process pays that nobody records, while something else is recorded: nanoseconds that one getppid takes, untraced
//! and under each kind of scope, measured in turns in one run. `cargo bench -p callgate-tracer --bench outside`; `-- --test`
//! takes one short turn. Needs root; what can't be measured here is left out by name.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use callgate_profiles::recording::{Scope, Since};
use callgate_tracer::cgroup::Cgroup;
use callgate_tracer::record::{RecordOptions, Target, Watcher, record_running, record_watched};

/// What is recorded meanwhile, and what the programs have to look at to find that a task is outside.
const KINDS: [(&str, &str); 4] = [
    ("command", "a command and its descendants: sys_enter, the task's mark"),
    ("process", "a process: sys_enter and sys_exit, the mark"),
    ("cgroup-start", "a cgroup from the start: both, the cgroup"),
    ("cgroup-filter", "a cgroup from the filter on: both, the number of filters"),
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, role, kind, rest @ ..] = &arguments[..]
        && role == "--recorder"
    {
        return record(kind, rest);
    }
    let (turns, calls) =
        if arguments.iter().any(|argument| argument == "--test") { (1, 10_000) } else { (15, 400_000) };
    let untraced = |best: f64| best.min(nanoseconds(calls));
    let mut base = f64::INFINITY;
    let mut found = Vec::new();
    for (kind, what) in KINDS {
        let mut under = f64::INFINITY;
        for _ in 0..turns {
            base = untraced(base);
            let Some(recorder) = Recorder::start(kind) else {
                println!("{kind}: not measured, it can't be recorded here");
                break;
            };
            under = under.min(nanoseconds(calls));
            drop(recorder);
        }
        found.push((kind, what, under));
    }
    println!("one getppid of a process that nobody records, least of {turns} turns of {calls} calls");
    println!("{:14} {base:7.1} ns", "untraced");
    for (kind, what, under) in found.into_iter().filter(|(.., under)| under.is_finite()) {
        println!("{kind:14} {under:7.1} ns, {:+6.1}: {what}", under - base);
    }
}

/// How long one call takes, over so many.
fn nanoseconds(calls: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        // SAFETY: takes nothing and can't fail.
        unsafe { libc::syscall(libc::SYS_getppid) };
    }
    start.elapsed().as_nanos() as f64 / f64::from(calls)
}

/// A recorder in a process of its own, and what it records.
struct Recorder {
    process: Child,
    recorded: Child,
    cgroup: Option<Cgroup>,
}

impl Recorder {
    fn start(kind: &str) -> Option<Self> {
        let recorded = Command::new("sleep").arg("1000").spawn().ok()?;
        let mut recorder = Command::new(std::env::current_exe().ok()?);
        recorder.args(["--recorder", kind, &recorded.id().to_string()]);
        let cgroup = kind.starts_with("cgroup").then(|| {
            let cgroup = Cgroup::create(&format!("callgate-bench-{}", std::process::id())).ok()?;
            let procs = Path::new("/sys/fs/cgroup").join(cgroup.path().trim_start_matches('/'));
            let unified = Path::new("/sys/fs/cgroup/unified").join(cgroup.path().trim_start_matches('/'));
            let folder = if unified.is_dir() { unified } else { procs };
            std::fs::write(folder.join("cgroup.procs"), recorded.id().to_string()).ok()?;
            Some(cgroup)
        });
        if let Some(cgroup) = &cgroup {
            recorder.arg(cgroup.as_ref().map_or("", Cgroup::path));
        }
        let mut process = recorder.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take()?).read_line(&mut line).ok()?;
        let recorder = Self { process, recorded, cgroup: cgroup.flatten() };
        (line == "ready\n").then_some(recorder)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        for process in [&mut self.process, &mut self.recorded] {
            let _ = process.kill();
            let _ = process.wait();
        }
        if let Some(cgroup) = &self.cgroup {
            cgroup.remove();
        }
    }
}

struct TellReady;

impl Watcher for TellReady {
    fn ready(&mut self) {
        println!("ready");
        let _ = std::io::stdout().flush();
    }
}

/// The recorder's process: until it is killed.
fn record(kind: &str, rest: &[String]) {
    let since = if kind == "cgroup-filter" { Since::Filter } else { Since::Start };
    let options = RecordOptions { since: Some(since), ..RecordOptions::default() };
    let pid = rest.first().and_then(|pid| pid.parse().ok()).unwrap_or(0);
    let _ = match (kind, rest.get(1).and_then(|path| Cgroup::at(Path::new(path)).ok())) {
        ("command", _) => record_watched(&["sleep".into(), "20".into()], &options, &mut TellReady),
        (_, Some(cgroup)) => {
            let scope = Scope::Cgroup(cgroup.path().to_owned());
            record_running(&Target::Cgroup { cgroup, scope, starting: None }, &options, &mut TellReady)
        }
        _ => record_running(&Target::Process(pid), &options, &mut TellReady),
    };
}
