//! RTM: what engines make of a profile.

family!("rtm": docker_dialect_in_oci_consumer, implicit_spec_allow, instruction_budget, lossy_conversion, min_kernel_ignored, missing_runtime_bootstrap_syscall, podman_only_errno, syscall_too_new_for_libseccomp, unknown_syscall_name, unsupported_flag, vulnerable_libseccomp_pattern, workload_unconfined);
