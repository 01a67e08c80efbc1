//! The prover's answers, kept: the profiles of a repository ask the same questions of the same conditions, and so do the rules.
//!
//! An answer depends on the question alone, so that keeping it changes nothing but the time.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use callgate_compiler::condition::Condition;
use callgate_compiler::outcome::{Outcome, Undecided};
use callgate_compiler::policy::CallPolicy;
use callgate_compiler::prove::{self, Budget, Decides, Overlap};
use rustc_hash::{FxHashMap, FxHasher};

/// How many answers are kept. Past it all are dropped: a repository has some hundreds.
const KEPT: usize = 1 << 16;

/// What was asked, and the answer.
type Asked<A> = (Vec<Condition>, A);

/// Answers by what was asked: conditions in an order.
struct Known<A> {
    /// By hash, since a question is looked for by conditions that stand apart.
    answers: RwLock<FxHashMap<u64, Vec<Asked<A>>>>,
}

impl<A: Clone> Known<A> {
    fn new() -> Self {
        Self { answers: RwLock::default() }
    }

    fn answer(&self, question: &[&Condition], ask: impl FnOnce() -> A) -> A {
        let mut hasher = FxHasher::default();
        question.hash(&mut hasher);
        let hash = hasher.finish();
        let same = |asked: &[Condition]| asked.iter().eq(question.iter().copied());
        {
            let answers = self.answers.read().unwrap_or_else(PoisonError::into_inner);
            let found = answers.get(&hash).and_then(|all| all.iter().find(|(asked, _)| same(asked)));
            if let Some((_, answer)) = found {
                return answer.clone();
            }
        }
        let answer = ask();
        let mut answers = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= KEPT {
            answers.clear();
        }
        let asked = question.iter().map(|&condition| condition.clone()).collect();
        answers.entry(hash).or_default().push((asked, answer.clone()));
        answer
    }
}

/// As [`callgate_compiler::outcome::outcomes`]: every decision that a call with these arguments can meet.
///
/// # Errors
/// Past the prover's budget.
pub(crate) fn outcomes<'a>(call: &'a CallPolicy, arguments: &Condition) -> Result<Vec<Outcome<'a>>, Undecided> {
    static KNOWN: OnceLock<Known<Option<Arc<[Decides]>>>> = OnceLock::new();
    let conditions = call.clauses.iter().map(|clause| &clause.condition);
    let question: Vec<_> = conditions.chain([arguments]).collect();
    let ask = || prove::reached(call, arguments, Budget::default()).map(Arc::from);
    let reached = KNOWN.get_or_init(Known::new).answer(&question, ask).ok_or(Undecided)?;
    let outcome = |&(clause, example): &Decides| {
        let decision = clause.map_or(&call.otherwise, |index| &call.clauses[index].decision);
        Outcome { decision, example }
    };
    Ok(reached.iter().map(outcome).collect())
}

/// Arguments that meet a condition, if there are some.
///
/// # Errors
/// Past the prover's budget.
pub(crate) fn arguments(condition: &Condition) -> Result<Option<[u64; 6]>, Undecided> {
    static KNOWN: OnceLock<Known<Result<Option<[u64; 6]>, Undecided>>> = OnceLock::new();
    let ask = || match prove::satisfiable(condition, Budget::default()) {
        Overlap::Never => Ok(None),
        Overlap::At(args) => Ok(Some(args)),
        Overlap::Undecided => Err(Undecided),
    };
    KNOWN.get_or_init(Known::new).answer(&[condition], ask)
}

#[cfg(test)]
mod tests {
    use callgate_compiler::condition::{Atom, ValueSet, Width};

    use super::*;

    fn is(value: u64) -> Condition {
        Condition::Atom(Atom { arg: 0, width: Width::W64, mask: u64::MAX, values: ValueSet::one(value) })
    }

    #[test]
    fn a_question_is_asked_once_and_its_order_counts() {
        let known = Known::new();
        let ask = |question: &[&Condition], answer: u8| known.answer(question, || answer);
        let (one, two) = (is(1), is(2));
        assert_eq!(ask(&[&one, &two], 12), 12);
        assert_eq!(ask(&[&two, &one], 21), 21);
        assert_eq!(ask(&[&one], 1), 1);
        assert_eq!((ask(&[&one, &two], 0), ask(&[&two, &one], 0), ask(&[&is(1)], 0)), (12, 21, 1));
    }
}
