//! `--fix`: a file's text repaired, read again, and held to what the fixes say.

use std::collections::BTreeSet;
use std::path::PathBuf;

use callgate_compiler::lower::target::CAPABILITIES;
use callgate_grammar::tree::Version;
use callgate_lint::{Checked, Document, Fixed, Reported, Stray, fixed, stray};
use similar::TextDiff;

use super::Linter;
use super::reading::Input;
use crate::input;

/// A fix can show the next finding; after as many rounds something goes round in circles.
const MOST_ROUNDS: usize = 10;

/// A file with fixes made that hasn't been written.
pub(super) struct Repaired {
    pub(super) path: PathBuf,
    before: String,
    pub(super) text: String,
    /// Each fix: the rule, and what was done.
    made: Vec<(&'static str, String)>,
    /// The calls that are decided in another way than before.
    changed: BTreeSet<String>,
}

/// Makes fixes until there are none left to make; one that can't be held to what it says isn't made, and that is said on standard
/// error. `None`: there was nothing to make.
pub(super) fn repair(linter: &Linter<'_>, input: &Input, document: &Document, checked: &Checked) -> Option<Repaired> {
    if !input::is_file(&input.path) && !linter.args.diff {
        return None;
    }
    let mut repaired = Repaired {
        path: input.path.clone(),
        before: document.text().to_owned(),
        text: String::new(),
        made: Vec::new(),
        changed: BTreeSet::new(),
    };
    let mut refused = BTreeSet::new();
    let (mut text, mut checked) = (document.text().to_owned(), checked.clone());
    for _ in 0..MOST_ROUNDS {
        let wanted = |one: &Reported| !refused.contains(&one.fingerprint);
        let Some(round) = fixed(&checked, linter.args.unsafe_fixes, wanted) else { break };
        match held_everywhere(linter, input, &text, &round) {
            Ok(changed) => {
                repaired.changed.extend(changed);
                text.clone_from(&round.text);
                repaired.made.extend(round.made);
                (checked, _) = linter.check(&linter.document(&input.with_text(round.text)));
            }
            // One at a time, to find out which.
            Err(_) if round.fingerprints.len() > 1 => {
                for fingerprint in &round.fingerprints {
                    let alone = |one: &Reported| one.fingerprint == *fingerprint;
                    let Some(alone) = fixed(&checked, linter.args.unsafe_fixes, alone) else { continue };
                    if let Err(why) = held_everywhere(linter, input, &text, &alone) {
                        say_refused(input, &alone, &why);
                        refused.insert(fingerprint.clone());
                    }
                }
                if round.fingerprints.iter().all(|one| !refused.contains(one)) {
                    // Each is well by itself, and together they aren't: the first is made now, the others after it.
                    refused.extend(round.fingerprints.into_iter().skip(1));
                }
            }
            Err(why) => {
                say_refused(input, &round, &why);
                refused.extend(round.fingerprints);
            }
        }
    }
    repaired.text = text;
    (!repaired.made.is_empty() && repaired.text != repaired.before).then_some(repaired)
}

/// As [`held`], for the target, for a process with every capability on the newest kernel, and for one with none on the oldest:
/// what a profile says for others than the target isn't touched unseen.
fn held_everywhere(linter: &Linter<'_>, input: &Input, before: &str, round: &Fixed) -> Result<Vec<String>, String> {
    let own = &linter.settings.reading;
    let mut most = own.clone();
    most.host.capabilities = CAPABILITIES.iter().copied().collect();
    most.host.kernel = Version { major: u16::MAX, minor: 0 };
    let mut least = own.clone();
    least.host.capabilities.clear();
    // The first with seccomp(2).
    least.host.kernel = Version { major: 3, minor: 17 };
    let mut changed = BTreeSet::new();
    for reading in [own, &most, &least] {
        let read = |text: &str| linter.document_as(&input.with_text(text.to_owned()), reading);
        changed.extend(held(&read(before), &read(&round.text), round)?);
    }
    Ok(changed.into_iter().collect())
}

/// The calls that fixes changed and name, or why they aren't made.
fn held(before: &Document, after: &Document, round: &Fixed) -> Result<Vec<String>, String> {
    let errors = |document: &Document| document.said.iter().filter(|said| said.is_error()).count();
    let (Some(before), Some(new)) = (&before.meaning, &after.meaning) else {
        return match (&before.meaning, &after.meaning) {
            (Some(_), None) => Err("with it the file can't be read".to_owned()),
            (None, None) if errors(after) > errors(before) => Err("with it the file has more errors".to_owned()),
            _ => Ok(Vec::new()),
        };
    };
    match stray(before, new, round) {
        Stray::Same => Ok(Vec::new()),
        Stray::Named(calls) => Ok(calls),
        Stray::Call(call) if round.safe => Err(format!("it would change `{call}`, which it doesn't name")),
        Stray::Undecided if round.safe => Err("the prover couldn't decide what it changes".to_owned()),
        Stray::Call(call) => Ok(vec![call, "and others".to_owned()]),
        Stray::Undecided => Ok(vec!["calls that the prover couldn't decide".to_owned()]),
    }
}

fn say_refused(input: &Input, round: &Fixed, why: &str) {
    for (rule, title) in &round.made {
        eprintln!("{}: not fixed: {rule}: {title}: {why}", input.path.display());
    }
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
        if self.changed.is_empty() {
            eprintln!("{name}: no call is decided in another way");
        } else {
            let calls: Vec<_> = self.changed.iter().map(String::as_str).collect();
            eprintln!("{name}: decided in another way: {}", calls.join(", "));
        }
    }
}
