//! Docker's, Podman's and OCI's JSON.
//!
//! OCI: runtime-spec, config-linux.md, "Seccomp". Docker adds `archMap`, `includes` and `excludes` (moby,
//! profiles/seccomp), Podman names of errnos (containers/common, pkg/seccomp).

use std::collections::BTreeSet;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::MAX_ERRNO;
use callgate_compiler::lower::target::capability;
use callgate_compiler::policy::FilterFlag;
use callgate_compiler::tables;
use callgate_grammar::{Diagnostic, did_you_mean};
use serde_json::value::RawValue;

use super::Document;
use super::constants::{errno_verb, errno_verb_of, is_errno};
use super::guard::{Guard, version};
use super::json::{Object, Reader};
use super::rules::{Order, Rule, Statements, Test, When};

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
const ACTIONS: &[&str] = &[
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_TRAP",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_TRACE",
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_LOG",
    "SCMP_ACT_NOTIFY",
];
/// The architectures of runtime-spec 1.2.1; those the tables lack are passed over with a note.
const ARCHITECTURES: &[&str] = &[
    "X86",
    "X86_64",
    "X32",
    "ARM",
    "AARCH64",
    "MIPS",
    "MIPS64",
    "MIPS64N32",
    "MIPSEL",
    "MIPSEL64",
    "MIPSEL64N32",
    "PPC",
    "PPC64",
    "PPC64LE",
    "S390",
    "S390X",
    "PARISC",
    "PARISC64",
    "RISCV64",
    "LOONGARCH64",
    "M68K",
    "SH",
    "SHEB",
];

pub(super) fn import(document: &Document<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Statements> {
    let mut reader = Reader::new(document.text, document.source, diagnostics);
    let root = reader.root()?;
    let profile = profile(&mut reader, root)?;
    let mut importer = Importer { reader, missing: BTreeSet::new() };
    let object = importer.reader.object(profile, PROFILE_KEYS)?;
    let statements = importer.profile(&object)?;
    importer.report_missing(&object);
    Some(statements)
}

/// The profile itself, inside a config.json at `linux.seccomp`.
fn profile<'a>(reader: &mut Reader<'a, '_>, root: &'a RawValue) -> Option<&'a RawValue> {
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

struct Importer<'a, 'd> {
    reader: Reader<'a, 'd>,
    /// Names that no table knows.
    missing: BTreeSet<String>,
}

impl<'a> Importer<'a, '_> {
    fn profile(&mut self, object: &Object<'a>) -> Option<Statements> {
        let Some(default) = object.get("defaultAction") else {
            self.reader.push(
                Diagnostic::error("missing-key", "a profile needs a `defaultAction`")
                    .at(object.span, "")
                    .help("add `\"defaultAction\": \"SCMP_ACT_ERRNO\"`"),
            );
            return None;
        };
        let errno = (object.get("defaultErrnoRet"), object.get("defaultErrno"));
        let default = self.verb(default, errno)?;
        let listed = self.architectures(object);
        let mut header = Vec::new();
        let flags = self.flags(object.get("flags"));
        if !flags.is_empty() {
            header.push(format!("flags: {}", flags.join(", ")));
        }
        if let Some(path) = object.get("listenerPath").and_then(|value| self.reader.string(value)) {
            let escaped = path.replace('\\', "\\\\").replace('"', "\\\"");
            header.push(format!("listener: \"{escaped}\""));
        }
        if let Some(metadata) = object.get("listenerMetadata") {
            let span = self.reader.span(metadata);
            self.reader.push(
                Diagnostic::warning("listener-metadata", "the language has no word for `listenerMetadata`")
                    .at(span, "left out; it says nothing about calls"),
            );
        }
        let abis = Statements::abis(listed.as_ref());
        let mut rules = Vec::new();
        for rule in self.reader.array(object.get("syscalls")) {
            self.rule(rule, &abis, &mut rules);
        }
        Some(Statements { listed, header, default, rules, order: Order::Libseccomp })
    }

    /// What an action with its errno is in the language.
    fn verb(
        &mut self,
        action: &'a RawValue,
        (number, name): (Option<&'a RawValue>, Option<&'a RawValue>),
    ) -> Option<String> {
        let action_text = self.reader.string(action)?;
        let name_text = match name {
            Some(value) => self.reader.string(value).filter(|name| !name.is_empty()),
            None => None,
        };
        let mut number_value = match number {
            Some(value) => Some(self.reader.number(value, u64::from(u16::MAX))?),
            None => None,
        };
        if let (Some(value), "SCMP_ACT_ERRNO", Some(wanted)) = (number, action_text.as_str(), number_value)
            && wanted > u64::from(MAX_ERRNO)
        {
            let span = self.reader.span(value);
            let message = format!("{wanted} is no errno; the kernel returns {MAX_ERRNO}");
            self.reader.push(Diagnostic::warning("errno-out-of-range", message).at(span, ""));
            number_value = Some(u64::from(MAX_ERRNO));
        }
        let plain = match action_text.as_str() {
            "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => "kill-thread",
            "SCMP_ACT_KILL_PROCESS" => "kill",
            "SCMP_ACT_TRAP" => "trap",
            "SCMP_ACT_ALLOW" => "allow",
            "SCMP_ACT_LOG" => "log",
            "SCMP_ACT_NOTIFY" => "notify",
            // runc and libseccomp's callers give EPERM to both when there is no errno.
            "SCMP_ACT_TRACE" => return Some(format!("trace({})", number_value.unwrap_or(1))),
            "SCMP_ACT_ERRNO" => return self.errno(number, number_value, name, name_text.as_deref()),
            other => {
                let span = self.reader.span(action);
                let error = Diagnostic::error("unknown-action", format!("no action is called `{other}`")).at(span, "");
                self.reader.push(match did_you_mean(other, ACTIONS.iter().copied()) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error.help(format!("the actions are {}", ACTIONS.join(", "))),
                });
                return None;
            }
        };
        if let Some(value) = number.filter(|_| number_value.is_some_and(|number| number != 0)) {
            let span = self.reader.span(value);
            self.reader.push(
                Diagnostic::error("errno-without-use", format!("`{action_text}` takes no errno"))
                    .at(span, "runtime-spec has engines refuse this")
                    .help("take the errno out"),
            );
        }
        Some(plain.to_owned())
    }

    fn errno(
        &mut self,
        number: Option<&'a RawValue>,
        number_value: Option<u64>,
        name: Option<&'a RawValue>,
        name_text: Option<&str>,
    ) -> Option<String> {
        let (Some(at), Some(text)) = (name, name_text) else { return Some(errno_verb(number_value.unwrap_or(1))) };
        let span = self.reader.span(at);
        let Some(verb) = errno_verb_of(text) else {
            let error = Diagnostic::error("unknown-errno", format!("no errno is called `{text}`")).at(span, "");
            self.reader.push(error.help("write its number as `errnoRet`"));
            return None;
        };
        match (number, number_value) {
            (Some(at_number), Some(value)) if !is_errno(text, value) => {
                let second = self.reader.span(at_number);
                self.reader.push(
                    Diagnostic::error("two-errnos", format!("`{text}` and {value} are two errnos"))
                        .at(span, "Podman takes this one")
                        .at(second, "Docker takes this one")
                        .help("make them the same"),
                );
            }
            (None, None) => self.reader.push(
                Diagnostic::note("errno-name-only", "only Podman reads names of errnos").at(span, "Docker takes EPERM"),
            ),
            _ => {}
        }
        Some(verb)
    }

    /// The ABIs that the file lists and the tables know. `None`: it lists none.
    fn architectures(&mut self, object: &Object<'a>) -> Option<BTreeSet<Abi>> {
        let (list, map) = (object.get("architectures"), object.get("archMap"));
        if let (Some(list), Some(map)) = (list, map)
            && ![list.get(), map.get()].contains(&"[]")
        {
            let (list, map) = (self.reader.span(list), self.reader.span(map));
            self.reader.push(
                Diagnostic::error("two-lists", "`architectures` and `archMap` can't stand together")
                    .at(map, "")
                    .at(list, "")
                    .help("keep one; every engine refuses both"),
            );
        }
        let mut names = self.reader.array(list);
        for entry in self.reader.array(map) {
            let Some(entry) = self.reader.object(entry, &["architecture", "subArchitectures"]) else { continue };
            names.extend(entry.get("architecture"));
            names.extend(self.reader.array(entry.get("subArchitectures")));
        }
        if names.is_empty() {
            return None;
        }
        let mut abis = BTreeSet::new();
        let mut unknown = Vec::new();
        for value in names {
            let Some(name) = self.reader.string(value) else { continue };
            match Abi::ALL.iter().find(|abi| abi.oci_name() == name) {
                Some(&abi) => {
                    abis.insert(abi);
                }
                None if name.strip_prefix("SCMP_ARCH_").is_some_and(|name| ARCHITECTURES.contains(&name)) => {
                    unknown.push((name, value));
                }
                None => {
                    let span = self.reader.span(value);
                    let error =
                        Diagnostic::error("unknown-abi", format!("no architecture is called `{name}`")).at(span, "");
                    let known: Vec<_> = ARCHITECTURES.iter().map(|name| format!("SCMP_ARCH_{name}")).collect();
                    self.reader.push(match did_you_mean(&name, known.iter().map(String::as_str)) {
                        Some(near) => error.help(format!("did you mean `{near}`?")),
                        None => error.help("see SCMP_ARCH_… in runtime-spec"),
                    });
                }
            }
        }
        if let Some((_, first)) = unknown.first() {
            let span = self.reader.span(first);
            let mut names: Vec<_> = unknown.iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            self.reader.push(
                Diagnostic::note("no-tables", format!("callgate has no tables for {}", names.join(", ")))
                    .at(span, "left out"),
            );
        }
        if abis.is_empty() {
            self.reader.push(
                Diagnostic::error("no-tables", "callgate has tables for none of the file's architectures")
                    .at(object.span, "")
                    .help("add one that it knows, SCMP_ARCH_X86_64 for instance"),
            );
        }
        Some(abis)
    }

    fn flags(&mut self, value: Option<&'a RawValue>) -> Vec<&'static str> {
        let mut flags = Vec::new();
        for value in self.reader.array(value) {
            let Some(name) = self.reader.string(value) else { continue };
            let bare = name.strip_prefix("SECCOMP_FILTER_FLAG_").unwrap_or_default();
            match FilterFlag::ALL.iter().find(|(_, known, _)| *known == bare) {
                Some((_, known, _)) => flags.push(*known),
                None => {
                    let span = self.reader.span(value);
                    self.reader.push(
                        Diagnostic::error("unknown-flag", format!("no filter flag is called `{name}`"))
                            .at(span, "")
                            .help("the flags are SECCOMP_FILTER_FLAG_TSYNC, _LOG, _SPEC_ALLOW and _WAIT_KILLABLE_RECV"),
                    );
                }
            }
        }
        flags
    }

    fn rule(&mut self, value: &'a RawValue, abis: &BTreeSet<Abi>, rules: &mut Vec<Rule>) {
        let Some(rule) = self.reader.object(value, RULE_KEYS) else { return };
        let Some(action) = rule.get("action") else {
            self.reader.push(
                Diagnostic::error("missing-key", "a rule needs an `action`")
                    .at(rule.span, "")
                    .help("add `\"action\": \"SCMP_ACT_ALLOW\"`"),
            );
            return;
        };
        let verb = self.verb(action, (rule.get("errnoRet"), rule.get("errno")));
        let guard = self.guard(&rule, abis);
        let when = self.arguments(rule.get("args"));
        let mut names = self.reader.array(rule.get("names"));
        if let Some(name) = rule.get("name") {
            if !names.is_empty() {
                let span = self.reader.span(name);
                self.reader.push(
                    Diagnostic::error("two-lists", "`name` and `names` can't stand together")
                        .at(span, "")
                        .help("put this name into `names`; engines refuse both"),
                );
            }
            names.push(name);
        }
        if names.is_empty() {
            self.reader.push(
                Diagnostic::error("missing-key", "a rule needs `names`")
                    .at(rule.span, "")
                    .help("name at least one call"),
            );
        }
        let (Some(verb), Some(guard), Some(when)) = (verb, guard, when) else { return };
        for name in names {
            let Some(call) = self.reader.string(name) else { continue };
            if guard.abis.iter().any(|&abi| tables::number(abi, &call).is_some()) {
                rules.push(Rule { call, guard: guard.clone(), when: when.clone(), verb: verb.clone() });
            } else if !Abi::ALL.iter().any(|&abi| tables::number(abi, &call).is_some()) {
                self.missing.insert(call);
            }
        }
    }

    /// `includes` and `excludes` as one conjunction; `None` when they can hold nowhere.
    fn guard(&mut self, rule: &Object<'a>, abis: &BTreeSet<Abi>) -> Option<Guard> {
        let mut guard = Guard::on(abis);
        let mut possible = true;
        for (key, included) in [("includes", true), ("excludes", false)] {
            let Some(value) = rule.get(key) else { continue };
            let conditions = self.reader.object(value, CONDITION_KEYS)?;
            // Every included capability must be there, none of the excluded ones may (moby, setupSeccomp).
            for value in self.reader.array(conditions.get("caps")) {
                let name = self.reader.string(value)?;
                let Some(known) = name.strip_prefix("CAP_").and_then(capability) else {
                    let span = self.reader.span(value);
                    self.reader.push(
                        Diagnostic::error("unknown-capability", format!("no capability is called `{name}`"))
                            .at(span, "")
                            .help("use the names of capabilities(7), with CAP_"),
                    );
                    continue;
                };
                possible &= *guard.capabilities.entry(known).or_insert(included) == included;
            }
            let mut arches = BTreeSet::new();
            let list = self.reader.array(conditions.get("arches"));
            let any = !list.is_empty();
            for value in list {
                arches.insert(self.reader.string(value)?);
            }
            if any {
                // Docker compares with the machine's own architecture, whatever ABI a call is made through.
                guard.abis.retain(|abi| arches.contains(docker_name(abi.native())) == included);
            }
            if let Some(value) = conditions.get("minKernel") {
                let text = self.reader.string(value)?;
                let Some(kernel) = version(&text) else {
                    let span = self.reader.span(value);
                    self.reader.push(
                        Diagnostic::error("not-a-version", format!("`{text}` is not a kernel version"))
                            .at(span, "")
                            .help("write major.minor, like 4.8"),
                    );
                    continue;
                };
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

    fn arguments(&mut self, value: Option<&'a RawValue>) -> Option<When> {
        let mut tests = Vec::new();
        let mut indices = BTreeSet::new();
        let mut sound = true;
        for value in self.reader.array(value) {
            let Some((index, test)) = self.argument(value) else {
                sound = false;
                continue;
            };
            if !indices.insert(index) {
                let span = self.reader.span(value);
                self.reader.push(
                    Diagnostic::warning("same-argument-twice", format!("argument {index} is looked at twice"))
                        .at(span, "here both must hold")
                        .because("runc and crun let a call through that passes any one of the entry's conditions")
                        .help("split the rule, or look at the argument once"),
                );
            }
            tests.push(test);
        }
        sound.then_some(if tests.is_empty() { When::Always } else { When::All(tests) })
    }

    fn argument(&mut self, value: &'a RawValue) -> Option<(u64, Test)> {
        let argument = self.reader.object(value, ARGUMENT_KEYS)?;
        for key in ["index", "value", "op"] {
            if argument.get(key).is_none() {
                self.reader.push(
                    Diagnostic::error("missing-key", format!("a condition needs `{key}`"))
                        .at(argument.span, "")
                        .help("say which argument, which value and how to compare"),
                );
                return None;
            }
        }
        let index = self.reader.number(argument.get("index")?, 5)?;
        let number = self.reader.number(argument.get("value")?, u64::MAX)?;
        let second = match argument.get("valueTwo") {
            Some(value) => self.reader.number(value, u64::MAX)?,
            None => 0,
        };
        let op_value = argument.get("op")?;
        let op = self.reader.string(op_value)?;
        let operator = match op.as_str() {
            "SCMP_CMP_NE" => "!=",
            "SCMP_CMP_LT" => "<",
            "SCMP_CMP_LE" => "<=",
            "SCMP_CMP_EQ" | "SCMP_CMP_MASKED_EQ" => "==",
            "SCMP_CMP_GE" => ">=",
            "SCMP_CMP_GT" => ">",
            _ => {
                let span = self.reader.span(op_value);
                self.reader.push(
                    Diagnostic::error("unknown-operator", format!("no comparison is called `{op}`"))
                        .at(span, "")
                        .help("the comparisons are SCMP_CMP_NE, _LT, _LE, _EQ, _GE, _GT and _MASKED_EQ"),
                );
                return None;
            }
        };
        if op != "SCMP_CMP_MASKED_EQ" {
            let word = format!("raw(arg{index})");
            return Some((index, Test { word, operator, value: format!("{number:#x}") }));
        }
        if second & !number != 0 {
            let span = self.reader.span(value);
            self.reader.push(
                Diagnostic::error(
                    "impossible-comparison",
                    format!("{second:#x} has bits that the mask {number:#x} takes away"),
                )
                .at(span, "so this rule never matches")
                .help("`value` is the mask, `valueTwo` what must be left"),
            );
            return None;
        }
        let word = format!("raw(arg{index}) & {number:#x}");
        Some((index, Test { word, operator, value: format!("{second:#x}") }))
    }

    fn report_missing(&mut self, object: &Object<'a>) {
        if self.missing.is_empty() {
            return;
        }
        let list: Vec<_> = self.missing.iter().map(|name| format!("`{name}`")).collect();
        self.reader.push(
            Diagnostic::note("unknown-syscall", format!("callgate has no table with {}", list.join(", ")))
                .at(callgate_grammar::Span { end: object.span.start, ..object.span }, "left out")
                .because("engines pass over names they don't know in silence, misspelt ones too"),
        );
    }
}

/// What Docker calls a machine's architecture in `includes` and `excludes` (moby, profiles/seccomp, `goToNative`).
fn docker_name(abi: Abi) -> &'static str {
    match abi.name() {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "loongarch64" => "loong64",
        "mips64el" => "mipsel64",
        other => other,
    }
}
