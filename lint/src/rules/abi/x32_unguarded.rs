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
//! ```asm
//! ld [4]
//! jne #0xc000003e, bad
//! ld [0]
//! jeq #101, deny
//! ret #0x7fff0000
//! deny: ret #0x50001
//! bad: ret #0x80000000
//! ```
//!
//! ## Near miss
//! ```asm
//! ld [4]
//! jne #0xc000003e, bad
//! ld [0]
//! jge #0x40000000, bad
//! jeq #101, deny
//! ret #0x7fff0000
//! deny: ret #0x50001
//! bad: ret #0x80000000
//! ```
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

use callgate_compiler::abi::{Abi, X32_BIT};
use callgate_compiler::action::Action;
use callgate_compiler::bpf::simulate;
use callgate_compiler::call::SyscallData;
use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables;
use callgate_grammar::Severity;
use callgate_profiles::import::Format;
use callgate_profiles::import::bpf::RawFilter;

use crate::document::{Document, Form};
use crate::finding::{Findings, Witness};
use crate::meaning::{Meaning, place, refuses};
use crate::rule::Rule;
use crate::rules::gathered::{Gathered, listed};

pub(super) const RULE: Rule = Rule::new("ABI004", "x32-unguarded", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let Some(listed) = meaning.policy.abis.get(&Abi::X86_64) else { return Ok(()) };
    match &document.form {
        // What these two compile looks at no bit of the number, whatever the text says.
        Some(Form::Text(Format::Seccompiler | Format::Kafel)) => {
            let refuses_some = listed.calls.values().any(|call| refuses(Abi::X86_64, call.otherwise.action));
            if listed.rest.action.permits() && refuses_some {
                findings.push(
                    findings
                        .new_at(
                            place(&listed.rest).unwrap_or_else(|| document.start()),
                            "refused calls are let through with x32's bit",
                        )
                        .here("takes every number that isn't named, those from 0x40000000 up too")
                        .help("refuse by default, and list what is allowed"),
                );
            }
            Ok(())
        }
        Some(Form::Filter(filter)) => {
            in_filter(document, findings, meaning, filter);
            Ok(())
        }
        _ => in_policy(document, findings, meaning),
    }
}

/// What a compiled filter does with the numbers of refused calls when the bit is set: it is run.
fn in_filter(document: &Document, findings: &mut Findings, meaning: &Meaning, filter: &RawFilter) {
    let runs = |nr: u32| {
        let data = SyscallData::new(Abi::X86_64.token(), nr | X32_BIT, [0; 6]);
        let outcome = simulate(&filter.program, filter.endian, &data).ok()?;
        let action = Action::from_ret(outcome.ret);
        action.permits().then_some(Witness { abi: Abi::X32, nr: data.nr, args: data.args, action })
    };
    let calls = tables::calls(Abi::X86_64);
    let refused = calls.filter(|(nr, _)| {
        let call = meaning.policy.abis.get(&Abi::X86_64).and_then(|listed| listed.calls.get(nr));
        call.is_some_and(|call| call.clauses.is_empty() && refuses(Abi::X86_64, call.otherwise.action))
    });
    let open: Vec<_> = refused.filter_map(|(nr, name)| Some((name, runs(nr)?))).collect();
    let Some((_, witness)) = open.first() else { return };
    let names: Vec<_> = open.iter().map(|(name, _)| *name).collect();
    findings.push(
        findings
            .new_at(document.start(), format!("{} let through with x32's bit", listed(names.iter().copied())))
            .because(format!("{} calls that are refused without it", names.len()))
            .shown_by(witness.clone())
            .help("kill numbers from 0x40000000 up before anything else is looked at"),
    );
}

/// What a policy for both ABIs says of each.
fn in_policy(document: &Document, findings: &mut Findings, meaning: &Meaning) -> Result<(), Undecided> {
    if !meaning.policy.abis.contains_key(&Abi::X32) {
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
