//! Files into documents.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use callgate_compiler::lower::Groups;
use callgate_grammar::{Diagnostic, SourceId, Sources, Span};
use callgate_lint::{Document, Reading};
use callgate_profiles::import::bpf::RawFilter;
use callgate_profiles::import::{self, Format};

use crate::cli::ReadAs;
use crate::failure::Failure;
use crate::input;

/// A file as it was found.
pub(super) struct Input {
    pub(super) path: PathBuf,
    /// Which filter of a file with several.
    selector: Option<String>,
    content: Content,
}

enum Content {
    /// In the language, or (with a format) in another.
    Text(String, Option<Format>),
    Filter(RawFilter),
}

impl Input {
    pub(super) fn read(path: &Path, from: Option<ReadAs>) -> Result<Self, Failure> {
        let (path, selector) = input::select(path);
        let bytes = input::read_bytes(&path)?;
        if let Some(filter) = input::raw(&path, &bytes, from)? {
            return Ok(Self { path, selector, content: Content::Filter(filter) });
        }
        let text = input::text_of(&input::shown_name(&path), bytes)?;
        let format = match from {
            Some(ReadAs::Foreign(format)) => Some(format),
            Some(ReadAs::Gate | ReadAs::Bpf) => None,
            None => format(&text),
        };
        Ok(Self { path, selector, content: Content::Text(text, format) })
    }

    /// The filters in it, each to be linted: of a file with several all of them, unless one was named.
    pub(super) fn filters(self) -> Vec<Self> {
        let Content::Text(text, Some(format)) = &self.content else { return vec![self] };
        let document = import::Document { text, source: SourceId::default(), selector: None };
        let names = import::filters_in(*format, &document);
        if self.selector.is_some() || names.is_empty() {
            return vec![self];
        }
        let one = |name| Self { selector: Some(name), ..self.with_text(text.clone()) };
        names.into_iter().map(one).collect()
    }

    /// The same file with another text.
    pub(super) fn with_text(&self, text: String) -> Self {
        let format = match &self.content {
            Content::Text(_, format) => *format,
            Content::Filter(_) => None,
        };
        Self { path: self.path.clone(), selector: self.selector.clone(), content: Content::Text(text, format) }
    }
}

/// What a text is. One that begins like JSON and isn't is a profile with a mistake in it, and no policy.
fn format(text: &str) -> Option<Format> {
    let is_json = || text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
    Format::of(text).or_else(|| is_json().then_some(Format::Docker))
}

/// What the rules are asked about.
pub(super) fn document(input: &Input, include_dirs: &[PathBuf], groups: &Groups, reading: &Reading) -> Document {
    let name = input.path.display().to_string();
    match &input.content {
        Content::Filter(filter) => Document::of_filter(&name, filter.clone(), groups, reading.clone()),
        Content::Text(text, None) => {
            let loaded = input::load_text_at(&input.path, text.clone());
            let source = loaded.units[0].source;
            Document::of_units(loaded.sources, source, loaded.units, loaded.diagnostics, groups, reading.clone())
        }
        Content::Text(text, Some(format)) => {
            let reading = Reading { from: Some(*format), ..reading.clone() };
            let mut paths = BTreeMap::new();
            let mut includes = |sources: &mut Sources, path: &str, at: Span| -> Result<_, Diagnostic> {
                // What an included file includes is looked for from there.
                let from = paths.get(&at.source).unwrap_or(&input.path);
                let (found, text, _) = input::included(from, path, include_dirs, at)?;
                let id = sources.add(found.display().to_string(), text.clone());
                paths.insert(id, found);
                Ok((id, text))
            };
            Document::of_text_with(&name, text, input.selector.as_deref(), groups, reading, &mut includes)
        }
    }
}
