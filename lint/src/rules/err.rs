//! ERR: what a refused call answers.

family!("err": clone3_not_enosys, fallback_syscall_eperm, eperm_default_hides_new_syscalls, kill_default);
