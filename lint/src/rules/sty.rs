//! STY: how a profile reads.

family!("sty": magic_number, suppression_without_reason, undocumented_dangerous_allow, unsorted_or_legacy_name, unused_suppression);
