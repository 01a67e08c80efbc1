//! A policy as minijail text (minijail0(5), tools/parser.py), for the one ABI that the file is compiled for.
//!
//! A line is a call with filters of which the first that matches counts. minijail has `@default` for actions that kill, trap
//! or ask, and `@denylist` for files that refuse some calls with an errno; under any other default each named call gets a
//! line of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::condition::{Atom, Condition};
use callgate_compiler::policy::{CallPolicy, Policy};
use callgate_compiler::prove::{self, Cube};
use callgate_compiler::tables;

use super::one_abi::{actions, calls, only, other_abis};
use super::{Export, ExportError, Format, MAX_ARGUMENT_RULES, spelled, text_proof};
use crate::import;

/// Conjunctions that a condition may become before masked equalities are looked for instead.
const CONJUNCTIONS: usize = 64;

pub(super) fn export(policy: &Policy) -> Result<Export, ExportError> {
    let (abi, abi_policy) = only(policy, Format::Minijail)?;
    let (named, numbered) = calls(abi, abi_policy);
    let rest = expressible(abi_policy.rest.action);
    let (head, default) = default(rest, &named);
    let mut lines: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, call) in named {
        let line = line(abi, name, call, default, head == "@denylist")?;
        if let Some(line) = line {
            lines.entry(line).or_default().push(name);
        }
    }
    let mut single: Vec<(&str, &str)> =
        lines.iter().flat_map(|(line, names)| names.iter().map(|name| (*name, line.as_str()))).collect();
    single.sort_unstable();
    let mut text = format!("# For {abi}.\n{head}\n");
    for (name, line) in single {
        let _ = writeln!(text, "{name}: {line}");
    }
    let mut notes = other_abis(policy, abi, default, Action::KillProcess);
    if default != rest {
        notes.push(format!(
            "minijail has no default like {}: every named call has its line, and numbers without a name get {}",
            spelled(rest),
            spelled(default)
        ));
    }
    let unnamed: Vec<String> = numbered
        .iter()
        .filter(|(_, call)| actions(call).any(|action| expressible(action) != default))
        .map(|(nr, _)| nr.to_string())
        .collect();
    if !unnamed.is_empty() {
        notes.push(format!(
            "the file can only name calls, so what these numbers do is not in it: {}",
            unnamed.join(", ")
        ));
    }
    notes.extend(data(policy));
    text_proof::prove(policy, Format::Minijail, import::Format::Minijail, &text, &BTreeSet::new())?;
    Ok(Export { bytes: text.into_bytes(), notes })
}

/// minijail traps and traces without a number.
fn expressible(action: Action) -> Action {
    match action {
        Action::Trap(_) => Action::Trap(0),
        Action::Trace(_) => Action::Trace(0),
        other => other,
    }
}

fn data(policy: &Policy) -> Option<String> {
    let with_data = policy.actions().into_iter().filter(|action| expressible(*action) != *action);
    let spelled: Vec<String> = with_data.map(|action| action.to_string()).collect();
    (!spelled.is_empty()).then(|| format!("minijail traps and traces without a number: {}", spelled.join(", ")))
}

/// The line that says the default, and the default.
fn default(rest: Action, named: &[(&'static str, &CallPolicy)]) -> (&'static str, Action) {
    let refuses_by_errno = |call: &CallPolicy| {
        actions(call).all(|action| matches!(action, Action::Allow | Action::Errno(_)))
            // Of a call that isn't allowed at the end, such a file can't allow a part.
            && (call.otherwise.action == Action::Allow || call.clauses.is_empty())
    };
    match rest {
        Action::KillThread => ("@default kill-thread", rest),
        Action::Trap(_) => ("@default trap", rest),
        Action::Notify => ("@default user-notify", rest),
        Action::Allow if named.iter().all(|(_, call)| refuses_by_errno(call)) => ("@denylist", rest),
        _ => ("@default kill-process", Action::KillProcess),
    }
}

/// What stands behind a call's colon; nothing when it does what the default does.
fn line(
    abi: Abi,
    name: &'static str,
    call: &CallPolicy,
    default: Action,
    denies: bool,
) -> Result<Option<String>, ExportError> {
    let otherwise = expressible(call.otherwise.action);
    if call.clauses.is_empty() {
        return Ok((otherwise != default).then(|| verb(abi, otherwise)));
    }
    let mut filters = match direct(call, abi).filter(|_| !denies) {
        Some(found) => found.into_iter().map(|(action, alternatives)| (alternatives.join(" || "), action)).collect(),
        None => {
            let cubes = prove::cover_for(call, |action| expressible(action) != otherwise, MAX_ARGUMENT_RULES);
            let cubes = cubes.map_err(|_| ExportError::TooManyRules { call: name.to_owned() })?;
            of_cubes(&cubes, abi)
        }
    };
    let decided = filters.iter().any(|(expression, _)| expression.is_empty());
    if !decided && (otherwise != default || filters.is_empty()) {
        filters.push((String::new(), otherwise));
    }
    let spelled: Vec<String> = filters
        .iter()
        .map(|(expression, action)| match (expression.as_str(), action) {
            ("", action) => verb(abi, *action),
            (expression, Action::Allow) => expression.to_owned(),
            (expression, action) => format!("{expression}; {}", verb(abi, *action)),
        })
        .collect();
    Ok(Some(match spelled.as_slice() {
        // Outside of braces minijail0(5) gives `condition; return E` another meaning.
        [one] if !one.contains(';') => one.clone(),
        _ => format!("{{ {} }}", spelled.join(", ")),
    })
    .filter(|line| *line != verb(abi, default)))
}

fn of_cubes(cubes: &[(Cube, Action)], abi: Abi) -> Vec<(String, Action)> {
    let mut by_action: BTreeMap<Action, Vec<String>> = BTreeMap::new();
    for (cube, action) in cubes {
        let words = cube.mask.iter().zip(&cube.value).enumerate();
        let atoms: Option<Vec<String>> = words
            .filter(|&(_, (&mask, _))| mask != 0)
            .map(|(index, (&mask, &value))| masked(abi, index, mask, value))
            .collect();
        // A call that comes with high halves of zero has none of the others.
        if let Some(atoms) = atoms {
            let atoms: Vec<String> = atoms.into_iter().filter(|atom| !atom.is_empty()).collect();
            if atoms.is_empty() {
                return vec![(String::new(), expressible(*action))];
            }
            by_action.entry(expressible(*action)).or_default().push(atoms.join(" && "));
        }
    }
    by_action.into_iter().map(|(action, alternatives)| (alternatives.join(" || "), action)).collect()
}

/// The largest word of an ABI: what minijail's constants may be.
fn whole(abi: Abi) -> u64 {
    if abi.long_bits() == 64 { u64::MAX } else { u64::from(u32::MAX) }
}

/// `args[index] & mask == value`: no bit that is zero there, and each that is one. `None` when it never holds.
fn masked(abi: Abi, index: usize, mask: u64, value: u64) -> Option<String> {
    let whole = whole(abi);
    if value & !whole != 0 {
        return None;
    }
    let mask = mask & whole;
    if mask == whole {
        return Some(format!("arg{index} == {value:#x}"));
    }
    let mut atoms = Vec::new();
    if mask & !value != 0 {
        atoms.push(format!("arg{index} in {:#x}", !(mask & !value) & whole));
    }
    atoms.extend((0..64).filter(|bit| value >> bit & 1 == 1).map(|bit| format!("arg{index} & {:#x}", 1_u64 << bit)));
    Some(atoms.join(" && "))
}

/// The clauses as they stand, where minijail's comparisons can say them: each a list of alternatives.
fn direct(call: &CallPolicy, abi: Abi) -> Option<Vec<(Action, Vec<String>)>> {
    call.clauses
        .iter()
        .map(|clause| {
            let alternatives = alternatives(&clause.condition, abi)?;
            let joined = alternatives.into_iter().map(|atoms| atoms.join(" && ")).collect();
            Some((expressible(clause.decision.action), joined))
        })
        .collect()
}

/// A condition as alternatives of conjunctions, none of them empty.
fn alternatives(condition: &Condition, abi: Abi) -> Option<Vec<Vec<String>>> {
    match condition {
        Condition::Atom(atom) => of_atom(atom, abi),
        Condition::Any(parts) if !parts.is_empty() => {
            let parts: Vec<_> = parts.iter().map(|part| alternatives(part, abi)).collect::<Option<_>>()?;
            Some(parts.concat()).filter(|all| all.len() <= CONJUNCTIONS)
        }
        Condition::All(parts) if !parts.is_empty() => {
            let mut all = vec![Vec::new()];
            for part in parts {
                let part = alternatives(part, abi)?;
                if all.len() * part.len() > CONJUNCTIONS {
                    return None;
                }
                all = all
                    .iter()
                    .flat_map(|left: &Vec<String>| part.iter().map(move |right| [left.as_slice(), right].concat()))
                    .collect();
            }
            Some(all)
        }
        Condition::Always | Condition::Not(_) | Condition::All(_) | Condition::Any(_) => None,
    }
}

/// A test of a whole word, or of some of its bits.
fn of_atom(atom: &Atom, abi: Abi) -> Option<Vec<Vec<String>>> {
    let index = usize::from(atom.arg);
    let whole = whole(abi);
    let mask = atom.mask & atom.width.max();
    let one = |text: String| Some(vec![vec![text]]);
    let outside = atom.values.complement(mask);
    if outside.ranges() == [(0, 0)] && mask & !whole == 0 && mask != 0 {
        return one(format!("arg{index} & {mask:#x}"));
    }
    if mask != whole {
        let [(value, high)] = *atom.values.ranges() else { return None };
        let text =
            masked(abi, index, mask, value).filter(|text| value == high && value & !mask == 0 && !text.is_empty());
        return text.map(|text| vec![vec![text]]);
    }
    if let [(value, high)] = *outside.ranges()
        && value == high
    {
        return one(format!("arg{index} != {value:#x}"));
    }
    let ranges = atom.values.ranges();
    let of_range = |&(low, high): &(u64, u64)| match (low, high) {
        (low, high) if low == high => Some(vec![format!("arg{index} == {low:#x}")]),
        (0, high) if high == whole => None,
        (0, high) => Some(vec![format!("arg{index} <= {high:#x}")]),
        (low, high) if high == whole => Some(vec![format!("arg{index} >= {low:#x}")]),
        (low, high) => Some(vec![format!("arg{index} >= {low:#x}"), format!("arg{index} <= {high:#x}")]),
    };
    let inside = ranges.iter().all(|&(_, high)| high <= whole) && !ranges.is_empty();
    if !inside || ranges.len() > CONJUNCTIONS {
        return None;
    }
    ranges.iter().map(of_range).collect()
}

fn verb(abi: Abi, action: Action) -> String {
    match action {
        Action::KillProcess => "kill-process".to_owned(),
        Action::KillThread => "kill-thread".to_owned(),
        Action::Trap(_) => "trap".to_owned(),
        Action::Errno(errno) => match tables::errno_name(abi, errno) {
            Some(name) => format!("return {name}"),
            None => format!("return {errno}"),
        },
        Action::Notify => "user-notify".to_owned(),
        Action::Trace(_) => "trace".to_owned(),
        Action::Log => "log".to_owned(),
        Action::Allow => "allow".to_owned(),
    }
}
