//! The rules of `lint`: a page each, and a list.

use std::fmt::Write;
use std::path::Path;

use callgate_lint::{report, rule, rules};

/// The page of a rule by its id or name, or for `RULES` a line each; `None` when there is a file of that name, or no such rule.
pub(super) fn page(name: &Path) -> Option<String> {
    if name.exists() {
        return None;
    }
    let name = name.to_str()?;
    if name.eq_ignore_ascii_case("RULES") {
        return Some(list());
    }
    rule(name).map(|rule| rule.page().text)
}

/// Id, severity, name, and whether it has to be selected.
fn list() -> String {
    let mut text = String::new();
    for rule in rules() {
        let asked = if rule.default { "" } else { "  (only with --select)" };
        let _ = writeln!(text, "{}  {:<7}  {}{asked}", rule.id, report::level(rule.severity), rule.name);
    }
    text
}
