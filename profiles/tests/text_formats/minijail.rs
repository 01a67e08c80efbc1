//! minijail's text, in and out.

use super::*;

const FROM: import::Format = import::Format::Minijail;

#[test]
fn minijail_reads_this() {
    let gate = "kill: all\nallow: read, socket(family == 1), mmap(raw(arg2) & 4 == 0), clone(raw(arg0) & 3 != 0)\n\
                    errno(ENOSYS): clone3\ntrap: ioctl(raw(arg1) != 0x5401)\n";
    let text = written(&lowered(gate, &[Abi::X86_64]), export::Format::Minijail);
    assert_eq!(
        text,
        "# For x86_64.\n@default kill-process\nclone: arg0 & 0x3\nclone3: return ENOSYS\nioctl: { arg1 != 0x5401; trap }\n\
             mmap: arg2 in 0xfffffffffffffffb\nread: allow\nsocket: arg0 in 0xffffffff00000001 && arg0 & 0x1\n"
    );
    assert_eq!(import::Format::of(&text), Some(FROM));
    let denies =
        written(&lowered("allow: all\ndeny: ptrace, socket(raw(arg0) == 3)", &[Abi::X86_64]), export::Format::Minijail);
    assert_eq!(denies, "# For x86_64.\n@denylist\nptrace: return EPERM\nsocket: { arg0 == 0x3; return EPERM }\n");
}

#[test]
fn architectures_numbers_values_and_defaults() {
    let text = "@default trap\n{ read, write[arch=x86_64,x86], open[arch=arm] }: { arg0 == (1 | 2) || arg1 in ~(0xf0|~0xff), return EACCES }\n\
                    500: allow\nmmap: arg2 in ~PROT_EXEC || arg2 & (PROT_WRITE | 0x100)\n";
    let policy = policy(FROM, text);
    assert_eq!(done(&policy, "read", &[3]), Action::Allow);
    assert_eq!(done(&policy, "read", &[2, 0x0f]), Action::Allow);
    assert_eq!(done(&policy, "write", &[2, 0x10]), Action::Errno(13));
    assert_eq!(done(&policy, "open", &[3]), Action::Trap(0));
    assert_eq!(policy.decide(&SyscallData::new(Abi::X86_64.token(), 500, [0; 6])).action, Action::Allow);
    assert_eq!(done(&policy, "mmap", &[0, 0, 4]), Action::Trap(0));
    assert_eq!(done(&policy, "mmap", &[0, 0, 6]), Action::Allow);
    assert_eq!(done(&policy, "mmap", &[0, 0, 0x104]), Action::Allow);
    for (text, codes) in [
        ("read[arch=vax]: 1", &["bad-metadata!"][..]),
        ("read[arc=x86]: 1", &["bad-metadata!"]),
        ("read[arch=x86: 1", &["bad-metadata!"]),
        ("io@group: 1", &["unknown-group!"]),
        ("@default allow\nread: 1", &["permissive-default!"]),
        ("read: arg0 == 1; return EPERM", &["two-meanings"]),
        ("read: { arg0 == 1; return EPERM }", &[]),
        ("read: 1\nread: 1", &["unreachable-filter!"]),
        ("read[arch=x86]: 1\nread[arch=arm]: 1", &[]),
    ] {
        assert_eq!(found(FROM, text), codes, "{text}");
    }
}

/// The policy as such a file can say it: traps and traces without numbers, and nothing of numbers without a name.
fn as_written(policy: &Policy, default: Action) -> Policy {
    let mut policy = policy.clone();
    for abi in policy.abis.values_mut() {
        abi.rest.action = default;
        for call in abi.calls.values_mut() {
            let actions = call.clauses.iter_mut().map(|clause| &mut clause.decision.action);
            for action in actions.chain([&mut call.otherwise.action]) {
                match action {
                    Action::Trap(data) | Action::Trace(data) => *data = 0,
                    _ => {}
                }
            }
        }
    }
    policy
}

const NAMES: &[&str] = &["read", "kill", "ioctl", "openat", "clone", "umount2"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_written_means_the_same(drawn in some_policy_of(Abi::X86_64, NAMES)) {
        let text = match export(&drawn.0, &Program::default(), export::Format::Minijail, &EXACT) {
            Ok(export) => String::from_utf8(export.bytes).unwrap(),
            Err(export::ExportError::TooManyRules { .. } | export::ExportError::NotReadBack { .. }) => return Ok(()),
            Err(other) => panic!("{other}"),
        };
        let back = policy(FROM, &text);
        proven_equal(&as_written(&drawn.0, back.abis[&Abi::X86_64].rest.action), &back, &text);
    }
}
