//! `callgate lint --exposure`: which known vulnerabilities each profile leaves within reach, beside Docker's default and no filter.

use std::path::Path;

use callgate_lint::Document;
use callgate_lint::exposure::{docker_default, exposure, json, text};
use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::output;

/// Prints it for each document: one after the other for people, one array for programs.
pub(crate) fn run(documents: &[Document], programs: bool, to: Option<&Path>) -> Outcome {
    let mut shown = String::new();
    let mut values = Vec::new();
    for document in documents {
        let name = &document.sources.get(document.source).name;
        let Some(meaning) = &document.meaning else {
            return Err(Failure::new(format!("{name} can't be read, so what it leaves within reach isn't known"))
                .help(format!("see what is wrong with it: `callgate lint {name}`")));
        };
        let undecided = |undecided| Failure::new(format!("{name}: {undecided}"));
        let docker = docker_default(meaning);
        let exposures = exposure(meaning, docker.as_ref())
            .map_err(|why| undecided(why).help("split conditions that combine many parameters"))?;
        if programs {
            values.push(json(name, meaning, &exposures, &document.sources));
        } else {
            if !shown.is_empty() {
                shown.push('\n');
            }
            shown.push_str(&text(name, meaning, &exposures, &document.sources));
        }
    }
    if programs {
        shown = format!("{:#}\n", Value::Array(values));
    }
    output::write(to, shown.as_bytes())?;
    Ok(0)
}
