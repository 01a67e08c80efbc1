//! ABI: which ABIs a profile speaks for, and what it says there.

family!("abi":
    no_architectures,
    multiplexer_defeats_arg_filter,
    x32_enabled,
    x32_unguarded,
    argument_order_differs,
    missing_compat_variant,
    name_absent_on_all_arches,
    arch_unsupported_by_runtime,
    native_arch_omitted,
    pre_5_4_x32_confusion,
    foreign_abi_allowed,
);
