//! A statement as tokens. It was parsed before, so that every token is known to be one of the language.

/// What the spacing depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, number, version, `@group`, string or keyword.
    Word,
    /// `==`, `&`, `=>` and their like; blanks on both sides.
    Operator,
    /// `..`: no blanks.
    Range,
    /// `!`, `-`, `~`: no blank behind.
    Prefix,
    Colon,
    Comma,
    Open,
    Close,
    /// From `#` to the end of the line. `own_line`: nothing stands before it on its line.
    Comment {
        own_line: bool,
    },
}

/// A token and its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    pub(super) text: &'t str,
}

impl Token<'_> {
    pub(super) fn is_comment(self) -> bool {
        matches!(self.kind, Kind::Comment { .. })
    }

    /// Whether a long condition may be broken behind this.
    pub(super) fn joins(self) -> bool {
        matches!(self.text, "&&" | "||" | "|")
    }

    /// Whether a blank stands between this and `next` on one line.
    pub(super) fn is_spaced_from(self, next: Self) -> bool {
        let is_operator_word = matches!(self.text, "in" | "has" | "lacks");
        match (self.kind, next.kind) {
            (Kind::Open | Kind::Prefix | Kind::Range, _) => false,
            (_, Kind::Close | Kind::Comma | Kind::Colon | Kind::Range) => false,
            (Kind::Word, Kind::Open) if next.text == "(" => is_operator_word,
            _ => true,
        }
    }
}

/// The tokens of a statement in canonical order: no comma before a `}`, and commas before comments.
pub(super) fn tokens(statement: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut rest = statement;
    let mut own_line = false;
    loop {
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        own_line |= rest[..blanks].contains('\n');
        rest = &rest[blanks..];
        let Some((kind, length)) = next(rest, own_line) else { break };
        let (text, after) = rest.split_at(length);
        let token = Token { kind, text: text.trim_end() };
        match kind {
            Kind::Comma => {
                let comments = tokens.iter().rev().take_while(|token| token.is_comment()).count();
                tokens.insert(tokens.len() - comments, token);
            }
            Kind::Close => {
                let last = tokens.iter().rposition(|token| !token.is_comment());
                if let Some(last) = last.filter(|&last| tokens[last].kind == Kind::Comma) {
                    tokens.remove(last);
                }
                tokens.push(token);
            }
            _ => tokens.push(token),
        }
        own_line = false;
        rest = after;
    }
    tokens
}

/// What the text starts with, and how many bytes belong to it.
fn next(rest: &str, own_line: bool) -> Option<(Kind, usize)> {
    let first = rest.chars().next()?;
    let pair = rest.get(..2).unwrap_or("");
    Some(match first {
        '#' => (Kind::Comment { own_line }, rest.find('\n').unwrap_or(rest.len())),
        '"' => (Kind::Word, string_length(rest)),
        '(' | '{' => (Kind::Open, 1),
        ')' | '}' => (Kind::Close, 1),
        ',' => (Kind::Comma, 1),
        ':' => (Kind::Colon, 1),
        _ if pair == ".." => (Kind::Range, 2),
        _ if matches!(pair, "==" | "!=" | "<=" | ">=" | "=>" | "&&" | "||") => (Kind::Operator, 2),
        '!' | '-' | '~' => (Kind::Prefix, 1),
        '@' => (Kind::Word, rest.find(|c: char| !is_name_part(c) && !"@-.".contains(c)).unwrap_or(rest.len())),
        first if is_name_part(first) => (Kind::Word, word_length(rest)),
        other => (Kind::Operator, other.len_utf8()),
    })
}

fn is_name_part(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn string_length(rest: &str) -> usize {
    let mut escaped = false;
    let end = rest.char_indices().skip(1).find(|&(_, character)| {
        let closes = character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        closes
    });
    end.map_or(rest.len(), |(at, _)| at + 1)
}

/// A name, a number, a version, or one of the two words with a dash.
fn word_length(rest: &str) -> usize {
    let length = |text: &str| text.find(|character| !is_name_part(character)).unwrap_or(text.len());
    let name = length(rest);
    match (&rest[..name], &rest[name..]) {
        ("kill", after) if after.starts_with("-thread") => "kill-thread".len(),
        ("listener", after) if after.starts_with("-metadata") => "listener-metadata".len(),
        (_, after) if after.starts_with('.') && !after.starts_with("..") => name + 1 + length(&after[1..]),
        _ => name,
    }
}
