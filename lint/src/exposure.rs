//! Which known vulnerabilities of the kernel a profile leaves within reach of a process, and which it closes by what.
//!
//! The data are two files: `data/vulnerabilities.tsv`, what was wrong in which kernels and where that is written, and
//! `data/triggers.tsv`, the calls that lead there, in the policy language. A vulnerability is within reach when for each of
//! its triggers some call passes the profile on one machine, through whichever of the machine's ABIs, and when the process
//! holds what the kernel asks for, or can make a user namespace in which it does. A call that is handed to a tracer or a
//! supervisor counts as passing, since what they say isn't known.
//!
//! That is trigger-level: it says that the first step can be made, not that the rest can, and nothing of whether a certain
//! kernel has the flaw; and "blocked" says that these ways are closed, not that there is no other.

mod docker;
mod facts;
mod json;
mod table;
mod text;
mod trigger;
mod unfiltered;
mod view;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::outcome::Undecided;
use callgate_grammar::Span;

pub use docker::docker_default;
pub use facts::{Kernels, Need, Vulnerability, vulnerabilities};
pub use json::json;
pub use table::{Column, Totals};
pub use text::text;
pub use trigger::{Trigger, triggers};
pub use unfiltered::unfiltered;

use crate::finding::Witness;
use crate::meaning::Meaning;
use view::View;

/// What becomes of one vulnerability's triggers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// For each trigger a call passes.
    Reachable(Vec<Witness>),
    /// No call passes for one of the triggers.
    Blocked(Block),
    /// Every trigger passes, and the kernel asks for capabilities that the process neither holds nor can get.
    Refused(Vec<&'static str>),
    /// The ABIs have no call for one of the triggers, or the kernel is too old for it.
    Absent(&'static Trigger),
}

/// What stands in the way of a vulnerability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The trigger that no allowed call reaches: the first of them.
    pub trigger: &'static Trigger,
    /// What refuses its calls, each place once.
    pub by: Vec<Blocker>,
    /// How many of the triggers pass all the same.
    pub passing: usize,
    /// Of how many. A user namespace that would have to be made is one of them.
    pub of: usize,
}

/// What refuses a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Blocker {
    /// The statement; `None` where the profile doesn't list the ABI.
    pub place: Option<Span>,
    /// What it does.
    pub action: Action,
    /// To this call, for one.
    pub call: &'static str,
    /// Through this ABI, for one.
    pub abi: Abi,
}

/// One vulnerability, and what stands before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// Which.
    pub vulnerability: &'static Vulnerability,
    /// Whether the target's kernel is one of those that are said to have it; `None` where no kernel is named.
    pub on_kernel: Option<bool>,
    /// What the profile does.
    pub profile: Verdict,
    /// What Docker's default does, if that was asked.
    pub docker: Option<Verdict>,
    /// What is left without a filter: the kernel's own checks.
    pub unfiltered: Verdict,
}

impl Verdict {
    /// Whether every trigger passes and the kernel refuses none.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        matches!(self, Self::Reachable(_))
    }
}

/// What a profile does about every known vulnerability, beside another (Docker's default) and beside none, in the data's order.
///
/// # Errors
/// Past the prover's budget.
pub fn exposure(meaning: &Meaning, docker: Option<&Meaning>) -> Result<Vec<Exposure>, Undecided> {
    let bare = unfiltered(meaning);
    let (mut profile, mut none) = (View::of(meaning), View::of(&bare));
    let mut docker = docker.map(View::of);
    vulnerabilities()
        .iter()
        .map(|vulnerability| {
            Ok(Exposure {
                vulnerability,
                on_kernel: vulnerability.kernels.on(meaning.kernel),
                profile: profile.verdict(vulnerability)?,
                docker: docker.as_mut().map(|docker| docker.verdict(vulnerability)).transpose()?,
                unfiltered: none.verdict(vulnerability)?,
            })
        })
        .collect()
}

/// What a profile does about those that the target's kernel is said to have.
///
/// # Errors
/// Past the prover's budget.
pub(crate) fn verdicts_on_kernel(meaning: &Meaning) -> Result<Vec<(&'static Vulnerability, Verdict)>, Undecided> {
    let mut view = View::of(meaning);
    let on_kernel = vulnerabilities().iter().filter(|one| one.kernels.on(meaning.kernel) == Some(true));
    on_kernel.map(|vulnerability| Ok((vulnerability, view.verdict(vulnerability)?))).collect()
}
