//! LXC's policies, in.

use super::*;

const FROM: import::Format = import::Format::Lxc;

#[test]
fn lists_of_both_versions() {
    let old = policy(FROM, "1\nallowlist\n0\n1\n500\n");
    assert_eq!([done(&old, "read", &[]), done(&old, "close", &[])], [Action::Allow, Action::KillThread]);
    let text = "2\ndenylist\nreject_force_umount  # comment\nptrace errno 13\nkexec_load\n[x86]\nmodify_ldt trap\n[all]\nsocket notify [0,16,SCMP_CMP_EQ][1,0x3,SCMP_CMP_MASKED_EQ,0xf]\nread allow\n";
    assert_eq!(import::Format::of(text), Some(FROM));
    let new = policy_on(&[Abi::X86_64, Abi::X86], FROM, text, &[]);
    assert_eq!(done(&new, "umount2", &[0, 1]), Action::Errno(13));
    assert_eq!(done(&new, "umount2", &[0, 2]), Action::Allow);
    assert_eq!(done(&new, "ptrace", &[]), Action::Errno(13));
    assert_eq!(done(&new, "kexec_load", &[]), Action::KillThread);
    assert_eq!(done(&new, "modify_ldt", &[]), Action::Allow);
    assert_eq!(on(&new, Abi::X86, "modify_ldt", [0; 6]), Action::Trap(0));
    assert_eq!(done(&new, "socket", &[16, 0x13]), Action::Notify);
    assert_eq!(done(&new, "socket", &[16, 0x14]), Action::Allow);
    assert_eq!(found(FROM, text), ["same-as-default"]);
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    for (text, code) in [
        ("3\nallowlist\n", "bad-line!"),
        ("2\nallow-list\n", "bad-line!"),
        ("1\ndenylist\n", "bad-line!"),
        ("2\nallowlist errno\n", "bad-line!"),
        ("2\nallowlist\nraed\n", "unknown-syscall!"),
        ("2\nallowlist\nread kil\n", "bad-line!"),
        ("2\nallowlist\n[vax]\n", "bad-line!"),
        ("2\nallowlist\nread allow [6,1,==]\n", "bad-line!"),
        ("2\nallowlist\nread allow [0,1]\n", "bad-line!"),
        ("2\nallowlist\nread allow [0,1,SCMP_CMP_QE]\n", "bad-line!"),
        ("2\nallowlist\nread allow [0,1,&=]\n", "bad-line!"),
        ("2\nallowlist\nread allow [0,1,==,3]\n", "bad-line!"),
        ("2\nallowlist\nread allow [0,1,==\n", "bad-line!"),
        ("1\nallowlist\nread\n", "bad-line!"),
    ] {
        assert_eq!(found(FROM, text), [code], "{text}");
    }
}
