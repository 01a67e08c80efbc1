//! strace's text: one call a line, with `-f` and without, with times, calls that are interrupted by others, changes of mode;
//! or the table that `-c` prints.

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;

use super::Observed;
use crate::recording::Phase;

/// strace's names that aren't the kernel's (strace, src/linux/i386/syscallent.h).
const OTHER_NAMES: &[(&str, &str)] = &[("old_mmap", "mmap"), ("old_select", "select"), ("oldumount", "umount")];

/// Whether some early line is one of strace's.
pub(super) fn looks_like(text: &str) -> bool {
    const LINES_LOOKED_AT: usize = 50;
    text.lines().take(LINES_LOOKED_AT).any(|line| {
        let (_, rest) = process(line);
        summary_title(line).is_some() || is_table_head(line) || matches!(event(without_time(rest)), Event::Call(_))
    })
}

pub(super) fn read(text: &str, native: Abi) -> (Observed, Vec<String>) {
    let mut reader = Reader {
        native,
        observed: Observed::default(),
        modes: BTreeMap::new(),
        open: BTreeSet::new(),
        first: None,
        lines: 0,
    };
    let mut table: Option<Abi> = None;
    let mut from_table = Observed::default();
    for line in text.lines() {
        if let Some(mode) = summary_title(line) {
            table = Some(of_mode(native, mode));
        } else if is_table_head(line) {
            table = table.or(Some(native));
        } else if let Some(abi) = table {
            if let Some((name, calls)) = table_row(line) {
                count(&mut from_table, abi, name, Phase::Run, calls);
            } else if line.split_whitespace().last() == Some("total") {
                table = None;
            }
        } else {
            reader.line(line);
        }
    }
    let mut notes = Vec::new();
    // `-C` prints both; the lines know more.
    let observed = if reader.lines > 0 {
        reader.observed
    } else {
        notes.push("strace's table has no order: which call started the command is not known".to_owned());
        let mut observed = from_table;
        observed.lost.extend(reader.observed.lost);
        observed
    };
    notes.push(
        "strace shows the processes and calls it was asked for (-f, -e), and a text doesn't say what that was"
            .to_owned(),
    );
    (observed, notes)
}

struct Reader {
    native: Abi,
    observed: Observed,
    /// By process, where it isn't the native ABI.
    modes: BTreeMap<u32, Abi>,
    /// Calls that began and have not come back: counted already.
    open: BTreeSet<(u32, String)>,
    /// The process of the first call.
    first: Option<u32>,
    /// Calls counted.
    lines: u64,
}

/// What a line is about.
#[derive(Debug, PartialEq, Eq)]
enum Event<'a> {
    /// A call begins, and maybe ends: its name, and the text from there on.
    Call(&'a str),
    /// `<... read resumed>`
    Resumed(&'a str),
    /// `[ Process PID=7 runs in 32 bit mode. ]`
    Mode(u32, &'a str),
    /// `+++ exited with 0 +++`
    Exited(&'a str),
    /// Signals, strace's own remarks, blank lines.
    Nothing,
    /// Not strace's.
    Unknown,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let (process, rest) = process(line);
        match event(without_time(rest)) {
            Event::Call(call) => self.call(process, call),
            Event::Resumed(name) => {
                if !self.open.remove(&(process, name.to_owned())) {
                    self.count(process, name, Phase::Run);
                }
            }
            Event::Mode(process, mode) => {
                self.modes.insert(process, of_mode(self.native, mode));
            }
            Event::Exited(how) => {
                if self.first.is_none_or(|first| first == process) {
                    self.observed.ended = Some(how.replace("exited with", "exit"));
                }
            }
            Event::Nothing => {}
            Event::Unknown => self.observed.lose("unreadable_lines", 1),
        }
    }

    fn call(&mut self, process: u32, call: &str) {
        let name = call.split('(').next().unwrap_or_default();
        let first = self.lines == 0 && name == "execve";
        self.first = self.first.or(Some(process));
        if first {
            self.observed.command = arguments_of_execve(call);
        }
        if call.trim_end().ends_with("<unfinished ...>") {
            self.open.insert((process, name.to_owned()));
        }
        self.count(process, name, if first { Phase::Exec } else { Phase::Run });
    }

    fn count(&mut self, process: u32, name: &str, phase: Phase) {
        self.lines += 1;
        // Without -f a change of mode names the one process, and the lines don't.
        let mode = self.modes.get(&process).or_else(|| self.modes.values().next().filter(|_| process == 0));
        count(&mut self.observed, mode.copied().unwrap_or(self.native), name, phase, 1);
    }
}

fn count(observed: &mut Observed, abi: Abi, name: &str, phase: Phase, times: u64) {
    let name = OTHER_NAMES.iter().find(|(theirs, _)| *theirs == name).map_or(name, |(_, kernels)| *kernels);
    let number = match name.strip_prefix("syscall_") {
        Some(number) => u32::from_str_radix(number.trim_start_matches("0x"), 16).ok(),
        None => tables::number(abi, name),
    };
    match number {
        Some(number) => observed.call(abi, number, phase, times),
        None => observed.lose("calls_without_a_known_name", times),
    }
}

/// strace names modes by the width of a word.
fn of_mode(native: Abi, mode: &str) -> Abi {
    match (mode, native) {
        ("x32", _) => Abi::X32,
        ("32 bit", Abi::X86_64 | Abi::X32) => Abi::X86,
        ("32 bit", Abi::Aarch64) => Abi::Arm,
        ("32 bit", Abi::S390x) => Abi::S390,
        _ => native,
    }
}

/// The process and the rest: `[pid 7] …` on a terminal, `7 …` in a file; 0 when the line names none.
fn process(line: &str) -> (u32, &str) {
    let named = line.strip_prefix("[pid ").and_then(|rest| rest.split_once(']')).or_else(|| {
        let (first, rest) = line.split_once(' ')?;
        Some((first, rest))
    });
    let number = |text: &str| text.trim().split('<').next().and_then(|digits| digits.parse().ok());
    match named.and_then(|(pid, rest)| Some((number(pid)?, rest))) {
        Some((pid, rest)) => (pid, rest.trim_start()),
        None => (0, line),
    }
}

/// Without what `-t`, `-tt`, `-ttt` and `-r` put in front.
fn without_time(line: &str) -> &str {
    let line = line.trim_start();
    let Some((first, rest)) = line.split_once(' ') else { return line };
    let is_time = first.starts_with(|c: char| c.is_ascii_digit())
        && first.contains(['.', ':'])
        && first.chars().all(|c| c.is_ascii_digit() || c == '.' || c == ':');
    if is_time { without_time(rest) } else { line }
}

fn event(line: &str) -> Event<'_> {
    if line.is_empty() || line.starts_with("strace: ") || line.starts_with("--- ") {
        return Event::Nothing;
    }
    if let Some(rest) = line.strip_prefix("<... ") {
        return rest.split_once(" resumed").map_or(Event::Unknown, |(name, _)| Event::Resumed(name));
    }
    if let Some(rest) = line.strip_prefix("+++ ") {
        return Event::Exited(rest.trim_end_matches(" +++"));
    }
    if let Some(rest) = line.strip_prefix("[ Process PID=") {
        let parsed =
            rest.split_once(" runs in ").and_then(|(pid, rest)| Some((pid.parse().ok()?, rest.split_once(" mode")?.0)));
        return parsed.map_or(Event::Unknown, |(pid, mode)| Event::Mode(pid, mode));
    }
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    match line.split_once('(') {
        // A whole line has a result; one cut short says so. Output of the program's own looks otherwise.
        Some((name, rest))
            if is_name(name)
                && (rest.contains(" = ") || rest.contains("<unfinished ...>") || rest.contains("<detached ...>")) =>
        {
            Event::Call(line)
        }
        _ => Event::Unknown,
    }
}

/// `["ls", "-l"]` of `execve("/bin/ls", ["ls", "-l"], …`.
fn arguments_of_execve(call: &str) -> Vec<String> {
    let list = call.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("", |(list, _)| list);
    list.split("\", \"").map(|word| word.trim_matches('"').to_owned()).filter(|word| !word.is_empty()).collect()
}

/// `System call usage summary for 32 bit mode:`
fn summary_title(line: &str) -> Option<&str> {
    line.strip_prefix("System call usage summary for ")?.strip_suffix(" mode:")
}

fn is_table_head(line: &str) -> bool {
    line.trim_start().starts_with("% time") && line.trim_end().ends_with("syscall")
}

/// `  0.00    0.000000           0         7         1 openat`: the fourth column counts the calls, errors included.
fn table_row(line: &str) -> Option<(&str, u64)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (&name, columns) = words.split_last()?;
    let _share: f64 = columns.first()?.parse().ok()?;
    (name != "total" && columns.len() >= 4).then_some(())?;
    Some((name, columns[3].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Source;
    use crate::recording::Run;

    fn run(text: &str) -> Run {
        assert_eq!(Source::of(text), Some(Source::Strace), "{text}");
        let evidence = Source::Strace.read(text, Abi::X86_64);
        evidence.recording.runs.into_values().next().unwrap()
    }

    fn rows(run: &Run) -> Vec<(Abi, &str, Phase, u64)> {
        run.rows.iter().map(|row| (row.abi, row.syscall.as_deref().unwrap_or("?"), row.phase, row.calls)).collect()
    }

    #[test]
    fn a_plain_text() {
        let run = run("execve(\"/bin/ls\", [\"ls\", \"-l\"], 0x7ffd /* 23 vars */) = 0\n\
            brk(NULL)                               = 0x55\n\
            read(3, \"a(b) = \\n\", 10)    = 6 <0.000011>\n\
            --- SIGCHLD {si_signo=SIGCHLD} ---\n\
            exit_group(0)                           = ?\n+++ exited with 0 +++\n");
        assert_eq!(run.command, ["ls", "-l"]);
        assert_eq!(
            rows(&run),
            [
                (Abi::X86_64, "read", Phase::Run, 1),
                (Abi::X86_64, "brk", Phase::Run, 1),
                (Abi::X86_64, "execve", Phase::Exec, 1),
                (Abi::X86_64, "exit_group", Phase::Run, 1)
            ]
        );
        assert!(run.is_complete() && run.calls_exact);
        assert_eq!(run.ended, "exit 0");
    }

    #[test]
    fn several_processes_times_and_calls_that_are_interrupted() {
        let run = run("7  12:00:00.5 execve(\"/bin/sh\", [\"sh\"], 0x1) = 0\n\
            7 12:00:00.6 wait4(-1,  <unfinished ...>\n\
            8 12:00:00.7 read(0, \"\", 1) = 0\n\
            7 12:00:00.8 <... wait4 resumed>NULL, 0, NULL) = 8\n\
            8 12:00:00.9 <... futex resumed>) = 0\n\
            [pid     9] 1700000000.123456 getpid() = 9\n");
        assert_eq!(
            rows(&run),
            [
                (Abi::X86_64, "read", Phase::Run, 1),
                (Abi::X86_64, "getpid", Phase::Run, 1),
                (Abi::X86_64, "execve", Phase::Exec, 1),
                (Abi::X86_64, "wait4", Phase::Run, 1),
                (Abi::X86_64, "futex", Phase::Run, 1)
            ]
        );
    }

    /// Each process has its own mode.
    #[test]
    fn modes() {
        let run = run("5 execve(\"/a\", [\"a\"], 0x1) = 0\n\
            6 [ Process PID=6 runs in 32 bit mode. ]\n\
            6 getpid() = 6\n5 getpid() = 5\n6 old_mmap(0x1) = 0\n5 syscall_0x1f4(0, 0) = -1 ENOSYS\n");
        assert_eq!(
            rows(&run),
            [
                (Abi::X86_64, "getpid", Phase::Run, 1),
                (Abi::X86_64, "execve", Phase::Exec, 1),
                (Abi::X86_64, "?", Phase::Run, 1),
                (Abi::X86, "getpid", Phase::Run, 1),
                (Abi::X86, "mmap", Phase::Run, 1)
            ]
        );
        assert_eq!(run.rows[2].nr, 500);
        assert!(run.is_complete());
    }

    #[test]
    fn tables() {
        let run = run("% time     seconds  usecs/call     calls    errors syscall\n\
            ------ ----------- ----------- --------- --------- ------------------\n\
            \x20 0.00    0.000000           0         5           read\n\
            \x20 0.00    0.000000           0         9         7 access\n\
            ------ ----------- ----------- --------- --------- ------------------\n\
            100.00    0.000000           0        14         7 total\n");
        assert_eq!(rows(&run), [(Abi::X86_64, "read", Phase::Run, 5), (Abi::X86_64, "access", Phase::Run, 9)]);
    }

    #[test]
    fn what_cannot_be_read_is_counted() {
        let run = run("read(0, \"\", 1) = 0\nhello from the program\nnosuchcall(1) = 0\nread(0, \n");
        assert_eq!(run.lost.get("unreadable_lines"), Some(&2));
        assert_eq!(run.lost.get("calls_without_a_known_name"), Some(&1));
        assert!(!run.is_complete());
    }

    #[test]
    fn other_texts_are_not_straces() {
        for text in ["", "deny: all\nallow: read, write\n", "socket(AF_UNIX)", "hello (world) = 3"] {
            assert_eq!(Source::of(text), None, "{text}");
        }
    }
}
