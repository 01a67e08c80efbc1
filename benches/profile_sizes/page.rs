//! `docs/profile-sizes.md`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

use crate::support::told;
use crate::{Effort, Sizes};

/// What everything is compared with.
pub(crate) struct Docker {
    /// Names of x86-64 that are allowed with some arguments.
    pub(crate) calls: usize,
    /// Of the filter for x86-64 alone.
    pub(crate) instructions: usize,
}

pub(crate) fn page(sizes: &[Sizes], docker: &Docker, effort: Effort) -> String {
    let Effort { stable, tries, confirmed } = effort;
    let mut page = format!(
        "# How large derived profiles are

Written by `cargo bench --bench profile_sizes -- --write`, as root, on Linux {}; nothing here is written by hand. The programs and
the work they are kept busy with are in `tests/programs`.

Counted are names of x86-64 that are allowed, with whatever arguments. Docker's default is the one that callgate ships, with Docker's
14 capabilities. Each program was recorded (`callgate record`) until {stable} runs in a row showed no new call, and its policy derived
(`callgate derive`, nothing else said):

- *recorded*: what was seen.
- *siblings*: what C libraries and language runtimes may take instead, in another version or at another moment.
- *to end*: what the kernel calls on a program's behalf, and what a program needs to end or to abort.
- *with runc*: the same policy for a container that runc starts (`--runtime runc`), which is what compares with Docker's default.
- *the least*: what is left by removal. A call can go when the program, with the call refused (EPERM) as well, does all its
  work {tries} times in a row: its clients have the right answers, its files are there, its workers aren't root where they are not
  to be, it says that it is done and exits with 0, in time. Groups and halves of them were tried first, then each name
  alone, until the program breaks without any single one more.
- *held*: how often of {confirmed} the program then did its work under the least.

So the least is minimal for this work, on this machine, one name at a time. It isn't the smallest set there may be, and it isn't what
the program needs: a call that only an error or an unlucky moment makes isn't missed, and a call that never fails isn't looked
at by its caller, so that refusing it may do harm that nobody notices.

| program | runs | derived | recorded | siblings | to end | with runc | the least | held | Docker's default |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|
",
        release()
    );
    for sizes in sizes {
        let derived = &sizes.derived;
        let (all, seen, siblings) = (derived.allowed.len(), derived.recorded.len(), derived.siblings.len());
        let _ = writeln!(
            page,
            "| {} | {} | {all} | {seen} | {siblings} | {} | {} | {}{} | {} of {confirmed} | {} |",
            sizes.name,
            derived.runs,
            all - seen - siblings,
            all + derived.of_runc.len(),
            if sizes.is_minimal { "" } else { "≤ " },
            all - sizes.removed.len(),
            sizes.held,
            docker.calls
        );
    }
    let probes: Vec<_> = sizes.iter().map(|sizes| format!("{} {}", sizes.name, sizes.derived.probes)).collect();
    let _ = writeln!(
        page,
        "\nAnswered with ENOSYS, so that libraries do without, and not counted above: {}.\n\n## Instructions\n\n\
         Of the filters for x86-64 alone, as callgate compiles them.\n\n\
         | program | derived | with runc | the least | Docker's default |\n|---|--:|--:|--:|--:|",
        probes.join(", ")
    );
    for Sizes { name, instructions: [derived, runc, least], .. } in sizes {
        let _ = writeln!(page, "| {name} | {derived} | {runc} | {least} | {} |", docker.instructions);
    }
    page.push_str(
        "\n## Why the rest is there\n\nWhat the derived policy allows beyond the least, by the reason in its text.\n",
    );
    for sizes in sizes {
        let _ = writeln!(page, "\n{}:\n", sizes.name);
        let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (call, reason) in &sizes.derived.allowed {
            if sizes.removed.contains(call) {
                by_reason.entry(reason).or_default().push(call);
            }
        }
        let mut reasons: Vec<_> = by_reason.into_iter().collect();
        reasons.sort_by_key(|(_, calls)| std::cmp::Reverse(calls.len()));
        for (reason, calls) in reasons {
            let reason = if reason == "observed" { "observed, and not missed" } else { reason };
            let _ = writeln!(page, "- {} {reason}: {}", calls.len(), calls.join(", "));
        }
    }
    page
}

/// The kernel's version, as `major.minor`.
fn release() -> String {
    let output = Command::new("uname").arg("-r").output().expect("uname runs");
    assert!(output.status.success(), "{}", told(&output));
    let release = String::from_utf8_lossy(&output.stdout).into_owned();
    release.split('.').take(2).collect::<Vec<_>>().join(".")
}
