//! Diagnostics as people read them: the source line, the place, the next step.

use std::io::IsTerminal;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use callgate_grammar::{Diagnostic, Severity, Sources};

/// Prints diagnostics to standard error, with colours on a terminal.
pub(crate) fn print(diagnostics: &[Diagnostic], sources: &Sources) {
    let colours = colours(&std::io::stderr());
    for diagnostic in diagnostics {
        eprintln!("{}\n", rendered(diagnostic, sources, colours));
    }
}

/// Whether a stream shows colours: it is a terminal, and nobody said no.
pub(crate) fn colours(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A diagnostic as text, without a newline at the end.
pub(crate) fn rendered(diagnostic: &Diagnostic, sources: &Sources, colours: bool) -> String {
    let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group(diagnostic, sources)])
}

fn group<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = Group::with_title(level.primary_title(&diagnostic.message).id(diagnostic.code));
    // Labels of one source share a snippet; the main place's source comes first.
    let mut shown = Vec::new();
    for label in &diagnostic.labels {
        if shown.contains(&label.span.source) {
            continue;
        }
        shown.push(label.span.source);
        let source = sources.get(label.span.source);
        let mut snippet = Snippet::source(source.text.as_str()).path(source.name.as_str());
        for (index, label) in diagnostic.labels.iter().enumerate() {
            if shown.last() == Some(&label.span.source) {
                let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
                let mut annotation = kind.span(label.span.start as usize..label.span.end as usize);
                if !label.text.is_empty() {
                    annotation = annotation.label(label.text.as_str());
                }
                snippet = snippet.annotation(annotation);
            }
        }
        group = group.element(snippet);
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    group
}
