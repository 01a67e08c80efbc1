//! Calls, actions and causes in words.

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::policy::Cause;
use callgate_compiler::tables;
use callgate_grammar::{Sources, Span};

/// As the language spells it, errnos by name.
pub(crate) fn action(action: Action, abi: Abi) -> String {
    match action {
        Action::Errno(number) => {
            tables::errno_name(abi, number).map_or_else(|| action.to_string(), |name| format!("errno({name})"))
        }
        _ => action.to_string(),
    }
}

/// `socket(0x1, 0x3, 0x0)`: the call with as many arguments as it has parameters.
pub(crate) fn call(abi: Abi, nr: u32, args: &[u64; 6]) -> String {
    let name = tables::name(abi, nr).map_or_else(|| nr.to_string(), str::to_owned);
    let count = tables::prototype(abi, &name).map_or(6, <[_]>::len);
    let args: Vec<_> = args[..count].iter().map(|arg| format!("{arg:#x}")).collect();
    format!("{name}({})", args.join(", "))
}

/// `web.gate:9:8: socket(family in PUBLIC)`
pub(crate) fn cause(cause: &Cause, abi: Abi, sources: &Sources) -> String {
    match cause {
        Cause::Statement(span) | Cause::Known(span) => place(*span, sources),
        Cause::UnlistedAbi => format!("the policy doesn't list {abi}"),
    }
}

/// `web.gate:9:8: socket(family in PUBLIC)`: where, and what is there.
pub(crate) fn place(span: Span, sources: &Sources) -> String {
    let (line, column) = sources.line_column(span.source, span.start);
    format!("{}:{line}:{column}: {}", sources.get(span.source).name, one_line(sources.snippet(span)))
}

/// A piece of a policy, each run of blanks and newlines as one space.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
