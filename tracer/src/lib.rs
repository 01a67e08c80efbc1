//! Everything that touches a running kernel: record system calls, load a filter.
