//! `callgate lint` on the same filter, and what the filter really does.

use callgate_compiler::abi::{Abi, Endian};
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Program, admit, simulate};
use callgate_compiler::call::SyscallData;
use callgate_compiler::lower::Groups;
use callgate_grammar::Severity;
use callgate_lint::{Document, Reading, Rule, Witness, lint, rules};
use callgate_profiles::import::bpf::RawFilter;

use crate::cases::Case;

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    /// The rule.
    pub(crate) id: &'static str,
    /// How bad.
    pub(crate) severity: Severity,
}

/// What the rules that are asked by default find, each rule once, at its worst.
pub(crate) fn findings(program: &Program) -> Vec<Found> {
    let asked: Vec<&'static Rule> = rules().iter().filter(|rule| rule.default).collect();
    let filter = RawFilter { program: program.clone(), endian: Endian::Little };
    let document = Document::of_filter("filter", filter, &Groups::new(), Reading::default());
    let mut found: Vec<Found> = lint(&document, &asked)
        .into_iter()
        .map(|finding| Found { id: finding.rule.id, severity: finding.severity })
        .collect();
    found.sort_by_key(|one| (one.id, std::cmp::Reverse(one.severity)));
    found.dedup_by_key(|one| one.id);
    found
}

/// The first of the case's calls that runs, else what happens to the first. What decides is a run of the filter.
pub(crate) fn really(case: &Case, program: &Program) -> String {
    if admit(program).is_err() {
        return "no filter: the kernel refuses it".to_owned();
    }
    let mut shown = None;
    for &(abi, call) in case.calls {
        let (nr, args) = call_of(abi, call);
        let outcome =
            simulate(program, Endian::Little, &SyscallData::new(abi.token(), nr, args)).expect("it is admitted");
        let witness = Witness { abi, nr, args, action: Action::from_ret(outcome.ret) };
        if witness.action.permits() {
            return witness.to_string();
        }
        shown.get_or_insert(witness);
    }
    shown.map(|witness| witness.to_string()).unwrap_or_default()
}

/// A call of those that a text stands for: the one by which the linter shows that a policy allows it.
fn call_of(abi: Abi, call: &str) -> (u32, [u64; 6]) {
    let reading = Reading { abis: Some(vec![abi]), ..Reading::default() };
    let open = Document::of_text("open", "allow: all\n", &Groups::new(), reading).meaning.expect("a policy");
    let witness = open.reached(abi, call).expect("it is decided").expect("a call of the ABI").witness;
    (witness.nr, witness.args)
}
