//! A rule's page: the comment at the head of its file.
//!
//! ```text
//! # a-name-in-dashes
//!
//! ## What
//! What it finds.
//! ## Why
//! What can go wrong, with a version for each fact about the kernel.
//! ## Example
//! A fenced block that the rule finds; its first word is the format, then what the finding's main place must cover.
//! ## Near miss
//! A fenced block that looks alike, and that the rule leaves alone.
//! ## Fix
//! What to write instead.
//! ## Sources
//! Where it is written.
//! ```
//!
//! The line after a fence's three backticks is `FORMAT [KEY=VALUE …] [at="TEXT"]`. The format is `gate`, `workload` or one that is
//! imported. The keys are `arch`, `cap`, `kernel`, `engine`, as on the command line; `libseccomp`, where 2.5 is Debian 12's; `seen`,
//! calls of x86-64; `source`, the policy a filter was compiled from, with semicolons between its statements; `numbers`, of which
//! as many stand for `NUMBERS` in the text; and `at`, the text under the finding's main place.

use crate::rule::Rule;

/// A text in a page, and how it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// What the fence says: the format first.
    pub header: String,
    /// The text.
    pub text: String,
}

impl Example {
    /// The format's name.
    #[must_use]
    pub fn format(&self) -> &str {
        self.header.split_whitespace().next().unwrap_or_default()
    }

    /// What stands after `key=`, with or without quotes.
    #[must_use]
    pub fn option(&self, key: &str) -> Option<&str> {
        let after = self.header.split_once(&format!(" {key}="))?.1;
        match after.strip_prefix('"') {
            Some(quoted) => quoted.rsplit_once('"').map(|(inside, _)| inside),
            None => after.split_whitespace().next(),
        }
    }
}

/// What there is to say about a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The whole page, in Markdown.
    pub text: String,
}

impl Page {
    pub(crate) fn of(rule: &Rule) -> Self {
        let lines = rule.text.lines().take_while(|line| line.starts_with("//!"));
        let lines = lines.map(|line| line.trim_start_matches("//!").strip_prefix(' ').unwrap_or_default());
        let mut text = lines.collect::<Vec<_>>().join("\n");
        text.push('\n');
        Self { text }
    }

    /// What stands under a heading; empty when there is no such heading.
    #[must_use]
    pub fn section(&self, heading: &str) -> &str {
        let Some((_, after)) = self.text.split_once(&format!("\n## {heading}\n")) else { return "" };
        after.split_once("\n## ").map_or(after, |(section, _)| section).trim()
    }

    /// The fenced blocks under a heading.
    #[must_use]
    pub fn examples(&self, heading: &str) -> Vec<Example> {
        let mut found: Vec<Example> = Vec::new();
        let mut inside = false;
        for line in self.section(heading).lines() {
            match (line.strip_prefix("```"), inside) {
                (Some(header), false) => {
                    found.push(Example { header: header.trim().to_owned(), text: String::new() });
                    inside = true;
                }
                (Some(_), true) => inside = false,
                (None, true) => {
                    if let Some(example) = found.last_mut() {
                        example.text.push_str(line);
                        example.text.push('\n');
                    }
                }
                (None, false) => {}
            }
        }
        found
    }
}
