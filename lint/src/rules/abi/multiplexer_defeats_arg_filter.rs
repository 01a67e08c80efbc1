//! # multiplexer-defeats-arg-filter
//!
//! ## What
//! A call is allowed for some arguments only, and `socketcall` or `ipc` makes the same call without a condition.
//!
//! ## Why
//! On x86, s390, s390x, PowerPC and MIPS o32 the calls on sockets and System V queues can be made through one number,
//! with the arguments behind a pointer that no filter can follow. 32-bit programs reach it on every x86-64 machine
//! whose kernel runs them. libseccomp adds `socketcall(SYS_SOCKET)` by itself for a rule on `socket`, without the
//! comparison of the first argument.
//!
//! ## Example
//! ```docker at="socketcall"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], "syscalls": [
//!   {"names": ["socketcall"], "action": "SCMP_ACT_ALLOW"},
//!   {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//!
//! ## Near miss
//! ```gate
//! arch: x86_64, x86
//! deny: all
//! allow: socket(family == AF_UNIX)
//! ```
//!
//! ## Fix
//! Refuse the multiplexer's part: programs built since Linux 4.3 make the calls themselves. Or list no such ABI.
//!
//! ## Sources
//! - net/socket.c, `sys_socketcall`, and ipc/syscall.c, `ksys_ipc`, Linux 6.12
//! - moby/profiles 7158007, 3c28324, d82b7d9; libseccomp issue 8

use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("ABI002", "multiplexer-defeats-arg-filter", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let mut gathered = Gathered::default();
    for &abi in meaning.policy.abis.keys() {
        for part in tables::parts().iter().filter(|part| tables::number(abi, part.multiplexer).is_some()) {
            // What is refused as a whole is another rule's.
            let Some(restriction) = meaning.restriction(abi, part.call)?.filter(|restriction| !restriction.whole)
            else {
                continue;
            };
            let through = if part.mask == u32::MAX {
                format!("{}(call == {})", part.multiplexer, part.selector)
            } else {
                format!("{}(call & {:#x} == {})", part.multiplexer, part.mask, part.selector)
            };
            let answers = meaning.answers(abi, &through)?;
            if let Some(open) = answers.iter().find(|answer| answer.executes())
                && answers.iter().all(crate::meaning::Answer::executes)
            {
                gathered
                    .add(document, open.place(), part.call, abi)
                    .shown_by(open.witness.clone())
                    .because(format!("{}({}) is `{}`", part.multiplexer, part.selector, part.call))
                    .beside(restriction.named.filter(|at| Some(*at) != open.place()), part.call);
            }
        }
    }
    for (at, group) in gathered {
        let names = group.names();
        let finding = findings
            .new_at(at, format!("the condition on {names} doesn't hold through the multiplexer"))
            .here("makes the same call, with its arguments behind a pointer")
            .help("refuse the multiplexer, or that part of it; newer programs make the call itself");
        findings.push(group.onto(document, finding, "its condition"));
    }
    Ok(())
}
