//! The differences that the prover lists, by ABI and by call.

use std::collections::BTreeMap;

use callgate_compiler::abi::Abi;
use callgate_compiler::call::SyscallData;
use callgate_compiler::prove::{AllAnswers, Answers, Witness};
use callgate_compiler::tables;

/// Where calls are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Through an ABI that the tables know.
    Abi(Abi),
    /// Through one of those with a token from the first to the second, none of which the tables know.
    Tokens(u32, u32),
}

/// Neighbouring numbers of one place for which two filters give one pair of answers, if not to all arguments.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) place: Place,
    pub(super) numbers: (u32, u32),
    /// The smallest call of the first number, and both answers to it.
    pub(super) witness: Witness,
    /// Whether it is so for all arguments.
    pub(super) always: bool,
}

impl Entry {
    /// The calls of these numbers that have a name, with their numbers, ascending.
    pub(super) fn named(&self) -> impl Iterator<Item = (u32, &'static str)> {
        let Self { place, numbers: (first, last), .. } = *self;
        let abi = match place {
            Place::Abi(abi) => Some(abi),
            Place::Tokens(..) => None,
        };
        let calls = abi.into_iter().flat_map(tables::calls);
        calls.filter(move |(number, _)| (first..=last).contains(number))
    }

    /// The numbers that have none, as inclusive ranges.
    pub(super) fn unnamed(&self) -> Vec<(u32, u32)> {
        let mut gaps = Vec::new();
        let mut next = Some(self.numbers.0);
        for (number, _) in self.named() {
            if let Some(start) = next.filter(|&start| start < number) {
                gaps.push((start, number - 1));
            }
            next = number.checked_add(1);
        }
        gaps.extend(next.filter(|&start| start <= self.numbers.1).map(|start| (start, self.numbers.1)));
        gaps
    }

    /// The call that shows it, with another number of the range.
    pub(super) fn call(&self, number: u32) -> SyscallData {
        SyscallData { nr: number, ..self.witness.data }
    }
}

/// The entries of a list, and whether they are all: known ABIs in their order, then other tokens; numbers ascending. Of a
/// list that comes to more than `most`, those of its first ranges.
pub(super) fn entries(found: &AllAnswers, most: usize) -> (Vec<Entry>, bool) {
    let mut entries: Vec<Entry> = Vec::new();
    let mut complete = found.complete;
    for range in &found.ranges {
        if entries.len() >= most {
            complete = false;
            break;
        }
        entries.extend(of_range(range));
    }
    entries.sort_by_key(|entry| (entry.place, entry.numbers));
    (joined(entries), complete)
}

fn of_range(range: &Answers) -> Vec<Entry> {
    let mut places: Vec<(Place, u32, (u32, u32))> = Vec::new();
    let mut tokens = BTreeMap::<u32, Vec<Abi>>::new();
    for &abi in Abi::ALL.iter().filter(|abi| (range.tokens.0..=range.tokens.1).contains(&abi.token())) {
        tokens.entry(abi.token()).or_default().push(abi);
    }
    let mut next = Some(range.tokens.0);
    for (&token, abis) in &tokens {
        if let Some(start) = next.filter(|&start| start < token) {
            places.push((Place::Tokens(start, token - 1), start, range.numbers));
        }
        for &abi in abis {
            let own = abi.numbers().iter();
            let common = own.map(|&(first, last)| (first.max(range.numbers.0), last.min(range.numbers.1)));
            places
                .extend(common.filter(|(first, last)| first <= last).map(|numbers| (Place::Abi(abi), token, numbers)));
        }
        next = token.checked_add(1);
    }
    if let Some(start) = next.filter(|&start| start <= range.tokens.1) {
        places.push((Place::Tokens(start, range.tokens.1), start, range.numbers));
    }
    let of_place = |(place, token, numbers): (Place, u32, (u32, u32))| {
        range.pairs.iter().map(move |&witness| {
            let data = SyscallData { arch: token, nr: numbers.0, ..witness.data };
            Entry { place, numbers, witness: Witness { data, ..witness }, always: range.always }
        })
    };
    places.into_iter().flat_map(of_place).collect()
}

/// Neighbouring numbers with the same answers to all arguments are one entry, though the filters may come to them on
/// different ways.
fn joined(entries: Vec<Entry>) -> Vec<Entry> {
    let mut joined: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries {
        match joined.last_mut() {
            Some(last)
                if last.always
                    && entry.always
                    && last.place == entry.place
                    && (last.witness.left, last.witness.right) == (entry.witness.left, entry.witness.right)
                    && last.numbers.1.checked_add(1) == Some(entry.numbers.0) =>
            {
                last.numbers.1 = entry.numbers.1;
            }
            _ => joined.push(entry),
        }
    }
    joined
}
