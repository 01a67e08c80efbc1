//! What starts containers, and which profile it gives them: pod specs of Kubernetes, and files of Docker Compose.

mod compose;
mod kubernetes;

use callgate_grammar::{Diagnostic, SourceId, Span};
use callgate_profiles::import::yaml::{Node, documents_with_anchors};

/// A file that starts containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// In the order of the file.
    pub containers: Vec<Container>,
}

/// Who starts a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starter {
    /// A kubelet: a container that nothing is said about runs without a filter, unless the kubelet has `--seccomp-default`.
    Kubernetes,
    /// Docker: a container that nothing is said about has Docker's default profile.
    Compose,
}

/// One container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its name in the file.
    pub name: String,
    /// Where it stands: its name, or its first word.
    pub at: Span,
    /// Who starts it.
    pub starter: Starter,
    /// What is said about its filter.
    pub profile: Profiled,
    /// Where it says that it is privileged.
    pub privileged: Option<Span>,
    /// Where annotations name a profile, as Kubernetes before 1.27 read them.
    pub annotation: Option<Span>,
}

/// What a file says about a container's filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profiled {
    /// Nothing.
    Unsaid,
    /// None at all.
    Unconfined(Span),
    /// The runtime's own profile.
    RuntimeDefault(Span),
    /// A file.
    File(Reference),
    /// A file without a name.
    Nameless(Span),
    /// Something no engine knows.
    Unknown(String, Span),
}

/// A profile's file as a workload names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// As written: Docker reads it from where its client runs, a kubelet below its `seccomp` folder.
    pub path: String,
    /// Where.
    pub at: Span,
    /// Whether there is such a file; `None` until someone has looked.
    pub found: Option<bool>,
}

impl Workload {
    /// Reads a text. `None` for what is no workload.
    ///
    /// # Errors
    /// When it begins like one and is no YAML.
    #[must_use]
    pub fn read(text: &str, source: SourceId) -> Option<Result<Self, Box<Diagnostic>>> {
        if !text.lines().any(begins) {
            return None;
        }
        let nodes = match documents_with_anchors(text, source) {
            Ok(nodes) => nodes,
            // Templates of charts are no YAML yet, and other texts have such lines too.
            Err(_) if text.contains("{{") || !text.lines().any(|line| line.starts_with("apiVersion:")) => return None,
            Err(error) => return Some(Err(error)),
        };
        let mut containers = Vec::new();
        let mut is_one = false;
        for node in &nodes {
            is_one |= kubernetes::collect(node, &mut containers) || compose::collect(node, &mut containers);
        }
        is_one.then_some(Ok(Self { containers }))
    }

    /// The files that it names.
    pub fn references_mut(&mut self) -> impl Iterator<Item = &mut Reference> {
        self.containers.iter_mut().filter_map(|container| match &mut container.profile {
            Profiled::File(reference) => Some(reference),
            _ => None,
        })
    }
}

/// Whether a line is one that only such files have, in YAML or JSON.
fn begins(line: &str) -> bool {
    let line = line.trim_start_matches('\u{feff}').trim_start_matches(['{', ' ', '\t', '-']);
    let key = line.split(':').next().unwrap_or_default().trim_matches('"');
    line.contains(':') && matches!(key, "kind" | "services" | "apiVersion")
}

fn is_true(node: Option<&Node>) -> Option<Span> {
    node.filter(|node| node.text() == Some("true")).map(|node| node.span)
}
