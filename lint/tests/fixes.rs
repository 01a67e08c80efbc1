//! Fixes: which are made, and what they are held to.

use callgate_compiler::lower::Groups;
use callgate_grammar::{Severity, Span};
use callgate_lint::{Checked, Document, Edit, Reading, Reported, Safety, Stray, check, fixed, rule, stray};

/// A policy with fixes of our own making: the text to replace, what comes instead, and whether that is safe.
fn with_fixes(text: &str, fixes: &[(&str, &str, Safety)]) -> (Document, Checked) {
    let document = Document::of_text("a", text, &Groups::new(), Reading::default());
    let (mut checked, _) = check(&document, &[], &[]);
    for (old, new, safety) in fixes {
        let start = u32::try_from(text.find(old).expect("it is there")).expect("small");
        let span = Span { source: document.source, start, end: start + u32::try_from(old.len()).expect("small") };
        let rule = rule("EXP001").expect("a rule");
        let mut finding = callgate_lint::Finding::new(rule, span, "made up");
        finding.severity = Severity::Note;
        let finding = finding.fix("do it", *safety, vec![Edit { span, text: (*new).to_owned() }]);
        checked.findings.push(Reported { finding, fingerprint: String::new(), suppressed: None, since: None });
    }
    (document, checked)
}

const POLICY: &str = "arch: x86_64\ndeny: all\nallow: read, write\nallow: getpid\n";

#[test]
fn what_overlaps_is_left_for_another_round() {
    let fixes = [
        ("read, write", "write", Safety::Safe),
        ("write", "writev", Safety::Safe),
        ("getpid", "getppid", Safety::Safe),
    ];
    let (_, checked) = with_fixes(POLICY, &fixes);
    let made = fixed(&checked, false, |_| true).expect("fixes");
    assert_eq!(made.text, "arch: x86_64\ndeny: all\nallow: write\nallow: getppid\n");
    assert_eq!(made.made.len(), 2);
}

#[test]
fn one_edit_for_two_findings_is_made_once() {
    let fixes = [("read, ", "", Safety::Safe), ("read, ", "", Safety::Safe)];
    let (_, checked) = with_fixes(POLICY, &fixes);
    let made = fixed(&checked, false, |_| true).expect("fixes");
    assert_eq!(made.text, POLICY.replace("read, ", ""));
}

#[test]
fn unsafe_fixes_are_made_only_when_asked_for() {
    let (_, checked) = with_fixes(POLICY, &[("getpid", "getppid", Safety::Unsafe)]);
    assert_eq!(fixed(&checked, false, |_| true), None);
    assert!(!fixed(&checked, true, |_| true).expect("a fix").safe);
}

#[test]
fn a_fix_is_held_to_the_calls_it_names() {
    let held = |old: &str, new: &str| {
        let (document, checked) = with_fixes(POLICY, &[(old, new, Safety::Safe)]);
        let made = fixed(&checked, false, |_| true).expect("a fix");
        let after = Document::of_text("a", &made.text, &Groups::new(), Reading::default());
        stray(&document.meaning.expect("a meaning"), &after.meaning.expect("a meaning"), &made)
    };
    assert_eq!(held("read, write", "write, read"), Stray::Same);
    assert_eq!(held("read, write", "read"), Stray::Named(vec!["write".to_owned()]));
    assert_eq!(held("getpid", "getppid"), Stray::Named(vec!["getpid".to_owned(), "getppid".to_owned()]));
    assert!(matches!(held("deny: all", "kill: all"), Stray::Call(_)));
}
