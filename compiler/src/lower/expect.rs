//! `expect:` — tests inside the policy, decided for every call they name, not for samples.

use callgate_grammar::tree::{Call, Guard, Name, Statement, StatementKind, Verb};
use callgate_grammar::{Diagnostic, Span, Spanned};

use super::collect::verb_action;
use super::guard::{self, abi_named};
use super::pattern::{CallPattern, PatternError, pattern};
use super::scope::Lets;
use super::{Target, Unit, header};
use crate::abi::Abi;
use crate::action::Action;
use crate::call::SyscallData;
use crate::outcome::{Undecided, outcomes};
use crate::policy::{Cause, Decision, Policy};
use crate::tables;

/// What became of one call of one `expect:` on one ABI.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// The call as written.
    pub span: Span,
    /// Where it was tried.
    pub abi: Abi,
    /// What should happen.
    pub expected: Action,
    /// What decides some call of the set, in order of precedence.
    pub causes: Vec<Cause>,
    /// What goes another way, if anything does: the decision, and a call that meets it.
    pub failure: Option<(Decision, SyscallData)>,
}

/// Every `expect:` of a policy.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    /// What was tried, in the order written.
    pub tried: Vec<Expectation>,
    /// Calls of an `expect:` whose `when` doesn't hold for the target: not tried.
    pub elsewhere: Vec<Span>,
}

/// Every `expect:` of these texts, held against their policy. One inside `when` counts where the guards hold.
///
/// # Errors
/// Diagnostics about expectations that make no sense: unknown names, calls that no ABI has, undecided ones.
pub fn expectations(units: &[Unit], policy: &Policy, target: &Target) -> Result<Expectations, Vec<Diagnostic>> {
    let questions = questions(units, target)?;
    let mut diagnostics = Vec::new();
    let mut found = Expectations { tried: Vec::new(), elsewhere: questions.elsewhere };
    for question in questions.asked {
        match question.answer(policy) {
            Ok(tried) => found.tried.push(tried),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    if diagnostics.is_empty() { Ok(found) } else { Err(diagnostics) }
}

/// The `expect:` lines as sets of calls, before any policy answers.
#[derive(Default)]
pub(super) struct Questions {
    pub(super) asked: Vec<Question>,
    /// As [`Expectations::elsewhere`].
    elsewhere: Vec<Span>,
}

/// What one `expect:` says of one call on one ABI.
pub(super) struct Question {
    span: Span,
    pub(super) abi: Abi,
    pub(super) pattern: CallPattern,
    pub(super) expected: Action,
}

/// Every `expect:` of these texts.
pub(super) fn questions(units: &[Unit], target: &Target) -> Result<Questions, Vec<Diagnostic>> {
    // What is wrong with the header and the `let`s was said when the policy was made.
    let header = header::read(units, target, &mut Vec::new());
    let lets = Lets::collect(units, &header.abis, &mut Vec::new());
    let mut reader = Reader {
        target,
        header: &header,
        lets: &lets,
        questions: Questions::default(),
        diagnostics: Vec::new(),
        scope: 0,
    };
    for unit in units {
        reader.scope = unit.scope;
        reader.statements(&unit.file.statements, &mut Vec::new());
    }
    reader.diagnostics.dedup();
    if reader.diagnostics.is_empty() { Ok(reader.questions) } else { Err(reader.diagnostics) }
}

struct Reader<'a> {
    target: &'a Target,
    header: &'a header::Header,
    lets: &'a Lets<'a>,
    questions: Questions,
    diagnostics: Vec<Diagnostic>,
    /// Of the text being read.
    scope: u32,
}

impl Reader<'_> {
    /// `guards`: those of every `when` around these statements.
    fn statements(&mut self, statements: &[Statement], guards: &mut Vec<Spanned<Guard>>) {
        for statement in statements {
            match &statement.node {
                StatementKind::Expect { on, calls, verb } => {
                    let named = self.named(on);
                    let chosen = if on.is_empty() { &self.header.abis } else { &named };
                    // What is wrong with the guards was said when the policy was made.
                    let held = guard::holding(guards, chosen, self.target, self.header.kernel, &mut Vec::new());
                    if held.is_empty() {
                        self.questions.elsewhere.extend(calls.iter().map(|call| call.span));
                        continue;
                    }
                    for call in calls {
                        match self.one(call, verb, &held, !on.is_empty()) {
                            Ok(asked) => self.questions.asked.extend(asked),
                            Err(wrong) => self.diagnostics.extend(wrong),
                        }
                    }
                }
                StatementKind::When { guards: inner, body } => {
                    let outside = guards.len();
                    guards.extend(inner.iter().cloned());
                    self.statements(body, guards);
                    guards.truncate(outside);
                }
                _ => {}
            }
        }
    }

    fn named(&mut self, on: &[Name]) -> Vec<Abi> {
        let mut chosen = Vec::new();
        for name in on {
            match abi_named(&name.node) {
                Ok(abi) => chosen.push(abi),
                Err(error) => self.diagnostics.push(error.at(name.span, "")),
            }
        }
        chosen
    }

    /// One call on each ABI that has it; on ABIs that were named, it must be there.
    fn one(
        &self,
        call: &Call,
        verb: &Spanned<Verb>,
        tried: &[Abi],
        named: bool,
    ) -> Result<Vec<Question>, Vec<Diagnostic>> {
        let mut asked = Vec::new();
        for &abi in tried {
            let pattern = match pattern(call, abi, &self.header.abis, self.lets, self.scope) {
                Ok(pattern) => pattern,
                Err(PatternError::Absent) if !named => continue,
                Err(PatternError::Absent) => {
                    return Err(vec![
                        Diagnostic::error("absent-call", format!("{abi} doesn't have this call")).at(call.span, ""),
                    ]);
                }
                Err(PatternError::Wrong(diagnostics)) => return Err(diagnostics),
            };
            let expected = verb_action(&verb.node, abi).map_err(|error| vec![error])?;
            asked.push(Question { span: call.span, abi, pattern, expected });
        }
        if asked.is_empty() {
            let error = Diagnostic::error("absent-call", "no ABI of this policy has this call").at(call.span, "");
            return Err(vec![error.help("name the ABI: `expect on aarch64: …`")]);
        }
        Ok(asked)
    }
}

impl Question {
    /// Holds it against a policy.
    fn answer(&self, policy: &Policy) -> Result<Expectation, Diagnostic> {
        let reached = self.reached(policy).map_err(|Undecided| {
            Diagnostic::error("undecided-expectation", Undecided.to_string())
                .at(self.span, "")
                .help("split its condition")
        })?;
        if reached.is_empty() {
            let name = tables::name(self.abi, self.pattern.nr).unwrap_or("call");
            return Err(Diagnostic::error("empty-expectation", format!("no {name} is like this"))
                .at(self.span, "")
                .help("its conditions exclude each other"));
        }
        let other = reached.iter().find(|(decision, _)| decision.action != self.expected);
        Ok(Expectation {
            span: self.span,
            abi: self.abi,
            expected: self.expected,
            causes: reached.iter().map(|(decision, _)| decision.cause.clone()).collect(),
            failure: other.map(|(decision, args)| {
                ((*decision).clone(), SyscallData::new(self.abi.token(), self.pattern.nr, *args))
            }),
        })
    }

    /// Whether every call of the set does what is expected.
    pub(super) fn holds(&self, policy: &Policy) -> Result<bool, Undecided> {
        Ok(self.reached(policy)?.iter().all(|(decision, _)| decision.action == self.expected))
    }

    /// Every decision that a call of the set meets, with words that meet it.
    fn reached<'p>(&self, policy: &'p Policy) -> Result<Vec<(&'p Decision, [u64; 6])>, Undecided> {
        let CallPattern { nr, condition } = &self.pattern;
        match policy.abis.get(&self.abi).and_then(|listed| listed.calls.get(nr)) {
            Some(call) => Ok(outcomes(call, condition)?.iter().map(|one| (one.decision, one.example)).collect()),
            // Numbers and ABIs that no statement names are decided whatever the words.
            None => Ok(vec![(policy.decide(&SyscallData::new(self.abi.token(), *nr, [0; 6])), [0; 6])]),
        }
    }
}
