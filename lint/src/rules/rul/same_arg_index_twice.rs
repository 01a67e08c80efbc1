//! # same-arg-index-twice
//!
//! ## What
//! One rule compares the same argument twice.
//!
//! ## Why
//! runtime-spec has all comparisons of a rule hold together. libseccomp takes an argument once in a rule, so runc,
//! crun, youki and containers/common make a rule of each comparison instead, also of those of other arguments: any one
//! of them is enough. "At least 1 and at most 4" lets every value through.
//!
//! ## Example
//! ```docker at="SCMP_CMP_LE"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [
//!   {"index": 0, "value": 1, "op": "SCMP_CMP_GE"}, {"index": 0, "value": 4, "op": "SCMP_CMP_LE"}]}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [
//!   {"index": 0, "value": 1, "op": "SCMP_CMP_GE"}, {"index": 1, "value": 4, "op": "SCMP_CMP_LE"}]}]}
//! ```
//!
//! ## Fix
//! One rule for each value, or one masked comparison that holds for just these values.
//!
//! ## Sources
//! - runc, `libcontainer/seccomp/seccomp_linux.go`, `matchCall`; crun, src/libcrun/seccomp.c
//! - measured with the filters that runc 1.1.5 and crun 1.8.1 load

use callgate_compiler::action::Action;
use callgate_compiler::condition::Condition;
use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use callgate_profiles::engine::Engine;

use crate::document::Document;
use crate::finding::{Findings, Witness};
use crate::meaning::{arguments, possible};
use crate::rule::Rule;
use crate::rules::entries::{condition, counting, executes, named};

pub(super) const RULE: Rule = Rule::new("RUL008", "same-arg-index-twice", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let counting = counting(document);
    for one in &counting {
        let twice = one.entry.arguments.iter().enumerate().find_map(|(at, second)| {
            let first = one.entry.arguments[..at].iter().find(|first| first.index == second.index)?;
            Some((first, second))
        });
        let Some((first, second)) = twice else { continue };
        let mut finding = findings
            .new_at(second.span, format!("argument {} is compared twice, so any one comparison is enough", first.index))
            .here("again")
            .and_at(first.span, "first here")
            .because("runtime-spec means both together; runc, crun and youki make a rule of each")
            .help("write a rule for each value, or one masked comparison");
        // A call that meets one of them and not all.
        let any = Condition::Any(
            one.entry.arguments.iter().map(callgate_profiles::import::profile::Argument::condition).collect(),
        );
        let not_all = Condition::Not(Box::new(condition(one.entry)));
        let of_one = std::slice::from_ref(one);
        if let Some(call) = named(of_one).next() {
            let conditions = vec![any, not_all, possible(call.abi)];
            match arguments(conditions)? {
                // By itself the document says something else; the call is one for its engines.
                Some(args) if executes(&one.entry.action) && document.reading.engine == Engine::Document => {
                    let word = args[usize::from(first.index)];
                    finding = finding.because(format!("{word:#x} is enough for one of them"));
                }
                Some(args) if executes(&one.entry.action) => {
                    let action = Action::Allow;
                    finding = finding.shown_by(Witness { abi: call.abi, nr: call.nr, args, action });
                }
                // What is refused too much locks nothing open.
                Some(_) => finding = finding.at_most(Severity::Warning),
                None => continue,
            }
        }
        findings.push(finding);
    }
    Ok(())
}
