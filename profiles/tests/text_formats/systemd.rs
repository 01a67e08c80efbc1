//! systemd's units, in and out.

use super::*;

const FROM: import::Format = import::Format::Systemd;

#[test]
fn lists_are_edited_in_their_order() {
    let text = "[Unit]\nDescription=x\n# comment\n[Service]\nSystemCallArchitectures=native\n\
                    SystemCallFilter=read mount ptrace @swap\nSystemCallFilter = ~mount ptrace:EACCES swapoff:kill \\\n; in between\n execve\n\
                    SystemCallErrorNumber=ENOSYS\nSystemCallLog=read nothing-here\nSystemCallLog=\nSystemCallLog=read mount\n";
    let text = text.replace(" nothing-here", "");
    assert_eq!(import::Format::of(&text), Some(FROM));
    assert_eq!(found(FROM, &text), Vec::<String>::new());
    let policy = policy(FROM, &text);
    for (call, action) in [
        ("read", Action::Log),
        ("mount", Action::Errno(38)),
        ("ptrace", Action::Errno(13)),
        ("swapon", Action::Allow),
        ("swapoff", Action::KillProcess),
        // Of @default, and taken out.
        ("execve", Action::Errno(38)),
        ("exit_group", Action::Allow),
        ("write", Action::Errno(38)),
    ] {
        assert_eq!(done(&policy, call, &[]), action, "{call}");
    }
}

#[test]
fn deny_lists_and_none() {
    let denied = policy(
        FROM,
        "[Service]\nSystemCallFilter=~@mount ptrace:EPERM\nSystemCallFilter=chroot\nSystemCallLog=~read\n",
    );
    for (call, action) in [
        ("mount", Action::KillProcess),
        ("ptrace", Action::Errno(1)),
        ("chroot", Action::Log),
        ("read", Action::Allow),
        ("write", Action::Log),
    ] {
        assert_eq!(done(&denied, call, &[]), action, "{call}");
    }
    let reset =
        policy(FROM, "[Service]\nSystemCallFilter=read\nSystemCallFilter=\nSystemCallArchitectures=x86-64 x86\n");
    assert_eq!(done(&reset, "mount", &[]), Action::Allow);
    assert_eq!(reset.abis.keys().copied().collect::<Vec<_>>(), [Abi::X86_64, Abi::X86]);
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    for (line, codes) in [
        ("SystemCallFilter=raed", &["open-abis", "unknown-syscall!"][..]),
        ("SystemCallFilter=@sytem-service", &["open-abis", "bad-assignment!"]),
        ("SystemCallFilter=read:EPERM", &["open-abis", "bad-assignment!"]),
        ("SystemCallFilter=~read:EPREM", &["open-abis", "bad-assignment!"]),
        ("SystemCallFilters=read", &["open-abis", "unknown-key!"]),
        ("systemcallfilter=read", &["open-abis", "unknown-key!"]),
        ("SystemCallErrorNumber=0", &["open-abis", "bad-assignment!"]),
        ("SystemCallArchitectures=x86_46", &["open-abis", "bad-assignment!"]),
        ("SystemCallFilter=\"read\"", &["open-abis", "bad-assignment!"]),
        ("RestrictNamespaces=yes", &["open-abis", "another-filter"]),
        ("RestrictNamespaces=no", &["open-abis"]),
        ("what", &["open-abis", "bad-assignment!"]),
        ("[Unit]\nSystemCallFilter=read", &["open-abis", "bad-assignment!"]),
    ] {
        // They come by their places; the note's is the list, where there is one.
        let mut found = found(FROM, &format!("[Service]\n{line}\n"));
        found.sort_by_key(|code| code != "open-abis");
        assert_eq!(found, codes, "{line}");
    }
    assert_eq!(found(FROM, "SystemCallFilter=read\nSystemCallArchitectures=native\n"), ["no-section", "no-section"]);
}

#[test]
fn systemd_reads_this() {
    let gate = "deny: all\nallow: read, write, execve, exit_group\nlog: openat\nkill: ptrace\nerrno(ENOSYS): clone3\n";
    let text = written(&lowered(gate, &[Abi::X86_64]), export::Format::Systemd);
    assert!(
        text.starts_with(
            "[Service]\nSystemCallArchitectures=native\nSystemCallFilter=@default openat read write\nSystemCallFilter=~"
        ),
        "{text}"
    );
    assert!(text.contains(" clone3:ENOSYS ") && text.contains(" ptrace:kill ") && !text.contains(" execve "), "{text}");
    assert!(text.ends_with("SystemCallErrorNumber=EPERM\nSystemCallLog=openat\n"), "{text}");
    let refused = export(
        &lowered("deny: all\nallow: read(fd == 1)\ntrap: write", &[Abi::X86_64]),
        &Program::default(),
        export::Format::Systemd,
        &EXACT,
    );
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("2 calls: `read` depends on its arguments; `write` is trap"), "{refused}");
}

const ACTIONS: &[Action] = &[Action::Allow, Action::Errno(1), Action::Errno(38), Action::KillProcess, Action::Log];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_written_means_the_same(drawn in some_plain_policy(Abi::X86_64, ACTIONS)) {
        let text = written(&drawn.0, export::Format::Systemd);
        proven_equal(&drawn.0, &policy(FROM, &text), &text);
    }
}
