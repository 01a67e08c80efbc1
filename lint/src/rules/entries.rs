//! The entries of an engine's profile that count on the target.

use std::borrow::Cow;

use callgate_compiler::abi::Abi;
use callgate_compiler::condition::Condition;
use callgate_compiler::tables;
use callgate_grammar::Span;
use callgate_profiles::engine::Engine;
use callgate_profiles::import::profile::{Action, ActionName, At, Entry};

use crate::document::Document;
use crate::meaning::Meaning;

/// An entry and the listed ABIs on which its includes and excludes hold.
#[derive(Clone, Debug)]
pub(super) struct Counting<'a> {
    pub(super) entry: &'a Entry,
    pub(super) abis: Vec<Abi>,
}

/// One call of an entry on one ABI.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<'a> {
    pub(super) entry: &'a Entry,
    pub(super) name: &'a At<String>,
    pub(super) abi: Abi,
    pub(super) nr: u32,
}

/// The entries of the profile that count: nothing when the document is no such profile, or too broken to mean something.
pub(super) fn counting(document: &Document) -> Vec<Counting<'_>> {
    let (Some(profile), Some(meaning)) = (document.profile(), &document.meaning) else { return Vec::new() };
    let counts = |entry| Counting { entry, abis: abis(document, meaning, entry) };
    profile.entries.iter().map(counts).filter(|counting| !counting.abis.is_empty()).collect()
}

fn abis(document: &Document, meaning: &Meaning, entry: &Entry) -> Vec<Abi> {
    let (includes, excludes) = (&entry.includes, &entry.excludes);
    let engine = document.reading.engine;
    let held = |name: &&str| meaning.capabilities.contains(name);
    // Podman passes over `minKernel` (profiles/src/engine/client.rs).
    let kernel = (meaning.kernel.major, meaning.kernel.minor);
    let reached = |wanted: (u16, u16)| kernel >= wanted;
    let by_kernel =
        engine == Engine::Podman || (includes.kernel.is_none_or(reached) && !excludes.kernel.is_some_and(reached));
    if !includes.capabilities.iter().all(held) || excludes.capabilities.iter().any(held) || !by_kernel {
        return Vec::new();
    }
    // By itself a document speaks for every machine; an engine runs on one.
    let machine = |abi: Abi| if engine == Engine::Document { abi.native() } else { document.reading.host.machine };
    let on_machine = |abi: &Abi| {
        let machine = machine(*abi);
        (includes.machines.is_empty() || includes.names_machine(machine)) && !excludes.names_machine(machine)
    };
    meaning.policy.abis.keys().copied().filter(on_machine).collect()
}

/// Those of the entries that count which do something else than the default: every runtime leaves the others out.
pub(super) fn beside_the_default(document: &Document) -> Vec<Counting<'_>> {
    let default = document.profile().and_then(|profile| profile.default.as_ref()).map(effect);
    let mut counting = counting(document);
    counting.retain(|one| Some(effect(&one.entry.action)) != default);
    counting
}

/// Those of the entries that count which have comparisons.
pub(super) fn comparing(document: &Document) -> Vec<Counting<'_>> {
    let mut counting = counting(document);
    counting.retain(|one| !one.entry.arguments.is_empty());
    counting
}

/// Every call of every counting entry, on each ABI that has it.
pub(super) fn named<'a>(counting: &'a [Counting<'a>]) -> impl Iterator<Item = Named<'a>> {
    counting.iter().flat_map(|Counting { entry, abis }| {
        entry.names.iter().flat_map(move |name| {
            abis.iter().filter_map(move |&abi| Some(Named { entry, name, abi, nr: tables::number(abi, &name.value)? }))
        })
    })
}

/// What an entry's comparisons ask together.
pub(super) fn condition(entry: &Entry) -> Condition {
    Condition::All(entry.arguments.iter().map(callgate_profiles::import::profile::Argument::condition).collect())
}

/// What an entry does, comparable: EPERM where an errno is left out.
pub(super) fn effect(action: &Action) -> (ActionName, Cow<'_, str>) {
    let takes_errno = matches!(action.name.value, ActionName::Errno | ActionName::Trace);
    let number = || Cow::Owned(action.errno.number.map_or(1, |number| number.value).to_string());
    let name = action.errno.name.as_ref().map(|name| Cow::Borrowed(name.value.as_str()));
    (action.name.value, if takes_errno { name.unwrap_or_else(number) } else { Cow::Borrowed("") })
}

/// Whether an action runs the call.
pub(super) fn executes(action: &Action) -> bool {
    matches!(action.name.value, ActionName::Allow | ActionName::Log)
}

/// Whether an action says no: neither running the call, nor ENOSYS, nor handing it to someone else.
pub(super) fn refuses(action: &Action) -> bool {
    match action.name.value {
        ActionName::KillProcess | ActionName::KillThread | ActionName::Trap => true,
        ActionName::Errno => !["38", "ENOSYS"].contains(&&*effect(action).1),
        ActionName::Trace | ActionName::Notify | ActionName::Allow | ActionName::Log => false,
    }
}

/// An action as the file spells it.
pub(super) fn shown(document: &Document, span: Span) -> &str {
    document.sources.snippet(span).trim_matches('"')
}
