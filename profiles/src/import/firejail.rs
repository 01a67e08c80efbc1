//! firejail's profiles: the `seccomp` lines (firejail-profile(5), src/firejail/profile.c and src/fseccomp of version 0.9.80).
//!
//! `seccomp.keep` lists what is allowed, `seccomp.drop` what is refused, `seccomp` what is refused beside the default list.
//! `!name` is an exception and stands before everything else. What is refused meets the error action. The policy is for the
//! machine's own ABI; the lists for 32-bit programs are another policy, `profile#32`.

use std::collections::BTreeSet;

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;
use callgate_grammar::{Diagnostic, SourceId, Span, Spanned, did_you_mean};

use super::calls::{self, MAX_ERRORS};
use super::constants::errno_verb_of;
use super::guard::Guard;
use super::piece::{Piece, span};
use super::rules::{Order, Rule, Statements, When};
use super::{Document, Includes};
use crate::sets::firejail as groups;

/// The directives that this is about.
const DIRECTIVES: [&str; 9] = [
    "seccomp",
    "seccomp.drop",
    "seccomp.keep",
    "seccomp.32",
    "seccomp.32.drop",
    "seccomp.32.keep",
    "seccomp.block-secondary",
    "seccomp-error-action",
    "allow-debuggers",
];

/// Directives that put more filters under these, by their first word (firejail-profile(5)).
const MORE_FILTERS: [&str; 3] = ["memory-deny-write-execute", "protocol", "restrict-namespaces"];

/// Other first words of profiles; what a profile without `seccomp` in its first line may start with.
const OTHERS: [&str; 20] = [
    "include",
    "quiet",
    "caps",
    "caps.drop",
    "caps.keep",
    "netfilter",
    "nonewprivs",
    "noroot",
    "protocol",
    "private",
    "private-dev",
    "private-tmp",
    "blacklist",
    "noblacklist",
    "whitelist",
    "read-only",
    "shell",
    "net",
    "ipc-namespace",
    "apparmor",
];

/// Whether a text is a profile with a seccomp line.
pub(super) fn looks_like(text: &str) -> bool {
    let words = || {
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        lines.filter_map(|line| line.split_whitespace().next())
    };
    let is_seccomp = |word: &str| word != "allow-debuggers" && DIRECTIVES.contains(&word);
    words().next().is_some_and(|word| is_seccomp(word) || OTHERS.contains(&word)) && words().any(is_seccomp)
}

type Result<T> = std::result::Result<T, Box<Diagnostic>>;

fn wrong<T>(piece: &Piece<'_>, message: impl Into<String>, help: impl Into<String>) -> Result<T> {
    Err(Box::new(Diagnostic::error("bad-directive", message).at(piece.span(), "").help(help)))
}

/// A list and its directive.
#[derive(Clone)]
struct List {
    word: Span,
    /// The entries and where they start; `seccomp` alone has none.
    calls: Option<(String, SourceId, usize)>,
}

impl List {
    fn of(word: &Piece<'_>, calls: Option<&Piece<'_>>) -> Self {
        Self { word: word.span(), calls: calls.map(|calls| (calls.text.to_owned(), calls.source, calls.at)) }
    }

    fn entries(&self) -> Vec<Piece<'_>> {
        let calls = self.calls.as_ref().map(|(text, source, at)| Piece { text, source: *source, at: *at });
        calls.map(|calls| calls.split(",")).unwrap_or_default()
    }
}

/// The lists of a profile; of two lines with one, the later counts.
#[derive(Default)]
struct Lists {
    /// `seccomp`, with what is refused beside the default list.
    default: Option<List>,
    drop: Option<List>,
    keep: Option<List>,
}

impl Lists {
    /// The directive whose list counts.
    fn word(&self) -> Option<Span> {
        [&self.keep, &self.drop, &self.default].into_iter().flatten().next().map(|list| list.word)
    }
}

/// How deep profiles may include each other (`MAX_INCLUDE_LEVEL` in src/firejail/firejail.h).
const DEPTH: usize = 16;

/// How many files one profile may include; a few lines in each of sixteen levels could ask for millions.
const FILES: usize = 256;

pub(super) fn import(
    document: &Document<'_>,
    includes: &mut Includes<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Statements> {
    let mut reader = Reader {
        diagnostics,
        files: 0,
        ignored: Vec::new(),
        native: Lists::default(),
        secondary: Lists::default(),
        error: "deny".to_owned(),
        debuggers: false,
        blocks: false,
        decided: BTreeSet::new(),
    };
    reader.text(document.text, document.source, includes, 0);
    let start = span(document.source, 0, 0);
    let lists = match document.selector {
        None => std::mem::take(&mut reader.native),
        Some("32") => std::mem::take(&mut reader.secondary),
        Some(other) => {
            reader.diagnostics.push(
                Diagnostic::error("which-filter", format!("a profile has no filter `{other}`"))
                    .at(start, "")
                    .help("name the file alone, or #32 for the lists of 32-bit programs"),
            );
            return None;
        }
    };
    reader.statements(&lists, document.selector, start)
}

struct Reader<'d> {
    diagnostics: &'d mut Vec<Diagnostic>,
    /// How many files were included.
    files: usize,
    /// The starts of lines that `ignore` has taken out.
    ignored: Vec<String>,
    native: Lists,
    /// Of 32-bit programs on a 64-bit machine.
    secondary: Lists,
    /// What happens to a call that is refused.
    error: String,
    debuggers: bool,
    blocks: bool,
    /// Calls that have their rule.
    decided: BTreeSet<String>,
}

impl Reader<'_> {
    fn text(&mut self, text: &str, source: SourceId, includes: &mut Includes<'_>, depth: usize) {
        for line in Piece::whole(text, source).lines() {
            let line = line.trimmed();
            if line.text.is_empty() || line.text.starts_with('#') || self.is_ignored(&line) {
                continue;
            }
            let read = match line.first_word() {
                (word, file) if word.text == "include" => self.include(&line, &file, includes, depth),
                _ => self.line(&line),
            };
            if let Err(error) = read {
                self.diagnostics.push(*error);
            }
            if self.diagnostics.len() > MAX_ERRORS {
                break;
            }
        }
    }

    /// `ignore seccomp` takes out later lines that start with these words (`profile_check_line` in src/firejail/profile.c).
    fn is_ignored(&self, line: &Piece<'_>) -> bool {
        self.ignored.iter().any(|start| {
            line.text.strip_prefix(start.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        })
    }

    /// Reads another profile in the place of its line. One that isn't there may have seccomp lines; `.local` files are mostly
    /// not there, and firejail passes over those as well (`profile_read`).
    fn include(&mut self, line: &Piece<'_>, file: &Piece<'_>, includes: &mut Includes<'_>, depth: usize) -> Result<()> {
        if depth >= DEPTH || self.files >= FILES {
            return wrong(line, format!("more than {DEPTH} levels or {FILES} files are included"), "include fewer");
        }
        match includes(file.text, file.span()) {
            Ok((source, text)) => {
                self.files += 1;
                self.text(&text, source, includes, depth + 1);
            }
            Err(_) if file.text.ends_with(".local") => {}
            Err(error) => self.diagnostics.push(
                Diagnostic::warning("not-included", "this profile is not here, so it was not read")
                    .at(file.span(), "it may have seccomp lines too")
                    .because(error.message)
                    .help("say where it is with --include-dir"),
            ),
        }
        Ok(())
    }

    fn line(&mut self, line: &Piece<'_>) -> Result<()> {
        let (word, rest) = line.first_word();
        let (rest, empty) = match rest.text.find(" #") {
            Some(at) => (rest.part(0, at), at == 0),
            None => (rest, rest.text.is_empty()),
        };
        let list = |what: &str| {
            if empty {
                wrong(&word, format!("{what} needs a list"), "name calls: `seccomp.drop ptrace,mount`")
            } else {
                Ok(Some(List::of(&word, Some(&rest))))
            }
        };
        match word.text {
            "seccomp" => self.native.default = Some(List::of(&word, (!empty).then_some(&rest))),
            "seccomp.32" => self.secondary.default = list("seccomp.32")?,
            "seccomp.drop" => self.native.drop = list("seccomp.drop")?,
            "seccomp.32.drop" => self.secondary.drop = list("seccomp.32.drop")?,
            "seccomp.keep" => self.native.keep = list("seccomp.keep")?,
            "seccomp.32.keep" => self.secondary.keep = list("seccomp.32.keep")?,
            "seccomp.block-secondary" => self.blocks = true,
            "allow-debuggers" => self.debuggers = true,
            "seccomp-error-action" => {
                self.error = match rest.text {
                    "kill" => "kill-thread".to_owned(),
                    "log" => "log".to_owned(),
                    _ => error_verb(&rest)?,
                };
            }
            other if MORE_FILTERS.contains(&other) => self.diagnostics.push(
                Diagnostic::warning("another-filter", format!("{other} loads a filter of its own"))
                    .at(word.span(), "")
                    .because("the policy is what the seccomp lines say; that filter comes on top"),
            ),
            "ignore" => self.ignored.push(rest.text.to_owned()),
            other if other.starts_with('?') => self.conditional(line, &rest),
            // Everything else of a profile is about something else.
            other if other.starts_with("secc") || other.starts_with("sec-") => {
                let near = did_you_mean(other, DIRECTIVES.into_iter());
                let help = near.map_or_else(
                    || format!("the directives are {}", DIRECTIVES.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                return wrong(&word, format!("firejail has no `{other}`"), help);
            }
            _ => {}
        }
        Ok(())
    }

    /// `?HAS_X: seccomp`: whether that holds is only known where firejail runs.
    fn conditional(&mut self, line: &Piece<'_>, rest: &Piece<'_>) {
        let (word, _) = rest.first_word();
        if DIRECTIVES.contains(&word.text) || ["ignore", "include"].contains(&word.text) {
            self.diagnostics.push(
                Diagnostic::warning("conditional-line", "this line counts on some systems only")
                    .at(line.span(), "left out")
                    .help("take the condition away, or the line"),
            );
        }
    }

    fn statements(mut self, lists: &Lists, selector: Option<&str>, start: Span) -> Option<Statements> {
        let open = |lists: &Lists| lists.default.is_none() && lists.drop.is_none() && lists.keep.is_none();
        if open(lists) {
            self.diagnostics.push(
                Diagnostic::error("no-filter", "the profile has no such seccomp line")
                    .at(start, "")
                    .help("write seccomp, seccomp.drop or seccomp.keep"),
            );
            return None;
        }
        if selector.is_none() && !open(&self.secondary) {
            self.diagnostics.push(
                Diagnostic::note("two-filters", "the lists for 32-bit programs are another policy")
                    .at(self.secondary.word().unwrap_or(start), "")
                    .help("it is read as PROFILE#32"),
            );
        }
        if !self.blocks {
            self.diagnostics.push(
                Diagnostic::note(
                    "open-abis",
                    "without seccomp.block-secondary other ABIs are open, or have lists of their own",
                )
                .at(lists.word().unwrap_or(start), "")
                .help("add seccomp.block-secondary"),
            );
        }
        let error = self.error.clone();
        let mut rules = Vec::new();
        let word = lists.word().unwrap_or(start);
        let default = match (&lists.keep, &lists.drop, &lists.default) {
            (Some(list), _, _) => {
                // What firejail itself needs is kept, but for exceptions.
                self.entries(list, true, &error, &mut rules);
                self.group("@default-keep", "allow", word, &mut rules);
                self.entries(list, false, "allow", &mut rules);
                error
            }
            (None, Some(list), _) => {
                self.entries(list, true, "allow", &mut rules);
                self.entries(list, false, &error, &mut rules);
                "allow".to_owned()
            }
            (None, None, list) => {
                if let Some(list) = list {
                    self.entries(list, true, "allow", &mut rules);
                }
                let group = if self.debuggers { "@default" } else { "@default-nodebuggers" };
                self.group(group, &error, word, &mut rules);
                if let Some(list) = list {
                    self.entries(list, false, &error, &mut rules);
                }
                "allow".to_owned()
            }
        };
        let default = Spanned::new(default, word);
        Some(Statements { listed: None, header: Vec::new(), default, rules, order: Order::FirstMatch })
    }

    fn group(&mut self, name: &str, verb: &str, span: Span, rules: &mut Vec<Rule>) {
        let calls = groups().calls(name).unwrap_or_default();
        calls.into_iter().filter(|call| calls::is_known(call)).for_each(|call| self.rule(call, verb, span, rules));
    }

    /// The first rule of a call counts, so that there is no second.
    fn rule(&mut self, call: &str, verb: &str, span: Span, rules: &mut Vec<Rule>) {
        if self.decided.insert(call.to_owned()) {
            let guard = Guard::on(&Statements::abis(None));
            rules.push(Rule { call: call.to_owned(), guard, when: When::Always, verb: verb.to_owned(), span });
        }
    }

    /// The rules of a list: of its exceptions, or of all the others.
    fn entries(&mut self, list: &List, exceptions: bool, verb: &str, rules: &mut Vec<Rule>) {
        for entry in list.entries() {
            let (entry, excepted) = match entry.text.strip_prefix('!') {
                Some(_) => (entry.slice(1, entry.text.len()), true),
                None => (entry, false),
            };
            if excepted != exceptions {
                continue;
            }
            if let Err(error) = self.entry(&entry, verb, rules) {
                self.diagnostics.push(*error);
            }
            if self.diagnostics.len() > MAX_ERRORS {
                break;
            }
        }
    }

    fn entry(&mut self, entry: &Piece<'_>, verb: &str, rules: &mut Vec<Rule>) -> Result<()> {
        let (name, verb) = match entry.split_once(|c| c == ':') {
            Some((name, error)) if error.text == "kill" => (name, "kill-thread".to_owned()),
            Some((name, error)) => (name, error_verb(&error)?),
            None => (*entry, verb.to_owned()),
        };
        if name.text.starts_with('@') {
            let Some(calls) = groups().calls(name.text) else {
                let near = did_you_mean(name.text, groups().names());
                let help = near.map_or_else(
                    || format!("the groups are {}", groups().names().collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                return wrong(&name, format!("firejail 0.9.80 has no group `{}`", name.text), help);
            };
            calls
                .into_iter()
                .filter(|call| calls::is_known(call))
                .for_each(|call| self.rule(call, &verb, name.span(), rules));
        } else if let Some(number) = name.text.strip_prefix('$') {
            let Some(number) = calls::c_number(number).and_then(|number| u32::try_from(number).ok()) else {
                return wrong(&name, "after $ comes the number of a call", "write `$165`");
            };
            let all: BTreeSet<Abi> = Abi::ALL.iter().copied().collect();
            rules.extend(calls::numbered(number, &all, &verb, name.span()));
        } else if calls::is_known(name.text) {
            self.rule(name.text, &verb, name.span(), rules);
        } else if !groups().has(name.text) {
            return Err(Box::new(calls::unknown(name.text, name.span(), self.diagnostics.len())));
        }
        Ok(())
    }
}

fn error_verb(piece: &Piece<'_>) -> Result<String> {
    match errno_verb_of(piece.text) {
        Some(verb) => Ok(verb),
        None => {
            let near = did_you_mean(piece.text, tables::errno_names(Abi::X86_64).chain(["kill", "log"]));
            let help = near.map_or_else(|| "write EPERM, or kill".to_owned(), |near| format!("did you mean `{near}`?"));
            wrong(piece, format!("no error is called `{}`", piece.text), help)
        }
    }
}
