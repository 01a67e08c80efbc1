//! A policy as a function, from its clauses directly.

use super::condition;
use super::diagram::{Diagrams, Function, OutOfNodes};
use super::layout::Layout;
use crate::abi::Abi;
use crate::policy::{AbiPolicy, Policy};

/// The words of a range where a function changes: from each to the next it is the same.
type Pieces = Vec<(u64, Function)>;

/// The function of a policy.
pub(super) fn policy(diagrams: &mut Diagrams, policy: &Policy) -> Result<Function, OutOfNodes> {
    let other = Function::constant(policy.other.action);
    let mut tokens: Vec<u32> = Abi::ALL.iter().map(|abi| abi.token()).collect();
    tokens.sort_unstable();
    tokens.dedup();
    let mut pieces = vec![(0, other)];
    for token in tokens {
        let function = numbers(diagrams, policy, token)?;
        set(&mut pieces, token, u32::MAX, function, other);
    }
    diagrams.by_word(&Layout::arch(), &pieces)
}

/// What the policy does with the calls of one token.
fn numbers(diagrams: &mut Diagrams, policy: &Policy, token: u32) -> Result<Function, OutOfNodes> {
    let sharing = Abi::ALL.iter().filter(|abi| abi.token() == token);
    let mut ranges: Vec<_> =
        sharing.flat_map(|&abi| abi.numbers().iter().map(move |&(first, last)| (first, last, abi))).collect();
    ranges.sort_unstable();
    let mut pieces = Vec::new();
    for (first, last, abi) in ranges {
        match policy.abis.get(&abi) {
            Some(listed) => calls(diagrams, listed, first, last, &mut pieces)?,
            None => {
                let decision = policy.foreign.get(&abi).unwrap_or(&policy.other);
                push(&mut pieces, first.into(), Function::constant(decision.action));
            }
        }
    }
    diagrams.by_word(&Layout::nr(), &pieces)
}

/// What a listed ABI does with the numbers `first..=last`, after the pieces of the numbers before.
fn calls(
    diagrams: &mut Diagrams,
    abi: &AbiPolicy,
    first: u32,
    last: u32,
    pieces: &mut Pieces,
) -> Result<(), OutOfNodes> {
    let rest = Function::constant(abi.rest.action);
    push(pieces, first.into(), rest);
    for (&number, call) in abi.calls.range(first..=last) {
        let function = condition::call(diagrams, Layout::PLAIN, call, &Function::constant)?;
        set(pieces, number, last, function, rest);
    }
    Ok(())
}

/// Makes one word past the last change different; the words after it, up to `last`, are `rest` again.
fn set(pieces: &mut Pieces, word: u32, last: u32, function: Function, rest: Function) {
    push(pieces, word.into(), function);
    if word < last {
        push(pieces, u64::from(word) + 1, rest);
    }
}

/// From this word on the function is another one. Words come ascending; the last word for one of them holds.
fn push(pieces: &mut Pieces, word: u64, function: Function) {
    pieces.pop_if(|&mut (start, _)| start == word);
    if pieces.last().is_none_or(|&(_, before)| before != function) {
        pieces.push((word, function));
    }
}
