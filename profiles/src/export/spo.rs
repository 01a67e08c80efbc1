//! The `SeccompProfile` of the Kubernetes security profiles operator: an OCI profile in a resource (api/seccompprofile/v1).

use serde_json::{Value, json};

use super::ExportError;
use super::Format;

/// What the resource is called. The operator wants a name; people give theirs.
const NAME: &str = "callgate";

/// The OCI profile as a resource.
///
/// # Errors
/// When the resource's type has no room for a number of the profile.
pub(super) fn resource(mut profile: Value) -> Result<String, ExportError> {
    let refused = |problem: &str| Err(ExportError::Refused { format: Format::Spo, problem: problem.to_owned() });
    if let Some(object) = profile.as_object_mut() {
        // It has no number for the default: an errno is EPERM, as runtimes do without one.
        if object.remove("defaultErrnoRet").is_some_and(|number| number != 1) {
            return refused("the resource has no number for the default's errno, so that it would be EPERM");
        }
    }
    let lists = |name: &str| profile[name].as_array().cloned().unwrap_or_default();
    if lists("architectures").iter().any(|name| name == "SCMP_ARCH_LOONGARCH64") {
        return refused("the operator doesn't know SCMP_ARCH_LOONGARCH64");
    }
    for entry in lists("syscalls") {
        if entry["errnoRet"] == 0 {
            return refused("an errno of 0 is none to the operator, so that it would be EPERM");
        }
        let arguments = entry["args"].as_array().cloned().unwrap_or_default();
        let numbers = arguments.iter().flat_map(|argument| [&argument["value"], &argument["valueTwo"]]);
        if numbers.filter_map(Value::as_u64).any(|number| i64::try_from(number).is_err()) {
            return refused("the operator's numbers are signed, and a comparison needs all 64 bits");
        }
    }
    let resource = json!({
        "apiVersion": "security-profiles-operator.x-k8s.io/v1",
        "kind": "SeccompProfile",
        "metadata": {"name": NAME},
        "spec": profile,
    });
    let mut text = String::from("---\n");
    yaml(&resource, 0, &mut text);
    Ok(text)
}

/// A value in YAML's block style; keys in order of their letters.
fn yaml(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                text.push_str(&format!("{indent}{key}:"));
                below(value, depth, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                text.push_str(&format!("{indent}-"));
                match item {
                    Value::Object(_) => {
                        let mut inside = String::new();
                        yaml(item, depth + 1, &mut inside);
                        // The first key stands beside the dash.
                        text.push(' ');
                        text.push_str(inside.trim_start_matches(' '));
                    }
                    _ => below(item, depth, text),
                }
            }
        }
        _ => text.push_str(&format!("{indent}{}\n", scalar(value))),
    }
}

fn below(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            text.push('\n');
            yaml(value, depth + 1, text);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            yaml(value, depth + 1, text);
        }
        _ => text.push_str(&format!(" {}\n", scalar(value))),
    }
}

/// Names stand as they are, everything else as JSON has it, which YAML reads too.
fn scalar(value: &Value) -> String {
    let is_plain = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
            && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
                .contains(&text.to_ascii_lowercase().as_str())
    };
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        other => other.to_string(),
    }
}
