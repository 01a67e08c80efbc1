//! `--fix`: a file's text repaired, read again, and held to what the fixes say.

use std::path::{Path, PathBuf};

use callgate_lint::{Checked, Document, Stray, fixed, stray};
use similar::TextDiff;

use super::Linter;
use super::reading::Input;
use crate::failure::Failure;

/// A fix can show the next finding; after as many rounds something goes round in circles.
const MOST_ROUNDS: usize = 10;

/// A file with fixes made that hasn't been written.
pub(super) struct Repaired {
    pub(super) path: PathBuf,
    before: String,
    pub(super) text: String,
    /// Each fix: the rule, and what was done.
    made: Vec<(&'static str, String)>,
    /// What changed of what the file means.
    changed: Option<String>,
}

/// Makes fixes until there are none left to make. `None`: there were none.
pub(super) fn repair(
    linter: &Linter<'_>,
    input: &Input,
    document: &Document,
    checked: &Checked,
) -> Result<Option<Repaired>, Failure> {
    if input.path == Path::new("-") && !linter.args.diff {
        return Ok(None);
    }
    let mut repaired: Option<Repaired> = None;
    let (mut document, mut checked) = (document.clone(), checked.clone());
    for _ in 0..MOST_ROUNDS {
        let Some(round) = fixed(&checked, linter.args.unsafe_fixes) else { break };
        let again = linter.document(&input.with_text(round.text.clone()));
        let refuse = |why: &str| {
            Failure::new(format!("{}: not fixed: {why}", input.path.display()))
                .help("leave --fix out, and please report this file")
        };
        let changed = match (&document.meaning, &again.meaning) {
            (Some(_), None) => return Err(refuse("with the fixes the file can't be read")),
            (None, _) => None,
            (Some(before), Some(after)) => match stray(before, after, &round) {
                Stray::Same => None,
                Stray::Named(calls) => Some(calls.join(", ")),
                Stray::Call(call) if round.safe => {
                    return Err(refuse(&format!("it would change `{call}`, which no fix names")));
                }
                Stray::Undecided if round.safe => return Err(refuse("the prover couldn't decide what it changes")),
                Stray::Call(call) => Some(format!("{call} and others")),
                Stray::Undecided => Some("the prover couldn't decide which".to_owned()),
            },
        };
        let so_far = repaired.get_or_insert_with(|| Repaired {
            path: input.path.clone(),
            before: document.text().to_owned(),
            text: String::new(),
            made: Vec::new(),
            changed: None,
        });
        so_far.text = round.text;
        so_far.made.extend(round.made);
        so_far.changed = match (so_far.changed.take(), changed) {
            (Some(one), Some(other)) if one != other => Some(format!("{one}, {other}")),
            (one, other) => one.or(other),
        };
        (checked, _) = linter.check(&again);
        document = again;
    }
    Ok(repaired.filter(|repaired| repaired.text != repaired.before))
}

impl Repaired {
    /// A unified diff.
    pub(super) fn diff(&self) -> String {
        let name = self.path.display().to_string();
        let diff = TextDiff::from_lines(&self.before, &self.text);
        diff.unified_diff().header(&format!("a/{name}"), &format!("b/{name}")).to_string()
    }

    /// Tells on standard error what was done.
    pub(super) fn say(&self) {
        let name = self.path.display();
        for (rule, title) in &self.made {
            eprintln!("{name}: fixed {rule}: {title}");
        }
        match &self.changed {
            None => eprintln!("{name}: it means the same, proven"),
            Some(calls) => eprintln!("{name}: what it does changed for {calls}"),
        }
    }
}
