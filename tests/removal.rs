//! The search by which `benches/profile_sizes` finds the least that works.

use proptest::prelude::*;

#[path = "../benches/profile_sizes/removal.rs"]
mod search;

use search::{Least, least};

const NAMES: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];

proptest! {
    /// Of each set of names one has to stay, whichever; what is left holds to that, and without any one more it would not.
    #[test]
    fn what_is_left_works_and_nothing_more_can_go(
        needs in prop::collection::vec(prop::collection::btree_set(0..NAMES.len(), 1..4), 0..6),
        cut in 0..NAMES.len(),
    ) {
        let works = |removed: &[&str]| needs.iter().all(|need| need.iter().any(|&one| !removed.contains(&NAMES[one])));
        let (one, other) = NAMES.split_at(cut);
        let Least { removed, is_minimal } = least(&[one.to_vec(), other.to_vec()], works, || false);
        prop_assert!(is_minimal && works(&removed));
        for name in NAMES.into_iter().filter(|name| !removed.contains(name)) {
            prop_assert!(!works(&[&removed[..], &[name]].concat()), "{name} could go");
        }
    }
}

#[test]
fn without_time_nothing_is_claimed() {
    let tried = std::cell::Cell::new(0);
    let works = |_: &[&str]| {
        tried.set(tried.get() + 1);
        false
    };
    let found = least(&[NAMES.to_vec()], works, || tried.get() >= 5);
    assert!(found.removed.is_empty() && !found.is_minimal);
    assert_eq!(tried.get(), 5);
}
