//! An earlier report, so that only what is new counts.

use std::collections::BTreeSet;

use serde_json::Value;
use thiserror::Error;

use crate::checked::{Checked, Since};
use crate::report::{FINGERPRINT, uri};

/// A text that is no report of callgate's in SARIF.
#[derive(Clone, Debug, Error)]
#[error("{0}\n  next: write one with `callgate lint --format sarif -o FILE`")]
pub struct BaselineError(String);

/// What an earlier report found, by rule, file and fingerprint. What it had as suppressed or gone isn't in it.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    known: BTreeSet<(String, String, String)>,
}

impl Baseline {
    /// Reads a report in SARIF 2.1.0.
    ///
    /// # Errors
    /// When it isn't one, or not one with callgate's fingerprints.
    pub fn read(text: &str) -> Result<Self, BaselineError> {
        let report: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|error| BaselineError(format!("the baseline isn't JSON: {error}")))?;
        let runs = report["runs"].as_array().ok_or_else(|| BaselineError("the baseline has no `runs`".to_owned()))?;
        let mut known = BTreeSet::new();
        for result in runs.iter().filter_map(|run| run["results"].as_array()).flatten() {
            let suppressed = result["suppressions"].as_array().is_some_and(|list| !list.is_empty());
            if suppressed || result["baselineState"] == "absent" {
                continue;
            }
            let rule = result["ruleId"].as_str().unwrap_or_default();
            let uri =
                result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap_or_default();
            let Some(fingerprint) = result["partialFingerprints"][FINGERPRINT].as_str() else {
                return Err(BaselineError(format!("a result of the baseline has no fingerprint `{FINGERPRINT}`")));
            };
            known.insert((rule.to_owned(), uri.to_owned(), fingerprint.to_owned()));
        }
        Ok(Self { known })
    }

    /// Marks every finding as new or known, and says how many of the known ones there are no more.
    pub fn mark(&self, files: &mut [Checked]) -> usize {
        let mut seen = BTreeSet::new();
        for file in files {
            let uri = uri(&file.name);
            for one in &mut file.findings {
                let key = (one.finding.rule.id.to_owned(), uri.clone(), one.fingerprint.clone());
                one.since = Some(if self.known.contains(&key) { Since::Unchanged } else { Since::New });
                seen.insert(key);
            }
        }
        self.known.difference(&seen).count()
    }
}
