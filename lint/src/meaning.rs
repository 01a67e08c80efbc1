//! Questions to what a profile means.

pub(crate) mod known;
mod restriction;
mod word;

pub use restriction::Restriction;
pub(crate) use word::{Fate, Replaced, Upper, arguments, is_cut, possible, when};

use std::collections::BTreeSet;
use std::sync::Arc;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::call::SyscallData;
use callgate_compiler::condition::Condition;
use callgate_compiler::outcome::Undecided;
use callgate_compiler::policy::{CallPolicy, Cause, Decision, Policy};
use callgate_compiler::tables;
use callgate_grammar::Span;
use callgate_grammar::tree::Version;

use crate::capability::USER_NAMESPACE;
use crate::finding::Witness;
use crate::pattern::{Pattern, example, pattern};

/// A profile for one target: what it does with every call on a kernel, for a process with some capabilities.
#[derive(Clone, Debug)]
pub struct Meaning {
    /// What it does. Its causes point into the document.
    pub policy: Policy,
    /// What the process may, without `CAP_`.
    pub capabilities: BTreeSet<&'static str>,
    /// The kernel it is for.
    pub kernel: Version,
}

/// What happens to some call of those that were asked about.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// What, and because of which statement.
    pub decision: &'a Decision,
    /// Such a call.
    pub witness: Witness,
}

impl Answer<'_> {
    /// The same of another ABI, where the rule is the same.
    fn made_through(self, abi: Abi, nr: u32) -> Self {
        Self { witness: Witness { abi, nr, ..self.witness }, ..self }
    }

    /// Where it was decided, if a statement of the document did.
    #[must_use]
    pub fn place(&self) -> Option<Span> {
        place(self.decision)
    }

    /// Whether the kernel runs the call, now or after a tracer or a supervisor said so (see [`Action::permits`]).
    #[must_use]
    pub fn permits(&self) -> bool {
        self.decision.action.permits()
    }

    /// Whether the kernel runs the call without asking anyone: allow, and log.
    #[must_use]
    pub fn executes(&self) -> bool {
        matches!(self.decision.action, Action::Allow | Action::Log)
    }
}

impl Meaning {
    /// Everything that can happen to the calls that a text of the language stands for (`socket(family == AF_ALG)`,
    /// `clone(flags has CLONE_NEWUSER)`), each with such a call; nothing where the ABI has no such call. What the text leaves
    /// out means every value.
    ///
    /// # Errors
    /// Past the prover's budget.
    ///
    /// # Panics
    /// When the text is no call: rules write theirs down, and a test asks every one.
    pub fn answers(&self, abi: Abi, call: &str) -> Result<Vec<Answer<'_>>, Undecided> {
        let (Some(listed), Some(pattern)) = (self.policy.abis.get(&abi), pattern(abi, call)) else {
            return Ok(Vec::new());
        };
        let rule = listed.calls.get(&pattern.nr);
        match rule.map_or(Some(&listed.rest), |rule| rule.clauses.is_empty().then_some(&rule.otherwise)) {
            // Nothing to prove: every call that meets the condition has the one answer there is.
            Some(decision) => {
                let witness = |args| Witness { abi, nr: pattern.nr, args, action: decision.action };
                Ok(pattern.example?.into_iter().map(|args| Answer { decision, witness: witness(args) }).collect())
            }
            None => self.answers_when(abi, pattern.nr, &pattern.condition),
        }
    }

    /// As [`Meaning::answers`], of a number whose arguments meet a condition.
    ///
    /// # Errors
    /// Past the prover's budget.
    pub fn answers_when<'a>(&'a self, abi: Abi, nr: u32, condition: &Condition) -> Result<Vec<Answer<'a>>, Undecided> {
        let Some(listed) = self.policy.abis.get(&abi) else { return Ok(Vec::new()) };
        let answer = |decision: &'a Decision, example| Answer {
            decision,
            witness: Witness { abi, nr, args: example, action: decision.action },
        };
        match listed.calls.get(&nr) {
            None => Ok(vec![answer(&listed.rest, [0; 6])]),
            // Nothing to prove: every call that meets the condition has the one answer there is.
            Some(call) if call.clauses.is_empty() => {
                Ok(example(condition)?.into_iter().map(|one| answer(&call.otherwise, one)).collect())
            }
            Some(call) => {
                Ok(known::outcomes(call, condition)?.into_iter().map(|one| answer(one.decision, one.example)).collect())
            }
        }
    }

    /// A call of those the text stands for that the kernel runs ([`Answer::executes`]), if there is one.
    ///
    /// # Errors
    /// Past the prover's budget.
    pub fn reached(&self, abi: Abi, call: &str) -> Result<Option<Answer<'_>>, Undecided> {
        Ok(self.answers(abi, call)?.into_iter().find(Answer::executes))
    }

    /// As [`Meaning::reached`], on every listed ABI. ABIs with one rule for the call and one meaning of the text are proven once.
    ///
    /// # Errors
    /// Past the prover's budget.
    pub fn reached_on_each(&self, call: &str) -> Result<Vec<Answer<'_>>, Undecided> {
        let mut proven: Vec<(&CallPolicy, Arc<Pattern>, Option<Answer<'_>>)> = Vec::new();
        let mut reached = Vec::new();
        for (&abi, listed) in &self.policy.abis {
            let Some(pattern) = pattern(abi, call) else { continue };
            let Some(rule) = listed.calls.get(&pattern.nr).filter(|rule| !rule.clauses.is_empty()) else {
                reached.extend(self.reached(abi, call)?);
                continue;
            };
            let same =
                |known: &&(&CallPolicy, Arc<Pattern>, _)| known.0 == rule && known.1.condition == pattern.condition;
            let answer = match proven.iter().find(same) {
                Some((.., known)) => known.clone().map(|answer| answer.made_through(abi, pattern.nr)),
                None => {
                    let answer = self.reached(abi, call)?;
                    proven.push((rule, pattern, answer.clone()));
                    answer
                }
            };
            reached.extend(answer);
        }
        Ok(reached)
    }

    /// A call of those the text stands for that the kernel runs on some ABI, this machine's kind first.
    ///
    /// # Errors
    /// Past the prover's budget.
    pub fn reached_anywhere(&self, call: &str) -> Result<Option<Answer<'_>>, Undecided> {
        for &abi in self.policy.abis.keys() {
            if let Some(answer) = self.reached(abi, call)? {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    /// Where it was decided what happens to a call, if a statement of the document did.
    #[must_use]
    pub fn place_of(&self, call: &Witness) -> Option<Span> {
        let data = SyscallData::new(call.abi.token(), call.nr, call.args);
        place(self.policy.decide(&data))
    }

    /// Whether every call with this name is run, whatever its arguments, on every listed ABI that has it; `false` when
    /// none has it.
    #[must_use]
    pub fn is_open(&self, call: &str) -> bool {
        let mut rules = self.rules(call).peekable();
        rules.peek().is_some()
            && rules.all(|(_, rule)| {
                let decisions = rule.clauses.iter().map(|clause| &clause.decision).chain([&rule.otherwise]);
                decisions.into_iter().all(|decision| matches!(decision.action, Action::Allow | Action::Log))
            })
    }

    /// Whether the process has a capability, or can have it: in a user namespace of its own it has every one
    /// (`user_namespaces(7)`), so a call that can make such a namespace counts.
    ///
    /// # Errors
    /// Past the prover's budget.
    pub fn may_hold(&self, capability: &str) -> Result<bool, Undecided> {
        if self.capabilities.contains(capability) {
            return Ok(true);
        }
        for call in USER_NAMESPACE {
            if self.reached_anywhere(call)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a decision is what happens on the ABI to calls that no statement names.
    #[must_use]
    pub fn is_default(&self, abi: Abi, decision: &Decision) -> bool {
        self.policy.abis.get(&abi).is_some_and(|listed| listed.rest.cause == decision.cause)
    }

    /// What is said about a call by name, on every listed ABI that has it.
    pub fn rules(&self, call: &str) -> impl Iterator<Item = (Abi, &CallPolicy)> {
        self.policy
            .abis
            .iter()
            .filter_map(move |(&abi, listed)| Some((abi, listed.calls.get(&tables::number(abi, call)?)?)))
    }
}

/// Where something was decided, if a statement did.
pub(crate) fn place(decision: &Decision) -> Option<Span> {
    match decision.cause {
        Cause::Statement(span) | Cause::Known(span) => Some(span),
        Cause::UnlistedAbi => None,
    }
}

/// ENOSYS on every machine but MIPS (include/uapi/asm-generic/errno.h, Linux 6.12): who writes it means ENOSYS.
pub(crate) const USUAL_ENOSYS: u16 = 38;

/// Whether an action says no. `errno(ENOSYS)` says "fall back on the older call", and a tracer or a supervisor may say yes.
#[must_use]
pub fn refuses(abi: Abi, action: Action) -> bool {
    match action {
        Action::KillProcess | Action::KillThread | Action::Trap(_) => true,
        Action::Errno(number) => number != USUAL_ENOSYS && tables::errno(abi, "ENOSYS") != Some(number),
        Action::Notify | Action::Trace(_) | Action::Log | Action::Allow => false,
    }
}
