//! # bpf
//!
//! ## What
//! `bpf` is within reach.
//!
//! ## Why
//! A program for the kernel is checked by a verifier that has been wrong again and again: CVE-2017-16995, CVE-2020-8835,
//! CVE-2021-3490, CVE-2023-2163 and more, which `callgate lint --exposure` lists. Since Linux 5.16 a kernel of default
//! configuration asks for `CAP_BPF` or `CAP_SYS_ADMIN` (kernel/bpf/Kconfig, `BPF_UNPRIV_DEFAULT_OFF`). Without either the
//! finding is a warning, as `kernel.unprivileged_bpf_disabled` says otherwise on some hosts; before 5.16 everyone may.
//!
//! ## Example
//! ```gate cap=BPF at="bpf"
//! deny: all
//! allow: read, bpf
//! ```
//! ```gate kernel=5.10 at="bpf"
//! deny: all
//! allow: bpf
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! allow: read
//! when cap BPF { allow: bpf }
//! ```
//!
//! ## Fix
//! Leave it out, or allow it where the capability is given: `when cap BPF { allow: bpf }`.
//!
//! ## Sources
//! - bpf(2)
//! - moby, profiles/seccomp/default.json, the rules for `CAP_BPF` and `CAP_SYS_ADMIN`
//! - Documentation/admin-guide/sysctl/kernel.rst, `unprivileged_bpf_disabled` (Linux 6.12)

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::reach::reach;
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP003", "bpf", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    reach(document, findings, ["bpf"], "its verifier has been wrong many times")
}
