//! A file's findings as they are reported: with their names, and with who has already looked at them.

use callgate_grammar::{Diagnostic, SourceId, Sources, Span};
use callgate_profiles::import::Format;

use crate::config::Sidecar;
use crate::document::Document;
use crate::finding::{Finding, Findings};
use crate::fingerprint::fingerprints;
use crate::rule::Rule;
use crate::suppress::suppressions;

/// Who suppressed a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressed {
    /// Whether it says so in the file itself.
    pub in_source: bool,
    /// Why.
    pub reason: Option<String>,
}

/// What became of a finding since an earlier report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// It wasn't there.
    New,
    /// It was.
    Unchanged,
}

/// A finding and what is known of it.
#[derive(Clone, Debug)]
pub struct Reported {
    /// What was found.
    pub finding: Finding,
    /// Its name among those of the file: 16 hexadecimal digits that stay when lines move.
    pub fingerprint: String,
    /// Whether someone decided to live with it.
    pub suppressed: Option<Suppressed>,
    /// How it stands to an earlier report, if there is one.
    pub since: Option<Since>,
}

impl Reported {
    /// Whether someone is to look at it.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.suppressed.is_none() && self.since != Some(Since::Unchanged)
    }
}

/// A file that has been linted.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Its name.
    pub name: String,
    /// The texts that findings point into.
    pub sources: Sources,
    /// Its own.
    pub source: SourceId,
    /// The texts that are no files: a filter's listing, a translation, a policy that callgate ships.
    pub no_files: Vec<SourceId>,
    /// What was found, by place.
    pub findings: Vec<Reported>,
    /// Why it couldn't be understood, of a file without a meaning, where no finding says it.
    pub not_understood: Vec<Diagnostic>,
    /// Whether it is a policy whose only fault is to have no default, so that it can be part of others.
    pub lacks_default: bool,
}

/// Asks the rules about a document, and holds what they find to the suppressions in it and to those of the configuration, which
/// are marked when they are of use.
#[must_use]
pub fn check(document: &Document, rules: &[&'static Rule], sidecars: &[(usize, &Sidecar)]) -> (Checked, Vec<usize>) {
    let findings = crate::lint(document, rules);
    let named = fingerprints(&findings, &document.sources);
    let inside = suppressions(document);
    let mut used = Vec::new();
    let mut reported = Vec::new();
    for (finding, fingerprint) in findings.into_iter().zip(named) {
        let own = inside.iter().find(|one| one.covers(&finding, document.source));
        let words = finding.labels.first().map_or("", |label| document.sources.snippet(label.span));
        // What a short place says counts; a whole file names every call.
        let words = if words.len() > 200 { "" } else { words };
        let beside = sidecars.iter().find(|(_, one)| one.covers(&finding, words));
        used.extend(beside.map(|(index, _)| *index));
        let suppressed = match (own, beside) {
            (Some(own), _) => Some(Suppressed { in_source: true, reason: own.reason.clone() }),
            (None, Some((_, beside))) => Some(Suppressed { in_source: false, reason: beside.reason.clone() }),
            (None, None) => None,
        };
        reported.push(Reported { finding, fingerprint, suppressed, since: None });
    }
    let checked = Checked {
        name: document.sources.get(document.source).name.clone(),
        not_understood: not_understood(document, &reported),
        sources: document.sources.clone(),
        source: document.source,
        no_files: no_files(document),
        findings: reported,
        lacks_default: lacks_default(document),
    };
    (checked, used)
}

/// The errors of a document without a meaning that no finding is about.
fn not_understood(document: &Document, findings: &[Reported]) -> Vec<Diagnostic> {
    if document.meaning.is_some() {
        return Vec::new();
    }
    let is_said = |error: &Diagnostic| {
        findings.iter().any(|one| {
            let same_place = match (error.labels.first(), one.finding.labels.first()) {
                (Some(error), Some(found)) => {
                    (error.span.source, error.span.start) == (found.span.source, found.span.start)
                }
                _ => false,
            };
            same_place || one.finding.message == error.message
        })
    };
    document.said.iter().filter(|said| said.is_error() && !is_said(said)).cloned().collect()
}

fn lacks_default(document: &Document) -> bool {
    let mut errors = document.said.iter().filter(|said| said.is_error()).peekable();
    errors.peek().is_some() && errors.all(|error| error.code == "no-default")
}

/// Sources that aren't files, by their names and by what the document is.
fn no_files(document: &Document) -> Vec<SourceId> {
    // A listing can be a file; what is written of a filter in bytes isn't.
    let is_filter = document.filter().is_some() && document.reading.from != Some(Format::Asm);
    let all = (0..).map(SourceId).take(document.sources.len());
    all.filter(|&id| {
        let name = document.sources.get(id).name.as_str();
        (id == document.source && is_filter) || name.starts_with('@') || name.ends_with(" as a policy")
    })
    .collect()
}

/// A finding about an entry of the configuration: it has no reason (`STY003`) or was of no use (`STY004`).
#[must_use]
pub fn about_sidecar(rule: &'static Rule, span: Span, sidecar: &Sidecar) -> Finding {
    let findings = Findings::of(rule);
    let about = format!("{} in {}", sidecar.rule, sidecar.file);
    if rule.id == "STY003" {
        findings.new_at(span, format!("{about} is suppressed without a reason")).help("add `reason = \"…\"`")
    } else {
        findings.new_at(span, format!("{about} finds nothing to suppress")).help("take the entry away")
    }
}
