//! Why a command stopped: one message, one next step, one exit status.

use std::error::Error;
use std::fmt;
use std::path::Path;

/// Findings, when a command's business is to find some.
pub(crate) const EXIT_FOUND: u8 = 1;
/// Usage, input or output.
pub(crate) const EXIT_ERROR: u8 = 2;
/// A recording that is not complete.
pub(crate) const EXIT_INCOMPLETE: u8 = 3;

/// What `main` prints before it exits.
#[derive(Debug)]
pub(crate) struct Failure {
    /// One line; empty when everything has been said already.
    message: String,
    help: Option<String>,
    pub(crate) status: u8,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, status: EXIT_ERROR }
    }

    /// A failure whose diagnostics have been printed.
    pub(crate) fn said(status: u8) -> Self {
        Self { message: String::new(), help: None, status }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says which file it is about.
    pub(crate) fn in_file(mut self, path: &Path) -> Self {
        self.message = format!("{}: {}", path.display(), self.message);
        self
    }

    pub(crate) fn status(mut self, status: u8) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn is_said(&self) -> bool {
        self.message.is_empty()
    }
}

impl<E: Error> From<E> for Failure {
    /// An error of a library. What follows its `next:` is the next step.
    fn from(error: E) -> Self {
        let text = error.to_string();
        match text.split_once("\n  next: ") {
            Some((message, next)) => Self::new(message).help(next),
            None => Self::new(text),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  = help: {help}"),
            None => Ok(()),
        }
    }
}

/// What a command comes to: the exit status, or why it stopped.
pub(crate) type Outcome = Result<u8, Failure>;
