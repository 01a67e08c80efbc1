//! What is linted: a file in some form, what reading it said, and what it means.

use callgate_compiler::abi::Abi;
use callgate_compiler::bpf::{assemble, assembled_lines, disassemble};
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::policy::Policy;
use callgate_compiler::tables;
use callgate_grammar::tree::Version;
use callgate_grammar::{Diagnostic, SourceId, Sources, Span, parse};
use callgate_profiles::engine::{Engine, Host, Libseccomp, read_leniently};
use callgate_profiles::import::bpf::{RawFilter, from_program, order};
use callgate_profiles::import::profile::Profile;
use callgate_profiles::import::{self, Imported};
use serde::de::IgnoredAny;

use crate::meaning::Meaning;
use crate::seen::Seen;
use crate::workload::Workload;

/// Gives the text that another one includes, and takes it into the sources: the path as written, and where.
pub type Includes<'a> = dyn FnMut(&mut Sources, &str, Span) -> Result<(SourceId, String), Diagnostic> + 'a;

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
    /// What starts containers and names profiles.
    Workload(Workload),
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
    /// What the program was seen to call, if someone recorded it.
    pub seen: Option<Seen>,
}

impl Default for Reading {
    /// The document's own meaning, on x86-64 and Linux 6.12, with Docker's capabilities.
    fn default() -> Self {
        let kernel = Version { major: 6, minor: 12 };
        let capabilities = Target::new(Vec::new(), kernel).capabilities;
        let host = Host { machine: Abi::X86_64, capabilities, kernel, libseccomp: Libseccomp::Newest };
        Self { from: None, engine: Engine::Document, host, abis: None, source: None, seen: None }
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
    import::Format::of(text).or_else(|| is_object(text).then_some(import::Format::Docker))
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
        Self::of_text_with(name, text, None, groups, reading, &mut |_, path, at| {
            Err(Diagnostic::error("unreadable-use", format!("`{path}` can't be read here")).at(at, ""))
        })
    }

    /// Reads a text of any format; `selector` is which filter of a file with several. What files of other formats include is
    /// asked of `includes`; what policies use has to be loaded before, see [`Document::of_units`].
    #[must_use]
    pub fn of_text_with(
        name: &str,
        text: &str,
        selector: Option<&str>,
        groups: &Groups,
        reading: Reading,
        includes: &mut Includes<'_>,
    ) -> Self {
        if reading.from.is_none()
            && let Some(document) = Self::of_workload(name, text, &reading)
        {
            return document;
        }
        let mut sources = Sources::default();
        let source = sources.add(name, text);
        if reading.from.is_none() && is_other_json(text) {
            let error = Diagnostic::error("no-profile", "this JSON has none of a profile's keys");
            let start = Span { source, start: 0, end: 0 };
            let said = vec![error.at(start, "").help("a profile has a `defaultAction`")];
            return Self { sources, source, form: None, reading, said, meaning: None };
        }
        let Some(format) = reading.from.or_else(|| format_of(text)) else {
            let (file, said) = parse(source, text);
            let units = vec![Unit { source, file, layer: 1, scope: 1 }];
            return Self::of_units(sources, source, units, said, groups, reading);
        };
        let document = import::Document { text, source, selector };
        let mut included = |path: &str, at: Span| includes(&mut sources, path, at);
        let imported = read_leniently(reading.engine, &reading.host, format, &document, &mut included);
        // What it includes has been read; the file's own parts are asked for here.
        let mut none = |path: &str, at: Span| {
            Err(Diagnostic::error("unreadable-use", format!("`{path}` can't be read here")).at(at, ""))
        };
        let form = form(format, &document, &mut none);
        let reading = Reading { from: Some(format), ..reading };
        Self::of_import(sources, source, form, imported, groups, reading)
    }

    /// A file that starts containers; `None` for what is none. It means nothing by itself: whoever can read files says of its
    /// [references](Workload::references_mut) whether there are such files, which are documents of their own.
    #[must_use]
    pub fn of_workload(name: &str, text: &str, reading: &Reading) -> Option<Self> {
        let mut sources = Sources::default();
        let source = sources.add(name, text);
        let (form, said) = match Workload::read(text, source)? {
            Ok(workload) => (Some(Form::Workload(workload)), Vec::new()),
            Err(error) => (None, vec![*error]),
        };
        Some(Self { sources, source, form, reading: reading.clone(), said, meaning: None })
    }

    /// A policy that has been loaded with everything it uses, and what loading it said.
    #[must_use]
    pub fn of_units(
        sources: Sources,
        source: SourceId,
        units: Vec<Unit>,
        mut said: Vec<Diagnostic>,
        groups: &Groups,
        reading: Reading,
    ) -> Self {
        let meaning = mean(&units, groups, &reading, &mut said);
        Self { sources, source, form: Some(Form::Policy(units)), reading, said, meaning }
    }

    /// A compiled filter. One that never looks at the token of an ABI is for those of the reading, else for its machine.
    #[must_use]
    pub fn of_filter(name: &str, filter: RawFilter, groups: &Groups, reading: Reading) -> Self {
        let mut sources = Sources::default();
        let source = sources.add(name, disassemble(&filter.program, filter.endian, &tables::name));
        let abis = reading.abis.clone().unwrap_or_else(|| vec![reading.host.machine]);
        let abis: Vec<_> = abis.into_iter().filter(|abi| abi.endian() == filter.endian).collect();
        let imported = from_program(&filter.program, filter.endian, &abis, source);
        Self::of_import(sources, source, Form::Filter(filter), imported, groups, reading)
    }

    fn of_import(
        mut sources: Sources,
        source: SourceId,
        form: Form,
        mut imported: Imported,
        groups: &Groups,
        reading: Reading,
    ) -> Self {
        let mut said = std::mem::take(&mut imported.diagnostics);
        let name = format!("{} as a policy", sources.get(source).name);
        let file = imported.into_file(|text| sources.add(name, text));
        let units = file.map(|file| vec![Unit { source, file, layer: 1, scope: 1 }]);
        let meaning = units.and_then(|units| mean(&units, groups, &reading, &mut said));
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

/// What the units mean on the target, unless there are errors; what lowering says is added.
fn mean(units: &[Unit], groups: &Groups, reading: &Reading, said: &mut Vec<Diagnostic>) -> Option<Meaning> {
    if said.iter().any(Diagnostic::is_error) {
        return None;
    }
    let mut target = Target::new(vec![reading.host.machine], reading.host.kernel);
    target.capabilities.clone_from(&reading.host.capabilities);
    target.kernel = Some(reading.host.kernel);
    target.abis.clone_from(&reading.abis);
    let lowered = lower(units, groups, &target);
    said.extend(lowered.diagnostics);
    let capabilities = reading.host.capabilities.clone();
    lowered.policy.map(|policy| Meaning { policy, capabilities, kernel: reading.host.kernel })
}
