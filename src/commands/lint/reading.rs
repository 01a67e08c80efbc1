//! Files into documents.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use callgate_compiler::lower::Groups;
use callgate_grammar::{Diagnostic, SourceId, Sources, Span};
use callgate_lint::{Document, Form, Profiled, Reading, Starter, Workload};
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
    /// What starts containers.
    Workload(String),
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
        let content = match from {
            Some(ReadAs::Foreign(format)) => Content::Text(text, Some(format)),
            Some(ReadAs::Gate | ReadAs::Bpf) => Content::Text(text, None),
            None if is_workload(&text) => Content::Workload(text),
            None => {
                let format = format(&text);
                Content::Text(text, format)
            }
        };
        Ok(Self { path, selector, content })
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
        let content = match &self.content {
            Content::Text(_, format) => Content::Text(text, *format),
            Content::Workload(_) => Content::Workload(text),
            Content::Filter(_) => Content::Text(text, None),
        };
        Self { path: self.path.clone(), selector: self.selector.clone(), content }
    }
}

/// Whether a text is a pod spec or a Compose file.
pub(super) fn is_workload(text: &str) -> bool {
    Workload::read(text, SourceId::default()).is_some_and(|read| read.is_ok())
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
        Content::Workload(text) => {
            let document = Document::of_workload(&name, text, reading);
            let mut document = document.unwrap_or_else(|| Document::of_text(&name, text, groups, reading.clone()));
            follow(&mut document, input, include_dirs);
            document
        }
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

/// Says of the profiles that a workload names whether there are such files: beside it, where callgate runs, or in one of the
/// folders. Of one that another machine has nothing is known: an absolute path that isn't here, one with a variable in it, and a
/// kubelet's own files unless a folder is named that stands for them.
fn follow(document: &mut Document, input: &Input, include_dirs: &[PathBuf]) {
    let Some(Form::Workload(workload)) = &mut document.form else { return };
    for container in &mut workload.containers {
        let Profiled::File(reference) = &mut container.profile else { continue };
        let elsewhere = Path::new(&reference.path).is_absolute()
            || reference.path.contains('$')
            || container.starter == Starter::Kubernetes && include_dirs.is_empty();
        let here = place(&reference.path, &input.path, include_dirs).is_some();
        reference.found = if elsewhere && !here { None } else { Some(here) };
    }
}

/// The profiles' files that a workload names, those that there are.
pub(super) fn profiles_of(document: &Document, path: &Path, include_dirs: &[PathBuf]) -> Vec<PathBuf> {
    let Some(Form::Workload(workload)) = &document.form else { return Vec::new() };
    let named = workload.containers.iter().filter_map(|container| match &container.profile {
        Profiled::File(reference) => Some(&reference.path),
        _ => None,
    });
    named.filter_map(|name| place(name, path, include_dirs)).collect()
}

fn place(name: &str, workload: &Path, include_dirs: &[PathBuf]) -> Option<PathBuf> {
    let beside = workload.parent().map(|folder| folder.join(name));
    let folders = include_dirs.iter().map(|folder| folder.join(name));
    let clean = |path: PathBuf| path.components().filter(|part| *part != Component::CurDir).collect::<PathBuf>();
    beside.into_iter().chain([PathBuf::from(name)]).chain(folders).find(|path| path.is_file()).map(clean)
}
