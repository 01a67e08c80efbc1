//! BPF: compiled filters.

mod program;

family!("bpf": arch_unchecked, dead_instruction, high_word_unchecked, kernel_rejects_program, not_equivalent_to_source, unlisted_arch_allowed);
