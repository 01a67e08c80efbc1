//! kafel's grammar (src/parser.y): constants, policies, what is used, the default.

use std::collections::BTreeMap;

use callgate_compiler::abi::Abi;
use callgate_grammar::{Diagnostic, Span, Spanned, did_you_mean};

use super::expression::Node;
use super::lexer::{Kind, Token};
use crate::import::constants::errno_verb;

/// What stands in a policy, in its order.
pub(super) enum Entry {
    /// Everything of another policy.
    Use(usize),
    /// Calls and what happens to them, as the language writes it.
    Block(String, Vec<Filter>),
}

/// A call of a block.
pub(super) struct Filter {
    pub(super) call: Call,
    pub(super) span: Span,
    /// The names its arguments are given here, all of 64 bits; else they have the kernel's names and widths.
    pub(super) arguments: Option<Vec<String>>,
    /// `ON arch`
    pub(super) abis: Option<Vec<Abi>>,
    pub(super) condition: Option<Node>,
}

/// What a block calls a call.
pub(super) enum Call {
    Name(String),
    Number(u32),
}

/// A file, and what it includes.
#[derive(Default)]
pub(super) struct Program {
    /// The policies by number; the first is the file's own.
    pub(super) policies: Vec<Vec<Entry>>,
    /// The default action, if it names one.
    pub(super) default: Option<Spanned<String>>,
}

const KEYWORDS: [&str; 15] = [
    "SYSCALL",
    "ALLOW",
    "LOG",
    "USER_NOTIF",
    "ERRNO",
    "KILL_PROCESS",
    "KILL_THREAD",
    "KILL",
    "DENY",
    "TRAP",
    "TRACE",
    "USE",
    "POLICY",
    "DEFAULT",
    "ON",
];

const ACTIONS: [&str; 9] =
    ["ALLOW", "LOG", "USER_NOTIF", "ERRNO", "KILL_PROCESS", "KILL_THREAD", "KILL", "DENY", "TRAP"];

pub(super) type Result<T> = std::result::Result<T, Box<Diagnostic>>;

pub(super) struct Parser<'d> {
    pub(super) tokens: Vec<Token>,
    pub(super) at: usize,
    /// The place after the last token.
    end: Span,
    pub(super) constants: BTreeMap<String, u64>,
    names: BTreeMap<String, usize>,
    program: Program,
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl<'d> Parser<'d> {
    pub(super) fn new(tokens: Vec<Token>, end: Span, diagnostics: &'d mut Vec<Diagnostic>) -> Self {
        let program = Program { policies: vec![Vec::new()], default: None };
        Self { tokens, at: 0, end, constants: BTreeMap::new(), names: BTreeMap::new(), program, diagnostics }
    }

    /// Reads all of it. After a word that can't stand where it does, nothing more can be made of the text.
    pub(super) fn program(mut self) -> Program {
        while self.at < self.tokens.len() {
            if let Err(error) = self.statement() {
                self.diagnostics.push(*error);
                break;
            }
        }
        self.program
    }

    pub(super) fn place(&self) -> Span {
        self.tokens.get(self.at).map_or(self.end, |token| token.span)
    }

    pub(super) fn wrong<T>(&self, expected: &str) -> Result<T> {
        let message = match self.tokens.get(self.at).map(|token| &token.kind) {
            Some(Kind::Word(word)) => format!("`{}` can't stand here", word.get(..64).unwrap_or(word)),
            Some(Kind::Number(number)) => format!("the number {number:#x} can't stand here"),
            Some(Kind::Sign(sign)) => format!("`{sign}` can't stand here"),
            None => "the text ends where more is needed".to_owned(),
        };
        Err(Box::new(Diagnostic::error("kafel-syntax", message).at(self.place(), "").help(expected)))
    }

    pub(super) fn is_sign(&self, sign: &str) -> bool {
        matches!(self.tokens.get(self.at), Some(Token { kind: Kind::Sign(found), .. }) if *found == sign)
    }

    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        self.at += usize::from(found);
        found
    }

    pub(super) fn sign(&mut self, sign: &str) -> Result<()> {
        if self.take_sign(sign) { Ok(()) } else { self.wrong(&format!("write `{sign}`")) }
    }

    fn word(&self) -> Option<&str> {
        match self.tokens.get(self.at) {
            Some(Token { kind: Kind::Word(word), .. }) => Some(word),
            _ => None,
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.word() == Some(word);
        self.at += usize::from(found);
        found
    }

    /// A name that is no keyword.
    pub(super) fn identifier(&mut self, expected: &str) -> Result<(String, Span)> {
        let span = self.place();
        match self.word().filter(|word| !KEYWORDS.contains(word)) {
            Some(word) => {
                let word = word.to_owned();
                self.at += 1;
                Ok((word, span))
            }
            None => self.wrong(expected),
        }
    }

    pub(super) fn number(&mut self) -> Result<u64> {
        match self.tokens.get(self.at) {
            Some(&Token { kind: Kind::Number(number), .. }) => {
                self.at += 1;
                Ok(number)
            }
            _ => self.wrong("write a number"),
        }
    }

    fn statement(&mut self) -> Result<()> {
        if self.take_sign("#") {
            return self.constant();
        }
        if self.take_word("POLICY") {
            let (name, span) = self.identifier("give the policy a name")?;
            self.sign("{")?;
            let entries = if self.is_sign("}") { Vec::new() } else { self.entries()? };
            self.sign("}")?;
            self.program.policies.push(entries);
            if self.names.insert(name.clone(), self.program.policies.len() - 1).is_some() {
                self.diagnostics.push(
                    Diagnostic::error("duplicate-policy", format!("there is a policy `{name}` already"))
                        .at(span, "")
                        .help("give it another name"),
                );
            }
            return Ok(());
        }
        if self.word() == Some("DEFAULT") {
            let span = self.place();
            self.at += 1;
            let verb = self.action()?;
            if self.program.default.replace(Spanned::new(verb, span)).is_some() {
                self.diagnostics.push(
                    Diagnostic::error("duplicate-default", "there is a default action already")
                        .at(span, "")
                        .help("take one of them out"),
                );
            }
            return Ok(());
        }
        let mut entries = self.entries()?;
        self.program.policies[0].append(&mut entries);
        Ok(())
    }

    /// `define NAME 1`
    fn constant(&mut self) -> Result<()> {
        if !self.take_word("define") {
            return self.wrong("after # comes `define NAME NUMBER` or `include \"FILE\"`");
        }
        let (name, span) = self.identifier("give the constant a name")?;
        let value = self.number()?;
        match self.constants.insert(name.clone(), value) {
            Some(earlier) if earlier != value => self.diagnostics.push(
                Diagnostic::error("duplicate-constant", format!("`{name}` is {earlier:#x} already"))
                    .at(span, "")
                    .help("give it another name"),
            ),
            _ => {}
        }
        Ok(())
    }

    /// Blocks and `USE` statements between commas.
    fn entries(&mut self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        loop {
            if self.take_word("USE") {
                loop {
                    entries.extend(self.used()?.map(Entry::Use));
                    // `USE a, b`, as well as `USE a, USE b`.
                    let next = self.tokens.get(self.at + 1).map(|token| &token.kind);
                    let another = matches!(next, Some(Kind::Word(word)) if !KEYWORDS.contains(&word.as_str()));
                    if !(self.is_sign(",") && another) {
                        break;
                    }
                    self.at += 1;
                }
            } else {
                let verb = self.action()?;
                self.sign("{")?;
                let filters = if self.is_sign("}") { Vec::new() } else { self.filters()? };
                self.sign("}")?;
                entries.push(Entry::Block(verb, filters));
            }
            if !self.take_sign(",") {
                return Ok(entries);
            }
        }
    }

    /// The policy that is used; none when there is none of that name.
    fn used(&mut self) -> Result<Option<usize>> {
        let (name, span) = self.identifier("name a policy")?;
        let found = self.names.get(&name).copied();
        if found.is_none() {
            let error = Diagnostic::error("unknown-policy", format!("no policy is called `{name}`")).at(span, "");
            let near = did_you_mean(&name, self.names.keys().map(String::as_str));
            self.diagnostics.push(match near {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help("write the policy before the statement that uses it"),
            });
        }
        Ok(found)
    }

    fn action(&mut self) -> Result<String> {
        let verb = match self.word() {
            Some("ALLOW") => "allow",
            Some("LOG") => "log",
            Some("DENY" | "KILL" | "KILL_THREAD") => "kill-thread",
            Some("KILL_PROCESS") => "kill",
            Some("USER_NOTIF") => "notify",
            Some(word @ ("ERRNO" | "TRAP" | "TRACE")) => {
                let word = word.to_ascii_lowercase();
                self.at += 1;
                self.sign("(")?;
                let span = self.place();
                let value = self.number()?;
                self.sign(")")?;
                if value > 0xffff {
                    self.diagnostics.push(
                        Diagnostic::error("value-too-large", format!("{value} is more than 65535"))
                            .at(span, "")
                            .help("a filter returns 16 bits"),
                    );
                }
                let value = value & 0xffff;
                return Ok(match word.as_str() {
                    // The kernel caps larger ones (MAX_ERRNO, kernel/seccomp.c).
                    "errno" => errno_verb(value.min(4095)),
                    "trap" | "trace" if value == 0 => word,
                    _ => format!("{word}({value})"),
                });
            }
            other => {
                let near =
                    other.and_then(|word| did_you_mean(word, ACTIONS.into_iter().chain(["TRACE", "USE", "POLICY"])));
                return match near {
                    Some(near) => self.wrong(&format!("did you mean `{near}`?")),
                    None => self.wrong("write an action (ALLOW, ERRNO(n), KILL…), USE, POLICY, DEFAULT or #define"),
                };
            }
        };
        self.at += 1;
        Ok(verb.to_owned())
    }

    fn filters(&mut self) -> Result<Vec<Filter>> {
        let mut filters = vec![self.filter()?];
        while self.take_sign(",") {
            filters.push(self.filter()?);
        }
        Ok(filters)
    }

    fn filter(&mut self) -> Result<Filter> {
        let span = self.place();
        let number = |value: u64| Call::Number((value & u64::from(u32::MAX)) as u32);
        let call = if self.take_word("SYSCALL") {
            self.sign("[")?;
            let value = self.number()?;
            self.sign("]")?;
            number(value)
        } else {
            let (name, _) = self.identifier("name a system call")?;
            self.constants.get(&name).map_or_else(|| Call::Name(name), |&value| number(value))
        };
        let arguments = if self.take_sign("(") { Some(self.arguments()?) } else { None };
        let abis = if self.take_word("ON") { Some(self.abis()?) } else { None };
        let mut condition = None;
        if self.take_sign("{") {
            if !self.is_sign("}") {
                let node = self.condition_list()?;
                if !node.is_condition() {
                    return self.wrong("compare the value with something: `fd == 1`");
                }
                condition = Some(node);
            }
            self.sign("}")?;
        }
        Ok(Filter { call, span, arguments, abis, condition })
    }

    fn arguments(&mut self) -> Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        if self.take_sign(")") {
            return Ok(names);
        }
        loop {
            let (name, span) = self.identifier("give the argument a name")?;
            if names.contains(&name) || names.len() == 6 {
                let message = if names.len() == 6 { "a call has six arguments" } else { "two arguments have one name" };
                self.diagnostics
                    .push(Diagnostic::error("bad-arguments", message).at(span, "").help("take the name out"));
            } else {
                names.push(name);
            }
            if !self.take_sign(",") {
                break;
            }
        }
        self.sign(")")?;
        Ok(names)
    }

    fn abis(&mut self) -> Result<Vec<Abi>> {
        let list = self.take_sign("{");
        let mut abis = Vec::new();
        loop {
            let (name, span) = self.identifier("name an architecture")?;
            match name.to_ascii_lowercase().parse::<Abi>() {
                Ok(abi) => abis.push(abi),
                // kafel knows these two; callgate has no tables of m68k.
                Err(()) if name.eq_ignore_ascii_case("rv64") => abis.push(Abi::Riscv64),
                Err(()) if name.eq_ignore_ascii_case("m68k") => {}
                Err(()) => self.diagnostics.push(
                    Diagnostic::error("unknown-abi", format!("kafel knows no architecture `{name}`"))
                        .at(span, "")
                        .help("it knows x86_64, x86, aarch64, arm, mips, mips64, riscv64 and m68k"),
                ),
            }
            if !(list && self.take_sign(",")) {
                break;
            }
        }
        if list {
            self.sign("}")?;
        }
        Ok(abis)
    }
}
