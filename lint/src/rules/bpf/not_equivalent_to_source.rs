//! # not-equivalent-to-source
//!
//! ## What
//! A filter that does something else than the policy it was compiled from.
//!
//! ## Why
//! The policy is what was reviewed, the filter is what is loaded. A file that was changed by hand, made by another version, or
//! compiled by a tool that got a comparison wrong can't be told from a right one by looking. The prover compares all calls of the
//! ABIs that the policy lists.
//!
//! Asked when the source is known: `callgate lint FILTER --source POLICY`. `callgate diff POLICY FILTER` asks the same of any two.
//!
//! ## Example
//! ```asm source="arch: x86_64; deny: all; allow: read"
//! ld [4]
//! jne #0xc000003e, kill
//! ld [0]
//! jgt #1, deny
//! ret #0x7fff0000
//! deny: ret #0x50001
//! kill: ret #0x80000000
//! ```
//!
//! ## Near miss
//! ```asm source="arch: x86_64; deny: all; allow: read, write"
//! ld [4]
//! jne #0xc000003e, kill
//! ld [0]
//! jge #0x40000000, x32
//! jgt #1, deny
//! ret #0x7fff0000
//! x32: jeq #0xffffffff, deny
//! ja kill
//! deny: ret #0x50001
//! kill: ret #0x80000000
//! ```
//!
//! ## Fix
//! Compile the policy again.
//!
//! ## Sources
//! - libpcap, CONTRIBUTING: an optimiser's change is shown not to change what the filter does

use callgate_compiler::abi::Abi;
use callgate_compiler::outcome::Undecided;
use callgate_compiler::prove::{Budget, Difference, Filter, Relation, WordOrder, differences};
use callgate_compiler::tables;
use callgate_grammar::Severity;

use super::program::{admitted, path};
use crate::document::Document;
use crate::finding::Findings;
use crate::finding::Witness;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("BPF006", "not-equivalent-to-source", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    const RANGES: usize = 64;
    let (Some(filter), Some(source)) = (admitted(document), &document.reading.source) else { return Ok(()) };
    let ours = Filter::Program(&filter.program, WordOrder::Machine(filter.endian));
    let found = differences(Relation::Equal, Filter::Policy(source), ours, RANGES, Budget::default());
    let found = found.map_err(|_| Undecided)?;
    // What happens to calls of other ABIs is no compiler's to know.
    let listed = |difference: &&Difference| {
        let data = difference.witness.data;
        Abi::of_call(data.arch, data.nr).is_some_and(|abi| source.abis.contains_key(&abi))
    };
    let Some(difference) = found.ranges.iter().find(listed) else { return Ok(()) };
    let (data, is, should) = (difference.witness.data, difference.witness.right, difference.witness.left);
    let place = path(filter, &data).pop().map_or_else(|| document.start(), |at| document.instruction(at));
    let Some(abi) = Abi::of_call(data.arch, data.nr) else { return Ok(()) };
    let name = tables::name(abi, data.nr).map_or_else(|| data.nr.to_string(), str::to_owned);
    findings.push(
        findings
            .new_at(place, format!("the filter answers `{is}` to {name}, its source `{should}`"))
            .shown_by(Witness { abi, nr: data.nr, args: data.args, action: is })
            .help("compile the policy again"),
    );
    Ok(())
}
