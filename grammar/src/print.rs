//! A tree as text: for trees that something other than the parser made.

use std::fmt::{self, Write};

use crate::Spanned;
use crate::format;
use crate::tree::{
    BinaryOp, Call, Expr, ExprKind, File, Guard, GuardKind, Name, NameOrNumber, Statement, StatementKind, Target,
    TargetKind, UnaryOp, UseTarget, Verb, Version,
};

/// Numbers in expressions from here on are written in hexadecimal.
const FIRST_HEXADECIMAL: u64 = 10;

/// The text of a tree, in canonical form, without the comments (a tree has only their places). [Parsed](crate::parse())
/// again it gives the same tree; only the places differ.
///
/// `None` for a tree that no text has: a name that is none, an expression past the parser's limits.
#[must_use]
pub fn print(file: &File) -> Option<String> {
    let mut text = String::new();
    // Writing to a string doesn't fail.
    file.statements.iter().try_for_each(|one| statement(&mut text, one)).ok()?;
    format(&text).ok()
}

fn statement(out: &mut String, statement: &Statement) -> fmt::Result {
    match &statement.node {
        StatementKind::Arch(abis) => {
            out.push_str("arch: ");
            names(out, abis);
        }
        StatementKind::Known(version) => write!(out, "known: {}", Shown(version.node))?,
        StatementKind::Use(targets) => {
            out.push_str("use: ");
            separated(out, targets, |out, target| match &target.node {
                UseTarget::Shipped(name) => write!(out, "@{name}"),
                UseTarget::Path(path) => string(out, path),
            })?;
        }
        StatementKind::Let { name, value } => {
            write!(out, "let {} = ", name.node)?;
            expression(out, value, LOOSEST)?;
        }
        StatementKind::Rule { verb: what, targets } => {
            verb(out, what)?;
            out.push_str(": ");
            separated(out, targets, target)?;
        }
        StatementKind::When { guards, body } => {
            out.push_str("\nwhen ");
            for (at, one) in guards.iter().enumerate() {
                out.push_str(if at > 0 { " and " } else { "" });
                guard(out, &one.node)?;
            }
            out.push_str(" {\n");
            body.iter().try_for_each(|one| self::statement(out, one))?;
            out.push('}');
        }
        StatementKind::Expect { on, calls, verb: what } => {
            out.push_str("expect");
            if !on.is_empty() {
                out.push_str(" on ");
                names(out, on);
            }
            out.push_str(": ");
            separated(out, calls, call)?;
            out.push_str(" => ");
            verb(out, what)?;
        }
        StatementKind::Flags(flags) => {
            out.push_str("flags: ");
            names(out, flags);
        }
        StatementKind::Listener(path) => {
            out.push_str("listener: ");
            string(out, &path.node)?;
        }
        StatementKind::ListenerMetadata(text) => {
            out.push_str("listener-metadata: ");
            string(out, &text.node)?;
        }
    }
    out.push('\n');
    Ok(())
}

/// The entries with commas between them.
fn separated<T>(out: &mut String, entries: &[T], each: impl Fn(&mut String, &T) -> fmt::Result) -> fmt::Result {
    for (at, entry) in entries.iter().enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        each(out, entry)?;
    }
    Ok(())
}

fn names(out: &mut String, names: &[Name]) {
    for (at, name) in names.iter().enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        out.push_str(&name.node);
    }
}

fn string(out: &mut String, text: &str) -> fmt::Result {
    write!(out, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

struct Shown(Version);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.major, self.0.minor)
    }
}

fn verb(out: &mut String, verb: &Spanned<Verb>) -> fmt::Result {
    match &verb.node {
        Verb::Allow => out.push_str("allow"),
        Verb::Deny => out.push_str("deny"),
        Verb::Kill => out.push_str("kill"),
        Verb::KillThread => out.push_str("kill-thread"),
        Verb::Log => out.push_str("log"),
        Verb::Notify => out.push_str("notify"),
        Verb::Trap(None) => out.push_str("trap"),
        Verb::Trace(None) => out.push_str("trace"),
        Verb::Trap(Some(data)) => write!(out, "trap({})", data.node)?,
        Verb::Trace(Some(data)) => write!(out, "trace({})", data.node)?,
        Verb::Errno(errno) => {
            out.push_str("errno(");
            name_or_number(out, &errno.node)?;
            out.push(')');
        }
    }
    Ok(())
}

fn name_or_number(out: &mut String, what: &NameOrNumber) -> fmt::Result {
    match what {
        NameOrNumber::Name(name) => out.push_str(name),
        NameOrNumber::Number(number) => write!(out, "{number}")?,
    }
    Ok(())
}

fn target(out: &mut String, target: &Target) -> fmt::Result {
    match &target.node {
        TargetKind::Call(called) => call(out, called),
        TargetKind::Group(name) => write!(out, "@{name}"),
        TargetKind::All => out.write_str("all"),
        TargetKind::Unknown => out.write_str("unknown"),
        TargetKind::Arch(name) => write!(out, "arch {}", name.node),
    }
}

fn call(out: &mut String, call: &Call) -> fmt::Result {
    name_or_number(out, &call.callee.node)?;
    if let Some(arguments) = &call.arguments {
        out.push('(');
        separated(out, arguments, |out, argument| expression(out, argument, LOOSEST))?;
        out.push(')');
    }
    Ok(())
}

fn guard(out: &mut String, guard: &Guard) -> fmt::Result {
    out.push_str(if guard.negated { "not " } else { "" });
    match &guard.kind {
        GuardKind::Cap(name) => write!(out, "cap {}", name.node),
        GuardKind::Arch(name) => write!(out, "arch {}", name.node),
        GuardKind::Kernel(operator, version) => {
            write!(out, "kernel {} {}", binding(operator.node).0, Shown(version.node))
        }
    }
}

/// How tight an expression must be to stand without parentheses; everything may.
const LOOSEST: u8 = 0;
/// `!`: tighter than `&&`, looser than comparisons.
const NOT: u8 = 3;
/// `-` and `~`: tighter than every operator between two values.
const SIGN: u8 = 8;

/// How an operator is written, and how tight it is; the order of [`BinaryOp`] and of the parser's own table.
fn binding(operator: BinaryOp) -> (&'static str, u8) {
    match operator {
        BinaryOp::Or => ("||", 1),
        BinaryOp::And => ("&&", 2),
        BinaryOp::Eq => ("==", 4),
        BinaryOp::Ne => ("!=", 4),
        BinaryOp::Lt => ("<", 4),
        BinaryOp::Le => ("<=", 4),
        BinaryOp::Gt => (">", 4),
        BinaryOp::Ge => (">=", 4),
        BinaryOp::In => ("in", 4),
        BinaryOp::Has => ("has", 4),
        BinaryOp::Lacks => ("lacks", 4),
        BinaryOp::Range => ("..", 5),
        BinaryOp::BitOr => ("|", 6),
        BinaryOp::BitAnd => ("&", 7),
    }
}

/// Writes an expression; one that is looser than `least` in parentheses.
fn expression(out: &mut String, written: &Expr, least: u8) -> fmt::Result {
    let own = match &written.node {
        ExprKind::Binary(operator, ..) => binding(operator.node).1,
        ExprKind::Unary(operator, _) if operator.node == UnaryOp::Not => NOT,
        ExprKind::Unary(..) => SIGN,
        _ => u8::MAX,
    };
    if own < least {
        out.push('(');
        expression(out, written, LOOSEST)?;
        out.push(')');
        return Ok(());
    }
    match &written.node {
        ExprKind::Number(number) if *number < FIRST_HEXADECIMAL => write!(out, "{number}")?,
        ExprKind::Number(number) => write!(out, "{number:#x}")?,
        ExprKind::Name(name) => out.push_str(name),
        ExprKind::Raw(name) => write!(out, "raw({})", name.node)?,
        ExprKind::Set(entries) => {
            out.push('{');
            separated(out, entries, |out, entry| expression(out, entry, LOOSEST))?;
            out.push('}');
        }
        ExprKind::Unary(operator, operand) => {
            let (sign, tight) = match operator.node {
                UnaryOp::Not => ("!", NOT),
                UnaryOp::Minus => ("-", SIGN),
                UnaryOp::Invert => ("~", SIGN),
            };
            out.push_str(sign);
            expression(out, operand, tight)?;
        }
        ExprKind::Binary(operator, left, right) => {
            let (sign, tight) = binding(operator.node);
            // Operators of one tightness start at the left; comparisons and ranges are never chained.
            let chains = matches!(operator.node, BinaryOp::Or | BinaryOp::And | BinaryOp::BitOr | BinaryOp::BitAnd);
            expression(out, left, if chains { tight } else { tight + 1 })?;
            write!(out, " {sign} ")?;
            expression(out, right, tight + 1)?;
        }
    }
    Ok(())
}
