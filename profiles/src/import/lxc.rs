//! LXC's seccomp policies (lxc.container.conf(5), "SECCOMP CONFIGURATION"; src/lxc/seccomp.c).
//!
//! The first line is the version, the second says whether the file lists what is allowed or what isn't, and what happens
//! to the rest. Version 1 lists numbers that are allowed. In version 2 a line names a call, then its action, then its
//! arguments (all must match), and `[x86_64]` starts the rules of one ABI. libseccomp carries it out.

use std::collections::BTreeSet;

use callgate_compiler::abi::Abi;
use callgate_grammar::tree::BinaryOp;
use callgate_grammar::{Diagnostic, Span, Spanned, did_you_mean};

use super::Document;
use super::calls::{self, MAX_ERRORS};
use super::constants::errno_verb;
use super::guard::Guard;
use super::piece::Piece;
use super::rules::{Order, Rule, Statements, Test, When};

/// Whether a text is one: the version, then the kind of list.
pub(super) fn looks_like(text: &str) -> bool {
    let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim).filter(|line| !line.is_empty());
    let version = lines.next().is_some_and(|line| line == "1" || line == "2");
    version && lines.next().is_some_and(|line| KINDS.iter().any(|(word, _)| line.starts_with(word)))
}

/// The words of the second line, and whether the file lists what is allowed.
const KINDS: [(&str, bool); 4] = [("allowlist", true), ("denylist", false), ("whitelist", true), ("blacklist", false)];

const ACTIONS: [&str; 5] = ["kill", "errno", "allow", "trap", "notify"];

type Result<T> = std::result::Result<T, Box<Diagnostic>>;

fn wrong<T>(piece: &Piece<'_>, message: impl Into<String>, help: impl Into<String>) -> Result<T> {
    Err(Box::new(Diagnostic::error("bad-line", message).at(piece.span(), "").help(help)))
}

pub(super) fn import(document: &Document<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Statements> {
    let whole = Piece::whole(document.text, document.source);
    let mut lines = whole.lines().map(|line| line.trimmed()).filter(|line| !line.text.is_empty());
    let (first, kind) = (lines.next(), lines.next());
    let head = header(&whole, first, kind);
    let (version, allows, default) = match head {
        Ok(head) => head,
        Err(error) => {
            diagnostics.push(*error);
            return None;
        }
    };
    // `blacklist` kills what it lists, `allowlist` allows it, unless a line says otherwise.
    let verb = if allows { "allow" } else { "kill-thread" };
    let mut reader = Reader { diagnostics, rules: Vec::new(), abis: all(), default: default.clone(), verb };
    for line in lines.filter(|line| !line.text.starts_with('#')) {
        if reader.diagnostics.len() > MAX_ERRORS {
            break;
        }
        let read = match version {
            1 => reader.number(&line),
            _ if line.text.starts_with('[') => reader.section(&line),
            _ => reader.rule(&line),
        };
        if let Err(error) = read {
            reader.diagnostics.push(*error);
        }
    }
    let rules = reader.rules;
    let default = Spanned::new(default, kind.unwrap_or_else(|| whole.slice(0, 0)).span());
    Some(Statements { listed: None, header: Vec::new(), default, rules, order: Order::Libseccomp })
}

fn all() -> BTreeSet<Abi> {
    Abi::ALL.iter().copied().collect()
}

/// The version, whether the file lists what is allowed, and what happens to the rest.
fn header(whole: &Piece<'_>, version: Option<Piece<'_>>, kind: Option<Piece<'_>>) -> Result<(u8, bool, String)> {
    let start = whole.slice(0, 0);
    let version = version.unwrap_or(start);
    let number = match version.text {
        "1" => 1,
        "2" => 2,
        _ => return wrong(&version, "the first line is the version", "write 2"),
    };
    let kind = kind.unwrap_or(start);
    let (word, rest) = kind.first_word();
    let Some(&(_, allows)) = KINDS.iter().find(|(known, _)| *known == word.text) else {
        let near = did_you_mean(word.text, KINDS.into_iter().map(|(word, _)| word));
        let help =
            near.map_or_else(|| "write allowlist or denylist".to_owned(), |near| format!("did you mean `{near}`?"));
        return wrong(&word, "the second line says what the file lists", help);
    };
    if number == 1 && !allows {
        return wrong(&word, "version 1 has only an allowlist", "write 2 as the version");
    }
    let default = if rest.text.is_empty() {
        if allows { "kill-thread" } else { "allow" }.to_owned()
    } else if number == 1 {
        return wrong(&rest, "version 1 takes no action here", "write 2 as the version");
    } else {
        action(&rest)?.0
    };
    Ok((number, allows, default))
}

/// An action, and what stands after it.
fn action<'a>(piece: &Piece<'a>) -> Result<(String, Piece<'a>)> {
    let (word, rest) = piece.first_word();
    let verb = match word.text {
        "kill" => "kill-thread",
        "allow" | "trap" | "notify" => word.text,
        "errno" => {
            let (number, rest) = rest.first_word();
            return match number.text.parse::<u16>() {
                Ok(errno) if errno <= 4095 => Ok((errno_verb(u64::from(errno)), rest)),
                _ => wrong(&number, "errno needs a number up to 4095", "write `errno 1` for EPERM"),
            };
        }
        other => {
            let near = did_you_mean(other, ACTIONS.into_iter());
            let help = near.map_or_else(
                || "the actions are kill, errno N, allow, trap and notify".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            return wrong(&word, format!("`{other}` is no action"), help);
        }
    };
    Ok((verb.to_owned(), rest))
}

struct Reader<'d> {
    diagnostics: &'d mut Vec<Diagnostic>,
    rules: Vec<Rule>,
    /// The ABIs that rules are about from here on.
    abis: BTreeSet<Abi>,
    default: String,
    verb: &'static str,
}

impl Reader<'_> {
    /// Version 1: a number that is allowed.
    fn number(&mut self, line: &Piece<'_>) -> Result<()> {
        match line.text.parse::<u32>() {
            Ok(number) => {
                self.rules.extend(calls::numbered(number, &self.abis, self.verb, line.span()));
                Ok(())
            }
            Err(_) => wrong(line, "version 1 lists numbers of calls", "write a number, or 2 as the version"),
        }
    }

    fn section(&mut self, line: &Piece<'_>) -> Result<()> {
        let name = line.text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or_default();
        let name = name.to_ascii_lowercase();
        self.abis = match name.parse::<Abi>() {
            _ if name == "all" => all(),
            Ok(abi) => BTreeSet::from([abi]),
            Err(()) => return wrong(line, "no ABI has this name", "write [all], [x86_64], [x86], [arm64]…"),
        };
        Ok(())
    }

    /// `name action [index,value,op,mask]…`
    fn rule(&mut self, line: &Piece<'_>) -> Result<()> {
        let (name, rest) = line.first_word();
        let (before, arguments) = match rest.text.find('[') {
            Some(at) => (rest.part(0, at), rest.slice(at, rest.text.len())),
            None => (rest, rest.slice(rest.text.len(), rest.text.len())),
        };
        let (before, comment) = match before.text.find('#') {
            Some(at) => (before.part(0, at), true),
            None => (before, false),
        };
        let (verb, rest) = if before.text.is_empty() { (self.verb.to_owned(), before) } else { action(&before)? };
        if !rest.text.is_empty() {
            return wrong(&rest, "nothing more stands after the action", "arguments are written [index,value,op]");
        }
        let mut tests = Vec::new();
        let mut left = if comment { arguments.slice(0, 0) } else { arguments };
        while !left.text.is_empty() {
            let end = left.text.find(']');
            match end.filter(|_| left.text.starts_with('[')) {
                Some(end) => {
                    tests.push(test(&left.slice(1, end))?);
                    left = left.part(end + 1, left.text.len());
                }
                None if left.text.starts_with('#') => break,
                None => return wrong(&left, "arguments are written [index,value,op]", "write `[0,1,SCMP_CMP_EQ]`"),
            }
        }
        if name.text == "reject_force_umount" {
            // umount2 with MNT_FORCE (1) set answers EACCES (13), whatever stands after the name (src/lxc/seccomp.c).
            let force = Test::number(1, 1, BinaryOp::Eq, 1);
            self.push("umount2", When::All(vec![force]), "errno(EACCES)", name.span());
            return Ok(());
        }
        if !calls::is_known(name.text) {
            return Err(Box::new(calls::unknown(name.text, name.span(), self.diagnostics.len())));
        }
        if verb == self.default {
            self.diagnostics.push(
                Diagnostic::warning("same-as-default", format!("`{}` does what the default does", name.text))
                    .at(line.span(), "")
                    .because("libseccomp adds no such rule: seccomp_rule_add(3), EACCES")
                    .help("take the line out"),
            );
        }
        let when = if tests.is_empty() { When::Always } else { When::All(tests) };
        self.push(name.text, when, &verb, name.span());
        Ok(())
    }

    fn push(&mut self, call: &str, when: When, verb: &str, span: Span) {
        let guard = Guard::on(&self.abis);
        self.rules.push(Rule { call: call.to_owned(), guard, when, verb: verb.to_owned(), span });
    }
}

/// `index,value,op` or `index,value,op,mask`, what stands between the brackets.
fn test(piece: &Piece<'_>) -> Result<Test> {
    const OPERATORS: [(&str, &str, BinaryOp); 7] = [
        ("SCMP_CMP_NE", "!=", BinaryOp::Ne),
        ("SCMP_CMP_LT", "<", BinaryOp::Lt),
        ("SCMP_CMP_LE", "<=", BinaryOp::Le),
        ("SCMP_CMP_EQ", "==", BinaryOp::Eq),
        ("SCMP_CMP_GE", ">=", BinaryOp::Ge),
        ("SCMP_CMP_GT", ">", BinaryOp::Gt),
        ("SCMP_CMP_MASKED_EQ", "&=", BinaryOp::Eq),
    ];
    let parts = piece.split(",");
    let [index, value, operator, mask @ ..] = parts.as_slice() else {
        return wrong(piece, "an argument is its index, a value and an operator", "write `[0,1,SCMP_CMP_EQ]`");
    };
    let number = |piece: &Piece<'_>| match calls::c_number(piece.text) {
        Some(number) => Ok(number),
        None => wrong(piece, format!("`{}` is no number", piece.text), "write 64 bits at most: 1, 0x1 or 01"),
    };
    let Some(argument) = u8::try_from(number(index)?).ok().filter(|&argument| argument <= 5) else {
        return wrong(index, "a call has the arguments 0 to 5", "count from 0");
    };
    let value_of = number(value)?;
    let found = OPERATORS.iter().find(|(name, sign, _)| *name == operator.text || *sign == operator.text);
    let Some(&(_, sign, ours)) = found else {
        let near = did_you_mean(operator.text, OPERATORS.iter().map(|(name, ..)| *name));
        let help = near.map_or_else(
            || "the operators are != < <= == >= > and &=".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return wrong(operator, format!("`{}` is no operator", operator.text), help);
    };
    let mask = match (mask, sign) {
        ([mask], "&=") => number(mask)?,
        ([mask], _) => return wrong(mask, "only &= takes a mask", "take the mask out"),
        ([], "&=") => return wrong(operator, "&= needs a mask", "write `[0,1,&=,3]` for (arg0 & 3) == 1"),
        ([], _) => u64::MAX,
        _ => return wrong(piece, "this has more than four parts", "write `[0,1,&=,3]`"),
    };
    // libseccomp masks the value too (`_db_node_mask_fixup`, src/db.c).
    let value = if sign == "&=" { value_of & mask } else { value_of };
    Ok(Test::number(argument, mask, ours, value))
}
