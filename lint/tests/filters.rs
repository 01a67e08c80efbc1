//! The rules about compiled filters leave callgate's own alone, and find what is done to them.

use callgate_compiler::abi::{Abi, Endian};
use callgate_compiler::bpf::{Instruction, Program, disassemble};
use callgate_compiler::compile::compile;
use callgate_compiler::lower::Groups;
use callgate_compiler::policy::Policy;
use callgate_compiler::tables;
use callgate_lint::{Document, Finding, Reading, Rule, lint, rules};
use callgate_profiles::shipped::shipped;

fn groups() -> Groups {
    let members = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    callgate_profiles::groups::groups()
        .iter()
        .map(|(&name, group)| (name.to_owned(), members(&group.members)))
        .collect()
}

fn policy(abis: &[Abi]) -> Policy {
    let reading = Reading { abis: Some(abis.to_vec()), ..Reading::default() };
    let text = shipped("docker-default").expect("callgate ships it");
    Document::of_text("docker-default", text, &groups(), reading).meaning.expect("a policy").policy
}

fn found(program: &Program, source: &Policy) -> Vec<Finding> {
    let listing = disassemble(program, Endian::Little, &tables::name);
    let reading = Reading { source: Some(source.clone()), ..Reading::default() };
    let document = Document::of_text("filter", &listing, &groups(), reading);
    assert!(document.filter().is_some_and(|filter| filter.program.instructions == program.instructions));
    let selected: Vec<&'static Rule> = rules().iter().filter(|rule| rule.id.starts_with("BPF")).collect();
    lint(&document, &selected)
}

#[test]
fn what_callgate_compiles_is_left_alone() {
    for abis in [&[Abi::X86_64][..], &[Abi::X86_64, Abi::X86, Abi::X32], &[Abi::Aarch64, Abi::Arm]] {
        let policy = policy(abis);
        let program = compile(&policy).expect("it compiles").program;
        assert_eq!(found(&program, &policy), [], "{abis:?}");
    }
}

/// Behind a return that every call comes to, everything is dead, and nothing is left of the source.
#[test]
fn a_filter_that_was_changed_is_found_out() {
    let policy = policy(&[Abi::X86_64]);
    let mut program = compile(&policy).expect("it compiles").program;
    let length = program.instructions.len();
    program.instructions.insert(0, Instruction::ret(0x7fff_0000));
    let found = found(&program, &policy);
    let ids: Vec<_> = found.iter().map(|finding| finding.rule.id).collect();
    assert!(ids.contains(&"BPF005") && ids.contains(&"BPF006"), "{ids:?}");
    let dead = found.iter().find(|finding| finding.rule.id == "BPF005").expect("it is there");
    assert!(dead.message.contains(&length.to_string()), "{}", dead.message);
}
