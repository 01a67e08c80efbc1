//! The time of each stage from Docker's JSON to a proven filter for three ABIs.
//!
//! `cargo bench --bench pipeline`; with `-- --test` each stage runs once. The file is `oci/moby-default.json` of the folder
//! that `CALLGATE_CORPUS` names. Before the stages it prints what the first time in a process costs, when the tables are
//! read, and the least of many runs: other work on the machine only ever adds.

use std::hint::black_box;
use std::time::{Duration, Instant};

use callgate_compiler::abi::Abi;
use callgate_compiler::bpf::Program;
use callgate_compiler::generate::generate;
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::policy::Policy;
use callgate_compiler::prove::{Budget, Verdict, policy_equals_program};
use callgate_grammar::SourceId;
use callgate_grammar::tree::{File, Version};
use callgate_profiles::import::{Document, Format, Imported, import};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const ABIS: [Abi; 3] = [Abi::X86_64, Abi::X86, Abi::X32];

fn imported(json: &str) -> Imported {
    let document = Document { text: json, source: SourceId(0), selector: None };
    import(Format::Docker, &document, &mut |_, _| unreachable!("JSON includes nothing"))
}

fn lowered(file: File) -> Policy {
    let units = [Unit { source: SourceId(0), file, layer: 1, scope: 0 }];
    let mut target = Target::new(Vec::new(), Version { major: 6, minor: 18 });
    target.abis = Some(ABIS.to_vec());
    lower(&units, &Groups::new(), &target).policy.expect("it has a meaning")
}

fn generated(policy: &Policy) -> Program {
    generate(policy).expect("it has a program")
}

fn proven(policy: &Policy, program: &Program) {
    assert_eq!(policy_equals_program(policy, program, Budget::default()), Verdict::Holds);
}

/// One run of everything, and how long each stage took.
fn stages(json: &str) -> [Duration; 4] {
    let mut last = Instant::now();
    let mut lap = || std::mem::replace(&mut last, Instant::now()).elapsed();
    let file = imported(json).file.expect("the file can be read");
    let import = lap();
    let policy = lowered(file);
    let lower = lap();
    let program = generated(&policy);
    let generate = lap();
    proven(&policy, &program);
    [import, lower, generate, lap()]
}

fn bench(criterion: &mut Criterion) {
    let Some(json) = std::env::var_os("CALLGATE_CORPUS")
        .and_then(|folder| std::fs::read_to_string(std::path::Path::new(&folder).join("oci/moby-default.json")).ok())
    else {
        eprintln!("skipped: needs CALLGATE_CORPUS, a folder with oci/moby-default.json");
        return;
    };
    let cold = stages(&json);
    let mut least = cold;
    for _ in 0..300 {
        for (least, now) in least.iter_mut().zip(stages(&json)) {
            *least = now.min(*least);
        }
    }
    println!("{:10} {:>12} {:>12}", "stage", "first", "least of 300");
    for (name, (cold, least)) in ["import", "lower", "generate", "prove"].into_iter().zip(cold.into_iter().zip(least)) {
        println!("{name:10} {cold:>12.1?} {least:>12.1?}");
    }
    println!("{:10} {:>12.1?} {:>12.1?}", "all", cold.iter().sum::<Duration>(), least.iter().sum::<Duration>());

    let read = imported(&json);
    let text = read.gate().expect("it has a text");
    let file = read.file.expect("it has a tree");
    let policy = lowered(file.clone());
    let program = generated(&policy);
    println!("{} bytes of policy, {} instructions", text.len(), program.instructions.len());
    let mut group = criterion.benchmark_group("docker, three ABIs");
    group.bench_function("import", |bencher| bencher.iter(|| imported(black_box(&json))));
    group.bench_function("lower", |bencher| {
        bencher.iter_batched(|| file.clone(), |file| lowered(black_box(file)), BatchSize::SmallInput);
    });
    group.bench_function("generate", |bencher| bencher.iter(|| generated(black_box(&policy))));
    group.bench_function("prove", |bencher| bencher.iter(|| proven(black_box(&policy), black_box(&program))));
    group.bench_function("all", |bencher| bencher.iter(|| stages(black_box(&json))));
    group.finish();
}

criterion_group! { name = benches; config = Criterion::default().sample_size(20); targets = bench }
criterion_main!(benches);
