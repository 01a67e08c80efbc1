//! Files of other formats: found out, translated, and what they include.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use callgate_compiler::abi::Endian;
use callgate_compiler::bpf::{admit, disassemble, from_bytes};
use callgate_compiler::lower::Unit;
use callgate_compiler::tables;
use callgate_grammar::{Diagnostic, SourceId, Span, parse};
use callgate_profiles::engine::read_as;
use callgate_profiles::import::bpf::{RawFilter, from_program, from_raw};
use callgate_profiles::import::{Document, Format, Imported};

use super::{Loader, Reading, read};
use crate::cli::ReadAs;
use crate::failure::Failure;
use crate::policy;

/// A file that isn't in the language.
pub(super) struct File<'a> {
    pub(super) path: &'a Path,
    pub(super) text: String,
    /// Which of the filters in it.
    pub(super) selector: Option<String>,
}

/// The file and the filter in it: `filters.json#vmm`, unless a file has that very name.
pub(crate) fn select(file: &Path) -> (PathBuf, Option<String>) {
    let whole = || (file.to_path_buf(), None);
    if fs::metadata(file).is_ok() {
        return whole();
    }
    match file.to_str().and_then(|text| text.rsplit_once('#')) {
        Some((path, selector)) => (PathBuf::from(path), Some(selector.to_owned())),
        None => whole(),
    }
}

/// What a text has to be translated from; `None` for a policy.
pub(super) fn format(text: &str, from: Option<ReadAs>) -> Result<Option<Format>, Failure> {
    match from {
        None => Ok(Format::of(text)),
        Some(ReadAs::Gate) => Ok(None),
        Some(ReadAs::Foreign(format)) => Ok(Some(format)),
        // `raw` has taken it.
        Some(ReadAs::Bpf) => Ok(None),
    }
}

/// The filter in a file of instructions; `None` for a text.
pub(crate) fn raw(path: &Path, bytes: &[u8], from: Option<ReadAs>) -> Result<Option<RawFilter>, Failure> {
    if from.is_some_and(|from| from != ReadAs::Bpf) {
        return Ok(None);
    }
    let native = native_endian();
    let filter = from_raw(bytes, native);
    if filter.is_some() || from.is_none() {
        return Ok(filter);
    }
    let why = match from_bytes(bytes, native) {
        Err(error) => error.to_string(),
        Ok(program) => admit(&program).err().map_or_else(String::new, |refusal| refusal.to_string()),
    };
    Err(Failure::new(format!("{} is no filter: {why}", path.display()))
        .help("a filter is an array of struct sock_filter, as `callgate compile --to bpf` writes it"))
}

/// The byte order of this machine.
pub(crate) fn native_endian() -> Endian {
    if cfg!(target_endian = "big") { Endian::Big } else { Endian::Little }
}

impl Loader {
    /// Reads a filter as a policy. What findings point into is its listing.
    pub(super) fn import_filter(&mut self, name: &str, filter: &RawFilter, scope: u32) -> SourceId {
        let listing = disassemble(&filter.program, filter.endian, &tables::name);
        let source = self.sources.add(name, listing);
        // One that never looks at the token is for the machine it was found on.
        let abis: Vec<_> = policy::host_abi().ok().filter(|abi| abi.endian() == filter.endian).into_iter().collect();
        let imported = from_program(&filter.program, filter.endian, &abis, source);
        self.take(name, imported, source, vec![source], scope);
        source
    }

    /// Translates a file. What the translation says stands in its findings; without one there is an error among them.
    pub(super) fn import(&mut self, format: Format, file: &File<'_>, reading: &Reading, scope: u32) -> SourceId {
        let name = file.path.display().to_string();
        let source = self.sources.add(&name, file.text.clone());
        let mut read_from = vec![source];
        let imported = {
            let Self { sources, diagnostics, include_dirs, .. } = self;
            // What an included file includes is looked for from there.
            let mut paths = BTreeMap::from([(source, file.path.to_path_buf())]);
            let mut includes = |path: &str, at: Span| {
                let from = paths.get(&at.source).map_or(file.path, PathBuf::as_path);
                let (found, text, elsewhere) = included(from, path, include_dirs, at)?;
                if elsewhere {
                    diagnostics.push(
                        Diagnostic::note("included-elsewhere", format!("`{path}` is {}", found.display()))
                            .at(at, "it isn't where this says"),
                    );
                }
                let id = sources.add(found.display().to_string(), text.clone());
                paths.insert(id, found);
                read_from.push(id);
                Ok((id, text))
            };
            let document = Document { text: &file.text, source, selector: file.selector.as_deref() };
            read_as(reading.engine, &reading.host, format, &document, &mut includes)
        };
        let shown = match &file.selector {
            Some(selector) => format!("{name}#{selector}"),
            None => name,
        };
        self.take(&shown, imported, source, read_from, scope);
        source
    }

    /// Takes over what came of a translation, and the texts that its places are in.
    fn take(&mut self, name: &str, mut imported: Imported, source: SourceId, read_from: Vec<SourceId>, scope: u32) {
        self.diagnostics.append(&mut imported.diagnostics);
        self.translated.extend(read_from);
        let Self { sources, translated, .. } = self;
        let file = imported.into_file(|text| {
            let id = sources.add(format!("{name} as a policy"), text);
            translated.push(id);
            id
        });
        // Without one, the least policy stands in, so that nothing but the file's own errors is said.
        let file = file.unwrap_or_else(|| parse(source, "deny: all").0);
        self.units.push(Unit { source, file, layer: 1, scope });
    }
}

/// A file that another one includes, and whether it isn't where that says: then beside the including file, or in one of the
/// folders.
pub(crate) fn included(
    from: &Path,
    path: &str,
    folders: &[PathBuf],
    at: Span,
) -> Result<(PathBuf, String, bool), Diagnostic> {
    let folder = from.parent().map(Path::to_path_buf).unwrap_or_default();
    let written = folder.join(path);
    let name = Path::new(path).file_name();
    // Joining an absolute path to a folder gives that path again.
    let in_folders = folders.iter().flat_map(|other| [Some(other.join(path)), name.map(|name| other.join(name))]);
    let others = [name.map(|name| folder.join(name))].into_iter().chain(in_folders).flatten();
    let found = [written.clone()].into_iter().chain(others).find(|place| fs::metadata(place).is_ok());
    let found = found.unwrap_or_else(|| written.clone());
    match read(&found) {
        Ok(text) => {
            let elsewhere = found != written;
            Ok((found, text, elsewhere))
        }
        Err(failure) => {
            let message = failure.to_string();
            let message = message.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Err(Diagnostic::error("unreadable-use", message).at(at, "needed here").help(
                "it is looked for where the line says, beside the file that includes it, and in every --include-dir",
            ))
        }
    }
}
