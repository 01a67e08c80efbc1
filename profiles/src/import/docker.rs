//! What the JSON of Docker, Podman and OCI means by itself: the document's own meaning, without what one engine or another
//! makes of it ([`crate::engine`] knows that).
//!
//! OCI: runtime-spec, config-linux.md, "Seccomp". Docker adds `archMap`, `includes` and `excludes` (moby,
//! profiles/seccomp), Podman names of errnos (containers/common, pkg/seccomp).

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::Abi;
use callgate_compiler::action::MAX_ERRNO;
use callgate_compiler::policy::FilterFlag;
use callgate_compiler::tables;
use callgate_grammar::tree::{BinaryOp, Statement};
use callgate_grammar::{Diagnostic, Span, Spanned};

use super::constants::{errno_verb_of, is_errno};
use super::guard::Guard;
use super::profile::{Action, ActionName, Argument, Comparison, Entry, Profile};
use super::rules::{Order, Rule, Statements, Test, When};
use super::tree;

/// The statements that say what the document says.
///
/// `podman`: the names of errnos are the format's own, so that there is nothing to say about them.
pub(crate) fn statements(profile: &Profile, podman: bool, diagnostics: &mut Vec<Diagnostic>) -> Option<Statements> {
    let Some(default) = &profile.default else {
        diagnostics.push(missing_default(profile.span));
        return None;
    };
    let default = Spanned::new(verb(default, podman, diagnostics), default.name.span);
    let listed = architectures(profile, diagnostics);
    let abis = Statements::abis(listed.as_ref());
    let mut rules = Vec::new();
    let mut missing = BTreeMap::new();
    for entry in &profile.entries {
        let verb = verb(&entry.action, podman, diagnostics);
        let guard = guard(entry, &abis);
        let when = when(&entry.arguments, diagnostics);
        let Some(guard) = guard else { continue };
        for name in &entry.names {
            let call = &name.value;
            if guard.abis.iter().any(|abi| tables::number(abi, call).is_some()) {
                rules.push(Rule {
                    call: call.clone(),
                    guard: guard.clone(),
                    when: when.clone(),
                    verb: verb.clone(),
                    span: name.span,
                });
            } else if !Abi::ALL.iter().any(|&abi| tables::number(abi, call).is_some()) {
                missing.entry(call.clone()).or_insert(name.span);
            }
        }
    }
    diagnostics.extend(unknown_calls("callgate has no table with", &missing));
    let header = header(profile.flags.as_deref().unwrap_or_default(), profile);
    Some(Statements { listed, header, default, rules, order: Order::Libseccomp })
}

pub(crate) fn missing_default(span: Span) -> Diagnostic {
    Diagnostic::error("missing-key", "a profile needs a `defaultAction`")
        .at(span, "")
        .help("add `\"defaultAction\": \"SCMP_ACT_ERRNO\"`")
}

/// `flags:`, `listener:` and what it is told.
pub(crate) fn header(flags: &[FilterFlag], profile: &Profile) -> Vec<Statement> {
    let mut header = Vec::new();
    if !flags.is_empty() {
        header.push(tree::flags(flags, profile.span));
    }
    if let Some(path) = &profile.listener {
        header.push(tree::listener(&path.value, path.span));
    }
    if let Some(metadata) = &profile.metadata {
        header.push(tree::listener_metadata(&metadata.value, metadata.span));
    }
    header
}

/// What an action with its errno is in the language.
fn verb(action: &Action, podman: bool, diagnostics: &mut Vec<Diagnostic>) -> String {
    let number = action.errno.number;
    let name = action.errno.name.as_ref().filter(|_| action.name.value == ActionName::Errno);
    let Some(name) = name else {
        // runc and libseccomp's callers give EPERM to both when there is no errno.
        let number = number.map_or(1, |number| number.value);
        // The kernel returns no larger errno (kernel/seccomp.c).
        let errno = action.name.value == ActionName::Errno;
        return action.name.value.verb(if errno { number.min(MAX_ERRNO) } else { number });
    };
    match number {
        _ if podman => {}
        Some(number) if !is_errno(&name.value, u64::from(number.value)) => diagnostics.push(
            Diagnostic::error("two-errnos", format!("`{}` and {} are two errnos", name.value, number.value))
                .at(name.span, "Podman takes this one")
                .at(number.span, "Docker takes this one")
                .help("make them the same"),
        ),
        None => diagnostics.push(
            Diagnostic::note("errno-name-only", "only Podman reads names of errnos")
                .at(name.span, "Docker takes EPERM"),
        ),
        Some(_) => {}
    }
    errno_verb_of(&name.value).unwrap_or_default()
}

/// The ABIs that the file lists and the tables know. `None`: it lists none.
fn architectures(profile: &Profile, diagnostics: &mut Vec<Diagnostic>) -> Option<BTreeSet<Abi>> {
    profile.all_architectures().next()?;
    let abis: BTreeSet<Abi> = profile.all_architectures().filter_map(|architecture| architecture.value.ok()).collect();
    let lacking = || profile.all_architectures().filter_map(|at| at.value.err().map(|name| (name, at.span)));
    if let Some((_, first)) = lacking().next() {
        let names: BTreeSet<_> = lacking().map(|(name, _)| name).collect();
        let names: Vec<_> = names.into_iter().collect();
        diagnostics.push(
            Diagnostic::note("no-tables", format!("callgate has no tables for {}", names.join(", ")))
                .at(first, "left out"),
        );
    }
    if abis.is_empty() {
        diagnostics.push(
            Diagnostic::error("no-tables", "callgate has tables for none of the file's architectures")
                .at(profile.span, "")
                .help("add one that it knows, SCMP_ARCH_X86_64 for instance"),
        );
    }
    Some(abis)
}

/// `includes` and `excludes` as one conjunction; `None` when they can hold nowhere.
fn guard(entry: &Entry, abis: &BTreeSet<Abi>) -> Option<Guard> {
    let mut guard = Guard::on(abis);
    let mut possible = true;
    for (conditions, included) in [(&entry.includes, true), (&entry.excludes, false)] {
        // Every included capability must be there, none of the excluded ones may (moby, setupSeccomp).
        for &name in &conditions.capabilities {
            possible &= *guard.capabilities.entry(name).or_insert(included) == included;
        }
        if !conditions.machines.is_empty() {
            // Docker compares with the machine's own architecture, whatever ABI a call is made through.
            guard.abis.retain(|abi| conditions.names_machine(abi.native()) == included);
        }
        if let Some(kernel) = conditions.kernel {
            if included {
                guard.from = guard.from.max(Some(kernel));
            } else {
                guard.below = Some(kernel);
            }
        }
    }
    let can_hold = possible && guard.and(&guard).is_some();
    can_hold.then_some(guard)
}

fn when(arguments: &[Argument], diagnostics: &mut Vec<Diagnostic>) -> When {
    let mut indices = BTreeSet::new();
    for argument in arguments {
        if !indices.insert(argument.index) {
            diagnostics.push(
                Diagnostic::warning("same-argument-twice", format!("argument {} is looked at twice", argument.index))
                    .at(argument.span, "here both must hold")
                    .because("runc and crun let a call through that passes any one of the entry's conditions")
                    .help("split the rule, or look at the argument once"),
            );
        }
    }
    // Without a mask nothing is looked at.
    let tests: Vec<Test> = arguments.iter().filter(|argument| argument.mask != 0).map(Argument::test).collect();
    if tests.is_empty() { When::Always } else { When::All(tests) }
}

impl Argument {
    /// The comparison in the language.
    pub(crate) fn test(&self) -> Test {
        let operator = match self.comparison {
            Comparison::NotEqual => BinaryOp::Ne,
            Comparison::Less => BinaryOp::Lt,
            Comparison::LessOrEqual => BinaryOp::Le,
            Comparison::Equal => BinaryOp::Eq,
            Comparison::GreaterOrEqual => BinaryOp::Ge,
            Comparison::Greater => BinaryOp::Gt,
        };
        Test::number(self.index, self.mask, operator, self.value)
    }
}

/// Of the names that a note lists, so many are shown where they stand.
const SHOWN: usize = 16;

/// A note on names that someone doesn't know, each at its first place in the file.
pub(crate) fn unknown_calls(lacking: &str, missing: &BTreeMap<String, Span>) -> Option<Diagnostic> {
    let list: Vec<_> = missing.keys().map(|name| format!("`{name}`")).collect();
    let mut places: Vec<Span> = missing.values().copied().collect();
    places.sort_unstable();
    let note = Diagnostic::note("unknown-syscall", format!("{lacking} {}", list.join(", ")))
        .because("engines pass over names they don't know in silence, misspelt ones too");
    (!missing.is_empty()).then(|| places.into_iter().take(SHOWN).fold(note, |note, place| note.at(place, "left out")))
}
