//! Random policies, compiled here and by two peers, and proven to be the same filter.
//!
//! The rules are drawn first, in the words that all engines share; each engine gets its own translation of them, ours as text
//! of the language. So a common misreading of `Policy` can't hide. Programs are compared by the prover, over all calls.
//!
//! A few hundred policies by default. `CALLGATE_CASES=100000` draws so many for each engine, `CALLGATE_SEED` others.

#[cfg(feature = "libseccomp")]
mod by_libseccomp;
mod by_seccompiler;
mod ours;
mod random;
mod rules;

use callgate_compiler::abi::Endian;
#[cfg(feature = "libseccomp")]
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Program, simulate};
use callgate_compiler::prove::{Budget, Verdict, programs_equal};

use random::Random;
use rules::{Case, Operators};

/// Both machines that seccompiler compiles for are little-endian.
const ORDER: Endian = Endian::Little;

/// How many cases there are, and which.
fn drawn() -> (u64, u64) {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse().expect("a number"));
    (number("CALLGATE_CASES").unwrap_or(400), number("CALLGATE_SEED").unwrap_or(1))
}

/// Whether two programs are one filter. Where they aren't, the witness is run before it is believed.
fn same(ours: &Program, theirs: &Program, case: &Case) -> bool {
    match programs_equal(ours, theirs, ORDER, Budget::default()) {
        Verdict::Holds => true,
        Verdict::Fails(witness) => {
            let run = |program| simulate(program, ORDER, &witness.data).expect("it was admitted").ret;
            assert_ne!(run(ours), run(theirs), "the prover's witness shows nothing: {witness:?}, {case:?}");
            false
        }
        Verdict::Undecided(why) => panic!("{why}: {case:?}"),
    }
}

#[test]
fn random_policies_are_what_seccompiler_makes_of_them() {
    let (cases, seed) = drawn();
    for index in 0..cases {
        let case = Case::draw(&mut Random::new(seed, index), Operators::All);
        // It has no guard against x32.
        let ours = ours::program(&case, case.default);
        let theirs = by_seccompiler::program(&case).expect("it takes one action and every operator");
        assert!(same(&ours, &theirs, &case), "case {index} of seed {seed} differs: {case:?}");
    }
    eprintln!("{cases} policies (seed {seed}): no difference from seccompiler");
}

#[cfg(feature = "libseccomp")]
#[test]
fn random_policies_of_masked_equalities_are_what_libseccomp_makes_of_them() {
    let (cases, seed) = drawn();
    let mut refused = 0;
    for index in 0..cases {
        let case = Case::draw(&mut Random::new(seed, index), Operators::Equalities);
        let ours = ours::program(&case, Action::KillProcess);
        match by_libseccomp::program(&case) {
            Ok(theirs) => assert!(same(&ours, &theirs, &case), "case {index} of seed {seed} differs: {case:?}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused * 10 <= cases, "libseccomp refused {refused} of {cases}");
    eprintln!("{cases} policies (seed {seed}): no difference from libseccomp, which refused {refused}");
}
