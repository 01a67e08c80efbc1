//! The syntax tree: what was written, with its place, and nothing about what it means.
//!
//! The tree is faithful to the text: names are not looked up, numbers are not fitted to a parameter, a value where a
//! condition should stand is still an [`Expr`]. The compiler decides what is sense.

use crate::{Span, Spanned};

/// A name as written: a system call, a parameter, a constant, an ABI, a capability.
pub type Name = Spanned<String>;

/// One source text, parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// The statements that could be read, in the order written. The order carries no meaning.
    pub statements: Vec<Statement>,
    /// Every comment, from `#` to before the end of its line.
    pub comments: Vec<Span>,
}

/// One statement and the text it covers (without the newline that ends it).
pub type Statement = Spanned<StatementKind>;

/// The forms of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatementKind {
    /// `arch: x86_64, aarch64`
    Arch(Vec<Name>),
    /// `known: 6.12`
    Known(Spanned<Version>),
    /// `use: @glibc, "base/glibc.gate"`
    Use(Vec<Spanned<UseTarget>>),
    /// `let PUBLIC = {AF_UNIX, AF_INET}`
    Let {
        /// What is defined.
        name: Name,
        /// What it stands for.
        value: Expr,
    },
    /// `allow: read, socket(family == AF_UNIX)`
    Rule {
        /// What happens.
        verb: Spanned<Verb>,
        /// To what.
        targets: Vec<Target>,
    },
    /// `when cap SYS_ADMIN and not arch s390x { allow: mount }`
    When {
        /// All of these must hold.
        guards: Vec<Spanned<Guard>>,
        /// What is said then.
        body: Vec<Statement>,
    },
    /// `expect on x86_64: read => allow`
    Expect {
        /// The ABIs it is about; empty means every target ABI that has the call.
        on: Vec<Name>,
        /// The calls, one or more: `expect: read, write => allow`.
        calls: Vec<Call>,
        /// What must happen.
        verb: Spanned<Verb>,
    },
    /// `flags: LOG, SPEC_ALLOW`
    Flags(Vec<Name>),
    /// `listener: "/run/x.sock"`
    Listener(Spanned<String>),
    /// `listener-metadata: "web"`
    ListenerMetadata(Spanned<String>),
}

/// A kernel version, `6.12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The 6 of 6.12.
    pub major: u16,
    /// The 12 of 6.12.
    pub minor: u16,
}

/// What `use:` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UseTarget {
    /// `@glibc`, without the `@`.
    Shipped(String),
    /// `"base/glibc.gate"`, unquoted.
    Path(String),
}

/// What a statement does with the calls it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `allow`
    Allow,
    /// `deny`, which is `errno(EPERM)`
    Deny,
    /// `errno(ENOSYS)` or `errno(38)`
    Errno(Spanned<NameOrNumber>),
    /// `kill`: the process
    Kill,
    /// `kill-thread`
    KillThread,
    /// `trap` or `trap(n)`
    Trap(Option<Spanned<u64>>),
    /// `trace(n)`; `trace` alone is `trace(0)` and is kept apart
    Trace(Option<Spanned<u64>>),
    /// `log`
    Log,
    /// `notify`
    Notify,
}

/// A constant by name, or a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameOrNumber {
    /// `ENOSYS`
    Name(String),
    /// `38`
    Number(u64),
}

/// One entry of a rule's list, and the text it covers.
pub type Target = Spanned<TargetKind>;

/// The forms of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// `read`, `41`, `socket(family == AF_UNIX)`
    Call(Call),
    /// `@signals`, without the `@`
    Group(String),
    /// `all`
    All,
    /// `unknown`
    Unknown,
    /// `arch x86`, `arch other`
    Arch(Name),
}

/// A system call by name or number, with what is in its parentheses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `socket` or `41`.
    pub callee: Spanned<NameOrNumber>,
    /// The expressions between the parentheses, separated by top-level commas. `None` without parentheses.
    ///
    /// In a rule they are conditions that must all hold; in `expect` and `eval` either that or positional values.
    pub arguments: Option<Vec<Expr>>,
    /// All of it.
    pub span: Span,
}

/// One test of a `when`, possibly negated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// `not` before it.
    pub negated: bool,
    /// The test.
    pub kind: GuardKind,
}

/// What a guard looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuardKind {
    /// `cap SYS_ADMIN`; `CAP_SYS_ADMIN` is the same and is kept as written
    Cap(Name),
    /// `arch s390x`
    Arch(Name),
    /// `kernel >= 4.8`
    Kernel(Spanned<BinaryOp>, Spanned<Version>),
}

/// An expression and the text it covers: a value, a set, or a condition.
pub type Expr = Spanned<ExprKind>;

/// The forms of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExprKind {
    /// `41`, `0x29`, `0o51`, `0b101001`. A minus sign is a [`UnaryOp`].
    Number(u64),
    /// A parameter, a constant or a `let`; which one is not the grammar's to know.
    Name(String),
    /// `raw(arg1)`: the parameter's name inside.
    Raw(Name),
    /// `{AF_UNIX, 3, 5..9}`; entries are values or ranges.
    Set(Vec<Expr>),
    /// An operator before its operand.
    Unary(Spanned<UnaryOp>, Box<Expr>),
    /// An operator between its operands.
    Binary(Spanned<BinaryOp>, Box<Expr>, Box<Expr>),
}

/// Operators before a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `!`: not (of a condition)
    Not,
    /// `-`: two's complement negation
    Minus,
    /// `~`: all bits flipped
    Invert,
}

/// Operators between two expressions, tightest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BinaryOp {
    /// `&`
    BitAnd,
    /// `|`
    BitOr,
    /// `a..b`, both ends in
    Range,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `in`
    In,
    /// `has`: all these bits
    Has,
    /// `lacks`: none of these bits
    Lacks,
    /// `&&`, and the comma inside parentheses
    And,
    /// `||`
    Or,
}
