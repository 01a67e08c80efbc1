//! Parts of the language as the parser would give them, each with a place in the file that was read.

use callgate_compiler::abi::Abi;
use callgate_compiler::policy::FilterFlag;
use callgate_grammar::tree::{
    BinaryOp, Call, Expr, ExprKind, NameOrNumber, Statement, StatementKind, Target, TargetKind, Verb,
};
use callgate_grammar::{Span, Spanned, parse_call, parse_verb};

use super::rules::{Test, Value, When};

/// Comparisons that one condition may join, and conditions that one may be taken out of; the language reads no longer
/// ones.
pub(super) const LONGEST: usize = 500;

/// `arch: x86_64, x86`
pub(crate) fn arch(abis: impl IntoIterator<Item = Abi>, span: Span) -> Statement {
    let names = abis.into_iter().map(|abi| Spanned::new(abi.name().to_owned(), span)).collect();
    Spanned::new(StatementKind::Arch(names), span)
}

/// `flags: LOG`
pub(crate) fn flags(flags: &[FilterFlag], span: Span) -> Statement {
    let known = FilterFlag::ALL.iter().filter(|(flag, ..)| flags.contains(flag));
    let names = known.map(|&(_, name, _)| Spanned::new(name.to_owned(), span)).collect();
    Spanned::new(StatementKind::Flags(names), span)
}

/// `listener: "/run/x.sock"`
pub(crate) fn listener(path: &str, span: Span) -> Statement {
    Spanned::new(StatementKind::Listener(Spanned::new(path.to_owned(), span)), span)
}

/// `listener-metadata: "web"`
pub(crate) fn listener_metadata(text: &str, span: Span) -> Statement {
    Spanned::new(StatementKind::ListenerMetadata(Spanned::new(text.to_owned(), span)), span)
}

/// `kill: arch other`
pub(crate) fn other_abis(action: &str, span: Span) -> Statement {
    let other = TargetKind::Arch(Spanned::new("other".to_owned(), span));
    rule(action, vec![Spanned::new(other, span)], span)
}

/// A rule statement. `action` is one that an importer wrote.
pub(super) fn rule(action: &str, targets: Vec<Target>, span: Span) -> Statement {
    Spanned::new(StatementKind::Rule { verb: verb(action, span), targets }, span)
}

/// An action as importers write it. What is no action never gets here; if it did, it would be an errno nobody knows, and
/// lowering says so.
fn verb(text: &str, span: Span) -> Spanned<Verb> {
    let mut verb = parse_verb(span.source, text)
        .map_or_else(|_| Verb::Errno(Spanned::new(NameOrNumber::Name(text.to_owned()), span)), |verb| verb.node);
    match &mut verb {
        Verb::Errno(errno) => errno.span = span,
        Verb::Trap(Some(data)) | Verb::Trace(Some(data)) => data.span = span,
        _ => {}
    }
    Spanned::new(verb, span)
}

/// A call, by its name or number, under a condition. An error is why the condition can't be said.
pub(super) fn target(call: &str, when: &When, span: Span) -> Result<Target, String> {
    let callee = match call.parse::<u64>() {
        Ok(number) => NameOrNumber::Number(number),
        Err(_) if call == "unknown" => return Ok(Spanned::new(TargetKind::Unknown, span)),
        Err(_) => NameOrNumber::Name(call.to_owned()),
    };
    let arguments = match when {
        When::Always => None,
        When::All(tests) if tests.len() > LONGEST => {
            return Err(format!("a condition on `{call}` has more than {LONGEST} comparisons"));
        }
        When::All(tests) => Some(tests.iter().map(|test| self::test(test, span)).collect::<Result<_, _>>()?),
        When::Text(_) | When::Except(..) => Some(conditions(&when.text(), span)?),
    };
    let callee = Spanned::new(callee, span);
    Ok(Spanned::new(TargetKind::Call(Call { callee, arguments, span }), span))
}

fn test(test: &Test, span: Span) -> Result<Expr, String> {
    let raw = Spanned::new(ExprKind::Raw(Spanned::new(format!("arg{}", test.argument), span)), span);
    let word = match &test.mask {
        None => raw,
        Some(mask) => binary(raw, BinaryOp::BitAnd, value(mask, span)?, span),
    };
    Ok(binary(word, test.operator, value(&test.value, span)?, span))
}

fn binary(left: Expr, operator: BinaryOp, right: Expr, span: Span) -> Expr {
    Spanned::new(ExprKind::Binary(Spanned::new(operator, span), Box::new(left), Box::new(right)), span)
}

fn value(value: &Value, span: Span) -> Result<Expr, String> {
    match value {
        Value::Number(number) => Ok(Spanned::new(ExprKind::Number(*number), span)),
        Value::Text(text) => {
            // A condition that is a value alone parses: what it means is not the grammar's to know.
            let mut values = conditions(text, span)?;
            values.pop().ok_or_else(|| format!("`{text}` is no value"))
        }
    }
}

/// Conditions as the language writes them, everything in them at one place.
fn conditions(text: &str, span: Span) -> Result<Vec<Expr>, String> {
    let first = |errors: Vec<callgate_grammar::Diagnostic>| {
        errors.into_iter().next().map(|error| error.message).unwrap_or_default()
    };
    let call = parse_call(span.source, &format!("c({text})")).map_err(first)?;
    let mut conditions = call.arguments.unwrap_or_default();
    conditions.iter_mut().for_each(|condition| place(condition, span));
    Ok(conditions)
}

/// Puts an expression of the parser's, which is never deep, at one place.
fn place(expression: &mut Expr, span: Span) {
    expression.span = span;
    match &mut expression.node {
        ExprKind::Number(_) | ExprKind::Name(_) => {}
        ExprKind::Raw(name) => name.span = span,
        ExprKind::Set(entries) => entries.iter_mut().for_each(|entry| place(entry, span)),
        ExprKind::Unary(operator, operand) => {
            operator.span = span;
            place(operand, span);
        }
        ExprKind::Binary(operator, left, right) => {
            operator.span = span;
            place(left, span);
            place(right, span);
        }
    }
}
