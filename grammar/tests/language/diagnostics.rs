//! What is said about each mistake: the code, the place, the next step. Every code has its line here.

use std::collections::BTreeSet;

use callgate_grammar::{Diagnostic, Severity, SourceId, Sources, codes, parse, parse_call};

/// `code @ main place: message | help`, one finding a line.
fn findings(text: &str) -> Vec<String> {
    let mut sources = Sources::default();
    let source = sources.add("test", text);
    let (_, diagnostics) = parse(source, text);
    diagnostics.iter().map(|finding| line(&sources, finding)).collect()
}

fn line(sources: &Sources, finding: &Diagnostic) -> String {
    assert_eq!(finding.severity, Severity::Error);
    let place = finding.labels.first().map_or("nowhere".to_owned(), |label| {
        let (line, column) = sources.line_column(label.span.source, label.span.start);
        format!("{line}:{column} `{}`", sources.snippet(label.span))
    });
    let help = finding.help.as_deref().unwrap_or("-");
    format!("{} @ {place}: {} | {help}", finding.code, finding.message)
}

/// One mistake of each kind: the text, and how each finding starts and what its help holds.
const CASES: &[(&str, &[(&str, &str)])] = &[
    ("{ \"defaultAction\": 1 }", &[("looks-like-json @ 1:1 `{`", "--from docker")]),
    ("\n [\n {} ]", &[("looks-like-json @ 2:2 `[`", "--from docker")]),
    ("allow: read # \u{202e}x", &[("hidden-character @ 1:15 `\u{202e}`", "delete it")]),
    ("# x\rallow: read", &[("hidden-character @ 1:4 `\r`", "delete it")]),
    ("use: \"a\u{2066}\"", &[("hidden-character @ 1:8 `\u{2066}`", "delete it")]),
    ("allow: f(a == 1\nallow: read", &[("unclosed-bracket @ 1:9 `(`", "add the missing `)`")]),
    ("allow: f(a in {1, 2)", &[("unclosed-bracket @ 1:15 `{`", "add the missing `}`")]),
    ("when cap X {\nallow: read\n", &[("unclosed-bracket @ 1:12 `{`", "add the missing `}`")]),
    ("when cap X { allow: f(a == 1 }", &[("unclosed-bracket @ 1:22 `(`", "add the missing `)`")]),
    ("allow: read)", &[("unmatched-bracket @ 1:12 `)`", "add the missing `(`")]),
    ("allow: read\n}", &[("unmatched-bracket @ 2:1 `}`", "add the missing `{`")]),
    ("use: \"abc \n", &[("unclosed-string @ 1:6 `\"abc`", "close it")]),
    ("use: \"a\\nb\"", &[("bad-escape @ 1:8 `\\n`", "write `\\\\`")]),
    ("allow: read;\ndeny: all", &[("semicolon @ 1:12 `;`", "delete the `;`")]),
    ("allow: f(a == 1; b == 2)", &[("semicolon @ 1:16 `;`", "comma")]),
    ("when cap X { allow: a } allow: b", &[("missing-newline @ 1:25 `a`", "own line")]),
    ("read, write", &[("missing-verb @ 1:1 ``", "write `allow: read, write`")]),
    (": read", &[("missing-verb @ 1:1 `:`", "write `allow: read`")]),
    ("allow read", &[("missing-colon @ 1:6 ``", "write `allow: …`")]),
    ("errno(ENOSYS) clone3", &[("missing-colon @ 1:14 ``", "write `errno(ENOSYS): …`")]),
    ("arch x86_64", &[("missing-colon @ 1:5 ``", "write `arch: …`")]),
    ("alow: read", &[("unknown-verb @ 1:1 `alow`", "did you mean `allow`?")]),
    ("kill-process: read", &[("unknown-verb @ 1:1 `kill-process`", "did you mean `kill`?")]),
    ("kill thread: read", &[("unknown-verb @ 1:6 `thread`", "did you mean `kill-thread`?")]),
    ("expect: read => alow", &[("unknown-verb @ 1:17 `alow`", "did you mean `allow`?")]),
    ("wen cap X {\n  allow: read\n}", &[("unknown-verb @ 1:1 `wen`", "did you mean `when`?")]),
    ("default: deny", &[("unknown-verb @ 1:1 `default`", "write `deny: all`")]),
    ("quux: read", &[("unknown-verb @ 1:1 `quux`", "the verbs are allow, deny, errno")]),
    ("errno: clone3", &[("verb-needs-value @ 1:1 `errno`", "write `errno(ENOSYS)`")]),
    ("deny(EPERM): read", &[("verb-takes-no-value @ 1:5 `(`", "write `errno(NAME)`")]),
    ("expect: read => allow(1)", &[("verb-takes-no-value @ 1:22 `(`", "write `allow` alone")]),
    ("allow:", &[("empty-list @ 1:6 `:`", "write `allow: read, write`")]),
    ("arch: # none", &[("empty-list @ 1:5 `:`", "write `arch: x86_64, aarch64`")]),
    // A space that the grammar doesn't know: no entry is empty where it stands, and no span may cut it in two.
    ("deny: \u{a0}, read", &[("unexpected-text @ 1:7 `\u{a0}`", "-")]),
    ("allow: read,, write", &[("empty-entry @ 1:12 `,,`", "delete one comma")]),
    ("allow: read,\nallow: write", &[("trailing-comma @ 1:13 ``", "delete the comma")]),
    ("arch: x86,", &[("trailing-comma @ 1:11 ``", "delete the comma")]),
    ("when cap X {\n}", &[("empty-block @ 1:12 `{\n}`", "delete it")]),
    ("when cap X\n{ allow: read }", &[("missing-block @ 1:1 `when cap X`", "end the line with `{`")]),
    ("allow: a\n{ deny: b }", &[("missing-when @ 2:1 `{`", "write `when")]),
    ("allow: f(a = 1)", &[("single-equals @ 1:12 `=`", "write `==`")]),
    ("allow: f(a == 1 and b == 2)", &[("word-operator @ 1:17 `and`", "write `&&`")]),
    ("allow: f(a == 1 or b == 2)", &[("word-operator @ 1:17 `or`", "write `||`")]),
    ("allow: f(not a == 1)", &[("word-operator @ 1:10 `not`", "write `!`")]),
    ("when cap A && cap B { allow: a }", &[("guard-operator @ 1:12 `&&`", "write `and`")]),
    ("when cap A, cap B { allow: a }", &[("guard-operator @ 1:11 `,`", "write `and`")]),
    ("when cap A or cap B { allow: a }", &[("guard-operator @ 1:12 `or`", "two `when` blocks")]),
    ("when !cap A { allow: a }", &[("guard-operator @ 1:6 `!`", "write `not`")]),
    ("allow: f(1 < a < 3)", &[("comparison-chain @ 1:16 `<`", "join with `&&`")]),
    ("allow: f(a in 1..2..3)", &[("range-chain @ 1:19 `..`", "set")]),
    ("allow: f(a in [1, 2])", &[("square-bracket @ 1:15 `[`", "write `{…}`")]),
    ("use: 'base.gate'", &[("quote-character @ 1:6 `'`", "write `\"…\"`")]),
    ("use: “base.gate”", &[("quote-character @ 1:6 `“`", "write `\"…\"`")]),
    ("use: glibc", &[("missing-quotes @ 1:6 `glibc`", "`@glibc` for a shipped policy")]),
    ("listener-metadata: web", &[("missing-quotes @ 1:20 `web`", "write `\"web\"`")]),
    ("listener: /run/x.sock", &[("missing-quotes @ 1:11 `/run/x.sock`", "write `\"/run/x.sock\"`")]),
    ("allow: \"read\"", &[("quoted-name @ 1:8 `\"read\"`", "delete the quotes")]),
    ("allow: f(a == 1 << 3)", &[("no-arithmetic @ 1:17 `<<`", "write the result")]),
    ("allow: f(a == b - 1)", &[("no-arithmetic @ 1:17 `-`", "write the result")]),
    ("allow: f(a == 0755)", &[("bad-number @ 1:15 `0755`", "0o755 for octal, 755 for decimal")]),
    ("allow: f(a == 0xzz)", &[("bad-number @ 1:15 `0xzz`", "0x29")]),
    ("allow: 12ab", &[("bad-number @ 1:8 `12ab`", "41")]),
    (
        "allow: f(a == 18446744073709551616)",
        &[("number-too-large @ 1:15 `18446744073709551616`", "0xffff_ffff_ffff_ffff")],
    ),
    ("known: 6", &[("bad-version @ 1:8 `6`", "6.12")]),
    ("known: 6.12.1", &[("bad-version @ 1:8 `6`", "6.12")]),
    ("when kernel >= 70000.1 { allow: a }", &[("bad-version @ 1:16 `70000.1`", "MAJOR.MINOR")]),
    ("allow: all(a == 1)", &[("condition-without-call @ 1:11 `(`", "name the calls")]),
    ("allow: @net(a == 1)", &[("condition-without-call @ 1:12 `(`", "name the calls")]),
    ("allow: open-at", &[("dash-in-name @ 1:12 `-`", "write `_`")]),
    ("allow: read write", &[("unexpected-text @ 1:13 `write`", "separate two entries with a comma")]),
    ("allow: a\n, b", &[("unexpected-text @ 2:1 `,`", "end of the line before")]),
    ("let X = 1, 2", &[("unexpected-text @ 1:10 `,`", "several values are a set")]),
    ("allow: re\0ad", &[("unexpected-text @ 1:10 `\0`: unexpected character U+0000", "-")]),
    ("\0", &[("unexpected-text @ 1:1 `\0`: unexpected character U+0000", "-")]),
    ("expect: read", &[("unexpected-end @ 1:13 ``", "say what must happen")]),
    ("when cap { allow: a }", &[("unexpected-end @ 1:9 ``: this ends too early; expected a name", "-")]),
    // Every error of a file, and of a statement, in one run and in the order of the text.
    (
        "alow: a\nallow: f(b = 1), c d, g(e == 08)\nwhen cap X or cap Y {\n  deny b\n}\n;\nallow: z",
        &[
            ("unknown-verb @ 1:1 `alow`", "did you mean `allow`?"),
            ("single-equals @ 2:12 `=`", "write `==`"),
            ("unexpected-text @ 2:20 `d`", "comma"),
            ("bad-number @ 2:30 `08`", "41"),
            ("guard-operator @ 3:12 `or`", "two `when` blocks"),
            ("missing-colon @ 4:7 ``", "write `deny: …`"),
            ("semicolon @ 6:1 `;`", "delete"),
        ],
    ),
];

#[track_caller]
fn check(text: &str, expected: &[(&str, &str)]) {
    let found = findings(text);
    let agree = found.len() == expected.len()
        && found.iter().zip(expected).all(|(line, (start, help))| {
            line.starts_with(start) && line.rsplit_once(" | ").is_some_and(|(_, given)| given.contains(help))
        });
    assert!(agree, "{text:?}\n found    {found:#?}\n expected {expected:#?}");
}

#[test]
fn mistakes() {
    for (text, expected) in CASES {
        check(text, expected);
    }
}

#[test]
fn mistakes_with_windows_line_ends() {
    for (text, expected) in CASES {
        if !text.contains('\r') && !text.contains("{\n}") {
            check(&text.replace('\n', "\r\n"), expected);
        }
    }
}

#[test]
fn every_code_is_shown_here_or_in_bounds() {
    let elsewhere = [
        codes::TEXT_TOO_LARGE,
        codes::STATEMENT_TOO_LONG,
        codes::NESTING_TOO_DEEP,
        codes::EXPRESSION_TOO_LONG,
        codes::TOO_MANY_ERRORS,
    ];
    let here =
        CASES.iter().flat_map(|(_, expected)| expected.iter()).map(|(start, _)| start.split(' ').next().unwrap());
    let shown: BTreeSet<&str> = here.chain(elsewhere).collect();
    assert_eq!(shown, codes::ALL.iter().copied().collect::<BTreeSet<_>>());
    assert_eq!(codes::ALL.len(), shown.len(), "a code stands twice in the list");
}

#[test]
fn the_opening_bracket_is_labelled() {
    let (_, diagnostics) = parse(SourceId(0), "allow: f(a == 1\nallow: read");
    let labels: Vec<_> = diagnostics[0].labels.iter().map(|label| (label.span.start, label.text.as_str())).collect();
    assert_eq!(labels, [(8, "opened here"), (15, "`)` is missing, here at the latest")]);
}

#[test]
fn what_was_expected_is_said_in_words() {
    let (_, diagnostics) = parse(SourceId(0), "allow: :");
    assert_eq!(diagnostics[0].notes, ["expected a system call, an @group or `all`"]);
}

#[test]
fn good_targets_of_a_bad_statement_stay_in_the_tree() {
    let kept = |text| crate::shape::statements(&parse(SourceId(0), text).0.statements);
    assert_eq!(kept("allow: read, f(a = 1), g(a == 1)"), "(allow read g[(a == 1)])");
    assert_eq!(kept("allow: read, f(a == 08), g"), "(allow read g)");
    assert_eq!(kept("allow: f(a = 1)\nerrno(08): read\nerrno: read\nalow: read\nallow: f(a == 08)"), "");
}

#[test]
fn a_broken_call_alone() {
    let errors = parse_call(SourceId(0), "socket(AF_UNIX").expect_err("the bracket is open");
    assert_eq!(errors[0].code, codes::UNCLOSED_BRACKET);
}
