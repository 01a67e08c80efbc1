//! Which statement of a file a place belongs to: what passes by one statement is one story, and one finding.

use callgate_grammar::Span;
use callgate_grammar::tree::{Statement, StatementKind};

use crate::document::{Document, Form};

/// The statement, or the entry of a JSON profile, that a place is part of; the place itself where that isn't known.
pub(super) fn statement(document: &Document, place: Span) -> Span {
    let found = match &document.form {
        Some(Form::Policy(units)) => {
            let unit = units.iter().find(|unit| unit.source == place.source);
            unit.and_then(|unit| innermost(&unit.file.statements, place))
        }
        Some(Form::Profile(_, profile)) => profile
            .entries
            .iter()
            .find(|entry| entry.names.iter().any(|name| contains(name.span, place)))
            .map(|entry| entry.action.name.span),
        _ => None,
    };
    found.unwrap_or(place)
}

fn innermost(statements: &[Statement], place: Span) -> Option<Span> {
    let around = statements.iter().find(|statement| contains(statement.span, place))?;
    match &around.node {
        StatementKind::When { body, .. } => innermost(body, place),
        _ => None,
    }
    .or(Some(around.span))
}

fn contains(outer: Span, inner: Span) -> bool {
    outer.source == inner.source && outer.start <= inner.start && inner.end <= outer.end
}
