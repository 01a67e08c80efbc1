//! Multiplexers follow their parts, and open doors are named.

use callgate_grammar::tree::Version;
use callgate_grammar::{Severity, Sources, parse};

use super::{Groups, Lowered, Target, Unit, lower};
use crate::abi::Abi;
use crate::action::Action;
use crate::call::SyscallData;
use crate::policy::Policy;
use crate::prove::{self, Budget, Verdict};
use crate::tables;

fn lowered(text: &str) -> Lowered {
    let source = Sources::default().add("policy", text);
    let (file, diagnostics) = parse(source, text);
    assert!(diagnostics.is_empty(), "{diagnostics:?}\n{text}");
    let groups: Groups = [
        ("sockets".to_owned(), vec!["socket".to_owned(), "accept".to_owned()]),
        ("whole".to_owned(), vec!["socket".to_owned(), "socketcall".to_owned()]),
    ]
    .into();
    let target = Target::new(vec![Abi::X86], Version { major: 6, minor: 18 });
    lower(&[Unit { source, file, layer: 0, scope: 0 }], &groups, &target)
}

#[track_caller]
fn policy(text: &str) -> Policy {
    let lowered = lowered(text);
    lowered.policy.unwrap_or_else(|| panic!("{:#?}\n{text}", lowered.diagnostics))
}

/// The two texts mean the same, and the prover says so.
#[track_caller]
fn same(text: &str, written_out: &str) {
    let verdict = prove::policies_equal(&policy(text), &policy(written_out), Budget::default());
    assert_eq!(verdict, Verdict::Holds, "{text}\n{written_out}");
}

fn through(policy: &Policy, name: &str, first: u64) -> Action {
    let nr = tables::number(Abi::X86, name).unwrap();
    policy.decide(&SyscallData::new(Abi::X86.token(), nr, [first, 0, 0, 0, 0, 0])).action
}

#[test]
fn a_multiplexer_follows_its_parts() {
    let text = "arch: x86\ndeny: all\nallow: bind, accept\nkill: listen\nallow: msgget, semop\n";
    let policy = policy(text);
    let eperm = Action::Errno(1);
    for (selector, action) in
        [(1, eperm), (2, Action::Allow), (4, Action::KillProcess), (5, Action::Allow), (18, eperm)]
    {
        assert_eq!(through(&policy, "socketcall", selector), action, "{selector}");
    }
    // The high half of `ipc`'s first argument is a version.
    for (selector, action) in [(1, Action::Allow), (2, eperm), (13, Action::Allow), (0x1_000d, Action::Allow)] {
        assert_eq!(through(&policy, "ipc", selector), action, "{selector}");
    }
    same(
        text,
        "arch: x86\ndeny: all\nallow: bind, msgget\nkill: listen\n\
         allow: socketcall(call == SYS_BIND), socketcall(call == SYS_ACCEPT)\nkill: socketcall(call == SYS_LISTEN)\n\
         allow: ipc(call & 0xffff == MSGGET), ipc(call & 0xffff == SEMOP)\n",
    );
    crate::compile::compile(&policy).unwrap();
}

#[test]
fn groups_are_followed_and_a_name_comes_before_them() {
    same(
        "arch: x86\ndeny: all\nallow: @sockets\nkill: accept\n",
        "arch: x86\ndeny: all\nallow: socket, socketcall(call == SYS_SOCKET)\nkill: socketcall(call == SYS_ACCEPT)\n",
    );
}

#[test]
fn what_names_the_multiplexer_wins() {
    same(
        "arch: x86\ndeny: all\nallow: bind\nkill: socketcall(call == SYS_LISTEN)\n",
        "arch: x86\ndeny: all\nallow: 361\nkill: socketcall(call == SYS_LISTEN)\n",
    );
    let whole = policy("arch: x86\ndeny: all\nallow: @whole\n");
    assert_eq!(through(&whole, "socketcall", 13), Action::Allow);
    let refused = policy("arch: x86\nallow: all\nkill: socketcall\nallow: bind\n");
    assert_eq!(through(&refused, "socketcall", 2), Action::KillProcess);
}

#[test]
fn what_a_multiplexer_hides_takes_the_strictest_outcome() {
    let text =
        "arch: x86\ndeny: all\nallow: socket(family == AF_UNIX), bind(fd == 3), shmget(size == 1)\nallow: bind\n";
    let lowered = lowered(text);
    let codes: Vec<_> = lowered.diagnostics.iter().filter(|one| one.code == "undecidable-alias").collect();
    assert_eq!(codes.len(), 2, "{:#?}", lowered.diagnostics);
    assert!(codes.iter().all(|one| one.severity == Severity::Note));
    let policy = lowered.policy.unwrap();
    assert_eq!(through(&policy, "socketcall", 1), Action::Errno(1));
    // Both outcomes of `bind` are the same.
    assert_eq!(through(&policy, "socketcall", 2), Action::Allow);
    assert_eq!(through(&policy, "ipc", 23), Action::Errno(1));
    let list = self::policy("arch: x86\nallow: all\nkill: socket(family == AF_VSOCK)\n");
    assert_eq!(through(&list, "socketcall", 1), Action::KillProcess);
    assert_eq!(through(&list, "socketcall", 2), Action::Allow);
}

#[test]
fn conflicts_through_a_multiplexer_are_found() {
    let codes: Vec<_> = lowered("arch: x86\ndeny: all\nallow: accept\nkill: accept\n")
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.code)
        .collect();
    assert_eq!(codes, ["conflict"]);
}

#[track_caller]
fn check_doors(text: &str, expected: &[&str]) {
    let lowered = lowered(text);
    let found: Vec<_> = lowered
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.code == "open-alias")
        .map(|diagnostic| diagnostic.message.as_str())
        .collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn open_doors_are_named() {
    check_doors(
        "arch: x86_64\nallow: all\nkill: openat2, io_uring_setup\ndeny: open\n",
        &[
            "`openat2` is restricted, and `creat`, `open_by_handle_at`, `openat` stand open beside it",
            "`open` is restricted, and `creat`, `open_by_handle_at`, `openat` stand open beside it",
        ],
    );
    check_doors(
        "arch: x86_64\ndeny: all\nallow: clone(flags lacks CLONE_NEWUSER), fork, vfork, clone3\n",
        &["`clone` is restricted, and `clone3` stands open beside it"],
    );
    check_doors(
        "arch: x86_64\ndeny: all\nallow: mmap(prot lacks PROT_EXEC), mprotect, pkey_mprotect(prot lacks PROT_EXEC)\n",
        &[
            "`mmap` is restricted, and `mprotect` stands open beside it",
            "`pkey_mprotect` is restricted, and `mprotect` stands open beside it",
        ],
    );
    check_doors(
        "arch: x86\ndeny: all\nallow: socket(family == AF_UNIX), socketcall\n",
        &["`socket` is restricted, and `socketcall(SYS_SOCKET)` stands open beside it"],
    );
    check_doors(
        "arch: x86_64\nallow: all\nkill: process_vm_writev\ndeny: dup2, dup, dup3\n",
        &[
            "`process_vm_writev` is restricted, and `ptrace` stands open beside it",
            "`dup2` is restricted, and `fcntl(F_DUPFD)`, `fcntl(F_DUPFD_CLOEXEC)` stand open beside it",
            "`dup` is restricted, and `fcntl(F_DUPFD)`, `fcntl(F_DUPFD_CLOEXEC)` stand open beside it",
            "`dup3` is restricted, and `fcntl(F_DUPFD)`, `fcntl(F_DUPFD_CLOEXEC)` stand open beside it",
        ],
    );
}

#[test]
fn what_no_statement_refuses_is_not_warned_about() {
    // The default refuses, nobody named it.
    check_doors("arch: x86_64\ndeny: all\nallow: openat, read\n", &[]);
    // To fall back on `clone` is what ENOSYS is for.
    check_doors("arch: x86_64\ndeny: all\nallow: clone\nerrno(ENOSYS): clone3\n", &[]);
    // Both doors have the condition.
    check_doors("arch: x86_64\ndeny: all\nallow: dup2(newfd == 3), dup3(newfd == 3)\n", &[]);
    // `socketcall` follows.
    check_doors("arch: x86\nallow: all\nkill: socket, io_uring_setup\n", &[]);
    // `ptrace` is more than `process_vm_writev`, not less.
    check_doors("arch: x86_64\nallow: all\nkill: ptrace\n", &[]);
}
