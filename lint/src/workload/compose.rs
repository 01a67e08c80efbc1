//! Services of Docker Compose (compose-spec, `security_opt` and `privileged`).

use callgate_profiles::import::yaml::{Node, Value};

use super::{Container, Profiled, Reference, Starter, is_true};

/// Adds the services of a file. Whether it is one of Compose's.
pub(super) fn collect(file: &Node, containers: &mut Vec<Container>) -> bool {
    let services = file.get("services").map(Node::members).unwrap_or_default();
    let is_service = |node: &Node| matches!(node.value, Value::Map(_));
    let has_image = |node: &Node| ["image", "build", "extends"].iter().any(|key| node.get(key).is_some());
    if file.get("kind").is_some() || !services.iter().any(|(_, service)| has_image(service)) {
        return false;
    }
    for (name, service) in services.iter().filter(|(_, service)| is_service(service)) {
        let options = service.get("security_opt").map(Node::items).unwrap_or_default();
        // The last one counts, as on the command line.
        let profile = options.iter().rev().find_map(profile).unwrap_or(Profiled::Unsaid);
        containers.push(Container {
            name: name.text().unwrap_or_default().to_owned(),
            at: name.span,
            starter: Starter::Compose,
            profile,
            privileged: is_true(service.get("privileged")),
            annotation: None,
        });
    }
    true
}

/// `seccomp=FILE`, or the older `seccomp:FILE`.
fn profile(option: &Node) -> Option<Profiled> {
    let value = option.text()?.strip_prefix("seccomp")?.strip_prefix(['=', ':'])?.trim();
    Some(match value {
        "unconfined" => Profiled::Unconfined(option.span),
        "builtin" => Profiled::RuntimeDefault(option.span),
        "" => Profiled::Nameless(option.span),
        path => Profiled::File(Reference { path: path.to_owned(), at: option.span, found: None }),
    })
}
