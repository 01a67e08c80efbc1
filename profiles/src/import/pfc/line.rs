//! The lines of pseudo filter code.

use callgate_compiler::action::Action;
use callgate_grammar::{Diagnostic, Span};

use crate::import::constants::errno_verb;
use crate::import::piece::Piece;

/// A line with something to do in it.
pub(super) struct Line {
    pub(super) indent: usize,
    pub(super) span: Span,
    pub(super) statement: Statement,
}

/// What a line says.
pub(super) enum Statement {
    /// `if ($arch == N)`
    Abi(u32),
    /// `if ($syscall > N)`, and its `else`: the search for the number.
    Search,
    /// `if ($syscall == N)`
    Number(u32),
    /// A test of an argument as the language writes it; `None` when it never holds.
    Test(Option<String>),
    /// `else`
    Else,
    /// `action …;`, as the language writes it.
    Action(String),
}

/// Reads a line; `None`: it is empty, or a comment.
pub(super) fn read(piece: &Piece<'_>) -> Result<Option<Line>, Box<Diagnostic>> {
    let trimmed = piece.trimmed();
    let text = trimmed.text;
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let statement = if text == "else" {
        Some(Statement::Else)
    } else if text.starts_with("else # ($syscall <= ") {
        Some(Statement::Search)
    } else if let Some(inner) = text.strip_prefix("if (").and_then(|rest| rest.strip_suffix(')')) {
        condition(inner)
    } else {
        let action = text.strip_prefix("action ").and_then(|rest| rest.strip_suffix(';'));
        action.and_then(action_verb).map(Statement::Action)
    };
    let Some(statement) = statement else {
        return Err(Box::new(
            Diagnostic::error("pfc-line", "this is no line of libseccomp's pseudo filter code")
                .at(trimmed.span(), "")
                .help("lines are `if (…)`, `else` and `action …;`"),
        ));
    };
    Ok(Some(Line { indent: trimmed.at - piece.at, span: trimmed.span(), statement }))
}

fn condition(text: &str) -> Option<Statement> {
    let words: Vec<&str> = text.split(' ').collect();
    match words.as_slice() {
        ["$arch", "==", token] => Some(Statement::Abi(token.parse().ok()?)),
        ["$syscall", "==", number] => Some(Statement::Number(number.parse().ok()?)),
        ["$syscall", ">", number] => number.parse::<u32>().ok().map(|_| Statement::Search),
        [word, operator @ ("==" | ">=" | ">"), value] => test(word, u32::MAX, operator, value),
        [word, "&", mask, "==", value] => {
            test(word, u32::from_str_radix(mask.strip_prefix("0x")?, 16).ok()?, "==", value)
        }
        _ => None,
    }
}

/// A test of half an argument; where a filter's words are 32 bits wide, of its low half.
fn test(word: &str, mask: u32, operator: &str, value: &str) -> Option<Statement> {
    let (argument, half) = word.strip_prefix("$a")?.split_once('.').unwrap_or((word.strip_prefix("$a")?, "lo32"));
    let argument: u8 = argument.parse().ok().filter(|index| *index < 6)?;
    let shift = match half {
        "lo32" => 0,
        "hi32" => 32,
        _ => return None,
    };
    let value: u32 = value.parse().ok()?;
    if operator == "==" && value & !mask != 0 {
        return Some(Statement::Test(None));
    }
    let (mask, value) = (u64::from(mask) << shift, u64::from(value) << shift);
    Some(Statement::Test(Some(format!("raw(arg{argument}) & {mask:#x} {operator} {value:#x}"))))
}

fn action_verb(text: &str) -> Option<String> {
    if let Some((name, data)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        let data: u16 = data.parse().ok()?;
        return match name {
            "ERRNO" => Some(errno_verb(u64::from(data.min(4095)))),
            "TRAP" | "TRACE" if data == 0 => Some(name.to_ascii_lowercase()),
            "TRAP" | "TRACE" => Some(format!("{}({data})", name.to_ascii_lowercase())),
            _ => None,
        };
    }
    let verb = match text {
        "KILL_PROCESS" => "kill".to_owned(),
        "KILL" => "kill-thread".to_owned(),
        // 2.5 prints traps without their number.
        "TRAP" => "trap".to_owned(),
        "LOG" => "log".to_owned(),
        "ALLOW" => "allow".to_owned(),
        // What libseccomp has no word for it prints as the filter's return value.
        number => match Action::from_ret(u32::from_str_radix(number.strip_prefix("0x")?, 16).ok()?) {
            Action::Errno(number) => errno_verb(u64::from(number)),
            action => action.to_string(),
        },
    };
    Some(verb)
}
