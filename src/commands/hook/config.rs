//! What makes engines call the hook.

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::HookedEngine;
use crate::failure::Failure;

/// The annotation of containers that podman's hook is for.
const ANNOTATION: &str = r"^io\.callgate\.record$";

/// An engine's configuration, as JSON.
pub(super) fn text(engine: HookedEngine, folder: &Path) -> Result<String, Failure> {
    let hook = hook(folder)?;
    let config = match engine {
        HookedEngine::Oci => hooks(&hook),
        // oci-hooks(5)
        HookedEngine::Podman => json!({
            "version": "1.0.0",
            "hook": hook,
            "when": {"annotations": {ANNOTATION: ".*"}},
            "stages": ["createRuntime", "poststop"],
        }),
        HookedEngine::Docker => json!({
            "runtimes": {
                "callgate": {
                    "path": hook["path"],
                    "runtimeArgs": ["hook", "--runtime", "runc", "--into", folder],
                },
            },
        }),
    };
    Ok(serde_json::to_string_pretty(&config)? + "\n")
}

/// Adds the hooks to a bundle's config.json.
pub(super) fn add_to(config: &mut Value, folder: &Path) -> Result<(), Failure> {
    let not_one = || Failure::new("config.json isn't an OCI bundle's: it is no object, or its `hooks` are none");
    let hook = hook(folder)?;
    let all = config.as_object_mut().ok_or_else(not_one)?.entry("hooks").or_insert_with(|| json!({}));
    if all.is_null() {
        *all = json!({});
    }
    for stage in ["createRuntime", "poststop"] {
        let list = all.as_object_mut().ok_or_else(not_one)?.entry(stage).or_insert_with(|| json!([]));
        if list.is_null() {
            *list = json!([]);
        }
        list.as_array_mut().ok_or_else(not_one)?.push(hook.clone());
    }
    Ok(())
}

fn hooks(hook: &Value) -> Value {
    json!({"createRuntime": [hook], "poststop": [hook]})
}

fn hook(folder: &Path) -> Result<Value, Failure> {
    let this = std::env::current_exe().map_err(|error| Failure::new(format!("can't find this program: {error}")))?;
    Ok(json!({"path": this, "args": ["callgate", "hook", "--into", folder]}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hooks_come_after_those_that_are_there() {
        let mut config = json!({"hooks": {"poststop": [{"path": "/bin/true"}], "createRuntime": null}, "process": {}});
        add_to(&mut config, Path::new("/recordings")).expect("an OCI config");
        let hooks = &config["hooks"];
        assert_eq!(
            (&hooks["poststop"][0]["path"], hooks["createRuntime"].as_array().map(Vec::len)),
            (&json!("/bin/true"), Some(1))
        );
        assert_eq!(hooks["poststop"][1]["args"], json!(["callgate", "hook", "--into", "/recordings"]));
        assert!(add_to(&mut json!([]), Path::new("/")).is_err());
        assert!(add_to(&mut json!({"hooks": 1}), Path::new("/")).is_err());
    }
}
