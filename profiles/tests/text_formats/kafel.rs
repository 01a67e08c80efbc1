//! kafel's text, in and out.

use super::*;

const FROM: import::Format = import::Format::Kafel;

#[test]
fn the_first_rule_that_matches_counts() {
    let text = "
            #define STDERR 0x2
            POLICY base { ERRNO(5) { write { fd == 7 }, ptrace }, KILL_PROCESS { mount } }
            POLICY more { ALLOW { write { fd == 1, fd == STDERR || (fd & 0xf0) == 0x70 }, write(a, b) { b == 3 } } }
            POLICY both { USE base, USE more, TRACE(3) { write } }
            USE both
            DEFAULT TRAP(9)";
    let policy = policy(FROM, text);
    for (args, action) in [
        (&[1][..], Action::Allow),
        (&[2], Action::Allow),
        (&[0x73], Action::Allow),
        (&[7], Action::Errno(5)),
        (&[1 << 32 | 7], Action::Errno(5)),
        (&[9, 3], Action::Allow),
        (&[9, 1 << 32 | 3], Action::Trace(3)),
        (&[9], Action::Trace(3)),
    ] {
        assert_eq!(done(&policy, "write", args), action, "{args:x?}");
    }
    assert_eq!(done(&policy, "ptrace", &[]), Action::Errno(5));
    assert_eq!(done(&policy, "mount", &[]), Action::KillProcess);
    assert_eq!(done(&policy, "read", &[]), Action::Trap(9));
}

#[test]
fn a_default_numbers_names_and_architectures() {
    let text = "
            // nothing said: KILL
            /* a * comment */
            #define fresh -1
            ALLOW { fresh(x) { x == 1 }, SYSCALL[0x1f4], SYSCALL[1], newstat, umount },
            LOG { io_uring_setup ON x86_64, getuid ON { i386, arm }, read ON aarch64 }";
    let policy = policy_on(&[Abi::X86_64, Abi::X86, Abi::Aarch64], FROM, text, &[]);
    let nr = |nr| policy.decide(&SyscallData::new(Abi::X86_64.token(), nr, [1, 0, 0, 0, 0, 0])).action;
    assert_eq!(
        [nr(u32::MAX), nr(500), nr(1), nr(501)],
        [Action::Allow, Action::Allow, Action::Allow, Action::KillThread]
    );
    assert_eq!(done(&policy, "stat", &[]), Action::Allow);
    assert_eq!(done(&policy, "umount2", &[]), Action::Allow);
    assert_eq!(done(&policy, "io_uring_setup", &[]), Action::Log);
    assert_eq!(on(&policy, Abi::X86, "io_uring_setup", [0; 6]), Action::KillThread);
    // kafel's names are the handlers': getuid is the one with 32-bit ids.
    assert_eq!(on(&policy, Abi::X86, "getuid32", [0; 6]), Action::Log);
    assert_eq!(on(&policy, Abi::X86, "getuid", [0; 6]), Action::KillThread);
    assert_eq!(on(&policy, Abi::Aarch64, "read", [0; 6]), Action::Log);
    assert_eq!(done(&policy, "read", &[]), Action::KillThread);
}

#[test]
fn what_is_included_stands_in_its_place() {
    let named = [
        ("a.policy", "#define ONE 1\n#include \"b.policy\";"),
        ("b.policy", "POLICY b { ALLOW { read { fd == ONE } } }"),
    ];
    let policy = policy_on(&[Abi::X86_64], FROM, "#include \"a.policy\"\nUSE b DEFAULT ERRNO(1)", &named);
    assert_eq!(done(&policy, "read", &[1]), Action::Allow);
    assert_eq!(done(&policy, "read", &[2]), Action::Errno(1));
    // A file that includes itself ends somewhere.
    let endless = read(FROM, "#include \"a\" \"a\"", &[("a", "#include \"a\" \"a\"\n")]);
    assert!(endless.file.is_none());
}

#[test]
fn conditions_that_always_or_never_hold() {
    let text = "ALLOW { read { 1 == 1 }, write { 1 == 2 }, close { (fd & 0xf) == 0x10 }, lseek { !(offset == offset) || fd >= 0 } }";
    let policy = policy(FROM, text);
    assert_eq!(done(&policy, "read", &[]), Action::Allow);
    assert_eq!(done(&policy, "write", &[]), Action::KillThread);
    assert_eq!(done(&policy, "close", &[]), Action::KillThread);
    assert_eq!(done(&policy, "lseek", &[]), Action::Allow);
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    for (text, codes) in [
        ("ALLOW { raed }", &["unknown-syscall!"][..]),
        ("ALLOW { uname ON x86_64 }", &["unknown-syscall!"]),
        ("ALLOW { stat }", &["not-kafels-name"]),
        ("ALLOW { mmap { prot == 1 } }", &["not-kafels-name", "unknown-argument"]),
        ("ALLOW { read { fdd == 1 } }", &["unknown-argument!"]),
        ("ALLOW { read(a) { fd == 1 } }", &["unknown-argument!"]),
        ("ALLOW { write { fd == count } }", &["two-arguments!"]),
        ("ALLOW { write { (fd | count) == 1 && buf == x } }", &["two-arguments!", "unknown-argument!"]),
        ("USE nothing", &["unknown-policy!"]),
        ("POLICY a {} POLICY a {}", &["duplicate-policy!"]),
        ("DEFAULT ALLOW DEFAULT KILL", &["duplicate-default!"]),
        ("#define A 1\n#define A 2\n", &["duplicate-constant!"]),
        ("ALOW { read }", &["kafel-syntax!"]),
        ("ALLOW { read", &["kafel-syntax!"]),
        ("ALLOW { read { fd } }", &["kafel-syntax!"]),
        ("ALLOW { read { (fd == 1) & 2 == 1 } }", &["kafel-syntax!"]),
        ("ALLOW { read { fd == 09 } }", &["bad-token!"]),
        ("ALLOW { read } /* ", &["bad-token!"]),
        ("ALLOW { read } $", &["bad-token!"]),
        ("ERRNO(65536) { read }", &["value-too-large!"]),
        ("ALLOW { read(a, a) }", &["bad-arguments!"]),
        ("ALLOW { read ON vax }", &["unknown-abi!"]),
        ("#include \"nowhere\"", &["unreadable-use!"]),
        ("POLICY unused { ALLOW { raed } } DEFAULT ALLOW", &["unknown-syscall!"]),
    ] {
        assert_eq!(found(FROM, text), codes, "{text}");
    }
}

#[test]
fn kafel_reads_this() {
    let gate = "deny: all\nallow: read, umount2, openat2, 500, socket(family in {1, 2, 10})\nerrno(ENOSYS): clone3\n\
                    kill: ioctl(raw(arg1) & 0xffffffff != 0x5401 && raw(arg2) > 3)\n";
    let text = written(&lowered(gate, &[Abi::X86_64]), export::Format::Kafel);
    assert_eq!(
        text,
        "// For x86_64.\nPOLICY callgate {\n\tERRNO(38) {\n\t\tclone3\n\t},\n\tALLOW {\n\t\tSYSCALL[500],\n\t\topenat2,\n\t\tread,\n\t\tumount\n\t},\n\
             \tKILL_PROCESS {\n\t\tioctl(a0, a1, a2, a3, a4, a5) { (a1 & 0xffffffff) != 0x5401 && a2 >= 0x4 }\n\t},\n\
             \tALLOW {\n\t\tsocket(a0, a1, a2, a3, a4, a5) { ((a0 & 0xffffffff) >= 0x1 && (a0 & 0xffffffff) <= 0x2) || \
             (a0 & 0xffffffff) == 0xa }\n\t}\n}\n\nUSE callgate DEFAULT ERRNO(1)\n"
    );
    assert_eq!(import::Format::of(&text), Some(FROM));
}

const NAMES: &[&str] = &["read", "stat", "ioctl", "openat", "listns", "umount2"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_written_means_the_same(drawn in some_policy_of(Abi::X86_64, NAMES)) {
        let text = written(&drawn.0, export::Format::Kafel);
        proven_equal(&drawn.0, &policy(FROM, &text), &text);
    }

    #[test]
    fn on_an_abi_of_32_bits_as_well(drawn in some_policy_of(Abi::X86, &["getuid32", "getuid", "stat", "semget", "socketcall"])) {
        let text = written(&drawn.0, export::Format::Kafel);
        proven_equal(&drawn.0, &policy_on(&[Abi::X86], FROM, &text, &[]), &text);
    }
}
