//! `callgate fmt`

use std::path::Path;

use callgate_grammar::{Sources, format};

use crate::cli::Fmt;
use crate::failure::{EXIT_ERROR, EXIT_FOUND, Failure, Outcome};
use crate::{input, output, report};

pub(crate) fn run(args: &Fmt) -> Outcome {
    let mut changed = 0;
    for file in &args.files {
        let text = input::read(file)?;
        let formatted = formatted(file, &text)?;
        if args.check {
            if formatted != text {
                eprintln!("{} is not in the canonical form", file.display());
                changed += 1;
            }
        } else if !input::is_file(file) {
            output::write(None, formatted.as_bytes())?;
        } else if formatted != text {
            output::write(Some(file), formatted.as_bytes())?;
        }
    }
    if changed > 0 {
        eprintln!(
            "run `callgate fmt` to write {}",
            if changed == 1 { "it".to_owned() } else { std::format!("them ({changed} files)") }
        );
        return Ok(EXIT_FOUND);
    }
    Ok(0)
}

/// The canonical form; a file with errors is refused and never changed.
fn formatted(file: &Path, text: &str) -> Result<String, Failure> {
    format(text).map_err(|diagnostics| {
        let mut sources = Sources::default();
        sources.add(file.display().to_string(), text);
        report::print(&diagnostics, &sources);
        Failure::said(EXIT_ERROR)
    })
}
