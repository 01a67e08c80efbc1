//! A policy through the installed libseccomp.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};

use callgate_compiler::abi::Endian;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Program, from_bytes};
use callgate_compiler::condition::Width;
use callgate_compiler::policy::{CallPolicy, Policy};
use callgate_compiler::tables;
use libseccomp::error::SeccompError;
use libseccomp::{ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall, ScmpVersion};

use crate::disjunction::{Alternative, Comparison, Test, when};

/// The library's version.
pub(crate) fn version() -> String {
    ScmpVersion::current().map_or_else(|error| error.to_string(), |version| version.to_string())
}

/// The policy as far as the library knows names: with several ABIs it can't be told of others.
pub(crate) fn sayable(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    if policy.abis.len() > 1 {
        for (&abi, listed) in &mut policy.abis {
            listed
                .calls
                .retain(|&nr, _| tables::name(abi, nr).is_some_and(|name| ScmpSyscall::from_name(name).is_ok()));
        }
    }
    policy
}

/// Rules as a program would add them, so that what is timed is the library alone.
pub(crate) struct Rules {
    default: ScmpAction,
    arches: Vec<ScmpArch>,
    rules: Vec<(ScmpSyscall, ScmpAction, Vec<ScmpArgCompare>)>,
}

/// The rules of a policy. Those of a call are the same on every ABI that has it; the first ABI's are taken.
///
/// # Errors
/// Why it doesn't fit.
pub(crate) fn rules(policy: &Policy) -> Result<Rules, String> {
    let rest: BTreeSet<_> = policy.abis.values().map(|listed| listed.rest.action).collect();
    let Some(&default) = rest.first().filter(|_| rest.len() == 1) else { return Err("one default action".to_owned()) };
    let arches: Vec<_> =
        policy.abis.keys().map(|abi| abi.oci_name().parse().map_err(said)).collect::<Result<_, _>>()?;
    let mut calls: BTreeMap<&str, (u32, &CallPolicy)> = BTreeMap::new();
    for (&abi, listed) in &policy.abis {
        for (&nr, call) in &listed.calls {
            if let Some(name) = tables::name(abi, nr) {
                calls.entry(name).or_insert((nr, call));
            }
        }
    }
    let mut rules = Vec::new();
    for (name, (nr, call)) in calls {
        let decisions = call.clauses.iter().map(|clause| &clause.decision).chain([&call.otherwise]);
        let actions: BTreeSet<_> = decisions.map(|decision| decision.action).filter(|&own| own != default).collect();
        // A call newer than the library has a number all the same, which it takes where there is but one ABI. Else such a
        // name is passed over, as runtimes do.
        let number = match (ScmpSyscall::from_name(name), &arches[..]) {
            (Ok(known), _) => known,
            (Err(_), [_]) => ScmpSyscall::from(nr.cast_signed()),
            (Err(_), _) => continue,
        };
        for taken in actions {
            for alternative in when(call, taken)? {
                for tests in comparisons(&alternative)? {
                    rules.push((number, action(taken)?, tests));
                }
            }
        }
    }
    Ok(Rules { default: action(default)?, arches, rules })
}

/// The program at an optimisation level: 1 is by priority, 2 a binary tree.
///
/// # Errors
/// The library's.
pub(crate) fn program(rules: &Rules, level: u32) -> Result<Program, String> {
    let mut filter = ScmpFilterContext::new(rules.default).map_err(said)?;
    filter.set_act_badarch(ScmpAction::KillProcess).map_err(said)?;
    filter.set_ctl_optimize(level).map_err(said)?;
    filter.remove_arch(ScmpArch::Native).map_err(said)?;
    for &arch in &rules.arches {
        filter.add_arch(arch).map_err(said)?;
    }
    for (call, action, tests) in &rules.rules {
        filter.add_rule_conditional(*action, *call, tests).map_err(said)?;
    }
    let mut file = tempfile::tempfile().map_err(|error| error.to_string())?;
    filter.export_bpf(&file).map_err(said)?;
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).map_err(|error| error.to_string())?;
    from_bytes(&bytes, Endian::Little).map_err(|error| error.to_string())
}

/// The rules of one alternative. The library takes one comparison an argument, so a range is a union of masked equalities.
fn comparisons(alternative: &Alternative) -> Result<Vec<Vec<ScmpArgCompare>>, String> {
    let mut found: Vec<Vec<ScmpArgCompare>> = vec![Vec::new()];
    let mut seen = BTreeSet::new();
    for comparison in alternative {
        if !seen.insert(comparison.arg) {
            return Err("one comparison an argument".to_owned());
        }
        let tests = tests(comparison);
        found = found.iter().flat_map(|rule| tests.iter().map(|&test| [rule.as_slice(), &[test]].concat())).collect();
        if found.len() > 64 {
            return Err("too many rules for one call".to_owned());
        }
    }
    Ok(found)
}

fn tests(comparison: &Comparison) -> Vec<ScmpArgCompare> {
    let index = u32::from(comparison.arg);
    let all = comparison.width.max();
    let masked = |mask, value| {
        if mask == u64::MAX {
            ScmpArgCompare::new(index, ScmpCompareOp::Equal, value)
        } else {
            ScmpArgCompare::new(index, ScmpCompareOp::MaskedEqual(mask), value)
        }
    };
    match comparison.test {
        Test::Masked { mask, value } => vec![masked(mask, value)],
        Test::Within { low, high } if low == high => vec![masked(all, low)],
        Test::Within { low, high } if comparison.width == Width::W64 && low == 0 => {
            vec![ScmpArgCompare::new(index, ScmpCompareOp::LessOrEqual, high)]
        }
        Test::Within { low, high } if comparison.width == Width::W64 && high == u64::MAX => {
            vec![ScmpArgCompare::new(index, ScmpCompareOp::GreaterEqual, low)]
        }
        Test::Within { low, high } => {
            prefixes(low, high).into_iter().map(|(mask, value)| masked(mask & all, value)).collect()
        }
    }
}

/// The aligned blocks whose union is the range, as mask and value.
fn prefixes(mut low: u64, high: u64) -> Vec<(u64, u64)> {
    let mut blocks = Vec::new();
    loop {
        let left = (high - low).saturating_add(1);
        let size = left.ilog2().min(low.trailing_zeros());
        let last = low | ((1_u64 << size) - 1);
        blocks.push((!((1_u64 << size) - 1), low));
        if last >= high {
            return blocks;
        }
        low = last + 1;
    }
}

fn action(action: Action) -> Result<ScmpAction, String> {
    Ok(match action {
        Action::KillProcess => ScmpAction::KillProcess,
        Action::KillThread => ScmpAction::KillThread,
        Action::Trap(_) => ScmpAction::Trap,
        Action::Errno(errno) => ScmpAction::Errno(errno.into()),
        Action::Trace(data) => ScmpAction::Trace(data),
        Action::Log => ScmpAction::Log,
        Action::Allow => ScmpAction::Allow,
        Action::Notify => return Err("no notify".to_owned()),
    })
}

#[allow(clippy::needless_pass_by_value)] // for map_err
fn said(error: SeccompError) -> String {
    error.to_string()
}
