//! Findings as data. Rendering them is the command line's business.

use crate::Span;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Something the author should know; changes nothing.
    Note,
    /// Probably not what was meant; the policy is still compiled.
    Warning,
    /// The policy can't be compiled.
    Error,
}

/// A place and what to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there; may be empty for the main place.
    pub text: String,
}

/// One finding: what is wrong, where, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A short stable name, `unknown-syscall` for instance; tests and tools match on it.
    pub code: &'static str,
    /// One line, no full stop.
    pub message: String,
    /// The main place first. Empty only when the finding is about the policy as a whole.
    pub labels: Vec<Label>,
    /// Facts that explain the finding, one line each.
    pub notes: Vec<String>,
    /// What to do next, if there is one thing to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A finding at one place. Builder methods add the rest.
    #[must_use]
    pub fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self { severity, code, message: message.into(), labels: Vec::new(), notes: Vec::new(), help: None }
    }

    /// An error; see [`Diagnostic::new`].
    #[must_use]
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A warning; see [`Diagnostic::new`].
    #[must_use]
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// A note; see [`Diagnostic::new`].
    #[must_use]
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    /// Adds a place.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn because(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether the policy can't be compiled because of this.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
