//! Other people's formats into the policy language.
//!
//! An importer says in the language what a file means, as a syntax tree whose every part stands in the file itself, and the
//! one path from there gives the policy: what a file means can be read ([`Imported::gate`]), what is found or decided points
//! into the file, and there is no second way to mean it. The conditions a file puts on capabilities, kernels and ABIs stay conditions
//! (`when`). Untyped 64-bit compares become `raw(argN)`, so the text means what the file means, high halves included.
//!
//! The meaning is the document's own, without what one runtime or another adds to it. What engines are known to do
//! differently is a finding.

pub(crate) mod abi_set;
pub mod bpf;
mod calls;
pub(crate) mod constants;
pub(crate) mod docker;
mod firejail;
pub(crate) mod guard;
mod json;
mod kafel;
mod lxc;
mod minijail;
mod minijail_filter;
mod pfc;
mod piece;
pub mod profile;
pub(crate) mod rules;
mod seccompiler;
mod spo;
mod systemd;
pub(crate) mod tree;
pub mod yaml;

use std::fmt;
use std::str::FromStr;

use callgate_compiler::bpf::looks_assembled;
use callgate_grammar::tree::File;
use callgate_grammar::{Diagnostic, SourceId, Span, parse, print};
use thiserror::Error;

pub(crate) use systemd::architecture as systemd_architecture;

use rules::Statements;

/// A format that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Docker's JSON, and Podman's: `archMap`, `includes`, `excludes`, `errno` names.
    Docker,
    /// The `linux.seccomp` object of an OCI runtime's config.json (runtime-spec, config-linux.md), or a whole config.json.
    Oci,
    /// Podman's form of Docker's: the names of errnos count before their numbers.
    Podman,
    /// The `SeccompProfile` of the Kubernetes security profiles operator, in YAML or JSON.
    Spo,
    /// seccompiler's JSON: one filter for each kind of thread.
    Seccompiler,
    /// minijail's text.
    Minijail,
    /// kafel's text, as nsjail takes it.
    Kafel,
    /// LXC's policies, version 1 and 2.
    Lxc,
    /// The pseudo filter code that libseccomp prints.
    Pfc,
    /// systemd's units and drop-ins: `SystemCallFilter=` and what belongs to it.
    Systemd,
    /// The seccomp lines of firejail's profiles.
    Firejail,
    /// A filter as `bpf_asm` text.
    Asm,
}

/// No format that can be read has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no format callgate reads is called `{name}`\n  next: it reads gate, {known}", name = .0, known = Format::names())]
pub struct UnknownFormat(pub String);

impl Format {
    /// Every format that can be read.
    pub const ALL: &'static [Self] = &[
        Self::Docker,
        Self::Oci,
        Self::Podman,
        Self::Spo,
        Self::Seccompiler,
        Self::Minijail,
        Self::Kafel,
        Self::Lxc,
        Self::Pfc,
        Self::Systemd,
        Self::Firejail,
        Self::Asm,
    ];

    /// The name the command line uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Oci => "oci",
            Self::Podman => "podman",
            Self::Spo => "spo",
            Self::Seccompiler => "seccompiler",
            Self::Minijail => "minijail",
            Self::Kafel => "kafel",
            Self::Lxc => "lxc",
            Self::Pfc => "pfc",
            Self::Systemd => "systemd",
            Self::Firejail => "firejail",
            Self::Asm => "asm",
        }
    }

    fn names() -> String {
        Self::ALL.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ")
    }

    /// What a text looks like by its first words. `None`: a policy, or nothing that is known.
    ///
    /// Every text that starts with `{` is JSON; whether it is one of these is found out by its keys.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        if text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').starts_with('{') {
            return json::format(text);
        }
        if looks_assembled(text) {
            return Some(Self::Asm);
        }
        if spo::looks_like(text) {
            return Some(Self::Spo);
        }
        if kafel::looks_like(text) {
            return Some(Self::Kafel);
        }
        if pfc::looks_like(text) {
            return Some(Self::Pfc);
        }
        if lxc::looks_like(text) {
            return Some(Self::Lxc);
        }
        if systemd::looks_like(text) {
            return Some(Self::Systemd);
        }
        if firejail::looks_like(text) {
            return Some(Self::Firejail);
        }
        minijail::looks_like(text).then_some(Self::Minijail)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.iter().copied().find(|format| format.name() == name).ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// A text to read and where its parts are.
pub struct Document<'a> {
    /// The text.
    pub text: &'a str,
    /// What findings point into.
    pub source: SourceId,
    /// Which filter of a file that holds several.
    pub selector: Option<&'a str>,
}

/// Gives the text that another one includes. It is told the path as written and where, and answers with the text and
/// what findings point into, or with an error.
pub type Includes<'a> = dyn FnMut(&str, Span) -> Result<(SourceId, String), Diagnostic> + 'a;

/// What came of reading a file.
#[derive(Clone, Debug)]
pub struct Imported {
    /// A policy that means the same, as the parser would give it, but that its parts stand where the file (or one that it
    /// includes) says them: what a rule decides is decided by the file's own words. Absent when a finding is an error, and of
    /// filters.
    pub file: Option<File>,
    /// The same as text, of filters: they have no words, so what is found and decided points into this.
    pub text: Option<String>,
    /// In the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

impl Imported {
    /// The policy as text of the language, in canonical form. Absent when a finding is an error.
    #[must_use]
    pub fn gate(&self) -> Option<String> {
        self.text.clone().or_else(|| self.file.as_ref().and_then(print))
    }

    /// The policy's tree, of filters too; `add` takes in the text that their places are in. Absent when a finding is an error.
    pub fn into_file(self, add: impl FnOnce(&str) -> SourceId) -> Option<File> {
        self.file.or_else(|| self.text.map(|text| parse(add(&text), &text).0))
    }

    fn failed(diagnostic: Diagnostic) -> Self {
        Self { file: None, text: None, diagnostics: vec![diagnostic] }
    }
}

/// Reads a file of another format.
///
/// Never fails: what is wrong with the file, or can't be said in the language, is a finding that is an error. A key that
/// the format doesn't have is one.
#[must_use]
pub fn import(from: Format, document: &Document<'_>, includes: &mut Includes<'_>) -> Imported {
    let mut diagnostics = Vec::new();
    let is_json = matches!(from, Format::Docker | Format::Oci | Format::Podman | Format::Spo | Format::Seccompiler);
    let statements = match from {
        Format::Docker | Format::Oci | Format::Podman | Format::Spo => {
            read_profile(from, document, includes, &mut diagnostics)
                .and_then(|profile| docker::statements(&profile, from == Format::Podman, &mut diagnostics))
        }
        Format::Seccompiler => seccompiler::import(document, &mut diagnostics),
        Format::Kafel => kafel::import(document, includes, &mut diagnostics),
        Format::Lxc => lxc::import(document, &mut diagnostics),
        Format::Pfc => pfc::import(document, &mut diagnostics),
        Format::Firejail => firejail::import(document, includes, &mut diagnostics),
        Format::Systemd => systemd::import(document, &mut diagnostics),
        Format::Minijail => Some(minijail::import(document, includes, &mut diagnostics)),
        Format::Asm => return bpf::from_text(document),
    };
    if !is_json && diagnostics.len() > calls::MAX_ERRORS {
        let end = piece::span(document.source, document.text.len(), document.text.len());
        diagnostics.push(
            Diagnostic::error("too-many-findings", format!("more than {} findings", calls::MAX_ERRORS))
                .at(end, "the rest of the text was not read")
                .help("correct the first of them, then try again"),
        );
    }
    finish(document.source, statements, diagnostics)
}

/// The names of the filters in a file that holds several, as a selector takes them; empty where there is nothing to select.
#[must_use]
pub fn filters_in(from: Format, document: &Document<'_>) -> Vec<String> {
    let names = match from {
        Format::Seccompiler => seccompiler::names(document),
        Format::Spo => spo::names(document),
        _ => Vec::new(),
    };
    if names.len() > 1 { names } else { Vec::new() }
}

/// A file of a format that is a profile of engines, before anyone says what it means.
#[must_use]
pub fn read_profile(
    from: Format,
    document: &Document<'_>,
    includes: &mut Includes<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<profile::Profile> {
    match from {
        Format::Spo => spo::read(document, includes, diagnostics),
        _ => profile::read(document, diagnostics),
    }
}

/// The statements as a policy, with what there is to say about the file.
pub(crate) fn finish(source: SourceId, statements: Option<Statements>, mut diagnostics: Vec<Diagnostic>) -> Imported {
    diagnostics.sort_by_key(|finding| finding.labels.first().map(|label| label.span));
    let failed = diagnostics.iter().any(Diagnostic::is_error);
    let file = match statements.filter(|_| !failed).map(|statements| statements.file()) {
        Some(Ok(file)) => Some(file),
        // Past the language's own limits: a condition of a thousand comparisons, say.
        Some(Err(why)) => {
            let start = Span { source, start: 0, end: 0 };
            let error = Diagnostic::error("untranslatable", format!("the file can't be said as a policy: {why}"));
            diagnostics.push(error.at(start, "").help("split its rules"));
            None
        }
        None => None,
    };
    Imported { file, text: None, diagnostics }
}
