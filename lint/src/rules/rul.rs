//! RUL: what the rules of a profile do to each other.

mod conflict;

family!("rul":
    permissive_default,
    recording_default_left_in,
    duplicate_rule,
    conditional_deny_shadowed,
    contradictory_unconditional_rules,
    overlapping_argument_rules,
    rule_equals_default_action,
    same_arg_index_twice,
    always_true_condition,
    never_matching_condition,
    unreachable_include,
    shared_args_across_names,
    kill_thread_action,
    trap_or_trace_without_handler,
    errno_zero,
    errno_out_of_range,
    errno_on_non_errno_action,
    log_action_executes,
);
