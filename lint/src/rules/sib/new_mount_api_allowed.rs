//! # new-mount-api-allowed
//!
//! ## What
//! `mount` is refused and a call of the newer mount interface isn't.
//!
//! ## Why
//! `open_tree`, `move_mount`, `fsopen`, `fsmount` and `mount_setattr` (Linux 5.2 and 5.12) mount as well. flatpak's
//! list of refused calls left them out, and sandboxed programs got portals' permissions (CVE-2021-41133). The kernel
//! asks for `CAP_SYS_ADMIN` in the mount namespace's user namespace, so nothing is found where neither that nor a new
//! user namespace is within reach.
//!
//! ## Example
//! ```gate arch=x86_64 at="mount"
//! allow: all
//! deny: mount, umount2
//! ```
//!
//! ## Near miss
//! ```gate arch=x86_64
//! allow: all
//! deny: mount, umount2, open_tree, open_tree_attr, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr
//! ```
//!
//! ## Fix
//! Refuse them alike.
//!
//! ## Sources
//! - CVE-2021-41133; flatpak, common/flatpak-run.c
//! - fs/namespace.c, `may_mount`, Linux 6.12

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::doors::report;
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("SIB005", "new-mount-api-allowed", Severity::Error, check);

/// Calls that attach a mount or change one. `fsopen`, `fsconfig` and `fspick` only lead there.
const MOUNTING: &[&str] = &["move_mount", "fsmount", "open_tree", "open_tree_attr", "mount_setattr"];

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    if !meaning.may_hold("SYS_ADMIN")? {
        return Ok(());
    }
    let mut gathered = Gathered::default();
    for &abi in meaning.policy.abis.keys() {
        let Some(refused) = meaning.refusal(abi, "mount")? else { continue };
        for call in MOUNTING {
            let Some(open) = meaning.reached(abi, call)? else { continue };
            // Where nobody named `mount`, what is allowed is what stands out.
            let by_default = meaning.is_default(abi, refused.decision);
            let place = if by_default { open.place() } else { refused.place() };
            gathered
                .add(document, place, call, abi)
                .beside(open.place().filter(|at| Some(*at) != place), call)
                .shown_by(open.witness);
        }
    }
    report(document, findings, gathered, "the refusal of `mount`", "refuse the newer mount calls alike");
    Ok(())
}
