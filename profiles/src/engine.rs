//! What engines make of a profile: runc and crun, and Docker and Podman in front of them.
//!
//! A JSON profile means one thing by itself and something else, now and then, to the program that reads it. Here each engine's
//! reading is written down, one function for one habit, so that a policy can be read as it will be enforced. Two stages, as
//! outside: a client (`client`) makes an OCI profile for one machine of a file with conditions, and a runtime
//! (`runtime`) makes libseccomp's rules of that (`database`), before which runc sets a stub (`stub`).
//!
//! What is here was measured on runc 1.1.5 and crun 1.8.1 with libseccomp 2.5.4, and Docker's and Podman's clients; the tests
//! compare it with the filters that runc and crun load.

mod client;
mod database;
mod libseccomp;
mod runtime;
mod stub;

pub use libseccomp::{Libseccomp, UnknownLibseccomp};

pub(crate) use client::reads_arch_map;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use callgate_compiler::abi::Abi;
use callgate_grammar::tree::Version;
use callgate_grammar::{Diagnostic, Severity, Span, Spanned};
use thiserror::Error;

use crate::import::rules::{Order, Statements};
use crate::import::{Document, Format, Imported, Includes, docker, finish, import, profile, read_profile, tree};

/// Whose reading of a profile counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Engine {
    /// Nobody's: what the document says by itself.
    #[default]
    Document,
    /// runc's, of the OCI profile that Docker makes of the file.
    Runc,
    /// crun's, of the same.
    Crun,
    /// Docker's, with runc below it.
    Docker,
    /// Podman's, with crun below it.
    Podman,
}

/// No engine has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no engine is called `{name}`\n  next: the engines are {}", Engine::ALL.iter().map(|engine| engine.name()).collect::<Vec<_>>().join(", "))]
pub struct UnknownEngine {
    /// What was asked for.
    pub name: String,
}

impl Engine {
    /// Every engine.
    pub const ALL: &'static [Self] = &[Self::Document, Self::Runc, Self::Crun, Self::Docker, Self::Podman];

    /// The name the command line uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Runc => "runc",
            Self::Crun => "crun",
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    /// Whether the engine reads files of a format; those of others mean the same to everyone.
    #[must_use]
    pub fn reads(self, format: Format) -> bool {
        self != Self::Document && matches!(format, Format::Docker | Format::Oci | Format::Podman | Format::Spo)
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Engine {
    type Err = UnknownEngine;

    fn from_str(name: &str) -> Result<Self, UnknownEngine> {
        let found = Self::ALL.iter().copied().find(|engine| engine.name() == name);
        found.ok_or_else(|| UnknownEngine { name: name.to_owned() })
    }
}

/// Where an engine runs.
#[derive(Clone, Debug)]
pub struct Host {
    /// The machine's own ABI.
    pub machine: Abi,
    /// The capabilities in the container's bounding set, without `CAP_`.
    pub capabilities: BTreeSet<&'static str>,
    /// The kernel.
    pub kernel: Version,
    /// The library below the runtime.
    pub libseccomp: Libseccomp,
}

/// Reads a file as an engine does on a host. Files of formats that the engine doesn't read mean what they say.
///
/// What the engine would refuse to start a container with is a finding that is an error.
#[must_use]
pub fn read_as(
    engine: Engine,
    host: &Host,
    from: Format,
    document: &Document<'_>,
    includes: &mut Includes<'_>,
) -> Imported {
    if !engine.reads(from) {
        return import(from, document, includes);
    }
    read(engine, host, from, document, includes, |_| {})
}

/// As [`read_as`], for those who want to know what a file means that isn't as it should be: of what engines pass over, or read
/// one way or another without a word, the findings are warnings, and the file means what they make of it.
#[must_use]
pub fn read_leniently(
    engine: Engine,
    host: &Host,
    from: Format,
    document: &Document<'_>,
    includes: &mut Includes<'_>,
) -> Imported {
    if !matches!(from, Format::Docker | Format::Oci | Format::Podman | Format::Spo) {
        return import(from, document, includes);
    }
    read(engine, host, from, document, includes, |diagnostics| {
        let passed_over = diagnostics.iter_mut().filter(|finding| is_passed_over(engine, finding.code));
        passed_over.for_each(|finding| finding.severity = Severity::Warning);
    })
}

/// Whether an engine reads a file in which something has been found, and takes it as callgate does.
fn is_passed_over(engine: Engine, code: &str) -> bool {
    match code {
        // crun alone compares keys by the letter, and the reader has taken the key for the known one.
        "key-case" => engine != Engine::Crun,
        "unknown-key" | "empty-names" | "value-outside-mask" | "two-errnos" | "unknown-version" => true,
        _ => false,
    }
}

fn read(
    engine: Engine,
    host: &Host,
    from: Format,
    document: &Document<'_>,
    includes: &mut Includes<'_>,
    before_the_end: impl Fn(&mut Vec<Diagnostic>),
) -> Imported {
    let mut diagnostics = Vec::new();
    let statements = read_profile(from, document, includes, &mut diagnostics).and_then(|profile| match engine {
        Engine::Document => docker::statements(&profile, from == Format::Podman, &mut diagnostics),
        _ => statements(engine, host, &profile, &mut diagnostics),
    });
    before_the_end(&mut diagnostics);
    finish(document.source, statements, diagnostics)
}

fn statements(
    engine: Engine,
    host: &Host,
    profile: &profile::Profile,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Statements> {
    let crun = matches!(engine, Engine::Crun | Engine::Podman);
    if profile.is_empty() && engine != Engine::Crun {
        diagnostics.push(
            Diagnostic::warning("no-filter", format!("{engine} takes a profile without default and rules for none"))
                .at(profile.span, "the container runs without a filter")
                .help("leave the profile away, or say what happens to calls with `defaultAction`"),
        );
        return Some(no_filter(profile.span));
    }
    let client = match engine {
        Engine::Podman => client::Client::Podman,
        Engine::Docker => client::Client::Docker,
        _ => client::Client::Bundle,
    };
    let spec = client::resolve(client, host, profile, diagnostics)?;
    let runtime = if crun { runtime::Runtime::Crun } else { runtime::Runtime::Runc };
    runtime::statements(runtime, host, &spec, diagnostics)
}

/// An empty profile is no filter: every call goes through, on every ABI (moby and containers/common, `setupSeccomp`; runc,
/// `SetupSeccomp`). crun refuses it.
fn no_filter(span: Span) -> Statements {
    let header = vec![tree::other_abis("allow", span)];
    let default = Spanned::new("allow".to_owned(), span);
    Statements { listed: None, header, default, rules: Vec::new(), order: Order::FirstMatch }
}
