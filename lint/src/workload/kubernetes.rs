//! Pod specs, wherever Kubernetes has them (core/v1 `PodSpec`; apps/v1, batch/v1).

use callgate_grammar::Span;
use callgate_profiles::import::yaml::Node;

use super::{Container, Profiled, Reference, Starter, is_true};

/// Where a kind has its pod's spec.
const KINDS: &[(&str, &[&str])] = &[
    ("CronJob", &["spec", "jobTemplate", "spec", "template"]),
    ("DaemonSet", &["spec", "template"]),
    ("Deployment", &["spec", "template"]),
    ("Job", &["spec", "template"]),
    ("Pod", &[]),
    ("PodTemplate", &["template"]),
    ("ReplicaSet", &["spec", "template"]),
    ("ReplicationController", &["spec", "template"]),
    ("StatefulSet", &["spec", "template"]),
];

/// Annotations that named a profile before Kubernetes 1.27.
const POD_ANNOTATION: &str = "seccomp.security.alpha.kubernetes.io/pod";
const CONTAINER_ANNOTATION: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// Adds the containers of a resource. Whether it is one that has some.
pub(super) fn collect(resource: &Node, containers: &mut Vec<Container>) -> bool {
    let Some(kind) = resource.get("kind").and_then(Node::text) else { return false };
    if resource.get("apiVersion").is_none() {
        return false;
    }
    if kind == "List" {
        let items = resource.get("items").map(Node::items).unwrap_or_default();
        return items.iter().filter(|item| collect(item, containers)).count() > 0;
    }
    let Some((_, path)) = KINDS.iter().find(|(known, _)| *known == kind) else { return false };
    let pod = path.iter().try_fold(resource, |node, key| node.get(key));
    let Some((pod, spec)) = pod.and_then(|pod| Some((pod, pod.get("spec")?))) else { return false };
    // Filters are Linux's.
    if spec.get("os").and_then(|os| os.get("name")).and_then(Node::text) == Some("windows") {
        return true;
    }
    let annotations = pod.get("metadata").and_then(|metadata| metadata.get("annotations"));
    let of_pod = annotations.and_then(|annotations| annotations.get(POD_ANNOTATION)).map(|node| node.span);
    let default = profile(spec.get("securityContext"));
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for node in spec.get(list).map(Node::items).unwrap_or_default() {
            let name = node.get("name");
            let text = name.and_then(Node::text).unwrap_or_default().to_owned();
            let context = node.get("securityContext");
            let own =
                annotations.and_then(|all| all.get(&format!("{CONTAINER_ANNOTATION}{text}"))).map(|node| node.span);
            containers.push(Container {
                at: name.map_or(Span { end: node.span.start, ..node.span }, |name| name.span),
                starter: Starter::Kubernetes,
                profile: profile(context).or_else(|| default.clone()).unwrap_or(Profiled::Unsaid),
                privileged: is_true(context.and_then(|context| context.get("privileged"))),
                annotation: own.or(of_pod),
                name: text,
            });
        }
    }
    true
}

/// The `seccompProfile` of a security context.
fn profile(context: Option<&Node>) -> Option<Profiled> {
    let profile = context?.get("seccompProfile")?;
    let kind = profile.get("type")?;
    Some(match kind.text().unwrap_or_default() {
        "Unconfined" => Profiled::Unconfined(kind.span),
        "RuntimeDefault" => Profiled::RuntimeDefault(kind.span),
        "Localhost" => match profile.get("localhostProfile") {
            Some(path) if path.text().is_some_and(|path| !path.is_empty()) => Profiled::File(Reference {
                path: path.text().unwrap_or_default().to_owned(),
                at: path.span,
                found: None,
            }),
            Some(path) => Profiled::Nameless(path.span),
            None => Profiled::Nameless(kind.span),
        },
        other => Profiled::Unknown(other.to_owned(), kind.span),
    })
}
