//! Every diagnostic code of this crate. Codes are stable: tests, editors and scripts match on them.

macro_rules! codes {
    ($($(#[$docs:meta])* $name:ident = $code:literal;)*) => {
        $($(#[$docs])* pub const $name: &str = $code;)*
        /// All of them, in the order of this page.
        pub const ALL: &[&str] = &[$($code),*];
    };
}

codes! {
    /// The text has 4 GiB or more; places in it are 32-bit numbers.
    TEXT_TOO_LARGE = "text-too-large";
    /// A single statement is longer than 1 MiB.
    STATEMENT_TOO_LONG = "statement-too-long";
    /// Brackets and blocks are nested more than 64 deep.
    NESTING_TOO_DEEP = "nesting-too-deep";
    /// One expression chains more than 512 operators.
    EXPRESSION_TOO_LONG = "expression-too-long";
    /// 1,000 errors; the rest of the text was not read.
    TOO_MANY_ERRORS = "too-many-errors";
    /// The text is a JSON document, not a policy.
    LOOKS_LIKE_JSON = "looks-like-json";
    /// A character that makes the text look different from what it is: bidirectional controls, a lone carriage return.
    HIDDEN_CHARACTER = "hidden-character";
    /// `(` or `{` without its other half.
    UNCLOSED_BRACKET = "unclosed-bracket";
    /// `)` or `}` without its other half.
    UNMATCHED_BRACKET = "unmatched-bracket";
    /// A string without its closing `"`.
    UNCLOSED_STRING = "unclosed-string";
    /// A backslash in a string before something other than `"` and `\`.
    BAD_ESCAPE = "bad-escape";
    /// A `;`: statements end at the end of the line.
    SEMICOLON = "semicolon";
    /// Text after the `}` of a block.
    MISSING_NEWLINE = "missing-newline";
    /// A list of targets without a verb before it.
    MISSING_VERB = "missing-verb";
    /// A verb or keyword without its `:`.
    MISSING_COLON = "missing-colon";
    /// The word before `:` or `{` starts no statement.
    UNKNOWN_VERB = "unknown-verb";
    /// `errno` without the error it returns.
    VERB_NEEDS_VALUE = "verb-needs-value";
    /// A value on a verb that has none, `deny(EPERM)`.
    VERB_TAKES_NO_VALUE = "verb-takes-no-value";
    /// Nothing after the `:`.
    EMPTY_LIST = "empty-list";
    /// Nothing between two commas.
    EMPTY_ENTRY = "empty-entry";
    /// A comma after the last entry of a statement.
    TRAILING_COMMA = "trailing-comma";
    /// `when … { }` with nothing inside.
    EMPTY_BLOCK = "empty-block";
    /// A `when` without its `{ … }`.
    MISSING_BLOCK = "missing-block";
    /// `{ … }` without its `when`.
    MISSING_WHEN = "missing-when";
    /// `=` where `==` was meant.
    SINGLE_EQUALS = "single-equals";
    /// `and`, `or`, `not` in a condition instead of `&&`, `||`, `!`.
    WORD_OPERATOR = "word-operator";
    /// `&&`, `||`, `!`, `,` or `or` between the tests of a `when`.
    GUARD_OPERATOR = "guard-operator";
    /// `a < b < c`.
    COMPARISON_CHAIN = "comparison-chain";
    /// `a..b..c`.
    RANGE_CHAIN = "range-chain";
    /// `[ … ]` where a set is written `{ … }`.
    SQUARE_BRACKET = "square-bracket";
    /// `'` or a typographic quote instead of `"`.
    QUOTE_CHARACTER = "quote-character";
    /// A path without quotes.
    MISSING_QUOTES = "missing-quotes";
    /// A name in quotes.
    QUOTED_NAME = "quoted-name";
    /// `+`, `*`, `<<` and their like: the language has masks but no arithmetic.
    NO_ARITHMETIC = "no-arithmetic";
    /// Digits that make no number.
    BAD_NUMBER = "bad-number";
    /// A number over 2⁶⁴ − 1.
    NUMBER_TOO_LARGE = "number-too-large";
    /// A kernel version that is not `MAJOR.MINOR`.
    BAD_VERSION = "bad-version";
    /// A condition on `all`, `unknown` or a group.
    CONDITION_WITHOUT_CALL = "condition-without-call";
    /// `open-at` for `open_at`.
    DASH_IN_NAME = "dash-in-name";
    /// Something that can't stand there.
    UNEXPECTED_TEXT = "unexpected-text";
    /// The text ends where more was needed.
    UNEXPECTED_END = "unexpected-end";
}
