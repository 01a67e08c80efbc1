//! Calls that do the same work in another library, another version or at another moment. The data is `siblings.txt`, whose head
//! says how it is written.

static TEXT: &str = include_str!("../siblings.txt");

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Siblings {
    /// When one of these was seen; empty: when any call was.
    pub(crate) seen: Vec<&'static str>,
    /// These are added, as written, with a condition where they have one.
    pub(crate) added: Vec<&'static str>,
    /// Why.
    pub(crate) reason: &'static str,
}

/// The lines, in the order written.
pub(crate) fn siblings() -> impl Iterator<Item = Siblings> {
    TEXT.lines().filter(|line| !line.starts_with('#')).filter_map(line)
}

fn line(text: &'static str) -> Option<Siblings> {
    let (calls, reason) = text.split_once(": ")?;
    let (seen, added) = calls.split_once('=')?;
    let names = |text: &'static str| -> Vec<&'static str> { text.split_whitespace().collect() };
    let seen = if seen.trim() == "*" { Vec::new() } else { names(seen) };
    let added = match added.trim() {
        "" => seen.clone(),
        // A condition has spaces in it, and stands alone.
        added if added.contains('(') => vec![added],
        added => names(added),
    };
    Some(Siblings { seen, added, reason })
}

/// The name of a call that may have a condition.
pub(crate) fn name(target: &str) -> &str {
    target.split('(').next().unwrap_or(target)
}

/// The name without what says how wide its fields are: `futex` of `futex_time64`, `fcntl` of `fcntl64`.
pub(crate) fn without_width(call: &str) -> &str {
    call.trim_end_matches("_time64").trim_end_matches("64")
}

#[cfg(test)]
mod tests {
    use callgate_compiler::tables::{self, FamilyRole, Member};

    use super::*;

    /// Calls without a power of their own: they wait, tell the time, or shape the caller's own memory.
    const POWERLESS: &[&str] = &[
        "brk",
        "clock_getres",
        "clock_getres_time64",
        "clock_gettime",
        "clock_gettime64",
        "futex",
        "futex_time64",
        "getcpu",
        "getrlimit",
        "gettimeofday",
        "madvise",
        "mremap",
        "munmap",
        "nanosleep",
        "sched_getaffinity",
        "sched_yield",
        "set_robust_list",
        "time",
        "ugetrlimit",
    ];

    #[test]
    fn every_line_names_known_calls_and_a_reason() {
        let lines = TEXT.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count();
        assert_eq!(lines, siblings().count());
        for Siblings { seen, added, reason } in siblings() {
            assert!(!reason.is_empty() && !added.is_empty());
            for call in seen.iter().chain(&added) {
                assert!(tables::names().binary_search(&name(call)).is_ok(), "{call}");
            }
        }
    }

    /// Seen one, added the other: whoever has the first has the second's power, by the compiler's families.
    #[test]
    fn what_is_added_gives_no_power() {
        for Siblings { seen, added, .. } in siblings() {
            for added in added.iter().copied() {
                for seen in seen.iter().filter(|seen| **seen != name(added)) {
                    assert!(powerless(added) || gives(seen, added), "{seen} was seen and {added} is added");
                }
                assert!(!seen.is_empty() || powerless(added), "{added}");
            }
        }
    }

    fn powerless(added: &str) -> bool {
        POWERLESS.contains(&added)
    }

    fn gives(seen: &str, added: &str) -> bool {
        // The condition leaves of clone what fork does.
        if name(added) != added {
            return added.contains("lacks CLONE_NEW") && ["fork", "vfork"].contains(&seen);
        }
        // Memory that is mapped may be protected otherwise; brk alone comes with mmap in every program.
        if added == "mprotect" && seen == "brk" {
            return true;
        }
        // One call with fields of two widths.
        if without_width(seen) == without_width(added) {
            return true;
        }
        let of = |members: &[Member], call: &str| members.iter().find(|member| member.call == call).copied();
        tables::families().values().any(|members| {
            let (seen, added) = (of(members, seen), of(members, added));
            let whole = |member: Member| member.selector.is_none();
            let strong = |member: Member| matches!(member.role, FamilyRole::Door | FamilyRole::Whole);
            matches!((seen, added), (Some(seen), Some(added))
                if whole(seen) && whole(added) && strong(seen) && added.role != FamilyRole::Whole)
        })
    }
}
