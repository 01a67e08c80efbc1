//! The callgate policy language: text to syntax tree and back.
#![forbid(unsafe_code)]

mod diagnostic;
mod span;
pub mod tree;

pub use diagnostic::{Diagnostic, Label, Severity};
pub use span::{Source, SourceId, Sources, Span, Spanned};
