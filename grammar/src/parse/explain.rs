//! Why a statement can't be parsed, in the author's words.
//!
//! pest says how far it came and which rules it tried there. This file turns that into a finding: first the mistakes
//! people make often, each with its cure, then "found this, expected that". Rule names never leave it.

use std::ops::Range;

use pest::Parser as _;
use pest::error::{ErrorVariant, InputLocation};

use super::build::{Builder, part};
use super::report::Report;
use super::words::{self, KEYWORDS, SYNONYMS, VERBS};
use super::{Gate, Rule};
use crate::{Diagnostic, codes, did_you_mean};

type SyntaxError = pest::error::Error<Rule>;

/// Reports every error of a statement that starts at byte `base` of the text.
pub(super) fn statement(slice: &str, base: usize, error: &SyntaxError, report: &Report) {
    let head = words::leading_word(slice);
    let colon = top_level(slice, ':').next();
    if words::is_verb(head) {
        match colon {
            Some(colon) => rule_parts(slice, base, colon, error, report),
            None => report.push(missing_colon(slice, base, head, report)),
        }
    } else if head == "when" {
        report.push(
            Diagnostic::error(codes::MISSING_BLOCK, "this `when` has no block")
                .at(report.span(base, base + slice.len()), "")
                .help("end the line with `{`, write the statements below it, and close with `}`"),
        );
    } else if KEYWORDS.contains(&head) {
        let needs_colon = head != "let" && colon.is_none();
        let is_empty = colon.is_some_and(|colon| skip_blanks(slice, colon + 1) == slice.len());
        report.push(match colon {
            _ if needs_colon => missing_colon(slice, base, head, report),
            Some(colon) if is_empty => empty_list(base, head, colon, report),
            _ => syntax_error(slice, base, Rule::statement_alone, error, report),
        });
    } else {
        report.push(unknown_start(slice, base, head, colon, error, report));
        let known = colon.filter(|_| suggestion(head).is_some_and(words::is_verb));
        if let Some(colon) = known {
            targets(slice, base, colon, report);
        }
    }
}

/// What is wrong with the text before a `{` that opens a block without `when`.
pub(super) fn block_head(text: &str, head: &Range<usize>, brace: usize, report: &Report) -> Diagnostic {
    let word = words::leading_word(&text[head.clone()]);
    if suggestion(word) == Some("when") {
        return Diagnostic::error(codes::UNKNOWN_VERB, format!("a statement can't start with `{}`", shown(word)))
            .at(report.span(head.start, head.start + word.len()), "")
            .help("did you mean `when`?");
    }
    Diagnostic::error(codes::MISSING_WHEN, "a block needs a `when` before its `{`")
        .at(report.span(brace, brace + 1), "this opens a block")
        .help("write `when cap SYS_ADMIN { … }`, or `verb: targets` without brackets")
}

/// The head and each target of `verb: targets` by themselves, so that all their errors are found.
fn rule_parts(slice: &str, base: usize, colon: usize, error: &SyntaxError, report: &Report) {
    let before = report.count();
    let head = slice[..colon].trim_end();
    if let Err(error) = Gate::parse(Rule::verb_alone, head) {
        report.push(syntax_error(head, base, Rule::verb_alone, &error, report));
    }
    targets(slice, base, colon, report);
    if report.count() == before {
        report.push(syntax_error(slice, base, Rule::statement_alone, error, report));
    }
}

fn targets(slice: &str, base: usize, colon: usize, report: &Report) {
    let first = colon + 1;
    if skip_blanks(slice, first) == slice.len() {
        report.push(empty_list(base, words::leading_word(slice), colon, report));
        return;
    }
    let commas: Vec<usize> = top_level(slice, ',').filter(|&at| at >= first).collect();
    let starts = std::iter::once(first).chain(commas.iter().map(|comma| comma + 1));
    let ends = commas.iter().copied().chain(std::iter::once(slice.len()));
    for (start, end) in starts.zip(ends) {
        let start = skip_blanks(slice, start).min(end);
        let target = slice[start..end].trim_end();
        if target.is_empty() {
            report.push(empty_entry(base + start, end == slice.len(), report));
            continue;
        }
        match Gate::parse(Rule::target_alone, target) {
            Ok(mut pairs) => {
                Builder::new(report, base + start).target(part(&mut pairs));
            }
            Err(error) => report.push(syntax_error(target, base + start, Rule::target_alone, &error, report)),
        }
    }
}

fn empty_entry(at: usize, is_last: bool, report: &Report) -> Diagnostic {
    let comma = report.span(at.saturating_sub(1), at);
    if is_last {
        return Diagnostic::error(codes::TRAILING_COMMA, "a statement can't end with a comma")
            .at(report.span(at, at), "another entry is expected here")
            .help("delete the comma, or add an entry");
    }
    Diagnostic::error(codes::EMPTY_ENTRY, "nothing stands before this comma")
        .at(report.span(at, at + 1).to(comma), "")
        .help("delete one comma")
}

fn empty_list(base: usize, head: &str, colon: usize, report: &Report) -> Diagnostic {
    let example = match head {
        "arch" => "arch: x86_64, aarch64",
        "known" => "known: 6.12",
        "use" => "use: @glibc",
        "expect" => "expect: read => allow",
        "flags" => "flags: LOG",
        "listener" => "listener: \"/run/callgate.sock\"",
        _ => "allow: read, write",
    };
    Diagnostic::error(codes::EMPTY_LIST, format!("nothing stands after `{}:`", shown(head)))
        .at(report.span(base + colon, base + colon + 1), "")
        .help(format!("write `{example}` for instance, or delete the line"))
}

fn missing_colon(slice: &str, base: usize, head: &str, report: &Report) -> Diagnostic {
    let after_value = slice[head.len()..].trim_start().starts_with('(') && words::is_verb(head);
    let end = match slice.find(')') {
        Some(close) if after_value => close + 1,
        _ => head.len(),
    };
    let written = &slice[..end];
    Diagnostic::error(codes::MISSING_COLON, format!("a `:` is missing after `{}`", shown(written)))
        .at(report.span(base + end, base + end), "here")
        .help(format!("write `{}: …`", shown(written)))
}

/// What `word` was probably meant to be, of the words that start a statement.
fn suggestion(word: &str) -> Option<&'static str> {
    let synonym = SYNONYMS.iter().find(|(habit, _)| word.eq_ignore_ascii_case(habit)).map(|&(_, name)| name);
    synonym.or_else(|| did_you_mean(word, VERBS.iter().chain(KEYWORDS).copied()))
}

fn unknown_start(
    slice: &str,
    base: usize,
    head: &str,
    colon: Option<usize>,
    error: &SyntaxError,
    report: &Report,
) -> Diagnostic {
    let first = slice.chars().next().unwrap_or(' ');
    let head_span = report.span(base, base + head.len());
    let after_head = slice[head.len()..].trim_start();
    let starts_like_statement = !head.is_empty() && after_head.starts_with([':', '(']) && colon.is_some();
    if starts_like_statement || (colon.is_none() && suggestion(head).is_some() && !after_head.starts_with(',')) {
        let unknown = Diagnostic::error(codes::UNKNOWN_VERB, format!("a statement can't start with `{}`", shown(head)))
            .at(head_span, "");
        return match suggestion(head) {
            _ if head == "default" => unknown.help("the default is what happens to `all`: write `deny: all`"),
            Some(word) => unknown.help(format!("did you mean `{word}`?")),
            None => unknown.help(format!("the verbs are {}", VERBS.join(", "))),
        };
    }
    if colon.is_none() && (!head.is_empty() || first == '@') {
        return Diagnostic::error(codes::MISSING_VERB, "a statement starts with what to do, a verb and `:`")
            .at(report.span(base, base), "the verb is missing here")
            .help(format!("write `allow: {}` for instance", shown(slice)));
    }
    if first == ':' {
        return Diagnostic::error(codes::MISSING_VERB, "a statement starts with what to do, a verb and `:`")
            .at(report.span(base, base + 1), "the verb is missing before this")
            .help(format!("write `allow{}` for instance", shown(slice)));
    }
    if first == ',' {
        return Diagnostic::error(codes::UNEXPECTED_TEXT, "a line can't start with a comma")
            .at(report.span(base, base + 1), "")
            .help("put the comma at the end of the line before; the list then goes on here");
    }
    syntax_error(slice, base, Rule::statement_alone, error, report)
}

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
        let (length, help) = if rest.starts_with("&&") {
            (2, "write `and`")
        } else if rest.starts_with("||") {
            (2, "write two `when` blocks")
        } else if word == "or" {
            (2, "write two `when` blocks")
        } else if rest.starts_with('!') {
            (1, "write `not`")
        } else if rest.starts_with(',') {
            (1, "write `and`")
        } else {
            return None;
        };
        Some(self.error(length, codes::GUARD_OPERATOR, "the tests of a `when` are joined by `and`", "").help(help))
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
        let expected = self.expected();
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

    /// "`,`, an operator or the end of the statement".
    fn expected(&self) -> String {
        let mut named: Vec<&str> = self.tried.iter().filter_map(|&rule| in_words(rule)).collect();
        if self.rule == Rule::target_alone && self.tried.contains(&Rule::EOI) {
            named.push("`,`");
        }
        named.sort_unstable();
        named.dedup();
        match named.split_last() {
            None => "something else".to_owned(),
            Some((only, [])) => (*only).to_owned(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
        }
    }
}

/// What a rule is called in the language.
fn in_words(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::EOI => "the end of the statement",
        Rule::target | Rule::call_list | Rule::call | Rule::callee => "a system call",
        Rule::all_target | Rule::all_word => "`all`",
        Rule::unknown_target | Rule::unknown_word => "`unknown`",
        Rule::group => "an @group",
        Rule::arguments => "a condition in parentheses",
        Rule::verb | Rule::errno_verb | Rule::trap_verb | Rule::trace_verb | Rule::plain_verb => "a verb",
        Rule::name | Rule::name_list => "a name",
        Rule::number => "a number",
        Rule::version | Rule::known_statement => "a kernel version",
        Rule::string => "a string in quotes",
        Rule::use_target => "an @name or a path in quotes",
        Rule::guard => "`cap`, `arch` or `kernel`",
        Rule::cap_guard | Rule::cap_word => "`cap`",
        Rule::arch_guard | Rule::arch_target | Rule::arch_word => "`arch`",
        Rule::kernel_guard | Rule::kernel_word => "`kernel`",
        Rule::expression | Rule::operand_name | Rule::raw | Rule::set | Rule::parenthesized => "a value",
        Rule::or
        | Rule::and
        | Rule::equal
        | Rule::not_equal
        | Rule::less
        | Rule::less_equal
        | Rule::greater
        | Rule::greater_equal
        | Rule::r#in
        | Rule::has
        | Rule::lacks
        | Rule::range
        | Rule::bit_or
        | Rule::bit_and => "an operator",
        Rule::colon => "`:`",
        Rule::comma => "`,`",
        Rule::equals => "`=`",
        Rule::arrow => "`=>`",
        Rule::open => "`(`",
        Rule::close => "`)`",
        Rule::open_set => "`{`",
        Rule::close_set => "`}`",
        Rule::and_word => "`and`",
        Rule::on_word => "`on`",
        _ => return None,
    })
}

/// How many bytes of `text` belong to what a reader sees as one thing: a word, an operator, or one character.
fn word_length(text: &str) -> usize {
    match words::leading_word(text).len() {
        0 if ["==", "=>", "!=", "<=", ">=", "&&", "||", ".."].iter().any(|pair| text.starts_with(pair)) => 2,
        0 => text.chars().next().map_or(0, char::len_utf8),
        length => length,
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

/// `text` short enough for a message, on one line.
fn shown(text: &str) -> String {
    const LONGEST: usize = 40;
    let line = text.lines().next().unwrap_or("").trim_end();
    if line.chars().count() <= LONGEST && line.len() == text.len() {
        return line.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'");
    }
    let start: String = line.chars().take(LONGEST).collect();
    format!("{} …", start.escape_debug())
}

/// The first byte at or after `at` that is neither blank nor in a comment.
fn skip_blanks(slice: &str, mut at: usize) -> usize {
    loop {
        let rest = &slice[at..];
        at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        if !slice[at..].starts_with('#') {
            return at;
        }
        at += slice[at..].find('\n').unwrap_or(slice.len() - at);
    }
}

/// The bytes where `wanted` stands outside brackets, strings and comments.
fn top_level(slice: &str, wanted: char) -> impl Iterator<Item = usize> {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut in_comment = false;
    let mut escaped = false;
    slice.char_indices().filter_map(move |(at, character)| {
        if in_comment {
            in_comment = character != '\n';
        } else if in_string {
            in_string = escaped || character != '"';
            escaped = character == '\\' && !escaped;
        } else {
            match character {
                '"' => in_string = true,
                '#' => in_comment = true,
                '(' | '{' => depth += 1,
                ')' | '}' => depth = depth.saturating_sub(1),
                _ => return (character == wanted && depth == 0).then_some(at),
            }
        }
        None
    })
}
