//! The ways a call can be decided, each with a mark of where it comes from.

use crate::action::Action;
use crate::condition::Condition;
use crate::policy::{CallPolicy, Cause, Clause, Decision};

/// One way: when the condition holds and none before it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way<M> {
    pub(super) condition: Condition,
    pub(super) action: Action,
    pub(super) mark: M,
}

/// A [`CallPolicy`] with marks in place of causes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ways<M> {
    pub(super) clauses: Vec<Way<M>>,
    pub(super) otherwise: (Action, M),
}

impl<M> Ways<M> {
    /// What it means, for the prover.
    pub(super) fn call(&self) -> CallPolicy {
        let decision = |action| Decision { action, cause: Cause::UnlistedAbi };
        let clause = |way: &Way<M>| Clause { condition: way.condition.clone(), decision: decision(way.action) };
        CallPolicy { clauses: self.clauses.iter().map(clause).collect(), otherwise: decision(self.otherwise.0) }
    }

    /// The call whose decisions these marks stand for; `None` when one stands for none.
    pub(super) fn decided(&self, decision: impl Fn(&M) -> Option<Decision>) -> Option<CallPolicy> {
        let clauses = self
            .clauses
            .iter()
            .map(|way| Some(Clause { condition: way.condition.clone(), decision: decision(&way.mark)? }));
        Some(CallPolicy { clauses: clauses.collect::<Option<_>>()?, otherwise: decision(&self.otherwise.1)? })
    }
}
