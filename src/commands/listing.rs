//! Listings whose comments name the statements of the policy.

use std::collections::BTreeSet;

use callgate_compiler::abi::{Abi, Endian};
use callgate_compiler::bpf::{Program, disassemble_with};
use callgate_compiler::policy::Cause;
use callgate_compiler::provenance::causes;
use callgate_compiler::tables;

use crate::policy::Checked;

/// How many places a comment names before it says how many more there are.
const PLACES_SHOWN: usize = 3;

/// The listing of a policy's program: what returns, and what looks at arguments, by the line that has it so.
pub(super) fn of(checked: &Checked, program: &Program) -> String {
    let endian = checked.policy.abis.keys().next().map_or(Endian::Little, |abi| abi.endian());
    let name = |abi: Abi, nr: u32| tables::name(abi, nr);
    disassemble_with(program, endian, &name, &|position| places(checked, program, position))
}

/// `web.gate:9, web.gate:12 and 3 more lines`
fn places(checked: &Checked, program: &Program, position: usize) -> Option<String> {
    let mut lines = BTreeSet::new();
    let mut unlisted = false;
    for cause in causes(&checked.policy, program, position) {
        match cause {
            Cause::Statement(span) | Cause::Known(span) => {
                let (line, _) = checked.sources.line_column(span.source, span.start);
                lines.insert((span.source, line));
            }
            Cause::UnlistedAbi => unlisted = true,
        }
    }
    let mut shown: Vec<String> = lines
        .iter()
        .take(PLACES_SHOWN)
        .map(|&(source, line)| format!("{}:{line}", checked.sources.get(source).name))
        .collect();
    if unlisted {
        shown.push("no line speaks of other ABIs".to_owned());
    }
    let more = lines.len().saturating_sub(PLACES_SHOWN);
    let text = shown.join(", ");
    match more {
        _ if shown.is_empty() => None,
        0 => Some(text),
        1 => Some(format!("{text} and 1 more line")),
        _ => Some(format!("{text} and {more} more lines")),
    }
}
