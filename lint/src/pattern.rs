//! Calls as rules and data files write them, resolved once.
//!
//! Every rule asks every profile the same questions. Reading and typing one costs more than answering it, and what comes of it
//! depends on the text and the ABI alone; so does a call that shows it, where the profile makes no difference among them.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use callgate_compiler::abi::Abi;
use callgate_compiler::condition::Condition;
use callgate_compiler::lower::{PatternError, call_pattern};
use callgate_compiler::outcome::Undecided;
use callgate_grammar::{SourceId, parse_call};
use rustc_hash::FxHashMap;

use crate::meaning::known;

/// The calls that a text stands for on an ABI.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// `seccomp_data.nr`.
    pub(crate) nr: u32,
    /// What their arguments meet.
    pub(crate) condition: Condition,
    /// Arguments that do; `None` where none can.
    pub(crate) example: Result<Option<[u64; 6]>, Undecided>,
}

type Known = FxHashMap<Abi, FxHashMap<String, Option<Arc<Pattern>>>>;

/// The calls that a text stands for on an ABI; `None` when the ABI has no such call.
///
/// # Panics
/// When the text is no call: it is written in the linter, and a test asks every one.
pub(crate) fn pattern(abi: Abi, call: &str) -> Option<Arc<Pattern>> {
    static KNOWN: OnceLock<RwLock<Known>> = OnceLock::new();
    let known = KNOWN.get_or_init(RwLock::default);
    if let Some(found) =
        known.read().unwrap_or_else(PoisonError::into_inner).get(&abi).and_then(|calls| calls.get(call))
    {
        return found.clone();
    }
    let read = read(abi, call);
    known.write().unwrap_or_else(PoisonError::into_inner).entry(abi).or_default().insert(call.to_owned(), read.clone());
    read
}

fn read(abi: Abi, call: &str) -> Option<Arc<Pattern>> {
    let parsed = parse_call(SourceId::default(), call).unwrap_or_else(|why| panic!("`{call}` is no call: {why:?}"));
    match call_pattern(&parsed, abi) {
        Ok(found) => {
            let example = example(&found.condition);
            Some(Arc::new(Pattern { nr: found.nr, condition: found.condition, example }))
        }
        Err(PatternError::Absent) => None,
        Err(PatternError::Wrong(why)) => panic!("`{call}` is no call on {abi}: {why:?}"),
    }
}

/// Arguments that meet a condition, if there are some.
pub(crate) fn example(condition: &Condition) -> Result<Option<[u64; 6]>, Undecided> {
    match condition {
        Condition::Always => Ok(Some([0; 6])),
        Condition::All(parts) if parts.is_empty() => Ok(Some([0; 6])),
        _ => known::arguments(condition),
    }
}
