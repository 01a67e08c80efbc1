//! What holds for every text: no panic, and every place that is named is a place in the text.

use callgate_grammar::tree::{Call, Expr, ExprKind, Statement, StatementKind, TargetKind};
use callgate_grammar::{Diagnostic, SourceId, Span, parse, parse_call, parse_verb};
use proptest::prelude::*;

const SOURCE: SourceId = SourceId(7);

/// Pieces of policies, so that random sequences come near to being one.
pub(crate) fn tokens() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "allow",
        "deny",
        "errno",
        "errno(ENOSYS)",
        "kill",
        "kill-thread",
        "trap",
        "trap(1)",
        "trace",
        "log",
        "notify",
        "arch",
        "known",
        "use",
        "let",
        "when",
        "expect",
        "flags",
        "listener",
        "listener-metadata",
        "on",
        "cap",
        "kernel",
        "and",
        "not",
        "or",
        "all",
        "unknown",
        "raw",
        "in",
        "has",
        "lacks",
        "read",
        "socket",
        "family",
        "AF_UNIX",
        "@signals",
        "@",
        "6.12",
        "41",
        "0x29",
        "0x",
        "99999999999999999999",
        "1_0",
        "\"path\"",
        "\"",
        "\\",
        "'",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        ";",
        "=",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "=>",
        "&",
        "&&",
        "|",
        "||",
        "..",
        ".",
        "!",
        "-",
        "~",
        "+",
        "#",
        "# comment\n",
        "\n",
        "\r\n",
        "\r",
        " ",
        "  ",
        "\t",
        "\0",
        "é",
        "\u{feff}",
        "\u{202e}",
        "\u{a0}",
        "𝒳",
    ]);
    prop::collection::vec((token, prop::sample::select(vec!["", " ", " ", "\n"])), 0..40)
        .prop_map(|parts| parts.into_iter().flat_map(|(token, blank)| [token, blank]).collect())
}

fn check_span(text: &str, span: Span) {
    assert_eq!(span.source, SOURCE);
    assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?} is no part of {text:?}");
}

fn check_diagnostics(text: &str, diagnostics: &[Diagnostic]) {
    for finding in diagnostics {
        assert!(callgate_grammar::codes::ALL.contains(&finding.code), "{finding:?}");
        assert!(!finding.message.contains('\n') && !finding.message.ends_with('.'), "{finding:?}");
        for internal in ["_word", "_statement", "_alone", "operand_", "something else"] {
            let shows = |shown: &String| shown.contains(internal) && !text.contains(internal);
            assert!(!shows(&finding.message) && !finding.notes.iter().any(shows), "{finding:?}");
        }
        finding.labels.iter().for_each(|label| check_span(text, label.span));
    }
}

fn check_expression(text: &str, inside: Span, expression: &Expr) {
    check_inside(text, inside, expression.span);
    match &expression.node {
        ExprKind::Number(_) | ExprKind::Name(_) => {}
        ExprKind::Raw(name) => check_inside(text, expression.span, name.span),
        ExprKind::Set(entries) => entries.iter().for_each(|entry| check_expression(text, expression.span, entry)),
        ExprKind::Unary(operator, operand) => {
            check_inside(text, expression.span, operator.span);
            check_expression(text, expression.span, operand);
        }
        ExprKind::Binary(operator, left, right) => {
            check_inside(text, expression.span, operator.span);
            check_expression(text, expression.span, left);
            check_expression(text, expression.span, right);
        }
    }
}

fn check_inside(text: &str, outer: Span, inner: Span) {
    check_span(text, inner);
    assert!(outer.start <= inner.start && inner.end <= outer.end, "{inner:?} is outside {outer:?} of {text:?}");
}

fn check_call(text: &str, inside: Span, call: &Call) {
    check_inside(text, inside, call.span);
    check_inside(text, call.span, call.callee.span);
    call.arguments.iter().flatten().for_each(|argument| check_expression(text, call.span, argument));
}

fn check_statement(text: &str, statement: &Statement) {
    check_span(text, statement.span);
    let inside = statement.span;
    match &statement.node {
        StatementKind::Arch(names) | StatementKind::Flags(names) => {
            names.iter().for_each(|name| check_inside(text, inside, name.span));
        }
        StatementKind::Known(version) => check_inside(text, inside, version.span),
        StatementKind::Use(targets) => targets.iter().for_each(|target| check_inside(text, inside, target.span)),
        StatementKind::Let { name, value } => {
            check_inside(text, inside, name.span);
            check_expression(text, inside, value);
        }
        StatementKind::Rule { verb, targets } => {
            check_inside(text, inside, verb.span);
            for target in targets {
                check_inside(text, inside, target.span);
                if let TargetKind::Call(call) = &target.node {
                    check_call(text, target.span, call);
                }
            }
        }
        StatementKind::When { guards, body } => {
            guards.iter().for_each(|guard| check_inside(text, inside, guard.span));
            for statement in body {
                check_inside(text, inside, statement.span);
                check_statement(text, statement);
            }
        }
        StatementKind::Expect { on, calls, verb } => {
            on.iter().for_each(|name| check_inside(text, inside, name.span));
            calls.iter().for_each(|call| check_call(text, inside, call));
            check_inside(text, inside, verb.span);
        }
        StatementKind::Listener(text_of) | StatementKind::ListenerMetadata(text_of) => {
            check_inside(text, inside, text_of.span);
        }
    }
}

fn check(text: &str) {
    let (file, diagnostics) = parse(SOURCE, text);
    check_diagnostics(text, &diagnostics);
    file.statements.iter().for_each(|statement| check_statement(text, statement));
    for &comment in &file.comments {
        check_span(text, comment);
        assert!(text[comment.start as usize..].starts_with('#'));
    }
    match parse_call(SOURCE, text) {
        Ok(call) => check_call(text, Span { source: SOURCE, start: 0, end: u32::MAX }, &call),
        Err(errors) => check_diagnostics(text, &errors),
    }
    match parse_verb(SOURCE, text) {
        Ok(verb) => check_span(text, verb.span),
        Err(errors) => check_diagnostics(text, &errors),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn any_text(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_tokens(text in tokens()) {
        check(&text);
    }

    #[test]
    fn any_tokens_in_a_rule(text in tokens()) {
        check(&format!("allow: socket({text}), read"));
        check(&format!("when cap X {{ deny: {text} }}"));
    }

    /// An error in one statement never hides its neighbours, whatever it is, as long as it stays on its line.
    #[test]
    fn neighbours_survive(line in tokens()) {
        let line = line.replace(['\n', '{', '}'], " ");
        let (file, _) = parse(SOURCE, &format!("deny: all\n{line}\nallow: read"));
        let kept = |part: &str| {
            let at = |statement: &&Statement| (statement.span.start as usize, statement.span.end as usize);
            let found = file.statements.iter().map(|statement| at(&statement)).any(|(start, end)| {
                format!("deny: all\n{line}\nallow: read").get(start..end) == Some(part)
            });
            prop_assert!(found, "{part} is lost");
            Ok(())
        };
        kept("deny: all")?;
        kept("allow: read")?;
    }
}
