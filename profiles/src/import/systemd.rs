//! systemd's units and drop-ins: `SystemCallFilter=` and what belongs to it (systemd.exec(5) of version 252).
//!
//! The first list says whether calls are allowed or refused; every later one adds to it or takes from it, in order. An
//! allow-list starts with the calls of `@default`. `SystemCallLog=` is a second filter under the first. systemd loads one
//! filter for each ABI of the machine; a number that a list doesn't name, a multiplexer among them, meets the default.

mod unit;

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;
use callgate_grammar::{Diagnostic, Span, Spanned, did_you_mean};

use self::unit::{Assignment, assignments};
use super::Document;
use super::calls::{self, MAX_ERRORS};
use super::constants::{errno_verb, errno_verb_of};
use super::guard::Guard;
use super::piece::Piece;
use super::rules::{Order, Rule, Statements, When};
use crate::sets::systemd as sets;

/// The keys that this is about.
const KEYS: [&str; 4] = ["SystemCallFilter", "SystemCallErrorNumber", "SystemCallArchitectures", "SystemCallLog"];

/// Keys that put more filters under these when they are on (systemd.exec(5)).
const MORE_FILTERS: [&str; 13] = [
    "LockPersonality",
    "MemoryDenyWriteExecute",
    "PrivateDevices",
    "ProtectClock",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "RestrictAddressFamilies",
    "RestrictNamespaces",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "RestrictFileSystems",
];

/// systemd's names of architectures (systemd.unit(5), `ConditionArchitecture=`) that the tables have otherwise.
const ARCHITECTURES: [(&str, Abi); 8] = [
    ("x86-64", Abi::X86_64),
    ("mips-le", Abi::Mipsel),
    ("mips64-le", Abi::Mips64el),
    ("mips64-n32", Abi::Mipsn32),
    ("mips64-le-n32", Abi::Mipsn32el),
    ("ppc64-le", Abi::Ppc64le),
    ("loongarch64", Abi::Loongarch64),
    ("arm64", Abi::Aarch64),
];

/// systemd's name of an ABI.
pub(crate) fn architecture(abi: Abi) -> &'static str {
    ARCHITECTURES.iter().find(|(_, known)| *known == abi).map_or_else(|| abi.name(), |(name, _)| name)
}

/// Whether a text is part of a unit.
pub(super) fn looks_like(text: &str) -> bool {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    let section = |line: &str| line.starts_with('[') && line.ends_with(']');
    lines().next().is_some_and(|line| section(line) || line.starts_with("SystemCall"))
        && lines().any(|line| {
            KEYS.iter().any(|key| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('=')))
        })
}

type Result<T> = std::result::Result<T, Box<Diagnostic>>;

fn wrong<T>(piece: &Piece<'_>, message: impl Into<String>, help: impl Into<String>) -> Result<T> {
    Err(Box::new(Diagnostic::error("bad-assignment", message).at(piece.span(), "").help(help)))
}

/// A list of calls, with what happens to each if that isn't said for all of them.
struct List {
    /// Whether what is listed is let through (or, in a list of what is logged, logged).
    allows: bool,
    /// The words of the first assignment.
    span: Span,
    /// The word that brings each in.
    calls: BTreeMap<String, (Option<String>, Span)>,
}

pub(super) fn import(document: &Document<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Statements> {
    let mut reader = Reader {
        diagnostics,
        filter: None,
        log: None,
        refuses: "kill".to_owned(),
        architectures: BTreeSet::new(),
        native: false,
    };
    let found = assignments(document.text);
    for (text, at, section) in &found {
        if reader.diagnostics.len() > MAX_ERRORS {
            break;
        }
        let piece = Piece { text, source: document.source, at: *at };
        let read = match Assignment::read(&piece) {
            Some(assignment) => reader.assignment(&assignment, *section),
            None => {
                wrong(&piece.trimmed(), "a line is KEY=VALUE or [Section]", "write `SystemCallFilter=@system-service`")
            }
        };
        if let Err(error) = read {
            reader.diagnostics.push(*error);
        }
    }
    Some(reader.statements(document))
}

struct Reader<'d> {
    diagnostics: &'d mut Vec<Diagnostic>,
    filter: Option<List>,
    log: Option<List>,
    /// What happens to a call that is refused.
    refuses: String,
    architectures: BTreeSet<Abi>,
    native: bool,
}

impl Reader<'_> {
    fn assignment(&mut self, assignment: &Assignment<'_>, section: Option<&str>) -> Result<()> {
        let Assignment { key, value } = assignment;
        if !KEYS.contains(&key.text) {
            self.other_key(key, value);
            return Ok(());
        }
        match section {
            Some("Service" | "Socket" | "Mount" | "Swap") => {}
            Some(other) => {
                return wrong(key, format!("systemd has no {} in [{other}]", key.text), "put it into [Service]");
            }
            None => self.diagnostics.push(
                Diagnostic::warning("no-section", "this stands in no section, and systemd would pass over it")
                    .at(key.span(), "")
                    .help("write [Service] before it"),
            ),
        }
        if let Some(at) = value.text.find(['"', '\'', '%']) {
            let place = value.slice(at, at + 1);
            return wrong(&place, "quotes and specifiers are not read here", "write the names out");
        }
        match key.text {
            "SystemCallFilter" => self.list(value, false),
            "SystemCallLog" => self.list(value, true),
            "SystemCallErrorNumber" => self.error_number(value),
            _ => self.architecture_list(value),
        }
    }

    fn other_key(&mut self, key: &Piece<'_>, value: &Piece<'_>) {
        let off = ["", "no", "false", "off", "0", "n", "f"].contains(&value.text.to_ascii_lowercase().as_str());
        if MORE_FILTERS.contains(&key.text) {
            if !off {
                self.diagnostics.push(
                    Diagnostic::warning("another-filter", format!("{} loads a filter of its own", key.text))
                        .at(key.span(), "")
                        .because("the policy is what the SystemCall… settings say; that filter comes on top"),
                );
            }
        } else if let Some(near) = did_you_mean(key.text, KEYS.into_iter()) {
            self.diagnostics.push(
                Diagnostic::error("unknown-key", format!("systemd has no `{}`", key.text))
                    .at(key.span(), "")
                    .help(format!("did you mean `{near}`?")),
            );
        }
    }

    fn list(&mut self, value: &Piece<'_>, log: bool) -> Result<()> {
        if value.text.is_empty() {
            *(if log { &mut self.log } else { &mut self.filter }) = None;
            return Ok(());
        }
        let (inverted, words) = match value.text.strip_prefix('~') {
            Some(_) => (true, value.part(1, value.text.len())),
            None => (false, *value),
        };
        let slot = if log { &mut self.log } else { &mut self.filter };
        let list = slot.get_or_insert_with(|| {
            let start = if log || inverted { None } else { sets().calls("@default") };
            let span = value.span();
            let calls = start.into_iter().flatten().map(|call| (call.to_owned(), (None, span))).collect();
            List { allows: !inverted, span, calls }
        });
        for word in words.words() {
            let (name, errno) = match word.text.find(':') {
                Some(at) => (word.slice(0, at), Some(word.slice(at + 1, word.text.len()))),
                None => (word, None),
            };
            let read = match errno {
                Some(errno) if !inverted || log => {
                    wrong(&errno, "only a refused call takes an error", "write `~name:EPERM` in SystemCallFilter=")
                }
                Some(errno) => verb(&errno, 0).map(Some),
                None => Ok(None),
            };
            let read = read.and_then(|verb| Ok((verb, members(&name, self.diagnostics.len())?)));
            match read {
                Ok((verb, members)) => {
                    for member in members {
                        // In an allow-list, a refused call with an error of its own stays in the list, with that.
                        if inverted != list.allows || verb.is_some() {
                            list.calls.insert(member, (verb.clone(), name.span()));
                        } else {
                            list.calls.remove(&member);
                        }
                    }
                }
                Err(error) => self.diagnostics.push(*error),
            }
            if self.diagnostics.len() > MAX_ERRORS {
                break;
            }
        }
        Ok(())
    }

    fn error_number(&mut self, value: &Piece<'_>) -> Result<()> {
        self.refuses = if value.text.is_empty() { "kill".to_owned() } else { verb(value, 1)? };
        Ok(())
    }

    fn architecture_list(&mut self, value: &Piece<'_>) -> Result<()> {
        if value.text.is_empty() {
            self.architectures.clear();
            self.native = false;
        }
        for word in value.words() {
            let found = ARCHITECTURES.iter().find(|(name, _)| *name == word.text).map(|(_, abi)| *abi);
            match found.or_else(|| Abi::ALL.iter().copied().find(|abi| abi.name() == word.text)) {
                Some(abi) => {
                    self.architectures.insert(abi);
                }
                None if word.text == "native" => self.native = true,
                None => {
                    let known = ARCHITECTURES.into_iter().map(|(name, _)| name);
                    let near =
                        did_you_mean(word.text, known.chain(Abi::ALL.iter().map(|abi| abi.name())).chain(["native"]));
                    let help = near.map_or_else(
                        || "write native, or names like x86-64, x86 and arm64".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    );
                    return wrong(&word, format!("no architecture is called `{}`", word.text), help);
                }
            }
        }
        Ok(())
    }

    fn statements(mut self, document: &Document<'_>) -> Statements {
        let start = super::piece::span(document.source, 0, 0);
        let first = [&self.filter, &self.log].into_iter().flatten().next().map_or(start, |list| list.span);
        let native: BTreeSet<Abi> = self.architectures.iter().map(|abi| abi.native()).collect();
        if self.native {
            self.architectures.extend(native);
        } else if self.architectures.is_empty() {
            self.diagnostics.push(
                Diagnostic::note("open-abis", "without SystemCallArchitectures= calls of every ABI are made")
                    .at(first, "")
                    .because(
                        "systemd filters those that the machine has alike; the policy is for the ABIs of its target",
                    )
                    .help("add SystemCallArchitectures=native"),
            );
        }
        let listed = Some(self.architectures).filter(|abis| !abis.is_empty());
        let refuses = self.refuses.as_str();
        let filtered = |call: Option<&str>| match &self.filter {
            None => "allow",
            Some(list) => match call.and_then(|call| list.calls.get(call)) {
                Some((Some(verb), _)) => verb,
                found => {
                    if found.is_some() == list.allows {
                        "allow"
                    } else {
                        refuses
                    }
                }
            },
        };
        let logged = |call: Option<&str>| {
            self.log.as_ref().is_some_and(|list| call.is_some_and(|call| list.calls.contains_key(call)) == list.allows)
        };
        // Logging is the least that a filter does to a call, so that what refuses it goes before.
        let decided = |call: Option<&str>| match filtered(call) {
            "allow" if logged(call) => "log",
            verb => verb,
        };
        let lists = || [&self.filter, &self.log].into_iter().flatten();
        let default = Spanned::new(decided(None).to_owned(), first);
        // The list that says what happens: that of what is logged where the call goes through.
        let place = |call: &str| {
            let mut named = lists().filter_map(|list| list.calls.get(call)).map(|(_, span)| *span);
            if decided(Some(call)) == "log" { named.next_back() } else { named.next() }
        };
        let named: BTreeSet<&str> = lists().flat_map(|list| list.calls.keys().map(String::as_str)).collect();
        let guard = Guard::on(&Statements::abis(listed.as_ref()));
        let rules = named
            .into_iter()
            .filter(|call| calls::is_known(call) && decided(Some(call)) != default.node)
            .map(|call| Rule {
                call: call.to_owned(),
                guard: guard.clone(),
                when: When::Always,
                verb: decided(Some(call)).to_owned(),
                span: place(call).unwrap_or(default.span),
            })
            .collect();
        Statements { listed, header: Vec::new(), default, rules, order: Order::FirstMatch }
    }
}

/// `kill`, the name of an error, or its number, from `least` on.
fn verb(piece: &Piece<'_>, least: u16) -> Result<String> {
    if piece.text == "kill" {
        return Ok("kill".to_owned());
    }
    match piece.text.parse::<u16>() {
        Ok(number) if (least..=4095).contains(&number) => Ok(errno_verb(u64::from(number))),
        Ok(_) => wrong(piece, "an error has a number up to 4095", "write its name, EPERM for instance"),
        Err(_) => match errno_verb_of(piece.text) {
            Some(verb) => Ok(verb),
            None => {
                let near = did_you_mean(piece.text, tables::errno_names(Abi::X86_64).chain(["kill"]));
                let help =
                    near.map_or_else(|| "write EPERM, or kill".to_owned(), |near| format!("did you mean `{near}`?"));
                wrong(piece, format!("no error is called `{}`", piece.text), help)
            }
        },
    }
}

/// The calls that a name stands for: itself, or those of a set.
fn members(name: &Piece<'_>, earlier: usize) -> Result<Vec<String>> {
    if name.text.starts_with('@') {
        return match sets().calls(name.text) {
            Some(calls) => Ok(calls.into_iter().map(str::to_owned).collect()),
            None => {
                let near = did_you_mean(name.text, sets().names());
                let help = near.map_or_else(
                    || format!("the sets are {}", sets().names().collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                wrong(name, format!("systemd 252 has no set `{}`", name.text), help)
            }
        };
    }
    // systemd knows calls of architectures that callgate has no tables of.
    if calls::is_known(name.text) || sets().has(name.text) {
        Ok(vec![name.text.to_owned()])
    } else {
        Err(Box::new(calls::unknown(name.text, name.span(), earlier)))
    }
}
