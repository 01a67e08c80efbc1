//! What the rules of the family EXP find in the policies that callgate ships.
#![allow(clippy::unwrap_used)]

use callgate_compiler::lower::Groups;
use callgate_compiler::lower::target::{CAPABILITIES, capability};
use callgate_grammar::Severity;
use callgate_grammar::tree::Version;
use callgate_lint::{Document, Finding, Reading, lint, rules};
use callgate_profiles::shipped::shipped;

fn groups() -> Groups {
    let members = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    callgate_profiles::groups::groups()
        .iter()
        .map(|(&name, group)| (name.to_owned(), members(&group.members)))
        .collect()
}

fn reading(capabilities: &[&str], kernel: (u16, u16)) -> Reading {
    let mut reading = Reading::default();
    reading.host.capabilities.extend(capabilities.iter().map(|name| capability(name).unwrap()));
    reading.host.kernel = Version { major: kernel.0, minor: kernel.1 };
    reading
}

/// What all rules of the family but EXP022 find, whose subject is that of the tests of exposure.
fn found(text: &str, reading: Reading) -> Vec<Finding> {
    let document = Document::of_text("policy", text, &groups(), reading);
    assert!(document.meaning.is_some(), "{:#?}", document.said);
    let selected: Vec<_> = rules().iter().filter(|rule| rule.id.starts_with("EXP") && rule.id != "EXP022").collect();
    lint(&document, &selected)
}

fn short(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|one| {
            let what = one.message.split(" is within").next().and_then(|text| text.split(" are within").next());
            format!("{} {:?} {}", one.rule.id, one.severity, what.unwrap_or(&one.message))
        })
        .collect()
}

/// Each of these stands: Docker allows the calls to every container, and says so.
#[test]
fn dockers_default_has_no_error() {
    let all = found(shipped("docker-default").unwrap(), reading(&[], (6, 12)));
    assert_eq!(
        short(&all),
        [
            "EXP020 Note `epoll_ctl_old` and `epoll_wait_old`",
            "EXP019 Note `vmsplice`, `splice` and `tee`",
            "EXP013 Warning every family by `socketcall`",
            "EXP013 Warning AF_PACKET, AF_TIPC, AF_RDS and 17 more",
            "EXP015 Warning `modify_ldt`",
            "EXP012 Note `process_vm_readv` and `process_vm_writev`",
        ]
    );
}

#[test]
fn what_a_capability_opens_is_found_where_it_is_given() {
    let all = found(shipped("docker-default").unwrap(), reading(&["SYS_ADMIN"], (6, 12)));
    let errors: Vec<_> = short(&all).into_iter().filter(|one| one.contains("Error")).collect();
    assert_eq!(errors, ["EXP003 Error `bpf`", "EXP009 Error `mount`, `umount`, `umount2` and 7 more"]);
}

#[test]
fn a_call_that_the_kernel_refuses_is_a_note() {
    let module = |capabilities: &[&str]| short(&found("deny: all\nallow: init_module", reading(capabilities, (6, 12))));
    assert_eq!(module(&[]), ["EXP001 Note `init_module`"]);
    assert_eq!(module(&["SYS_MODULE"]), ["EXP001 Error `init_module`"]);
}

#[test]
fn a_user_namespace_opens_what_it_gives_and_no_more() {
    let policy = |more: &str| format!("deny: all\nallow: mount, init_module{more}");
    let alone = short(&found(&policy(""), reading(&[], (6, 12))));
    assert_eq!(alone, ["EXP009 Note `mount`", "EXP001 Note `init_module`"]);
    let with = short(&found(&policy(", unshare"), reading(&[], (6, 12))));
    assert_eq!(with, ["EXP009 Error `mount`", "EXP001 Note `init_module`", "EXP010 Error `unshare`"]);
}

#[test]
fn a_setting_of_the_host_is_a_warning() {
    let bpf = |kernel| short(&found("deny: all\nallow: bpf", reading(&[], kernel)));
    assert_eq!(bpf((6, 12)), ["EXP003 Warning `bpf`"]);
    assert_eq!(bpf((5, 10)), ["EXP003 Error `bpf`"]);
}

#[test]
fn a_call_that_the_kernel_lacks_is_not_found() {
    let ring = |kernel| short(&found("deny: all\nallow: io_uring_setup", reading(&[], kernel)));
    assert_eq!(ring((5, 0)), Vec::<String>::new());
    assert_eq!(ring((5, 1)), ["EXP004 Error `io_uring_setup`"]);
}

#[test]
fn everything_allowed_is_one_finding_a_rule() {
    let all = found("allow: all", reading(CAPABILITIES, (6, 12)));
    let mut rules: Vec<_> = all.iter().map(|one| one.rule.id).collect();
    let findings = rules.len();
    rules.dedup();
    assert_eq!((rules.len(), findings), (findings, 19));
}

/// moby's own file stays outside of the repository, in the folder that `CALLGATE_CORPUS` names.
#[test]
fn dockers_own_file_as_docker_reads_it_has_no_error() {
    let Some(corpus) = std::env::var_os("CALLGATE_CORPUS") else {
        assert!(std::env::var_os("CALLGATE_REQUIRE").is_none_or(|value| value != "all"), "CALLGATE_CORPUS is missing");
        eprintln!("skipped: needs CALLGATE_CORPUS");
        return;
    };
    let text = std::fs::read_to_string(std::path::Path::new(&corpus).join("oci/moby-default.json")).unwrap();
    let mut reading = reading(&[], (6, 12));
    reading.engine = callgate_profiles::engine::Engine::Docker;
    let errors: Vec<_> = found(&text, reading).into_iter().filter(|one| one.severity == Severity::Error).collect();
    assert_eq!(short(&errors), Vec::<String>::new());
}
