//! Suppressions in policies: comments that the grammar passes over and `fmt` keeps.

use callgate_grammar::Span;
use callgate_grammar::tree::{File, Statement, StatementKind};

use super::Suppression;

/// The comments that are suppressions.
pub(super) fn suppressions(file: &File, text: &str) -> Vec<Suppression> {
    let mut statements = Vec::new();
    all(&file.statements, &mut statements);
    let mut found = Vec::new();
    for &span in &file.comments {
        let comment = text.get(span.start as usize..span.end as usize).unwrap_or_default();
        let (inside, whole_file) = match (comment.strip_prefix("#![allow("), comment.strip_prefix("#[allow(")) {
            (Some(inside), _) => (inside, true),
            (None, Some(inside)) => (inside, false),
            (None, None) => continue,
        };
        let Some((inside, _)) = inside.rsplit_once(")]") else { continue };
        let (names, reason) = match inside.split_once('"') {
            Some((names, quoted)) => (names, quoted.rsplit_once('"').map(|(reason, _)| reason.trim())),
            None => (inside, None),
        };
        let rules = names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let reason = reason.filter(|reason| !reason.is_empty()).map(str::to_owned);
        let covers = if whole_file { None } else { Some(covered(span, text, &statements)) };
        found.push(Suppression { rules, reason, span, covers });
    }
    found
}

/// Every statement, those inside of `when` after it.
fn all<'a>(statements: &'a [Statement], found: &mut Vec<&'a Statement>) {
    for statement in statements {
        found.push(statement);
        if let StatementKind::When { body, .. } = &statement.node {
            all(body, found);
        }
    }
}

/// The line a comment stands behind, with the statement that the line is part of; or the statement after it; or nothing but
/// itself.
fn covered(comment: Span, text: &str, statements: &[&Statement]) -> Span {
    let line = text[..comment.start as usize].rfind('\n').map_or(0, |at| at + 1);
    let behind = !text[line..comment.start as usize].trim().is_empty();
    if behind {
        // A line in the middle of a long list is about itself.
        let line = Span { start: u32::try_from(line).unwrap_or(comment.start), ..comment };
        let within = statements.iter().rfind(|one| one.span.start < comment.start && comment.start < one.span.end);
        let ends_here = statements.iter().filter(|one| line.start < one.span.end && one.span.end <= comment.start);
        return match (within, ends_here.max_by_key(|one| one.span.end - one.span.start)) {
            (None, Some(statement)) => statement.span.to(comment),
            _ => line,
        };
    }
    let after = statements.iter().filter(|one| one.span.start > comment.start).min_by_key(|one| one.span.start);
    let inside = |one: &&&Statement| one.span.start < comment.start && comment.end < one.span.end;
    let list = statements.iter().filter(inside).rfind(|one| !matches!(one.node, StatementKind::When { .. }));
    match (list, after) {
        // A comment on a line of its own inside of a list is about the next line.
        (Some(_), _) => next_line(comment, text),
        (None, Some(statement)) => comment.to(statement.span),
        (None, None) => comment,
    }
}

fn next_line(comment: Span, text: &str) -> Span {
    let after = comment.end as usize;
    let start = text[after..].find('\n').map_or(text.len(), |at| after + at + 1);
    let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    Span { start: comment.start, end: u32::try_from(end).unwrap_or(comment.end), ..comment }
}
