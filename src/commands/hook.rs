//! `callgate hook`: recording a container from the moment its runtime makes it, without being asked by hand.

mod config;
mod recorder;
mod runtime;

use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::cli::Hook;
use crate::failure::{Failure, Outcome};
use crate::output;
use recorder::Recorder;

pub(crate) fn run(args: &Hook) -> Outcome {
    let folder = absolute(&args.into)?;
    if let Some(engine) = args.print_config {
        output::write(None, config::text(engine, &folder)?.as_bytes())?;
        return Ok(0);
    }
    if let Some(runtime) = &args.runtime {
        return runtime::become_runtime(runtime, &args.arguments, &folder);
    }
    let state = State::read()?;
    let recorder = Recorder::new(&folder, &state.id)?;
    if state.status == "stopped" {
        recorder.wait_for()?;
    } else {
        recorder.start(state.pid, &state.bundle, state.since())?;
    }
    Ok(0)
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::new(format!("can't use {}: {error}", path.display())))
}

/// What a runtime tells its hooks (OCI runtime specification, runtime.md, "State").
#[derive(Deserialize)]
struct State {
    id: String,
    /// `creating` or `created` where the container is made, `stopped` where it is gone.
    status: String,
    /// The container's first process, in the runtime's pid namespace.
    #[serde(default)]
    pid: u32,
    bundle: PathBuf,
}

impl State {
    fn read() -> Result<Self, Failure> {
        let mut text = String::new();
        let read = std::io::stdin().lock().read_to_string(&mut text);
        read.map_err(|error| Failure::new(format!("can't read the container's state: {error}")))?;
        serde_json::from_str(&text).map_err(|error| {
            Failure::new(format!("standard input isn't a container's state: {error}")).help(
                "a runtime calls `callgate hook` as a createRuntime and a poststop hook; \
                 `callgate hook --into DIR --print-config` prints the configuration",
            )
        })
    }

    /// `filter` when the bundle has a profile: without one the container loads no filter that calls could be counted from.
    fn since(&self) -> &'static str {
        let text = std::fs::read_to_string(self.bundle.join("config.json")).unwrap_or_default();
        let config: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        if config["linux"]["seccomp"].is_object() { "filter" } else { "start" }
    }
}
