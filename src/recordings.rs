//! Recordings as people give them: files of callgate's, folders of them, and what other programs observed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use callgate_compiler::abi::Abi;
use callgate_profiles::evidence::Source;
use callgate_profiles::recording::{Recording, Run};
use callgate_profiles::tally::Tally;

use crate::failure::Failure;
use crate::{input, output, policy};

/// The name that a recording in a folder ends in.
const EXTENSION: &str = "json";

/// What every file's runs come to, read one file at a time: many recordings take no more memory than what is different in them.
pub(crate) fn tally(paths: &[PathBuf]) -> Result<Tally, Failure> {
    tally_and_look(paths, |_| {})
}

/// The same, and each run is looked at once.
pub(crate) fn tally_and_look(paths: &[PathBuf], mut look: impl FnMut(&Run)) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    for path in paths {
        for file in files(path)? {
            for run in read_file(&file)?.runs.values() {
                let before = tally.runs();
                tally.add(run)?;
                if tally.runs() > before {
                    look(run);
                }
            }
        }
    }
    Ok(tally)
}

/// The calls that a folder's recordings have; it may be without any yet.
pub(crate) fn calls_in(folder: &Path) -> Result<BTreeSet<(Abi, u32)>, Failure> {
    Ok(tally(&files_so_far(folder)?)?.calls.into_keys().collect())
}

/// Every file's runs as one recording; of a folder, those of every `.json` and `.json.zst` in it.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Recording, Failure> {
    let mut recording = Recording::default();
    for path in paths {
        for file in files(path)? {
            recording = recording.merge(read_file(&file)?)?;
        }
    }
    Ok(recording)
}

/// Whether a text is callgate's own recording, by its first key.
pub(crate) fn is_recording(text: &str) -> bool {
    let inside = text.trim_start().strip_prefix('{').map(str::trim_start);
    inside.is_some_and(|inside| inside.starts_with("\"schema\""))
}

/// Whether a path holds recordings of callgate's: a folder, or a file that is one. Standard input is never asked.
pub(crate) fn is_of(path: &Path) -> Result<bool, Failure> {
    if path == Path::new("-") {
        return Ok(false);
    }
    if path.is_dir() {
        return Ok(true);
    }
    Ok(std::str::from_utf8(&input::read_bytes(path)?).is_ok_and(is_recording))
}

/// Where a new run goes in a folder: nobody else writes there, so that any number of processes can add runs at once.
pub(crate) fn place_in(folder: &Path, run: &str) -> PathBuf {
    folder.join(run).with_extension(EXTENSION)
}

/// A file, or those of a folder; a folder without any is an error.
fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let files = files_so_far(path)?;
    if files.is_empty() {
        return Err(Failure::new(format!("{} has no recording in it", path.display()))
            .help("`callgate learn --into FOLDER -- CMD` adds one for each run"));
    }
    Ok(files)
}

fn files_so_far(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let unreadable = |error: std::io::Error| Failure::new(format!("can't read {}: {error}", path.display()));
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        let hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && is_named_as_recording(&file) {
            files.push(file);
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// `.json` and `.json.zst`.
fn is_named_as_recording(file: &Path) -> bool {
    let uncompressed = if output::is_compressed(file) { file.with_extension("") } else { file.to_path_buf() };
    uncompressed.extension().is_some_and(|extension| extension == EXTENSION)
}

fn read_file(path: &Path) -> Result<Recording, Failure> {
    let text = input::read(path)?;
    match Source::of(&text) {
        Some(source) => {
            let evidence = source.read(&text, policy::host_abi()?);
            for note in &evidence.notes {
                eprintln!("note: {}: {note}", path.display());
            }
            Ok(evidence.recording)
        }
        None => Recording::from_json(&text).map_err(|error| Failure::from(error).in_file(path)),
    }
}
