//! ARG: conditions that ask something else than they seem to.

mod cut;

family!("arg":
    int_arg_compared_as_64_bit,
    int_arg_exact_allow,
    sign_extension,
    pointer_argument_comparison,
    signed_comparison,
    flags_compared_with_eq,
    incomplete_flag_mask,
    struct_argument_uninspectable,
    arg_index_beyond_arity,
    fd_number_comparison,
    unfiltered_ioctl,
    unfiltered_prctl,
    vdso_syscall_filtered,
);
