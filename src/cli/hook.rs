//! `callgate hook`: three ways to be called by a container runtime.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Args)]
#[command(
    after_help = "As a hook it reads the container's state from standard input. createRuntime starts a recorder that nobody waits \
    for and returns once nothing is missed any more; poststop waits until the recording is written. A container whose recorder \
    can't start doesn't start either. Each recording is DIR/ID.json.",
    trailing_var_arg = true
)]
pub(crate) struct Hook {
    /// The folder for the recordings; made when it isn't there
    #[arg(long, value_name = "DIR")]
    pub(crate) into: PathBuf,
    /// Be a runtime: add the hooks to the bundle that is created and become this program, with the arguments that follow. For engines without hooks (dockerd's `runtimes`)
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) runtime: Option<PathBuf>,
    /// Print what makes an engine call this, and do nothing else: podman's file for --hooks-dir (for containers with the annotation `io.callgate.record`), `hooks` of an OCI config.json, or `runtimes` of docker's daemon.json
    #[arg(long, value_name = "FOR", require_equals = true, num_args = 0..=1, default_missing_value = "podman", conflicts_with = "runtime")]
    pub(crate) print_config: Option<HookedEngine>,
    /// The runtime's arguments
    #[arg(value_name = "ARG", allow_hyphen_values = true, requires = "runtime")]
    pub(crate) arguments: Vec<OsString>,
}

/// Who calls the hook.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum HookedEngine {
    /// A file for `--hooks-dir`.
    Podman,
    /// A part of config.json, for runc and crun.
    Oci,
    /// A part of daemon.json.
    Docker,
}
