//! YAML as trees that know where they stand, and as JSON that still does.

use std::collections::BTreeMap;

use callgate_grammar::{Diagnostic, SourceId, Span};
use saphyr_parser::{Event, Parser, ScalarStyle};

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// What.
    pub value: Value,
    /// Where.
    pub span: Span,
}

/// What stands there.
#[derive(Clone, Debug)]
pub enum Value {
    /// A text; plain ones may be numbers and other words of JSON.
    Scalar {
        /// As it is meant, without quotes.
        text: String,
        /// Whether it has no quotes.
        plain: bool,
    },
    /// In the order of the file.
    List(Vec<Node>),
    /// In the order of the file, keys twice where they stand twice.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// The value of a key, the first where it stands twice; else what maps that are merged into this one (`<<`) have for it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(members) = &self.value else { return None };
        let own = members.iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value);
        own.or_else(|| {
            let merged = members.iter().find(|(name, _)| name.text() == Some("<<")).map(|(_, value)| value)?;
            match &merged.value {
                Value::List(maps) => maps.iter().find_map(|map| map.get(key)),
                _ => merged.get(key),
            }
        })
    }

    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The values of a list, and none of what is no list.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    /// The keys of a map with their values, and none of what is no map.
    #[must_use]
    pub fn members(&self) -> &[(Self, Self)] {
        if let Value::Map(members) = &self.value { members } else { &[] }
    }

    /// How many values it is made of.
    fn size(&self) -> usize {
        let inside: usize = self.items().iter().map(Self::size).sum();
        let members: usize = self.members().iter().map(|(key, value)| key.size() + value.size()).sum();
        1 + inside + members
    }
}

/// How deep lists and maps may stand in each other. A profile takes eight.
const DEPTH: usize = 32;

/// Values that anchors may add to a text. Files of people's add some hundred.
const REPEATED: usize = 100_000;

/// The documents of a text of a format that has no anchors.
///
/// # Errors
/// One finding with its place: no YAML, nested past [`DEPTH`], or with anchors, which a profile doesn't need.
pub(super) fn documents(text: &str, source: SourceId) -> Result<Vec<Node>, Box<Diagnostic>> {
    read(text, source, false)
}

/// The documents of a text, with what anchors stand for in the places of their aliases. What is repeated keeps the place where it
/// was written.
///
/// # Errors
/// One finding with its place: no YAML, nested past 32 levels, or repeating more than 100,000 values.
pub fn documents_with_anchors(text: &str, source: SourceId) -> Result<Vec<Node>, Box<Diagnostic>> {
    read(text, source, true)
}

fn read(text: &str, source: SourceId, anchors: bool) -> Result<Vec<Node>, Box<Diagnostic>> {
    let bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let offset = |index: usize| u32::try_from(bytes[index.min(bytes.len() - 1)]).unwrap_or(u32::MAX);
    let place = |start: usize, end: usize| Span { source, start: offset(start), end: offset(end.max(start)) };
    let mut documents = Vec::new();
    // Lists and maps that are open with their anchors, maps with a key that waits for its value.
    let mut open: Vec<(Node, Option<Node>, usize)> = Vec::new();
    let mut anchored: BTreeMap<usize, Node> = BTreeMap::new();
    let mut repeated = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let at = error.marker().index();
            Diagnostic::error("malformed-yaml", format!("this is not valid YAML: {}", error.info()))
                .at(place(at, at + 1), "")
                .help("correct the file here, then try again")
        })?;
        let span = place(span.start.index(), span.end.index());
        let done = match event {
            Event::Scalar(text, style, anchor, _) => {
                let value = Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                Some((Node { value, span }, anchor))
            }
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                if open.len() >= DEPTH {
                    let error = Diagnostic::error("too-deep", format!("values are nested more than {DEPTH} deep"));
                    return Err(Box::new(error.at(span, "").help("a profile needs eight levels")));
                }
                let list = matches!(event, Event::SequenceStart(..));
                let value = if list { Value::List(Vec::new()) } else { Value::Map(Vec::new()) };
                open.push((Node { value, span }, None, anchor));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(|(mut node, _, anchor)| {
                node.span.end = span.end.max(node.span.start);
                (node, anchor)
            }),
            Event::Alias(anchor) if anchors => {
                let found = anchored.get(&anchor).cloned();
                repeated += found.as_ref().map_or(0, Node::size);
                if repeated > REPEATED {
                    let error = Diagnostic::error("yaml-anchor", "anchors repeat more values than callgate follows");
                    return Err(Box::new(error.at(span, "").help("write the values out")));
                }
                found.map(|node| (node, 0))
            }
            Event::Alias(_) => {
                let error = Diagnostic::error("yaml-anchor", "callgate doesn't follow anchors of YAML");
                return Err(Box::new(error.at(span, "").help("write the value out")));
            }
            _ => None,
        };
        let Some((node, anchor)) = done else { continue };
        if anchors && anchor > 0 {
            anchored.insert(anchor, node.clone());
        }
        match open.last_mut() {
            None => documents.push(node),
            Some((Node { value: Value::List(items), .. }, ..)) => items.push(node),
            Some((Node { value: Value::Map(members), .. }, key, _)) => match key.take() {
                Some(name) => members.push((name, node)),
                None => *key = Some(node),
            },
            Some((Node { value: Value::Scalar { .. }, .. }, ..)) => {}
        }
    }
    Ok(documents)
}

/// A stretch of JSON and what it stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    start: usize,
    end: usize,
    span: Span,
}

/// The smallest thing that a stretch of JSON belongs to.
///
/// The places come by their ends, inner ones first, and lie in each other or apart: the first that ends late enough and
/// starts early enough is the smallest.
pub(super) fn origin(places: &[Place], start: usize, end: usize) -> Option<Span> {
    let first = places.partition_point(|place| place.end < end);
    places[first..].iter().find(|place| place.start <= start).map(|place| place.span)
}

/// The value as JSON, with the place of each part of it.
pub(super) fn to_json(node: &Node) -> (String, Vec<Place>) {
    let (mut text, mut places) = (String::new(), Vec::new());
    write(node, &mut text, &mut places);
    (text, places)
}

fn write(node: &Node, json: &mut String, places: &mut Vec<Place>) {
    let start = json.len();
    match &node.value {
        Value::Scalar { text, plain } => json.push_str(&scalar(text, *plain)),
        Value::List(items) => {
            json.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    json.push(',');
                }
                write(item, json, places);
            }
            json.push(']');
        }
        Value::Map(members) => {
            json.push('{');
            for (at, (key, value)) in members.iter().enumerate() {
                if at > 0 {
                    json.push(',');
                }
                let start = json.len();
                json.push_str(&quoted(key.text().unwrap_or_default()));
                places.push(Place { start, end: json.len(), span: key.span });
                json.push(':');
                write(value, json, places);
            }
            json.push('}');
        }
    }
    places.push(Place { start, end: json.len(), span: node.span });
}

/// A scalar of YAML's core schema (1.2.2, 10.3): numbers in digits or after `0x`, `true`, `false`, `null`; else a text.
fn scalar(text: &str, plain: bool) -> String {
    if !plain {
        return quoted(text);
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_decimal = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    match text {
        "" | "~" | "null" | "Null" | "NULL" => "null".to_owned(),
        "true" | "false" => text.to_owned(),
        _ if is_decimal => text.to_owned(),
        _ => match text.strip_prefix("0x").map(|digits| u64::from_str_radix(digits, 16)) {
            Some(Ok(number)) => number.to_string(),
            _ => quoted(text),
        },
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
