//! Edits of JSON profiles.

use callgate_grammar::Span;

use crate::document::Document;
use crate::finding::Edit;

/// Whether the place is in the document's own text, and that is JSON: YAML has other commas.
pub(super) fn is_json(document: &Document, span: Span) -> bool {
    span.source == document.source && document.text().trim_start().starts_with('{')
}

/// Takes elements out of their lists, each with a comma. `None` when one stands alone, or two want the same comma.
pub(super) fn without(document: &Document, elements: &[Span]) -> Option<Vec<Edit>> {
    let mut edits = elements.iter().map(|&span| without_one(document, span)).collect::<Option<Vec<_>>>()?;
    edits.sort_by_key(|edit| edit.span);
    let apart = edits.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start);
    apart.then_some(edits)
}

fn without_one(document: &Document, span: Span) -> Option<Edit> {
    let text = document.text();
    let (before, after) = (&text[..span.start as usize], &text[span.end as usize..]);
    let length = |text: &str| u32::try_from(text.len()).ok();
    let span = if let Some(rest) = after.trim_start().strip_prefix(',') {
        Span { end: length(text)? - length(rest.trim_start())?, ..span }
    } else {
        Span { start: length(before.trim_end().strip_suffix(',')?)?, ..span }
    };
    Some(Edit { span, text: String::new() })
}

/// Puts an element before another one of a list, on a line of its own if that stands on one.
pub(super) fn before(document: &Document, element: Span, text: &str) -> Edit {
    let start = &document.text()[..element.start as usize];
    let line = start.rsplit('\n').next().unwrap_or_default();
    let between = if line.trim().is_empty() { format!(",\n{line}") } else { ", ".to_owned() };
    Edit { span: Span { end: element.start, ..element }, text: format!("{text}{between}") }
}
