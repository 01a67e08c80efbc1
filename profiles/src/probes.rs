//! Calls that programs probe and do without on ENOSYS. The data is `probes.txt`, whose head says how it is written.

static TEXT: &str = include_str!("../probes.txt");

/// The names, sorted, with who probes the call and what it does without.
pub(crate) fn probes() -> impl Iterator<Item = (&'static str, &'static str)> {
    TEXT.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_probe_is_a_known_call_with_a_reason() {
        let known = callgate_compiler::tables::names();
        let names: Vec<_> = probes().map(|(name, _)| name).collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
        assert!(probes().all(|(name, reason)| known.binary_search(&name).is_ok() && !reason.is_empty()));
        let lines = TEXT.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count();
        assert_eq!(lines, names.len());
    }
}
