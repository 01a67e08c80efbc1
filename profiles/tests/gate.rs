//! A policy's text means what the policy means, and reads as a person would write it.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use callgate_compiler::abi::{Abi, X32_BIT};
use callgate_compiler::action::Action;
use callgate_compiler::condition::{Condition, Width};
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::policy::{CallPolicy, FilterFlag, Policy};
use callgate_compiler::prove::{self, Budget, Verdict};
use callgate_grammar::tree::Version;
use callgate_grammar::{SourceId, format, parse};
use callgate_profiles::export::gate::{GateError, gate};
use callgate_profiles::shipped::{shipped, shipped_names};
use proptest::prelude::*;
use support::policies::{Drawn, atom, call, decision, set, some_action, some_call, some_policy, uniform};

fn read(text: &str) -> Policy {
    let (file, diagnostics) = parse(SourceId(0), text);
    assert!(diagnostics.is_empty(), "{diagnostics:#?}\n{text}");
    let unit = Unit { source: SourceId(0), file, layer: 1, scope: 1 };
    let groups: Groups = callgate_profiles::groups::groups()
        .iter()
        .map(|(&name, group)| (name.to_owned(), group.members.iter().map(|member| (*member).to_owned()).collect()))
        .collect();
    let lowered = lower(&[unit], &groups, &Target::new(vec![Abi::X86_64], Version { major: 6, minor: 18 }));
    lowered.policy.unwrap_or_else(|| panic!("{:#?}\n{text}", lowered.diagnostics))
}

/// The text of a policy, having checked that it means the same and is canonical.
#[track_caller]
fn written(policy: &Policy) -> String {
    let text = gate(policy).unwrap();
    let back = read(&text);
    assert_eq!(prove::policies_equal(policy, &back, Budget::default()), Verdict::Holds, "{text}");
    assert_eq!((&policy.flags, &policy.listener), (&back.flags, &back.listener));
    assert_eq!(policy.listener_metadata, back.listener_metadata);
    assert_eq!(format(&text).as_deref(), Ok(text.as_str()));
    assert_eq!(gate(&back).as_deref(), Ok(text.as_str()), "the text of the text");
    text
}

#[track_caller]
fn comes_back(text: &str) {
    assert_eq!(written(&read(text)), text);
}

#[test]
fn conditions_read_as_they_were_written() {
    comes_back(
        "arch: x86_64, aarch64\n\
         deny: all\n\
         \n\
         allow: close, read, write\n\
         allow: clone(clone_flags lacks CLONE_NEWNS | CLONE_NEWUSER)\n\
         allow: ioctl(cmd in {TCGETS, FIONREAD, FIONBIO})\n\
         allow: kill(sig != SIGKILL)\n\
         allow: madvise(behavior == MADV_DONTNEED)\n\
         allow: openat(dfd == AT_FDCWD, flags lacks O_ACCMODE)\n",
    );
}

#[test]
fn every_kind_of_comparison_comes_back() {
    for condition in [
        "type & 0xf == SOCK_STREAM",
        "type & SOCK_TYPE_MASK != SOCK_RAW",
        "!(family in {AF_ALG, AF_VSOCK})",
        "family <= 5",
        "family >= -3",
        "family in {-7..20, 4096..0x7fffffff}",
        "protocol in {1, 2, 3, 7..90}",
        "family has 0x4",
        "type has SOCK_CLOEXEC",
        "type lacks SOCK_CLOEXEC | SOCK_NONBLOCK",
        "family == AF_UNIX, type == SOCK_DGRAM",
        "raw(arg0) == 0x100000001",
        "raw(arg5) == 3",
        "raw(arg0) in {AF_INET, 0x1000000000..0x1000000fff}",
        "family == AF_UNIX || type == SOCK_STREAM && protocol == 3",
        "family == AF_INET, type == SOCK_STREAM || protocol >= 4",
    ] {
        let text = format!("arch: x86_64\ndeny: all\nallow: socket({condition})\n");
        let policy = read(&text);
        let back = written(&policy);
        assert!(back.lines().count() <= 4, "{condition}: {back}");
    }
    for condition in [
        "count <= 4096",
        "count == 0xffffffffffffffff",
        "offset >= 0",
        "offset < -5",
        "count & 0xffffffff == 7",
        "raw(arg1) & 0xffffffff == 0",
        "count has 0x100000000",
    ] {
        written(&read(&format!(
            "arch: x86_64, s390x\nkill: all\nlog: lseek\nallow: pread64({})\n",
            condition.replace("offset", "pos")
        )));
    }
}

#[test]
fn defaults_and_other_abis() {
    comes_back(
        "arch: x86_64, mips\n\
         flags: TSYNC, LOG\n\
         listener: \"/run/a \\\"b\\\\.sock\"\n\
         listener-metadata: \"{\\\"pod\\\": 1}\"\n\
         deny: all\n\
         errno(ENOSYS): unknown\n\
         errno(ENOSYS): arch other\n\
         trap(3): arch aarch64, arch riscv64\n\
         \n\
         notify: mount\n\
         errno(ENOSYS): clone3\n\
         \n\
         when arch mips {\n    allow: 0x2710\n}\n"
            .replace("{\n    allow: 0x2710\n}", "{ allow: 0x2710 }")
            .as_str(),
    );
}

#[test]
fn abis_share_what_they_agree_about() {
    let mut policy = uniform(&[Abi::X86_64, Abi::X86, Abi::Aarch64], Action::Errno(1));
    let allowed = call(&[], Action::Allow);
    set(&mut policy, Abi::ALL, "read", &allowed);
    set(&mut policy, &[Abi::X86_64, Abi::Aarch64], "write", &allowed);
    set(&mut policy, &[Abi::X86], "open", &allowed);
    assert_eq!(
        written(&policy),
        "arch: x86_64, x86, aarch64\ndeny: all\n\nallow: read\n\nwhen arch x86 { allow: open }\n\nwhen not arch x86 { allow: write }\n"
    );
}

#[test]
fn a_multiplexer_is_spoken_for_only_where_it_must() {
    let follows = "arch: x86_64, x86\ndeny: all\n\nallow: bind, socket\n";
    comes_back(follows);
    let mut policy = read(follows);
    set(&mut policy, &[Abi::X86], "socketcall", &call(&[], Action::Errno(1)));
    assert!(written(&policy).contains("deny: socketcall\n"));
    set(&mut policy, &[Abi::X86], "socketcall", &call(&[], Action::Allow));
    assert!(written(&policy).contains("allow: bind, socket, socketcall\n"));
}

#[test]
fn earlier_clauses_win() {
    let word = |low, high| atom(0, Width::W32, u64::MAX, &[(low, high)]);
    let mut policy = uniform(&[Abi::X86_64], Action::Errno(1));
    let clauses = [
        (word(0, 9), Action::Allow),
        (word(5, 20), Action::KillProcess),
        (Condition::Any(Vec::new()), Action::Log),
        (word(3, 30), Action::Errno(1)),
        (Condition::Always, Action::Trap(1)),
        (word(0, 1), Action::Notify),
    ];
    set(&mut policy, &[Abi::X86_64], "umask", &call(&clauses, Action::Allow));
    let text = written(&policy);
    assert!(text.contains("trap(1): umask\n") && !text.contains("notify"), "{text}");
}

#[test]
fn numbers_without_a_name() {
    let mut policy = uniform(&[Abi::X86_64, Abi::X32], Action::KillThread);
    let argument = call(&[(atom(1, Width::W32, u64::MAX, &[(4, 4)]), Action::Allow)], Action::KillThread);
    for (abi, number) in [
        (Abi::X86_64, 9999),
        (Abi::X86_64, u32::MAX),
        (Abi::X32, X32_BIT + 999),
        (Abi::X32, 0x8000_0007),
        (Abi::X32, u32::MAX - 1),
    ] {
        policy.abis.get_mut(&abi).unwrap().calls.insert(number, argument.clone());
    }
    let text = written(&policy);
    assert!(text.contains("999(raw(arg1) & 0xffffffff == 4)") && text.contains("0x80000007("), "{text}");
}

#[test]
fn a_listener_on_two_lines_has_no_text() {
    let policy = Policy { listener: Some("/a\nb".to_owned()), ..uniform(&[Abi::Arm], Action::Allow) };
    assert_eq!(gate(&policy), Err(GateError::Listener("/a\nb".to_owned())));
}

#[test]
fn shipped_policies() {
    for name in shipped_names() {
        let text = shipped(name).unwrap();
        // The others are for policies to use, and have no default of their own.
        if text.contains(": all\n") && !text.contains("use:") {
            written(&read(&format!("{text}\n")));
        }
    }
}

/// As exporters' policies, with other ABIs, other numbers and everything else a policy can hold.
fn policies() -> impl Strategy<Value = Drawn> {
    let numbers = prop::collection::vec((any::<u32>(), some_call(true)), 0..4);
    let foreign = prop::collection::btree_map(prop::sample::select(Abi::ALL), some_action(), 0..3);
    let flags = prop::collection::btree_set(0..FilterFlag::ALL.len(), 0..3);
    (some_policy(), numbers, foreign, some_action(), flags).prop_map(|(mut drawn, numbers, foreign, other, flags)| {
        let policy = &mut drawn.0;
        for (abi, listed) in &mut policy.abis {
            for (number, call) in &numbers {
                let inside = abi.numbers().iter().any(|(low, high)| (low..=high).contains(&number));
                if inside {
                    listed.calls.insert(*number, CallPolicy::clone(call));
                }
            }
            // A policy need not list every named call.
            listed.calls.retain(|nr, call| !(call.clauses.is_empty() && call.otherwise == listed.rest && nr % 2 == 0));
        }
        let foreign: BTreeMap<_, _> = foreign.into_iter().filter(|(abi, _)| !policy.abis.contains_key(abi)).collect();
        policy.foreign = foreign.into_iter().map(|(abi, action)| (abi, decision(action))).collect();
        policy.other = decision(other);
        policy.flags = flags.into_iter().map(|at| FilterFlag::ALL[at].0).collect();
        drawn
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_policy_has_a_text_that_means_the_same(drawn in policies()) {
        let text = gate(&drawn.0).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let back = read(&text);
        prop_assert_eq!(prove::policies_equal(&drawn.0, &back, Budget::default()), Verdict::Holds, "{}", text);
        prop_assert_eq!((&drawn.0.flags, &drawn.0.listener), (&back.flags, &back.listener));
    }
}
