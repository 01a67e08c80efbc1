//! `when`: which target ABIs a statement is for.

use callgate_grammar::tree::{BinaryOp, Guard, GuardKind, Version};
use callgate_grammar::{Diagnostic, Spanned, did_you_mean};

use super::target::{CAPABILITIES, Target, capability};
use crate::abi::Abi;

/// The ABIs of `abis` on which every guard holds.
pub(super) fn holding(
    guards: &[Spanned<Guard>],
    abis: &[Abi],
    target: &Target,
    kernel: Version,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Abi> {
    let mut left = abis.to_vec();
    for guard in guards {
        match &guard.node.kind {
            GuardKind::Arch(name) => match abi_named(&name.node) {
                Ok(wanted) => left.retain(|&abi| (abi == wanted) != guard.node.negated),
                Err(error) => diagnostics.push(error.at(name.span, "")),
            },
            GuardKind::Cap(name) => match capability(&name.node) {
                Some(cap) if target.capabilities.contains(cap) == guard.node.negated => left.clear(),
                Some(_) => {}
                None => {
                    let mut error =
                        Diagnostic::error("unknown-capability", format!("no capability is called `{}`", name.node))
                            .at(name.span, "");
                    let bare = name.node.to_ascii_uppercase();
                    if let Some(near) = did_you_mean(bare.trim_start_matches("CAP_"), CAPABILITIES.iter().copied()) {
                        error = error.help(format!("did you mean `{near}`?"));
                    }
                    diagnostics.push(error);
                }
            },
            GuardKind::Kernel(op, version) => {
                if compare(kernel, op.node, version.node) == guard.node.negated {
                    left.clear();
                }
            }
        }
    }
    left
}

/// An ABI by name, or an error (without a place) that names the nearest.
pub(super) fn abi_named(name: &str) -> Result<Abi, Diagnostic> {
    name.parse().map_err(|()| {
        let error = Diagnostic::error("unknown-abi", format!("no ABI is called `{name}`"));
        match did_you_mean(name, Abi::ALL.iter().map(|abi| abi.name())) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => {
                let names: Vec<_> = Abi::ALL.iter().map(|abi| abi.name()).collect();
                error.help(format!("callgate knows {}", names.join(", ")))
            }
        }
    })
}

fn compare(left: Version, op: BinaryOp, right: Version) -> bool {
    match op {
        BinaryOp::Eq => left == right,
        BinaryOp::Ne => left != right,
        BinaryOp::Lt => left < right,
        BinaryOp::Le => left <= right,
        BinaryOp::Gt => left > right,
        BinaryOp::Ge => left >= right,
        _ => unreachable!("the grammar lets comparisons through only"),
    }
}
