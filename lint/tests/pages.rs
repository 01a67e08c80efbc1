//! Every rule's page is whole, and its examples are what the rule finds and leaves alone.

use callgate_compiler::abi::Abi;
use callgate_compiler::lower::Groups;
use callgate_compiler::lower::target::capability;
use callgate_compiler::tables;
use callgate_grammar::tree::Version;
use callgate_lint::{Document, Example, Finding, Reading, Rule, Seen, lint, rules};

fn groups() -> Groups {
    let members = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    callgate_profiles::groups::groups()
        .iter()
        .map(|(&name, group)| (name.to_owned(), members(&group.members)))
        .collect()
}

fn read(example: &Example) -> Document {
    let mut reading = Reading::default();
    // What starts containers is no format of profiles.
    if !["gate", "workload"].contains(&example.format()) {
        reading.from = Some(example.format().parse().unwrap_or_else(|_| panic!("{} is no format", example.format())));
    }
    if let Some(arch) = example.option("arch") {
        reading.abis = Some(arch.split(',').map(|name| name.parse::<Abi>().expect("an ABI")).collect());
    }
    if let Some(caps) = example.option("cap") {
        reading.host.capabilities =
            caps.split(',').filter(|cap| *cap != "none").map(|cap| capability(cap).expect("a capability")).collect();
    }
    if let Some((major, minor)) = example.option("kernel").and_then(|kernel| kernel.split_once('.')) {
        reading.host.kernel = Version { major: major.parse().expect("major"), minor: minor.parse().expect("minor") };
    }
    if let Some(engine) = example.option("engine") {
        reading.engine = engine.parse().expect("an engine");
    }
    if let Some(seen) = example.option("seen") {
        let number = |name| (Abi::X86_64, tables::number(Abi::X86_64, name).expect("a call of x86-64"));
        reading.seen = Some(Seen { calls: seen.split(',').map(number).collect(), runs: 1 });
    }
    if let Some(libseccomp) = example.option("libseccomp") {
        reading.host.libseccomp = libseccomp.parse().expect("a libseccomp");
    }
    if let Some(source) = example.option("source") {
        let source = Document::of_text("source", &source.replace("; ", "\n"), &groups(), Reading::default());
        reading.source = source.meaning.map(|meaning| meaning.policy);
    }
    let numbers = example.option("numbers").map_or(0, |count| count.parse::<u32>().expect("a count"));
    // As far apart as commands are, so that no range and no mask stands for several.
    let numbers: Vec<_> = (0..numbers).map(|at| (at.wrapping_mul(2_654_435_761) & 0x7fff_ffff).to_string()).collect();
    let text = example.text.replace("NUMBERS", &numbers.join(", "));
    Document::of_text("example", &text, &groups(), reading)
}

fn found(rule: &'static Rule, document: &Document) -> Vec<Finding> {
    lint(document, &[rule])
}

#[test]
fn every_page_is_whole() {
    for rule in rules() {
        let page = rule.page();
        assert!(page.text.starts_with(&format!("# {}\n", rule.name)), "{}: the title is the name", rule.id);
        for heading in ["What", "Why", "Example", "Near miss", "Fix", "Sources"] {
            assert!(!page.section(heading).is_empty(), "{}: {heading}", rule.id);
        }
        assert!(!page.examples("Example").is_empty(), "{}: an example", rule.id);
        assert!(!page.examples("Near miss").is_empty(), "{}: a near miss", rule.id);
    }
}

#[test]
fn ids_and_names_are_each_rules_own() {
    let mut ids: Vec<_> = rules().iter().map(|rule| rule.id).collect();
    let mut names: Vec<_> = rules().iter().map(|rule| rule.name).collect();
    let all = ids.len();
    ids.dedup();
    names.sort_unstable();
    names.dedup();
    assert_eq!((ids.len(), names.len()), (all, all));
}

/// Every page is looked at before one fails the test.
fn check(heading: &str, problem: fn(&'static Rule, &Example) -> Option<String>) {
    let pages = rules().iter().map(|rule| (rule, rule.page().examples(heading)));
    let all = pages.flat_map(|(rule, examples)| examples.into_iter().map(move |example| (rule, example)));
    let problems: Vec<_> = all.filter_map(|(rule, example)| problem(rule, &example)).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn examples_are_found_where_they_say() {
    check("Example", |rule, example| {
        let document = read(example);
        let found = found(rule, &document);
        if found.is_empty() {
            return Some(format!("{} finds nothing in\n{}\nsaid: {:#?}", rule.id, example.text, document.said));
        }
        let place = example.option("at")?;
        let covered: Vec<_> = found
            .iter()
            .map(|finding| finding.labels[0].span)
            .map(|span| document.sources.snippet(span).to_owned())
            .collect();
        let is_there = covered.iter().any(|text| text.contains(place));
        (!is_there).then(|| format!("{} at {covered:?}, not at {place:?}", rule.id))
    });
}

#[test]
fn near_misses_are_left_alone() {
    check("Near miss", |rule, example| {
        let document = read(example);
        let found = found(rule, &document);
        (!found.is_empty()).then(|| format!("{} finds in\n{}\n{found:#?}", rule.id, example.text))
    });
}
