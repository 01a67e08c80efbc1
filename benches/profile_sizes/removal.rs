//! The search for the least that works, by taking away.

/// What is left.
#[derive(Debug)]
pub(crate) struct Least<'c> {
    /// What was taken away, in the order of the search.
    pub(crate) removed: Vec<&'c str>,
    /// Whether taking away any one more was tried last, and each time something broke. Else there was no time for that, and what
    /// is left is only an upper bound.
    pub(crate) is_minimal: bool,
}

/// Takes away as much of the groups as the question allows, whole groups and halves first, then one by one until no single
/// one more can go. `works` is told all that is away. Once `over`, nothing more is tried.
pub(crate) fn least<'c>(
    groups: &[Vec<&'c str>],
    mut works: impl FnMut(&[&'c str]) -> bool,
    over: impl Fn() -> bool,
) -> Least<'c> {
    let mut removed = Vec::new();
    for group in groups {
        halve(group, &mut removed, &mut works, &over);
    }
    loop {
        let before = removed.len();
        for &one in groups.iter().flatten() {
            if over() {
                return Least { removed, is_minimal: false };
            }
            if !removed.contains(&one) {
                take(&[one], &mut removed, &mut works);
            }
        }
        if removed.len() == before {
            return Least { removed, is_minimal: true };
        }
    }
}

/// Takes a group away whole, or of each half what can go.
fn halve<'c>(
    group: &[&'c str],
    removed: &mut Vec<&'c str>,
    works: &mut impl FnMut(&[&'c str]) -> bool,
    over: &impl Fn() -> bool,
) {
    if group.is_empty() || over() || take(group, removed, works) || group.len() == 1 {
        return;
    }
    let (one, other) = group.split_at(group.len() / 2);
    halve(one, removed, works, over);
    halve(other, removed, works, over);
}

/// Whether it works without these as well; then they are away.
fn take<'c>(some: &[&'c str], removed: &mut Vec<&'c str>, works: &mut impl FnMut(&[&'c str]) -> bool) -> bool {
    let before = removed.len();
    removed.extend(some);
    let works = works(removed);
    if !works {
        removed.truncate(before);
    }
    works
}
