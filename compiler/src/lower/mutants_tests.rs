//! Mutants and coverage, held against what editing the text would do.

use callgate_grammar::tree::Version;
use callgate_grammar::{Sources, Span, parse};

use super::{Change, Fate, Groups, Mutant, Reach, Target, Unit, coverage, expectations, lower, mutants};
use crate::abi::Abi;
use crate::policy::Policy;
use crate::prove::{self, Budget, Verdict};

/// One target a line, so that taking its line away takes it away.
const POLICY: &str = "\
arch: x86_64, x86
known: 6.12
deny: all
errno(EACCES): unknown
allow: read
allow: @files
kill: write
deny: close
allow: socket(family in {AF_UNIX, AF_INET}, type & 0xf != SOCK_RAW)
allow: ioctl(cmd == 1 || cmd == 2)
log: ioctl(cmd == 3)
allow: dup
kill: dup(fildes == 7)
when arch x86 { allow: waitpid }
when cap SYS_ADMIN { allow: mount }
errno(ENOSYS): arch aarch64
trap: arch other
expect: read => allow
expect: socket(AF_UNIX, SOCK_STREAM) => allow
expect: socket(AF_UNIX, SOCK_RAW) => deny
expect: ioctl(cmd == 3) => log
expect on aarch64: read => errno(ENOSYS)
";

fn groups() -> Groups {
    [("files".to_owned(), vec!["open".to_owned(), "openat".to_owned()])].into()
}

fn target() -> Target {
    Target::new(vec![Abi::X86_64], Version { major: 6, minor: 18 })
}

fn units(text: &str) -> Vec<Unit> {
    let source = Sources::default().add("policy", text);
    let (file, diagnostics) = parse(source, text);
    assert!(diagnostics.is_empty(), "{diagnostics:?}\n{text}");
    vec![Unit { source, file, layer: 0, scope: 0 }]
}

/// `None` when it is refused.
fn policy(text: &str) -> Option<Policy> {
    lower(&units(text), &groups(), &target()).policy
}

fn of(span: Span) -> &'static str {
    &POLICY[span.start as usize..span.end as usize]
}

/// The text that makes the mutant; `None` where no edit of one place does.
fn edited(mutant: &Mutant) -> Option<String> {
    let replaced = |from: usize, to: usize, with: &str| format!("{}{with}{}", &POLICY[..from], &POLICY[to..]);
    let at = mutant.span.start as usize;
    let line = POLICY[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = at + POLICY[at..].find('\n')?;
    if POLICY[line..end].starts_with("when") {
        return None;
    }
    let colon = line + POLICY[line..end].find(": ")?;
    Some(match mutant.change {
        Change::Removed => replaced(line, end, ""),
        Change::Denied => replaced(line, colon, "deny"),
        Change::Allowed => replaced(line, colon, "allow"),
        // Always true, and still a condition.
        Change::Dropped(span) => {
            let argument = if of(span).starts_with("fildes") { "raw(arg0)" } else { "raw(arg1)" };
            replaced(span.start as usize, span.end as usize, &format!("{argument} >= 0"))
        }
        Change::Negated(span) => replaced(span.start as usize, span.end as usize, &format!("!({})", of(span))),
    })
}

#[test]
fn a_mutant_is_what_editing_the_text_makes() {
    let units = units(POLICY);
    let before = policy(POLICY).unwrap();
    let found = mutants(&units, &groups(), &target()).unwrap();
    let mut compared = 0;
    for mutant in &found {
        let Some(text) = edited(mutant) else { continue };
        compared += 1;
        let Some(after) = policy(&text) else {
            assert_eq!(mutant.fate, Fate::Refused, "{text}");
            continue;
        };
        let verdict = prove::policies_equal(&before, &after, Budget::default());
        match mutant.fate {
            Fate::Equivalent => assert_eq!(verdict, Verdict::Holds, "{mutant:?}\n{text}"),
            Fate::Survived(changed) => {
                assert_eq!(before.decide(&changed.data).action, changed.before, "{mutant:?}\n{text}");
                assert_eq!(after.decide(&changed.data).action, changed.after, "{mutant:?}\n{text}");
                assert_ne!(changed.before, changed.after);
            }
            Fate::Noticed => assert!(matches!(verdict, Verdict::Fails(_)), "{mutant:?}\n{text}"),
            fate => panic!("{fate:?} of\n{text}"),
        }
        let mut expected = expectations(&self::units(&text), &after, &target()).unwrap().tried.into_iter();
        let failing = expected.any(|tried| tried.failure.is_some());
        assert_eq!(failing, mutant.fate == Fate::Noticed, "{mutant:?}\n{text}");
    }
    assert!(compared > 25, "{compared} of {}", found.len());
}

#[test]
fn what_survives_and_what_does_not() {
    let found = mutants(&units(POLICY), &groups(), &target()).unwrap();
    let fates = |text: &str| -> Vec<_> {
        let named = found.iter().filter(|mutant| of(mutant.span) == text);
        named
            .map(|mutant| match mutant.fate {
                Fate::Survived(_) => "survived",
                Fate::Noticed => "noticed",
                Fate::Equivalent => "equivalent",
                Fate::Refused => "refused",
                Fate::Undecided => "undecided",
            })
            .collect()
    };
    // Taken away and denied are one mutant: the default denies.
    assert_eq!(fates("read"), ["noticed"]);
    assert_eq!(fates("@files"), ["survived"]);
    assert_eq!(fates("write"), ["survived", "survived"]);
    assert_eq!(fates("close"), ["equivalent", "survived"]);
    // Taken away; the family free, the type free; the family turned round, the type turned round.
    let socket = "socket(family in {AF_UNIX, AF_INET}, type & 0xf != SOCK_RAW)";
    assert_eq!(fates(socket), ["noticed", "survived", "noticed", "noticed", "noticed"]);
    // Without a condition, it meets `cmd == 3`.
    assert_eq!(fates("ioctl(cmd == 1 || cmd == 2)"), ["survived", "refused", "refused"]);
    assert_eq!(fates("all"), ["refused", "noticed"]);
    assert_eq!(fates("aarch64"), [""; 0]);
    assert_eq!(fates("arch aarch64"), ["noticed", "noticed"]);
    assert_eq!(fates("mount"), [""; 0], "its `when` doesn't hold");
}

#[test]
fn a_target_is_reached_when_a_call_of_an_expectation_is_decided_by_it() {
    let units = units(POLICY);
    let policy = policy(POLICY).unwrap();
    let tried = expectations(&units, &policy, &target()).unwrap().tried;
    let covered = coverage(&units, &policy, &tried).unwrap();
    let with = |reach: Reach| -> Vec<_> {
        covered.iter().filter(|covered| covered.reach == reach).map(|covered| of(covered.span)).collect()
    };
    assert_eq!(
        with(Reach::Reached),
        [
            "all",
            "read",
            "socket(family in {AF_UNIX, AF_INET}, type & 0xf != SOCK_RAW)",
            "ioctl(cmd == 3)",
            "arch aarch64"
        ]
    );
    // `unknown` takes what `known` would have.
    assert_eq!(with(Reach::Silent), ["6.12", "mount"]);
    assert_eq!(with(Reach::Unreached).len(), covered.len() - 7);
}

#[test]
fn an_expectation_inside_when_counts_where_the_guards_hold() {
    let text = "arch: x86_64, x86\ndeny: all\nwhen arch x86 { allow: read\nexpect: read => allow\n\
                expect on x86_64: read => allow }\nwhen cap SYS_ADMIN { expect: read => kill }\nwhen not cap SYS_ADMIN {\n\
                when not arch x86 { expect: read => deny } }\n";
    let units = units(text);
    let policy = policy(text).unwrap();
    let found = expectations(&units, &policy, &target()).unwrap();
    let tried: Vec<_> = found.tried.iter().map(|tried| (tried.abi, tried.failure.is_none())).collect();
    assert_eq!(tried, [(Abi::X86, true), (Abi::X86_64, true)]);
    assert_eq!(found.elsewhere.len(), 2);
}
