//! # undocumented-dangerous-allow
//!
//! ## What
//! A statement or a rule that a rule of the family EXP finds something in, without a comment.
//!
//! ## Why
//! Whoever reads the profile next has to know whether bpf is allowed because the program needs it or because a list was copied.
//! The reason is known to who writes it, and to nobody later. Not asked by default: it is a rule of the house.
//!
//! In a policy, a comment above the statement, behind it or inside it counts, and one of the block it stands in. In a profile for
//! Docker or Podman it is the rule's `comment`. Other formats of engines have no comments, and nothing is found there.
//!
//! ## Example
//! ```gate cap=SYS_MODULE at="init_module"
//! deny: all
//! allow: init_module
//! ```
//!
//! ## Near miss
//! ```gate cap=SYS_MODULE
//! deny: all
//! # The driver loads its own firmware module.
//! allow: init_module
//! ```
//! ```docker cap=SYS_MODULE
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["init_module"], "action": "SCMP_ACT_ALLOW",
//!   "comment": "the driver loads its own firmware module"}]}
//! ```
//!
//! ## Fix
//! Say why it is there, or take it out.
//!
//! ## Sources
//! - minijail, `tools/seccomp_policy_lint.py`: dangerous calls need a comment

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use callgate_grammar::Span;
use callgate_grammar::tree::{Statement, StatementKind};
use callgate_profiles::import::Format;
use std::collections::BTreeMap;

use crate::document::Document;
use crate::document::Form;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule =
    Rule::new("STY002", "undocumented-dangerous-allow", Severity::Warning, check).off_by_default();

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let mut undocumented: BTreeMap<Span, (Span, Vec<&'static str>)> = BTreeMap::new();
    for rule in crate::rules().iter().filter(|rule| rule.default && rule.id.starts_with("EXP")) {
        let mut exposures = Findings::of(rule);
        (rule.check)(document, &mut exposures)?;
        for finding in exposures.into_vec().iter().filter(|finding| finding.severity >= Severity::Warning) {
            let Some(place) = finding.labels.first().map(|label| label.span) else { continue };
            let Some(around) = without_comment(document, place) else { continue };
            let (_, rules) = undocumented.entry(around).or_insert((place, Vec::new()));
            if !rules.contains(&rule.id) {
                rules.push(rule.id);
            }
        }
    }
    for (place, rules) in undocumented.into_values() {
        findings.push(
            findings
                .new_at(place, "nothing says why this is allowed")
                .because(format!("found by {}", rules.join(", ")))
                .help("say why in a comment, or take it out"),
        );
    }
    Ok(())
}

/// The statement or rule around a place, if it has no comment and could have one.
fn without_comment(document: &Document, place: Span) -> Option<Span> {
    match &document.form {
        Some(Form::Policy(units)) if place.source == document.source => {
            let file = &units.iter().find(|unit| unit.source == document.source)?.file;
            let around = around(&file.statements, place);
            let statement = around.last()?.span;
            let commented =
                around.iter().any(|one| file.comments.iter().any(|&comment| is_of(document.text(), one.span, comment)));
            (!commented).then_some(statement)
        }
        Some(Form::Profile(Format::Docker | Format::Podman, profile)) => {
            let entry = profile.entries.iter().find(|entry| contains(entry.span, place))?;
            entry.comment.as_ref().is_none_or(|comment| comment.value.trim().is_empty()).then_some(entry.span)
        }
        _ => None,
    }
}

/// The statements that a place is in, the outermost first.
fn around(statements: &[Statement], place: Span) -> Vec<&Statement> {
    let Some(outer) = statements.iter().find(|statement| contains(statement.span, place)) else { return Vec::new() };
    let mut all = vec![outer];
    if let StatementKind::When { body, .. } = &outer.node {
        all.extend(around(body, place));
    }
    all
}

fn contains(outer: Span, inner: Span) -> bool {
    outer.source == inner.source && outer.start <= inner.start && inner.end <= outer.end
}

/// Whether a comment stands in a statement of one line's list, behind it, or on the lines right above it.
fn is_of(text: &str, statement: Span, comment: Span) -> bool {
    if comment.source != statement.source {
        return false;
    }
    let between = |from: u32, to: u32| text.get(from as usize..to as usize).unwrap_or_default();
    if comment.start >= statement.start {
        return !between(statement.end, comment.start).contains('\n')
            && !opens_a_block(between(statement.start, comment.start));
    }
    // Only other comments come between: what is left of the comment's line is empty, the statement's own is indentation.
    let lines: Vec<_> = between(comment.end, statement.start).split('\n').map(str::trim).collect();
    let [first, others @ .., last] = lines.as_slice() else { return false };
    first.is_empty() && last.is_empty() && others.iter().all(|line| line.starts_with('#'))
}

/// A comment in a block is about one of its statements.
fn opens_a_block(text: &str) -> bool {
    text.contains('{') && !text.contains('(')
}
