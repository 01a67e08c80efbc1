//! What libraries may call instead of what was seen, with the conditions that hold what was seen.

use std::collections::BTreeMap;

use callgate_compiler::abi::Abi;
use callgate_compiler::tables::{self, FamilyRole, Role};

use super::observed::Observed;
use super::text::{Section, Targets};
use crate::held::Arguments;
use crate::probes::probes;
use crate::siblings::{Siblings, name, siblings, without_width};

/// A section for each line of `siblings.txt` that adds something, on the ABIs where it does.
pub(super) fn sections(observed: &Observed<'_>) -> Vec<Section> {
    let seen = observed.named();
    let tried: Vec<&str> = probes().map(|(name, _)| name).collect();
    let mut sections = Vec::new();
    for line in siblings() {
        let mut targets = Targets::new();
        for &abi in &observed.abis() {
            let has = |call: &str| seen.contains_key(&(abi, call.to_owned()));
            if !line.seen.is_empty() && !line.seen.iter().any(|call| has(call)) {
                continue;
            }
            for &added in &line.added {
                let call = name(added);
                if has(call) || tried.binary_search(&call).is_ok() || tables::number(abi, call).is_none() {
                    continue;
                }
                if let Some(text) = target(observed, &line, abi, added) {
                    targets.insert((abi, call.to_owned()), text);
                }
            }
        }
        if !targets.is_empty() {
            sections.push(Section { reason: vec![line.reason.to_owned()], targets });
        }
    }
    sections
}

/// The call as it is added. A sibling is no door around a condition: what holds the call that was seen holds it too, and a
/// parameter that decides power and that nothing was seen of leaves the sibling out.
fn target(observed: &Observed<'_>, line: &Siblings, abi: Abi, added: &str) -> Option<String> {
    let call = name(added);
    if call != added {
        return Some(added.to_owned());
    }
    let mut conditions = BTreeMap::new();
    for parameter in tables::prototype(abi, call).unwrap_or_default() {
        let holds =
            matches!(parameter.role, Role::Selector | Role::Flags) && observed.arguments().hold(call, parameter.name);
        if !holds {
            continue;
        }
        match relatives(line, call).find_map(|relative| observed.held_to(abi, relative, parameter.name)) {
            Some(Some(condition)) => drop(conditions.insert(parameter.name, condition)),
            Some(None) => {}
            None if Arguments::Safe.hold(call, parameter.name) => return None,
            None => {}
        }
    }
    let conditions: Vec<String> = conditions.into_values().collect();
    Some(if conditions.is_empty() { call.to_owned() } else { format!("{call}({})", conditions.join(", ")) })
}

/// The calls that lend their conditions: those that give all the power of this one, by the compiler's families, and the same
/// call with fields of another width.
fn relatives<'a>(line: &'a Siblings, call: &'a str) -> impl Iterator<Item = &'a str> {
    let families = tables::families().values().filter(move |members| members.iter().any(|member| member.call == call));
    let strong = families.flatten().filter(|member| member.role == FamilyRole::Door && member.selector.is_none());
    let twins = line.seen.iter().copied().filter(move |seen| without_width(seen) == without_width(call));
    twins.chain(strong.map(|member| member.call)).filter(move |relative| *relative != call)
}
