//! # x32-unguarded
//!
//! ## What
//! A call is refused through x86-64 and let through with x32's bit.
//!
//! ## Why
//! x32 calls carry `AUDIT_ARCH_X86_64` and a number with bit 30 set. A list of refused numbers that doesn't look at the
//! bit is passed by setting it: on a kernel with x32 the call is made. Compilers of filters that don't check
//! (seccompiler, kafel) leave that to the author, and a filter that allows by default is open then.
//!
//! ## Example
//! ```gate at="all"
//! arch: x86_64, x32
//! when arch x86_64 { deny: mount }
//! allow: all
//! ```
//!
//! ## Near miss
//! ```gate
//! arch: x86_64, x32
//! deny: mount
//! allow: all
//! ```
//!
//! ## Fix
//! Kill numbers from 0x40000000 up, as libseccomp and callgate do when x32 isn't listed.
//!
//! ## Sources
//! - seccomp(2), NOTES, on `__X32_SYSCALL_BIT`; arch/x86/include/uapi/asm/unistd.h, Linux 6.12
//! - firejail issue 87; kafel issue 19; seccompiler issue 74

use callgate_compiler::abi::Abi;
use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("ABI004", "x32-unguarded", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    if !meaning.policy.abis.contains_key(&Abi::X86_64) || !meaning.policy.abis.contains_key(&Abi::X32) {
        return Ok(());
    }
    let mut gathered = Gathered::default();
    for (_, name) in tables::calls(Abi::X32) {
        let Some(refused) = meaning.refusal(Abi::X86_64, name)? else { continue };
        // Where the default refuses, allowing it on x32 was written down.
        if meaning.is_default(Abi::X86_64, refused.decision) {
            continue;
        }
        if let Some(open) = meaning.reached(Abi::X32, name)? {
            gathered.add(document, open.place(), name, Abi::X32).shown_by(open.witness).beside(refused.place(), name);
        }
    }
    for (at, group) in gathered {
        let (names, is) = (group.names(), group.verb("is", "are"));
        let finding = findings
            .new_at(at, format!("{names} {is} refused through x86-64 and let through with x32's bit"))
            .here("lets it through")
            .help("refuse it on x32 too, or take x32 out of the list");
        findings.push(group.onto(document, finding, "refused here"));
    }
    Ok(())
}
