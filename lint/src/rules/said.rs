//! What reading a file said, as findings: a rule names the codes that are its own.

use callgate_grammar::Diagnostic;

use crate::document::Document;
use crate::finding::{Finding, Findings};

/// The codes of errors that a rule has for its own. Every other error is `unparseable-profile`'s.
pub(super) const OWNED: &[&str] = &[
    "duplicate-key",
    "empty-names",
    "errno-out-of-range",
    "errno-without-use",
    "key-case",
    "metadata-without-listener",
    "missing-key",
    "name-and-names",
    "not-in-range",
    "refused-notification",
    "two-errnos",
    "two-lists",
    "unknown-abi",
    "unknown-action",
    "unknown-capability",
    "unknown-errno",
    "unknown-flag",
    "unknown-key",
    "unknown-operator",
    "unknown-syscall",
    "value-outside-mask",
];

/// A finding for everything that was said under one of these codes.
pub(super) fn said(document: &Document, findings: &mut Findings, codes: &[&str]) {
    for diagnostic in document.said.iter().filter(|diagnostic| codes.contains(&diagnostic.code)) {
        let finding = finding(document, findings, diagnostic);
        findings.push(finding);
    }
}

/// What was said as a finding of a rule, with its places, its reasons and its help.
pub(super) fn finding(document: &Document, findings: &Findings, diagnostic: &Diagnostic) -> Finding {
    let mut labels = diagnostic.labels.iter();
    let mut finding = match labels.next() {
        Some(main) => findings.new_at(main.span, &diagnostic.message).here(&main.text),
        None => findings.new_at(document.start(), &diagnostic.message),
    };
    for label in labels {
        finding = finding.and_at(label.span, &label.text);
    }
    for note in &diagnostic.notes {
        finding = finding.because(note);
    }
    match &diagnostic.help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// The word that a help offers instead: `did you mean` it, `write` it.
pub(super) fn offered(diagnostic: &Diagnostic) -> Option<&str> {
    let help = diagnostic.help.as_deref()?;
    let (words, after) = help.split_once('`')?;
    ["did you mean ", "write "].contains(&words).then(|| after.split_once('`').map(|(word, _)| word)).flatten()
}
