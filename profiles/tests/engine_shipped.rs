//! The shipped policies, exported: what runc and crun really load of them does what the policy says.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;

use callgate_compiler::abi::{Abi, Endian};
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Program, from_bytes};
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::policy::Policy;
use callgate_compiler::prove::{self, Budget, Difference, Filter, Relation, WordOrder};
use callgate_compiler::tables;
use callgate_grammar::tree::Version;
use callgate_grammar::{SourceId, parse};
use callgate_profiles::engine::Libseccomp;
use callgate_profiles::export::{ExportOptions, Format, export};
use callgate_profiles::groups::groups;
use callgate_profiles::shipped::{shipped, shipped_names};
use serde_json::Value;
use support::container::{Container, NEEDED};

/// The ABIs that a filter of this machine can hold.
const ABIS: [Abi; 3] = [Abi::X86_64, Abi::X86, Abi::X32];

/// A shipped policy with what the runtimes need around it; one without a default of its own refuses the rest.
fn policy(name: &str) -> Policy {
    let needed = format!("allow: {}", NEEDED.join(", "));
    let text = shipped(name).unwrap();
    let has_default = text.lines().any(|line| line.ends_with(": all"));
    let texts = [needed.as_str(), text, if has_default { "" } else { "deny: all" }];
    let unit = |(layer, text): (u32, &str)| {
        let source = SourceId(layer);
        let (file, findings) = parse(source, text);
        assert_eq!(findings, [], "{name}");
        Unit { source, file, layer, scope: layer }
    };
    let units: Vec<Unit> = (0..).zip(texts).map(unit).collect();
    let members: Groups = groups()
        .iter()
        .map(|(group, known)| ((*group).to_owned(), known.members.iter().map(|&call| call.to_owned()).collect()))
        .collect();
    let mut target = Target::new(Vec::new(), Version { major: 6, minor: 18 });
    target.abis = Some(ABIS.to_vec());
    let lowered = lower(&units, &members, &target);
    lowered.policy.unwrap_or_else(|| panic!("{name}: {:#?}", lowered.diagnostics))
}

/// What the loaded filter does otherwise with a call that has a name.
fn differences(policy: &Policy, program: &Program) -> Vec<Difference> {
    let program = Filter::Program(program, WordOrder::Machine(Endian::Little));
    let found = prove::differences(Relation::Equal, Filter::Policy(policy), program, usize::MAX, Budget::default());
    let named = |difference: &Difference| {
        let (low, high) = difference.numbers;
        ABIS.iter().any(|abi| {
            (difference.tokens.0..=difference.tokens.1).contains(&abi.token())
                && tables::calls(*abi).any(|(nr, _)| (low..=high).contains(&nr))
        })
    };
    found.expect("an answer").ranges.into_iter().filter(named).collect()
}

/// The highest number that the file names on an ABI: above it runc answers ENOSYS, as a note of the export says.
fn highest(document: &Value, abi: Abi) -> u32 {
    let names: BTreeSet<&str> = document["syscalls"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|entry| entry["names"].as_array().unwrap())
        .filter_map(Value::as_str)
        .collect();
    names.iter().filter_map(|name| tables::number(abi, name)).max().unwrap_or_default()
}

#[test]
fn runtimes_load_what_the_shipped_policies_say() {
    let Some(containers) = Container::place("runtimes_load_what_the_shipped_policies_say") else { return };
    for name in shipped_names() {
        let policy = policy(name);
        let exported = export(&policy, &Program::default(), Format::Oci, &ExportOptions::default());
        let document: Value =
            serde_json::from_slice(&exported.unwrap_or_else(|error| panic!("{name}: {error}")).bytes).unwrap();
        for runtime in ["runc", "crun"] {
            let bytes =
                containers.filter(runtime, &document, name).unwrap_or_else(|said| panic!("{runtime} {name}: {said}"));
            for found in differences(&policy, &from_bytes(&bytes, Endian::Little).unwrap()) {
                let abi = Abi::of_call(found.witness.data.arch, found.witness.data.nr).unwrap();
                let number = found.witness.data.nr;
                // What the runtime's own libseccomp has no name for, it can't be told.
                let unknown = Libseccomp::Debian12.number(abi, tables::name(abi, number).unwrap_or_default()).is_none();
                let in_stub =
                    runtime == "runc" && number > highest(&document, abi) && found.witness.right == Action::Errno(38);
                assert!(unknown || in_stub, "{runtime} {name}: {found:x?}");
            }
        }
    }
}
