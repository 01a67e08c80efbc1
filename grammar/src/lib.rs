#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod codes;
mod diagnostic;
mod format;
mod parse;
mod print;
mod span;
mod suggest;
pub mod tree;

pub use diagnostic::{Diagnostic, Label, Severity};
pub use format::format;
pub use parse::{parse, parse_call, parse_verb};
pub use print::print;
pub use span::{Source, SourceId, Sources, Span, Spanned};
pub use suggest::did_you_mean;
