//! BPF: compiled filters.

family!("bpf":);
