//! A policy as people write filters by hand: one compare a call, then the tests of its arguments.

use std::fmt::Write;

use callgate_compiler::bpf::{Program, assemble};
use callgate_compiler::condition::{Atom, Condition, Width};
use callgate_compiler::policy::{CallPolicy, Policy};

/// The filter.
///
/// # Panics
/// For comparisons other than with one value, which the cases don't have.
pub(crate) fn program(policy: &Policy) -> Program {
    let mut listing = Listing::default();
    listing.line("ld [4]");
    for abi in policy.abis.keys() {
        listing.line(&format!("jeq #{:#x}, {}", abi.token(), abi.name()));
    }
    listing.line("ret #0x80000000");
    for (abi, listed) in &policy.abis {
        listing.line(&format!("{}: ld [0]", abi.name()));
        // x32 has x86-64's token.
        let next = listing.label();
        listing.line(&format!("jge #0x40000000, {next}_x32"));
        listing.line(&format!("ja {next}"));
        listing.line(&format!("{next}_x32: ret #0x80000000"));
        listing.place(&next);
        let said =
            |(_, call): &(&u32, &CallPolicy)| !call.clauses.is_empty() || call.otherwise.action != listed.rest.action;
        let calls: Vec<(u32, &CallPolicy, String)> =
            listed.calls.iter().filter(said).map(|(&nr, call)| (nr, call, listing.label())).collect();
        for (nr, _, label) in &calls {
            listing.line(&format!("jeq #{nr}, {label}"));
        }
        listing.line(&format!("ret #{:#x}", listed.rest.action.ret()));
        for (_, call, label) in calls {
            listing.place(&label);
            for clause in &call.clauses {
                let (yes, no) = (listing.label(), listing.label());
                listing.condition(&clause.condition, &yes, &no);
                listing.place(&yes);
                listing.line(&format!("ret #{:#x}", clause.decision.action.ret()));
                listing.place(&no);
            }
            listing.line(&format!("ret #{:#x}", call.otherwise.action.ret()));
        }
    }
    assemble(&listing.text).unwrap_or_else(|error| panic!("{error:?}\n{}", listing.text))
}

#[derive(Default)]
struct Listing {
    text: String,
    labels: usize,
    /// Stands before the next line.
    placed: Vec<String>,
}

impl Listing {
    fn label(&mut self) -> String {
        self.labels += 1;
        format!("l{}", self.labels)
    }

    fn place(&mut self, label: &str) {
        self.placed.push(label.to_owned());
    }

    fn line(&mut self, line: &str) {
        for label in self.placed.drain(..) {
            let _ = writeln!(self.text, "{label}:");
        }
        let _ = writeln!(self.text, "{line}");
    }

    fn condition(&mut self, condition: &Condition, yes: &str, no: &str) {
        match condition {
            Condition::Always => self.line(&format!("ja {yes}")),
            Condition::Atom(atom) => self.atom(atom, yes, no),
            Condition::Not(inner) => self.condition(inner, no, yes),
            Condition::All(parts) => {
                for part in parts {
                    let next = self.label();
                    self.condition(part, &next, no);
                    self.place(&next);
                }
                self.line(&format!("ja {yes}"));
            }
            Condition::Any(parts) => {
                for part in parts {
                    let next = self.label();
                    self.condition(part, yes, &next);
                    self.place(&next);
                }
                self.line(&format!("ja {no}"));
            }
        }
    }

    fn atom(&mut self, atom: &Atom, yes: &str, no: &str) {
        let mask = atom.mask & atom.width.max();
        let (value, yes, no) = match atom.values.ranges() {
            &[(low, high)] if low == high => (low, yes, no),
            // All but one value.
            &[(0, below), (above, _)] if below.checked_add(2) == Some(above) => (below + 1, no, yes),
            &[(1, _)] => (0, no, yes),
            other => panic!("{other:x?} is no one value"),
        };
        for (at, shift) in [(20 + 8 * u32::from(atom.arg), 32), (16 + 8 * u32::from(atom.arg), 0)] {
            let half = |word: u64| word >> shift & 0xffff_ffff;
            if half(mask) == 0 || (shift == 32 && atom.width == Width::W32) {
                continue;
            }
            self.line(&format!("ld [{at}]"));
            self.line(&format!("and #{:#x}", half(mask)));
            self.line(&format!("jne #{:#x}, {no}", half(value)));
        }
        self.line(&format!("ja {yes}"));
    }
}
