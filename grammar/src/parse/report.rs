//! Where findings are collected while parsing: a list with an upper bound, so that hostile text can't fill memory.

use std::cell::{Cell, RefCell};

use crate::{Diagnostic, SourceId, Span, codes};

/// No one reads more errors of one file than this.
const MOST_ERRORS: usize = 1_000;

/// The findings of one text, and how to name places in it.
#[derive(Debug)]
pub(crate) struct Report {
    source: SourceId,
    /// Interior mutability because the expression parser borrows the report in several closures at once.
    kept: RefCell<Vec<Diagnostic>>,
    total: Cell<usize>,
}

impl Report {
    pub(crate) fn new(source: SourceId) -> Self {
        Self { source, kept: RefCell::default(), total: Cell::new(0) }
    }

    /// A place in the text, from byte offsets. [`super::parse`] refuses texts whose offsets don't fit.
    pub(crate) fn span(&self, start: usize, end: usize) -> Span {
        let offset = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
        Span { source: self.source, start: offset(start), end: offset(end) }
    }

    pub(crate) fn push(&self, diagnostic: Diagnostic) {
        if !self.is_full() {
            self.kept.borrow_mut().push(diagnostic);
        }
        self.total.set(self.total.get() + 1);
    }

    /// How many findings there were so far; compare two counts to know whether something went wrong in between.
    pub(crate) fn count(&self) -> usize {
        self.total.get()
    }

    /// Whether there is no point in reading on.
    pub(crate) fn is_full(&self) -> bool {
        self.count() >= MOST_ERRORS
    }

    /// The findings in the order of the text.
    pub(crate) fn finish(self) -> Vec<Diagnostic> {
        let is_full = self.is_full();
        let mut found = self.kept.into_inner();
        found.sort_by_key(|diagnostic| diagnostic.labels.first().map(|label| (label.span.start, label.span.end)));
        if is_full {
            found.push(
                Diagnostic::error(codes::TOO_MANY_ERRORS, format!("there are {MOST_ERRORS} errors or more"))
                    .because("the rest of the text was not read")
                    .help("fix these first and run again"),
            );
        }
        found
    }
}
