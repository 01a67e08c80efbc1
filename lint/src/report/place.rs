//! Where findings are, in lines and columns.

use std::collections::BTreeMap;

use callgate_grammar::{SourceId, Span};

use crate::checked::Checked;

/// A range of a file; lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's name.
    pub file: String,
    /// The first line.
    pub line: usize,
    /// The first character.
    pub column: usize,
    /// The line of the last character.
    pub end_line: usize,
    /// One past the last character.
    pub end_column: usize,
}

/// Finds lines and columns in the texts of a file that was linted.
#[derive(Debug)]
pub struct Places<'a> {
    checked: &'a Checked,
    /// Where the lines of each text start.
    lines: BTreeMap<SourceId, Vec<usize>>,
}

impl<'a> Places<'a> {
    /// Of the texts of this file.
    #[must_use]
    pub fn new(checked: &'a Checked) -> Self {
        let mut lines = BTreeMap::new();
        for id in (0..).map(SourceId).take(checked.sources.len()) {
            let text = &checked.sources.get(id).text;
            lines.insert(id, [0].into_iter().chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect());
        }
        Self { checked, lines }
    }

    /// The place of a span; `None` where the text is no file.
    #[must_use]
    pub fn of(&self, span: Span) -> Option<Place> {
        if self.checked.no_files.contains(&span.source) {
            return None;
        }
        let (line, column) = self.line_column(span.source, span.start as usize);
        let (end_line, end_column) = self.line_column(span.source, span.end as usize);
        Some(Place { file: self.checked.sources.get(span.source).name.clone(), line, column, end_line, end_column })
    }

    fn line_column(&self, source: SourceId, byte: usize) -> (usize, usize) {
        let starts = &self.lines[&source];
        let line = starts.partition_point(|&start| start <= byte);
        let start = starts[line - 1];
        (line, self.checked.sources.get(source).text[start..byte].chars().count() + 1)
    }
}

/// A file's name as a URI: relative as it is, absolute with `file://`.
#[must_use]
pub fn uri(name: &str) -> String {
    let name = name.strip_prefix("./").unwrap_or(name);
    let mut text = String::from(if name.starts_with('/') { "file://" } else { "" });
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~@".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}
