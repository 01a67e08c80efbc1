//! Names for findings that stay when the file around them changes.

use std::collections::BTreeMap;

use callgate_grammar::Sources;
use sha2::{Digest, Sha256};

use crate::finding::Finding;

/// A name for each finding of one file, in their order: of the rule, what stands at the main place, and which one of those that
/// are alike it is. Lines may move; the name of the file isn't part of it.
#[must_use]
pub fn fingerprints<'a>(findings: impl IntoIterator<Item = &'a Finding>, sources: &Sources) -> Vec<String> {
    let mut alike: BTreeMap<(&str, String), u32> = BTreeMap::new();
    let mut names = Vec::new();
    for finding in findings {
        let text = finding.labels.first().map_or("", |label| sources.snippet(label.span));
        let place = text.split_whitespace().collect::<Vec<_>>().join(" ");
        // What is about the whole file is told apart by what it says.
        let place = if place.is_empty() { finding.message.clone() } else { place };
        let nth = alike.entry((finding.rule.id, place.clone())).or_default();
        names.push(hash(&[finding.rule.id, &place, &nth.to_string()]));
        *nth += 1;
    }
    names
}

/// The first 16 hexadecimal digits of a hash of these words.
pub(crate) fn hash(words: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for word in words {
        hasher.update(word.as_bytes());
        hasher.update([0]);
    }
    hasher.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}
