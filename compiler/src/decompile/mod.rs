//! Programs back to policies: what a filter does with every call, as numbers, actions and conditions.
//!
//! Any program that the kernel admits can be read, whoever wrote it: a program is executed for all calls at once (`execute`),
//! which gives one tree of decisions over the bits of a call (`forest`); the tree is cut by token and by number (`split`), and
//! what is left of it, over the arguments, is described in the fewest words (`describe`, `cover`). The same filter gives
//! the same policy, whichever program it is written as.
//!
//! It shares no code with [`prove`](crate::prove): that a policy means what the program does is for the prover to say.
//!
//! # What a policy can't say
//!
//! A policy's decisions are per ABI and number, on the argument words. A filter that looks at the instruction pointer has no
//! policy. One that treats ranges of numbers differently which no kernel gives a name has one that is right but for those
//! ([`Beyond`]); so has one that never looks at the token, and decides calls of unknown machines as those of its own.

mod cover;
mod describe;
mod execute;
mod forest;
mod split;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use thiserror::Error;

use crate::abi::{Abi, Endian};
use crate::action::Action;
use crate::bpf::{Program, Refusal, admit};
use crate::condition::Condition;
use crate::policy::{AbiPolicy, CallPolicy, Cause, Clause, Decision, Policy};
use crate::tables;

use describe::Describer;
use execute::{TooMuch, execute};
use forest::{ARGUMENTS, Forest, NUMBER, POINTER, Tree};
use split::Piece;

/// Tests and choices that a decompilation may make: some hundred megabytes and seconds, a hundred times what filters need.
const BUDGET: usize = 1_500_000;

/// Numbers without a name that a policy spells out for one ABI.
const MOST_UNNAMED: u64 = 4096;

/// Something a program does that no policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// These numbers of an ABI, both ends in, which no kernel has calls for, go another way than the policy says.
    Numbers {
        /// The ABI.
        abi: Abi,
        /// First and last `seccomp_data.nr`.
        numbers: (u32, u32),
    },
    /// Calls with these tokens, which the policy doesn't list, go another way than it says.
    Tokens {
        /// First and last `seccomp_data.arch`.
        tokens: (u32, u32),
    },
}

impl fmt::Display for Beyond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |f: &mut fmt::Formatter<'_>, what: &str, (first, last): (u32, u32)| {
            if first == last { write!(f, "{what} {first:#x}") } else { write!(f, "{what}s {first:#x} to {last:#x}") }
        };
        match self {
            Self::Numbers { abi, numbers } => {
                range(f, "number", *numbers)?;
                write!(f, " of {abi}")
            }
            Self::Tokens { tokens } => range(f, "token", *tokens),
        }
    }
}

/// What was made of a program.
#[derive(Clone, Debug)]
pub struct Decompiled {
    /// What the program does, except for what is in `beyond`.
    pub policy: Policy,
    /// What of it no policy can say, by ABI and number, then tokens. Empty: the policy is exact.
    pub beyond: Vec<Beyond>,
}

/// Why a program has no policy. Every message says what to do next. Instructions are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecompileError {
    /// The kernel would not load it.
    #[error(
        "the kernel would refuse the filter: {0}\n  next: check that the file is a filter, and of which byte order"
    )]
    Refused(#[from] Refusal),
    /// It looks at the instruction pointer.
    #[error(
        "the filter decides by where a call is made from (the instruction pointer), which no policy can say\n  next: compare the filter itself, with `callgate diff`"
    )]
    InstructionPointer,
    /// It brings two words of a call together in a way that no list of values describes.
    #[error(
        "instruction {0} brings two words of a call together (a comparison of two arguments, a sum), which no policy can say\n  next: compare the filter itself, with `callgate diff`"
    )]
    TwoWords(usize),
    /// It does too much with the words of a call to be followed.
    #[error(
        "what the filter does with the words of a call is too much to follow from instruction {0} on\n  next: compare the filter itself, with `callgate diff`"
    )]
    TooComplex(usize),
    /// Numbers or tokens are cut into more ranges than anyone could read.
    #[error(
        "the filter cuts {0} into more ranges than a policy could list\n  next: compare the filter itself, with `callgate diff`"
    )]
    Scattered(&'static str),
    /// The conditions on a call are too many to be written.
    #[error(
        "the conditions on {0} are too many or too entangled to be written\n  next: compare the filter itself, with `callgate diff`"
    )]
    Conditions(String),
    /// It does what no policy says exactly.
    #[error("no policy says exactly what the filter does with {}\n  next: `callgate explain` shows the nearest policy", some(.0))]
    Beyond(Vec<Beyond>),
}

/// The first few of a list.
fn some(beyond: &[Beyond]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = beyond.iter().take(SHOWN).map(ToString::to_string).collect();
    match beyond.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more ranges", shown.join(", ")),
    }
}

/// The policy that a program is: every call is decided as the program decides it, on a machine of this byte order.
///
/// It lists the ABIs that the program tells apart from the rest and decides by number; words of an ABI's calls stand in that
/// ABI's order, so that a program for both orders is read right. Calls, flags and listener aside, compiling it gives the
/// filter back. Causes are [`Cause::UnlistedAbi`] throughout: a program has no statements.
///
/// # Errors
/// See [`DecompileError`]; never a policy that means something else.
pub fn decompile(program: &Program, endian: Endian) -> Result<Policy, DecompileError> {
    let Decompiled { policy, beyond } = decompile_for(program, endian, &[])?;
    if beyond.is_empty() { Ok(policy) } else { Err(DecompileError::Beyond(beyond)) }
}

/// As [`decompile`], and also when no policy is exact: then the nearest one, with what it leaves out. A program that never
/// looks at the token is read for these ABIs; with none given, for all of the byte order.
///
/// # Errors
/// See [`DecompileError`].
pub fn decompile_for(program: &Program, endian: Endian, abis: &[Abi]) -> Result<Decompiled, DecompileError> {
    admit(program)?;
    let mut forest = Forest::new(BUDGET);
    let root = root(program, endian, &mut forest)?;
    if forest.levels(root).last().is_some_and(|&level| level >= POINTER) {
        return Err(DecompileError::InstructionPointer);
    }
    let mut reader = Reader { forest, describer: Describer::default(), calls: HashMap::new(), beyond: Vec::new() };
    let policy = reader.policy(root, endian, abis)?;
    Ok(Decompiled { policy, beyond: reader.beyond })
}

/// The tree of a program; where it decides calls of both byte orders by their arguments, each in its order.
fn root(program: &Program, endian: Endian, forest: &mut Forest) -> Result<Tree, DecompileError> {
    let failed = |TooMuch { instruction, two_words }| {
        if two_words { DecompileError::TwoWords(instruction) } else { DecompileError::TooComplex(instruction) }
    };
    let root = execute(program, endian, forest).map_err(failed)?;
    let residual = split::of_token(forest, root, NO_TOKEN);
    let speaks_for_others = Abi::ALL.iter().filter(|abi| abi.endian() != endian).any(|abi| {
        let tree = split::of_token(forest, root, abi.token());
        tree != residual && forest.levels(tree).last().is_some_and(|&level| level >= ARGUMENTS)
    });
    if !speaks_for_others {
        return Ok(root);
    }
    let other = if endian == Endian::Little { Endian::Big } else { Endian::Little };
    let other = execute(program, other, forest).map_err(failed)?;
    let (little, big) = if endian == Endian::Little { (root, other) } else { (other, root) };
    // `__AUDIT_ARCH_LE`, bit 30 of the token (include/uapi/linux/audit.h).
    let both = forest.bit(1).and_then(|is_little| forest.pick(is_little, little, big));
    both.map_err(|forest::Full| DecompileError::TooComplex(0))
}

/// A token of no machine.
const NO_TOKEN: u32 = 0x0fff_ffff;

struct Reader {
    forest: Forest,
    describer: Describer,
    /// What a tree over the arguments is, by the action that it leaves over.
    calls: HashMap<(Tree, Action), CallPolicy>,
    beyond: Vec<Beyond>,
}

fn decision(action: Action) -> Decision {
    Decision { action, cause: Cause::UnlistedAbi }
}

impl Reader {
    fn policy(&mut self, root: Tree, endian: Endian, wanted: &[Abi]) -> Result<Policy, DecompileError> {
        let tokens = split::by_token(&self.forest, root).ok_or(DecompileError::Scattered("tokens"))?;
        let residual = self.residual(&tokens);
        let mut numbers: BTreeMap<Abi, Vec<Piece>> = BTreeMap::new();
        for &abi in Abi::ALL {
            let tree = split::of_token(&self.forest, root, abi.token());
            let pieces = split::by_number(&self.forest, tree).ok_or(DecompileError::Scattered("numbers"))?;
            numbers.insert(abi, split::within(&pieces, abi.numbers()).collect());
        }
        let other = self.forest.action(residual);
        // Decides by number whatever the token.
        let is_blind = other.is_none();
        let other = other.unwrap_or(Action::KillProcess);
        let constant = |pieces: &[Piece]| match pieces {
            [(_, _, first), rest @ ..] if rest.iter().all(|piece| piece.2 == *first) => self.forest.action(*first),
            _ => None,
        };
        let mut listed = Vec::new();
        let mut foreign = BTreeMap::new();
        for (&abi, pieces) in &numbers {
            match constant(pieces) {
                Some(action) if action == other => {}
                Some(action) => {
                    foreign.insert(abi, decision(action));
                }
                None if is_blind && split::of_token(&self.forest, root, abi.token()) == residual => {
                    // ABIs that share a token are read together: the program doesn't tell them apart by it.
                    let is_wanted = wanted.iter().any(|other| other.token() == abi.token());
                    let asked = if wanted.is_empty() { abi.endian() == endian } else { is_wanted };
                    if asked {
                        listed.push(abi);
                    }
                }
                None => listed.push(abi),
            }
        }
        let mut abis = BTreeMap::new();
        for abi in listed {
            let policy = self.abi(abi, &numbers[&abi])?;
            // All of it that can be said is one action.
            if policy.calls.values().all(|call| call.clauses.is_empty() && call.otherwise == policy.rest) {
                if policy.rest.action != other {
                    foreign.insert(abi, policy.rest);
                }
            } else {
                abis.insert(abi, policy);
            }
        }
        if abis.is_empty() {
            // Every policy speaks for some ABI.
            let machine = if endian == Endian::Little { Abi::X86_64 } else { Abi::S390x };
            let first = wanted.first().or(foreign.keys().next()).copied().unwrap_or(machine);
            let rest = foreign.remove(&first).unwrap_or_else(|| decision(other));
            let plain = CallPolicy { clauses: Vec::new(), otherwise: rest.clone() };
            let calls = tables::calls(first).map(|(nr, _)| (nr, plain.clone())).collect();
            abis.insert(first, AbiPolicy { calls, rest });
        }
        self.leave_out_tokens(&tokens, &abis, &foreign, other);
        Ok(Policy { abis, foreign, other: decision(other), flags: Vec::new(), listener: None, listener_metadata: None })
    }

    /// What happens to calls of most unknown tokens.
    fn residual(&self, tokens: &[Piece]) -> Tree {
        let mut sizes: BTreeMap<Tree, u64> = BTreeMap::new();
        for &(first, last, tree) in tokens {
            *sizes.entry(tree).or_default() += u64::from(last - first) + 1;
        }
        sizes.into_iter().max_by_key(|&(_, size)| size).map_or(Tree::FALSE, |(tree, _)| tree)
    }

    /// What one ABI's numbers do.
    fn abi(&mut self, abi: Abi, pieces: &[Piece]) -> Result<AbiPolicy, DecompileError> {
        let mut counts: BTreeMap<Tree, u64> = BTreeMap::new();
        let mut unnamed: Vec<Piece> = Vec::new();
        for &(first, last, tree) in pieces {
            let mut next = Some(first);
            let named = tables::calls(abi).map(|(nr, _)| nr).filter(|nr| (first..=last).contains(nr));
            for nr in named {
                if let Some(start) = next.filter(|&start| start < nr) {
                    unnamed.push((start, nr - 1, tree));
                }
                next = nr.checked_add(1);
            }
            if let Some(start) = next.filter(|&start| start <= last) {
                unnamed.push((start, last, tree));
            }
        }
        for &(first, last, tree) in &unnamed {
            *counts.entry(tree).or_default() += u64::from(last - first) + 1;
        }
        let constant = counts.into_iter().filter_map(|(tree, count)| Some((count, self.forest.action(tree)?)));
        let rest = constant.max_by_key(|&(count, action)| (count, std::cmp::Reverse(action)));
        let rest = rest.map_or(Action::KillProcess, |(_, action)| action);
        let mut calls = BTreeMap::new();
        for (nr, _) in tables::calls(abi) {
            if let Some(tree) = split::at(pieces, nr) {
                calls.insert(nr, self.call(abi, nr, tree, rest)?);
            }
        }
        let mut room = MOST_UNNAMED;
        for (first, last, tree) in unnamed {
            if self.forest.action(tree) == Some(rest) {
                continue;
            }
            let count = u64::from(last - first) + 1;
            if count > room {
                self.beyond.push(Beyond::Numbers { abi, numbers: (first, last) });
                continue;
            }
            room -= count;
            for nr in first..=last {
                calls.insert(nr, self.call(abi, nr, tree, rest)?);
            }
        }
        Ok(AbiPolicy { calls, rest: decision(rest) })
    }

    /// What a call does, with the action that most others have left over if it can be.
    fn call(&mut self, abi: Abi, nr: u32, tree: Tree, rest: Action) -> Result<CallPolicy, DecompileError> {
        if let Some(action) = self.forest.action(tree) {
            return Ok(CallPolicy { clauses: Vec::new(), otherwise: decision(action) });
        }
        if let Some(call) = self.calls.get(&(tree, rest)) {
            return Ok(call.clone());
        }
        let mut actions: Vec<Action> = {
            let leaves = self.forest.below(tree, POINTER);
            leaves.into_iter().filter_map(|leaf| self.forest.action(leaf)).collect()
        };
        actions.sort_unstable();
        actions.dedup();
        // Else the strictest.
        let otherwise = if actions.contains(&rest) { rest } else { actions.first().copied().unwrap_or(rest) };
        let mut clauses = Vec::new();
        for action in actions.into_iter().filter(|&action| action != otherwise) {
            let alternatives = self.when(tree, action).map_err(|describe::Entangled| {
                let name = tables::name(abi, nr).map_or_else(|| nr.to_string(), |name| format!("`{name}`"));
                DecompileError::Conditions(format!("{name} on {abi}"))
            })?;
            clauses.extend(alternatives.into_iter().map(|condition| Clause { condition, decision: decision(action) }));
        }
        let call = CallPolicy { clauses, otherwise: decision(otherwise) };
        self.calls.insert((tree, rest), call.clone());
        Ok(call)
    }

    /// When a tree comes to an action.
    fn when(&mut self, tree: Tree, action: Action) -> Result<Vec<Condition>, describe::Entangled> {
        let leaf = self.forest.leaf(action);
        let truth = self.forest.each_leaf(tree, &|found| Tree::truth(found == leaf))?;
        self.describer.alternatives(&mut self.forest, truth)
    }

    /// Notes the tokens for which the policy says something else.
    fn leave_out_tokens(
        &mut self,
        tokens: &[Piece],
        abis: &BTreeMap<Abi, AbiPolicy>,
        foreign: &BTreeMap<Abi, Decision>,
        other: Action,
    ) {
        let spoken_for: Vec<u32> = abis.keys().chain(foreign.keys()).map(|abi| abi.token()).collect();
        for &(first, last, tree) in tokens {
            if self.forest.action(tree) == Some(other) {
                continue;
            }
            let mut inside: Vec<u32> =
                spoken_for.iter().copied().filter(|token| (first..=last).contains(token)).collect();
            inside.sort_unstable();
            inside.dedup();
            let mut next = Some(first);
            let mut leave_out = |start: u32, end: u32| self.beyond.push(Beyond::Tokens { tokens: (start, end) });
            for token in inside {
                if let Some(start) = next.filter(|&start| start < token) {
                    leave_out(start, token - 1);
                }
                next = token.checked_add(1);
            }
            if let Some(start) = next.filter(|&start| start <= last) {
                leave_out(start, last);
            }
        }
    }
}

// The levels of a call stand in this order: the token is cut off first, then the number.
const _: () = assert!(NUMBER < ARGUMENTS && ARGUMENTS < POINTER);
