//! Commands that start containers. Some do it themselves, so that the container descends from them; some ask a daemon.

use std::ffi::{OsStr, OsString};
use std::process::{Command, Stdio};

use callgate_profiles::recording::Since;
use callgate_tracer::cgroup::Cgroup;

use super::subject::base_name;
use crate::failure::Failure;

/// What these run descends from them.
const PARENTS: [&str; 5] = ["podman", "buildah", "runc", "crun", "youki"];
/// What these run is a daemon's child.
const CLIENTS: [&str; 3] = ["docker", "nerdctl", "ctr"];
/// Options of `docker` itself that take a value as a word of its own (docker(1)).
const VALUED: [&str; 9] =
    ["--config", "-c", "--context", "-H", "--host", "-l", "--log-level", "--tlscacert", "--tlscert"];
const VALUED_TOO: &str = "--tlskey";

/// A command to record, and how.
pub(super) struct Engine {
    /// The command, perhaps with an option of ours.
    command: Vec<OsString>,
    since: Since,
    /// Made for what the daemon is asked to start; removed at the end.
    cgroup: Option<Cgroup>,
}

impl Engine {
    /// Looks at a command.
    pub(super) fn of(command: &[OsString], since: Option<Since>) -> Result<Self, Failure> {
        let name = command.first().map(|name| base_name(name)).unwrap_or_default();
        let plain = |since| Self { command: command.to_vec(), since, cgroup: None };
        if PARENTS.contains(&name.as_str()) {
            return Ok(plain(since.unwrap_or(Since::Filter)));
        }
        if !CLIENTS.contains(&name.as_str()) {
            return Ok(plain(since.unwrap_or_default()));
        }
        match place_of_run(command) {
            Some(place) if name == "docker" => Self::of_docker(command, place, since.unwrap_or(Since::Filter)),
            // Its own calls are wanted, perhaps.
            _ if since == Some(Since::Start) => Ok(plain(Since::Start)),
            _ => Err(Failure::new(format!("what `{name}` starts is a daemon's child, not this command's")).help(
                "record `docker run …`, or a container that runs: `callgate record --container ID`; \
                 `--since start` records the client's own calls",
            )),
        }
    }

    /// The container gets a cgroup below one of ours, which is there before anything is in it: so nothing is missed.
    fn of_docker(command: &[OsString], run: usize, since: Since) -> Result<Self, Failure> {
        let (global, rest) = command.split_at(run);
        if rest.iter().any(|word| word.to_string_lossy().starts_with("--cgroup-parent")) {
            return Err(Failure::new(
                "callgate gives the container a cgroup of its own, and `--cgroup-parent` another",
            )
            .help("leave `--cgroup-parent` out, or record with `callgate record --container ID` once it runs"));
        }
        let systemd = cgroup_driver(global).is_some_and(|driver| driver == "systemd");
        let name = format!("callgate{}{}", std::process::id(), if systemd { ".slice" } else { "" });
        let cgroup = Cgroup::create(&name)?;
        let parent = if systemd { name } else { format!("/{name}") };
        let mut command = command.to_vec();
        command.insert(run + 1, format!("--cgroup-parent={parent}").into());
        Ok(Self { command, since, cgroup: Some(cgroup) })
    }

    pub(super) fn command(&self) -> &[OsString] {
        &self.command
    }

    pub(super) fn since(&self) -> Since {
        self.since
    }

    pub(super) fn cgroup(&self) -> Option<&Cgroup> {
        self.cgroup.as_ref()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(cgroup) = &self.cgroup {
            cgroup.remove();
        }
    }
}

/// Where `run` stands in `docker … run …` or `docker … container run …`.
fn place_of_run(command: &[OsString]) -> Option<usize> {
    let mut words = command.iter().enumerate().skip(1);
    while let Some((place, word)) = words.next() {
        let word = word.to_string_lossy();
        if VALUED.contains(&word.as_ref()) || word == VALUED_TOO {
            words.next();
        } else if word == "run" {
            return Some(place);
        } else if !word.starts_with('-') && word != "container" {
            return None;
        }
    }
    None
}

/// Who makes the daemon's cgroups: `cgroupfs` or `systemd`.
fn cgroup_driver(global: &[OsString]) -> Option<String> {
    let (docker, options) = global.split_first()?;
    let options = options.iter().filter(|word| *word != OsStr::new("container"));
    let mut info = Command::new(docker);
    info.args(options).args(["info", "--format", "{{.CgroupDriver}}"]).stdin(Stdio::null()).stderr(Stdio::null());
    let output = info.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn run_is_found_behind_the_clients_own_options() {
        let place = |text| place_of_run(&words(text));
        assert_eq!(place("docker run image"), Some(1));
        assert_eq!(place("docker -H unix:///run/x --debug container run --rm image"), Some(5));
        assert_eq!(place("docker --log-level run ps"), None);
        assert_eq!(place("docker exec run ls"), None);
    }

    #[test]
    fn what_starts_containers_itself_is_recorded_from_the_filter_on() {
        let since = |text, asked| Engine::of(&words(text), asked).map(|engine| engine.since());
        assert_eq!(since("/usr/bin/podman run x", None).expect("podman"), Since::Filter);
        assert_eq!(since("runc run x", Some(Since::Start)).expect("runc"), Since::Start);
        assert_eq!(since("ls -l", None).expect("ls"), Since::Start);
        assert!(since("docker exec x ls", None).is_err());
        assert_eq!(since("docker exec x ls", Some(Since::Start)).expect("docker"), Since::Start);
    }
}
