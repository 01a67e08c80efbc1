//! Which files: those that are named, and in folders those that look like profiles.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use callgate_profiles::import::Format;
use ignore::WalkBuilder;

use super::reading;
use super::settings::Settings;
use crate::failure::Failure;
use crate::input;

/// A file to lint.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Whether it was found in a folder.
    pub(super) walked: bool,
}

/// The files, sorted within each folder.
pub(super) struct Files {
    pub(super) files: Vec<Found>,
    /// How many in folders don't look like profiles, or are excluded.
    pub(super) passed_over: usize,
}

pub(super) fn of(named: &[PathBuf], settings: &Settings) -> Result<Files, Failure> {
    let mut all = Files { files: Vec::new(), passed_over: 0 };
    for path in named {
        if path.is_dir() {
            walk(path, settings, &mut all)?;
        } else {
            all.files.push(Found { path: path.clone(), walked: false });
        }
    }
    let mut seen = BTreeSet::new();
    all.files.retain(|file| seen.insert(input::identity(&file.path)));
    Ok(all)
}

fn walk(folder: &Path, settings: &Settings, all: &mut Files) -> Result<(), Failure> {
    let mut found = Vec::new();
    for entry in WalkBuilder::new(folder).build() {
        let entry = entry.map_err(|error| {
            Failure::new(format!("can't walk {}: {error}", folder.display()))
                .help("check the folder and its permissions")
        })?;
        if entry.file_type().is_none_or(|kind| !kind.is_file()) {
            continue;
        }
        let path = entry.into_path();
        let path = path.strip_prefix(".").map(Path::to_path_buf).unwrap_or(path);
        let excluded = settings.config.excludes(&settings.relative(&path.display().to_string()));
        if !excluded && looks_like_one(&path) {
            found.push(path);
        } else {
            all.passed_over += 1;
        }
    }
    found.sort();
    all.files.extend(found.into_iter().map(|path| Found { path, walked: true }));
    Ok(())
}

/// Whether a file in a folder is a profile: by its extension, and by what is in it where the extension is used for other things.
fn looks_like_one(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let content = || input::read(path).unwrap_or_default();
    match extension {
        "gate" => true,
        "bpf" => {
            input::read_bytes(path).is_ok_and(|bytes| input::raw(path, &bytes, None).is_ok_and(|raw| raw.is_some()))
        }
        "json" => {
            let text = content();
            if reading::is_workload(&text) {
                return true;
            }
            match Format::of(&text) {
                // `{}` is what engines take for a profile; in a folder it is anything.
                Some(Format::Docker) => text.contains("defaultAction") || text.contains("syscalls"),
                // Every object of Kubernetes has a kind.
                Some(Format::Spo) => text.contains("SeccompProfile"),
                Some(_) => true,
                None => text.contains("SCMP_ACT_"),
            }
        }
        "yaml" | "yml" => {
            let text = content();
            Format::of(&text) == Some(Format::Spo) || reading::is_workload(&text)
        }
        "policy" | "kafel" | "seccomp" | "pfc" => Format::of(&content()).is_some(),
        "service" | "socket" | "conf" => {
            let text = content();
            text.contains("SystemCall") && Format::of(&text) == Some(Format::Systemd)
        }
        "profile" => {
            let text = content();
            text.contains("seccomp") && Format::of(&text) == Some(Format::Firejail)
        }
        _ => false,
    }
}
