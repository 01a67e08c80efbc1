//! The canonical form, by example and by law.

use callgate_grammar::{SourceId, Sources, format, parse, print};
use proptest::prelude::*;

use crate::properties::tokens;
use crate::shape;

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(format(text).as_deref(), Ok(expected));
    check_laws(text);
}

/// The laws of a text that is a policy; the others are refused with their errors.
fn check_laws(text: &str) {
    let (tree, comments) = meaning(text);
    let Ok(formatted) = format(text) else {
        assert!(parse(SourceId(0), text).1.iter().any(callgate_grammar::Diagnostic::is_error), "refused: {text:?}");
        return;
    };
    assert_eq!(format(&formatted).as_ref(), Ok(&formatted), "formatting {text:?} twice");
    assert_eq!(meaning(&formatted), (tree, comments), "formatting {text:?} changed it");
    assert!(!formatted.lines().any(|line| line.ends_with(' ')), "a blank at the end of a line: {formatted:?}");
    assert!(!formatted.contains("\n\n\n") && !formatted.starts_with('\n'), "empty lines: {formatted:?}");
    let (file, _) = parse(SourceId(0), text);
    let printed = print(&file).expect("a tree of a text has a text");
    assert_eq!(meaning(&printed), (tree_of(text), Vec::new()), "printing the tree of {text:?} gave {printed:?}");
}

fn tree_of(text: &str) -> String {
    meaning(text).0
}

/// The tree without its spans, and the text of each comment.
fn meaning(text: &str) -> (String, Vec<String>) {
    let mut sources = Sources::default();
    let source = sources.add("test", text);
    let (file, _) = parse(source, text);
    let comments = file.comments.iter().map(|&comment| sources.snippet(comment).trim_end().to_owned());
    (shape::statements(&file.statements), comments.collect())
}

#[test]
fn blanks_and_empty_lines() {
    check("", "");
    check("\n\n", "");
    check("\n  allow :read,write\t\n\n\n\ndeny:all", "allow: read, write\n\ndeny: all\n");
    check("allow: a\r\n\r\ndeny: b\r\n", "allow: a\n\ndeny: b\n");
    check("\u{feff}kill-thread : a", "kill-thread: a\n");
}

#[test]
fn comments() {
    check("# a\n\n\n#b  \nallow: c#d", "# a\n\n#b\nallow: c  # d\n".replace("# d", "#d").as_str());
    check("allow: a, # one\nb", "allow: a,  # one\n    b\n");
    check("allow: a,\n   # one\n\n  b", "allow: a,\n    # one\n    b\n");
    check("allow: f(a # one\n , b)", "allow: f(\n    a,  # one\n    b\n)\n");
    check("allow: f( # one\n a)", "allow: f(  # one\n    a\n)\n");
    check("let A = {1, # one\n}", "let A = {\n    1  # one\n}\n");
    check("when cap A { # one\n\n allow: b }", "when cap A {  # one\n    allow: b\n}\n");
    check("when cap A { allow: b } # one", "when cap A { allow: b }  # one\n");
}

#[test]
fn operators_and_brackets() {
    check("allow: f ( a&0xF!=B|C||!( d in{1 , 2..  3,} ) )", "allow: f(a & 0xF != B | C || !(d in {1, 2..3}))\n");
    check("let A = - 1 | ~ B", "let A = -1 | ~B\n");
    check("allow: f(a in-1, raw (b)==1, (c))", "allow: f(a in -1, raw(b) == 1, (c))\n");
    check("errno ( ENOSYS ): a()", "errno(ENOSYS): a()\n");
    check("expect on arm , x86:f( 1,2 )=>errno( 1 )", "expect on arm, x86: f(1, 2) => errno(1)\n");
    check("use:@runc-1.2 , \"a  # \\\"b\"", "use: @runc-1.2, \"a  # \\\"b\"\n");
    check("known :  6.12", "known: 6.12\n");
}

#[test]
fn blocks() {
    check("when cap A {\nallow: b\n}", "when cap A { allow: b }\n");
    check(
        "when  not kernel>=4.8 and arch x86{allow: a\ndeny: b}",
        "when not kernel >= 4.8 and arch x86 {\n    allow: a\n    deny: b\n}\n",
    );
    check("when cap A {\n\nwhen cap B { allow: c }\n\n}", "when cap A {\n    when cap B { allow: c }\n}\n");
}

#[test]
fn long_lines() {
    let long = "a_rather_long_system_call".repeat(4);
    check(&format!("allow: {long}()"), &format!("allow: {long}()\n"));
    let calls = ["a_rather_long_system_call"; 5].join(", ");
    let three = ["a_rather_long_system_call"; 3].join(", ");
    check(
        &format!("allow: {calls}"),
        &format!("allow: {three},\n    a_rather_long_system_call, a_rather_long_system_call\n"),
    );
    let entries = ["A_CONSTANT"; 12].join(", ");
    check(
        &format!("allow: ioctl(cmd in {{{entries}}})"),
        &format!(
            "allow: ioctl(cmd in {{\n    {},\n    {}\n}})\n",
            ["A_CONSTANT"; 8].join(", "),
            ["A_CONSTANT"; 4].join(", ")
        ),
    );
    let either = ["option == A_CONSTANT"; 6].join(" || ");
    check(
        &format!("allow: f({either})"),
        &format!(
            "allow: f(\n    {} ||\n        {}\n)\n",
            ["option == A_CONSTANT"; 4].join(" || "),
            ["option == A_CONSTANT"; 2].join(" || ")
        ),
    );
}

#[test]
fn a_text_with_errors_is_refused() {
    let errors = format("allow: a\nalow: b").expect_err("there is an error");
    assert_eq!(errors.len(), 1);
}

/// A run of comments inside a bracket must not be walked again for every one of them.
#[test]
fn a_hundred_thousand_comments_in_a_bracket() {
    check_laws(&format!("let A = {{1{}, 2}}", "\n#".repeat(100_000)));
}

/// Something between two tokens where a line may end.
fn gap() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", " ", "  ", "\t", "\n", "\r\n", " # c\n", "\n# c\n", "\n\n  # c, d\n# e\n"])
}

/// Words of every length, so that lines are full at every place. None of them is `not` or `notify`.
fn name() -> impl Strategy<Value = String> {
    "[a-z_][a-z0-9_]{0,30}".prop_map(|name| format!("n_{name}"))
}

fn expression() -> impl Strategy<Value = String> {
    let operand =
        prop_oneof![name(), "0x[0-9a-f]{1,16}", "[1-9][0-9]{0,9}", name().prop_map(|name| format!("raw( {name})"))];
    operand.prop_recursive(5, 40, 6, |inner| {
        let chained = prop::sample::select(vec!["&", "|", "&&", "||"]);
        let single = prop::sample::select(vec!["..", "==", "!=", "<", ">=", "in", "has", "lacks"]);
        prop_oneof![
            (inner.clone(), gap(), chained, gap(), inner.clone())
                .prop_map(|(left, before, operator, after, right)| format!("{left} {before}{operator} {after}{right}")),
            (inner.clone(), gap(), single, gap(), inner.clone()).prop_map(|(left, before, operator, after, right)| {
                format!("(({left}){before}{operator}{after}({right}))")
            }),
            (prop::sample::select(vec!["!", "-", "~"]), gap(), inner.clone())
                .prop_map(|(o, gap, it)| format!("{o}{gap}{it}")),
            (prop::collection::vec((inner.clone(), gap(), gap()), 1..6), gap())
                .prop_map(|(entries, gap)| list("(", &entries, gap, ")")),
            (prop::collection::vec((inner, gap(), gap()), 0..6), gap())
                .prop_map(|(entries, gap)| list("{", &entries, gap, "}")),
        ]
    })
}

fn list(open: &str, entries: &[(String, &str, &str)], gap: &str, close: &str) -> String {
    let entries: Vec<String> = entries.iter().map(|(entry, before, after)| format!("{before}{entry}{after}")).collect();
    format!("{open}{}{gap}{close}", entries.join(","))
}

fn rule() -> impl Strategy<Value = String> {
    let verb = prop::sample::select(vec!["allow", "deny", "errno(ENOSYS)", "kill-thread", "trap ( 3)", "log"]);
    let arguments = prop::collection::vec((expression(), gap(), gap()), 0..3);
    let call = (name(), arguments, gap()).prop_map(|(name, arguments, gap)| name + &list("(", &arguments, gap, ")"));
    let target = prop_oneof![
        name(),
        call,
        name().prop_map(|name| format!("@{name}")),
        Just("all".to_owned()),
        Just("arch x86".to_owned())
    ];
    (verb, prop::collection::vec((target, gap()), 1..8)).prop_map(|(verb, targets)| {
        let last = targets.len() - 1;
        let target = |(at, (target, gap)): (usize, &(String, &str))| {
            if at == last { target.clone() } else { format!("{target},{gap}") }
        };
        format!("{verb}:{}", targets.iter().enumerate().map(target).collect::<String>())
    })
}

fn policy() -> impl Strategy<Value = String> {
    let plain = prop::sample::select(vec![
        "arch: x86 ,arm",
        "known:6.12",
        "use: @a-b,\"c # d\"",
        "expect on x86 : f(1) =>trap(1)",
    ]);
    let statement = prop_oneof![
        rule(),
        rule(),
        plain.prop_map(str::to_owned),
        expression().prop_map(|value| format!("let n = ({value})"))
    ];
    let line_end = || prop::sample::select(vec!["\n", "\n\n", "  # c\n", "\r\n", "\n\n\n# c\n\n"]);
    let lines = |most| {
        prop::collection::vec((statement.clone(), line_end()), 1..most)
            .prop_map(|lines| lines.into_iter().map(|(line, end)| line + end).collect::<String>())
    };
    let block = (lines(3), prop::sample::select(vec![" ", "\n", " # c\n", "\n\n"]), line_end())
        .prop_map(|(body, gap, end)| format!("when not cap X  and kernel<4.8{{{gap}{body}}}{end}"));
    prop::collection::vec(prop_oneof![lines(4), block], 1..4).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn policies_keep_their_meaning(text in policy()) {
        prop_assert_eq!(parse(SourceId(0), &text).1, []);
        check_laws(&text);
    }

    #[test]
    fn any_tokens_keep_their_meaning(text in tokens()) {
        check_laws(&text);
        check_laws(&format!("let A = {{{text}}}"));
    }
}
