//! The exposure for programs.

use callgate_grammar::Sources;
use serde_json::{Value, json};

use super::text::{action, call};
use super::{Column, Exposure, Totals, Verdict};
use crate::meaning::Meaning;

/// One object: the target, the totals of each column, and every vulnerability in the data's order.
#[must_use]
pub fn json(name: &str, meaning: &Meaning, exposures: &[Exposure], sources: &Sources) -> Value {
    let columns = [("profile", Column::Profile), ("docker-default", Column::Docker), ("no-filter", Column::Unfiltered)];
    let totals =
        columns.iter().filter_map(|(name, column)| Some(((*name).to_owned(), totals(column.totals(exposures)?))));
    json!({
        "profile": name,
        "abis": meaning.policy.abis.keys().map(ToString::to_string).collect::<Vec<_>>(),
        "kernel": format!("{}.{}", meaning.kernel.major, meaning.kernel.minor),
        "capabilities": meaning.capabilities,
        "level": "trigger",
        "totals": totals.collect::<serde_json::Map<_, _>>(),
        "vulnerabilities": exposures.iter().map(|one| vulnerability(one, sources)).collect::<Vec<_>>(),
    })
}

fn totals(totals: Totals) -> Value {
    let Totals { reachable, on_kernel, refused, blocked, in_part, absent } = totals;
    json!({
        "reachable": reachable,
        "reachable_on_kernel": on_kernel,
        "refused_by_kernel": refused,
        "blocked": blocked,
        "blocked_in_part": in_part,
        "absent": absent,
    })
}

fn vulnerability(exposure: &Exposure, sources: &Sources) -> Value {
    let one = exposure.vulnerability;
    let needs = one.needs.iter().map(|need| json!({"capability": need.capability, "own_user_namespace": need.own}));
    let triggers = one.triggers.iter().map(|trigger| {
        let ways: Vec<_> = trigger.ways.iter().map(|way| way.call).collect();
        json!({"name": trigger.name, "any_of": ways})
    });
    json!({
        "names": one.names,
        "what": one.what,
        "kernels": one.kernels.to_string(),
        "on_kernel": exposure.on_kernel,
        "needs": needs.collect::<Vec<_>>(),
        "triggers": triggers.collect::<Vec<_>>(),
        "source": one.source,
        "profile": verdict(&exposure.profile, Some(sources)),
        // Its places are in the shipped policy, not in the profile's sources.
        "docker-default": exposure.docker.as_ref().map(|docker| verdict(docker, None)),
        "no-filter": verdict(&exposure.unfiltered, None),
    })
}

fn verdict(verdict: &Verdict, sources: Option<&Sources>) -> Value {
    match verdict {
        Verdict::Reachable(calls) => {
            json!({"verdict": "reachable", "calls": calls.iter().map(call).collect::<Vec<_>>()})
        }
        Verdict::Refused(missing) => json!({"verdict": "refused-by-kernel", "missing": missing}),
        Verdict::Absent(trigger) => json!({"verdict": "absent", "trigger": trigger.name}),
        Verdict::Blocked(block) => {
            let by = block.by.iter().map(|blocker| {
                let place = sources.zip(blocker.place).map(|(sources, place)| {
                    let (line, column) = sources.line_column(place.source, place.start);
                    json!({"file": sources.get(place.source).name, "line": line, "column": column})
                });
                json!({"action": action(blocker), "call": blocker.call, "abi": blocker.abi.to_string(), "at": place})
            });
            let by: Vec<_> = by.collect();
            json!({"verdict": "blocked", "trigger": block.trigger.name, "by": by, "passing": block.passing, "of": block.of})
        }
    }
}
