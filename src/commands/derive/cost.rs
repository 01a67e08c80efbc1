//! What holding arguments costs at run time: a call that an argument decides leaves the kernel's table of calls that are always
//! allowed, and the filter runs each time it is made.

use callgate_compiler::bpf::simulate;
use callgate_compiler::call::SyscallData;
use callgate_compiler::condition::Condition;
use callgate_compiler::measure::{BITMAP_SINCE, cached};
use callgate_compiler::outcome::outcomes;
use callgate_compiler::tables;
use callgate_profiles::derive::{Derived, Target};
use callgate_profiles::tally::Tally;

use crate::failure::Failure;
use crate::{input, policy};

/// How many calls are listed.
const SHOWN: usize = 8;

/// One call that has a condition.
struct Cost {
    /// `mmap`, with the ABI where there are several.
    name: String,
    /// Instructions that one allowed call executes.
    executed: u64,
    /// How often the recording saw the call.
    calls: u64,
}

impl Cost {
    fn all(&self) -> u64 {
        self.executed.saturating_mul(self.calls)
    }
}

/// A note on the calls that have conditions, the dearest first; none without conditions.
pub(super) fn notes(derived: &Derived, tally: &Tally) -> Result<Vec<String>, Failure> {
    let conditional = |target: &&Target| target.verb == "allow" && target.text != target.call;
    if !derived.targets.iter().any(|target| conditional(&target)) {
        return Ok(Vec::new());
    }
    let loaded = input::load_text("derived policy", derived.gate.clone());
    let Some(policy) = policy::of_translation(&loaded) else { return Ok(Vec::new()) };
    let program = policy::program(&policy)?.program;
    let several = policy.abis.len() > 1;
    let mut costs = Vec::new();
    for Target { abi, call, .. } in derived.targets.iter().filter(conditional) {
        let Some(nr) = tables::number(*abi, call) else { continue };
        let decided = policy.abis.get(abi).and_then(|listed| listed.calls.get(&nr));
        let Some(decided) = decided.filter(|_| cached(&program, *abi, nr, BITMAP_SINCE).is_err()) else { continue };
        let allowed = outcomes(decided, &Condition::Always)?.into_iter().find(|one| one.decision.action.permits());
        let Some(allowed) = allowed else { continue };
        let data = SyscallData::new(abi.token(), nr, allowed.example);
        let executed = simulate(&program, abi.endian(), &data).map_or(0, |outcome| outcome.executed as u64);
        let name = if several { format!("{call} ({abi})") } else { call.clone() };
        // What is added beside what was seen has no count.
        let Some(seen) = tally.calls.get(&(*abi, nr)) else { continue };
        let calls = seen.calls;
        costs.push(Cost { name, executed, calls });
    }
    if costs.is_empty() {
        return Ok(Vec::new());
    }
    costs.sort_by(|one, other| other.all().cmp(&one.all()).then_with(|| one.name.cmp(&other.name)));
    let all: u64 = tally.calls.values().fold(0, |sum, seen| sum.saturating_add(seen.calls));
    let held = costs.iter().fold(0_u64, |sum, cost| sum.saturating_add(cost.calls));
    let executed = costs.iter().fold(0_u64, |sum, cost| sum.saturating_add(cost.all()));
    let listed: Vec<String> =
        costs.iter().take(SHOWN).map(|Cost { name, executed, calls }| format!("{name} {executed} × {calls}")).collect();
    let more = if costs.len() > SHOWN { format!(" and {} more", costs.len() - SHOWN) } else { String::new() };
    Ok(vec![format!(
        "held arguments run the filter for {held} of the {all} calls recorded, {executed} instructions in all (without them \
         Linux 5.11 and later run none for an allowed call): instructions × calls: {}{more}",
        listed.join(", ")
    )])
}
