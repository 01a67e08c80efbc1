//! Actions as verbs.

use std::cmp::Reverse;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::{Action, MAX_ERRNO};
use callgate_compiler::tables;

/// A verb as the language spells it on an ABI. What permits most comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Verb {
    order: Reverse<Action>,
    pub(super) text: String,
}

/// How an action is written about an ABI: errors have names, and their numbers differ.
pub(super) fn verb(abi: Abi, action: Action) -> Verb {
    let text = match action {
        Action::Errno(number) => {
            let number = number.min(MAX_ERRNO);
            match tables::errno_name(abi, number) {
                Some("EPERM") => "deny".to_owned(),
                Some(name) => format!("errno({name})"),
                None => format!("errno({number})"),
            }
        }
        _ => action.to_string(),
    };
    // Errors with one name are one verb, whatever their numbers.
    let order = if let Action::Errno(_) = action { Action::Errno(0) } else { action };
    Verb { order: Reverse(order), text }
}
