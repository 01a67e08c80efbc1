//! Why one file of Docker's own profile can't be had for every ABI: libseccomp compares the low halves of x32's arguments,
//! whatever the comparison, and the profile, read as a document, tells high halves apart.
#![allow(clippy::unwrap_used)]

use callgate_compiler::abi::Abi;
use callgate_compiler::bpf::Program;
use callgate_compiler::call::SyscallData;
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::policy::Policy;
use callgate_compiler::tables;
use callgate_grammar::SourceId;
use callgate_grammar::tree::Version;
use callgate_profiles::engine::{Engine, Host, Libseccomp, read_as};
use callgate_profiles::export::{Difference, ExportError, ExportOptions, Format, Problem, export};
use callgate_profiles::import::{self, Document};

fn dockers_own(engine: Engine, abis: &[Abi]) -> Option<Policy> {
    let Some(folder) = std::env::var_os("CALLGATE_CORPUS") else {
        eprintln!("skipped: CALLGATE_CORPUS names no folder with the originals");
        return None;
    };
    let text = std::fs::read_to_string(std::path::Path::new(&folder).join("oci/moby-default.json")).unwrap();
    let kernel = Version { major: 6, minor: 18 };
    let host = Host { machine: Abi::X86_64, capabilities: Default::default(), kernel, libseccomp: Libseccomp::Newest };
    let document = Document { text: &text, source: SourceId(0), selector: None };
    let imported = read_as(engine, &host, import::Format::Docker, &document, &mut |_, _| unreachable!("no includes"));
    let mut target = Target::new(Vec::new(), kernel);
    target.abis = Some(abis.to_vec());
    let unit = Unit { source: SourceId(0), file: imported.file.unwrap(), layer: 1, scope: 1 };
    Some(lower(&[unit], &Groups::new(), &target).policy.unwrap())
}

#[test]
fn one_file_for_every_abi_can_not_be_had_because_of_high_halves_alone() {
    let Some(policy) = dockers_own(Engine::Document, Abi::ALL) else { return };
    let refused = export(&policy, &Program::default(), Format::Docker, &ExportOptions::default());
    let Err(ExportError::Differs { differences, .. }) = refused else { panic!("{refused:?}") };
    let calls: Vec<&str> = differences.iter().map(|difference| difference.call.as_str()).collect();
    assert_eq!(calls, ["personality", "socket"]);
    for Difference { call, problem } in differences {
        let Problem::HighWord(abi, Some([one, other])) = problem else { panic!("{call}: {problem:?}") };
        // A proof that no rules can say it: the two are the same call to libseccomp, and not to the policy.
        assert!(one.iter().zip(&other).all(|(a, b)| *a as u32 == *b as u32), "{one:x?} {other:x?}");
        let nr = tables::number(abi, &call).unwrap();
        let decided = |args| policy.decide(&SyscallData::new(abi.token(), nr, args)).action;
        assert_ne!(decided(one), decided(other));
    }
}

#[test]
fn a_file_of_its_own_says_it_for_an_abi_whose_words_libseccomp_sees() {
    for abi in [Abi::X86_64, Abi::X86, Abi::Aarch64] {
        let Some(policy) = dockers_own(Engine::Document, &[abi]) else { return };
        let exported = export(&policy, &Program::default(), Format::Docker, &ExportOptions::default());
        assert!(exported.is_ok(), "{abi}: {exported:?}");
    }
}
