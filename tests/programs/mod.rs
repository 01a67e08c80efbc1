//! Real programs that do real work, for recordings and for what is derived from them.
//!
//! Each prepares its files in a folder, says how it is started, and knows how to keep it busy until it ends.

mod go;
mod jvm;
pub(crate) mod nginx;
mod node;
pub(crate) mod python;
mod redis;

use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(crate) use go::go;
pub(crate) use jvm::jvm;
pub(crate) use nginx::nginx;
pub(crate) use node::node;
pub(crate) use python::python;
pub(crate) use redis::redis;

/// How a program is made to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It does when its work is done, or when its clients say so.
    Itself,
    /// By this signal.
    Signal(&'static str),
}

/// A program, ready to start.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// The program's path first.
    pub(crate) arguments: Vec<String>,
    pub(crate) end: End,
    /// Where it listens, if its work is asked of it.
    pub(crate) port: Option<u16>,
    /// Asks for the work. No answer may take longer than it is told.
    ask: fn(u16, Duration) -> io::Result<()>,
}

/// How long a program may take to listen, and then for each answer, where nothing keeps it from working.
const PATIENCE: Duration = Duration::from_secs(60);

impl Program {
    /// One that does its work without being asked.
    pub(crate) fn alone(name: &'static str, arguments: Vec<String>) -> Self {
        Self { name, arguments, end: End::Itself, port: None, ask: |_, _| Ok(()) }
    }

    /// Keeps it busy. Afterwards it ends, or waits for its signal.
    pub(crate) fn drive(&self, child: &mut Child) {
        if let Err(why) = self.try_drive(child, PATIENCE) {
            panic!("{}: {why}", self.name);
        }
    }

    /// As [`Program::drive`], with one that may be unable to do its work: why it wasn't done. Waits no longer than this for it to
    /// listen, nor for any answer.
    pub(crate) fn try_drive(&self, child: &mut Child, patience: Duration) -> io::Result<()> {
        let Some(port) = self.port else { return Ok(()) };
        listens(child, port, patience)?;
        (self.ask)(port, patience)
    }
}

/// Waits until something listens.
fn listens(child: &mut Child, port: u16, patience: Duration) -> io::Result<()> {
    let deadline = Instant::now() + patience;
    while connected(port, patience).is_err() {
        if let Some(status) = child.try_wait()? {
            let mut said = String::new();
            if let Some(mut stderr) = child.stderr.take() {
                stderr.read_to_string(&mut said)?;
            }
            return Err(io::Error::other(format!("ended with {status} before it listened:\n{said}")));
        }
        if Instant::now() >= deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "doesn't listen"));
        }
        sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// A connection to a server, on which nothing waits for longer than this.
fn connected(port: u16, patience: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    Ok(stream)
}

/// A port that nothing listens on. Servers are started on it again and again, by several processes of tests at once, so each process
/// takes its own, below those that the kernel gives out by itself (`ip_local_port_range`, from 32768).
fn free_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let own = u16::try_from(std::process::id() % 1_000).unwrap_or_default() * 12;
    loop {
        let port = 20_000 + (own + TAKEN.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The folder's path, for arguments.
fn shown(folder: &Path) -> String {
    folder.display().to_string()
}
