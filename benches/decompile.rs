//! What it takes to read a filter back: the policy, its text, the proof.
//!
//! `cargo bench --bench decompile`; with `-- --test` each part runs once. The filter is Docker's default on three ABIs as callgate
//! compiles it; `CALLGATE_FILTER` names a file with another, such as libseccomp's of the same policy.

use std::hint::black_box;

use callgate_compiler::abi::{Abi, Endian};
use callgate_compiler::bpf::{Program, from_bytes};
use callgate_compiler::compile::compile;
use callgate_compiler::decompile::decompile;
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::prove::{Budget, Verdict, policy_equals_program};
use callgate_grammar::tree::Version;
use callgate_grammar::{Sources, parse};
use callgate_profiles::export::gate::gate;
use callgate_profiles::{groups, shipped};
use criterion::{Criterion, criterion_group, criterion_main};

fn docker() -> Program {
    let text = shipped::shipped("docker-default").expect("it is shipped");
    let mut sources = Sources::default();
    let source = sources.add("docker-default", text);
    let (file, _) = parse(source, text);
    let units = [Unit { source, file, layer: 0, scope: 0 }];
    let members = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let groups: Groups =
        groups::groups().iter().map(|(&name, group)| (name.to_owned(), members(&group.members))).collect();
    let mut target = Target::new(Vec::new(), Version { major: 6, minor: 18 });
    target.abis = Some(vec![Abi::X86_64, Abi::X86, Abi::X32]);
    let policy = lower(&units, &groups, &target).policy.expect("the policy is right");
    compile(&policy).expect("it compiles").program
}

fn measure(criterion: &mut Criterion, name: &str, program: &Program) {
    let policy = decompile(program, Endian::Little).expect("it has a policy");
    let text = gate(&policy).expect("it has a text");
    let proof = policy_equals_program(&policy, program, Budget::default());
    assert_eq!(proof, Verdict::Holds);
    println!("{name}: {} instructions, {} lines of text", program.instructions.len(), text.lines().count());
    let mut group = criterion.benchmark_group(name);
    group.bench_function("decompile", |bencher| {
        bencher.iter(|| decompile(black_box(program), Endian::Little).expect("it has a policy"));
    });
    group.bench_function("text, proven", |bencher| bencher.iter(|| gate(black_box(&policy)).expect("it has a text")));
    group.bench_function("proof", |bencher| {
        bencher.iter(|| policy_equals_program(black_box(&policy), program, Budget::default()));
    });
    group.finish();
}

fn benches(criterion: &mut Criterion) {
    measure(criterion, "docker", &docker());
    if let Some(path) = std::env::var_os("CALLGATE_FILTER") {
        let bytes = std::fs::read(path).expect("the filter is there");
        measure(criterion, "filter", &from_bytes(&bytes, Endian::Little).expect("it is a filter"));
    }
}

criterion_group!(all, benches);
criterion_main!(all);
