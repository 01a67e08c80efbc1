//! Values, sets and conditions: one grammar, one table of precedence.

use std::sync::LazyLock;

use pest::pratt_parser::{Assoc, Op, PrattParser};

use super::Rule;
use super::build::{Builder, Pair, part};
use crate::tree::{BinaryOp, Expr, ExprKind, UnaryOp};
use crate::{Diagnostic, Span, Spanned, codes};

/// Operators one expression may chain, counted along the deepest path; the tree is as high as that.
pub(crate) const MOST_OPERATORS: usize = 512;

/// Loosest first.
static PRECEDENCE: LazyLock<PrattParser<Rule>> = LazyLock::new(|| {
    let infix = |rule| Op::infix(rule, Assoc::Left);
    PrattParser::new()
        .op(infix(Rule::or))
        .op(infix(Rule::and))
        .op(Op::prefix(Rule::not))
        .op(infix(Rule::equal)
            | infix(Rule::not_equal)
            | infix(Rule::less)
            | infix(Rule::less_equal)
            | infix(Rule::greater)
            | infix(Rule::greater_equal)
            | infix(Rule::r#in)
            | infix(Rule::has)
            | infix(Rule::lacks))
        .op(infix(Rule::range))
        .op(infix(Rule::bit_or))
        .op(infix(Rule::bit_and))
        .op(Op::prefix(Rule::minus) | Op::prefix(Rule::invert))
});

/// An expression, and whether parentheses keep it apart from its neighbours.
struct Operand {
    expression: Expr,
    parenthesized: bool,
}

impl Operand {
    fn bare(expression: Expr) -> Self {
        Self { expression, parenthesized: false }
    }
}

impl Builder<'_> {
    /// An `expression`. `above` is how many operators stand above it in the tree.
    pub(super) fn expression(&self, pair: Pair<'_>, above: usize) -> Expr {
        self.operators(pair, above).expression
    }

    fn operators(&self, pair: Pair<'_>, above: usize) -> Operand {
        let span = self.span(&pair);
        let parts = pair.into_inner();
        let height = above + parts.len();
        if self.is_too_high(height, span) {
            return Operand::bare(Spanned::new(ExprKind::Number(0), span));
        }
        PRECEDENCE
            .map_primary(|primary| self.operand(primary, height))
            .map_prefix(|operator, operand| {
                let kind = match operator.as_rule() {
                    Rule::not => UnaryOp::Not,
                    Rule::minus => UnaryOp::Minus,
                    _ => UnaryOp::Invert,
                };
                let operator = Spanned::new(kind, self.span(&operator));
                let span = operator.span.to(operand.expression.span);
                Operand::bare(Spanned::new(ExprKind::Unary(operator, Box::new(operand.expression)), span))
            })
            .map_infix(|left, operator, right| {
                let operator = Spanned::new(binary_operator(operator.as_rule()), self.span(&operator));
                self.refuse_chain(&left, &operator);
                Operand::bare(binary(left.expression, operator, right.expression))
            })
            .parse(parts)
    }

    /// Reports a tree that would be too high. Operands and operators alternate, so half of the parts are operators.
    fn is_too_high(&self, parts: usize, span: Span) -> bool {
        let too_high = parts > 2 * MOST_OPERATORS;
        if too_high {
            self.report.push(
                Diagnostic::error(
                    codes::EXPRESSION_TOO_LONG,
                    format!("this expression has more than {MOST_OPERATORS} operators"),
                )
                .at(Span { end: span.start, ..span }, "it starts here")
                .help("use `in {…}`, or write several statements"),
            );
        }
        too_high
    }

    fn operand(&self, pair: Pair<'_>, above: usize) -> Operand {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::number => ExprKind::Number(self.number(&pair)),
            Rule::operand_name => ExprKind::Name(pair.as_str().to_owned()),
            Rule::raw => {
                let mut parts = pair.into_inner().filter(|part| part.as_rule() == Rule::name);
                ExprKind::Raw(self.name(&part(&mut parts)))
            }
            Rule::set => ExprKind::Set(
                pair.into_inner()
                    .filter(|part| part.as_rule() == Rule::expression)
                    .map(|entry| self.expression(entry, above + 1))
                    .collect(),
            ),
            _ => return Operand { expression: self.parenthesized(pair, above), parenthesized: true },
        };
        Operand::bare(Spanned::new(kind, span))
    }

    /// `( a, b, c )`: the commas are `&&`. The span includes the parentheses.
    fn parenthesized(&self, pair: Pair<'_>, above: usize) -> Expr {
        let span = self.span(&pair);
        let parts = pair.into_inner();
        let above = above + parts.len();
        if self.is_too_high(above, span) {
            return Spanned::new(ExprKind::Number(0), span);
        }
        let mut whole: Option<Expr> = None;
        let mut comma = None;
        for piece in parts {
            match piece.as_rule() {
                Rule::comma => comma = Some(Spanned::new(BinaryOp::And, self.span(&piece))),
                Rule::expression => {
                    let next = self.expression(piece, above);
                    whole = Some(match (whole, comma.take()) {
                        (Some(left), Some(operator)) => binary(left, operator, next),
                        _ => next,
                    });
                }
                _ => {}
            }
        }
        // The grammar asks for at least one expression; a number keeps this total.
        let kind = whole.map_or(ExprKind::Number(0), |whole| whole.node);
        Spanned::new(kind, span)
    }

    /// `a < b < c` and `a..b..c` have no meaning that everyone would guess.
    fn refuse_chain(&self, left: &Operand, operator: &Spanned<BinaryOp>) {
        let ExprKind::Binary(before, ..) = &left.expression.node else { return };
        if left.parenthesized {
            return;
        }
        if is_comparison(before.node) && is_comparison(operator.node) {
            self.report.push(
                Diagnostic::error(codes::COMPARISON_CHAIN, "comparisons can't be chained")
                    .at(operator.span, "the second comparison")
                    .at(before.span, "the first")
                    .help("compare twice and join with `&&`, or write `in a..b`"),
            );
        }
        if before.node == BinaryOp::Range && operator.node == BinaryOp::Range {
            self.report.push(
                Diagnostic::error(codes::RANGE_CHAIN, "a range has two ends")
                    .at(operator.span, "a third is not possible")
                    .at(before.span, "the range")
                    .help("list several ranges in a set, {1..3, 5..9}"),
            );
        }
    }
}

fn binary(left: Expr, operator: Spanned<BinaryOp>, right: Expr) -> Expr {
    let span = left.span.to(right.span);
    Spanned::new(ExprKind::Binary(operator, Box::new(left), Box::new(right)), span)
}

fn is_comparison(operator: BinaryOp) -> bool {
    use BinaryOp::{Eq, Ge, Gt, Has, In, Lacks, Le, Lt, Ne};
    matches!(operator, Eq | Ne | Lt | Le | Gt | Ge | In | Has | Lacks)
}

/// The operator a rule of `infix` stands for.
pub(super) fn binary_operator(rule: Rule) -> BinaryOp {
    match rule {
        Rule::or => BinaryOp::Or,
        Rule::and => BinaryOp::And,
        Rule::equal => BinaryOp::Eq,
        Rule::not_equal => BinaryOp::Ne,
        Rule::less => BinaryOp::Lt,
        Rule::less_equal => BinaryOp::Le,
        Rule::greater => BinaryOp::Gt,
        Rule::greater_equal => BinaryOp::Ge,
        Rule::r#in => BinaryOp::In,
        Rule::has => BinaryOp::Has,
        Rule::lacks => BinaryOp::Lacks,
        Rule::range => BinaryOp::Range,
        Rule::bit_or => BinaryOp::BitOr,
        Rule::bit_and => BinaryOp::BitAnd,
        other => unreachable!("gate.pest has no infix operator {other:?}"),
    }
}
