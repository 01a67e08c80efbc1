//! JSON with places: every value knows where it stands, no key is passed over, none counts twice.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use callgate_grammar::{Diagnostic, SourceId, Span, did_you_mean};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Format;
use super::yaml::{Place, origin};

/// The members of an object as written, each with its text.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// What an object's keys say it is.
pub(super) fn format(text: &str) -> Option<Format> {
    let members: Members<'_> = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()?;
    let keys: Vec<&str> = members.0.iter().map(|(key, _)| key.get().trim_matches('"')).collect();
    let has = |key: &str| keys.iter().any(|known| known.eq_ignore_ascii_case(key));
    if has("kind") && has("apiVersion") {
        return Some(Format::Spo);
    }
    if has("ociVersion") || (has("linux") && has("process")) {
        return Some(Format::Oci);
    }
    // Without anything in it, it is what engines take for no profile at all.
    if members.0.is_empty() || has("defaultAction") || has("syscalls") || has("archMap") {
        return Some(Format::Docker);
    }
    let is_filter = |value: &RawValue| {
        serde_json::from_str::<Members<'_>>(value.get())
            .is_ok_and(|members| members.0.iter().any(|(key, _)| key.get() == "\"filter\""))
    };
    (!members.0.is_empty() && members.0.iter().all(|(_, value)| is_filter(value))).then_some(Format::Seccompiler)
}

/// One object: what stands under each key.
pub(super) struct Object<'a> {
    /// The whole object.
    pub(super) span: Span,
    members: BTreeMap<Cow<'a, str>, Member<'a>>,
}

struct Member<'a> {
    key: Span,
    /// `null` is none.
    value: Option<&'a RawValue>,
}

/// A key as it is meant; nearly all are written without escapes.
fn name(key: &RawValue) -> Cow<'_, str> {
    let plain = key.get().strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match plain.filter(|text| !text.contains('\\')) {
        Some(text) => Cow::Borrowed(text),
        None => Cow::Owned(serde_json::from_str(key.get()).unwrap_or_default()),
    }
}

impl<'a> Object<'a> {
    /// The value of a key; `null` is no value.
    pub(super) fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.members.get(key)?.value
    }

    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.members.iter().filter_map(|(key, member)| Some((&**key, member.value?)))
    }
}

/// The key of a format that a name is but for the case of its letters.
fn same_but_case<'k>(name: &str, keys: &[&'k str]) -> Option<&'k str> {
    keys.iter().copied().find(|known| *known != name && known.eq_ignore_ascii_case(name))
}

/// The number in a string like `"0x1f"`.
fn hexadecimal(text: &str) -> Option<u64> {
    let digits = text.trim_matches('"').strip_prefix("0x")?;
    u64::from_str_radix(digits, 16).ok()
}

/// Reads values of one text and collects what is wrong with them.
pub(super) struct Reader<'a, 'd> {
    text: &'a str,
    /// Where the parts of the text come from, if it was another text first.
    places: &'a [Place],
    source: SourceId,
    /// How many were found.
    errors: usize,
    diagnostics: &'d mut Vec<Diagnostic>,
}

/// Errors after which no more are collected: each is shown with its line, and JSON is often one line.
const MOST_ERRORS: usize = 200;

impl<'a, 'd> Reader<'a, 'd> {
    pub(super) fn new(text: &'a str, source: SourceId, diagnostics: &'d mut Vec<Diagnostic>) -> Self {
        Self { text, places: &[], source, errors: 0, diagnostics }
    }

    /// Of JSON that was YAML: everything stands where it stood there.
    pub(super) fn of_yaml(
        text: &'a str,
        places: &'a [Place],
        source: SourceId,
        diagnostics: &'d mut Vec<Diagnostic>,
    ) -> Self {
        Self { text, places, source, errors: 0, diagnostics }
    }

    /// The text's one value. What is no JSON is one error with its place.
    pub(super) fn root(&mut self) -> Option<&'a RawValue> {
        match serde_json::from_str(self.text.trim_start_matches('\u{feff}')) {
            Ok(value) => Some(value),
            Err(error) => {
                let at = self.byte(error.line(), error.column());
                let message = error.to_string();
                let what = message.split(" at line ").next().unwrap_or_default().to_owned();
                self.diagnostics.push(
                    Diagnostic::error("malformed-json", format!("this is not valid JSON: {what}"))
                        .at(at, "")
                        .help("correct the file here, then try again"),
                );
                None
            }
        }
    }

    /// The place of a line and a column in bytes, both from 1, as `serde_json` counts them.
    fn byte(&self, line: usize, column: usize) -> Span {
        let before: usize = self.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let mut start = (before + column.saturating_sub(1)).min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let end = self.text[start..].chars().next().map_or(start, |next| start + next.len_utf8());
        self.range(start, end)
    }

    fn range(&self, start: usize, end: usize) -> Span {
        if let Some(span) = origin(self.places, start, end) {
            return span;
        }
        let offset = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Span { source: self.source, start: offset(start), end: offset(end) }
    }

    /// Where a value stands: it is a slice of the text.
    pub(super) fn span(&self, value: &RawValue) -> Span {
        let start = (value.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        self.range(start, start + value.get().len())
    }

    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        self.errors += usize::from(diagnostic.is_error());
        if self.errors <= MOST_ERRORS || !diagnostic.is_error() {
            self.diagnostics.push(diagnostic);
        }
    }

    fn wrong<T>(&mut self, value: &RawValue, expected: &str) -> Option<T> {
        let span = self.span(value);
        self.push(
            Diagnostic::error("wrong-type", format!("{expected} is needed here"))
                .at(span, "this is something else")
                .help("see the format's own description"),
        );
        None
    }

    /// The value of one key, without a look at anything else.
    pub(super) fn peek(&self, value: &'a RawValue, key: &str) -> Option<&'a RawValue> {
        let Members(list) = serde_json::from_str::<Members<'a>>(value.get()).ok()?;
        let found = list.into_iter().find(|(name, _)| serde_json::from_str(name.get()).ok() == Some(key));
        found.map(|(_, value)| value)
    }

    /// An object whose keys are free, as names are.
    pub(super) fn map(&mut self, value: &'a RawValue) -> Option<Object<'a>> {
        self.members(value, None)
    }

    /// An object of the format, which has these keys and no other.
    pub(super) fn object(&mut self, value: &'a RawValue, keys: &[&str]) -> Option<Object<'a>> {
        self.members(value, Some(keys))
    }

    /// An object with these keys and no other, or with any.
    fn members(&mut self, value: &'a RawValue, keys: Option<&[&str]>) -> Option<Object<'a>> {
        let Ok(Members(list)) = serde_json::from_str::<Members<'a>>(value.get()) else {
            return self.wrong(value, "an object");
        };
        let mut members: BTreeMap<Cow<'a, str>, Member<'a>> = BTreeMap::new();
        for (key, value) in list {
            let at = self.span(key);
            let mut name = name(key);
            // Kubernetes, which has YAML, takes keys by the letter.
            if let Some(known) = keys.filter(|_| self.places.is_empty()).and_then(|keys| same_but_case(&name, keys)) {
                self.another_case(&name, known, at);
                name = Cow::Owned(known.to_owned());
            }
            if let Some(first) = members.get(&name) {
                let first = first.key;
                self.push(
                    Diagnostic::error("duplicate-key", format!("`{name}` stands here twice"))
                        .at(at, "the second")
                        .at(first, "the first")
                        .help("readers differ in which of the two counts: take one away"),
                );
            }
            if let Some(keys) = keys.filter(|keys| !keys.contains(&&*name)) {
                self.unknown_key(&name, at, keys);
            }
            members.entry(name).or_insert(Member { key: at, value: (value.get() != "null").then_some(value) });
        }
        Some(Object { span: self.span(value), members })
    }

    /// Go's decoder takes such a key for the known one (encoding/json, `Unmarshal`, which prefers an exact match and accepts a
    /// case-insensitive one), so its value is kept as that one's.
    fn another_case(&mut self, name: &str, known: &str, at: Span) {
        self.push(
            Diagnostic::error("key-case", format!("`{name}` is not how the format writes `{known}`"))
                .at(at, "Docker, Podman and runc read it, crun passes over it")
                .help(format!("write `{known}`")),
        );
    }

    fn unknown_key(&mut self, name: &str, at: Span, keys: &[&str]) {
        let error = Diagnostic::error("unknown-key", format!("the format has no key `{name}` here"))
            .at(at, "engines would pass over it, and the profile would mean something else than it says");
        let help = match same_but_case(name, keys).or_else(|| did_you_mean(name, keys.iter().copied())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("take it out; the keys are {}", keys.join(", ")),
        };
        self.push(error.help(help));
    }

    pub(super) fn array(&mut self, value: Option<&'a RawValue>) -> Vec<&'a RawValue> {
        let Some(value) = value else { return Vec::new() };
        match serde_json::from_str(value.get()) {
            Ok(values) => values,
            Err(_) => self.wrong(value, "a list").unwrap_or_default(),
        }
    }

    pub(super) fn string(&mut self, value: &RawValue) -> Option<String> {
        match serde_json::from_str(value.get()) {
            Ok(text) => Some(text),
            Err(_) => self.wrong(value, "a string"),
        }
    }

    pub(super) fn number(&mut self, value: &RawValue, most: u64) -> Option<u64> {
        if let Ok(number) = serde_json::from_str::<u64>(value.get())
            && number <= most
        {
            return Some(number);
        }
        let span = self.span(value);
        let error = Diagnostic::error("not-in-range", format!("a whole number from 0 to {most} is needed here"));
        self.push(error.at(span, "this is something else").help(match hexadecimal(value.get()) {
            Some(number) if number <= most => format!("JSON has decimal numbers alone: write {number}"),
            _ => "write it in digits, without a sign, a point, an exponent or quotes".to_owned(),
        }));
        None
    }
}
