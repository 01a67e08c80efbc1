//! What `callgate record` records when it isn't the command alone, and for how long.

use std::path::PathBuf;
use std::time::Duration;

use callgate_profiles::recording::Since;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Whose calls, and from when to when.
#[derive(Args)]
pub(crate) struct ScopeArgs {
    /// Record a running container: the id that docker, podman, ctr or runc shows, its beginning, or a name that docker or podman knows; what is exec'ed in it and health checks too
    #[arg(long, value_name = "ID", conflicts_with_all = ["cgroup", "pid", "command"])]
    pub(crate) container: Option<String>,
    /// Record what is in a cgroup and below (a path in cgroup2, or the folder)
    #[arg(long, value_name = "PATH", conflicts_with_all = ["pid", "command"])]
    pub(crate) cgroup: Option<PathBuf>,
    /// Record a process that runs already, and its descendants
    #[arg(long, value_name = "N", conflicts_with = "command", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) pid: Option<u32>,
    /// End after so many seconds; what is recorded goes on. Without it the recording ends with its scope, or by SIGINT or SIGTERM
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds(), conflicts_with = "command")]
    pub(crate) duration: Option<Duration>,
    /// Count calls from the start, or only those made under a filter that whoever started it isn't under; without it `filter` for a container and for a command that starts one, else `start`
    #[arg(long, value_name = "WHEN", value_parser = parse_since())]
    pub(crate) since: Option<Since>,
    /// Say that what is recorded serves after so many seconds, as SIGUSR1 to callgate says now; without them it does once a process that listens, or a child of one, waits for a connection
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds())]
    pub(crate) serving_after: Option<Duration>,
    /// Write what is there so far every so many seconds, marked incomplete (0: never)
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds(), default_value = "5")]
    pub(crate) checkpoint: Duration,
    /// Keep the stack of whoever makes a call first, for `callgate explain` (eBPF or ptrace)
    #[arg(long)]
    pub(crate) stacks: bool,
    /// Let through what these recordings (files or folders) have, where eBPF can't be used: a learned call costs nothing then, and isn't counted
    #[arg(long, value_name = "REC", requires = "command")]
    pub(crate) learned: Vec<PathBuf>,
    /// Exit as the command does, and derive what is asked for, even when something was lost; the recording says what
    #[arg(long)]
    pub(crate) allow_incomplete: bool,
    /// For `callgate hook`: the container is being made, nobody reads this process's terminal, and a line on standard output
    /// says that nothing is missed from now on
    #[arg(long, hide = true, requires_all = ["cgroup", "bundle"])]
    pub(crate) from_hook: Option<String>,
    /// The bundle of that container
    #[arg(long, hide = true)]
    pub(crate) bundle: Option<PathBuf>,
}

fn parse_seconds() -> impl TypedValueParser<Value = Duration> {
    clap::builder::NonEmptyStringValueParser::new().try_map(|text| {
        let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
        Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
    })
}

fn parse_since() -> impl TypedValueParser<Value = Since> {
    const SINCE: [(&str, Since); 2] = [("start", Since::Start), ("filter", Since::Filter)];
    PossibleValuesParser::new(SINCE.map(|(name, _)| name)).map(|name| {
        let found = SINCE.iter().find(|(known, _)| *known == name);
        found.map(|(_, since)| *since).expect("clap lets the possible values through only")
    })
}
