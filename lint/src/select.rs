//! Which rules are asked.

use callgate_grammar::did_you_mean;
use thiserror::Error;

use crate::rule::Rule;
use crate::rules;

/// No rule is called so.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no rule is called `{name}`\n  next: {next}")]
pub struct UnknownRule {
    /// What was written.
    pub name: String,
    next: String,
}

/// Rules by the beginning of their ids (`RUL`, `ARG001`), by a whole name, or all of them (`ALL`); letters' case doesn't matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    text: String,
}

impl Selector {
    /// A selector that takes at least one rule.
    ///
    /// # Errors
    /// When there is no such rule.
    pub fn new(text: &str) -> Result<Self, UnknownRule> {
        let selector = Self { text: text.trim().to_owned() };
        if rules().iter().any(|rule| selector.takes(rule)) {
            return Ok(selector);
        }
        let known = rules().iter().flat_map(|rule| [rule.id, rule.name]);
        let next = match did_you_mean(&selector.text, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let mut families: Vec<_> = rules().iter().map(Rule::family).collect();
                families.dedup();
                format!("write the beginning of an id ({}), a whole name, or ALL", families.join(", "))
            }
        };
        Err(UnknownRule { name: selector.text, next })
    }

    /// Several.
    ///
    /// # Errors
    /// As [`Selector::new`].
    pub fn list(texts: &[String]) -> Result<Vec<Self>, UnknownRule> {
        texts.iter().map(|text| Self::new(text)).collect()
    }

    /// Whether this rule is meant.
    #[must_use]
    pub fn takes(&self, rule: &Rule) -> bool {
        self.weight(rule).is_some()
    }

    /// How narrowly: a name or a whole id most, then the longer beginning.
    fn weight(&self, rule: &Rule) -> Option<usize> {
        let text = self.text.as_str();
        let begins = rule.id.get(..text.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(text));
        if rule.name.eq_ignore_ascii_case(text) {
            Some(rule.id.len())
        } else if text.eq_ignore_ascii_case("ALL") {
            Some(0)
        } else {
            (begins && !text.is_empty()).then_some(text.len())
        }
    }
}

/// The rules that `select` takes (without any: those that are asked by default) and `ignore` doesn't. Where both take a rule,
/// the narrower one counts, and of two alike `ignore`.
#[must_use]
pub fn selected(select: &[Selector], ignore: &[Selector]) -> Vec<&'static Rule> {
    let weight = |selectors: &[Selector], rule| selectors.iter().filter_map(|selector| selector.weight(rule)).max();
    let mut chosen = Vec::new();
    for rule in rules() {
        let wanted = if select.is_empty() { rule.default.then_some(0) } else { weight(select, rule) };
        let Some(wanted) = wanted else { continue };
        if weight(ignore, rule).is_none_or(|unwanted| unwanted < wanted) {
            chosen.push(rule);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::{Selector, selected};

    fn ids(select: &[&str], ignore: &[&str]) -> Vec<&'static str> {
        let selectors =
            |texts: &[&str]| texts.iter().map(|text| Selector::new(text).expect("a rule")).collect::<Vec<_>>();
        selected(&selectors(select), &selectors(ignore)).iter().map(|rule| rule.id).collect()
    }

    #[test]
    fn the_narrower_of_two_counts() {
        assert_eq!(ids(&["RUL001", "exp001"], &["EXP"]), ["EXP001", "RUL001"]);
        assert!(ids(&["EXP"], &["EXP001"]).iter().all(|id| id.starts_with("EXP") && *id != "EXP001"));
        assert_eq!(ids(&["EXP001"], &["EXP001"]), Vec::<&str>::new());
        assert_eq!(ids(&["kernel-module-loading"], &["EXP"]), ["EXP001"]);
        assert!(ids(&["ALL"], &["ALL"]).is_empty());
        assert!(!ids(&[], &["EXP"]).is_empty());
    }

    #[test]
    fn a_wrong_name_says_what_there_is() {
        let error = Selector::new("permissive-defualt").expect_err("no rule");
        assert!(error.to_string().contains("permissive-default"), "{error}");
        let error = Selector::new("").expect_err("no rule");
        assert!(error.to_string().contains("RUL"), "{error}");
    }
}
