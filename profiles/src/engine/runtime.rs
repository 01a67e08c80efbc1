//! What runc and crun make of an OCI profile (runc, `libcontainer/seccomp/seccomp_linux.go`; crun, `src/libcrun/seccomp.c`).

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::{Abi, Endian};
use callgate_compiler::action::MAX_ERRNO;
use callgate_compiler::tables;
use callgate_grammar::{Diagnostic, Span, Spanned};

use super::client::{Spec, SpecRule, Verb};
use super::database::{Clash, Database};
use super::{Host, Libseccomp, stub};
use crate::import::docker;
use crate::import::profile::{ActionName, Argument};
use crate::import::rules::Statements;
use crate::import::tree;

/// Who loads the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runtime {
    Runc,
    Crun,
}

impl Runtime {
    fn name(self) -> &'static str {
        match self {
            Self::Runc => "runc",
            Self::Crun => "crun",
        }
    }
}

/// The statements that say what the loaded filter does.
pub(super) fn statements(
    runtime: Runtime,
    host: &Host,
    spec: &Spec<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Statements> {
    let before = diagnostics.len();
    let listed = listed(runtime, host, spec, diagnostics);
    let abis = with_the_machines_own(host, &listed);
    diagnostics.extend(both_byte_orders(&abis, spec));
    diagnostics.extend(refused_notifications(runtime, spec));
    diagnostics.extend(refused_errnos(spec));
    let mut database = Database::new(host.libseccomp, &abis);
    let mut unknown = BTreeMap::new();
    for rule in &spec.rules {
        if is_like_the_default(rule, spec) {
            continue;
        }
        let separate = arguments_apart(rule.arguments);
        for name in rule.names {
            // One that another ABI has is known: there is one list for all.
            if !host.libseccomp.knows(&name.value) {
                unknown.entry(name.value.clone()).or_insert(name.span);
                continue;
            }
            for arguments in &separate {
                if let Err((abi, clash)) = database.add(&name.value, arguments, &rule.verb.text, name.span) {
                    diagnostics.push(clashing(runtime, &name.value, abi, clash, name.span));
                }
            }
        }
    }
    diagnostics.extend(docker::unknown_calls("libseccomp doesn't know", &unknown));
    if diagnostics[before..].iter().any(Diagnostic::is_error) {
        return None;
    }
    let mut numbers = Vec::new();
    if runtime == Runtime::Runc && stub::is_set(&spec.default) {
        let highest = stub::highest(host, &listed, spec);
        numbers = stub::apply(&mut database, host, &highest, &abis, spec, diagnostics);
    }
    let mut header = vec![tree::other_abis("kill-thread", spec.default_span)];
    header.extend(docker::header(&spec.flags, spec.profile));
    let order = database.order();
    let mut rules = database.into_rules();
    rules.append(&mut numbers);
    let default = Spanned::new(spec.default.text.clone(), spec.default_span);
    Some(Statements { listed: Some(abis), header, default, rules, order })
}

/// The architectures of the profile, those that libseccomp knows. What it doesn't know stops the container.
fn listed(runtime: Runtime, host: &Host, spec: &Spec<'_>, diagnostics: &mut Vec<Diagnostic>) -> BTreeSet<Abi> {
    let mut abis = BTreeSet::new();
    for architecture in &spec.architectures {
        // LoongArch came with libseccomp 2.6.
        let known = |abi: &Abi| *abi != Abi::Loongarch64 || host.libseccomp >= Libseccomp::V2_6_0;
        match architecture.value.ok().filter(known) {
            Some(abi) => {
                abis.insert(abi);
            }
            None => diagnostics.push(
                Diagnostic::error("unknown-abi", format!("{} knows no such architecture", runtime.name()))
                    .at(architecture.span, "so the container doesn't start")
                    .help("take it out, or put it into the `archMap` of its own machine"),
            ),
        }
    }
    abis
}

/// A new filter starts with the machine's own ABI, listed or not (`seccomp_init`).
fn with_the_machines_own(host: &Host, listed: &BTreeSet<Abi>) -> BTreeSet<Abi> {
    listed.iter().copied().chain([host.machine]).collect()
}

/// libseccomp takes ABIs of one byte order into a filter (EDOM, `db_col_db_add` in `src/db.c`).
fn both_byte_orders(abis: &BTreeSet<Abi>, spec: &Spec<'_>) -> Option<Diagnostic> {
    let little = abis.iter().find(|abi| abi.endian() == Endian::Little)?;
    let big = abis.iter().find(|abi| abi.endian() == Endian::Big)?;
    let message = format!("no runtime loads a filter for {little} and {big} together: their byte orders differ");
    // The first that is listed and has not the order of the first; there is one, as the machine's own comes alone.
    let orders = |abi: Abi| spec.architectures.iter().find(|listed| listed.value == Ok(abi)).map(|listed| listed.span);
    let span = orders(*big).or_else(|| orders(*little)).unwrap_or(spec.span);
    Some(
        Diagnostic::error("engine-refuses", message)
            .at(span, "so the container doesn't start")
            .help("list the ABIs of one machine, or use `archMap`"),
    )
}

/// runc refuses to notify by default, and about `write`, which it needs itself before the supervisor listens; crun doesn't.
fn refused_notifications(runtime: Runtime, spec: &Spec<'_>) -> Vec<Diagnostic> {
    if runtime == Runtime::Crun {
        return Vec::new();
    }
    let refused = |span: Span, what: &str| {
        Diagnostic::error("refused-notification", format!("runc refuses to notify {what}"))
            .at(span, "so the container doesn't start")
            .help("use another action here, or crun")
    };
    let by_default = spec.profile.default.as_ref().filter(|_| spec.default.action == ActionName::Notify);
    let writes = spec.rules.iter().filter(|rule| rule.verb.action == ActionName::Notify).flat_map(|rule| rule.names);
    let writes = writes.filter(|name| name.value == "write").map(|name| refused(name.span, "about `write`"));
    by_default.map(|default| refused(default.name.span, "by default")).into_iter().chain(writes).collect()
}

/// libseccomp takes errnos below 4095 (`db_col_action_valid` in `src/db.c`).
fn refused_errnos(spec: &Spec<'_>) -> Vec<Diagnostic> {
    let verbs = spec.rules.iter().filter(|rule| !is_like_the_default(rule, spec)).map(|rule| (&rule.verb, rule.span));
    let all = verbs.chain([(&spec.default, spec.default_span)]);
    let refused = |(verb, span): (&Verb, Span)| {
        (verb.action == ActionName::Errno && verb.number >= MAX_ERRNO).then(|| {
            Diagnostic::error("engine-refuses", format!("libseccomp refuses the errno {}", verb.number))
                .at(span, "so the container doesn't start")
                .help("use one of the numbers of errno(3)")
        })
    };
    all.filter_map(refused).collect()
}

/// A rule that does what the default does is none, whatever other rules say about its call: both runtimes leave it out, as
/// libseccomp wouldn't take it.
fn is_like_the_default(rule: &SpecRule<'_>, spec: &Spec<'_>) -> bool {
    rule.verb.text == spec.default.text
}

/// An entry that looks at one argument twice becomes a rule for each of its comparisons, also those of other arguments, so that
/// any of them is enough.
fn arguments_apart(arguments: &[Argument]) -> Vec<Vec<Argument>> {
    let indices: BTreeSet<u8> = arguments.iter().map(|argument| argument.index).collect();
    if indices.len() == arguments.len() {
        return vec![arguments.to_vec()];
    }
    arguments.iter().map(|&argument| vec![argument]).collect()
}

fn clashing(runtime: Runtime, call: &str, abi: Abi, clash: Clash, span: Span) -> Diagnostic {
    let by_way = if tables::part_of(abi, call).is_some() { " or through its multiplexer" } else { "" };
    match clash {
        Clash::Same => Diagnostic::error(
            "engine-refuses",
            format!("{} refuses two rules that ask the same and do different things", runtime.name()),
        )
        .at(span, format!("about `{call}` on {abi}{by_way}: the container doesn't start"))
        .help("keep one of the two"),
        Clash::Overlap => Diagnostic::warning(
            "overlapping-rules",
            format!("two rules about `{call}` can hold together and do different things"),
        )
        .at(span, format!("on {abi}{by_way}; the first is taken here"))
        .because("libseccomp keeps no order among rules with conditions, so callgate doesn't vouch for what engines do")
        .help("write conditions that don't hold together"),
    }
}
