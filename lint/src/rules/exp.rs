//! EXP: what of the kernel a profile leaves within reach.

mod reach;
mod statement;

family!("exp":
    bpf,
    capability_mismatch,
    clock_and_host_settings,
    cross_process_memory,
    dangerous_socket_family,
    host_information_leak,
    io_uring,
    kernel_module_loading,
    kexec,
    keyring,
    known_cve_reachable,
    mount_api,
    numa_memory_policy,
    obsolete_syscall,
    open_by_handle_at,
    perf_event_open,
    ptrace_on_old_kernel,
    raw_io_and_ldt,
    unconstrained_personality,
    unused_allowance,
    user_namespace_creation,
    userfaultfd,
    zero_copy_primitives,
);
