//! The flags and the listener of combined policies.
//!
//! Read in kernel/seccomp.c, Linux 6.18: `SPEC_ALLOW` acts on the task, and one filter without it is enough for the
//! mitigation; `LOG` is the filter's whose action is taken; `TSYNC` puts the filters loaded so far on every thread;
//! `WAIT_KILLABLE_RECV` belongs to the listener. A task has one listener at most (`has_duplicate_listener`, EBUSY), and a
//! filter that notifies without having one answers ENOSYS (`seccomp_do_user_notification`).

use super::{CombineError, Rule};
use crate::action::Action;
use crate::policy::{FilterFlag, Policy};

/// The flags of what the policies come to, ascending.
pub(super) fn flags(rule: Rule, policies: &[Policy]) -> Result<Vec<FilterFlag>, CombineError> {
    let mut flags = Vec::new();
    for &(flag, ..) in FilterFlag::ALL {
        let with = policies.iter().position(|policy| policy.flags.contains(&flag));
        let without = policies.iter().position(|policy| !policy.flags.contains(&flag));
        let had = match (flag, with, without) {
            (_, None, _) => false,
            (_, _, None) => true,
            // The mitigation is on unless every filter does without it.
            (FilterFlag::SpecAllow, ..) => false,
            (FilterFlag::Log | FilterFlag::Tsync, Some(with), Some(without)) if rule == Rule::Stack => {
                return Err(CombineError::FlagOfSome { flag, with, without });
            }
            // Those that add to what is done, not to what is allowed: one that asks for it gets it.
            _ => true,
        };
        if had {
            flags.push(flag);
        }
    }
    flags.sort_unstable();
    Ok(flags)
}

/// The policy whose listener is that of what the policies come to, if one has a listener.
pub(super) fn listener(rule: Rule, policies: &[Policy]) -> Result<Option<&Policy>, CombineError> {
    let mut listeners = policies.iter().enumerate().filter(|(_, policy)| policy.listener.is_some());
    let Some((first, listening)) = listeners.next() else { return Ok(None) };
    for (input, other) in listeners {
        if rule == Rule::Stack {
            return Err(CombineError::TwoListeners(first, input));
        }
        let told = |policy: &Policy| (policy.listener.clone(), policy.listener_metadata.clone());
        if told(other) != told(listening) {
            return Err(CombineError::DifferentListeners(first, input));
        }
    }
    if rule == Rule::Stack {
        let notifies = |policy: &Policy| policy.listener.is_none() && policy.actions().contains(&Action::Notify);
        if let Some(silent) = policies.iter().position(notifies) {
            return Err(CombineError::NotifiesAlone { silent, with_listener: first });
        }
    }
    Ok(Some(listening))
}
