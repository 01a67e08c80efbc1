//! Calls as rules and data files write them, resolved once.
//!
//! Every rule asks every profile the same questions. Reading and typing one costs more than answering it, and what comes of it
//! depends on the text and the ABI alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use callgate_compiler::abi::Abi;
use callgate_compiler::lower::{CallPattern, PatternError, call_pattern};
use callgate_grammar::{SourceId, parse_call};

type Known = HashMap<Abi, HashMap<String, Option<Arc<CallPattern>>>>;

/// The calls that a text stands for on an ABI; `None` when the ABI has no such call.
///
/// # Panics
/// When the text is no call: it is written in the linter, and a test asks every one.
pub(crate) fn pattern(abi: Abi, call: &str) -> Option<Arc<CallPattern>> {
    static KNOWN: OnceLock<Mutex<Known>> = OnceLock::new();
    let known = KNOWN.get_or_init(Mutex::default);
    let lock = || known.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = lock().get(&abi).and_then(|calls| calls.get(call)) {
        return found.clone();
    }
    let read = read(abi, call);
    lock().entry(abi).or_default().insert(call.to_owned(), read.clone());
    read
}

fn read(abi: Abi, call: &str) -> Option<Arc<CallPattern>> {
    let parsed = parse_call(SourceId::default(), call).unwrap_or_else(|why| panic!("`{call}` is no call: {why:?}"));
    match call_pattern(&parsed, abi) {
        Ok(pattern) => Some(Arc::new(pattern)),
        Err(PatternError::Absent) => None,
        Err(PatternError::Wrong(why)) => panic!("`{call}` is no call on {abi}: {why:?}"),
    }
}
