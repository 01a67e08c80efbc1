//! Findings as data. How they look is for others to say.

use std::fmt;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::tables;
use callgate_grammar::{Label, Severity, Span};

use crate::rule::Rule;

/// Whether a fix can change what the profile means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Safety {
    /// The profile means the same afterwards, or what its author demonstrably meant: `--fix` makes it.
    Safe,
    /// It changes what the profile allows: shown, and made only when asked for by `--unsafe-fixes`.
    Unsafe,
}

/// One replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What goes. Empty: something is put in.
    pub span: Span,
    /// What comes.
    pub text: String,
}

/// A way to be rid of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does, one line.
    pub title: String,
    /// Whether it is made unasked.
    pub safety: Safety,
    /// In the order of the text, without overlap.
    pub edits: Vec<Edit>,
}

/// A call that shows a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The ABI it is made through.
    pub abi: Abi,
    /// `seccomp_data.nr`.
    pub nr: u32,
    /// Its argument words; those that don't matter are zero.
    pub args: [u64; 6],
    /// What happens to it.
    pub action: Action,
}

/// What a rule found at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which rule.
    pub rule: &'static Rule,
    /// How bad it is: as the rule says, or less.
    pub severity: Severity,
    /// One line, no full stop.
    pub message: String,
    /// The main place first, then what belongs to it: the statement that lets a call through beside one that refuses it.
    pub labels: Vec<Label>,
    /// A call that shows it.
    pub witness: Option<Witness>,
    /// Facts, one line each.
    pub notes: Vec<String>,
    /// What to do, if there is one thing to do.
    pub help: Option<String>,
    /// Ways to do it, the best first.
    pub fixes: Vec<Fix>,
}

impl Finding {
    /// A finding of a rule, with its severity. Builder methods add the rest.
    #[must_use]
    pub fn new(rule: &'static Rule, span: Span, message: impl Into<String>) -> Self {
        Self {
            rule,
            severity: rule.severity,
            message: message.into(),
            labels: vec![Label { span, text: String::new() }],
            witness: None,
            notes: Vec::new(),
            help: None,
            fixes: Vec::new(),
        }
    }

    /// The rule could not be answered.
    pub(crate) fn undecided(rule: &'static Rule, span: Span) -> Self {
        let mut finding = Self::new(rule, span, format!("{} could not be decided within the prover's budget", rule.id));
        finding.severity = Severity::Note;
        finding.help("split conditions that combine many parameters")
    }

    /// What stands at the main place.
    #[must_use]
    pub fn here(mut self, text: impl Into<String>) -> Self {
        self.labels[0].text = text.into();
        self
    }

    /// Adds a place.
    #[must_use]
    pub fn and_at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Makes it less than the rule says.
    #[must_use]
    pub fn at_most(mut self, severity: Severity) -> Self {
        self.severity = self.severity.min(severity);
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn because(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds the call that shows it.
    #[must_use]
    pub fn shown_by(mut self, witness: Witness) -> Self {
        self.witness = Some(witness);
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a way to do it.
    #[must_use]
    pub fn fix(mut self, title: impl Into<String>, safety: Safety, edits: Vec<Edit>) -> Self {
        self.fixes.push(Fix { title: title.into(), safety, edits });
        self
    }

    /// By place, worst first at one place.
    pub(crate) fn order(&self) -> impl Ord + use<> {
        let place = self.labels.first().map(|label| label.span);
        (place, std::cmp::Reverse(self.severity), self.rule.id, self.message.clone())
    }
}

/// Collects what one rule finds.
#[derive(Debug)]
pub struct Findings {
    rule: &'static Rule,
    found: Vec<Finding>,
}

impl Findings {
    pub(crate) fn of(rule: &'static Rule) -> Self {
        Self { rule, found: Vec::new() }
    }

    /// A finding of this rule, to be [added](Self::push).
    #[must_use]
    pub fn new_at(&self, span: Span, message: impl Into<String>) -> Finding {
        Finding::new(self.rule, span, message)
    }

    /// Adds one.
    pub fn push(&mut self, finding: Finding) {
        self.found.push(finding);
    }

    pub(crate) fn into_vec(self) -> Vec<Finding> {
        self.found
    }
}

impl Witness {
    /// The call's name, or its number where it has none.
    #[must_use]
    pub fn name(&self) -> String {
        tables::name(self.abi, self.nr).map_or_else(|| self.nr.to_string(), str::to_owned)
    }
}

impl fmt::Display for Witness {
    /// `socket(family: 0x26) on x86_64: allow`: the arguments that aren't zero, by their names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        let parameters = tables::prototype(self.abi, &name).unwrap_or_default();
        let argument = |(index, value): (usize, &u64)| match parameters.get(index) {
            Some(parameter) => format!("{}: {value:#x}", parameter.name),
            None => format!("arg{index}: {value:#x}"),
        };
        let given = self.args.iter().enumerate().filter(|(_, value)| **value != 0).map(argument).collect::<Vec<_>>();
        let action = match self.action {
            Action::Errno(number) => tables::errno_name(self.abi, number)
                .map_or_else(|| self.action.to_string(), |errno| format!("errno({errno})")),
            action => action.to_string(),
        };
        write!(f, "{name}({}) on {}: {action}", given.join(", "), self.abi)
    }
}
