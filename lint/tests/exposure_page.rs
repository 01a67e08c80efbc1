//! docs/exposure.md: what Docker's default leaves within reach of the vulnerabilities that are known, beside no filter.
//! `UPDATE_EXPECT=1` writes it anew.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use callgate_compiler::lower::Groups;
use callgate_compiler::lower::target::capability;
use callgate_grammar::tree::Version;
use callgate_lint::exposure::{Column, Exposure, Totals, Verdict, docker_default, exposure};
use callgate_lint::{Document, Meaning, Reading};

const HEAD: &str = "\
# Exposure

`callgate lint --exposure FILE` says which known vulnerabilities of the kernel a profile leaves within reach, which it blocks and by
which statement, beside Docker's default and beside no filter at all.

## What is asked

Each vulnerability has *triggers*: calls that lead to it, with the values of their arguments, any of which may be made in
several ways. It is **within reach** when for each trigger some call passes the profile, on one machine, through any ABI that the
filter lets in. What counts as a way:

- the call by its own number, on every ABI of the machine, and by every other number that does the same (`mmap` and `mmap2`);
- the multiplexer that carries it (`socketcall` on x86), if what it carries can't be told apart;
- a ring of io_uring, from the kernel on that has the operation.

Where the kernel asks for a capability that the process lacks, a user namespace of its own is one more trigger, if the
capability counts there; if it doesn't, the vulnerability is **refused by the kernel**. A call that goes to a tracer or a supervisor
counts as passing: what they say isn't known. A vulnerability is **blocked** when one of its triggers has no way left; its
statement is the one that decides those calls. The questions go to the prover, so an argument that a filter compares is
compared here.

The data are `lint/data/vulnerabilities.tsv` and `lint/data/triggers.tsv`. Kernels are those that the source of a row names, mainline's
and, with three numbers, a stable series'; of the kernel that is asked about the first two numbers count.

## What it doesn't say

- That a kernel has the flaw: a distribution may have carried the fix back, or not built the code in.
- That the flaw can be exploited: a trigger is the first step, and sysctls, LSMs, device nodes and luck come after it.
- That what is blocked is closed for good: it says that the ways which are known are.
- Anything about vulnerabilities that aren't in the data, the next one among them. What narrows a profile by what the program
  calls (`callgate record`) closes those too.

Written by `lint/tests/exposure_page.rs`: `UPDATE_EXPECT=1 cargo nextest run -p callgate-lint --test exposure_page`

";

/// Docker's default on x86-64, with its capabilities and some more.
fn docker(capabilities: &[&str], kernel: (u16, u16)) -> Meaning {
    let mut reading = Reading::default();
    reading.host.capabilities.extend(capabilities.iter().map(|name| capability(name).unwrap()));
    reading.host.kernel = Version { major: kernel.0, minor: kernel.1 };
    let empty = Document::of_text("x86_64", "arch: x86_64\ndeny: all", &Groups::new(), reading);
    docker_default(empty.meaning.as_ref().unwrap()).unwrap()
}

fn counts() -> String {
    let mut text = String::from(
        "## Docker's default and no filter\n\nOn x86-64 with x86 and x32, by `@docker-default`, which is proven to mean what \
         Docker's own file does but for the width of two parameters. *In it*: said to be in the kernel that is asked about.\n\n\
         | Linux | capabilities | known | no filter | in it | @docker-default | in it | blocked | refused by the kernel |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    let sets: [(&str, &[&str]); 3] =
        [("Docker's 14", &[]), ("and NET_ADMIN", &["NET_ADMIN"]), ("and SYS_ADMIN", &["SYS_ADMIN"])];
    for kernel in [(5, 10), (5, 15), (6, 1), (6, 6), (6, 12)] {
        for (title, capabilities) in sets {
            let meaning = docker(capabilities, kernel);
            let exposures = exposure(&meaning, None).unwrap();
            let Totals { reachable, on_kernel, blocked, refused, .. } = Column::Profile.totals(&exposures).unwrap();
            let none = Column::Unfiltered.totals(&exposures).unwrap();
            let _ = writeln!(
                text,
                "| {}.{} | {title} | {} | {} | {} | {reachable} | {on_kernel} | {blocked} | {refused} |",
                kernel.0,
                kernel.1,
                exposures.len(),
                none.reachable,
                none.on_kernel,
            );
        }
    }
    text
}

fn rows() -> String {
    let mut text = String::from(
        "\n## Each of them\n\nUnder Docker's default on Linux 6.12, with its 14 capabilities. Without a filter every one is within \
         reach but those that the kernel refuses.\n\n| | what is wrong | kernels | @docker-default | source |\n|---|---|---|---|---|\n",
    );
    for one in exposure(&docker(&[], (6, 12)), None).unwrap() {
        let Exposure { vulnerability, profile, .. } = one;
        let verdict = match profile {
            Verdict::Reachable(_) => "within reach".to_owned(),
            Verdict::Refused(missing) => format!("refused by the kernel without CAP_{}", missing.join(", CAP_")),
            Verdict::Blocked(block) => format!("blocked at {}", block.trigger.name),
            Verdict::Absent(trigger) => format!("no call for {}", trigger.name),
        };
        let kernels = vulnerability.kernels.to_string().replace('<', "&lt;");
        let _ = writeln!(
            text,
            "| {} | {} | {kernels} | {verdict} | {} |",
            vulnerability.names.join(", "),
            vulnerability.what,
            vulnerability.source
        );
    }
    text
}

#[test]
fn the_page_is_what_the_data_and_the_prover_say() {
    let page = format!("{HEAD}{}{}", counts(), rows());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/exposure.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == page, "docs/exposure.md is out of date: UPDATE_EXPECT=1 writes it anew");
}
