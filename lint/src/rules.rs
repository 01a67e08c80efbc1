//! The rules, a folder a family, a file a rule.

// The fences of a page say how its example is read (`page`), which isn't for rustdoc.
#![allow(rustdoc::invalid_codeblock_attributes)]

use std::sync::OnceLock;

use crate::rule::Rule;

/// The modules of a family and the list of their rules, each with its page.
macro_rules! family {
    ($folder:literal: $($module:ident),* $(,)?) => {
        $(mod $module;)*
        /// The rules of this family.
        pub(super) const RULES: &[crate::rule::Rule] =
            &[$($module::RULE.with_text(include_str!(concat!($folder, "/", stringify!($module), ".rs")))),*];
    };
}

mod compared;
mod edits;
mod entries;
mod gathered;
mod said;

mod abi;
mod arg;
mod bpf;
mod err;
mod exp;
mod fmt;
mod ntf;
mod rtm;
mod rul;
mod sib;
mod sty;

pub(crate) fn all() -> &'static [Rule] {
    static ALL: OnceLock<Vec<Rule>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut rules = [
            abi::RULES,
            arg::RULES,
            bpf::RULES,
            err::RULES,
            exp::RULES,
            fmt::RULES,
            ntf::RULES,
            rtm::RULES,
            rul::RULES,
            sib::RULES,
            sty::RULES,
        ]
        .concat();
        rules.sort_by_key(|rule| rule.id);
        rules
    })
}
