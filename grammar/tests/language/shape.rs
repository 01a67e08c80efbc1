//! A tree as one line of text without spans, every operator in parentheses, so that tests can compare it by eye.

use callgate_grammar::tree::{
    BinaryOp, Call, Expr, ExprKind, Guard, GuardKind, Name, NameOrNumber, Statement, StatementKind, Target, TargetKind,
    UnaryOp, UseTarget, Verb, Version,
};

/// All statements, one a line.
pub(crate) fn statements(statements: &[Statement]) -> String {
    statements.iter().map(statement).collect::<Vec<_>>().join("\n")
}

fn statement(statement: &Statement) -> String {
    match &statement.node {
        StatementKind::Arch(names) => format!("(arch {})", list(names, name)),
        StatementKind::Known(known) => format!("(known {})", version(known.node)),
        StatementKind::Use(targets) => {
            let target = |target: &callgate_grammar::Spanned<UseTarget>| match &target.node {
                UseTarget::Shipped(name) => format!("(shipped {name})"),
                UseTarget::Path(path) => format!("(path {path:?})"),
            };
            format!("(use {})", list(targets, target))
        }
        StatementKind::Let { name, value } => format!("(let {} {})", name.node, expression(value)),
        StatementKind::Rule { verb: action, targets } => format!("({} {})", verb(&action.node), list(targets, target)),
        StatementKind::When { guards, body } => {
            format!("(when [{}] {})", list(guards, |it| guard(&it.node)), list(body, self::statement))
        }
        StatementKind::Expect { on, calls, verb: action } => {
            format!("(expect [{}] {} => {})", list(on, name), list(calls, call), verb(&action.node))
        }
        StatementKind::Flags(names) => format!("(flags {})", list(names, name)),
        StatementKind::Listener(path) => format!("(listener {:?})", path.node),
        StatementKind::ListenerMetadata(text) => format!("(listener-metadata {:?})", text.node),
    }
}

fn list<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    items.iter().map(show).collect::<Vec<_>>().join(" ")
}

fn name(name: &Name) -> String {
    name.node.clone()
}

fn version(version: Version) -> String {
    format!("{}.{}", version.major, version.minor)
}

/// A verb.
pub(crate) fn verb(verb: &Verb) -> String {
    match verb {
        Verb::Errno(value) => format!("errno:{}", name_or_number(&value.node)),
        Verb::Trap(Some(value)) => format!("trap:{}", value.node),
        Verb::Trace(Some(value)) => format!("trace:{}", value.node),
        Verb::Trap(None) => "trap".to_owned(),
        Verb::Trace(None) => "trace".to_owned(),
        plain => format!("{plain:?}").to_lowercase(),
    }
}

fn name_or_number(value: &NameOrNumber) -> String {
    match value {
        NameOrNumber::Name(name) => name.clone(),
        NameOrNumber::Number(number) => number.to_string(),
    }
}

fn guard(guard: &Guard) -> String {
    let not = if guard.negated { "not " } else { "" };
    match &guard.kind {
        GuardKind::Cap(name) => format!("({not}cap {})", name.node),
        GuardKind::Arch(name) => format!("({not}arch {})", name.node),
        GuardKind::Kernel(operator, bound) => {
            format!("({not}kernel {} {})", binary(operator.node), version(bound.node))
        }
    }
}

fn target(target: &Target) -> String {
    match &target.node {
        TargetKind::Call(it) => call(it),
        TargetKind::Group(name) => format!("@{name}"),
        TargetKind::All => "*all*".to_owned(),
        TargetKind::Unknown => "*unknown*".to_owned(),
        TargetKind::Arch(name) => format!("(arch {})", name.node),
    }
}

/// A call.
pub(crate) fn call(call: &Call) -> String {
    let callee = name_or_number(&call.callee.node);
    match &call.arguments {
        None => callee,
        Some(arguments) => format!("{callee}[{}]", arguments.iter().map(expression).collect::<Vec<_>>().join(", ")),
    }
}

fn expression(expression: &Expr) -> String {
    match &expression.node {
        ExprKind::Number(number) => number.to_string(),
        ExprKind::Name(name) => name.clone(),
        ExprKind::Raw(name) => format!("raw:{}", name.node),
        ExprKind::Set(entries) => format!("{{{}}}", list(entries, self::expression)),
        ExprKind::Unary(operator, operand) => {
            let sign = match operator.node {
                UnaryOp::Not => "!",
                UnaryOp::Minus => "-",
                UnaryOp::Invert => "~",
            };
            format!("({sign} {})", self::expression(operand))
        }
        ExprKind::Binary(operator, left, right) => {
            format!("({} {} {})", self::expression(left), binary(operator.node), self::expression(right))
        }
    }
}

fn binary(operator: BinaryOp) -> &'static str {
    match operator {
        BinaryOp::BitAnd => "&",
        BinaryOp::BitOr => "|",
        BinaryOp::Range => "..",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::In => "in",
        BinaryOp::Has => "has",
        BinaryOp::Lacks => "lacks",
        BinaryOp::And => "&&",
        BinaryOp::Or => "||",
    }
}
