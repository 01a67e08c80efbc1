//! FMT: the form of a file.

mod key;

family!("fmt": architectures_and_archmap, duplicate_key, empty_names, empty_profile_disables_seccomp, field_case_mismatch, masked_eq_value_outside_mask, masked_eq_zero_mask, missing_required_field, name_and_names, number_out_of_range, unknown_enum_value, unknown_field, unparseable_profile, value_two_ignored);
