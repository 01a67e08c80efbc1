//! # x32-enabled
//!
//! ## What
//! The profile lists x32 and allows calls through it.
//!
//! ## Why
//! x32 is a third way into an x86-64 kernel, with entry points of its own that hardly anything uses or tests.
//! CVE-2014-0038 (recvmmsg) could be reached through it alone. Most distributions leave it out of their kernels or turn
//! it off at boot.
//!
//! ## Example
//! ```docker at="SCMP_ARCH_X32"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"],
//!   "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//! ```gate at="x32"
//! arch: x86_64, x32
//! deny: all
//! allow: read
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
//!   "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Fix
//! Take x32 out of the list: its calls are killed then.
//!
//! ## Sources
//! - CVE-2014-0038
//! - seccomp(2), on `__X32_SYSCALL_BIT`

use callgate_compiler::abi::Abi;
use callgate_compiler::outcome::Undecided;
use callgate_grammar::tree::StatementKind;
use callgate_grammar::{Severity, Span};

use crate::document::{Document, Form};
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("ABI003", "x32-enabled", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let runs = meaning.policy.abis.get(&Abi::X32).is_some_and(|listed| {
        let decisions = listed
            .calls
            .values()
            .flat_map(|call| call.clauses.iter().map(|clause| &clause.decision).chain([&call.otherwise]));
        decisions.chain([&listed.rest]).any(|decision| decision.action.permits())
    });
    if !runs {
        return Ok(());
    }
    for place in listed(document) {
        findings.push(
            findings
                .new_at(place, "x32 is let in, an ABI that hardly anything uses")
                .here("a third way into the kernel")
                .help("take it out of the list: its calls are killed then"),
        );
    }
    Ok(())
}

/// Where the document names x32. A file without a list of ABIs says nothing about it.
fn listed(document: &Document) -> Vec<Span> {
    match &document.form {
        Some(Form::Profile(_, profile)) => {
            let x32 = profile.all_architectures().filter(|architecture| architecture.value == Ok(Abi::X32));
            x32.map(|architecture| architecture.span).collect()
        }
        Some(Form::Policy(units)) => {
            let statements = units.iter().flat_map(|unit| &unit.file.statements);
            let lists = statements.filter_map(|statement| match &statement.node {
                StatementKind::Arch(names) => Some(names),
                _ => None,
            });
            lists.flatten().filter(|name| name.node == "x32").map(|name| name.span).collect()
        }
        _ => Vec::new(),
    }
}
