//! The prover: time and diagram nodes for real programs and for adversarial ones.
//!
//! `cargo bench --features libseccomp --bench prover`; with `-- --test` each proof runs once. Every line of the table is one
//! proof: a program against the policy it was made from. Without the feature libseccomp's two programs are left out.

#[cfg(feature = "libseccomp")]
#[path = "../src/backend/mod.rs"]
#[allow(dead_code, unused_imports)] // the command needs more of it
mod backend;
#[path = "prover/entangled.rs"]
mod entangled;

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use callgate_compiler::abi::Abi;
#[cfg(feature = "libseccomp")]
use callgate_compiler::abi::Endian;
use callgate_compiler::bpf::Program;
use callgate_compiler::compile::compile;
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::policy::Policy;
use callgate_compiler::prove::{Budget, Cost, Filter, Relation, Verdict, WordOrder, prove_at_cost};
use callgate_grammar::tree::{StatementKind, UseTarget, Version};
use callgate_grammar::{SourceId, parse};
use criterion::{Criterion, criterion_group, criterion_main};

/// Policies of real projects, as the repository has them, and the ABIs they are compiled for.
const POLICIES: &[(&str, &[Abi])] = &[
    ("tests/corpus/docker-default.raw.gate", &[Abi::X86_64]),
    ("tests/corpus/docker-default.raw.gate", &[Abi::X86_64, Abi::X86, Abi::X32]),
    ("tests/corpus/podman-default.raw.gate", &[Abi::X86_64]),
    ("tests/corpus/firecracker/vmm.raw.gate", &[Abi::X86_64]),
    ("tests/corpus/firecracker/api.raw.gate", &[Abi::X86_64]),
    ("tests/corpus/firecracker/vcpu.raw.gate", &[Abi::X86_64]),
    ("tests/corpus/crosvm/fs.raw.gate", &[Abi::X86_64]),
    ("tests/corpus/crosvm/vhost_net.raw.gate", &[Abi::X86_64]),
    ("tests/corpus/crosvm/swap_monitor.raw.gate", &[Abi::X86_64]),
];

/// A file of the language and what it uses.
fn units(path: &Path, layer: u32, units: &mut Vec<Unit>) {
    let text = std::fs::read_to_string(path).expect("the repository's file");
    let source = SourceId(units.len() as u32);
    let (file, findings) = parse(source, &text);
    assert!(findings.is_empty());
    let mut used = Vec::new();
    for statement in &file.statements {
        let StatementKind::Use(targets) = &statement.node else { continue };
        used.extend(targets.iter().filter_map(|target| match &target.node {
            UseTarget::Path(path) => Some(path.clone()),
            UseTarget::Shipped(_) => None,
        }));
    }
    units.push(Unit { source, file, layer, scope: source.0 });
    for file in used {
        self::units(&path.with_file_name("").join(file), layer + 1, units);
    }
}

fn policy(path: &str, abis: &[Abi]) -> Policy {
    let mut read = Vec::new();
    units(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path), 1, &mut read);
    let mut target = Target::new(Vec::new(), Version { major: 6, minor: 18 });
    target.abis = Some(abis.to_vec());
    let members = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let groups: Groups = callgate_profiles::groups::groups()
        .iter()
        .map(|(&name, group)| (name.to_owned(), members(&group.members)))
        .collect();
    let lowered = lower(&read, &groups, &target);
    lowered.policy.unwrap_or_else(|| panic!("{path}: {:#?}", lowered.diagnostics))
}

struct Proof {
    name: String,
    policy: Policy,
    program: Program,
    expected: Expected,
}

enum Expected {
    Holds,
    /// It may take more than the budget.
    HoldsOrUndecided,
    /// It may be a call that the other compiler knows no name of.
    #[cfg(feature = "libseccomp")]
    HoldsOrFails,
}

impl Proof {
    fn run(&self) -> Cost {
        let order = WordOrder::of(&self.policy);
        let (left, right) = (Filter::Policy(&self.policy), Filter::Program(&self.program, order));
        let (verdict, cost) = prove_at_cost(Relation::Equal, left, right, Budget::default());
        match (&self.expected, verdict) {
            (_, Verdict::Holds) | (Expected::HoldsOrUndecided, Verdict::Undecided(_)) => cost,
            #[cfg(feature = "libseccomp")]
            (Expected::HoldsOrFails, Verdict::Fails(_)) => cost,
            (_, verdict) => panic!("{}: {verdict:?}", self.name),
        }
    }
}

fn proofs() -> Vec<Proof> {
    let mut proofs = Vec::new();
    for &(path, abis) in POLICIES {
        let policy = policy(path, abis);
        let program = compile(&policy).expect("it compiles").program;
        let short = path.trim_start_matches("tests/corpus/").trim_end_matches(".raw.gate");
        let name = format!("{short}, {} ABI{}", abis.len(), if abis.len() == 1 { "" } else { "s" });
        #[cfg(feature = "libseccomp")]
        if abis.len() == 3 {
            // By the types of its arguments: libseccomp looks at the low halves only on 32-bit ABIs.
            let typed = self::policy("profiles/policies/docker-default.gate", abis);
            for level in [1, 2] {
                let name = format!("{name}, by libseccomp -O{level}");
                let document = backend::by_libseccomp::document(&typed).expect("it can be exported");
                let bad_arch = Some(typed.other.action);
                let program = backend::by_libseccomp::filter(&document, None, bad_arch, Endian::Little, level);
                let program = program.expect("libseccomp takes it");
                // It doesn't know the newest calls by name, so the answer is a call as a rule.
                proofs.push(Proof { name, policy: typed.clone(), program, expected: Expected::HoldsOrFails });
            }
        }
        proofs.push(Proof { name, policy, program, expected: Expected::Holds });
    }
    for (rules, arguments, masked) in [(40, 1, false), (20, 3, false), (40, 2, true)] {
        let (policy, program) = entangled::random(rules, arguments, masked);
        let masked = if masked { "masked " } else { "" };
        let name = format!("{rules} rules of {arguments} {masked}tests, by seccompiler");
        proofs.push(Proof { name, policy, program, expected: Expected::HoldsOrUndecided });
    }
    proofs
}

fn least(proof: &Proof, runs: usize) -> Duration {
    let once = || {
        let start = Instant::now();
        black_box(proof.run());
        start.elapsed()
    };
    (0..runs).map(|_| once()).min().unwrap_or_default()
}

fn bench(criterion: &mut Criterion) {
    let proofs = proofs();
    println!("{:56} {:>12} {:>9} {:>9} {:>12}", "proof", "instructions", "nodes", "steps", "least time");
    for proof in &proofs {
        let Cost { nodes, steps } = proof.run();
        let time = least(proof, if nodes < 100_000 { 100 } else { 2 });
        println!("{:56} {:>12} {nodes:>9} {steps:>9} {time:>12.1?}", proof.name, proof.program.instructions.len());
    }
    for proof in &proofs {
        criterion.bench_function(&proof.name, |bencher| bencher.iter(|| proof.run()));
    }
}

criterion_group! { name = benches; config = Criterion::default().sample_size(10); targets = bench }
criterion_main!(benches);
