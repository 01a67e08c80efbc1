//! What each named call does, for formats that know names and actions alone.

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::policy::Policy;

use super::one_abi::actions;
use super::rules::by_name;
use super::{Difference, ExportError, Format, Problem, spelled};

/// What goes into a file.
pub(super) struct Named {
    /// What every call does that is not in the list.
    pub(super) default: Action,
    /// Every named call.
    pub(super) calls: BTreeMap<&'static str, Action>,
    /// Where the file says something else than the policy.
    pub(super) notes: Vec<String>,
    /// The calls that the file is stricter about.
    pub(super) lossy: BTreeSet<String>,
}

/// Decides what each call does in a file that can say the actions `says` is true of.
pub(super) fn plan(
    policy: &Policy,
    format: Format,
    allow_lossy: bool,
    says: impl Fn(Action) -> bool,
) -> Result<Named, ExportError> {
    let rests: BTreeSet<Action> = policy.abis.values().map(|abi| abi.rest.action).collect();
    // The least is the strictest.
    let rest = rests.first().copied().unwrap_or(Action::KillProcess);
    let default = if says(rest) { rest } else { strictest_said(&says) };
    let mut notes = Vec::new();
    if rests.len() > 1 || default != rest {
        let spelled_out: Vec<String> = rests.iter().map(|action| spelled(*action)).collect();
        notes.push(format!(
            "numbers without a name get the file's default, {}; the policy says {}",
            spelled(default),
            spelled_out.join(" and ")
        ));
    }
    let mut calls = BTreeMap::new();
    let mut differences = Vec::new();
    let mut lossy = BTreeSet::new();
    for (name, decisions) in by_name(policy) {
        let found: BTreeMap<Abi, BTreeSet<Action>> =
            decisions.iter().map(|(&abi, call)| (abi, actions(call).collect())).collect();
        let all: BTreeSet<Action> = found.values().flatten().copied().collect();
        let problem = match all.first() {
            Some(&action) if all.len() == 1 && says(action) => {
                calls.insert(name, action);
                continue;
            }
            Some(&action) if all.len() == 1 => Problem::Unsayable(format!("is {}", spelled(action))),
            _ if found.values().any(|actions| actions.len() > 1) => {
                Problem::Unsayable("depends on its arguments".to_owned())
            }
            _ => Problem::AbisDisagree(found.into_keys().collect()),
        };
        let difference = Difference { call: name.to_owned(), problem };
        if allow_lossy {
            let least = all.first().copied().filter(|action| says(*action)).unwrap_or(strictest_said(&says));
            notes.push(format!("{difference}: the file says {} for all of it", spelled(least)));
            calls.insert(name, least);
            lossy.insert(name.to_owned());
        } else {
            differences.push(difference);
        }
    }
    if differences.is_empty() {
        Ok(Named { default, calls, notes, lossy })
    } else {
        Err(ExportError::Differs { format, differences })
    }
}

/// The strictest action that a file can say.
fn strictest_said(says: &impl Fn(Action) -> bool) -> Action {
    let all = [Action::KillProcess, Action::KillThread, Action::Errno(1)];
    all.into_iter().find(|action| says(*action)).unwrap_or(Action::KillProcess)
}
