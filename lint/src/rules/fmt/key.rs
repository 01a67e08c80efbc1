//! Keys of JSON and YAML, written in another way.

use callgate_grammar::Span;

use crate::document::Document;
use crate::finding::{Edit, Finding, Safety};

/// Offers another key in place of the one that stands here, in quotes where it has quotes.
pub(super) fn renamed(document: &Document, finding: Finding, key: Span, name: &str, safety: Safety) -> Finding {
    let written = document.sources.snippet(key);
    let text = if written.starts_with('"') { format!("\"{name}\"") } else { name.to_owned() };
    finding.fix(format!("write `{name}`"), safety, vec![Edit { span: key, text }])
}
