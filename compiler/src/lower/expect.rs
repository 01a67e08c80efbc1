//! `expect:` — tests inside the policy, decided for every call they name, not for samples.

use callgate_grammar::tree::{Call, StatementKind, Verb};
use callgate_grammar::{Diagnostic, Span, Spanned};

use super::Unit;
use super::collect::verb_action;
use super::guard::abi_named;
use super::pattern::{CallPattern, PatternError, pattern};
use super::scope::Lets;
use crate::abi::Abi;
use crate::action::Action;
use crate::call::SyscallData;
use crate::outcome::outcomes;
use crate::policy::{Decision, Policy};
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
    /// What goes another way, if anything does: the decision, and a call that meets it.
    pub failure: Option<(Decision, SyscallData)>,
}

/// Every `expect:` of these texts, held against their policy.
///
/// # Errors
/// Diagnostics about expectations that make no sense: unknown names, calls that no ABI has, undecided ones.
pub fn expectations(units: &[Unit], policy: &Policy) -> Result<Vec<Expectation>, Vec<Diagnostic>> {
    let abis: Vec<_> = policy.abis.keys().copied().collect();
    let mut diagnostics = Vec::new();
    let lets = Lets::collect(units, &abis, &mut Vec::new());
    let mut results = Vec::new();
    for unit in units {
        for statement in &unit.file.statements {
            let StatementKind::Expect { on, calls, verb } = &statement.node else { continue };
            let mut chosen = Vec::new();
            for name in on {
                match abi_named(&name.node) {
                    Ok(abi) => chosen.push(abi),
                    Err(error) => diagnostics.push(error.at(name.span, "")),
                }
            }
            let tried = if on.is_empty() { &abis } else { &chosen };
            for call in calls {
                let place = Place { policy, abis: &abis, lets: &lets, scope: unit.scope };
                match place.one(call, verb, tried, !on.is_empty()) {
                    Ok(found) => results.extend(found),
                    Err(wrong) => diagnostics.extend(wrong),
                }
            }
        }
    }
    diagnostics.dedup();
    if diagnostics.is_empty() { Ok(results) } else { Err(diagnostics) }
}

struct Place<'a> {
    policy: &'a Policy,
    abis: &'a [Abi],
    lets: &'a Lets<'a>,
    scope: u32,
}

impl Place<'_> {
    /// One call on each ABI that has it; on ABIs that were named, it must be there.
    fn one(
        &self,
        call: &Call,
        verb: &Spanned<Verb>,
        tried: &[Abi],
        named: bool,
    ) -> Result<Vec<Expectation>, Vec<Diagnostic>> {
        let mut results = Vec::new();
        for &abi in tried {
            let pattern = match pattern(call, abi, self.abis, self.lets, self.scope) {
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
            let failure = self.failure(&pattern, abi, expected).map_err(|message| {
                vec![Diagnostic::error("undecided-expectation", message).at(call.span, "").help("split its condition")]
            })?;
            results.push(Expectation { span: call.span, abi, expected, failure });
        }
        if results.is_empty() {
            let error = Diagnostic::error("absent-call", "no ABI of this policy has this call").at(call.span, "");
            return Err(vec![error.help("name the ABI: `expect on aarch64: …`")]);
        }
        Ok(results)
    }

    fn failure(
        &self,
        pattern: &CallPattern,
        abi: Abi,
        expected: Action,
    ) -> Result<Option<(Decision, SyscallData)>, String> {
        let data = |args| SyscallData::new(abi.token(), pattern.nr, args);
        let Some(call) = self.policy.abis.get(&abi).and_then(|listed| listed.calls.get(&pattern.nr)) else {
            let decision = self.policy.decide(&data([0; 6]));
            return Ok((decision.action != expected).then(|| (decision.clone(), data([0; 6]))));
        };
        let reached = outcomes(call, &pattern.condition).map_err(|undecided| undecided.to_string())?;
        if reached.is_empty() {
            return Err(format!("no {} is like this", tables::name(abi, pattern.nr).unwrap_or("call")));
        }
        let other = reached.into_iter().find(|outcome| outcome.decision.action != expected);
        Ok(other.map(|outcome| (outcome.decision.clone(), data(outcome.example))))
    }
}
