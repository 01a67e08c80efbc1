//! SIB: calls that give the same power, treated differently.

mod doors;

family!("sib":
    sibling_syscall_allowed,
    clone3_bypasses_clone_filter,
    openat2_bypasses_open_filter,
    io_uring_bypasses_denials,
    new_mount_api_allowed,
    namespace_creation_gap,
    process_access_gap,
    wx_gap,
);
