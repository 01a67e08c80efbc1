//! What container runtimes call under the filter before the command does: `policies/runc.gate` and `policies/crun.gate`,
//! which give the reasons and say on which versions they were measured.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use callgate_grammar::tree::{Call, NameOrNumber, StatementKind, TargetKind, Verb};
use callgate_grammar::{SourceId, Span, parse};
use thiserror::Error;

/// A container runtime with a measured baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Runtime {
    /// Docker's and containerd's.
    Runc,
    /// Podman's.
    Crun,
}

impl Runtime {
    /// Every runtime.
    pub const ALL: &'static [Self] = &[Self::Runc, Self::Crun];

    /// The name that `--runtime` takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Runc => "runc",
            Self::Crun => "crun",
        }
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No measured runtime has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no baseline for a runtime called `{name}`\n  next: callgate has measured {}", Runtime::ALL.iter().map(|runtime| runtime.name()).collect::<Vec<_>>().join(" and "))]
pub struct UnknownRuntime {
    /// What was asked for.
    pub name: String,
}

impl FromStr for Runtime {
    type Err = UnknownRuntime;

    /// Knows the runtimes by their own names and by the names of the engines that start them by default.
    fn from_str(name: &str) -> Result<Self, UnknownRuntime> {
        match name {
            "runc" | "docker" | "containerd" => Ok(Self::Runc),
            "crun" | "podman" => Ok(Self::Crun),
            _ => Err(UnknownRuntime { name: name.to_owned() }),
        }
    }
}

/// The baseline as text in the policy language: statements for calls, no default and no ABI.
#[must_use]
pub fn baseline(runtime: Runtime) -> &'static str {
    match runtime {
        Runtime::Runc => include_str!("../policies/runc.gate"),
        Runtime::Crun => include_str!("../policies/crun.gate"),
    }
}

/// One statement of a baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The comment before it, line by line, without the `#`. Empty when the statement shares the one before.
    pub reason: Vec<&'static str>,
    /// Whether the calls have to be allowed; else it is enough that they don't kill.
    pub allowed: bool,
    /// The calls.
    pub targets: Vec<Needed>,
}

/// One call of a baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// The call's name.
    pub name: String,
    /// As written, with its condition if it has one.
    pub text: &'static str,
}

/// The statements of a baseline, in the order written. Tests hold the files to `allow` and `deny` of names.
#[must_use]
pub fn needs(runtime: Runtime) -> Vec<Need> {
    let text = baseline(runtime);
    let (file, _) = parse(SourceId::default(), text);
    let mut end_of_last = 0;
    let mut needs = Vec::new();
    for statement in &file.statements {
        let StatementKind::Rule { verb, targets } = &statement.node else { continue };
        let comments = file
            .comments
            .iter()
            .map(range)
            .filter(|comment| (end_of_last..start(statement.span)).contains(&comment.start));
        let comments: Vec<_> = comments.collect();
        needs.push(Need {
            reason: last_paragraph(text, &comments),
            allowed: verb.node == Verb::Allow,
            targets: targets.iter().filter_map(|target| needed(text, &target.node, target.span)).collect(),
        });
        end_of_last = range(&statement.span).end;
    }
    needs
}

/// The comments after the last empty line, which belong to the statement below them.
fn last_paragraph(text: &'static str, comments: &[Range<usize>]) -> Vec<&'static str> {
    let breaks = comments.windows(2).rposition(|pair| text[pair[0].end..pair[1].start].matches('\n').count() > 1);
    let first = breaks.map_or(0, |index| index + 1);
    comments[first..].iter().map(|comment| text[comment.clone()].trim_start_matches('#').trim()).collect()
}

fn needed(text: &'static str, target: &TargetKind, span: Span) -> Option<Needed> {
    let TargetKind::Call(Call { callee, .. }) = target else { return None };
    let NameOrNumber::Name(name) = &callee.node else { return None };
    Some(Needed { name: name.clone(), text: &text[range(&span)] })
}

fn start(span: Span) -> usize {
    range(&span).start
}

fn range(span: &Span) -> Range<usize> {
    span.start as usize..span.end as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use callgate_compiler::abi::Abi;
    use callgate_compiler::tables;

    use super::*;

    #[test]
    fn baselines_are_policies_of_named_calls_each_with_a_reason() {
        for &runtime in Runtime::ALL {
            let (file, diagnostics) = parse(SourceId::default(), baseline(runtime));
            assert_eq!(diagnostics, [], "{runtime}");
            let mut seen = BTreeSet::new();
            let needs = needs(runtime);
            assert_eq!(needs.len(), file.statements.len());
            for (need, statement) in needs.iter().zip(&file.statements) {
                let StatementKind::Rule { verb, targets } = &statement.node else { panic!("{statement:?}") };
                assert!(matches!(verb.node, Verb::Allow | Verb::Deny));
                assert_eq!(need.targets.len(), targets.len());
                assert!(!need.reason.is_empty(), "{need:?}");
                for Needed { name, .. } in &need.targets {
                    assert!(seen.insert(name.clone()), "{runtime}: {name} twice");
                    for abi in [Abi::X86_64, Abi::Aarch64] {
                        assert!(tables::number(abi, name).is_some(), "{runtime}: {abi} has no {name}");
                    }
                }
            }
        }
    }

    #[test]
    fn reasons_are_the_comments_right_above() {
        let needs = needs(Runtime::Crun);
        assert_eq!(needs[0].reason, ["Starting the command. Without it there is no container."]);
        assert_eq!(needs[3].targets[1].text, "close_range");
    }

    #[test]
    fn runtimes_are_found_by_name() {
        for runtime in Runtime::ALL {
            assert_eq!(runtime.to_string().parse(), Ok(*runtime));
        }
        assert_eq!("podman".parse(), Ok(Runtime::Crun));
        let error = "youki".parse::<Runtime>().unwrap_err().to_string();
        assert_eq!(error, "no baseline for a runtime called `youki`\n  next: callgate has measured runc and crun");
    }
}
