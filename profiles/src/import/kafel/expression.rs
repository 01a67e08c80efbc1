//! kafel's expressions: conditions on arguments, and values made of their bits.

use callgate_grammar::{Diagnostic, Span};

use super::lexer::{Kind, Token};
use super::parser::{Parser, Result};
use super::word::Operator;

/// An expression; whether it is a condition or a value shows in its kind.
pub(super) enum Node {
    Number(u64),
    Argument(String, Span),
    BitOr(Vec<Node>),
    BitAnd(Vec<Node>),
    Compare(Operator, Box<Node>, Box<Node>, Span),
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
}

impl Node {
    pub(super) fn is_condition(&self) -> bool {
        matches!(self, Self::Compare(..) | Self::Not(_) | Self::And(_) | Self::Or(_))
    }
}

/// Brackets and `!` inside each other. The language reads 64, and the conditions here are put into brackets of their own.
const DEPTH: usize = 48;

impl Parser<'_> {
    /// What stands between the braces of a call.
    pub(super) fn condition_list(&mut self) -> Result<Node> {
        self.or(0)
    }

    /// `a || b`, and `a, b`, which is the same.
    fn or(&mut self, depth: usize) -> Result<Node> {
        let mut parts = vec![self.and(depth)?];
        while parts[0].is_condition() && (self.take_sign("||") || self.take_sign(",")) {
            parts.push(self.condition(depth)?);
        }
        Ok(only(parts, Node::Or))
    }

    /// An `and` that must be a condition.
    fn condition(&mut self, depth: usize) -> Result<Node> {
        let node = self.and(depth)?;
        if node.is_condition() { Ok(node) } else { self.wrong("compare the value with something: `fd == 1`") }
    }

    fn and(&mut self, depth: usize) -> Result<Node> {
        let mut parts = vec![self.compare(depth)?];
        while parts[0].is_condition() && self.take_sign("&&") {
            let part = self.compare(depth)?;
            if !part.is_condition() {
                return self.wrong("compare the value with something: `fd == 1`");
            }
            parts.push(part);
        }
        Ok(only(parts, Node::And))
    }

    fn compare(&mut self, depth: usize) -> Result<Node> {
        if depth > DEPTH {
            return Err(Box::new(
                Diagnostic::error("nesting-too-deep", format!("more than {DEPTH} brackets inside each other"))
                    .at(self.place(), "")
                    .help("split the condition"),
            ));
        }
        let start = self.place();
        if self.take_sign("!") {
            let inner = self.compare(depth + 1)?;
            return if inner.is_condition() {
                Ok(Node::Not(Box::new(inner)))
            } else {
                self.wrong("`!` turns a comparison round: `!(fd == 1)`")
            };
        }
        let left = self.bit_or(depth)?;
        let operator = Operator::ALL.into_iter().find(|(sign, _)| self.is_sign(sign));
        let Some((_, operator)) = operator.filter(|_| !left.is_condition()) else { return Ok(left) };
        self.at += 1;
        let right = self.bit_or(depth)?;
        if right.is_condition() {
            return self.wrong("compare with a value");
        }
        let end = self.tokens.get(self.at - 1).map_or(start, |token| token.span);
        // The two sides may come from different files only when an include stands between them.
        let whole =
            if end.source == start.source && end.end >= start.start { Span { end: end.end, ..start } } else { start };
        Ok(Node::Compare(operator, Box::new(left), Box::new(right), whole))
    }

    fn bit_or(&mut self, depth: usize) -> Result<Node> {
        let mut parts = vec![self.bit_and(depth)?];
        while !parts[0].is_condition() && self.take_sign("|") {
            parts.push(self.bit_and(depth)?);
        }
        self.values(parts, Node::BitOr)
    }

    fn bit_and(&mut self, depth: usize) -> Result<Node> {
        let mut parts = vec![self.operand(depth)?];
        while !parts[0].is_condition() && self.take_sign("&") {
            parts.push(self.operand(depth)?);
        }
        self.values(parts, Node::BitAnd)
    }

    fn values(&self, parts: Vec<Node>, of: impl Fn(Vec<Node>) -> Node) -> Result<Node> {
        if parts.len() > 1 && parts.iter().any(Node::is_condition) {
            return self.wrong("`&` and `|` join values; conditions are joined by `&&` and `||`");
        }
        Ok(only(parts, of))
    }

    fn operand(&mut self, depth: usize) -> Result<Node> {
        if self.take_sign("(") {
            let node = self.or(depth + 1)?;
            self.sign(")")?;
            return Ok(node);
        }
        if matches!(self.tokens.get(self.at), Some(Token { kind: Kind::Number(_), .. })) {
            return Ok(Node::Number(self.number()?));
        }
        let (name, span) = self.identifier("write a number, a constant or an argument")?;
        Ok(self.constants.get(&name).map_or_else(|| Node::Argument(name, span), |&value| Node::Number(value)))
    }
}

/// One part alone, or all of them joined.
fn only(mut parts: Vec<Node>, join: impl Fn(Vec<Node>) -> Node) -> Node {
    if parts.len() == 1 { parts.remove(0) } else { join(parts) }
}
