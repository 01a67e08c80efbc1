//! What reading the document said, as findings of the rule that is about it.

use callgate_grammar::Diagnostic;

use crate::document::Document;
use crate::finding::{Finding, Findings};

/// A finding for everything that was said with one of these codes; labels, facts and help are kept.
pub(super) fn said(document: &Document, findings: &mut Findings, codes: &[&str]) {
    for diagnostic in document.said.iter().filter(|one| codes.contains(&one.code)) {
        findings.push(of(document, findings, diagnostic));
    }
}

fn of(document: &Document, findings: &Findings, diagnostic: &Diagnostic) -> Finding {
    let mut labels = diagnostic.labels.iter();
    let mut finding = match labels.next() {
        Some(main) => findings.new_at(main.span, diagnostic.message.clone()).here(main.text.clone()),
        None => findings.new_at(document.start(), diagnostic.message.clone()),
    };
    finding = labels.fold(finding, |finding, label| finding.and_at(label.span, label.text.clone()));
    finding = diagnostic.notes.iter().fold(finding, Finding::because);
    match &diagnostic.help {
        Some(help) => finding.help(help.clone()),
        None => finding,
    }
}
