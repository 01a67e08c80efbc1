//! What is recorded: a loop of one call, a search through many folders, a log of a repository, a compiler, a server.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Scale;
use crate::programs::{self, Program};
use crate::support::{root, tool};

/// The word by which this program runs the loop instead of the benchmark.
pub(crate) const LOOP: &str = "--loop";

/// getppid, so many times.
pub(crate) fn run_loop(calls: u64) {
    for _ in 0..calls {
        std::hint::black_box(std::os::unix::process::parent_id());
    }
}

/// Something to record.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) work: Work,
    /// How many calls of getppid it makes, when that is what it is for.
    pub(crate) calls: Option<u64>,
    /// It does next to nothing: what it costs is the recorder's start and end.
    pub(crate) is_start: bool,
    /// Its files.
    _folder: Option<TempDir>,
}

/// How it is done.
pub(crate) enum Work {
    /// A command that ends.
    Command(Vec<String>),
    /// nginx, so many requests; only those are timed.
    Server(Program, PathBuf, usize),
}

impl Workload {
    fn command(name: &'static str, words: &[&str]) -> Self {
        // One place only: bpftrace takes no name that stands in two folders.
        let program = tool(words[0]).map_or_else(|| words[0].to_owned(), |path| path.display().to_string());
        let words = [program].into_iter().chain(words[1..].iter().map(|word| (*word).to_owned())).collect();
        Self { name, work: Work::Command(words), calls: None, is_start: false, _folder: None }
    }
}

pub(crate) fn all(scale: Scale) -> Vec<Workload> {
    let this = std::env::current_exe().expect("this program").display().to_string();
    let calls = scale.loops.to_string();
    let mut all = vec![
        Workload { is_start: true, ..Workload::command("nothing", &[&this, LOOP, "0"]) },
        Workload { calls: Some(scale.loops), ..Workload::command("a loop of one call", &[&this, LOOP, &calls]) },
        Workload::command("find", &["find", "/usr/share", "-xdev", "-name", "nothing-has-this-name"]),
    ];
    if root().join(".git").exists() {
        let place = root().display().to_string();
        let log = ["git", "-C", &place, "log", "--stat", "-n", "60"];
        all.push(Workload::command("git log", &log));
    }
    all.push(compile());
    if tool("nginx").is_some() {
        let folder = TempDir::new().expect("a folder");
        let program = programs::nginx(folder.path());
        let work = Work::Server(program, folder.path().to_owned(), scale.requests);
        all.push(Workload { name: "nginx, requests", work, calls: None, is_start: false, _folder: Some(folder) });
    }
    all
}

/// A C file of many functions.
fn compile() -> Workload {
    let folder = TempDir::new().expect("a folder");
    let source = folder.path().join("many.c");
    let mut text = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n".to_owned();
    for number in 0..200 {
        text.push_str(&format!(
            "int f{number}(int a, const char *b) {{ int c = (int)strlen(b); while (a-- > c) c += printf(\"%d\", a); return c; }}\n"
        ));
    }
    fs::write(&source, text).expect("a file");
    let (source, object) = (source.display().to_string(), folder.path().join("many.o").display().to_string());
    Workload { _folder: Some(folder), ..Workload::command("cc", &["cc", "-O1", "-c", &source, "-o", &object]) }
}

/// Requests on one connection: nginx closes it after a thousand (`keepalive_requests`).
const A_CONNECTION: usize = 500;

/// Asks a server, on one connection after another, and says how long that took.
pub(crate) fn requests(port: u16, count: usize) -> Duration {
    let start = Instant::now();
    for done in (0..count).step_by(A_CONNECTION) {
        ask(port, A_CONNECTION.min(count - done));
    }
    start.elapsed()
}

fn ask(port: u16, count: usize) {
    let stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).expect("the server listens");
    let _ = stream.set_nodelay(true);
    let mut writer = stream.try_clone().expect("a socket");
    let mut reader = BufReader::new(stream);
    for _ in 0..count {
        writer.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("an answer");
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = value.trim().parse().expect("a number");
            }
            if line == "\r\n" || line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("the body");
    }
}

/// A command of words.
pub(crate) fn command(words: &[String]) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command
}
