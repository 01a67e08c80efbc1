//! Redis: keys, a list, a snapshot by a forked child.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{End, Program, connected, free_port, shown};
use crate::support::tool;

pub(crate) fn redis(folder: &Path) -> Program {
    let port = free_port();
    let redis = tool("redis-server").expect("redis").display().to_string();
    let port_text = port.to_string();
    let place = shown(folder);
    let options =
        ["--port", &port_text, "--bind", "127.0.0.1", "--dir", &place, "--daemonize", "no", "--loglevel", "warning"];
    let arguments = [redis].into_iter().chain(options.map(str::to_owned)).collect();
    Program { name: "redis", arguments, end: End::Itself, port: Some(port), ask }
}

fn ask(port: u16, patience: Duration) -> io::Result<()> {
    let mut stream = connected(port, patience)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    for (command, starts) in [
        ("FLUSHALL", "+OK"),
        ("SET a 1", "+OK"),
        ("INCR a", ":2"),
        ("LPUSH l x y", ":2"),
        ("SAVE", "+OK"),
        ("BGSAVE", "+Background"),
    ] {
        write!(stream, "{command}\r\n")?;
        let mut answer = String::new();
        answers.read_line(&mut answer)?;
        if !answer.starts_with(starts) {
            return Err(io::Error::other(format!("{command}: {answer}")));
        }
    }
    // SHUTDOWN would kill a child that still writes.
    snapshot_is_written(&mut stream, &mut answers, patience)?;
    // It saves and closes.
    write!(stream, "SHUTDOWN\r\n")
}

/// Asks until the child has written its snapshot.
fn snapshot_is_written(
    stream: &mut TcpStream,
    answers: &mut BufReader<TcpStream>,
    patience: Duration,
) -> io::Result<()> {
    let deadline = Instant::now() + patience;
    loop {
        write!(stream, "INFO persistence\r\n")?;
        let mut header = String::new();
        answers.read_line(&mut header)?;
        let length: u64 = header.trim_start_matches('$').trim().parse().map_err(io::Error::other)?;
        let mut information = String::new();
        // The text, and the end of the line after it.
        answers.by_ref().take(length + 2).read_to_string(&mut information)?;
        if information.contains("rdb_bgsave_in_progress:0") {
            let ok = information.contains("rdb_last_bgsave_status:ok");
            return if ok { Ok(()) } else { Err(io::Error::other(format!("no snapshot:\n{information}"))) };
        }
        if Instant::now() >= deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the snapshot isn't written"));
        }
        sleep(Duration::from_millis(5));
    }
}
