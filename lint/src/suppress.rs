//! Findings that someone has looked at and decided to live with.
//!
//! In a policy, a comment before a statement, behind it, or (with `!`) for the whole file:
//!
//! ```text
//! #[allow(EXP010, "the sandbox makes its own user namespaces")]
//! allow: unshare
//! #![allow(ABI003, "x86-64 machines only")]
//! ```
//!
//! In JSON, a `comment` of the object that it is about; in other texts, a comment on the line or before it, where it also holds
//! for the lines below that are further in; `allow-file` for the whole file:
//!
//! ```text
//! {"names": ["unshare"], "action": "SCMP_ACT_ALLOW", "comment": "callgate: allow(EXP010) makes its own user namespaces"}
//! # callgate: allow(EXP001) loads its own module
//! init_module: 1
//! ```

mod policy;
mod text;

use callgate_grammar::{SourceId, Span};

use crate::document::{Document, Form};
use crate::finding::{Finding, Findings, Safety};
use crate::rule::Rule;
use crate::select::Selector;

/// What a comment allows, where, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// The rules as written.
    pub rules: Vec<String>,
    /// Why.
    pub reason: Option<String>,
    /// The comment.
    pub span: Span,
    /// The places it is about; `None` for the whole file.
    pub covers: Option<Span>,
}

impl Suppression {
    /// Whether it is about this finding, which is in `source`.
    #[must_use]
    pub fn covers(&self, finding: &Finding, source: SourceId) -> bool {
        if !self.names(finding.rule) {
            return false;
        }
        let Some(covered) = self.covers else { return true };
        finding.labels.first().is_some_and(|label| {
            label.span.source == source && (covered.start..covered.end).contains(&label.span.start)
        })
    }

    /// Whether it names the rule, by its id, the id's beginning, or its name.
    #[must_use]
    pub fn names(&self, rule: &Rule) -> bool {
        self.rules.iter().any(|name| Selector::new(name).is_ok_and(|selector| selector.takes(rule)))
    }
}

/// Every suppression that stands in a document, in the order of the text.
#[must_use]
pub fn suppressions(document: &Document) -> Vec<Suppression> {
    match &document.form {
        Some(Form::Policy(units)) => {
            let own = units.iter().find(|unit| unit.source == document.source);
            own.map(|unit| policy::suppressions(&unit.file, document.text())).unwrap_or_default()
        }
        Some(Form::Filter(_)) | None => Vec::new(),
        Some(_) if document.text().trim_start_matches('\u{feff}').trim_start().starts_with('{') => {
            text::in_json(document.source, document.text())
        }
        Some(_) => text::in_comments(document.source, document.text()),
    }
}

/// Finds the suppressions that don't say why.
pub(crate) fn without_reason(document: &Document, findings: &mut Findings) {
    for suppression in suppressions(document).iter().filter(|suppression| suppression.reason.is_none()) {
        let finding = findings.new_at(suppression.span, "a finding is suppressed without a reason");
        findings.push(finding.here("no reason").help(match document.form {
            Some(Form::Policy(_)) => "say why: `#[allow(RULE, \"reason\")]`",
            _ => "say why: `callgate: allow(RULE) reason`",
        }));
    }
}

/// Finds the suppressions of which a rule finds nothing to suppress, among the rules that are asked by default and those they
/// name in full.
pub(crate) fn unused(
    document: &Document,
    findings: &mut Findings,
) -> Result<(), callgate_compiler::outcome::Undecided> {
    for suppression in &suppressions(document) {
        for name in &suppression.rules {
            let Ok(selector) = Selector::new(name) else {
                let finding = findings.new_at(suppression.span, format!("no rule is called `{name}`"));
                findings.push(finding.here("suppresses nothing").help("`callgate explain RULES` lists them"));
                continue;
            };
            let one = Suppression { rules: vec![name.clone()], ..suppression.clone() };
            let mut used = false;
            for rule in crate::rules().iter().filter(|rule| selector.takes(rule) && rule.id != "STY004") {
                let mut found = Findings::of(rule);
                (rule.check)(document, &mut found)?;
                used |= found.into_vec().iter().any(|finding| one.covers(finding, document.source));
            }
            if !used {
                let finding = findings.new_at(suppression.span, format!("`{name}` finds nothing here to suppress"));
                let finding = finding.here("suppresses nothing").help("take it away");
                let alone = suppression.rules.len() == 1 && matches!(document.form, Some(Form::Policy(_)));
                findings.push(if alone {
                    finding.fix("take the comment away", Safety::Safe, vec![text::without(document, suppression.span)])
                } else {
                    finding
                });
            }
        }
    }
    Ok(())
}
