//! Two rules about one call that want different things: which counts, and a call that shows it.

use callgate_compiler::abi::Abi;
use callgate_compiler::condition::Condition;
use callgate_compiler::outcome::Undecided;
use callgate_grammar::{Severity, Span};

use crate::document::Document;
use crate::finding::{Findings, Witness};
use crate::meaning::{Meaning, possible};
use crate::rules::entries::{Named, beside_the_default, condition, effect, executes, named, refuses, shown};
use crate::rules::gathered::{Gathered, Group};

/// How the two stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The one has comparisons, the other none.
    ConditionalBesidePlain,
    /// Neither has any.
    Plain,
    /// Both have some.
    Conditional,
}

/// What a loser of such a pair wanted, and didn't get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lost {
    /// To refuse calls that are run now.
    Refusal,
    /// Anything else: calls that it allowed are refused, or refused in another way.
    Other,
}

/// Findings at the rules that another rule of the same call overrides, `why` it does.
pub(super) fn overridden(
    document: &Document,
    findings: &mut Findings,
    kind: Kind,
    why: &str,
    help: &str,
) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    // Rules that do what the default does are for another rule.
    let counting = beside_the_default(document);
    let all: Vec<_> = named(&counting).collect();
    let mut by_call: std::collections::BTreeMap<(Abi, u32), Vec<&Named<'_>>> = std::collections::BTreeMap::new();
    for one in &all {
        by_call.entry((one.abi, one.nr)).or_default().push(one);
    }
    let mut lost: [Gathered; 2] = Default::default();
    // Most calls have one rule, and most of the others several that do the same.
    let differ = |rules: &&Vec<&Named<'_>>| {
        let first = rules.first().map(|one| effect(&one.entry.action));
        rules.iter().any(|one| Some(effect(&one.entry.action)) != first)
    };
    for rules in by_call.values().filter(differ) {
        for loser in rules {
            let differs = |other: &&&Named<'_>| effect(&other.entry.action) != effect(&loser.entry.action);
            let stands = |other: &&&Named<'_>| stands_so(kind, loser, other);
            let Some(winner) = rules.iter().filter(differs).find(stands) else { continue };
            let Some(witness) = not_as_wanted(meaning, loser, winner)? else { continue };
            let what = if refuses(&loser.entry.action) && executes(&winner.entry.action) {
                Lost::Refusal
            } else {
                Lost::Other
            };
            lost[what as usize]
                .add(document, Some(loser.name.span), &loser.name.value, loser.abi)
                .shown_by(witness)
                .beside(Some(winner.name.span), shown(document, winner.entry.action.name.span));
        }
    }
    for (kind, gathered) in [Lost::Refusal, Lost::Other].into_iter().zip(lost) {
        for (place, group) in gathered {
            report(document, findings, kind, (place, group), why, help);
        }
    }
    Ok(())
}

fn stands_so(kind: Kind, loser: &Named<'_>, winner: &Named<'_>) -> bool {
    let (has, others) = (!loser.entry.arguments.is_empty(), !winner.entry.arguments.is_empty());
    match kind {
        Kind::ConditionalBesidePlain => has && !others,
        Kind::Plain => !has && !others,
        Kind::Conditional => has && others,
    }
}

/// A call that both rules match and that isn't treated as the one wants.
fn not_as_wanted(meaning: &Meaning, loser: &Named<'_>, winner: &Named<'_>) -> Result<Option<Witness>, Undecided> {
    let both = Condition::All(vec![condition(loser.entry), condition(winner.entry), possible(loser.abi)]);
    let answers = meaning.answers_when(loser.abi, loser.nr, &both)?;
    // Of two rules with comparisons, the one whose action some common call doesn't get.
    let wanted = loser.entry.action.name.value;
    let got = |witness: &Witness| is(wanted, witness.action);
    Ok(answers.into_iter().map(|answer| answer.witness).find(|witness| !got(witness)))
}

fn is(wanted: callgate_profiles::import::profile::ActionName, action: callgate_compiler::action::Action) -> bool {
    use callgate_compiler::action::Action;
    use callgate_profiles::import::profile::ActionName;
    matches!(
        (wanted, action),
        (ActionName::KillThread, Action::KillThread)
            | (ActionName::KillProcess, Action::KillProcess)
            | (ActionName::Trap, Action::Trap(_))
            | (ActionName::Errno, Action::Errno(_))
            | (ActionName::Trace, Action::Trace(_))
            | (ActionName::Allow, Action::Allow)
            | (ActionName::Log, Action::Log)
            | (ActionName::Notify, Action::Notify)
    )
}

fn report(
    document: &Document,
    findings: &mut Findings,
    lost: Lost,
    (place, group): (Span, Group),
    why: &str,
    help: &str,
) {
    let names = group.names();
    let finding = match lost {
        Lost::Refusal => findings
            .new_at(place, format!("this rule refuses {names}, and another one lets what it refuses through"))
            .here("has no effect where the other matches"),
        Lost::Other => findings
            .new_at(place, format!("another rule about {names} takes what this one is about"))
            .here("has no effect where the other matches")
            .at_most(Severity::Warning),
    };
    findings.push(group.onto(document, finding, "counts").because(why).help(help));
}
