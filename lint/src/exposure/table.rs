//! How many of each there are.

use super::{Exposure, Verdict};

/// Whose verdicts are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The profile's.
    Profile,
    /// Docker's default's.
    Docker,
    /// Those without a filter.
    Unfiltered,
}

/// The verdicts of one column, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Within reach, on whatever kernel.
    pub reachable: usize,
    /// Of these, those that the target's kernel is said to have.
    pub on_kernel: usize,
    /// Every trigger passes, and the kernel refuses it for want of a capability.
    pub refused: usize,
    /// Blocked by the profile.
    pub blocked: usize,
    /// Of these, those of which some trigger passes.
    pub in_part: usize,
    /// The ABIs or the kernel have no call for it.
    pub absent: usize,
}

impl Column {
    /// The verdict of this column; `None` where Docker's default wasn't asked.
    #[must_use]
    pub fn verdict(self, exposure: &Exposure) -> Option<&Verdict> {
        match self {
            Self::Profile => Some(&exposure.profile),
            Self::Docker => exposure.docker.as_ref(),
            Self::Unfiltered => Some(&exposure.unfiltered),
        }
    }

    /// The column, counted; `None` where it wasn't asked.
    #[must_use]
    pub fn totals(self, exposures: &[Exposure]) -> Option<Totals> {
        let mut totals = Totals::default();
        for exposure in exposures {
            match self.verdict(exposure)? {
                Verdict::Reachable(_) => {
                    totals.reachable += 1;
                    totals.on_kernel += usize::from(exposure.on_kernel == Some(true));
                }
                Verdict::Refused(_) => totals.refused += 1,
                Verdict::Blocked(block) => {
                    totals.blocked += 1;
                    totals.in_part += usize::from(block.passing > 0);
                }
                Verdict::Absent(_) => totals.absent += 1,
            }
        }
        Some(totals)
    }
}
