//! Argument words and numbers as a policy spells them.

use callgate_compiler::abi::Abi;
use callgate_compiler::condition::{Atom, Width};
use callgate_compiler::tables::{self, Parameter, Role};

use super::vocabulary::{self, Vocabulary};

/// Numbers from here on are written in hexadecimal.
const FIRST_HEXADECIMAL: u64 = 1024;

/// An argument as the language reads it: typed by the prototype where that says the same, else `raw`.
pub(super) struct Word {
    /// `family`, `raw(arg0)`
    pub(super) name: String,
    abi: Abi,
    /// 32 or 64.
    pub(super) bits: u32,
    /// The bits looked at.
    pub(super) mask: u64,
    signed: bool,
    vocabulary: Option<Vocabulary>,
}

impl Word {
    /// The word that a test of a call's argument looks at. Numbers without a name have no parameters.
    pub(super) fn of(abi: Abi, call: Option<&str>, atom: &Atom) -> Self {
        let parameters = call.and_then(|call| tables::prototype(abi, call)).unwrap_or_default();
        let parameter = parameters.get(usize::from(atom.arg));
        let vocabulary =
            call.zip(parameter).and_then(|(call, parameter)| vocabulary::of(call, parameter.name, parameter.role));
        let untyped = || format!("raw(arg{})", atom.arg);
        let fits = |parameter: &&Parameter| {
            parameter.role != Role::Pointer && (parameter.width == Width::W64 || atom.mask >> 32 == 0)
        };
        let (name, bits, signed) = match parameter.filter(fits) {
            Some(parameter) if parameter.width == Width::W32 => (parameter.name.to_owned(), 32, parameter.signed),
            Some(parameter) => (parameter.name.to_owned(), 64, parameter.signed),
            None => (untyped(), 64, false),
        };
        Self { name, abi, bits, mask: atom.mask, signed, vocabulary }
    }

    /// The greatest word.
    pub(super) fn max(&self) -> u64 {
        if self.bits == 32 { Width::W32.max() } else { Width::W64.max() }
    }

    /// Whether all bits are looked at.
    pub(super) fn is_whole(&self) -> bool {
        self.mask == self.max()
    }

    /// Whether comparisons read the top bit as a sign. A mask that drops it makes the word unsigned.
    pub(super) fn is_signed(&self) -> bool {
        self.signed && self.mask >> (self.bits - 1) == 1
    }

    /// The number that comparisons order this word by.
    pub(super) fn number(&self, word: u64) -> i128 {
        if self.is_signed() && word >> (self.bits - 1) == 1 {
            i128::from(word) - (1 << self.bits)
        } else {
            i128::from(word)
        }
    }

    /// A value that the word is compared with, by its name if it has one.
    pub(super) fn value(&self, value: u64) -> String {
        match self.vocabulary {
            Some(vocabulary @ Vocabulary { flags: false, .. }) => self
                .constant(vocabulary, value)
                .or_else(|| self.bits_named(vocabulary, value).filter(|(_, rest)| *rest == 0).map(|(text, _)| text))
                .unwrap_or_else(|| self.end(self.number(value))),
            Some(_) => self.flags(value),
            None => self.end(self.number(value)),
        }
    }

    /// The end of a range, never a name: names have no order.
    pub(super) fn end(&self, number: i128) -> String {
        match u64::try_from(number) {
            Ok(value) if value < FIRST_HEXADECIMAL => value.to_string(),
            Ok(value) => format!("{value:#x}"),
            Err(_) => number.to_string(),
        }
    }

    /// A set of bits, by their names as far as they have any.
    pub(super) fn flags(&self, bits: u64) -> String {
        let Some(vocabulary) = self.vocabulary else { return format!("{bits:#x}") };
        if let Some(name) = self.constant(vocabulary, bits) {
            return name.to_owned();
        }
        let others = !bits & self.max();
        if bits.count_ones() > self.bits / 2
            && let Some((text, 0)) = self.bits_named(vocabulary, others)
        {
            return if text.contains('|') { format!("~({text})") } else { format!("~{text}") };
        }
        match self.bits_named(vocabulary, bits) {
            Some((text, 0)) => text,
            Some((text, rest)) if rest.count_ones() < bits.count_ones().div_ceil(2) => format!("{text} | {rest:#x}"),
            _ if bits == 0 => "0".to_owned(),
            _ => format!("{bits:#x}"),
        }
    }

    /// The names of single bits, and the bits that have none; `None` when none has one.
    fn bits_named(&self, vocabulary: Vocabulary, bits: u64) -> Option<(String, u64)> {
        let mut names = Vec::new();
        let mut rest = 0;
        for bit in (0..64).map(|bit| 1_u64 << bit).filter(|bit| bits & bit != 0) {
            match self.constant(vocabulary, bit) {
                Some(name) => names.push(name),
                None => rest |= bit,
            }
        }
        (!names.is_empty()).then(|| (names.join(" | "), rest))
    }

    fn constant(&self, vocabulary: Vocabulary, value: u64) -> Option<String> {
        let name = vocabulary.name(self.abi, value).or_else(|| {
            // A negative constant has the high bits that a 32-bit word lacks.
            let extended = i64::from((value as u32).cast_signed()).cast_unsigned();
            (self.bits == 32 && extended != value).then(|| vocabulary.name(self.abi, extended))?
        });
        name.map(str::to_owned)
    }
}
