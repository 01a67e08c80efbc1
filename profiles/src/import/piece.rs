//! Parts of a text that know where they stand in it.

use callgate_grammar::{SourceId, Span};

/// A piece of a text and where it starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) source: SourceId,
    pub(super) at: usize,
}

impl<'a> Piece<'a> {
    /// A whole text.
    pub(super) fn whole(text: &'a str, source: SourceId) -> Self {
        Self { text, source, at: 0 }
    }

    pub(super) fn span(&self) -> Span {
        span(self.source, self.at, self.at + self.text.len())
    }

    /// A part of it, as it stands.
    pub(super) fn slice(&self, start: usize, end: usize) -> Self {
        Self { text: &self.text[start..end], at: self.at + start, ..*self }
    }

    /// Without blanks and line continuations around.
    pub(super) fn trimmed(&self) -> Self {
        let blank = |c: char| c.is_whitespace() || c == '\\';
        let text = self.text.trim_start_matches(blank);
        let at = self.at + self.text.len() - text.len();
        Self { text: text.trim_end_matches(blank), at, ..*self }
    }

    /// A part of it, without blanks and line continuations around.
    pub(super) fn part(&self, start: usize, end: usize) -> Self {
        self.slice(start, end).trimmed()
    }

    /// What stands before and after the first of these characters, trimmed.
    pub(super) fn split_once(&self, separator: impl Fn(char) -> bool) -> Option<(Self, Self)> {
        let (at, found) = self.text.char_indices().find(|&(_, c)| separator(c))?;
        Some((self.part(0, at), self.part(at + found.len_utf8(), self.text.len())))
    }

    /// The first word and the rest, trimmed.
    pub(super) fn first_word(&self) -> (Self, Self) {
        let whole = self.trimmed();
        whole.split_once(char::is_whitespace).unwrap_or((whole, whole.slice(whole.text.len(), whole.text.len())))
    }

    /// The parts between separators, trimmed.
    pub(super) fn split(&self, separator: &str) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut start = 0;
        for (at, _) in self.text.match_indices(separator) {
            parts.push(self.part(start, at));
            start = at + separator.len();
        }
        parts.push(self.part(start, self.text.len()));
        parts
    }

    /// The words between blanks.
    pub(super) fn words(&self) -> impl Iterator<Item = Self> {
        let whole = *self;
        whole.text.split_whitespace().map(move |word| Self {
            text: word,
            at: whole.at + (word.as_ptr() as usize - whole.text.as_ptr() as usize),
            ..whole
        })
    }

    /// The lines, without their ends.
    pub(super) fn lines(&self) -> impl Iterator<Item = Self> {
        let whole = *self;
        let mut at = 0;
        whole.text.split_inclusive('\n').map(move |line| {
            let start = at;
            at += line.len();
            whole.slice(start, start + line.trim_end_matches(['\n', '\r']).len())
        })
    }
}

/// The place between two offsets. The language reads no text of 4 GiB, so neither does an importer.
pub(super) fn span(source: SourceId, start: usize, end: usize) -> Span {
    let offset = |at| u32::try_from(at).unwrap_or(u32::MAX);
    Span { source, start: offset(start), end: offset(end) }
}
