//! Where findings are collected while parsing: a list with an upper bound, so that hostile text can't fill memory.

use std::cell::RefCell;

use crate::{Diagnostic, SourceId, Span, codes};

/// No one reads more errors of one file than this.
const MOST_ERRORS: usize = 1_000;

/// The findings of one text, and how to name places in it.
#[derive(Debug)]
pub(crate) struct Report {
    source: SourceId,
    /// Interior mutability because the expression parser borrows the report in several closures at once.
    found: RefCell<Found>,
}

#[derive(Debug, Default)]
struct Found {
    kept: Vec<Diagnostic>,
    total: usize,
}

impl Report {
    pub(crate) fn new(source: SourceId) -> Self {
        Self { source, found: RefCell::default() }
    }

    /// A place in the text, from byte offsets. [`super::parse`] refuses texts whose offsets don't fit.
    pub(crate) fn span(&self, start: usize, end: usize) -> Span {
        let offset = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
        Span { source: self.source, start: offset(start), end: offset(end) }
    }

    pub(crate) fn push(&self, diagnostic: Diagnostic) {
        let mut found = self.found.borrow_mut();
        found.total += 1;
        if found.kept.len() < MOST_ERRORS {
            found.kept.push(diagnostic);
        }
    }

    /// How many findings there were so far; compare two counts to know whether something went wrong in between.
    pub(crate) fn count(&self) -> usize {
        self.found.borrow().total
    }

    /// The findings in the order of the text.
    pub(crate) fn finish(self) -> Vec<Diagnostic> {
        let Found { mut kept, total } = self.found.into_inner();
        kept.sort_by_key(|diagnostic| diagnostic.labels.first().map(|label| (label.span.start, label.span.end)));
        if total > kept.len() {
            let hidden = total - kept.len();
            kept.push(
                Diagnostic::error(codes::TOO_MANY_ERRORS, format!("{hidden} more errors are not shown"))
                    .help("fix the first ones and run again"),
            );
        }
        kept
    }
}
