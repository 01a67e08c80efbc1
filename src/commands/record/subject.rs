//! What a recording is of: a command, what a command asks an engine to start, or what runs already.

use std::path::Path;
use std::process::{Command, Stdio};

use callgate_profiles::recording::{Scope, Since};
use callgate_tracer::cgroup::{Cgroup, CgroupError};
use callgate_tracer::record::{RecordOptions, Target};

use super::engine::Engine;
use crate::cli::Record;
use crate::failure::Failure;
use crate::recordings;

/// Programs that know containers by names of their users' choosing.
const NAMING: [&str; 2] = ["docker", "podman"];

/// What a recording is of.
pub(super) enum Subject {
    /// A command and its descendants, or what it asks a daemon to start.
    Command(Engine),
    /// What runs already.
    Running(Target),
}

impl Subject {
    /// Finds it.
    pub(super) fn of(args: &Record) -> Result<Self, Failure> {
        let scope = &args.scope;
        if let Some(pid) = scope.pid {
            return Ok(Self::Running(Target::Process(pid)));
        }
        if let Some(id) = &scope.container {
            let (cgroup, id) = container(id)?;
            return Ok(Self::Running(Target::Cgroup { cgroup, scope: Scope::Container(id), starting: None }));
        }
        if let Some(path) = &scope.cgroup {
            let cgroup = Cgroup::at(path)?;
            let named = match &scope.from_hook {
                Some(id) => Scope::Container(id.clone()),
                None => Scope::Cgroup(cgroup.path().to_owned()),
            };
            let starting = scope.bundle.as_deref().map(bundles_command);
            return Ok(Self::Running(Target::Cgroup { cgroup, scope: named, starting }));
        }
        Engine::of(&args.command, scope.since).map(Self::Command)
    }

    /// How to record it.
    pub(super) fn options(&self, args: &Record) -> Result<RecordOptions, Failure> {
        let scope = &args.scope;
        let (since, cgroup) = match self {
            Self::Command(engine) => (scope.since.or(Some(engine.since())), engine.cgroup().cloned()),
            Self::Running(_) => (scope.since, None),
        };
        Ok(RecordOptions {
            backend: args.backend,
            called: Some(args.command.iter().map(|word| word.to_string_lossy().into_owned()).collect()),
            learned: recordings::tally(&scope.learned)?.calls.into_keys().collect(),
            since,
            cgroup,
            checkpoint: Some(scope.checkpoint).filter(|every| !every.is_zero()),
            serving_after: scope.serving_after,
            duration: scope.duration,
            stacks: scope.stacks,
            test: std::env::var("CALLGATE_TEST").ok().filter(|test| !test.is_empty()),
            ..RecordOptions::default()
        })
    }

    /// What to say when nothing was counted, though something ran.
    pub(super) fn nothing_counted(since: Since) -> Option<&'static str> {
        (since == Since::Filter).then_some(
            "nothing in scope loaded a filter, and only calls under one are counted\n  \
             next: start the container with a profile, or record with `--since start`",
        )
    }
}

/// The cgroup and the full id of a container, by its id or by the name that an engine knows.
fn container(name: &str) -> Result<(Cgroup, String), Failure> {
    let not_found = match Cgroup::of_container(name) {
        Err(error @ CgroupError::NoContainer(_)) => error,
        found => return Ok(found?),
    };
    for engine in NAMING {
        if let Some(id) = asked(engine, name) {
            return match Cgroup::of_container(&id) {
                // Known to the engine, and not by its cgroup.
                Err(CgroupError::NoContainer(_)) => of_first_process(engine, name, id),
                found => Ok(found?),
            };
        }
    }
    Err(not_found.into())
}

/// What the container of a bundle is to run; nothing where that can't be read.
fn bundles_command(bundle: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(bundle.join("config.json")).unwrap_or_default();
    let config: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let words = config["process"]["args"].as_array().into_iter().flatten();
    words.filter_map(serde_json::Value::as_str).map(str::to_owned).collect()
}

fn of_first_process(engine: &str, name: &str, id: String) -> Result<(Cgroup, String), Failure> {
    let pid = inspect(engine, name, "{{.State.Pid}}").and_then(|pid| pid.parse().ok()).unwrap_or(0);
    if pid == 0 {
        return Err(Failure::new(format!("container `{name}` of {engine} doesn't run"))
            .help(format!("start it, or record its start: `callgate record -- {engine} run …`")));
    }
    Ok((Cgroup::of_process(pid)?, id))
}

fn asked(engine: &str, name: &str) -> Option<String> {
    inspect(engine, name, "{{.Id}}").filter(|id| !id.is_empty())
}

fn inspect(engine: &str, name: &str, what: &str) -> Option<String> {
    let mut command = Command::new(engine);
    command.args(["container", "inspect", "--format", what, "--", name]).stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The last part of a command's name.
pub(super) fn base_name(command: &std::ffi::OsStr) -> String {
    Path::new(command).file_name().unwrap_or_default().to_string_lossy().into_owned()
}
