//! The lines of a unit (systemd.syntax(7)).

use crate::import::piece::Piece;

/// `KEY=VALUE`
pub(super) struct Assignment<'a> {
    pub(super) key: Piece<'a>,
    pub(super) value: Piece<'a>,
}

impl<'a> Assignment<'a> {
    /// `None` when there is no `=`.
    pub(super) fn read(piece: &Piece<'a>) -> Option<Self> {
        let at = piece.text.find('=')?;
        Some(Self { key: piece.part(0, at), value: piece.part(at + 1, piece.text.len()) })
    }
}

/// The lines that are neither empty, comments nor sections, with where they start and the section they stand in. Continued
/// lines are one; the backslashes at their ends, and comments between them, are blanks, so that places stay.
pub(super) fn assignments(text: &str) -> Vec<(String, usize, Option<&str>)> {
    let mut found = Vec::new();
    let mut section = None;
    let mut current: Option<(String, usize)> = None;
    let mut at = 0;
    for raw in text.split_inclusive('\n') {
        let start = at;
        at += raw.len();
        let line = raw.trim_end_matches(['\n', '\r']);
        let is_comment = line.trim_start().starts_with(['#', ';']);
        let ended = line.trim_end().ends_with('\\');
        match &mut current {
            Some((joined, _)) if is_comment => joined.push_str(&" ".repeat(raw.len())),
            None if is_comment || line.trim().is_empty() => {}
            None if line.trim_start_matches('\u{feff}').starts_with('[') => {
                section = Some(line.trim_matches(['[', ']', ' ', '\t', '\u{feff}']));
            }
            _ => {
                let (joined, _) = current.get_or_insert_with(|| (String::new(), start));
                let code = if ended { &line[..line.rfind('\\').unwrap_or(line.len())] } else { line };
                joined.push_str(code);
                joined.push_str(&" ".repeat(raw.len() - code.len()));
                if !ended {
                    found.extend(current.take().map(|(line, start)| (line, start, section)));
                }
            }
        }
    }
    found.extend(current.map(|(line, start)| (line, start, section)));
    found
}
