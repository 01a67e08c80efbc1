//! One profile, asked about every trigger once.

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::condition::Condition;
use callgate_compiler::outcome::Undecided;
use callgate_compiler::policy::Decision;
use callgate_compiler::tables;

use super::facts::Vulnerability;
use super::trigger::{Trigger, Way, trigger};
use super::{Block, Blocker, Verdict};
use crate::finding::Witness;
use crate::meaning::{Answer, Meaning, place};

/// What becomes of a trigger on one machine.
#[derive(Clone, Debug)]
enum Pulled {
    Passes(Witness),
    Stopped(Vec<Blocker>),
    Absent,
}

/// A profile and what it has answered.
pub(super) struct View<'m> {
    meaning: &'m Meaning,
    /// The ABIs of each machine that the profile speaks for, the listed ones first.
    machines: BTreeMap<Abi, Vec<Abi>>,
    answered: BTreeMap<(Abi, &'static str), Pulled>,
}

/// Whether a call goes on, now or by someone else's say.
fn passes(action: Action) -> bool {
    matches!(action, Action::Allow | Action::Log | Action::Trace(_) | Action::Notify)
}

impl<'m> View<'m> {
    pub(super) fn of(meaning: &'m Meaning) -> Self {
        let mut machines: BTreeMap<Abi, Vec<Abi>> = BTreeMap::new();
        for &abi in meaning.policy.abis.keys() {
            machines.entry(abi.native()).or_default().push(abi);
        }
        for (&native, abis) in &mut machines {
            let others = Abi::ALL.iter().filter(|abi| abi.native() == native);
            abis.extend(others.filter(|abi| !meaning.policy.abis.contains_key(abi)));
        }
        Self { meaning, machines, answered: BTreeMap::new() }
    }

    /// What becomes of a vulnerability on the machine where it is nearest.
    pub(super) fn verdict(&mut self, vulnerability: &'static Vulnerability) -> Result<Verdict, Undecided> {
        let machines: Vec<_> = self.machines.keys().copied().collect();
        let mut nearest: Option<Verdict> = None;
        for machine in machines {
            let verdict = self.on_machine(machine, vulnerability)?;
            if nearest.as_ref().is_none_or(|known| distance(&verdict) < distance(known)) {
                nearest = Some(verdict);
            }
            if matches!(nearest, Some(Verdict::Reachable(_))) {
                break;
            }
        }
        // A policy lists an ABI at least, so there is a machine.
        Ok(nearest.unwrap_or(Verdict::Refused(Vec::new())))
    }

    fn on_machine(&mut self, machine: Abi, vulnerability: &'static Vulnerability) -> Result<Verdict, Undecided> {
        let lacking: Vec<_> =
            vulnerability.needs.iter().filter(|need| !self.meaning.capabilities.contains(need.capability)).collect();
        let mut triggers = vulnerability.triggers.clone();
        if !lacking.is_empty() && lacking.iter().all(|need| need.own) {
            triggers.extend(trigger("user-namespace"));
        }
        let mut witnesses = Vec::new();
        let (mut stopped, mut absent) = (None, None);
        for &trigger in &triggers {
            match self.pulled(machine, trigger)? {
                Pulled::Passes(witness) => witnesses.push(witness),
                Pulled::Stopped(by) => stopped = stopped.or(Some((trigger, by))),
                Pulled::Absent => absent = absent.or(Some(trigger)),
            }
        }
        Ok(match (absent, stopped) {
            (Some(trigger), _) => Verdict::Absent(trigger),
            (None, Some((trigger, by))) => {
                Verdict::Blocked(Block { trigger, by, passing: witnesses.len(), of: triggers.len() })
            }
            (None, None) => match lacking.iter().filter(|need| !need.own).map(|need| need.capability).collect() {
                missing if Vec::is_empty(&missing) => Verdict::Reachable(witnesses),
                missing => Verdict::Refused(missing),
            },
        })
    }

    fn pulled(&mut self, machine: Abi, trigger: &'static Trigger) -> Result<Pulled, Undecided> {
        if let Some(known) = self.answered.get(&(machine, trigger.name)) {
            return Ok(known.clone());
        }
        let pulled = self.pull(machine, trigger)?;
        self.answered.insert((machine, trigger.name), pulled.clone());
        Ok(pulled)
    }

    fn pull(&self, machine: Abi, trigger: &'static Trigger) -> Result<Pulled, Undecided> {
        let abis = self.machines.get(&machine).map(Vec::as_slice).unwrap_or_default();
        let mut by: BTreeSet<Blocker> = BTreeSet::new();
        for way in &trigger.ways {
            for &abi in abis.iter().filter(|&&abi| way.counts(abi, self.meaning.kernel)) {
                for (decision, witness) in self.asked(abi, way)? {
                    if passes(decision.action) {
                        return Ok(Pulled::Passes(witness));
                    }
                    let place = place(decision);
                    if by.iter().all(|known| (known.place, known.action) != (place, decision.action)) {
                        by.insert(Blocker { place, action: decision.action, call: way.call, abi });
                    }
                }
            }
        }
        Ok(if by.is_empty() { Pulled::Absent } else { Pulled::Stopped(by.into_iter().collect()) })
    }

    /// What happens to the calls of one way: by their own number, and through the multiplexer that carries them.
    fn asked(&self, abi: Abi, way: &Way) -> Result<Vec<(&Decision, Witness)>, Undecided> {
        let policy = &self.meaning.policy;
        if way.call == "*" {
            return self.any_call(abi);
        }
        let name = way.call.split('(').next().unwrap_or(way.call);
        if tables::introduced(abi, name).is_some_and(|first| first > self.meaning.kernel) {
            return Ok(Vec::new());
        }
        if !policy.abis.contains_key(&abi) {
            let Some(nr) = tables::number(abi, name) else { return Ok(Vec::new()) };
            let decision = policy.foreign.get(&abi).unwrap_or(&policy.other);
            return Ok(vec![(decision, Witness { abi, nr, args: [0; 6], action: decision.action })]);
        }
        let mut answers = self.meaning.answers(abi, way.call)?;
        if let Some((_, _, part)) = tables::part_of(abi, name) {
            let carried = format!("{}(call == {})", part.multiplexer, part.selector);
            answers.extend(self.meaning.answers(abi, &carried)?);
        }
        Ok(answers.into_iter().map(|Answer { decision, witness }| (decision, witness)).collect())
    }

    /// What happens to calls of an ABI, whichever they are.
    fn any_call(&self, abi: Abi) -> Result<Vec<(&Decision, Witness)>, Undecided> {
        let policy = &self.meaning.policy;
        let witness = |decision: &Decision, nr| Witness { abi, nr, args: [0; 6], action: decision.action };
        let Some(listed) = policy.abis.get(&abi) else {
            let decision = policy.foreign.get(&abi).unwrap_or(&policy.other);
            return Ok(vec![(decision, witness(decision, 0))]);
        };
        let mut found = Vec::new();
        for &nr in listed.calls.keys() {
            let answers = self.meaning.answers_when(abi, nr, &Condition::Always)?;
            found.extend(answers.into_iter().map(|Answer { decision, witness }| (decision, witness)));
        }
        let left = tables::calls(abi).map(|(nr, _)| nr).find(|nr| !listed.calls.contains_key(nr));
        found.push((&listed.rest, witness(&listed.rest, left.unwrap_or(u32::MAX))));
        Ok(found)
    }
}

/// How far a vulnerability is away.
fn distance(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Reachable(_) => 0,
        Verdict::Refused(_) => 1,
        Verdict::Blocked(_) => 2,
        Verdict::Absent(_) => 3,
    }
}
