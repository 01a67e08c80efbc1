//! `callgate hook --runtime`: in the place of an OCI runtime, for engines that have no hooks of their own.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use callgate_tracer::command::Prepared;

use super::config::add_to;
use crate::failure::{Failure, Outcome};
use crate::output;

/// Options before the subcommand that take a value as a word of their own: runc(8), crun(1).
const VALUED: [&str; 6] = ["--root", "--log", "--log-format", "--rootless", "--criu", "--cgroup-manager"];

/// Adds the hooks where a container is made, and becomes the runtime.
pub(super) fn become_runtime(runtime: &Path, arguments: &[OsString], folder: &Path) -> Outcome {
    if let Some(bundle) = bundle(arguments) {
        let path = bundle.join("config.json");
        let unusable = |error: &dyn std::error::Error| Failure::new(format!("can't use {}: {error}", path.display()));
        let text = fs::read_to_string(&path).map_err(|error| unusable(&error))?;
        let mut config = serde_json::from_str(&text).map_err(|error| unusable(&error))?;
        add_to(&mut config, folder).map_err(|failure| failure.in_file(&path))?;
        output::write(Some(&path), config.to_string().as_bytes())?;
    }
    let words: Vec<OsString> = [runtime.as_os_str().to_owned()].into_iter().chain(arguments.iter().cloned()).collect();
    let command = Prepared::new(&words)?;
    Err(command.failed(command.exec()).into())
}

/// The bundle, when the arguments make a container.
fn bundle(arguments: &[OsString]) -> Option<PathBuf> {
    let mut words = arguments.iter();
    let subcommand = loop {
        let word = words.next()?;
        if VALUED.iter().any(|valued| word == valued) {
            words.next();
        } else if !word.to_string_lossy().starts_with('-') {
            break word;
        }
    };
    if subcommand != "create" && subcommand != "run" {
        return None;
    }
    while let Some(word) = words.next() {
        let word = word.to_string_lossy();
        if word == "--bundle" || word == "-b" {
            return words.next().map(PathBuf::from);
        }
        if let Some(path) = word.strip_prefix("--bundle=").or_else(|| word.strip_prefix("-b=")) {
            return Some(PathBuf::from(path));
        }
    }
    Some(PathBuf::from(OsStr::new(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_is_found_where_a_container_is_made() {
        let bundle = |text: &str| bundle(&text.split(' ').map(OsString::from).collect::<Vec<_>>());
        let some = |path: &str| Some(PathBuf::from(path));
        assert_eq!(bundle("--root create --log /l create --bundle /b --pid-file p id"), some("/b"));
        assert_eq!(bundle("--systemd-cgroup run -b=/b id"), some("/b"));
        assert_eq!(bundle("create id"), some("."));
        assert_eq!(bundle("--root=/r delete --force id"), None);
        assert_eq!(bundle("--version"), None);
    }
}
