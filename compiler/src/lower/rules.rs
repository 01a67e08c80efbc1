//! What the statements say, entry by entry, before precedence decides.

use std::collections::BTreeMap;

use callgate_grammar::Span;

use crate::abi::Abi;
use crate::action::Action;
use crate::condition::Condition;

/// How specific an entry is, most specific first. Within a layer, the first rank that matches decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// A condition that holds.
    Condition,
    /// The call's name or number.
    Name,
    /// A group the call is in.
    Group,
}

/// One target of one statement, for one number of one ABI.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) layer: u32,
    pub(super) rank: Rank,
    /// [`Condition::Always`] unless the rank is [`Rank::Condition`].
    pub(super) condition: Condition,
    pub(super) action: Action,
    /// The target as written.
    pub(super) span: Span,
}

/// An action for everything that no entry decides.
#[derive(Clone, Debug)]
pub(super) struct Fallback {
    pub(super) layer: u32,
    pub(super) action: Action,
    pub(super) span: Span,
}

/// Everything the statements say about calls.
#[derive(Clone, Default)]
pub(super) struct Rules {
    pub(super) calls: BTreeMap<(Abi, u32), Vec<Entry>>,
    /// The same of calls that a multiplexer carries, by the multiplexer's number and the value that chooses the call.
    /// Conditions are on arguments that the multiplexer hides, so here they are [`Condition::Always`] whatever the rank.
    pub(super) parts: BTreeMap<(Abi, u32, u64), Vec<Entry>>,
    /// `all`, by ABI.
    pub(super) all: BTreeMap<Abi, Vec<Fallback>>,
    /// `unknown`, by ABI.
    pub(super) unknown: BTreeMap<Abi, Vec<Fallback>>,
    /// `arch X`.
    pub(super) foreign: BTreeMap<Abi, Vec<Fallback>>,
    /// `arch other`.
    pub(super) other: Vec<Fallback>,
}
