//! What a profile leaves within reach of the vulnerabilities that are known.
#![allow(clippy::unwrap_used)]

use callgate_compiler::action::Action;
use callgate_compiler::lower::Groups;
use callgate_compiler::lower::target::capability;
use callgate_grammar::tree::Version;
use callgate_lint::exposure::{Column, Exposure, Totals, Verdict, exposure, json, text, vulnerabilities};
use callgate_lint::{Document, Reading};
use callgate_profiles::shipped::shipped;

fn groups() -> Groups {
    let members = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    callgate_profiles::groups::groups()
        .iter()
        .map(|(&name, group)| (name.to_owned(), members(&group.members)))
        .collect()
}

fn document(text: &str, capabilities: &[&str], kernel: (u16, u16)) -> Document {
    let mut reading = Reading::default();
    reading.host.capabilities.extend(capabilities.iter().map(|name| capability(name).unwrap()));
    reading.host.kernel = Version { major: kernel.0, minor: kernel.1 };
    let document = Document::of_text("web.gate", text, &groups(), reading);
    assert!(document.meaning.is_some(), "{:#?}", document.said);
    document
}

fn asked(document: &Document) -> Vec<Exposure> {
    exposure(document.meaning.as_ref().unwrap(), None).unwrap()
}

fn verdict<'e>(exposures: &'e [Exposure], name: &str) -> &'e Verdict {
    &exposures.iter().find(|one| one.vulnerability.names.contains(&name)).unwrap().profile
}

fn shown(document: &Document) -> String {
    let meaning = document.meaning.as_ref().unwrap();
    text("web.gate", meaning, &exposure(meaning, None).unwrap(), &document.sources)
}

#[test]
fn every_known_vulnerability_has_a_verdict() {
    let everything = document("allow: all", &[], (6, 12));
    let exposures = asked(&everything);
    assert_eq!(exposures.len(), vulnerabilities().len());
    let profile = Column::Profile.totals(&exposures).unwrap();
    // x86-64 alone: the three that need its other ABIs are closed with those.
    assert_eq!((profile.reachable, profile.refused, profile.blocked, profile.absent), (143, 2, 3, 0));
    let none = Column::Unfiltered.totals(&exposures).unwrap();
    assert_eq!((none.reachable, none.refused, none.blocked, none.absent), (146, 2, 0, 0));
    assert_eq!(Column::Docker.totals(&exposures), None);
}

#[test]
fn nothing_allowed_is_nothing_within_reach() {
    let exposures = asked(&document("deny: all", &[], (6, 12)));
    let totals = Column::Profile.totals(&exposures).unwrap();
    assert_eq!(totals, Totals { blocked: vulnerabilities().len(), ..Totals::default() });
}

#[test]
fn an_argument_decides() {
    let exposures = asked(&document("deny: all\nallow: socket(family != AF_ALG)", &[], (6, 12)));
    assert!(!verdict(&exposures, "CVE-2025-40019").is_reachable());
    assert!(verdict(&exposures, "CVE-2025-21756").is_reachable());
}

#[test]
fn a_multiplexer_is_another_way() {
    let policy = |more: &str| format!("arch: x86_64, x86\ndeny: all\nallow: socket(family != AF_VSOCK){more}");
    assert!(!verdict(&asked(&document(&policy(""), &[], (6, 12))), "CVE-2025-21756").is_reachable());
    let exposures = asked(&document(&policy(", socketcall"), &[], (6, 12)));
    let Verdict::Reachable(calls) = verdict(&exposures, "CVE-2025-21756") else { panic!("{exposures:#?}") };
    assert_eq!(calls[0].abi.name(), "x86");
}

#[test]
fn a_ring_is_another_way_where_the_kernel_has_it() {
    let ring = |kernel| asked(&document("deny: all\nallow: io_uring_setup, io_uring_enter", &[], kernel));
    assert!(!verdict(&ring((5, 10)), "CVE-2025-21756").is_reachable());
    assert!(verdict(&ring((5, 19)), "CVE-2025-21756").is_reachable());
}

#[test]
fn a_capability_is_held_or_made_or_missing() {
    let nf_tables = "deny: all\nallow: socket, sendmsg";
    let of = |text: &str, capabilities: &[&str]| asked(&document(text, capabilities, (6, 6)));
    assert!(verdict(&of(nf_tables, &["NET_ADMIN"]), "CVE-2024-1086").is_reachable());
    assert!(verdict(&of(&format!("{nf_tables}, unshare"), &[]), "CVE-2024-1086").is_reachable());
    let Verdict::Blocked(block) = verdict(&of(nf_tables, &[]), "CVE-2024-1086").clone() else { panic!() };
    assert_eq!((block.trigger.name, block.passing, block.of), ("user-namespace", 2, 3));
    let handle = of("deny: all\nallow: open_by_handle_at", &[]);
    assert_eq!(verdict(&handle, "Shocker"), &Verdict::Refused(vec!["DAC_READ_SEARCH"]));
}

#[test]
fn what_blocks_is_named_with_its_place() {
    let web = document("deny: all\nallow: socket, sendmsg\nerrno(ENOSYS): clone3\n", &[], (6, 12));
    let exposures = asked(&web);
    let Verdict::Blocked(block) = verdict(&exposures, "CVE-2024-1086") else { panic!("{exposures:#?}") };
    let by: Vec<_> = block.by.iter().filter_map(|one| Some((web.sources.snippet(one.place?), one.action))).collect();
    assert_eq!(by, [("all", Action::Errno(1)), ("clone3", Action::Errno(38))]);
    let text = shown(&web);
    assert!(
        text.contains(
            "user-namespace by web.gate:1:7: all => errno(EPERM), and web.gate:3:16: clone3 => errno(ENOSYS)"
        ),
        "{text}"
    );
}

#[test]
fn a_supervisor_may_say_yes() {
    let exposures = asked(&document("deny: all\nnotify: bpf", &[], (6, 12)));
    assert!(verdict(&exposures, "CVE-2023-2163").is_reachable());
}

#[test]
fn abis_of_one_machine_count_together_and_those_of_two_apart() {
    let dirty_pipe = |policy: &str| verdict(&asked(&document(policy, &[], (5, 10))), "CVE-2022-0847").is_reachable();
    let split = |other: &str| {
        format!(
            "arch: x86_64, {other}\ndeny: all\nallow: write\nwhen arch x86_64 {{ allow: pipe2 }}\nwhen arch {other} {{ allow: splice }}"
        )
    };
    assert!(dirty_pipe(&split("x86")));
    assert!(!dirty_pipe(&split("aarch64")));
}

#[test]
fn a_machine_without_a_call_has_nothing_to_block() {
    let exposures = asked(&document("arch: aarch64\nallow: all", &[], (6, 12)));
    let Verdict::Absent(trigger) = verdict(&exposures, "CVE-2015-5157") else { panic!("{exposures:#?}") };
    assert_eq!(trigger.name, "modify-ldt");
}

#[test]
fn the_kernel_is_said_where_it_is_known() {
    let exposures = asked(&document("deny: all", &[], (6, 12)));
    let on = |name: &str| exposures.iter().find(|one| one.vulnerability.names.contains(&name)).unwrap().on_kernel;
    assert_eq!((on("CVE-2022-0847"), on("CVE-2025-21756"), on("Shocker")), (Some(false), Some(true), None));
}

#[test]
fn the_text_for_programs_says_the_same() {
    let web = document(shipped("docker-default").unwrap(), &[], (6, 12));
    let meaning = web.meaning.as_ref().unwrap();
    let exposures = exposure(meaning, Some(meaning)).unwrap();
    let json = json("web.gate", meaning, &exposures, &web.sources);
    let totals = Column::Docker.totals(&exposures).unwrap();
    assert_eq!(json["totals"]["docker-default"]["reachable"], totals.reachable);
    assert_eq!(json["totals"]["profile"], json["totals"]["docker-default"]);
    assert_eq!(json["level"], "trigger");
    let all = json["vulnerabilities"].as_array().unwrap();
    assert_eq!(all.len(), vulnerabilities().len());
    assert!(all.iter().all(|one| one["source"].as_str().is_some_and(|source| !source.is_empty())));
    let dirty_pipe = all.iter().find(|one| one["names"][0] == "CVE-2022-0847").unwrap();
    assert_eq!(dirty_pipe["profile"]["verdict"], "reachable");
    assert_eq!(dirty_pipe["on_kernel"], false);
}
