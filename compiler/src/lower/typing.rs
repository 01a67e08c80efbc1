//! Conditions, typed by the call's prototype.

use callgate_grammar::tree::{BinaryOp, Expr, ExprKind, UnaryOp};
use callgate_grammar::{Diagnostic, Span};

use super::value::{Number, Problem, Scope, Value, Word, two_parameters, wrong};
use crate::condition::{Atom, Condition, ValueSet};

/// The condition that all these expressions hold; on a problem, every problem.
pub(super) fn conjunction(scope: &Scope<'_>, exprs: &[Expr]) -> Result<Condition, Vec<Problem>> {
    let mut parts = Vec::new();
    let mut problems = Vec::new();
    for expr in exprs {
        match condition(scope, expr) {
            Ok(part) => parts.push(part),
            Err(problem) => problems.push(problem),
        }
    }
    match (problems.is_empty(), parts.len()) {
        (false, _) => Err(problems),
        (true, 0) => Ok(Condition::Always),
        (true, 1) => Ok(parts.remove(0)),
        (true, _) => Ok(Condition::All(parts)),
    }
}

/// The condition that parameters have these values, by position: `socket(AF_UNIX, SOCK_STREAM, 0)`.
pub(super) fn positional(scope: &Scope<'_>, exprs: &[Expr]) -> Result<Condition, Vec<Problem>> {
    let parts: Vec<_> = (0..)
        .zip(exprs)
        .map(|(arg, expr)| compare(BinaryOp::Eq, scope.at(arg, expr.span)?, &scope.value(expr)?, expr))
        .collect();
    let (parts, problems): (Vec<_>, Vec<_>) = parts.into_iter().partition(Result::is_ok);
    if problems.is_empty() {
        Ok(Condition::All(parts.into_iter().filter_map(Result::ok).collect()))
    } else {
        Err(problems.into_iter().filter_map(Result::err).collect())
    }
}

/// Whether an expression is a condition by its shape, as against a positional value.
pub(super) fn is_condition(expr: &Expr) -> bool {
    match &expr.node {
        ExprKind::Unary(op, _) => op.node == UnaryOp::Not,
        ExprKind::Binary(op, ..) => !matches!(op.node, BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::Range),
        _ => false,
    }
}

fn condition(scope: &Scope<'_>, expr: &Expr) -> Result<Condition, Problem> {
    match &expr.node {
        ExprKind::Unary(op, operand) if op.node == UnaryOp::Not => {
            Ok(Condition::Not(Box::new(condition(scope, operand)?)))
        }
        ExprKind::Binary(op, left, right) => match op.node {
            BinaryOp::And => Ok(Condition::All(vec![condition(scope, left)?, condition(scope, right)?])),
            BinaryOp::Or => Ok(Condition::Any(vec![condition(scope, left)?, condition(scope, right)?])),
            BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::Range => wrong(not_a_condition(expr)),
            comparison => match (scope.value(left)?, scope.value(right)?) {
                (Value::Word(_), Value::Word(_)) => wrong(two_parameters(expr.span)),
                (Value::Word(word), other) => compare(comparison, word, &other, right),
                (other, Value::Word(word)) => match mirrored(comparison) {
                    Some(comparison) => compare(comparison, word, &other, left),
                    None => wrong(
                        Diagnostic::error("wrong-side", "the parameter stands on the wrong side")
                            .at(right.span, "")
                            .help("write the parameter first"),
                    ),
                },
                _ => wrong(
                    Diagnostic::error("no-parameter", "no parameter is looked at here")
                        .at(expr.span, "both sides are constants"),
                ),
            },
        },
        _ => wrong(not_a_condition(expr)),
    }
}

fn not_a_condition(expr: &Expr) -> Diagnostic {
    let help = match &expr.node {
        ExprKind::Binary(op, ..) if op.node == BinaryOp::BitAnd => {
            "say what the bits must be: `!= 0`, or `has` and `lacks`"
        }
        _ => "compare a parameter: `family == AF_UNIX`, `cmd in {1, 2}`, `flags lacks CLONE_NEWUSER`",
    };
    Diagnostic::error("not-a-condition", "a value stands where a condition should").at(expr.span, "").help(help)
}

/// The comparison with its sides swapped; `None` when it has no twin.
fn mirrored(op: BinaryOp) -> Option<BinaryOp> {
    match op {
        BinaryOp::Eq | BinaryOp::Ne => Some(op),
        BinaryOp::Lt => Some(BinaryOp::Gt),
        BinaryOp::Le => Some(BinaryOp::Ge),
        BinaryOp::Gt => Some(BinaryOp::Lt),
        BinaryOp::Ge => Some(BinaryOp::Le),
        _ => None,
    }
}

fn compare(op: BinaryOp, word: Word, with: &Value, operand: &Expr) -> Result<Condition, Problem> {
    let span = operand.span;
    let number = match (with, op) {
        (Value::Set(ranges), BinaryOp::In) => return Ok(atom(word, word.mask, word.set(ranges, span)?)),
        (Value::Set(_), _) => {
            return wrong(
                Diagnostic::error("set-comparison", "a set can only be tested with `in`").at(span, "this is a set"),
            );
        }
        (Value::Number(_), BinaryOp::In) => {
            return wrong(
                Diagnostic::error("not-a-set", "`in` needs a set")
                    .at(span, "this is a number")
                    .help("write `==`, or `{…}` around it"),
            );
        }
        (Value::Number(number), _) => *number,
        (Value::Word(_), _) => return wrong(two_parameters(span)),
    };
    let (least, greatest) = word.domain();
    let one = [(number, number)];
    let values = match op {
        BinaryOp::Eq => word.set(&one, span)?,
        BinaryOp::Ne => word.set(&one, span)?.complement(word.mask),
        BinaryOp::Lt => ordered(word, number, (least, number - 1), span)?,
        BinaryOp::Le => ordered(word, number, (least, number), span)?,
        BinaryOp::Gt => ordered(word, number, (number + 1, greatest), span)?,
        BinaryOp::Ge => ordered(word, number, (number, greatest), span)?,
        BinaryOp::Has | BinaryOp::Lacks => {
            let bits = word.set(&one, span)?.ranges()[0].0;
            if bits == 0 {
                return wrong(
                    Diagnostic::error("impossible-comparison", "no bit is asked for")
                        .at(span, "this is 0")
                        .help("name the bits, or use `== 0`"),
                );
            }
            return Ok(atom(word, bits, ValueSet::one(if op == BinaryOp::Has { bits } else { 0 })));
        }
        _ => unreachable!("`condition` hands over comparisons only"),
    };
    Ok(atom(word, word.mask, values))
}

/// The words of an order comparison. The constant must be one the type can hold, even where the comparison then leaves
/// nothing.
fn ordered(word: Word, constant: Number, (low, high): (Number, Number), span: Span) -> Result<ValueSet, Problem> {
    word.between(constant, constant, span)?;
    if low > high { Ok(ValueSet::default()) } else { Ok(ValueSet::of(word.between(low, high, span)?)) }
}

fn atom(word: Word, mask: u64, values: ValueSet) -> Condition {
    Condition::Atom(Atom { arg: word.arg, width: word.width, mask, values })
}
