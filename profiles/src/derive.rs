//! A recording made into a policy, as text in the policy language that says why each call is in it.
//!
//! What was observed is allowed, on the ABI where it was observed. Added to that, each with its reason, is what a recording
//! can't be trusted to show: the call that starts the command, a container runtime's own calls, the calls the kernel makes
//! or a dying program needs. New calls that libraries probe and do without answer ENOSYS.

mod condition;
mod header;
mod observed;
mod siblings;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;
use thiserror::Error;

use crate::baseline::{Need, Runtime, needs};
use crate::held::Arguments;
use crate::probes::probes;
use crate::recording::Recording;
use crate::tally::Tally;
use observed::Observed;
use text::{Section, Targets};

/// What the policy does with the calls that it doesn't allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Otherwise {
    /// EPERM.
    #[default]
    Errno,
    /// Kill the process.
    Kill,
    /// Allow, and write an audit record: to try a policy out.
    Log,
}

impl Otherwise {
    /// Every choice with the name that `--default` takes.
    pub const ALL: &'static [(Self, &'static str)] =
        &[(Self::Errno, "errno"), (Self::Kill, "kill"), (Self::Log, "log")];

    fn statement(self) -> &'static str {
        match self {
            Self::Errno => "deny: all",
            Self::Kill => "kill: all",
            Self::Log => "log: all",
        }
    }
}

impl fmt::Display for Otherwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(choice, _)| choice == self).map_or("", |&(_, name)| name);
        f.write_str(name)
    }
}

/// No default action has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "no default is called `{name}`\n  next: there are errno (EPERM), kill (the process) and log (allow and write an audit record)"
)]
pub struct UnknownDefault {
    /// What was asked for.
    pub name: String,
}

impl FromStr for Otherwise {
    type Err = UnknownDefault;

    fn from_str(name: &str) -> Result<Self, UnknownDefault> {
        let found = Self::ALL.iter().find(|(_, other)| *other == name);
        found.map(|&(choice, _)| choice).ok_or_else(|| UnknownDefault { name: name.to_owned() })
    }
}

/// What is added for the sake of other libraries, other versions and other moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SiblingCalls {
    /// Nothing: the policy fits the machine and the moment it was learnt on.
    None,
    /// What C libraries and language runtimes may call instead of what was seen, or depending on chance.
    #[default]
    Libc,
}

impl SiblingCalls {
    /// Every choice with the name that `--siblings` takes.
    pub const ALL: &'static [(Self, &'static str)] = &[(Self::None, "none"), (Self::Libc, "libc")];
}

/// How to derive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeriveOptions {
    /// Also allow what this runtime calls under the filter.
    pub runtime: Option<Runtime>,
    /// How far selectors and flags are held to the values that were seen.
    pub arguments: Arguments,
    /// What is added beside what was seen.
    pub siblings: SiblingCalls,
    /// Calls seen in fewer runs than this (of all, where there are fewer) stand in a statement of their own. 0: none does.
    pub min_runs: u64,
    /// Derive from a recording that lost something. The policy may refuse what the command needs.
    pub incomplete_ok: bool,
    /// What happens to every other call.
    pub default: Otherwise,
}

/// A policy and what to know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derived {
    /// The policy, in the policy language.
    pub gate: String,
    /// What whoever uses the policy should know, a sentence each. They are not in the text.
    pub notes: Vec<String>,
    /// Every target of the text, in its order, with why it stands there.
    pub targets: Vec<Target>,
}

/// One target of a derived policy on one ABI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The ABI.
    pub abi: Abi,
    /// The call's name, or its number in decimal digits.
    pub call: String,
    /// As it stands in the statement, with its condition if it has one.
    pub text: String,
    /// The verb of the statement: `allow`, `deny`, `errno(ENOSYS)`.
    pub verb: &'static str,
    /// Why, a line each.
    pub reason: Vec<String>,
}

/// Why there is no policy. Every message says what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeriveError {
    /// The recording lost something.
    #[error(
        "the recording is incomplete ({}), so the policy would refuse what the command needs\n  next: record again, or derive with `--incomplete-ok`",
        header::lost(lost)
    )]
    Incomplete {
        /// What is missing, by name.
        lost: BTreeMap<String, u64>,
    },
    /// There is no call in the recording.
    #[error("the recording has no system call in it\n  next: record a command with `callgate record -o FILE -- CMD`")]
    Empty,
}

/// What the kernel calls on a program's behalf, or a program can't end without. On x86 `sigreturn` is the older twin.
const KERNEL_MADE: &[&str] = &["exit", "exit_group", "restart_syscall", "rt_sigreturn", "sigreturn"];

/// What a program calls to die of its own accord: abort(3), a failing assert(3), glibc's checks of the heap and the stack, and
/// what is under a panic in Rust, Go and C++. Measured by recording programs that die so; `tests/verify.rs` does it again.
const ABORT: &[&str] = &["getpid", "gettid", "rt_sigaction", "rt_sigprocmask", "tgkill", "tkill", "write", "writev"];

/// Makes a policy of a recording. The same recording gives the same bytes.
///
/// # Errors
/// When the recording is incomplete and `incomplete_ok` isn't set, or has no calls.
pub fn derive(recording: &Recording, options: &DeriveOptions) -> Result<Derived, DeriveError> {
    derive_from(&Tally::of(recording), options)
}

/// Makes a policy of what runs come to, with the same result as [`derive()`] from a recording of all of them.
///
/// # Errors
/// As [`derive()`].
pub fn derive_from(tally: &Tally, options: &DeriveOptions) -> Result<Derived, DeriveError> {
    if !tally.is_complete() && !options.incomplete_ok {
        return Err(DeriveError::Incomplete { lost: tally.lost.clone() });
    }
    if tally.calls.is_empty() {
        return Err(DeriveError::Empty);
    }
    let observed = Observed::of(tally, options);
    let abis = tally.abis();
    let mut draft = Draft::default();

    for section in before(&observed, &tally.machines).into_iter().chain(observed.sections()) {
        draft.allow(section);
    }
    if options.siblings == SiblingCalls::Libc {
        for section in siblings::sections(&observed) {
            draft.allow(section);
        }
    }
    if let Some(runtime) = options.runtime {
        for need in needs(runtime) {
            let tolerated = !need.allowed;
            let section = baseline_section(runtime, &need, &tally.machines);
            match (tolerated, options.default) {
                (false, _) => draft.allow(section),
                // Only a default that kills has to be told to tolerate them.
                (true, Otherwise::Kill) => draft.add("deny", section),
                (true, Otherwise::Errno | Otherwise::Log) => {}
            }
        }
    }
    draft.allow(named(&abis, KERNEL_MADE, "made by the kernel, or needed to end"));
    draft.allow(named(&abis, ABORT, "abort(3) and what leads to it: a failing check says why and dies by its signal"));
    if options.default != Otherwise::Log {
        let reason = "calls that libraries try and do without only when told ENOSYS";
        let names: Vec<&str> = probes().map(|(name, _)| name).collect();
        draft.add("errno(ENOSYS)", named(&abis, &names, reason));
    }

    let mut gate = header::comment(tally);
    gate.push_str(&text::arch(&abis));
    gate.push_str(options.default.statement());
    gate.push('\n');
    let mut targets = Vec::new();
    for (verb, section) in draft.finish() {
        gate.push_str(&section.write(verb, &abis));
        let reason = section.reason;
        targets.extend(section.targets.into_iter().map(|((abi, call), text)| Target {
            abi,
            call,
            text,
            verb,
            reason: reason.clone(),
        }));
    }
    let mut notes = observed.notes(options);
    if let Some(runtime) = options.runtime.filter(|_| tally.machines.iter().any(|&abi| abi != Abi::X86_64)) {
        notes.push(format!("the baseline of {runtime} was measured on x86_64 only"));
    }
    Ok(Derived { gate, notes, targets })
}

/// Statements in the making, in the order they will stand in.
#[derive(Default)]
struct Draft {
    sections: Vec<(&'static str, Section)>,
}

impl Draft {
    fn allow(&mut self, section: Section) {
        self.add("allow", section);
    }

    fn add(&mut self, verb: &'static str, section: Section) {
        self.sections.push((verb, section));
    }

    /// Drops what says nothing new: a call that an earlier section has, a condition on a call that some section allows whole,
    /// and anything but `allow` for a call that is allowed in part.
    fn finish(self) -> Vec<(&'static str, Section)> {
        let whole: BTreeSet<(Abi, String)> = self
            .sections
            .iter()
            .filter(|(verb, _)| *verb == "allow")
            .flat_map(|(_, section)| section.targets.iter().filter(|((_, name), text)| name == *text))
            .map(|(key, _)| key.clone())
            .collect();
        let mut said: BTreeSet<(Abi, String)> = BTreeSet::new();
        let mut mentioned: BTreeSet<(Abi, String)> = BTreeSet::new();
        let mut sections = Vec::new();
        for (verb, mut section) in self.sections {
            section.targets.retain(|key, text| {
                let condition = key.1 != *text;
                let covered = condition && whole.contains(key);
                let refused_in_part = verb != "allow" && mentioned.contains(key);
                !covered && !refused_in_part && said.insert((key.0, text.clone()))
            });
            mentioned.extend(section.targets.keys().cloned());
            if !section.targets.is_empty() {
                sections.push((verb, section));
            }
        }
        sections
    }
}

/// What comes before the command's own program. The call that starts it is there on the machine's own ABI whether it was
/// recorded or not: `callgate run` makes it.
fn before(observed: &Observed<'_>, machines: &BTreeSet<Abi>) -> [Section; 2] {
    let (mut start, runtime) = observed.before();
    for &abi in machines {
        start.insert((abi, "execve".to_owned()), "execve".to_owned());
    }
    let section = |reason: &str, targets| Section { reason: vec![reason.to_owned()], targets };
    [
        section("starts the command: the only call that `callgate run` makes under the filter", start),
        section(
            "observed before the command's own program: what the container's runtime called under the filter",
            runtime,
        ),
    ]
}

/// Those of the names that an ABI has, on each ABI.
fn named(abis: &BTreeSet<Abi>, names: &[&str], reason: &str) -> Section {
    let mut targets = Targets::new();
    for &abi in abis {
        let here = names.iter().filter(|name| tables::number(abi, name).is_some());
        targets.extend(here.map(|&name| ((abi, name.to_owned()), name.to_owned())));
    }
    Section { reason: vec![reason.to_owned()], targets }
}

fn baseline_section(runtime: Runtime, need: &Need, machines: &BTreeSet<Abi>) -> Section {
    let mut targets = Targets::new();
    for &abi in machines {
        let here = need.targets.iter().filter(|needed| tables::number(abi, &needed.name).is_some());
        targets.extend(here.map(|needed| ((abi, needed.name.clone()), needed.text.to_owned())));
    }
    let mut reason: Vec<String> = need.reason.iter().map(|&line| line.to_owned()).collect();
    if let Some(first) = reason.first_mut() {
        *first = format!("{runtime}: {first}");
    }
    Section { reason, targets }
}
