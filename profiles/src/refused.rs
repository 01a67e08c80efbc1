//! What a run did that a policy would refuse, with the statement that would allow it.

use std::collections::BTreeSet;
use std::fmt;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::call::SyscallData;
use callgate_compiler::condition::{Atom, Condition, ValueSet};
use callgate_compiler::outcome::{Undecided, outcomes};
use callgate_compiler::policy::Policy;
use callgate_compiler::tables;

use crate::recording::{Row, Run, Values};

/// A call that was made and would be refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// The ABI it was made through.
    pub abi: Abi,
    /// Its number there.
    pub nr: u32,
    /// The parameter and the value with which it would be; `None`: however it is called.
    pub value: Option<(String, u64)>,
    /// What would happen instead.
    pub action: Action,
}

impl Refused {
    /// The statement that would allow it.
    #[must_use]
    pub fn statement(&self) -> String {
        let name = tables::name(self.abi, self.nr).map_or_else(|| self.nr.to_string(), str::to_owned);
        match &self.value {
            Some((parameter, value)) => format!("allow: {name}({parameter} == {value:#x})"),
            None => format!("allow: {name}"),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = tables::name(self.abi, self.nr).map_or_else(|| format!("call {}", self.nr), str::to_owned);
        let value =
            self.value.as_ref().map(|(parameter, value)| format!(" with {parameter} {value:#x}")).unwrap_or_default();
        let action = match self.action {
            Action::Errno(number) => tables::errno_name(self.abi, number).map(|name| format!("errno({name})")),
            _ => None,
        };
        let action = action.unwrap_or_else(|| self.action.to_string());
        write!(f, "{name}{value} on {} would be answered with {action}: add `{}`", self.abi, self.statement())
    }
}

/// What of a run a policy refuses for certain: whole calls, and single values of parameters that the run has values of.
/// Which values came together a recording doesn't say, so a policy that refuses only some combinations of them isn't found out.
///
/// # Errors
/// [`Undecided`] when a condition is past the prover's budget.
pub fn refused(policy: &Policy, run: &Run) -> Result<Vec<Refused>, Undecided> {
    let mut found = BTreeSet::new();
    for row in &run.rows {
        let call = policy.abis.get(&row.abi).and_then(|abi| abi.calls.get(&row.nr));
        let Some(call) = call else {
            let action = policy.decide(&SyscallData::new(row.abi.token(), row.nr, [0; 6])).action;
            if !action.permits() {
                found.insert(Refused { abi: row.abi, nr: row.nr, value: None, action });
            }
            continue;
        };
        let refusal = |condition: &Condition| {
            let possible = outcomes(call, condition)?;
            let permitted = possible.iter().any(|outcome| outcome.decision.action.permits());
            Ok(if permitted { None } else { possible.first().map(|outcome| outcome.decision.action) })
        };
        if let Some(action) = refusal(&Condition::Always)? {
            found.insert(Refused { abi: row.abi, nr: row.nr, value: None, action });
            continue;
        }
        for (parameter, value, condition) in values(row) {
            if let Some(action) = refusal(&condition)? {
                found.insert(Refused { abi: row.abi, nr: row.nr, value: Some((parameter, value)), action });
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// Every value a row has of a parameter, and that it is this value.
fn values(row: &Row) -> Vec<(String, u64, Condition)> {
    let mut all = Vec::new();
    for (parameter, values) in &row.arguments {
        let known = tables::name(row.abi, row.nr).and_then(|name| tables::parameter(row.abi, name, parameter));
        let (Values::Seen(values), Some((index, known))) = (values, known) else { continue };
        for &value in values {
            let value = value & known.width.max();
            let atom = Atom { arg: index, width: known.width, mask: known.width.max(), values: ValueSet::one(value) };
            all.push((parameter.clone(), value, Condition::Atom(atom)));
        }
    }
    all
}
