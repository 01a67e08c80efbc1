//! "Did you mean …": the candidate nearest to a mistyped word.

/// Words longer than this are not mistyped names; comparing them with every candidate would only take time.
const LONGEST_WORD: usize = 64;

/// The candidate nearest to `word`, if one is near enough to be what was meant.
///
/// Near enough is one edit (insert, delete, replace, swap neighbours) for every three characters of the longer word, and one for
/// shorter words; upper and lower case count as the same. Of several equally near ones the first in byte order wins, so
/// the order of the candidates doesn't matter.
#[must_use]
pub fn did_you_mean<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST_WORD {
        return None;
    }
    let lower = word.to_ascii_lowercase();
    candidates
        .filter_map(|candidate| {
            let allowed = (word.len().max(candidate.len()) / 3).max(1);
            if word.len().abs_diff(candidate.len()) > allowed {
                return None;
            }
            let distance = strsim::osa_distance(&lower, &candidate.to_ascii_lowercase());
            (distance <= allowed && distance < word.len()).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[track_caller]
    fn check(word: &str, candidates: &[&str], expected: Option<&str>) {
        assert_eq!(did_you_mean(word, candidates.iter().copied()), expected);
        assert_eq!(did_you_mean(word, candidates.iter().rev().copied()), expected, "the order of candidates matters");
    }

    #[test]
    fn near_words_are_suggested() {
        check("alow", &["allow", "deny"], Some("allow"));
        check("lal", &["all", "read"], Some("all"));
        check("AF_unix", &["AF_UNIX", "AF_INET"], Some("AF_UNIX"));
        check("opennat", &["open", "openat", "openat2"], Some("openat"));
    }

    #[test]
    fn far_words_are_not() {
        check("quux", &["allow", "deny"], None);
        check("x", &["y"], None);
        check("", &["a"], None);
        check(&"a".repeat(1000), &[&"a".repeat(999)], None);
    }

    #[test]
    fn ties_go_to_the_first_in_byte_order() {
        check("cat", &["car", "cap", "can"], Some("can"));
    }
}
