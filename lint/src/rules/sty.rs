//! STY: how a profile reads.

family!("sty": magic_number, undocumented_dangerous_allow, unsorted_or_legacy_name);
