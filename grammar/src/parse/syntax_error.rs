//! The place where pest stopped, as a finding: first the mistakes people make often, each with its cure, then "found
//! this, expected that".

use pest::error::{ErrorVariant, InputLocation};

use super::Rule;
use super::expected::expected;
use super::explain::{empty_entry, suggestion};
use super::report::Report;
use super::scan::{shown, skip_blanks, word_length};
use super::words::{self, VERBS};
use crate::{Diagnostic, codes};

/// What pest reports.
pub(super) type SyntaxError = pest::error::Error<Rule>;

/// What pest found, as a finding. `slice` starts at byte `base` of the text and was parsed as `rule`.
pub(super) fn syntax_error(slice: &str, base: usize, rule: Rule, error: &SyntaxError, report: &Report) -> Diagnostic {
    let at = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    };
    let at = skip_blanks(slice, at.min(slice.len()));
    let tried = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => positives.as_slice(),
        ErrorVariant::CustomError { .. } => &[],
    };
    let problem = Problem { slice, base, at, rule, tried, report };
    problem.frequent_mistake().unwrap_or_else(|| problem.found_and_expected())
}

/// A place where parsing stopped.
struct Problem<'a> {
    slice: &'a str,
    base: usize,
    /// Where in `slice`.
    at: usize,
    /// What `slice` was parsed as.
    rule: Rule,
    /// The rules that would have gone on here.
    tried: &'a [Rule],
    report: &'a Report,
}

impl Problem<'_> {
    fn rest(&self) -> &str {
        &self.slice[self.at..]
    }

    fn before(&self) -> &str {
        self.slice[..self.at].trim_end()
    }

    fn error(&self, length: usize, code: &'static str, message: impl Into<String>, label: &str) -> Diagnostic {
        let start = self.base + self.at;
        Diagnostic::error(code, message).at(self.report.span(start, start + length), label)
    }

    /// Whether an expression could go on with an operator here.
    fn wants_operator(&self) -> bool {
        self.tried.iter().any(|rule| matches!(rule, Rule::equal | Rule::and | Rule::range | Rule::bit_and))
    }

    fn wants_operand(&self) -> bool {
        self.tried.iter().any(|rule| matches!(rule, Rule::expression | Rule::operand_name | Rule::number | Rule::set))
    }

    fn frequent_mistake(&self) -> Option<Diagnostic> {
        self.at_the_end()
            .or_else(|| self.in_a_verb())
            .or_else(|| self.in_a_guard())
            .or_else(|| self.in_a_condition())
            .or_else(|| self.in_a_name())
    }

    fn at_the_end(&self) -> Option<Diagnostic> {
        if !self.rest().is_empty() {
            return None;
        }
        if self.before().ends_with(',') {
            return Some(empty_entry(self.base + self.at, true, self.report));
        }
        None
    }

    fn in_a_verb(&self) -> Option<Diagnostic> {
        let rest = self.rest();
        let before = self.before();
        let verb = before.rsplit(|character: char| !character.is_ascii_alphanumeric() && character != '-').next()?;
        if self.tried == [Rule::open] && verb == "errno" {
            let end = self.base + before.len();
            return Some(
                Diagnostic::error(codes::VERB_NEEDS_VALUE, "`errno` does not say which error")
                    .at(self.report.span(end - verb.len(), end), "")
                    .help("write `errno(ENOSYS)` or `errno(38)`; `deny` is errno(EPERM)"),
            );
        }
        let word = words::leading_word(rest);
        if self.tried.contains(&Rule::verb) && !before.is_empty() && !word.is_empty() {
            return Some(self.unknown_verb(word.len(), word, suggestion(word).filter(|word| words::is_verb(word))));
        }
        if self.rule == Rule::verb_alone && verb == "kill" && matches!(word, "thread" | "process") {
            let meant = if word == "thread" { "kill-thread" } else { "kill" };
            return Some(self.unknown_verb(word.len(), &format!("kill {word}"), Some(meant)));
        }
        let takes_none = matches!(verb, "allow" | "deny" | "kill" | "kill-thread" | "log" | "notify");
        let after_verb = self.rule == Rule::verb_alone || before.ends_with(&format!("=> {verb}"));
        if takes_none && after_verb && rest.starts_with('(') {
            let help = if verb == "deny" {
                "`deny` is errno(EPERM); write `errno(NAME)` for another error".to_owned()
            } else {
                format!("write `{verb}` alone; conditions stand behind a call, `{verb}: socket(family == AF_UNIX)`")
            };
            return Some(self.error(1, codes::VERB_TAKES_NO_VALUE, format!("`{verb}` takes no value"), "").help(help));
        }
        None
    }

    fn unknown_verb(&self, length: usize, written: &str, meant: Option<&str>) -> Diagnostic {
        let unknown = self.error(length, codes::UNKNOWN_VERB, format!("`{}` is no verb", shown(written)), "");
        match meant {
            Some(meant) => unknown.help(format!("did you mean `{meant}`?")),
            None => unknown.help(format!("the verbs are {}", VERBS.join(", "))),
        }
    }

    fn in_a_guard(&self) -> Option<Diagnostic> {
        let rest = self.rest();
        if self.rule != Rule::when_alone {
            return None;
        }
        let word = words::leading_word(rest);
        let joins: &[(&str, &str)] = &[
            ("&&", "write `and`"),
            (",", "write `and`"),
            ("||", "write two `when` blocks"),
            ("or", "write two `when` blocks"),
            ("!", "write `not`"),
        ];
        let found = if word.is_empty() { rest } else { word };
        let is_found = |join: &str| if word.is_empty() { found.starts_with(join) } else { found == join };
        let (join, help) = joins.iter().find(|(join, _)| is_found(join))?;
        let length = join.len();
        Some(self.error(length, codes::GUARD_OPERATOR, "the tests of a `when` are joined by `and`", "").help(*help))
    }

    fn in_a_condition(&self) -> Option<Diagnostic> {
        let rest = self.rest();
        let word = words::leading_word(rest);
        if self.wants_operator() || self.wants_operand() {
            if matches!(word, "and" | "or" | "not") {
                let operator = match word {
                    "and" => "&&",
                    "or" => "||",
                    _ => "!",
                };
                let message = format!("conditions are joined by operators, not by the word `{word}`");
                return Some(
                    self.error(word.len(), codes::WORD_OPERATOR, message, "").help(format!("write `{operator}`")),
                );
            }
            if rest.starts_with('=') && self.wants_operator() {
                let message = "`=` compares nothing";
                return Some(self.error(1, codes::SINGLE_EQUALS, message, "").help("write `==`"));
            }
            let arithmetic = ["<<", ">>", "+", "*", "/", "%", "^"].into_iter().find(|sign| rest.starts_with(sign));
            let arithmetic = arithmetic.or_else(|| (self.wants_operator() && rest.starts_with('-')).then_some("-"));
            if let Some(sign) = arithmetic {
                let message = format!("the language has no `{sign}`");
                return Some(
                    self.error(sign.len(), codes::NO_ARITHMETIC, message, "")
                        .help("write the result; masks are `&` and `|`"),
                );
            }
        }
        if rest.starts_with('[') && self.wants_operand() {
            let message = "a set is written with braces";
            return Some(self.error(1, codes::SQUARE_BRACKET, message, "").help("write `{…}`"));
        }
        None
    }

    fn in_a_name(&self) -> Option<Diagnostic> {
        let rest = self.rest();
        let first = rest.chars().next()?;
        if matches!(first, '\'' | '`' | '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}') {
            let message = "strings stand in straight double quotes";
            return Some(
                self.error(first.len_utf8(), codes::QUOTE_CHARACTER, message, "")
                    .help("write `\"…\"` for a path; names need no quotes"),
            );
        }
        if first == '"' && !self.tried.contains(&Rule::string) && !self.tried.contains(&Rule::use_target) {
            let length = rest[1..].find('"').map_or(1, |end| end + 2);
            return Some(
                self.error(length, codes::QUOTED_NAME, "names stand without quotes", "").help("delete the quotes"),
            );
        }
        if first == '(' && self.rule == Rule::target_alone {
            let message = "only a system call by name or number takes a condition";
            return Some(
                self.error(1, codes::CONDITION_WITHOUT_CALL, message, "")
                    .help("name the calls: `allow: socket(family == AF_UNIX)`"),
            );
        }
        let after_name = self.slice[..self.at].ends_with(|last: char| last.is_ascii_alphanumeric());
        if first == '-' && after_name && rest[1..].starts_with(|next: char| next.is_ascii_alphanumeric()) {
            let message = "a name has letters, digits and `_`, no dash";
            return Some(self.error(1, codes::DASH_IN_NAME, message, "").help("write `_`"));
        }
        let path = self.tried.contains(&Rule::string) || self.tried.contains(&Rule::use_target);
        if path && (first.is_ascii_alphanumeric() || matches!(first, '/' | '.' | '_')) {
            let length = rest.find([',', ' ', '\t', '\n']).unwrap_or(rest.len());
            let written = shown(&rest[..length]);
            let help = if self.tried.contains(&Rule::use_target) {
                format!("write `\"{written}\"` for a file, `@{written}` for a shipped policy")
            } else {
                format!("write `\"{written}\"`")
            };
            return Some(self.error(length, codes::MISSING_QUOTES, "a path stands in quotes", "").help(help));
        }
        let version = self.tried.contains(&Rule::version);
        if version && (first.is_ascii_digit() || first == '"' || first == 'v') {
            return Some(
                self.error(word_length(rest), codes::BAD_VERSION, "a kernel version is MAJOR.MINOR", "")
                    .help("write 6.12 for instance"),
            );
        }
        None
    }

    fn found_and_expected(&self) -> Diagnostic {
        let expected = expected(self.tried, self.rule);
        if self.rest().is_empty() {
            let end = self.base + self.before().len();
            let finding = Diagnostic::error(codes::UNEXPECTED_END, format!("this ends too early; expected {expected}"))
                .at(self.report.span(end, end), "");
            return if self.tried.contains(&Rule::arrow) {
                finding.help("say what must happen, `expect: read => allow` for instance")
            } else {
                finding
            };
        }
        let length = word_length(self.rest());
        let found = describe(&self.rest()[..length]);
        let unexpected = self
            .error(length, codes::UNEXPECTED_TEXT, format!("unexpected {found}"), "")
            .because(format!("expected {expected}"));
        let is_word =
            self.rest().starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_' || first == '@');
        if is_word && !self.wants_operator() && self.tried.iter().any(|rule| matches!(rule, Rule::comma | Rule::EOI)) {
            return unexpected.help("separate two entries with a comma; a new statement goes on its own line");
        }
        if self.rest().starts_with(',') && words::leading_word(self.slice) == "let" {
            return unexpected.help("several values are a set, `{1, 2}`");
        }
        unexpected
    }
}

fn describe(found: &str) -> String {
    match found.chars().next() {
        Some(character) if character.is_control() || (character.is_whitespace() && character != ' ') => {
            format!("character U+{:04X}", u32::from(character))
        }
        _ => format!("`{}`", shown(found)),
    }
}
