//! firejail's profiles, in and out.

use super::*;

const FROM: import::Format = import::Format::Firejail;

#[test]
fn the_three_kinds_of_list() {
    let keep =
        policy(FROM, "seccomp.block-secondary\nseccomp.keep read,write:ENOSYS,!execve\nseccomp-error-action kill\n");
    for (call, action) in [
        ("read", Action::Allow),
        ("write", Action::Errno(38)),
        ("execve", Action::KillThread),
        ("prctl", Action::Allow),
        ("mount", Action::KillThread),
    ] {
        assert_eq!(done(&keep, call, &[]), action, "{call}");
    }
    let drop = policy(FROM, "caps.drop all\nseccomp.drop @mount,!umount2,$0,ptrace:kill\n");
    assert_eq!(done(&drop, "mount", &[]), Action::Errno(1));
    assert_eq!(done(&drop, "umount2", &[]), Action::Allow);
    assert_eq!(done(&drop, "read", &[]), Action::Errno(1));
    assert_eq!(done(&drop, "ptrace", &[]), Action::KillThread);
    let more = policy(FROM, "seccomp getpid:EACCES,!ptrace,mount:EACCES\nseccomp-error-action log\n");
    assert_eq!(done(&more, "getpid", &[]), Action::Errno(13));
    assert_eq!(done(&more, "ptrace", &[]), Action::Allow);
    // The default list stands before it.
    assert_eq!(done(&more, "mount", &[]), Action::Log);
    assert_eq!(done(&more, "write", &[]), Action::Allow);
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    for (text, code) in [
        ("seccomp.drop raed", "unknown-syscall!"),
        ("seccomp.drop @mout", "bad-directive!"),
        ("seccomp.drop read:EPREM", "bad-directive!"),
        ("seccomp.drop $x", "bad-directive!"),
        ("seccomp.drop", "bad-directive!"),
        ("seccomp.dorp read", "bad-directive!"),
        ("seccomp-error-action kil", "bad-directive!"),
        ("seccomp.32.drop read", "no-filter!"),
        ("seccomp\nmemory-deny-write-execute", "another-filter"),
    ] {
        assert!(found(FROM, text).contains(&code.to_owned()), "{text}: {:?}", found(FROM, text));
    }
}

#[test]
fn includes_stand_in_the_place_of_their_lines() {
    let files = [
        ("inner.inc", "ignore seccomp.drop\nseccomp !mount\nseccomp.drop read\ninclude globals.local\n"),
        ("round.inc", "include round.inc\n"),
    ];
    let text = "include inner.inc\nseccomp.drop write\ninclude mine.local\nallow-debuggers\n";
    let policy = policy_on(&[Abi::X86_64], FROM, text, &files);
    // Neither list of `seccomp.drop` counts, and the default one is for debuggers.
    for (call, action) in
        [("mount", Action::Allow), ("write", Action::Allow), ("reboot", Action::Errno(1)), ("ptrace", Action::Allow)]
    {
        assert_eq!(done(&policy, call, &[]), action, "{call}");
    }
    let codes =
        |text: &str| -> Vec<&str> { read(FROM, text, &files).diagnostics.iter().map(|finding| finding.code).collect() };
    assert_eq!(codes("seccomp.block-secondary\nseccomp\ninclude mine.local\n"), [""; 0]);
    assert_eq!(codes("seccomp.block-secondary\nseccomp\ninclude other.inc\n"), ["not-included"]);
    assert_eq!(
        codes("seccomp.block-secondary\nseccomp\n?HAS_X11: seccomp read\n?HAS_X11: net none\n"),
        ["conditional-line"]
    );
    assert!(read(FROM, "seccomp\ninclude round.inc\n", &files).file.is_none());
}

#[test]
fn firejail_reads_this() {
    let drops = written(
        &lowered("allow: all\ndeny: ptrace\nerrno(ENOSYS): clone3\nkill-thread: mount, 500", &[Abi::X86_64]),
        export::Format::Firejail,
    );
    assert_eq!(
        drops,
        "seccomp.block-secondary\nseccomp-error-action EPERM\nseccomp.drop clone3:ENOSYS,mount:kill,ptrace,$500:kill\n"
    );
    assert_eq!(import::Format::of(&drops), Some(FROM));
    let keeps = written(
        &lowered("deny: all\nallow: read, execve, 500\nerrno(ENOSYS): clone3", &[Abi::X86_64]),
        export::Format::Firejail,
    );
    assert!(keeps.starts_with("seccomp.block-secondary\nseccomp-error-action EPERM\nseccomp.keep "), "{keeps}");
    assert!(
        keeps.contains("clone3:ENOSYS")
            && keeps.contains("!prctl")
            && keeps.contains(",read")
            && keeps.ends_with(",$500\n"),
        "{keeps}"
    );
}

const ACTIONS: &[Action] = &[Action::Allow, Action::Errno(1), Action::Errno(38), Action::KillThread, Action::Log];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_written_means_the_same(drawn in some_plain_policy(Abi::X86_64, ACTIONS)) {
        let text = match export(&drawn.0, &Program::default(), export::Format::Firejail, &EXACT) {
            Ok(export) => String::from_utf8(export.bytes).unwrap(),
            Err(export::ExportError::Differs { .. }) => return Ok(()),
            Err(other) => panic!("{other}"),
        };
        if text.contains("seccomp.keep") || text.contains("seccomp.drop") {
            proven_equal(&drawn.0, &policy(FROM, &text), &text);
        }
    }
}
