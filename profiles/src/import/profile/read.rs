//! JSON to a profile, and what is wrong with the file whoever reads it.

use callgate_compiler::abi::Abi;
use callgate_compiler::action::MAX_ERRNO;
use callgate_compiler::lower::target::capability;
use callgate_compiler::policy::FilterFlag;
use callgate_grammar::{Diagnostic, did_you_mean};
use serde_json::value::RawValue;

use super::action::{ACTIONS, ARCHITECTURES, COMPARISONS};
use super::{Action, Architecture, Argument, At, Conditions, Entry, Errno, Machine, Profile};
use crate::import::Document;
use crate::import::constants::errno_verb_of;
use crate::import::guard::version;
use crate::import::json::{Object, Reader};

/// The keys that a format has.
pub(crate) struct Keys {
    /// Those of a profile.
    pub(crate) profile: &'static [&'static str],
    /// Those of an entry of `syscalls`.
    pub(crate) rule: &'static [&'static str],
}

/// Docker's, Podman's and OCI's together.
const KEYS: Keys = Keys { profile: PROFILE_KEYS, rule: RULE_KEYS };
const PROFILE_KEYS: &[&str] = &[
    "defaultAction",
    "defaultErrnoRet",
    "defaultErrno",
    "architectures",
    "archMap",
    "flags",
    "listenerPath",
    "listenerMetadata",
    "syscalls",
];
const RULE_KEYS: &[&str] = &["names", "name", "action", "errnoRet", "errno", "args", "comment", "includes", "excludes"];
const CONDITION_KEYS: &[&str] = &["caps", "arches", "minKernel"];
const ARGUMENT_KEYS: &[&str] = &["index", "value", "valueTwo", "op"];

/// Reads a file. `None` when it is too far from a profile; else what is wrong is among the findings, as errors.
pub(crate) fn read(document: &Document<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Profile> {
    let mut reader = Reader::new(document.text, document.source, diagnostics);
    let root = reader.root()?;
    let inside = inside(&mut reader, root)?;
    read_value(&mut reader, inside, &KEYS)
}

/// Reads the profile that a value is.
pub(crate) fn read_value<'a>(reader: &mut Reader<'a, '_>, value: &'a RawValue, keys: &Keys) -> Option<Profile> {
    let object = reader.object(value, keys.profile)?;
    let profile = profile(reader, &object, keys);
    // What is wrong with a default that is there has been said.
    (profile.default.is_some() || object.get("defaultAction").is_none()).then_some(profile)
}

/// The profile itself, inside a config.json at `linux.seccomp`.
fn inside<'a>(reader: &mut Reader<'a, '_>, root: &'a RawValue) -> Option<&'a RawValue> {
    let Some(linux) = reader.peek(root, "linux") else { return Some(root) };
    let inside = reader.peek(linux, "seccomp");
    if inside.is_none() {
        let span = reader.span(linux);
        reader.push(
            Diagnostic::error("no-profile", "this config.json has no `linux.seccomp`")
                .at(span, "so its container runs without a filter")
                .help("give the profile's own file"),
        );
    }
    inside
}

fn profile<'a>(reader: &mut Reader<'a, '_>, object: &Object<'a>, keys: &Keys) -> Profile {
    let numbers = (object.get("defaultErrnoRet"), object.get("defaultErrno"));
    let default = object.get("defaultAction").and_then(|value| action(reader, value, numbers));
    let (list, map) = (object.get("architectures"), object.get("archMap"));
    if let (Some(list), Some(map)) = (list, map)
        && ![list.get(), map.get()].contains(&"[]")
    {
        let (list, map) = (reader.span(list), reader.span(map));
        reader.push(
            Diagnostic::error("two-lists", "`architectures` and `archMap` can't stand together")
                .at(map, "")
                .at(list, "")
                .help("keep one; every engine refuses both"),
        );
    }
    let architectures = architectures(reader, list);
    let mut machines = Vec::new();
    for entry in reader.array(map) {
        let Some(entry) = reader.object(entry, &["architecture", "subArchitectures"]) else { continue };
        let own = entry.get("architecture").and_then(|value| architecture(reader, value));
        machines
            .push(Machine { architecture: own, others: self::architectures(reader, entry.get("subArchitectures")) });
    }
    let entries =
        reader.array(object.get("syscalls")).into_iter().filter_map(|value| entry(reader, value, keys)).collect();
    Profile {
        span: object.span,
        default,
        architectures,
        machines,
        map_at: map.map(|map| reader.span(map)),
        flags: object.get("flags").map(|value| flags(reader, value)),
        flags_at: object.get("flags").map(|value| reader.span(value)),
        listener: filled_in(reader, object.get("listenerPath")),
        metadata: filled_in(reader, object.get("listenerMetadata")),
        entries,
    }
}

fn string_at(reader: &mut Reader<'_, '_>, value: Option<&RawValue>) -> Option<At<String>> {
    let value = value?;
    Some(At { value: reader.string(value)?, span: reader.span(value) })
}

/// A string that says nothing when it is empty: Go's programs write it so.
fn filled_in(reader: &mut Reader<'_, '_>, value: Option<&RawValue>) -> Option<At<String>> {
    string_at(reader, value).filter(|text| !text.value.is_empty())
}

/// A string that is one of a format's words. What isn't is an error that says which it may have been.
fn word<T: Copy>(
    reader: &mut Reader<'_, '_>,
    value: &RawValue,
    words: &[(&str, T)],
    code: &'static str,
    what: &str,
) -> Option<At<T>> {
    let text = reader.string(value)?;
    let span = reader.span(value);
    if let Some((_, found)) = words.iter().find(|(name, _)| *name == text) {
        return Some(At { value: *found, span });
    }
    let names = || words.iter().map(|(name, _)| *name);
    let error = Diagnostic::error(code, format!("no {what} is called `{text}`")).at(span, "");
    reader.push(match names().find(|name| name.eq_ignore_ascii_case(&text)).or_else(|| did_you_mean(&text, names())) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help(format!("there are {}", names().collect::<Vec<_>>().join(", "))),
    });
    None
}

fn action<'a>(
    reader: &mut Reader<'a, '_>,
    value: &'a RawValue,
    (number, name): (Option<&'a RawValue>, Option<&'a RawValue>),
) -> Option<Action> {
    let action = word(reader, value, ACTIONS, "unknown-action", "action")?;
    let mut errno = Errno::default();
    if let Some(value) = number {
        let span = reader.span(value);
        let number = u16::try_from(reader.number(value, u64::from(u16::MAX))?).ok()?;
        if action.value == super::ActionName::Errno && number > MAX_ERRNO {
            let message = format!("{number} is no errno; the kernel returns {MAX_ERRNO}");
            reader.push(
                Diagnostic::warning("errno-out-of-range", message)
                    .at(span, "")
                    .because("libseccomp refuses it, so no container starts with this file"),
            );
        }
        if number != 0 && !action.value.takes_errno() {
            reader.push(
                Diagnostic::error("errno-without-use", format!("`{}` takes no errno", action.value.name()))
                    .at(span, "runtime-spec has engines refuse this")
                    .help("take the errno out"),
            );
        }
        errno.number = Some(At { value: number, span });
    }
    if let Some(found) = filled_in(reader, name) {
        if errno_verb_of(&found.value).is_none() {
            let message = format!("no errno is called `{}`", found.value);
            let error = Diagnostic::error("unknown-errno", message).at(found.span, "");
            reader.push(error.help("write its number as `errnoRet`"));
            return None;
        }
        errno.name = Some(found);
    }
    Some(Action { name: action, errno })
}

fn architectures<'a>(reader: &mut Reader<'a, '_>, list: Option<&'a RawValue>) -> Vec<Architecture> {
    reader.array(list).into_iter().filter_map(|value| architecture(reader, value)).collect()
}

fn architecture(reader: &mut Reader<'_, '_>, value: &RawValue) -> Option<Architecture> {
    let name = reader.string(value)?;
    let span = reader.span(value);
    if let Some(&abi) = Abi::ALL.iter().find(|abi| abi.oci_name() == name) {
        return Some(At { value: Ok(abi), span });
    }
    if let Some(bare) = name.strip_prefix("SCMP_ARCH_")
        && let Some(known) = ARCHITECTURES.iter().find(|known| **known == bare)
    {
        return Some(At { value: Err(known), span });
    }
    let error = Diagnostic::error("unknown-abi", format!("no architecture is called `{name}`")).at(span, "");
    let known: Vec<_> = ARCHITECTURES.iter().map(|name| format!("SCMP_ARCH_{name}")).collect();
    reader.push(match did_you_mean(&name, known.iter().map(String::as_str)) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help("see SCMP_ARCH_… in runtime-spec"),
    });
    None
}

fn flags<'a>(reader: &mut Reader<'a, '_>, value: &'a RawValue) -> Vec<FilterFlag> {
    let mut flags = Vec::new();
    for value in reader.array(Some(value)) {
        let Some(name) = reader.string(value) else { continue };
        let bare = name.strip_prefix("SECCOMP_FILTER_FLAG_").unwrap_or_default();
        if let Some((flag, ..)) = FilterFlag::ALL.iter().find(|(_, known, _)| *known == bare) {
            flags.push(*flag);
            continue;
        }
        let span = reader.span(value);
        reader.push(
            Diagnostic::error("unknown-flag", format!("no filter flag is called `{name}`"))
                .at(span, "")
                .help("the flags are SECCOMP_FILTER_FLAG_TSYNC, _LOG, _SPEC_ALLOW and _WAIT_KILLABLE_RECV"),
        );
    }
    flags
}

fn entry<'a>(reader: &mut Reader<'a, '_>, value: &'a RawValue, keys: &Keys) -> Option<Entry> {
    let rule = reader.object(value, keys.rule)?;
    let Some(action) = rule.get("action") else {
        reader.push(
            Diagnostic::error("missing-key", "a rule needs an `action`")
                .at(rule.span, "")
                .help("add `\"action\": \"SCMP_ACT_ALLOW\"`"),
        );
        return None;
    };
    let action = self::action(reader, action, (rule.get("errnoRet"), rule.get("errno")));
    let includes = conditions(reader, rule.get("includes"));
    let excludes = conditions(reader, rule.get("excludes"));
    let mut arguments = Vec::new();
    for value in reader.array(rule.get("args")) {
        arguments.extend(argument(reader, value));
    }
    let mut list = reader.array(rule.get("names"));
    if let Some(name) = rule.get("name") {
        if !list.is_empty() {
            let span = reader.span(name);
            reader.push(
                Diagnostic::error("name-and-names", "`name` and `names` can't stand together")
                    .at(span, "")
                    .help("put this name into `names`; engines refuse both"),
            );
        }
        list.push(name);
    }
    match rule.get("names") {
        _ if !list.is_empty() => {}
        Some(names) => {
            let span = reader.span(names);
            reader.push(
                Diagnostic::error("empty-names", "a rule about no call")
                    .at(span, "runtime-spec asks for one name at least")
                    .help("name at least one call, or take the rule out"),
            );
        }
        None => reader.push(
            Diagnostic::error("missing-key", "a rule needs `names`").at(rule.span, "").help("name at least one call"),
        ),
    }
    let names = list.into_iter().filter_map(|value| string_at(reader, Some(value))).collect();
    let name_at = rule.get("name").map(|name| reader.span(name));
    let comment = string_at(reader, rule.get("comment"));
    Some(Entry { span: rule.span, names, name_at, comment, action: action?, arguments, includes, excludes })
}

fn conditions<'a>(reader: &mut Reader<'a, '_>, value: Option<&'a RawValue>) -> Conditions {
    let mut found = Conditions::default();
    let Some(object) = value.and_then(|value| reader.object(value, CONDITION_KEYS)) else { return found };
    found.span = Some(object.span);
    for value in reader.array(object.get("caps")) {
        let Some(name) = reader.string(value) else { continue };
        if let Some(known) = name.strip_prefix("CAP_").and_then(capability) {
            found.capabilities.push(known);
            continue;
        }
        let span = reader.span(value);
        reader.push(
            Diagnostic::error("unknown-capability", format!("no capability is called `{name}`"))
                .at(span, "")
                .help("use the names of capabilities(7), with CAP_"),
        );
    }
    for value in reader.array(object.get("arches")) {
        found.machines.extend(reader.string(value));
    }
    if let Some(value) = object.get("minKernel")
        && let Some(text) = reader.string(value)
    {
        found.kernel = version(&text);
        let span = reader.span(value);
        found.kernel_at = Some(span);
        if found.kernel.is_none() {
            reader.push(
                Diagnostic::error("not-a-version", format!("`{text}` is not a kernel version"))
                    .at(span, "")
                    .help("write major.minor, like 4.8"),
            );
        }
    }
    found
}

fn argument<'a>(reader: &mut Reader<'a, '_>, value: &'a RawValue) -> Option<Argument> {
    let object = reader.object(value, ARGUMENT_KEYS)?;
    for key in ["index", "value", "op"] {
        if object.get(key).is_none() {
            reader.push(
                Diagnostic::error("missing-key", format!("a condition needs `{key}`"))
                    .at(object.span, "")
                    .help("say which argument, which value and how to compare"),
            );
            return None;
        }
    }
    let index = u8::try_from(reader.number(object.get("index")?, 5)?).ok()?;
    let number = reader.number(object.get("value")?, u64::MAX)?;
    let second = match object.get("valueTwo") {
        Some(value) => Some(At { value: reader.number(value, u64::MAX)?, span: reader.span(value) }),
        None => None,
    };
    let (comparison, masked) = word(reader, object.get("op")?, COMPARISONS, "unknown-operator", "comparison")?.value;
    let (mask, value) = if masked { (number, second.map_or(0, |second| second.value)) } else { (u64::MAX, number) };
    if value & !mask != 0 {
        let left = value & mask;
        reader.push(
            Diagnostic::error("value-outside-mask", format!("{value:#x} has bits that the mask {mask:#x} takes away"))
                .at(object.span, format!("libseccomp takes them from both sides: what leaves {left:#x} matches"))
                .help("`value` is the mask, `valueTwo` what must be left"),
        );
    }
    let unused = second.filter(|second| !masked && second.value != 0);
    Some(Argument { index, comparison, mask, value: value & mask, unused, span: object.span })
}
