//! What is linted: a file in some form, what reading it said, and what it means.

use callgate_compiler::abi::Abi;
use callgate_compiler::bpf::{assemble, assembled_lines};
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::policy::Policy;
use callgate_grammar::tree::Version;
use callgate_grammar::{Diagnostic, SourceId, Sources, Span, parse};
use callgate_profiles::engine::{Engine, Host, Libseccomp, read_leniently};
use callgate_profiles::import;
use callgate_profiles::import::bpf::{RawFilter, order};
use callgate_profiles::import::profile::Profile;
use serde::de::IgnoredAny;

use crate::meaning::Meaning;

/// What a file is.
#[derive(Clone, Debug)]
pub enum Form {
    /// A policy in the language, and what it `use`s.
    Policy(Vec<Unit>),
    /// The JSON or YAML of container engines, as it stands in the file.
    Profile(import::Format, Box<Profile>),
    /// A file of another format.
    Text(import::Format),
    /// A compiled filter. Its source is its listing.
    Filter(RawFilter),
}

/// Who reads a document, and where.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What the file is, instead of what it looks like.
    pub from: Option<import::Format>,
    /// Whose reading of the JSON of container engines counts.
    pub engine: Engine,
    /// The machine, its kernel, and what the process may.
    pub host: Host,
    /// The ABIs that are asked about, instead of those the document lists.
    pub abis: Option<Vec<Abi>>,
    /// What a compiled filter was compiled from, where that is known.
    pub source: Option<Policy>,
}

impl Default for Reading {
    /// The document's own meaning, on x86-64 and Linux 6.12, with Docker's capabilities.
    fn default() -> Self {
        let kernel = Version { major: 6, minor: 12 };
        let capabilities = Target::new(Vec::new(), kernel).capabilities;
        let host = Host { machine: Abi::X86_64, capabilities, kernel, libseccomp: Libseccomp::Newest };
        Self { from: None, engine: Engine::Document, host, abis: None, source: None }
    }
}

/// A file, read.
#[derive(Clone, Debug)]
pub struct Document {
    /// Every text that spans point into: the file's own first, then what it includes.
    pub sources: Sources,
    /// The file.
    pub source: SourceId,
    /// What it is.
    pub form: Option<Form>,
    /// Who reads it.
    pub reading: Reading,
    /// What reading and lowering it said.
    pub said: Vec<Diagnostic>,
    /// What it means on the target. `None` when it is too broken to mean something.
    pub meaning: Option<Meaning>,
}

/// What a text is translated from; `None` for a policy. An object of JSON is no policy, and one that is broken can't be told
/// from a profile.
fn format_of(text: &str) -> Option<import::Format> {
    import::Format::of(text).or_else(|| (is_object(text)).then_some(import::Format::Docker))
}

fn is_object(text: &str) -> bool {
    text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').starts_with('{')
}

/// Whether a text is JSON, but no format of JSON that can be read.
fn is_other_json(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    is_object(text) && import::Format::of(text).is_none() && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// What a file of another format is.
#[must_use]
pub fn form(format: import::Format, document: &import::Document<'_>, includes: &mut import::Includes<'_>) -> Form {
    use import::Format::{Asm, Docker, Oci, Podman, Spo};
    match format {
        Docker | Oci | Podman | Spo => import::read_profile(format, document, includes, &mut Vec::new())
            .map_or(Form::Text(format), |profile| Form::Profile(format, Box::new(profile))),
        Asm => assemble(document.text).map_or(Form::Text(format), |program| {
            let endian = order(&program);
            Form::Filter(RawFilter { program, endian })
        }),
        _ => Form::Text(format),
    }
}

impl Document {
    /// Reads a text that includes and uses nothing but what callgate ships.
    #[must_use]
    pub fn of_text(name: &str, text: &str, groups: &Groups, reading: Reading) -> Self {
        let mut sources = Sources::default();
        let source = sources.add(name, text);
        let mut said = Vec::new();
        if reading.from.is_none() && is_other_json(text) {
            let error = Diagnostic::error("no-profile", "this JSON has none of a profile's keys");
            said.push(error.at(Span { source, start: 0, end: 0 }, "").help("a profile has a `defaultAction`"));
            return Self { sources, source, form: None, reading, said, meaning: None };
        }
        let mut target = Target::new(vec![reading.host.machine], reading.host.kernel);
        target.capabilities.clone_from(&reading.host.capabilities);
        target.kernel = Some(reading.host.kernel);
        target.abis.clone_from(&reading.abis);
        let (form, units) = match reading.from.or_else(|| format_of(text)) {
            Some(format) => {
                let document = import::Document { text, source, selector: None };
                let mut none = |path: &str, at: Span| {
                    Err(Diagnostic::error("unreadable-use", format!("`{path}` can't be read here")).at(at, ""))
                };
                let imported = read_leniently(reading.engine, &reading.host, format, &document, &mut none);
                said.extend(imported.diagnostics.iter().cloned());
                let file = imported.into_file(|text| sources.add(format!("{name} as a policy"), text));
                let units = file.map(|file| vec![Unit { source, file, layer: 1, scope: 1 }]);
                target.default_abis = Abi::ALL.to_vec();
                (form(format, &document, &mut none), units)
            }
            None => {
                let (file, diagnostics) = parse(source, text);
                said.extend(diagnostics);
                let units = vec![Unit { source, file, layer: 1, scope: 1 }];
                (Form::Policy(units.clone()), Some(units))
            }
        };
        let policy = units.filter(|_| !said.iter().any(Diagnostic::is_error)).and_then(|units| {
            let lowered = lower(&units, groups, &target);
            said.extend(lowered.diagnostics);
            lowered.policy
        });
        let meaning = policy.map(|policy| Meaning {
            policy,
            capabilities: reading.host.capabilities.clone(),
            kernel: reading.host.kernel,
        });
        Self { sources, source, form: Some(form), reading, said, meaning }
    }

    /// The first character of the file, for what is about all of it.
    #[must_use]
    pub fn start(&self) -> Span {
        Span { source: self.source, start: 0, end: 0 }
    }

    /// The file's own text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.sources.get(self.source).text
    }

    /// The compiled filter, if the file is one.
    #[must_use]
    pub fn filter(&self) -> Option<&RawFilter> {
        match &self.form {
            Some(Form::Filter(filter)) => Some(filter),
            _ => None,
        }
    }

    /// Where an instruction of the filter stands in its text, which may be a listing of it. Counted from 0.
    #[must_use]
    pub fn instruction(&self, position: usize) -> Span {
        let Some(&line) = assembled_lines(self.text()).get(position) else { return self.start() };
        let before: usize = self.text().split_inclusive('\n').take(line - 1).map(str::len).sum();
        let text = self.text()[before..].lines().next().unwrap_or_default();
        let text = text.split(';').next().unwrap_or_default();
        let start = before + text.len() - text.trim_start().len();
        let offset = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Span { source: self.source, start: offset(start), end: offset(start + text.trim().len()) }
    }

    /// The JSON or YAML of a container engine, if it is such a file.
    #[must_use]
    pub fn profile(&self) -> Option<&Profile> {
        match &self.form {
            Some(Form::Profile(_, profile)) => Some(profile),
            _ => None,
        }
    }
}
