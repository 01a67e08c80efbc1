//! # unfiltered-ioctl
//!
//! ## What
//! `ioctl` reaches `TIOCSTI` or `TIOCLINUX`.
//!
//! ## Why
//! Both put characters into a terminal's input as if they had been typed. A process in a sandbox that shares its terminal
//! with the shell outside types commands there: CVE-2017-5226 (bubblewrap), CVE-2023-28100 (flatpak, `TIOCLINUX`),
//! CVE-2023-1523 (snapd). Since Linux 6.2 `TIOCSTI` can be turned off (`dev.tty.legacy_tiocsti`); since 6.7 pasting by
//! `TIOCLINUX` asks for `CAP_SYS_ADMIN`. A container with a terminal of its own, or none, isn't hit.
//!
//! ## Example
//! ```docker at="ioctl"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["ioctl"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//! ```gate arch=x86_64 at="ioctl"
//! deny: all
//! allow: ioctl(raw(arg1) != TIOCSTI && raw(arg1) != TIOCLINUX)
//! ```
//!
//! ## Near miss
//! ```gate arch=x86_64
//! deny: all
//! allow: ioctl(!(cmd in {TIOCSTI, TIOCLINUX}))
//! ```
//!
//! ## Fix
//! Refuse the two commands, compared as 32 bits, or give the container a terminal of its own.
//!
//! ## Sources
//! - bubblewrap issue 142; flatpak, common/flatpak-run.c; snapd pull request 12849
//! - `drivers/tty/tty_io.c`, `tiocsti`, Linux 6.12; drivers/tty/vt/vt.c, `tioclinux`, Linux 6.12

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("ARG011", "unfiltered-ioctl", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let mut gathered = Gathered::default();
    for &abi in meaning.policy.abis.keys() {
        for command in ["TIOCSTI", "TIOCLINUX"] {
            if let Some(answer) = meaning.reached(abi, &format!("ioctl(cmd == {command})"))? {
                gathered.add(document, answer.place(), command, abi).shown_by(answer.witness);
            }
        }
    }
    for (at, group) in gathered {
        let names = group.names();
        let finding = findings
            .new_at(at, format!("`ioctl` reaches {names}, which types into the terminal"))
            .here("this lets it through")
            .help("refuse TIOCSTI and TIOCLINUX, or share no terminal with the container");
        findings.push(group.onto(document, finding, ""));
    }
    Ok(())
}
