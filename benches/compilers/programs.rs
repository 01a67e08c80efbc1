//! Every compiler's program of a policy, proven and measured.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::Program;
use callgate_compiler::generate::{Objective, Optimize, generate_for};
use callgate_compiler::measure::{measure, weighted_mean};
use callgate_compiler::policy::{AbiPolicy, Policy};
use callgate_compiler::prove::{Budget, Verdict, policy_equals_program};

use crate::by_seccompiler;
use crate::policies::{KERNEL, Named, weights};

/// Who made a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Compiler {
    /// callgate as it comes: `--optimize balanced`.
    Balanced,
    /// `--optimize size`.
    Size,
    /// `--optimize size --exhaustive`.
    Smallest,
    /// `--optimize speed`.
    Speed,
    /// `--optimize speed --exhaustive`.
    Fastest,
    /// `--optimize speed --exhaustive --weights` of the blend.
    Blend,
    /// The C library's default: a list by priority.
    LibseccompList,
    /// Its binary tree.
    LibseccompTree,
    /// The Rust crate.
    Seccompiler,
}

impl Compiler {
    /// callgate's modes.
    pub(crate) const OURS: [Self; 6] =
        [Self::Balanced, Self::Size, Self::Smallest, Self::Speed, Self::Fastest, Self::Blend];
    /// The others of this run.
    pub(crate) const PEERS: [Self; 3] = [Self::LibseccompList, Self::LibseccompTree, Self::Seccompiler];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Balanced => "callgate",
            Self::Size => "size",
            Self::Smallest => "size, exhaustive",
            Self::Speed => "speed",
            Self::Fastest => "speed, exhaustive",
            Self::Blend => "speed, exhaustive, blend",
            Self::LibseccompList => "libseccomp -O1",
            Self::LibseccompTree => "libseccomp -O2",
            Self::Seccompiler => "seccompiler",
        }
    }
}

/// What a mode of callgate is for: as it comes for a kernel with a bitmap, the others for one where every call counts.
fn objective(compiler: Compiler, blend: Option<&BTreeMap<String, f64>>) -> Option<Objective> {
    let (optimize, exhaustive) = match compiler {
        Compiler::Balanced => return Some(Objective::default()),
        Compiler::Size => (Optimize::Size, false),
        Compiler::Smallest => (Optimize::Size, true),
        Compiler::Speed => (Optimize::Speed, false),
        Compiler::Fastest | Compiler::Blend => (Optimize::Speed, true),
        _ => return None,
    };
    let weights = if compiler == Compiler::Blend { Some(weights(blend?)) } else { None };
    Some(Objective { optimize, exhaustive, weights, bitmap: false })
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
    /// From the policy to the program, the best of several.
    pub(crate) compiled_in: Duration,
    /// And the proof that they are equal, where the compiler proves.
    pub(crate) proven_in: Option<Duration>,
    /// Whether the program does what the policy says.
    pub(crate) equal: bool,
}

/// What the compilers made of a policy, or why not.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) made: BTreeMap<Compiler, Result<Made, String>>,
    /// seccompiler's program where it has none of the policy, and has one when other errnos become the default one.
    pub(crate) simplified: Option<Program>,
}

/// Compiles, proves and measures.
pub(crate) fn row(named: &Named, blend: Option<&BTreeMap<String, f64>>, times: u32) -> Row {
    let policy = &named.policy;
    let mut made = BTreeMap::new();
    let mut add = |compiler, program: Result<(Program, Duration), String>| {
        let figures = program.and_then(|(program, compiled_in)| {
            let equal = is_equal(policy, compiler, &program)?;
            let prove = || policy_equals_program(policy, &program, Budget::default());
            let proven_in = Compiler::OURS.contains(&compiler).then(|| least(times, prove).1);
            let measured = figures(policy, program, blend)?;
            Ok(Made { compiled_in, proven_in, equal, ..measured })
        });
        made.insert(compiler, figures);
    };
    for compiler in Compiler::OURS {
        let Some(objective) = objective(compiler, blend) else { continue };
        add(compiler, timed(times, || generate_for(policy, &objective).map_err(|error| error.to_string())));
    }
    #[cfg(feature = "libseccomp")]
    {
        let rules = crate::libseccomp::rules(policy);
        for (compiler, level) in [(Compiler::LibseccompList, 1), (Compiler::LibseccompTree, 2)] {
            let program = rules.as_ref().map_err(Clone::clone);
            add(compiler, program.and_then(|rules| timed(times, || crate::libseccomp::program(rules, level))));
        }
    }
    let theirs = timed(times, || by_seccompiler::of_policy(policy));
    let simplified = if theirs.is_err() { by_seccompiler::of_policy(&one_errno(policy)).ok() } else { None };
    add(Compiler::Seccompiler, theirs);
    Row { name: named.name.clone(), made, simplified }
}

/// The policy with one errno: calls that always fail with another one fail as those without a rule do.
fn one_errno(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    for listed in policy.abis.values_mut() {
        let rest = listed.rest.clone();
        for call in listed.calls.values_mut() {
            if matches!(call.otherwise.action, Action::Errno(_)) && matches!(rest.action, Action::Errno(_)) {
                call.otherwise = rest.clone();
            }
        }
    }
    policy
}

fn timed(times: u32, make: impl Fn() -> Result<Program, String>) -> Result<(Program, Duration), String> {
    let (program, time) = least(times, make);
    program.map(|program| (program, time))
}

/// The least time of so many runs, and the first one's result.
fn least<T>(times: u32, run: impl Fn() -> T) -> (T, Duration) {
    let timed = || {
        let start = Instant::now();
        let result = black_box(run());
        (result, start.elapsed())
    };
    let (result, first) = timed();
    (result, (1..times).map(|_| timed().1).fold(first, Duration::min))
}

/// Whether the program does what the policy says, as far as its compiler can be told: seccompiler doesn't guard against x32,
/// and libseccomp, with several ABIs, knows only the calls of its own tables.
fn is_equal(policy: &Policy, compiler: Compiler, program: &Program) -> Result<bool, String> {
    match policy_equals_program(&sayable(policy, compiler), program, Budget::default()) {
        Verdict::Holds => Ok(true),
        Verdict::Fails(_) => Ok(false),
        Verdict::Undecided(_) => Err("not decided".to_owned()),
    }
}

fn sayable(policy: &Policy, compiler: Compiler) -> Policy {
    match compiler {
        #[cfg(feature = "libseccomp")]
        Compiler::LibseccompList | Compiler::LibseccompTree => crate::libseccomp::sayable(policy),
        Compiler::Seccompiler => {
            let mut policy = policy.clone();
            if let Some(own) = policy.abis.get(&Abi::X86_64) {
                let unguarded = AbiPolicy { calls: BTreeMap::new(), rest: own.rest.clone() };
                policy.abis.insert(Abi::X32, unguarded);
            }
            policy
        }
        _ => policy.clone(),
    }
}

fn figures(policy: &Policy, program: Program, blend: Option<&BTreeMap<String, f64>>) -> Result<Made, String> {
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
        compiled_in: Duration::ZERO,
        proven_in: None,
        equal: false,
        program,
    })
}
