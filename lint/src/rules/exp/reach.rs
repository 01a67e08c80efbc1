//! The one check of the rules that ask whether some call is run.

use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables;

use crate::document::Document;
use crate::finding::Findings;

/// A finding for each of these calls that the profile runs on some ABI, at the rule that lets it through.
pub(super) fn reach(
    document: &Document,
    findings: &mut Findings,
    calls: &[&str],
    power: &str,
) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    for call in calls {
        let Some(answer) = meaning.reached_anywhere(call)? else { continue };
        let name = tables::name(answer.witness.abi, answer.witness.nr).unwrap_or(call);
        let place = answer.place().unwrap_or_else(|| document.start());
        findings.push(
            findings
                .new_at(place, format!("`{name}` is within reach: {power}"))
                .here("this lets it through")
                .shown_by(answer.witness),
        );
    }
    Ok(())
}
