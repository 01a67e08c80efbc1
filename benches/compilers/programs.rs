//! Every compiler's program of a policy, proven and measured.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use callgate_compiler::abi::Abi;
use callgate_compiler::bpf::Program;
use callgate_compiler::compile::compile;
use callgate_compiler::measure::{measure, weighted_mean};
use callgate_compiler::policy::{AbiPolicy, Policy};
use callgate_compiler::prove::{Budget, Verdict, policy_equals_program};

use crate::policies::{KERNEL, Named};
use crate::seccompiler;

/// Who made a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Compiler {
    /// callgate as it comes.
    Callgate,
    /// The C library's default: a list by priority.
    LibseccompList,
    /// Its binary tree.
    LibseccompTree,
    /// The Rust crate.
    Seccompiler,
}

impl Compiler {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Callgate => "callgate",
            Self::LibseccompList => "libseccomp -O1",
            Self::LibseccompTree => "libseccomp -O2",
            Self::Seccompiler => "seccompiler",
        }
    }

    pub(crate) fn is_ours(self) -> bool {
        self == Self::Callgate
    }
}

/// A program and its figures.
pub(crate) struct Made {
    pub(crate) program: Program,
    pub(crate) instructions: usize,
    pub(crate) converted: usize,
    /// Executed instructions of x86-64 calls: uniform over the numbers, under the blend of loads, and at worst.
    pub(crate) mean: f64,
    pub(crate) blend: Option<f64>,
    pub(crate) worst: usize,
    pub(crate) worst_exact: bool,
    /// Named calls that the kernel lets through without running the filter, of x86-64 and x86.
    pub(crate) cached: usize,
    /// The best of several; ours with the proof.
    pub(crate) compiled_in: Duration,
}

/// What the compilers made of a policy, or why not.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) made: BTreeMap<Compiler, Result<Made, String>>,
}

/// Compiles, proves and measures.
pub(crate) fn row(named: &Named, blend: Option<&BTreeMap<String, f64>>, times: u32) -> Row {
    let policy = &named.policy;
    let mut made = BTreeMap::new();
    let mut add = |compiler, program: Result<(Program, Duration), String>| {
        let figures = program.and_then(|(program, compiled_in)| {
            proven(policy, compiler, &program)?;
            figures(policy, program, compiled_in, blend)
        });
        made.insert(compiler, figures);
    };
    let ours = || compile(policy).map(|compiled| compiled.program).map_err(|error| error.to_string());
    add(Compiler::Callgate, timed(times, ours));
    #[cfg(feature = "libseccomp")]
    {
        let rules = crate::libseccomp::rules(policy);
        for (compiler, level) in [(Compiler::LibseccompList, 1), (Compiler::LibseccompTree, 2)] {
            let program = rules.as_ref().map_err(Clone::clone);
            add(compiler, program.and_then(|rules| timed(times, || crate::libseccomp::program(rules, level))));
        }
    }
    let filter = seccompiler::filter(policy);
    add(Compiler::Seccompiler, filter.and_then(|filter| timed(times, || seccompiler::program(filter.clone()))));
    Row { name: named.name.clone(), made }
}

fn timed(times: u32, make: impl Fn() -> Result<Program, String>) -> Result<(Program, Duration), String> {
    let mut best = Duration::MAX;
    let mut program = Program::default();
    for _ in 0..times.max(1) {
        let start = Instant::now();
        program = make()?;
        best = best.min(start.elapsed());
    }
    Ok((program, best))
}

/// That the program does what the policy says. seccompiler doesn't guard against x32: there its program is held to the
/// policy on all other calls.
fn proven(policy: &Policy, compiler: Compiler, program: &Program) -> Result<(), String> {
    let mut policy = policy.clone();
    if compiler == Compiler::Seccompiler
        && let Some(own) = policy.abis.get(&Abi::X86_64)
    {
        let unguarded = AbiPolicy { calls: BTreeMap::new(), rest: own.rest.clone() };
        policy.abis.insert(Abi::X32, unguarded);
    }
    match policy_equals_program(&policy, program, Budget::default()) {
        Verdict::Holds => Ok(()),
        Verdict::Fails(_) => Err("differs from the policy".to_owned()),
        Verdict::Undecided(_) => Err("not decided".to_owned()),
    }
}

fn figures(
    policy: &Policy,
    program: Program,
    compiled_in: Duration,
    blend: Option<&BTreeMap<String, f64>>,
) -> Result<Made, String> {
    let measures = measure(&program, policy.abis.keys().copied(), KERNEL).map_err(|error| error.to_string())?;
    let of = measures.abis.iter().find(|of| of.abi == Abi::X86_64).ok_or("no x86-64")?;
    Ok(Made {
        instructions: measures.instructions,
        converted: measures.converted,
        mean: of.mean,
        blend: blend.and_then(|mix| weighted_mean(&program, Abi::X86_64, mix, None)),
        worst: of.worst.executed,
        worst_exact: of.worst.is_exact(),
        cached: measures.cached(),
        compiled_in,
        program,
    })
}
