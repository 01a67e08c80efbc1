//! The statements about the policy as a whole: `arch`, `known`, `flags`, `listener`, `listener-metadata`.

use callgate_grammar::tree::{GuardKind, Statement, StatementKind, TargetKind, Version};
use callgate_grammar::{Diagnostic, Span, Spanned, did_you_mean};

use super::Unit;
use super::guard::abi_named;
use super::target::Target;
use crate::abi::Abi;
use crate::policy::FilterFlag;

/// What the policy says about itself.
#[derive(Clone)]
pub(super) struct Header {
    /// The target ABIs, ascending.
    pub(super) abis: Vec<Abi>,
    /// Those and every other ABI that an `arch:` or a `when arch` of the texts names. A name must exist on one of them: a
    /// policy for several ABIs stays sound when `--arch`, or a nearer `arch:`, chooses one.
    pub(super) spoken: Vec<Abi>,
    /// Whether a person chose them (`arch:` or `--arch`); then a call that one of them lacks is worth a note.
    pub(super) chosen: bool,
    pub(super) known: Option<Spanned<Version>>,
    /// What `when kernel` is held against.
    pub(super) kernel: Version,
    pub(super) flags: Vec<FilterFlag>,
    pub(super) listener: Option<Spanned<String>>,
    pub(super) listener_metadata: Option<Spanned<String>>,
}

pub(super) fn read(units: &[Unit], target: &Target, diagnostics: &mut Vec<Diagnostic>) -> Header {
    let statements = || {
        let mut all: Vec<_> = units.iter().map(|unit| (unit.layer, unit.file.statements.as_slice())).collect();
        all.sort_by_key(|(layer, _)| *layer);
        all
    };
    let (abis, chosen) = abis(&statements(), target, diagnostics);
    let known = nearest(&statements(), "known", diagnostics, |kind| match kind {
        StatementKind::Known(version) => Some(version.clone()),
        _ => None,
    });
    let listener = nearest(&statements(), "listener", diagnostics, |kind| match kind {
        StatementKind::Listener(path) => Some(path.clone()),
        _ => None,
    });
    let listener_metadata = nearest(&statements(), "listener-metadata", diagnostics, |kind| match kind {
        StatementKind::ListenerMetadata(text) => Some(text.clone()),
        _ => None,
    });
    if let (None, Some(text)) = (&listener, &listener_metadata) {
        diagnostics.push(
            Diagnostic::error("metadata-without-listener", "there is no listener that this could be sent to")
                .at(text.span, "")
                .because("runtime-spec forbids `listenerMetadata` without `listenerPath` (config-linux.md, Seccomp)")
                .help("add `listener: \"/run/…\"`, or delete this"),
        );
    }
    let kernel = target.kernel.or(known.as_ref().map(|version| version.node)).unwrap_or(target.running_kernel);
    let mut spoken = abis.clone();
    units.iter().for_each(|unit| mentioned(&unit.file.statements, &mut spoken));
    spoken.sort_unstable();
    spoken.dedup();
    Header { abis, spoken, chosen, known, kernel, flags: flags(units, diagnostics), listener, listener_metadata }
}

fn abis(layers: &[(u32, &[Statement])], target: &Target, diagnostics: &mut Vec<Diagnostic>) -> (Vec<Abi>, bool) {
    let mut listed: Option<(u32, Vec<Abi>)> = None;
    for &(layer, statements) in layers {
        for statement in statements {
            let StatementKind::Arch(names) = &statement.node else { continue };
            if listed.as_ref().is_some_and(|(nearest, _)| *nearest < layer) {
                continue;
            }
            let (_, abis) = listed.get_or_insert_with(|| (layer, Vec::new()));
            for name in names {
                match abi_named(&name.node) {
                    Ok(abi) => abis.push(abi),
                    Err(error) => diagnostics.push(error.at(name.span, "")),
                }
            }
        }
    }
    let (mut abis, chosen) = match (&target.abis, listed) {
        (Some(abis), _) => (abis.clone(), true),
        (None, Some((_, abis))) if !abis.is_empty() => (abis, true),
        _ => {
            // Without a list, an ABI with an action of its own (`kill: arch x86`) is one the policy doesn't speak for.
            let foreign: Vec<_> = layers.iter().flat_map(|(_, statements)| foreign(statements)).collect();
            (target.default_abis.iter().copied().filter(|abi| !foreign.contains(abi)).collect(), false)
        }
    };
    abis.sort_unstable();
    abis.dedup();
    (abis, chosen)
}

/// The ABIs that `arch:` and `when arch` name.
fn mentioned(statements: &[Statement], found: &mut Vec<Abi>) {
    for statement in statements {
        match &statement.node {
            StatementKind::Arch(names) => found.extend(names.iter().filter_map(|name| name.node.parse::<Abi>().ok())),
            StatementKind::When { guards, body } => {
                found.extend(guards.iter().filter_map(|guard| match &guard.node.kind {
                    GuardKind::Arch(name) if !guard.node.negated => name.node.parse::<Abi>().ok(),
                    _ => None,
                }));
                mentioned(body, found);
            }
            _ => {}
        }
    }
}

fn foreign(statements: &[Statement]) -> Vec<Abi> {
    let mut found = Vec::new();
    for statement in statements {
        let StatementKind::Rule { targets, .. } = &statement.node else { continue };
        found.extend(targets.iter().filter_map(|target| match &target.node {
            TargetKind::Arch(name) => name.node.parse::<Abi>().ok(),
            _ => None,
        }));
    }
    found
}

/// The value of the nearest layer that has one; two that differ in one layer are an error.
fn nearest<T: PartialEq>(
    layers: &[(u32, &[Statement])],
    what: &'static str,
    diagnostics: &mut Vec<Diagnostic>,
    pick: impl Fn(&StatementKind) -> Option<Spanned<T>>,
) -> Option<Spanned<T>> {
    let mut found: Option<(u32, Spanned<T>)> = None;
    for &(layer, statements) in layers {
        for statement in statements {
            let Some(value) = pick(&statement.node) else { continue };
            match &found {
                None => found = Some((layer, value)),
                Some((nearest, first)) if *nearest == layer && first.node != value.node => diagnostics.push(
                    Diagnostic::error("conflict", format!("`{what}` is said twice, and differently"))
                        .at(value.span, "here again")
                        .at(first.span, "first here")
                        .help("keep one of them"),
                ),
                Some(_) => {}
            }
        }
    }
    found.map(|(_, value)| value)
}

fn flags(units: &[Unit], diagnostics: &mut Vec<Diagnostic>) -> Vec<FilterFlag> {
    let mut flags = Vec::new();
    for statement in units.iter().flat_map(|unit| &unit.file.statements) {
        let StatementKind::Flags(names) = &statement.node else { continue };
        for name in names {
            match FilterFlag::ALL.iter().find(|(_, known, _)| *known == name.node) {
                Some((flag, ..)) => flags.push(*flag),
                None => diagnostics.push(unknown_flag(&name.node, name.span)),
            }
        }
    }
    flags.sort_unstable();
    flags.dedup();
    flags
}

fn unknown_flag(name: &str, span: Span) -> Diagnostic {
    let error = Diagnostic::error("unknown-flag", format!("no filter flag is called `{name}`")).at(span, "");
    match did_you_mean(name, FilterFlag::ALL.iter().map(|(_, name, _)| *name)) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help("callgate knows TSYNC, LOG, SPEC_ALLOW and WAIT_KILLABLE_RECV"),
    }
}
