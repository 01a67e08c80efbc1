//! A filter's size, its cost in executed instructions, and the time to make it, beside seccompiler in the same run.
//!
//! `cargo bench --bench compile`; with `-- --test` each part runs once.

use std::collections::BTreeMap;
use std::hint::black_box;

use callgate_compiler::abi::Abi;
use callgate_compiler::bpf::{Instruction, Program, converted_length, simulate};
use callgate_compiler::call::SyscallData;
use callgate_compiler::compile::compile;
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::policy::Policy;
use callgate_compiler::tables;
use callgate_grammar::tree::Version;
use callgate_grammar::{Sources, parse};
use criterion::{Criterion, criterion_group, criterion_main};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

/// Every call that has been there since 4.0 and that no group of dangerous ones names: a list of the size of Docker's.
fn allowed() -> Vec<&'static str> {
    let dangerous = ["debug", "module", "mount", "obsolete", "raw-io", "reboot", "swap"];
    let refused: Vec<_> =
        dangerous.iter().filter_map(|name| callgate_profiles::groups::group(name)).flatten().collect();
    let old = Version { major: 4, minor: 0 };
    tables::calls(Abi::X86_64)
        .map(|(_, name)| name)
        .filter(|name| !refused.contains(&name))
        .filter(|name| tables::introduced(Abi::X86_64, name).is_some_and(|since| since < old))
        .collect()
}

fn policy(names: &[&str]) -> Policy {
    let text = format!("arch: x86_64\ndeny: all\nallow: {}\n", names.join(", "));
    let mut sources = Sources::default();
    let source = sources.add("bench", text.as_str());
    let (file, diagnostics) = parse(source, &text);
    assert!(diagnostics.is_empty());
    let units = [Unit { source, file, layer: 0, scope: 0 }];
    let target = Target::new(vec![Abi::X86_64], Version { major: 6, minor: 12 });
    lower(&units, &Groups::new(), &target).policy.expect("the policy is right")
}

fn seccompiler_filter(names: &[&str]) -> SeccompFilter {
    let rules: BTreeMap<_, _> = names
        .iter()
        .filter_map(|name| tables::number(Abi::X86_64, name))
        .map(|nr| (i64::from(nr), Vec::new()))
        .collect();
    SeccompFilter::new(rules, SeccompAction::Errno(1), SeccompAction::Allow, TargetArch::x86_64).expect("a filter")
}

fn instructions(program: &BpfProgram) -> Program {
    let of = |from: &seccompiler::sock_filter| Instruction { code: from.code, jt: from.jt, jf: from.jf, k: from.k };
    Program::new(program.iter().map(of).collect())
}

/// Length, length after the kernel's conversion, and mean and worst executed instructions over the named numbers.
fn counts(program: &Program) -> (usize, usize, f64, usize) {
    let executed: Vec<_> = tables::calls(Abi::X86_64)
        .map(|(nr, _)| SyscallData::new(Abi::X86_64.token(), nr, [0; 6]))
        .map(|data| simulate(program, Abi::X86_64.endian(), &data).expect("it runs").executed)
        .collect();
    let sum: usize = executed.iter().sum();
    #[allow(clippy::cast_precision_loss)]
    let mean = sum as f64 / executed.len() as f64;
    (program.instructions.len(), converted_length(program), mean, executed.into_iter().max().unwrap_or_default())
}

fn bench(criterion: &mut Criterion) {
    let names = allowed();
    let policy = policy(&names);
    let ours = compile(&policy).expect("it compiles").program;
    let theirs: BpfProgram = seccompiler_filter(&names).try_into().expect("it compiles");
    println!("{} calls allowed; length / converted / mean executed / worst executed", names.len());
    for (who, program) in [("callgate", &ours), ("seccompiler", &instructions(&theirs))] {
        let (length, converted, mean, worst) = counts(program);
        println!("  {who:12} {length} / {converted} / {mean:.1} / {worst}");
    }
    criterion.bench_function("callgate: generate and prove", |bencher| bencher.iter(|| compile(black_box(&policy))));
    criterion.bench_function("seccompiler: generate", |bencher| {
        bencher.iter(|| BpfProgram::try_from(seccompiler_filter(black_box(&names))));
    });
}

criterion_group! { name = benches; config = Criterion::default().sample_size(20); targets = bench }
criterion_main!(benches);
