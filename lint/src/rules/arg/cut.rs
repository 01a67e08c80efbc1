//! Words whose upper bits the kernel cuts off, and what a filter makes of them.

use std::collections::BTreeSet;

use callgate_compiler::abi::Abi;
use callgate_compiler::condition::Condition;
use callgate_compiler::outcome::Undecided;
use callgate_compiler::policy::CallPolicy;
use callgate_compiler::tables::{self, Parameter};
use callgate_profiles::import::profile::Comparison;

use crate::document::Document;
use crate::finding::Edit;
use crate::meaning::{Fate, Replaced, Upper, arguments, is_cut, when};
use crate::rules::compared::{Compared, compared};
use crate::rules::edits::is_json;
use crate::rules::entries::counting;

/// An argument of a call that some condition looks at above the bits that the kernel reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut<'a> {
    pub(super) abi: Abi,
    pub(super) nr: u32,
    pub(super) name: &'static str,
    pub(super) call: &'a CallPolicy,
    pub(super) arg: u8,
    pub(super) parameter: &'static Parameter,
}

/// Each such argument once.
pub(super) fn cuts(document: &Document) -> Vec<Cut<'_>> {
    let mut seen = BTreeSet::new();
    let looks_above = |one: &Compared<'_>, parameter: &Parameter| {
        let above = u64::MAX.checked_shl(parameter.bits.into()).unwrap_or(0);
        is_cut(one.abi, parameter) && one.atom.mask & one.atom.width.max() & above != 0
    };
    let mut found = Vec::new();
    for one in compared(document) {
        let Some(parameter) = one.parameter.filter(|parameter| looks_above(&one, parameter)) else { continue };
        if seen.insert((one.abi, one.nr, one.atom.arg)) {
            let Compared { abi, nr, name, call, atom, .. } = one;
            found.push(Cut { abi, nr, name, call, arg: atom.arg, parameter });
        }
    }
    found
}

/// Edits that make the equalities of a call's argument compare the low 32 bits. None when one of its comparisons is another,
/// or is for other calls as well that read the argument differently.
pub(super) fn low_half(document: &Document, cut: &Cut<'_>) -> Option<Vec<Edit>> {
    let counting = counting(document);
    let is_32_bits = |abi: Abi, name: &str| {
        let parameter = tables::prototype(abi, name).and_then(|all| all.get(usize::from(cut.arg)));
        parameter.is_none_or(|parameter| parameter.bits == 32)
    };
    let mut edits = Vec::new();
    for one in counting.iter().filter(|one| one.entry.names.iter().any(|name| name.value == cut.name)) {
        for argument in one.entry.arguments.iter().filter(|argument| argument.index == cut.arg) {
            let plain = argument.comparison == Comparison::Equal && argument.mask == u64::MAX;
            let alike = one.entry.names.iter().all(|name| one.abis.iter().all(|&abi| is_32_bits(abi, &name.value)));
            if !plain || !alike || !is_json(document, argument.span) {
                return None;
            }
            let (index, value) = (argument.index, argument.value & 0xffff_ffff);
            let text = format!(
                "{{\"index\": {index}, \"value\": 4294967295, \"valueTwo\": {value}, \"op\": \"SCMP_CMP_MASKED_EQ\"}}"
            );
            edits.push(Edit { span: argument.span, text });
        }
    }
    (!edits.is_empty()).then_some(edits)
}

impl Cut<'_> {
    /// Arguments that meet one fate as they stand, and the other one with zeros above what the kernel reads.
    pub(super) fn between(&self, as_is: Fate, cut: Fate) -> Result<Option<[u64; 6]>, Undecided> {
        let replaced = Replaced { arg: self.arg, bits: self.parameter.bits, upper: Upper::Zeros };
        arguments(vec![when(self.call, self.abi, as_is, None), when(self.call, self.abi, cut, Some(replaced))])
    }

    /// The same, of words that have bit 31 set, and what stands above it: zeros or ones.
    pub(super) fn between_signs(&self, zeros: Fate, ones: Fate) -> Result<Option<[u64; 6]>, Undecided> {
        let with = |upper| Some(Replaced { arg: self.arg, bits: self.parameter.bits, upper });
        let negative: Condition = crate::rules::compared::masked(self.arg, 0xffff_ffff_8000_0000, 0x8000_0000);
        arguments(vec![
            negative,
            when(self.call, self.abi, zeros, with(Upper::Zeros)),
            when(self.call, self.abi, ones, with(Upper::Ones)),
        ])
    }
}
