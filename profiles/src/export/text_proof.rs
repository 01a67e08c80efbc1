//! Every file in a text format is read back, and proven to do with every named call what the policy does.

use std::collections::BTreeSet;

use callgate_compiler::action::Action;
use callgate_compiler::policy::Policy;
use callgate_compiler::tables;
use callgate_grammar::{Diagnostic, Sources};

use super::one_abi::actions;
use super::proof::{difference, lowered};
use super::{ExportError, Format};
use crate::import::{self, Document};

/// Reads a file back on each ABI of the policy. `lossy` are the calls that a note says the file is stricter about.
///
/// # Errors
/// When the file does something else with another call, or is past what can be read back.
pub(super) fn prove(
    policy: &Policy,
    format: Format,
    from: import::Format,
    text: &str,
    lossy: &BTreeSet<String>,
) -> Result<(), ExportError> {
    let mut sources = Sources::default();
    let source = sources.add("the file", text);
    let document = Document { text, source, selector: None };
    let mut includes =
        |_: &str, span| Err(Diagnostic::error("unreadable-use", "such a file includes nothing").at(span, ""));
    let imported = import::import(from, &document, &mut includes);
    for (&abi, ours) in &policy.abis {
        let read = lowered(format, abi, imported.clone(), sources.clone()).map_err(|error| match error {
            ExportError::Refused { problem, .. } => ExportError::NotReadBack { format, problem },
            other => other,
        })?;
        for (&nr, call) in &ours.calls {
            // Numbers that a trap or a trace comes with are not in every format, and notes say so.
            let numbered = actions(call).any(|action| matches!(action, Action::Trace(1..)));
            let Some(name) = tables::name(abi, nr).filter(|name| !lossy.contains(*name) && !numbered) else { continue };
            let theirs = read.abis.get(&abi).and_then(|theirs| theirs.calls.get(&nr));
            if let Some(args) = theirs.map_or(Some([0; 6]), |theirs| difference(abi, call, theirs)) {
                return Err(ExportError::Unproven { format, call: format!("{name}({args:x?}) on {abi}") });
            }
        }
    }
    Ok(())
}
