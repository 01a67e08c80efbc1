//! Docker's default, to stand beside a profile.

use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_grammar::{Sources, parse};
use callgate_profiles::groups::groups;
use callgate_profiles::shipped::shipped;

use crate::meaning::Meaning;

/// The shipped `@docker-default`, on the machines that a profile speaks for, with its capabilities and kernel; `None` when
/// that speaks for none of them.
#[must_use]
pub fn docker_default(beside: &Meaning) -> Option<Meaning> {
    let mut sources = Sources::default();
    let text = shipped("docker-default")?;
    let source = sources.add("@docker-default", text);
    let (file, _) = parse(source, text);
    let members = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let groups: Groups = groups().iter().map(|(&name, group)| (name.to_owned(), members(&group.members))).collect();
    let mut target = Target::new(Vec::new(), beside.kernel);
    target.capabilities.clone_from(&beside.capabilities);
    target.kernel = Some(beside.kernel);
    let mut policy = lower(&[Unit { source, file, layer: 1, scope: 1 }], &groups, &target).policy?;
    policy.abis.retain(|abi, _| beside.policy.abis.keys().any(|listed| listed.native() == abi.native()));
    let capabilities = beside.capabilities.clone();
    (!policy.abis.is_empty()).then_some(Meaning { policy, capabilities, kernel: beside.kernel })
}
