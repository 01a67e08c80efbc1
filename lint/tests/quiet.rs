//! Precision: profiles that are right have no finding of the families that are about what a profile says, and every rule asks
//! every ABI without a slip.

mod support;

use callgate_compiler::abi::Abi;
use callgate_grammar::Severity;
use callgate_lint::{Document, Finding, Reading, lint, rules};
use callgate_profiles::engine::Engine;

/// The findings of these families at `least` or worse.
fn found(text: &str, reading: Reading, families: &[&str], least: Severity) -> Vec<Finding> {
    let document = Document::of_text("quiet", text, &support::groups(), reading);
    assert!(document.meaning.is_some(), "{:#?}", document.said);
    let selected: Vec<_> = rules().iter().filter(|rule| families.contains(&&rule.id[..3])).collect();
    lint(&document, &selected).into_iter().filter(|finding| finding.severity >= least).collect()
}

const FAMILIES: &[&str] = &["RUL", "ARG", "SIB", "ABI", "ERR"];

/// Each of these is what a careful author writes.
const RIGHT: &[&str] = &[
    // An allow-list that tells libc to fall back, conditions on low halves, namespaces refused everywhere.
    r#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
        {"names": ["read", "write", "close", "exit_group", "openat", "futex", "mmap", "munmap", "execve"],
            "action": "SCMP_ACT_ALLOW"},
        {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
        {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": 4294967295, "valueTwo": 1, "op": "SCMP_CMP_MASKED_EQ"}]},
        {"names": ["prctl"], "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": 4294967295, "valueTwo": 15, "op": "SCMP_CMP_MASKED_EQ"}]}]}"#,
    // The same in the language, typed.
    "arch: x86_64, x86, aarch64\nerrno(ENOSYS): all\nallow: read, write, close, exit_group, openat, mmap2, execve\n\
     allow: clone(flags lacks CLONE_NEWNS|CLONE_NEWCGROUP|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWUSER|CLONE_NEWPID|CLONE_NEWNET)\n\
     allow: socket(family in {AF_UNIX, AF_INET, AF_INET6})\n\
     allow: ioctl(cmd in {TCGETS, FIONBIO, TIOCGWINSZ})\n",
    // Every way to executable memory under one condition.
    "arch: x86_64\nerrno(ENOSYS): all\nallow: mmap(!(prot has PROT_WRITE|PROT_EXEC))\n\
     allow: mprotect(prot lacks PROT_EXEC), pkey_mprotect(prot lacks PROT_EXEC), shmat(shmflg lacks SHM_EXEC)\n",
    // Nothing at all.
    "arch: x86_64\nerrno(ENOSYS): all\nallow: exit_group\n",
];

#[test]
fn what_is_right_is_left_alone() {
    for text in RIGHT {
        for &engine in Engine::ALL {
            let found = found(text, Reading { engine, ..Reading::default() }, FAMILIES, Severity::Warning);
            assert!(found.is_empty(), "{engine}: {text}\n{found:#?}");
        }
    }
}

/// Everything that a rule could ask about, on each ABI, allowed, refused and by halves.
#[test]
fn every_rule_asks_every_abi() {
    let texts = [
        "allow: all\n",
        "deny: all\n",
        "allow: all\ndeny: mount, ptrace, unshare, clone3, execve, open, kill\n",
        "deny: all\nallow: clone(flags lacks CLONE_NEWUSER), openat(flags lacks O_CREAT), openat2, clone3, io_uring_setup\n\
         allow: io_uring_enter, mprotect(prot lacks PROT_EXEC), pkey_mprotect, shmat, socket(raw(arg0) != 40)\n\
         allow: ioctl(raw(arg1) == 0x5413), personality(raw(arg0) > 8), semget(nsems < 4), unshare(flags != CLONE_NEWUSER)\n",
    ];
    for text in texts {
        for &abi in Abi::ALL {
            let reading = Reading { abis: Some(vec![abi]), ..Reading::default() };
            let document = Document::of_text("all", text, &support::groups(), reading);
            let all: Vec<_> = rules().iter().collect();
            for finding in lint(&document, &all) {
                assert!(!finding.message.contains("could not be decided"), "{abi}: {finding:#?}");
            }
        }
        let reading = Reading { abis: Some(Abi::ALL.to_vec()), ..Reading::default() };
        let document = Document::of_text("all", text, &support::groups(), reading);
        assert!(document.meaning.is_some(), "{text}: {:#?}", document.said);
        let all: Vec<_> = rules().iter().collect();
        let _ = lint(&document, &all);
    }
}
