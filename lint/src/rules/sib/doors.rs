//! Calls that give the same power as one that is restricted, and stand open.

use callgate_compiler::abi::Abi;
use callgate_compiler::outcome::Undecided;
use callgate_grammar::Span;

use crate::document::Document;
use crate::finding::Findings;
use crate::meaning::{Answer, Meaning, Restriction};
use crate::rules::gathered::Gathered;

/// The restriction of a call by a statement that names it (not a group it is in), whole or by conditions.
pub(super) fn restriction_by_name<'a>(
    document: &Document,
    meaning: &'a Meaning,
    abi: Abi,
    call: &str,
) -> Result<Option<(Restriction<'a>, Span)>, Undecided> {
    let Some(restriction) = meaning.restriction(abi, call)? else { return Ok(None) };
    let Some(place) = restriction.named else { return Ok(None) };
    let of_group = document.sources.snippet(place).starts_with('@');
    Ok((!of_group).then_some((restriction, place)))
}

/// Whether every call that the text stands for runs on an ABI; one of them.
pub(super) fn open<'a>(meaning: &'a Meaning, abi: Abi, call: &str) -> Result<Option<Answer<'a>>, Undecided> {
    let answers = meaning.answers(abi, call)?;
    let all = answers.iter().all(Answer::executes);
    Ok(answers.into_iter().next().filter(|_| all))
}

/// A finding for each place that restricts a call, with the doors around it: `what` is the rest of the sentence.
pub(super) fn report(document: &Document, findings: &mut Findings, gathered: Gathered, what: &str, help: &str) {
    for (at, group) in gathered {
        let (names, stands) = (group.names(), group.verb("stands", "stand"));
        let finding =
            findings.new_at(at, format!("{names} {stands} open beside {what}")).here("restricted here").help(help);
        findings.push(group.onto(document, finding, "let through here"));
    }
}
