//! A program started, kept busy and ended, and whether it did all its work. However it fails, a trial ends.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::programs::{End, Program};
use crate::room::{Process, Room};

/// Where standard output goes, in the program's folder.
const SAID: &str = "said";
/// So much of it is read.
const MOST_SAID: u64 = 1 << 16;

/// How a trial came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It did all of its work and ended well.
    Worked,
    /// It didn't.
    Failed,
    /// It had not when its time was over.
    Hung,
}

/// A program in its folder, and the room for its processes.
pub(crate) struct Stage<'s> {
    pub(crate) program: &'s Program,
    folder: &'s Path,
    room: &'s Room,
    /// What is in the folder before the program runs.
    prepared: BTreeSet<OsString>,
}

impl<'s> Stage<'s> {
    pub(crate) fn new(program: &'s Program, folder: &'s Path, room: &'s Room) -> Self {
        Self { program, folder, room, prepared: names(folder) }
    }

    /// Has the program, under callgate's recorder, do its work.
    pub(crate) fn record(&self, command: &Command, patience: Duration) -> Outcome {
        self.run(self.room.record(command), patience)
    }

    /// Has the program do its work under a policy that may refuse anything.
    pub(crate) fn attempt(&self, command: &Command, patience: Duration) -> Outcome {
        self.run(self.room.confine(command), patience)
    }

    /// Starts the command, keeps it busy and ends it. Afterwards nothing of it runs. What earlier runs left in the folder is gone
    /// before, so that each finds what the first found.
    fn run(&self, mut started: Command, patience: Duration) -> Outcome {
        self.clear();
        let said = self.folder.join(SAID);
        started.stdin(Stdio::null()).stderr(Stdio::null()).stdout(File::create(&said).expect("a file"));
        let deadline = Instant::now() + patience;
        let mut child = started.current_dir(self.folder).spawn().expect("sh runs");
        let driven = self.program.try_drive(&mut child, patience).and_then(|()| self.is_as_configured());
        if driven.is_ok() {
            self.signal();
        }
        let status = if driven.is_ok() { wait(&mut child, deadline) } else { None };
        self.room.empty();
        let _ = child.wait();
        match (driven, status) {
            (Ok(()), Some(status)) if status.success() && self.is_done() => Outcome::Worked,
            (Ok(()), Some(_)) => Outcome::Failed,
            (Ok(()), None) => Outcome::Hung,
            // A socket's timeout is either.
            (Err(error), _) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => Outcome::Hung,
            (Err(_), _) => Outcome::Failed,
        }
    }

    /// Ends a program that waits for its signal. Who gets it is asked of the kernel: what a program writes down as its process id
    /// when getpid is refused is -1, which is everybody.
    fn signal(&self) {
        let End::Signal(signal) = self.program.end else { return };
        for process in self.processes().into_iter().filter(|process| process.is_first) {
            let words = [format!("-{signal}"), process.pid.to_string()];
            let _ = Command::new("kill").args(words).stderr(Stdio::null()).status();
        }
    }

    /// nginx is told to have workers that aren't root. When geteuid is refused, a program may take itself for another user, and
    /// not become one. A worker that has only just started is still root.
    fn is_as_configured(&self) -> io::Result<()> {
        let is_other = |process: &Process| !process.is_first && process.user != 0;
        if self.program.name != "nginx" || self.processes().iter().any(is_other) {
            return Ok(());
        }
        Err(io::Error::other("the workers are root"))
    }

    fn processes(&self) -> Vec<Process> {
        self.room.running(Path::new(&self.program.arguments[0]))
    }

    /// Whether it left what it leaves when nothing of its work went wrong. Its clients have looked at the rest.
    fn is_done(&self) -> bool {
        let text = |name: &str| {
            let mut text = String::new();
            let file = File::open(self.folder.join(name)).ok()?;
            file.take(MOST_SAID).read_to_string(&mut text).ok()?;
            Some(text)
        };
        match self.program.name {
            "nginx" => text("access").is_some_and(|log| log.lines().count() == 3),
            "redis" => fs::metadata(self.folder.join("dump.rdb")).is_ok_and(|file| file.len() > 0),
            _ => text(SAID).is_some_and(|said| said.lines().any(|line| line.starts_with("done"))),
        }
    }

    fn clear(&self) {
        for name in names(self.folder).difference(&self.prepared) {
            let path = self.folder.join(name);
            let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }
}

fn names(folder: &Path) -> BTreeSet<OsString> {
    fs::read_dir(folder).expect("a folder").filter_map(|entry| Some(entry.ok()?.file_name())).collect()
}

/// How the child ended; `None` when it still runs at the deadline.
fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait().expect("a child") {
            Some(status) => return Some(status),
            None if Instant::now() >= deadline => return None,
            None => sleep(Duration::from_millis(2)),
        }
    }
}
