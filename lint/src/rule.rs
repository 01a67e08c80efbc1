//! What a rule is.

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::page::Page;

/// Looks at a document and collects what it finds.
///
/// # Errors
/// When the prover's budget is used up. What was found before counts.
pub type Check = fn(&Document, &mut Findings) -> Result<(), Undecided>;

/// One rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its id, which never changes: three letters of its family and a number (`ARG001`).
    pub id: &'static str,
    /// What it finds, in a few words with dashes (`int-arg-compared-as-64-bit`).
    pub name: &'static str,
    /// How bad that is. A rule may find lesser cases, never worse ones.
    pub severity: Severity,
    /// Whether it is asked when no one selects rules.
    pub default: bool,
    /// The check.
    pub check: Check,
    /// Its source file, whose first comment is the page; see [`Rule::page`].
    pub(crate) text: &'static str,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Rule {}

impl Rule {
    /// A rule without its page, which its family adds.
    pub(crate) const fn new(id: &'static str, name: &'static str, severity: Severity, check: Check) -> Self {
        Self { id, name, severity, default: true, check, text: "" }
    }

    /// The rule is asked only when someone selects it.
    pub(crate) const fn off_by_default(mut self) -> Self {
        self.default = false;
        self
    }

    pub(crate) const fn with_text(mut self, text: &'static str) -> Self {
        self.text = text;
        self
    }

    /// The three letters that its id begins with.
    #[must_use]
    pub fn family(&self) -> &'static str {
        self.id.get(..3).unwrap_or(self.id)
    }

    /// What, why, an example, a near miss, what to do instead, and where it is written.
    #[must_use]
    pub fn page(&self) -> Page {
        Page::of(self)
    }
}
