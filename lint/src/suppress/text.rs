//! Suppressions in files of other formats: `callgate: allow(RULE, …) reason`.

use callgate_grammar::{SourceId, Span};

use super::Suppression;
use crate::document::Document;
use crate::finding::Edit;

const MARK: &str = "callgate: allow";

/// Those in the strings of JSON, each about the object it is in.
pub(super) fn in_json(source: SourceId, text: &str) -> Vec<Suppression> {
    let mut found = Vec::new();
    let mut opened = Vec::new();
    let mut waiting: Vec<(usize, Suppression)> = Vec::new();
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'{' => opened.push(at),
            b'}' => {
                let Some(start) = opened.pop() else { continue };
                let depth = opened.len();
                for (_, mut suppression) in waiting.extract_if(.., |(inside, _)| *inside > depth) {
                    // In the outermost object it is about the file.
                    if suppression.covers.is_some() && depth > 0 {
                        suppression.covers = Some(span(source, start, at + 1));
                    } else {
                        suppression.covers = None;
                    }
                    found.push(suppression);
                }
            }
            b'"' => {
                let start = at;
                let mut end = at + 1;
                while let Some((at, byte)) = bytes.next() {
                    end = at + 1;
                    match byte {
                        b'\\' => drop(bytes.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
                let written = text.get(start..end).unwrap_or_default();
                // Most strings are names of calls; only one with the mark, or with escapes, can say something.
                if !written.contains('\\') && !written.contains(MARK) {
                    continue;
                }
                let Ok(string) = serde_json::from_str::<String>(written) else { continue };
                waiting.extend(said(&string, span(source, start, end)).map(|suppression| (opened.len(), suppression)));
            }
            _ => {}
        }
    }
    found.sort_by_key(|suppression| suppression.span);
    found
}

/// Those in comments of texts with lines.
pub(super) fn in_comments(source: SourceId, text: &str) -> Vec<Suppression> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.trim_end().len();
        let comment = ["#", "//"].into_iter().filter_map(|mark| line.find(mark)).min();
        if let Some(at) = comment
            && let Some(mut suppression) = said(&line[at..], span(source, start + at, end))
        {
            if suppression.covers.is_some() {
                let behind = !line[..at].trim().is_empty();
                let covered = if behind { (start, end) } else { (start, block(text, start + line.len())) };
                suppression.covers = Some(span(source, covered.0, covered.1));
            }
            found.push(suppression);
        }
        start += line.len();
    }
    found
}

/// The end of the first line with words at or after a place, and of those below it that are further in.
fn block(text: &str, start: usize) -> usize {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut end = start;
    let mut first = None;
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        let words = line.trim();
        let is_comment = words.starts_with('#') || words.starts_with("//");
        match first {
            _ if words.is_empty() => {}
            None if is_comment => {}
            None => {
                first = Some(indent(line));
                end = at + line.len();
            }
            Some(first) if indent(line) > first => end = at + line.len(),
            Some(_) => break,
        }
        at += line.len();
    }
    end
}

/// What a comment says; what it covers is for the caller to fill in, unless it is the whole file.
fn said(comment: &str, span: Span) -> Option<Suppression> {
    let (_, after) = comment.split_once(MARK)?;
    let (whole_file, after) = match after.strip_prefix("-file") {
        Some(after) => (true, after),
        None => (false, after),
    };
    let (names, reason) = after.strip_prefix('(')?.split_once(')')?;
    let rules = names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let reason = reason.trim().trim_start_matches([':', '-']).trim();
    let reason = (!reason.is_empty()).then(|| reason.to_owned());
    Some(Suppression { rules, reason, span, covers: (!whole_file).then_some(span) })
}

/// The edit that takes a comment away, with its line when nothing else stands there.
pub(super) fn without(document: &Document, comment: Span) -> Edit {
    let text = document.text();
    let (start, end) = (comment.start as usize, comment.end as usize);
    let before = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let blank = text[before..start].trim().is_empty();
    let line_end = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
    let kept = text[before..start].trim_end().len() + before;
    let span = if blank { span(document.source, before, line_end) } else { span(document.source, kept, end) };
    Edit { span, text: String::new() }
}

fn span(source: SourceId, start: usize, end: usize) -> Span {
    let byte = |at| u32::try_from(at).unwrap_or(u32::MAX);
    Span { source, start: byte(start), end: byte(end) }
}
