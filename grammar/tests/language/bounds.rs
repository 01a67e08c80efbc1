//! Hostile texts: long, deep, and not text at all. None of these tests looks at a clock; what is not linear would
//! not finish, and what recurses without bound would not survive.

use callgate_grammar::{Diagnostic, SourceId, codes, parse, parse_call};

const TEN_MEGABYTES: usize = 10 << 20;

#[track_caller]
fn check(text: &str, statements: usize, codes: &[&str]) {
    let (file, diagnostics) = parse(SourceId(0), text);
    assert_eq!(file.statements.len(), statements);
    assert_eq!(diagnostics.iter().map(|finding| finding.code).collect::<Vec<_>>(), codes);
}

#[test]
fn ten_megabytes_of_policy() {
    let why = "# why, at length: ".repeat(10);
    let line = format!("allow: socket(family == AF_UNIX, type & 0xf != SOCK_RAW), @signals {why}\n");
    let lines = TEN_MEGABYTES / line.len();
    check(&line.repeat(lines), lines, &[]);
}

#[test]
fn ten_megabytes_of_one_character() {
    for (character, code) in [
        ("\0", codes::STATEMENT_TOO_LONG),
        ("a", codes::STATEMENT_TOO_LONG),
        (",", codes::STATEMENT_TOO_LONG),
        (":", codes::STATEMENT_TOO_LONG),
        ("\"a", codes::STATEMENT_TOO_LONG),
        ("é", codes::STATEMENT_TOO_LONG),
        ("(", codes::NESTING_TOO_DEEP),
        ("({", codes::NESTING_TOO_DEEP),
        (")", codes::UNMATCHED_BRACKET),
        ("[", codes::STATEMENT_TOO_LONG),
    ] {
        check(&character.repeat(TEN_MEGABYTES / character.len()), 0, &[code]);
    }
    check(&"\n".repeat(TEN_MEGABYTES), 0, &[]);
    check(&"#".repeat(TEN_MEGABYTES), 0, &[]);
    check(&"# \"({\n".repeat(TEN_MEGABYTES / 6), 0, &[]);
}

#[test]
fn more_errors_than_anyone_reads() {
    for line in ["\0\n", ";", "}\n", "{", "when {", "allow: (\n", "\"\n", "allow: read,\nlet", "\r", "a:\n"] {
        let (_, diagnostics) = parse(SourceId(0), &line.repeat((1 << 20) / line.len()));
        assert!(diagnostics.len() <= 1_001, "{line:?}: {}", diagnostics.len());
        assert!(diagnostics.iter().any(Diagnostic::is_error));
    }
    let (_, diagnostics) = parse(SourceId(0), &"a:\n".repeat(5_000));
    assert_eq!(diagnostics.len(), 1_001);
    assert_eq!(diagnostics[1_000].code, codes::TOO_MANY_ERRORS);
}

#[test]
fn a_hundred_thousand_brackets() {
    let deep = 100_000;
    let nested = format!("allow: f({}1{})\nallow: read", "(".repeat(deep), ")".repeat(deep));
    check(&nested, 1, &[codes::NESTING_TOO_DEEP]);
    check(&format!("allow: f({}\nallow: read", "(".repeat(deep)), 1, &[codes::NESTING_TOO_DEEP]);
    check(&format!("let A = {}{}", "{".repeat(deep), "}".repeat(deep)), 0, &[codes::NESTING_TOO_DEEP]);
    check(&format!("let A = {}{}", "(".repeat(deep), "}".repeat(deep)), 0, &[codes::NESTING_TOO_DEEP]);
    let blocks = format!("{}allow: a\n{}", "when cap A {\n".repeat(deep), "}\n".repeat(deep));
    let (_, diagnostics) = parse(SourceId(0), &blocks);
    assert!(diagnostics.iter().any(|finding| finding.code == codes::NESTING_TOO_DEEP));
    assert!(parse_call(SourceId(0), &format!("f{}", "(".repeat(deep))).is_err());
}

#[test]
fn the_deepest_nesting_that_is_read() {
    let nested = |depth| format!("let A = {}1{}", "(".repeat(depth), ")".repeat(depth));
    check(&nested(64), 1, &[]);
    check(&nested(65), 0, &[codes::NESTING_TOO_DEEP]);
    let sets = |depth| format!("let A = {}1{}", "{".repeat(depth), "}".repeat(depth));
    check(&sets(64), 1, &[]);
    let blocks = |depth| format!("{}allow: a\n{}", "when cap A {\n".repeat(depth), "}\n".repeat(depth));
    check(&blocks(64), 1, &[]);
}

#[test]
fn long_chains_of_operators() {
    let ors = |count| format!("let A = a{}", "|a".repeat(count));
    check(&ors(500), 1, &[]);
    check(&ors(1_000), 0, &[codes::EXPRESSION_TOO_LONG]);
    check(&ors(100_000), 0, &[codes::EXPRESSION_TOO_LONG]);
    for prefix in ["!", "-", "~", "!-"] {
        check(&format!("let A = {}a", prefix.repeat(500 / prefix.len())), 1, &[]);
        check(&format!("let A = {}a", prefix.repeat(100_000)), 0, &[codes::EXPRESSION_TOO_LONG]);
    }
    let commas = |count| format!("let A = (a{})", ", a".repeat(count));
    check(&commas(400), 1, &[]);
    check(&commas(100_000), 0, &[codes::EXPRESSION_TOO_LONG]);
    let mut mixed = "a".to_owned();
    for _ in 0..60 {
        mixed = format!("({}{mixed}{})", "-".repeat(20), "|a".repeat(20));
    }
    check(&format!("let A = {mixed}"), 0, &[codes::EXPRESSION_TOO_LONG]);
    check(&format!("let A = {{{}}}", "-1, ".repeat(50_000)), 1, &[]);
}
