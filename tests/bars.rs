//! The sizes and path lengths that other compilers and an earlier prototype reached on real policies, and ours beside them.
//!
//! The policies are those of the corpus, for x86-64 alone; a policy that the corpus hasn't is left out.

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::compile::compile;
use callgate_compiler::measure::{cached, has_bitmap, measure, weighted_mean};
use callgate_compiler::policy::Policy;

use crate::policies::earlier::EARLIER;
use crate::policies::{KERNEL, Named, all_of_corpus, corpus, mix, of_corpus, shipped};

/// Past kafel's worst path, which is as short as a balanced tree's.
const WORST_SLACK: usize = 3;

/// Docker's default for x86-64, x86 and x32 in one program.
const THREE_ABIS: &[Abi] = &[Abi::X86_64, Abi::X86, Abi::X32];
const THREE_ABIS_SIZE: usize = 195;
const THREE_ABIS_BLEND: f64 = 7.8;

fn skipped() {
    eprintln!("skipped: CALLGATE_CORPUS names no folder with the policies");
}

fn figures(policy: &Policy) -> (usize, usize, f64, usize) {
    let program = compile(policy).expect("it compiles").program;
    let measures = measure(&program, [Abi::X86_64], KERNEL).expect("the kernel takes it");
    let worst = measures.worst().expect("one ABI");
    assert!(worst.is_exact());
    (measures.instructions, measures.converted, measures.mean(), worst.executed)
}

/// What is not reached yet. A bar that is reached and still listed fails, so that the list tells the truth.
const MISSED_SIZES: &[&str] = &["fc-vmm", "sd-system-service", "spo-bpfrec", "spo-runc-base"];
const MISSED_MEANS: &[&str] = &[
    "crosvm-block_device",
    "crosvm-fs_device",
    "crosvm-jail_warden",
    "crosvm-net_device",
    "docker",
    "docker, three ABIs, blend",
    "fc-api",
    "fc-vcpu",
    "fc-vmm",
    "podman",
    "sd-sysservice-nopriv",
    "sd-system-service",
    "spo-bpfrec",
    "spo-crun-base",
    "spo-operator",
    "spo-runc-base",
];

#[test]
fn as_small_and_as_fast_as_any_before() {
    let Some(corpus) = corpus() else { return skipped() };
    let mut missed_sizes = Vec::new();
    let mut missed_means = Vec::new();
    println!("{:24} {:>12} {:>12} {:>12} {:>9}", "ours/bar", "size", "mean", "worst", "converted");
    for bar in EARLIER {
        let policy = of_corpus(&corpus, bar.policy, &[Abi::X86_64]).expect(bar.policy);
        let (size, converted, mean, worst) = figures(&policy);
        let most = bar.kafel.worst + WORST_SLACK;
        let (small, fast) = (bar.prototype_smallest.length, bar.prototype_fastest.mean);
        let name = bar.policy;
        println!("{name:24} {size:>6}/{small:<5} {mean:>6.2}/{fast:<5} {worst:>6}/{most:<5} {converted:>9}");
        assert!(worst <= most, "{name}: {worst} at worst, and the bar is {most}");
        if size > small {
            missed_sizes.push(name);
        }
        // The bars are rounded to a tenth.
        if mean >= fast + 0.05 {
            missed_means.push(name);
        }
    }
    let policy = of_corpus(&corpus, "docker", THREE_ABIS).expect("docker");
    let program = compile(&policy).expect("it compiles").program;
    let blend = weighted_mean(&program, Abi::X86_64, &mix(&corpus, "blend"), None).expect("calls");
    let size = program.instructions.len();
    println!("{:24} {size:>6}/{THREE_ABIS_SIZE:<5} {blend:>6.2}/{THREE_ABIS_BLEND:<5}", "docker, three ABIs, blend");
    assert!(size <= THREE_ABIS_SIZE);
    if blend >= THREE_ABIS_BLEND + 0.05 {
        missed_means.push("docker, three ABIs, blend");
    }
    missed_sizes.sort_unstable();
    missed_means.sort_unstable();
    assert_eq!((missed_sizes, missed_means), (MISSED_SIZES.to_vec(), MISSED_MEANS.to_vec()));
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
