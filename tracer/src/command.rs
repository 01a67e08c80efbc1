//! A command made ready before fork, so that starting it is one execve(2) and nothing else.
//!
//! Under `run` every call after the filter is loaded is the policy's to judge, and in a forked child of a process with
//! threads only async-signal-safe calls are allowed. So the file is found and every pointer laid out beforehand.

use std::ffi::{CString, OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::ptr;

use nix::errno::Errno;
use nix::unistd::{AccessFlags, eaccess};

/// Where execvp(3) looks when PATH is unset: glibc's `confstr(_CS_PATH)`.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// A command with its file found, its arguments and its environment, ready for execve(2).
#[derive(Debug)]
pub struct Prepared {
    path: CString,
    argv: Vec<CString>,
    /// Kept because `envp_pointers` points into it.
    _envp: Vec<CString>,
    argv_pointers: Vec<*const libc::c_char>,
    envp_pointers: Vec<*const libc::c_char>,
}

/// Why a command can't be started.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No command was given, or its name is empty.
    #[error("no command given\n  next: name one after `--`: `-- CMD ARG…`")]
    Empty,
    /// No directory of PATH has an executable file of this name.
    #[error(
        "`{name}`: no such command in PATH\n  next: install it, or give its path: `./{name}`",
        name = .0.display()
    )]
    NotFound(OsString),
    /// The file can't be executed, and why.
    #[error("{}", ExecFailure::new(.0, *.1))]
    NotExecutable(PathBuf, Errno),
    /// An argument holds a NUL byte, which execve(2) can't pass on.
    #[error(
        "an argument holds a NUL byte: `{argument}`\n  next: leave it out; no program can be given one",
        argument = .0.display()
    )]
    NulByte(OsString),
}

/// How a failed execve(2) reads; formatting it allocates nothing.
pub(crate) struct ExecFailure<'command> {
    path: &'command Path,
    errno: Errno,
}

impl<'command> ExecFailure<'command> {
    pub(crate) fn new(path: &'command Path, errno: Errno) -> Self {
        Self { path, errno }
    }
}

impl fmt::Display for ExecFailure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let next = match self.errno {
            Errno::ENOENT => "check the path; if the file is there, the interpreter or loader that it names is missing",
            Errno::ENOTDIR => "check the path: a part of it isn't a directory",
            Errno::ENOEXEC => {
                "if it is a script, give it a `#!` line or run it through its interpreter (`sh FILE`); \
                 if it is a program, it is for another machine"
            }
            Errno::EACCES => "make it executable (`chmod +x`), and look for a `noexec` mount",
            Errno::EISDIR => "name a file in this directory",
            Errno::EPERM => "the policy may refuse execve, or the file system or a security module may",
            Errno::E2BIG => "shorten the arguments or the environment",
            Errno::ETXTBSY => "wait until nothing has the file open for writing",
            _ => "run it without callgate to see whether it starts at all",
        };
        let Self { path, errno } = self;
        write!(f, "can't execute `{}`: {} ({errno:?})\n  next: {next}", path.display(), errno.desc())
    }
}

impl Prepared {
    /// Finds `command[0]` as execvp(3) does and lays out its arguments and this process's environment.
    ///
    /// A name with a slash is taken as it is; another is looked for in PATH, and the first executable regular file is
    /// taken. Unlike execvp, a file that is neither a program nor a `#!` script isn't handed to `/bin/sh`: what would be
    /// recorded or confined is another program than the one named.
    ///
    /// # Errors
    ///
    /// When there is no such executable file, or an argument holds a NUL byte.
    pub fn new(command: &[OsString]) -> Result<Self, CommandError> {
        let name = command.first().filter(|name| !name.is_empty()).ok_or(CommandError::Empty)?;
        let search = std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
        let path = find(name, &search)?;
        let argv = command.iter().map(|argument| terminated(argument.clone())).collect::<Result<Vec<_>, _>>()?;
        let envp = std::env::vars_os()
            .map(|(mut variable, value)| {
                variable.push("=");
                variable.push(value);
                terminated(variable)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let path = terminated(path.into_os_string())?;
        Ok(Self { argv_pointers: pointers(&argv), envp_pointers: pointers(&envp), path, argv, _envp: envp })
    }

    /// The file that will be executed.
    #[must_use]
    pub fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(self.path.as_bytes()))
    }

    /// The command, argument by argument, as lossy UTF-8.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        self.argv.iter().map(|argument| String::from_utf8_lossy(argument.as_bytes()).into_owned()).collect()
    }

    /// Becomes the command. Makes one system call, execve(2), and returns only when that fails; async-signal-safe.
    #[must_use]
    pub fn exec(&self) -> Errno {
        // SAFETY: the path is NUL-terminated, both arrays end in a null pointer, and every other element points to a
        // NUL-terminated string that `self` owns and nothing changes.
        unsafe { libc::execve(self.path.as_ptr(), self.argv_pointers.as_ptr(), self.envp_pointers.as_ptr()) };
        Errno::last()
    }

    /// The error for an execve(2) of this command that failed with `errno`.
    #[must_use]
    pub fn failed(&self, errno: Errno) -> CommandError {
        CommandError::NotExecutable(self.path().to_owned(), errno)
    }
}

/// `strings` as execve(2) wants them. The pointers stay good when the vector moves: they point to the strings' bytes.
fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}

fn terminated(string: OsString) -> Result<CString, CommandError> {
    CString::new(string.into_vec()).map_err(|nul| CommandError::NulByte(OsString::from_vec(nul.into_vec())))
}

/// The file that `name` stands for, looked for in the directories of `search`; an empty one is the current directory.
fn find(name: &OsStr, search: &OsStr) -> Result<PathBuf, CommandError> {
    if name.as_bytes().contains(&b'/') {
        let path = PathBuf::from(name);
        return match executable(&path) {
            Ok(()) => Ok(path),
            Err(errno) => Err(CommandError::NotExecutable(path, errno)),
        };
    }
    let mut refused = None;
    for directory in std::env::split_paths(search) {
        let directory = if directory.as_os_str().is_empty() { PathBuf::from(".") } else { directory };
        let path = directory.join(name);
        match executable(&path) {
            Ok(()) => return Ok(path),
            Err(Errno::EACCES) => refused = refused.or(Some(path)),
            Err(_) => {}
        }
    }
    Err(match refused {
        Some(path) => CommandError::NotExecutable(path, Errno::EACCES),
        None => CommandError::NotFound(name.to_owned()),
    })
}

/// Whether execve(2) would take the file, as far as its mode says.
fn executable(path: &Path) -> Result<(), Errno> {
    let metadata = path.metadata().map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EINVAL)))?;
    if metadata.is_dir() {
        return Err(Errno::EISDIR);
    }
    if !metadata.is_file() {
        return Err(Errno::EACCES);
    }
    eaccess(path, AccessFlags::X_OK)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(directory: &Path, name: &str, mode: u32) -> PathBuf {
        let path = directory.join(name);
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn the_first_executable_regular_file_of_path_is_taken() {
        let [a, b, c] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        fs::create_dir(a.path().join("tool")).unwrap();
        file(b.path(), "tool", 0o644);
        let wanted = file(c.path(), "tool", 0o755);
        let search = std::env::join_paths([a.path(), b.path(), c.path()]).unwrap();
        assert_eq!(find("tool".as_ref(), &search), Ok(wanted));
    }

    #[test]
    fn a_file_that_may_not_be_executed_is_named_when_there_is_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = file(directory.path(), "tool", 0o644);
        let found = find("tool".as_ref(), directory.path().as_os_str()).unwrap_err();
        assert_eq!(found, CommandError::NotExecutable(path.clone(), Errno::EACCES));
        assert_eq!(find(path.as_os_str(), "".as_ref()).unwrap_err(), found);
        let message = found.to_string();
        assert!(message.contains("Permission denied (EACCES)") && message.contains("chmod +x"), "{message}");
    }

    #[test]
    fn a_name_with_a_slash_is_not_looked_for() {
        let directory = tempfile::tempdir().unwrap();
        file(directory.path(), "tool", 0o755);
        let missing = PathBuf::from("./no-such-directory/tool");
        assert_eq!(
            find(missing.as_os_str(), directory.path().as_os_str()),
            Err(CommandError::NotExecutable(missing, Errno::ENOENT))
        );
    }

    #[test]
    fn what_cannot_be_started_says_what_to_do() {
        let new = |words: &[&str]| Prepared::new(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(new(&[]).unwrap_err(), CommandError::Empty);
        assert_eq!(new(&[""]).unwrap_err(), CommandError::Empty);
        assert_eq!(new(&["no-such-tool"]).unwrap_err(), CommandError::NotFound("no-such-tool".into()));
        assert_eq!(new(&["/bin/sh", "a\0b"]).unwrap_err(), CommandError::NulByte("a\0b".into()));
        assert_eq!(new(&["/"]).unwrap_err(), CommandError::NotExecutable("/".into(), Errno::EISDIR));
        for error in [new(&[]), new(&["no-such-tool"]), new(&["sh", "\0"]), new(&["/"])] {
            assert!(error.unwrap_err().to_string().contains("\n  next: "));
        }
    }
}
