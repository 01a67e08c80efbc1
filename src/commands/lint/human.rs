//! Findings as people read them.

use callgate_grammar::{Diagnostic, Severity};
use callgate_lint::{Checked, Finding, Safety};
use rayon::prelude::*;

use crate::report;

/// Every finding that counts, the place first, as a compiler shows it.
pub(super) fn findings(files: &[Checked], to_standard_output: bool) -> String {
    let colours = to_standard_output && report::colours(&std::io::stdout());
    let texts: Vec<String> = files.par_iter().map(|file| of_file(file, colours)).collect();
    texts.concat()
}

fn of_file(file: &Checked, colours: bool) -> String {
    let findings = file.findings.iter().filter(|one| one.counts()).map(|one| diagnostic(&one.finding));
    let mut text = String::new();
    for said in file.not_understood.iter().cloned().chain(findings) {
        text.push_str(&report::rendered(&said, &file.sources, colours));
        text.push_str("\n\n");
    }
    text
}

fn diagnostic(finding: &Finding) -> Diagnostic {
    let mut said = Diagnostic::new(finding.severity, finding.rule.id, finding.message.as_str());
    said.labels.clone_from(&finding.labels);
    said.notes.extend(finding.witness.as_ref().map(|witness| format!("for example: {witness}")));
    said.notes.extend(finding.notes.iter().cloned());
    let fix = finding.fixes.first().map(|fix| match fix.safety {
        Safety::Safe => format!("--fix: {}", fix.title),
        Safety::Unsafe => format!("--unsafe-fixes: {}", fix.title),
    });
    said.help = match (finding.help.clone(), fix) {
        (Some(help), Some(fix)) => Some(format!("{help} ({fix})")),
        (help, fix) => help.or(fix),
    };
    said
}

/// What the summary counts besides findings.
pub(super) struct Counts {
    pub(super) files: usize,
    pub(super) passed_over: usize,
    pub(super) parts: usize,
    /// Findings of the baseline that are gone.
    pub(super) gone: Option<usize>,
}

/// One line: `3 files: 2 errors, 1 warning; 1 suppressed, 4 passed over`.
pub(super) fn summary(files: &[Checked], counts: &Counts) -> String {
    let all = || files.iter().flat_map(|file| &file.findings);
    let of = |severity| all().filter(|one| one.counts() && one.finding.severity == severity).count();
    let errors = of(Severity::Error) + files.iter().map(|file| file.not_understood.len()).sum::<usize>();
    let (warnings, notes) = (of(Severity::Warning), of(Severity::Note));
    let found: Vec<_> = [(errors, "error"), (warnings, "warning"), (notes, "note")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| counted(count, name))
        .collect();
    let fixable =
        all().filter(|one| one.counts() && one.finding.fixes.first().is_some_and(|fix| fix.safety == Safety::Safe));
    let suppressed = all().filter(|one| one.suppressed.is_some()).count();
    let known = all().filter(|one| one.suppressed.is_none() && !one.counts()).count();
    let besides: Vec<_> = [
        (fixable.count(), "fixed by --fix"),
        (suppressed, "suppressed"),
        (known, "in the baseline"),
        (counts.gone.unwrap_or_default(), "of the baseline gone"),
        (counts.parts, "files only parts of others"),
        (counts.passed_over, "files passed over"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    let found = if found.is_empty() { "nothing found".to_owned() } else { found.join(", ") };
    let besides = if besides.is_empty() { String::new() } else { format!("; {}", besides.join(", ")) };
    format!("{}: {found}{besides}", counted(counts.files, "file"))
}

fn counted(count: usize, name: &str) -> String {
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}
