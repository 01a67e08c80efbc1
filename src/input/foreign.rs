//! Files of other formats: found out, translated, and what they include.

use std::fs;
use std::path::{Path, PathBuf};

use callgate_compiler::lower::Unit;
use callgate_grammar::{Diagnostic, SourceId, Span, parse};
use callgate_profiles::engine::read_as;
use callgate_profiles::import::{Document, Format};

use super::{Loader, Reading, read};
use crate::cli::ReadAs;
use crate::failure::Failure;

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
        Some(ReadAs::Bpf) => Err(Failure::new("raw instructions can only be compared")
            .help("`callgate diff` reads them; `--from` names what a policy is written in")),
    }
}

impl Loader {
    /// Translates a file. What the translation says stands in its findings; without one there is an error among them.
    pub(super) fn import(&mut self, format: Format, file: &File<'_>, reading: &Reading, scope: u32) -> SourceId {
        let name = file.path.display().to_string();
        let source = self.sources.add(&name, file.text.clone());
        let imported = {
            let sources = &mut self.sources;
            let mut includes = |path: &str, at: Span| {
                let (found, text) = included(file.path, path, at)?;
                Ok((sources.add(found.display().to_string(), text.clone()), text))
            };
            let document = Document { text: &file.text, source, selector: file.selector.as_deref() };
            read_as(reading.engine, &reading.host, format, &document, &mut includes)
        };
        self.diagnostics.extend(imported.diagnostics);
        if let Some(gate) = imported.gate {
            let shown = match &file.selector {
                Some(selector) => format!("{name}#{selector} as a policy"),
                None => format!("{name} as a policy"),
            };
            let id = self.parse(&shown, gate, 1, scope);
            self.translated.push(id);
        } else {
            // The least policy stands in, so that nothing but the file's own errors is said.
            let (file, _) = parse(source, "deny: all");
            self.units.push(Unit { source, file, layer: 1, scope });
        }
        source
    }
}

/// A file that another one includes: where it says, else beside the including file.
fn included(from: &Path, path: &str, at: Span) -> Result<(PathBuf, String), Diagnostic> {
    let folder = from.parent().map(Path::to_path_buf).unwrap_or_default();
    let written = folder.join(path);
    let beside = Path::new(path).file_name().map(|name| folder.join(name));
    let found = if fs::metadata(&written).is_ok() { written } else { beside.unwrap_or(written) };
    match read(&found) {
        Ok(text) => Ok((found, text)),
        Err(failure) => {
            let message = failure.to_string();
            let message = message.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Err(Diagnostic::error("unreadable-use", message)
                .at(at, "needed here")
                .help("it is looked for where the line says and beside the file that includes it"))
        }
    }
}
