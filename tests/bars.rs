//! The sizes and path lengths that other compilers and an earlier prototype reached on real policies, and ours beside them.
//!
//! The policies are those of the corpus, for x86-64 alone; a policy that the corpus hasn't is left out.

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::Program;
use callgate_compiler::compile::{compile, compile_for};
use callgate_compiler::generate::{Objective, Optimize, Weights};
use callgate_compiler::measure::{cached, has_bitmap, measure, weighted_mean};
use callgate_compiler::policy::{CallPolicy, Policy};

use crate::policies::earlier::EARLIER;
use crate::policies::{KERNEL, Named, all_of_corpus, corpus, mix, of_corpus, shipped, weights};

/// Past kafel's worst path, which is as short as a balanced tree's.
const WORST_SLACK: usize = 3;

/// Docker's default for x86-64, x86 and x32 in one program.
const THREE_ABIS: &[Abi] = &[Abi::X86_64, Abi::X86, Abi::X32];
const THREE_ABIS_SIZE: usize = 195;
const THREE_ABIS_BLEND: f64 = 7.8;

fn skipped() {
    eprintln!("skipped: CALLGATE_CORPUS names no folder with the policies");
}

fn made(policy: &Policy, optimize: Optimize, exhaustive: bool, weights: Option<Weights>) -> Program {
    // The bars count every call, cached or not.
    let objective = Objective { optimize, exhaustive, weights, bitmap: false };
    compile_for(policy, &objective).expect("it compiles").program
}

/// The figures that bars are about.
#[derive(Clone, Copy)]
struct Figures {
    length: usize,
    converted: usize,
    mean: f64,
    worst: usize,
}

fn figures(program: &Program) -> Figures {
    let measures = measure(program, [Abi::X86_64], KERNEL).expect("the kernel takes it");
    let worst = measures.worst().expect("one ABI");
    assert!(worst.is_exact());
    Figures {
        length: measures.instructions,
        converted: measures.converted,
        mean: measures.mean(),
        worst: worst.executed,
    }
}

/// The earlier means are known to a tenth: half of one more or less is the same figure.
const MEANS_ARE_KNOWN_TO: f64 = 0.05;

#[test]
fn as_small_and_as_fast_as_any_before() {
    let Some(corpus) = corpus() else { return skipped() };
    let mut missed = Vec::new();
    println!("ours/bar: by the fast rule, and exhaustive; worst paths of every mode; converted length of the smallest");
    for bar in EARLIER {
        let policy = of_corpus(&corpus, bar.policy, &[Abi::X86_64]).expect(bar.policy);
        let [small, smallest, fast, fastest, balanced] = [
            (Optimize::Size, false),
            (Optimize::Size, true),
            (Optimize::Speed, false),
            (Optimize::Speed, true),
            (Optimize::Balanced, false),
        ]
        .map(|(optimize, exhaustive)| figures(&made(&policy, optimize, exhaustive, None)));
        let name = bar.policy;
        let most = bar.kafel.worst + WORST_SLACK;
        println!(
            "{name:22} length {:>3} {:>3}/{:<3}  mean {:>6.3} {:>6.3}/{:<4}  worst {:?}/{most}  converted {}",
            small.length,
            smallest.length,
            bar.prototype_smallest.length,
            fast.mean,
            fastest.mean,
            bar.prototype_fastest.mean,
            [small, smallest, fast, fastest, balanced].map(|figures| figures.worst),
            smallest.converted,
        );
        let mut require = |what, reached: bool| {
            if !reached {
                missed.push((name, what));
            }
        };
        require("size", smallest.length <= bar.prototype_smallest.length);
        require("speed", fastest.mean < bar.prototype_fastest.mean + MEANS_ARE_KNOWN_TO);
        // The fast rule is within a tenth of the exact search.
        require("size, fast rule", 10 * small.length <= 11 * smallest.length);
        require("speed, fast rule", fast.mean <= 1.1 * fastest.mean);
        require("worst", [small, smallest, fast, fastest, balanced].iter().all(|figures| figures.worst <= most));
    }
    let policy = of_corpus(&corpus, "docker", THREE_ABIS).expect("docker");
    let blend = mix(&corpus, "blend");
    let weights = || Some(weights(&blend));
    let length = made(&policy, Optimize::Size, false, None).instructions.len();
    let weighted = |exhaustive| {
        let program = made(&policy, Optimize::Speed, exhaustive, weights());
        weighted_mean(&program, Abi::X86_64, &blend, None).expect("calls")
    };
    let (fast, fastest) = (weighted(false), weighted(true));
    println!(
        "docker, three ABIs     length {length}/{THREE_ABIS_SIZE}  blend {fast:.2} {fastest:.2}/{THREE_ABIS_BLEND}"
    );
    for (what, reached) in [("size", length <= THREE_ABIS_SIZE), ("blend", fastest <= THREE_ABIS_BLEND)] {
        if !reached {
            missed.push(("docker, three ABIs", what));
        }
    }
    assert!(missed.is_empty(), "missed: {missed:?}");
}

/// The policy with ENOSYS for numbers that its ABIs' tables don't name: for all of them, or only for those above the highest.
fn unknown_is_enosys(policy: &Policy, gaps: bool) -> Policy {
    let mut policy = policy.clone();
    for listed in policy.abis.values_mut() {
        let rest = listed.rest.clone();
        listed.rest.action = Action::Errno(38);
        if let (false, Some(&first)) = (gaps, listed.calls.keys().next()) {
            let highest = listed.calls.range(first..first + 1024).map(|(&nr, _)| nr).max().unwrap_or(first);
            for nr in first..highest {
                listed.calls.entry(nr).or_insert_with(|| CallPolicy { clauses: Vec::new(), otherwise: rest.clone() });
            }
        }
    }
    policy
}

/// ENOSYS above the highest number, as runc has it, is what the bar is about; ours answers so for the gaps in the tables too.
#[test]
fn enosys_for_unknown_numbers_costs_little() {
    let Some(corpus) = corpus() else { return skipped() };
    println!("docker: without, above the highest, in the gaps too: by the fast rule, and exhaustive, and as it comes");
    for (abis, most) in [(&THREE_ABIS[..1], 2), (THREE_ABIS, 2)] {
        let policy = of_corpus(&corpus, "docker", abis).expect("docker");
        let variants = [policy.clone(), unknown_is_enosys(&policy, false), unknown_is_enosys(&policy, true)];
        let lengths =
            |make: &dyn Fn(&Policy) -> Program| variants.each_ref().map(|policy| make(policy).instructions.len());
        let fast = lengths(&|policy| made(policy, Optimize::Size, false, None));
        let exhaustive = lengths(&|policy| made(policy, Optimize::Size, true, None));
        let default = lengths(&|policy| compile(policy).expect("it compiles").program);
        println!("{} ABIs: {fast:?} {exhaustive:?} {default:?}", abis.len());
        assert!(exhaustive[1] <= exhaustive[0] + most, "above the highest");
    }
}

/// The invariant that no objective may break: what no argument decides and is allowed, the kernel caches, wherever it keeps
/// a bitmap.
#[test]
fn every_allow_that_no_argument_decides_is_cached() {
    let mut policies = shipped(Abi::ALL);
    match corpus() {
        Some(corpus) => policies.extend(all_of_corpus(&corpus, THREE_ABIS)),
        None => skipped(),
    }
    for Named { name, policy } in policies {
        let program = compile(&policy).expect("it compiles").program;
        for (&abi, listed) in policy.abis.iter().filter(|&(&abi, _)| has_bitmap(abi)) {
            for (&nr, call) in &listed.calls {
                let allowed = call.clauses.iter().map(|clause| &clause.decision).chain([&call.otherwise]);
                if allowed.into_iter().all(|decision| decision.action == Action::Allow) {
                    assert_eq!(cached(&program, abi, nr, KERNEL), Ok(()), "{name}: {abi}: {nr}");
                }
            }
        }
    }
}
