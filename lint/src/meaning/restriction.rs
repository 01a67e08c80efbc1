//! Calls that a profile says no to, in whole or in part, by a statement of its own.

use callgate_compiler::abi::Abi;
use callgate_compiler::outcome::Undecided;
use callgate_grammar::Span;

use super::{Answer, Meaning, refuses};

/// A call that isn't simply open.
#[derive(Clone, Debug)]
pub struct Restriction<'a> {
    /// A call that is refused.
    pub refused: Answer<'a>,
    /// Whether none is let through.
    pub whole: bool,
    /// The statement that names the call and refuses it, or that lets only some of its calls through. `None`: the default
    /// refuses it, as it does everything that nobody named.
    pub named: Option<Span>,
}

impl Meaning {
    /// How a call with a name is restricted on an ABI; `None` when nothing of it is refused, or the ABI has no such call.
    ///
    /// `errno(ENOSYS)` is no refusal, and a tracer or a supervisor may let a call through: see [`refuses`].
    ///
    /// # Errors
    /// Past the prover's budget.
    pub fn restriction(&self, abi: Abi, call: &str) -> Result<Option<Restriction<'_>>, Undecided> {
        let answers = self.answers(abi, call)?;
        let Some(refused) = answers.iter().find(|answer| refuses(abi, answer.decision.action)) else {
            return Ok(None);
        };
        let place = |answer: &Answer<'_>| answer.place().filter(|_| !self.is_default(abi, answer.decision));
        let whole = !answers.iter().any(Answer::executes);
        let by_refusal = answers.iter().filter(|answer| refuses(abi, answer.decision.action)).find_map(place);
        // Where the default refuses, a condition on what is allowed restricts.
        let by_condition = || answers.iter().filter(|answer| answer.executes()).find_map(place);
        let named = by_refusal.or_else(|| if whole { None } else { by_condition() });
        Ok(Some(Restriction { refused: refused.clone(), whole, named }))
    }

    /// The refusal of every call that the text stands for on an ABI; `None` when something else happens to one of them, or the
    /// ABI has none.
    ///
    /// # Errors
    /// Past the prover's budget.
    pub fn refusal(&self, abi: Abi, call: &str) -> Result<Option<Answer<'_>>, Undecided> {
        let answers = self.answers(abi, call)?;
        let all = answers.iter().all(|answer| refuses(abi, answer.decision.action));
        Ok(answers.into_iter().next().filter(|_| all))
    }
}
