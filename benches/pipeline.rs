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
use callgate_grammar::tree::{File, Version};
use callgate_grammar::{SourceId, parse};
use callgate_profiles::import::{Document, Format, import};
use criterion::{Criterion, criterion_group, criterion_main};

const ABIS: [Abi; 3] = [Abi::X86_64, Abi::X86, Abi::X32];

fn imported(json: &str) -> String {
    let document = Document { text: json, source: SourceId(0), selector: None };
    let found = import(Format::Docker, &document, &mut |_, _| unreachable!("JSON includes nothing"));
    found.gate().expect("the file can be read")
}

fn parsed(text: &str) -> File {
    let (file, findings) = parse(SourceId(1), text);
    assert!(findings.is_empty());
    file
}

fn lowered(file: &File) -> Policy {
    let units = [Unit { source: SourceId(1), file: file.clone(), layer: 1, scope: 0 }];
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
fn stages(json: &str) -> [Duration; 5] {
    let mut last = Instant::now();
    let mut lap = || std::mem::replace(&mut last, Instant::now()).elapsed();
    let text = imported(json);
    let import = lap();
    let file = parsed(&text);
    let parse = lap();
    let policy = lowered(&file);
    let lower = lap();
    let program = generated(&policy);
    let generate = lap();
    proven(&policy, &program);
    [import, parse, lower, generate, lap()]
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
    for (name, (cold, least)) in
        ["import", "parse", "lower", "generate", "prove"].into_iter().zip(cold.into_iter().zip(least))
    {
        println!("{name:10} {cold:>12.1?} {least:>12.1?}");
    }
    println!("{:10} {:>12.1?} {:>12.1?}", "all", cold.iter().sum::<Duration>(), least.iter().sum::<Duration>());

    let text = imported(&json);
    let file = parsed(&text);
    let policy = lowered(&file);
    let program = generated(&policy);
    println!("{} bytes of policy, {} instructions", text.len(), program.instructions.len());
    let mut group = criterion.benchmark_group("docker, three ABIs");
    group.bench_function("import", |bencher| bencher.iter(|| imported(black_box(&json))));
    group.bench_function("parse", |bencher| bencher.iter(|| parsed(black_box(&text))));
    group.bench_function("lower", |bencher| bencher.iter(|| lowered(black_box(&file))));
    group.bench_function("generate", |bencher| bencher.iter(|| generated(black_box(&policy))));
    group.bench_function("prove", |bencher| bencher.iter(|| proven(black_box(&policy), black_box(&program))));
    group.bench_function("all", |bencher| bencher.iter(|| stages(black_box(&json))));
    group.finish();
}

criterion_group! { name = benches; config = Criterion::default().sample_size(20); targets = bench }
criterion_main!(benches);
