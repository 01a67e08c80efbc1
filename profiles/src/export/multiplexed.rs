//! The calls that do the work of several others on x86, s390, PowerPC and MIPS o32, and what libseccomp makes of that.
//!
//! libseccomp turns a rule on `socket` into two there, one for `socket` and one for `socketcall(SYS_SOCKET, …)`, the latter
//! without the condition on the first argument, because that place is taken (`abi_rule_add`, src/arch.c; measured on 2.5.4).
//! A rule on all of `socketcall` wins over them. Rules with conditions and different actions contradict each other there, and
//! libseccomp refuses the second (EEXIST), so that the container doesn't start.

use std::collections::BTreeMap;

use callgate_compiler::tables;

/// The calls that others go through, with those others.
pub(super) fn multiplexers() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut multiplexers: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for part in tables::parts() {
        multiplexers.entry(part.multiplexer).or_default().push(part.call);
    }
    multiplexers
}

/// The call that also does the work of this one on the ABIs that have it.
pub(super) fn multiplexer(call: &str) -> Option<&'static str> {
    tables::parts().iter().find(|part| part.call == call).map(|part| part.multiplexer)
}
