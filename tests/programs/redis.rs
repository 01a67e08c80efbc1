//! Redis: keys, a list, a snapshot by a forked child.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use super::{End, Program, free_port, shown};
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

fn ask(port: u16) {
    let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).expect("redis listens");
    let mut answers = BufReader::new(stream.try_clone().expect("a socket"));
    for (command, starts) in [
        ("FLUSHALL", "+OK"),
        ("SET a 1", "+OK"),
        ("INCR a", ":2"),
        ("LPUSH l x y", ":2"),
        ("SAVE", "+OK"),
        ("BGSAVE", "+Background"),
    ] {
        write!(stream, "{command}\r\n").expect("sent");
        let mut answer = String::new();
        answers.read_line(&mut answer).expect("an answer");
        assert!(answer.starts_with(starts), "{command}: {answer}");
    }
    // It waits for its child, saves and closes.
    write!(stream, "SHUTDOWN\r\n").expect("sent");
}
