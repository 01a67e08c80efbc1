//! The `SeccompProfile` of the Kubernetes security profiles operator (api/seccompprofile, v1beta1 and v1).
//!
//! Its `spec` is an OCI profile without a number for the default; what its `baseProfileName` names adds its rules.

use std::collections::BTreeMap;

use callgate_grammar::{Diagnostic, Span, did_you_mean};

use super::calls::MAX_ERRORS;
use super::json::Reader;
use super::profile::{self, Keys, Profile};
use super::yaml::{self, Node, Value};
use super::{Document, Includes};

const KIND: &str = "SeccompProfile";
const GROUP: &str = "security-profiles-operator.x-k8s.io/";
const VERSIONS: &[&str] = &["v1alpha1", "v1beta1", "v1"];
const RESOURCE_KEYS: &[&str] = &["apiVersion", "kind", "metadata", "spec", "status"];
const KEYS: Keys = Keys {
    profile: &[
        "baseProfileName",
        "disabled",
        "defaultAction",
        "architectures",
        "flags",
        "listenerPath",
        "listenerMetadata",
        "syscalls",
    ],
    rule: &["names", "action", "errnoRet", "args"],
};

/// Profiles that stand on each other.
const BASES: usize = 8;

/// Whether a text is one.
pub(super) fn looks_like(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start_matches(['-', ' ', '\u{feff}']);
        line.strip_prefix("kind:").is_some_and(|kind| kind.trim().trim_matches(['"', '\'']) == KIND)
    })
}

/// The names of the profiles in a file.
pub(super) fn names(document: &Document<'_>) -> Vec<String> {
    let found = resources(document, &mut Vec::new()).unwrap_or_default();
    found.iter().map(|node| name(node).unwrap_or_default().to_owned()).collect()
}

/// Reads a file's one profile, or the one that the selector names, with the rules of those it stands on.
pub(super) fn read(
    document: &Document<'_>,
    includes: &mut Includes<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Profile> {
    let found = resources(document, diagnostics)?;
    let chosen = match document.selector {
        Some(wanted) => found.iter().find(|node| name(node) == Some(wanted)),
        None => found.first().filter(|_| found.len() == 1),
    };
    let Some(chosen) = chosen else {
        let message = match document.selector {
            Some(wanted) => format!("the file has no profile called `{wanted}`"),
            None => format!("the file holds {} profiles", found.len()),
        };
        let choices: Vec<_> = found.iter().map(|node| format!("#{}", name(node).unwrap_or_default())).collect();
        diagnostics.push(
            Diagnostic::error("which-filter", message)
                .at(Span { source: document.source, start: 0, end: 0 }, "")
                .help(format!("name one after the file: {}", choices.join(", "))),
        );
        return None;
    };
    let mut profile = spec(chosen, diagnostics)?;
    let mut seen = vec![name(chosen).unwrap_or_default().to_owned()];
    let mut at = base_of(chosen);
    while let Some((wanted, span)) = at {
        if seen.len() > BASES || seen.contains(&wanted) {
            let error = Diagnostic::error("use-cycle", format!("`{wanted}` stands on itself, or on too many others"));
            diagnostics.push(error.at(span, "").help("take one `baseProfileName` away"));
            return None;
        }
        let base = base(&wanted, span, &found, includes, diagnostics)?;
        // The operator takes the base's rules over, and nothing else of it.
        profile.entries.extend(spec(&base, diagnostics)?.entries);
        at = base_of(&base);
        seen.push(wanted);
    }
    Some(profile)
}

/// The resources of the file that are profiles.
fn resources(document: &Document<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Vec<Node>> {
    let nodes = match yaml::documents(document.text, document.source) {
        Ok(nodes) => nodes,
        Err(error) => {
            diagnostics.push(*error);
            return None;
        }
    };
    let found: Vec<Node> =
        nodes.into_iter().filter(|node| node.get("kind").and_then(Node::text) == Some(KIND)).collect();
    if found.is_empty() {
        diagnostics.push(
            Diagnostic::error("no-profile", format!("the file holds no resource of the kind {KIND}"))
                .at(Span { source: document.source, start: 0, end: 0 }, "")
                .help("give the profile's own file; a patch of one isn't one"),
        );
        return None;
    }
    Some(found)
}

fn name(resource: &Node) -> Option<&str> {
    resource.get("metadata")?.get("name")?.text()
}

fn base_of(resource: &Node) -> Option<(String, Span)> {
    let node = resource.get("spec")?.get("baseProfileName")?;
    node.text().filter(|name| !name.is_empty()).map(|name| (name.to_owned(), node.span))
}

/// The profile that another one stands on: in the same file, else in a file of its name.
fn base(
    wanted: &str,
    span: Span,
    siblings: &[Node],
    includes: &mut Includes<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Node> {
    if let Some(sibling) = siblings.iter().find(|node| name(node) == Some(wanted)) {
        return Some(sibling.clone());
    }
    if wanted.starts_with("oci://") {
        diagnostics.push(
            Diagnostic::error("base-profile", "callgate pulls no profiles from registries")
                .at(span, "")
                .help("pull it, write its name here, and put it beside this file"),
        );
        return None;
    }
    match includes(&format!("{wanted}.yaml"), span) {
        Ok((source, text)) => {
            let document = Document { text: &text, source, selector: None };
            let found = resources(&document, diagnostics)?;
            let base = found.iter().find(|node| name(node) == Some(wanted)).or_else(|| found.first());
            base.cloned()
        }
        Err(error) => {
            diagnostics.push(error);
            None
        }
    }
}

fn spec(resource: &Node, diagnostics: &mut Vec<Diagnostic>) -> Option<Profile> {
    unknown_keys(resource, diagnostics);
    version(resource, diagnostics);
    let Some(spec) = resource.get("spec") else {
        diagnostics.push(
            Diagnostic::error("missing-key", "a profile needs a `spec`")
                .at(resource.span, "")
                .help("say there what happens to calls"),
        );
        return None;
    };
    let (json, places) = yaml::to_json(spec);
    let mut reader = Reader::of_yaml(&json, &places, spec.span.source, diagnostics);
    let root = reader.root()?;
    profile::read_value(&mut reader, root, &KEYS)
}

fn version(resource: &Node, diagnostics: &mut Vec<Diagnostic>) {
    let given = resource.get("apiVersion");
    let known = |node: &Node| {
        node.text().and_then(|text| text.strip_prefix(GROUP)).is_some_and(|version| VERSIONS.contains(&version))
    };
    if !given.is_some_and(known) {
        let span = given.map_or(Span { end: resource.span.start, ..resource.span }, |node| node.span);
        diagnostics.push(
            Diagnostic::error("unknown-version", "this is no version of the operator's that callgate knows")
                .at(span, "")
                .help(format!("write `apiVersion: {GROUP}v1`, or v1beta1")),
        );
    }
}

fn unknown_keys(resource: &Node, diagnostics: &mut Vec<Diagnostic>) {
    let Value::Map(members) = &resource.value else { return };
    let mut seen = BTreeMap::new();
    for (key, _) in members {
        if diagnostics.len() > MAX_ERRORS {
            break;
        }
        let name = key.text().unwrap_or_default();
        let first = seen.entry(name).or_insert(key);
        if !std::ptr::eq(*first, key) {
            diagnostics.push(
                Diagnostic::error("duplicate-key", format!("`{name}` stands here twice"))
                    .at(key.span, "the second")
                    .at(first.span, "the first")
                    .help("take one away"),
            );
        } else if !RESOURCE_KEYS.contains(&name) {
            let near = did_you_mean(name, RESOURCE_KEYS.iter().copied());
            let help = near.map_or("take it out".to_owned(), |near| format!("did you mean `{near}`?"));
            diagnostics.push(
                Diagnostic::error("unknown-key", format!("the format has no key `{name}` here"))
                    .at(key.span, "")
                    .help(help),
            );
        }
    }
}
