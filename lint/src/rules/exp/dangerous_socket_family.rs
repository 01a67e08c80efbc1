//! # dangerous-socket-family
//!
//! ## What
//! A socket of a family that few programs use and whose code has let users into the kernel is within reach: `AF_ALG`,
//! `AF_VSOCK`, `AF_PACKET`, `AF_TIPC`, `AF_RDS`, `AF_CAN` and their like, and DCCP.
//!
//! ## Why
//! Making such a socket loads the family's module (net/socket.c, `__sock_create`, Linux 6.12), so that code nobody on the
//! machine uses is there for whoever asks. It has been wrong often: CVE-2026-31431 (`AF_ALG`), CVE-2021-26708 (`AF_VSOCK`),
//! CVE-2020-14386 (`AF_PACKET`), CVE-2021-43267 (`AF_TIPC`), CVE-2017-6074 (DCCP). On x86 `socketcall` makes sockets of
//! every family, and its arguments lie behind a pointer.
//!
//! ## Example
//! ```gate at="socket"
//! deny: all
//! allow: socket
//! ```
//! ```gate at="socket(family != AF_ALG)"
//! deny: all
//! allow: socket(family != AF_ALG)
//! ```
//! ```gate arch=x86 at="socketcall"
//! deny: all
//! allow: socket(family == AF_UNIX), socketcall
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! allow: socket(family in {AF_UNIX, AF_NETLINK})
//! allow: socket(family in {AF_INET, AF_INET6}, type & SOCK_TYPE_MASK in {SOCK_STREAM, SOCK_DGRAM})
//! ```
//!
//! ## Fix
//! Name the families that the program uses: `allow: socket(family in {AF_UNIX, AF_INET, AF_INET6})`. A list of those that
//! it may not have is never complete.
//!
//! ## Sources
//! - `address_families(7)`
//! - moby#44562 (`AF_VSOCK`), moby#52494 (`AF_ALG`); flatpak, common/flatpak-run.c, the allowed families

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use callgate_grammar::tree::Version;

use super::reach::{Power, reach};
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP013", "dangerous-socket-family", Severity::Warning, check);

/// Name, question, and why; empty: nobody uses it.
const FAMILIES: &[(&str, &str, &str)] = &[
    ("AF_ALG", "socket(family == AF_ALG)", "ciphers of the kernel (CVE-2026-31431)"),
    ("AF_VSOCK", "socket(family == AF_VSOCK)", "the way to the hypervisor (CVE-2021-26708, CVE-2025-21756)"),
    ("AF_PACKET", "socket(family == AF_PACKET)", "raw frames (CVE-2016-8655, CVE-2017-7308, CVE-2020-14386)"),
    ("AF_TIPC", "socket(family == AF_TIPC)", "cluster messages (CVE-2021-43267)"),
    ("AF_RDS", "socket(family == AF_RDS)", "datagrams between databases (CVE-2010-3904)"),
    ("AF_PPPOX", "socket(family == AF_PPPOX)", "PPP (CVE-2014-4943)"),
    ("AF_KEY", "socket(family == AF_KEY)", ""),
    ("AF_CAN", "socket(family == AF_CAN)", ""),
    ("AF_LLC", "socket(family == AF_LLC)", ""),
    ("AF_AX25", "socket(family == AF_AX25)", ""),
    ("AF_X25", "socket(family == AF_X25)", ""),
    ("AF_NETROM", "socket(family == AF_NETROM)", ""),
    ("AF_ROSE", "socket(family == AF_ROSE)", ""),
    ("AF_APPLETALK", "socket(family == AF_APPLETALK)", ""),
    ("AF_PHONET", "socket(family == AF_PHONET)", ""),
    ("AF_CAIF", "socket(family == AF_CAIF)", ""),
    ("AF_IEEE802154", "socket(family == AF_IEEE802154)", ""),
    ("AF_NFC", "socket(family == AF_NFC)", ""),
    ("AF_KCM", "socket(family == AF_KCM)", ""),
    ("AF_QIPCRTR", "socket(family == AF_QIPCRTR)", ""),
    ("AF_XDP", "socket(family == AF_XDP)", ""),
    ("DCCP", "socket(family in {AF_INET, AF_INET6}, type & SOCK_TYPE_MASK == SOCK_DCCP)", "CVE-2017-6074"),
];
/// The kernel without DCCP.
const WITHOUT_DCCP: Version = Version { major: 6, minor: 16 };

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let families = FAMILIES.iter().filter(|(name, ..)| *name != "DCCP" || meaning.kernel < WITHOUT_DCCP);
    let mut powers: Vec<_> = families.map(|&(name, call, why)| Power { call, name, why }).collect();
    let multiplexer = "socketcall(call == SYS_SOCKET)";
    let why = "its arguments lie behind a pointer";
    powers.push(Power { call: multiplexer, name: "every family by `socketcall`", why });
    reach(document, findings, powers, "few programs use it, and its code has let users into the kernel")
}
