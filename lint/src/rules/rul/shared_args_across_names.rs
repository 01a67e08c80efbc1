//! # shared-args-across-names
//!
//! ## What
//! One list of comparisons is for several calls, and the compared argument is another thing in each.
//!
//! ## Why
//! Calls that belong together have their parameters at different places: the flags of `open` are its second argument,
//! those of `openat` its third. The comparison then looks at an address in one of them, and the rule allows or refuses
//! by chance.
//!
//! ## Example
//! ```docker at="openat"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["open", "openat"], "action": "SCMP_ACT_ALLOW",
//!     "args": [{"index": 1, "value": 3, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["openat", "faccessat"], "action": "SCMP_ACT_ALLOW",
//!     "args": [{"index": 0, "value": 4294967196, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//!
//! ## Fix
//! A rule for each call, with its own index.
//!
//! ## Sources
//! - the calls' prototypes, Linux 6.12

use std::collections::BTreeSet;

use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables::{self, Parameter};
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::entries::counting;

pub(super) const RULE: Rule = Rule::new("RUL012", "shared-args-across-names", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    for counting in counting(document) {
        let entry = counting.entry;
        let mut reported = BTreeSet::new();
        for argument in &entry.arguments {
            let at = usize::from(argument.index);
            for &abi in &counting.abis {
                let parameter = |name: &str| tables::prototype(abi, name).and_then(|all| all.get(at));
                let mut known = entry.names.iter().filter_map(|name| Some((name, parameter(&name.value)?)));
                let Some((first, here)) = known.next() else { continue };
                let Some((other, there)) = known.find(|(_, there)| !alike(here, there)) else { continue };
                if !reported.insert(argument.index) {
                    continue;
                }
                let message = format!(
                    "argument {} is `{}` in `{}` and `{}` in `{}`",
                    argument.index, here.name, first.value, there.name, other.value
                );
                findings.push(
                    findings
                        .new_at(other.span, message)
                        .here("another parameter stands there")
                        .and_at(argument.span, "compared here")
                        .because(format!("on {abi}"))
                        .help("write a rule for each call, with its own index"),
                );
            }
        }
    }
    Ok(())
}

/// Whether two parameters are the same kind of thing.
fn alike(one: &Parameter, other: &Parameter) -> bool {
    one.role == other.role && one.width == other.width
}
