//! The EBNF of README.md is `gate.pest`, printed.

use std::collections::BTreeMap;
use std::path::Path;

use pest_meta::ast::Expr;
use pest_meta::parser::{self, Rule};

/// What pest calls the characters, and what readers do.
const CHARACTERS: &[(&str, &str)] = &[
    ("ANY", "character"),
    ("ASCII_ALPHA", "letter"),
    ("ASCII_ALPHANUMERIC", "letter | digit"),
    ("ASCII_DIGIT", "digit"),
];

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The rules of `gate.pest` that say something about the language, in its order.
fn rules() -> Vec<(String, Expr)> {
    let grammar = std::fs::read_to_string(folder().join("src/gate.pest")).expect("the grammar is there");
    let pairs = parser::parse(Rule::grammar_rules, &grammar).expect("pest reads it, or nothing was built");
    let rules = parser::consume_rules(pairs).expect("its rules are sound, or nothing was built");
    // `verb_part` only says where a keyword ends, which the page says in words.
    let of_the_language =
        |name: &str| !matches!(name, "WHITESPACE" | "COMMENT" | "verb_part") && !name.ends_with("_alone");
    rules.into_iter().map(|rule| (rule.name, rule.expr)).filter(|(name, _)| of_the_language(name)).collect()
}

/// What a rule stands for if it is nothing but one word or sign.
fn literal(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Str(text) => Some(quoted(text)),
        Expr::Seq(first, second) if matches!(**second, Expr::NegPred(_)) => literal(first),
        _ => None,
    }
}

fn quoted(text: &str) -> String {
    if text == "\n" {
        return "newline".to_owned();
    }
    if text.contains('"') { format!("'{text}'") } else { format!("\"{text}\"") }
}

fn page() -> String {
    let rules = rules();
    let literals: BTreeMap<&str, String> =
        rules.iter().filter_map(|(name, expression)| Some((name.as_str(), literal(expression)?))).collect();
    let shown: Vec<_> = rules.iter().filter(|(name, _)| !literals.contains_key(name.as_str())).collect();
    let width = shown.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut page = String::new();
    for (name, expression) in shown {
        let mut alternatives = Vec::new();
        collect_choices(expression, &mut alternatives);
        let alternatives: Vec<String> = alternatives.into_iter().map(|it| print(it, &literals, false)).collect();
        let line = alternatives.join(" | ");
        let separator = if line.len() > 80 { format!("\n{:width$} | ", "") } else { " | ".to_owned() };
        page.push_str(&format!("{name:width$} = {}\n", alternatives.join(&separator)));
    }
    page
}

fn collect_choices<'e>(expression: &'e Expr, found: &mut Vec<&'e Expr>) {
    if let Expr::Choice(first, second) = expression {
        collect_choices(first, found);
        collect_choices(second, found);
    } else {
        found.push(expression);
    }
}

/// `grouped`: alternatives need parentheses here.
fn print(expression: &Expr, literals: &BTreeMap<&str, String>, grouped: bool) -> String {
    let inner = |expression: &Expr, grouped| print(expression, literals, grouped);
    let choice = |shown: String| if grouped { format!("( {shown} )") } else { shown };
    match expression {
        Expr::Str(text) => quoted(text),
        Expr::Ident(name) => match CHARACTERS.iter().find(|(pest, _)| pest == name) {
            Some((_, shown)) if shown.contains('|') => choice((*shown).to_owned()),
            Some((_, shown)) => (*shown).to_owned(),
            None => literals.get(name.as_str()).unwrap_or(name).clone(),
        },
        Expr::Seq(first, second) => match (&**first, &**second) {
            (Expr::NegPred(not), what) => format!("( {} - {} )", inner(what, true), inner(not, true)),
            (what, Expr::NegPred(_)) => inner(what, grouped),
            (first, second) => format!("{} {}", inner(first, true), inner(second, true)),
        },
        Expr::Choice(first, second) => choice(format!("{} | {}", inner(first, false), inner(second, false))),
        Expr::Opt(what) => format!("[ {} ]", inner(what, false)),
        Expr::Rep(what) => format!("{{ {} }}", inner(what, false)),
        Expr::RepOnce(what) => format!("{} {{ {} }}", inner(what, true), inner(what, false)),
        other => panic!("teach this page to print {other:?}"),
    }
}

#[test]
fn the_page_shows_the_grammar() {
    let readme = folder().join("README.md");
    let text = std::fs::read_to_string(&readme).unwrap();
    let (before, rest) = text.split_once("rewrites it. -->\n```text\n").expect("the page has its mark");
    let (shown, after) = rest.split_once("```\n").expect("the block is closed");
    let page = page();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&readme, format!("{before}rewrites it. -->\n```text\n{page}```\n{after}")).unwrap();
    } else {
        assert_eq!(shown, page, "README.md is out of date; run again with UPDATE_EXPECT=1");
    }
}

#[test]
fn every_rule_that_is_used_is_shown() {
    let page = page();
    for (name, expression) in rules() {
        let is_shown = page.lines().any(|line| line.split(' ').next() == Some(name.as_str()));
        assert!(is_shown || literal(&expression).is_some_and(|literal| page.contains(&literal)), "{name} is not shown");
    }
}
