//! The tables against the kernel the test runs on: tracefs describes each call it has.

use std::fs;
use std::path::Path;

use crate::abi::Abi;
use crate::condition::Width;
use crate::tables;

const EVENTS: &str = "/sys/kernel/tracing/events/syscalls";

/// Words declared as wide as a long of which the kernel reads 32 bits (tools/tables/prototypes.py says where).
const CUT: &[(&str, &str)] = &[
    ("clone", "clone_flags"),
    ("mbind", "mode"),
    ("mmap", "fd"),
    ("preadv", "fd"),
    ("preadv2", "fd"),
    ("ptrace", "pid"),
    ("pwritev", "fd"),
    ("pwritev2", "fd"),
    ("readv", "fd"),
    ("writev", "fd"),
];

/// `field:unsigned int fd;` as C type and name.
fn fields(format: &str) -> Vec<(&str, &str)> {
    format
        .lines()
        .filter_map(|line| line.trim().strip_prefix("field:")?.split(';').next())
        .filter_map(|field| field.rsplit_once(' '))
        // __data_loc is a copy of what a parameter points to.
        .filter(|(kind, name)| !name.starts_with("common_") && *name != "__syscall_nr" && !kind.contains("__data_loc"))
        .collect()
}

fn wide(kind: &str) -> bool {
    kind.contains('*')
        || [
            "long",
            "size_t",
            "loff_t",
            "off_t",
            "u64",
            "aio_context_t",
            "cap_user_header_t",
            "cap_user_data_t",
            "sighandler",
        ]
        .iter()
        .any(|word| kind.contains(word))
}

/// The call an event is about. Events are named after the kernel function, which the number tables name too.
fn call_of(event: &str) -> Option<&'static str> {
    let handler = event.strip_prefix("sys_enter_")?;
    let known = tables::numbers::entries(Abi::X86_64).iter().find(|entry| entry.handler == handler);
    known.map(|entry| entry.name)
}

#[test]
fn prototypes_are_the_kernels() {
    let Ok(events) = fs::read_dir(EVENTS) else {
        let required = std::env::var("CALLGATE_REQUIRE").is_ok_and(|value| value == "all");
        assert!(!required, "{EVENTS} can't be read");
        eprintln!("skipped: prototypes_are_the_kernels: {EVENTS} can't be read (needs root and a mounted tracefs)");
        return;
    };
    let mut seen = 0;
    let mut unknown = Vec::new();
    for event in events.flatten() {
        let event = event.file_name().into_string().unwrap();
        if !event.starts_with("sys_enter_") {
            continue;
        }
        let Some(call) = call_of(&event) else {
            unknown.push(event);
            continue;
        };
        let format = fs::read_to_string(Path::new(EVENTS).join(&event).join("format")).unwrap();
        let theirs = fields(&format);
        let ours = tables::prototype(Abi::X86_64, call).unwrap();
        assert_eq!(ours.len(), theirs.len(), "{call}: {ours:?} {theirs:?}");
        for (parameter, (kind, name)) in ours.iter().zip(theirs) {
            assert_eq!(parameter.name, name.trim_start_matches('_'), "{call}");
            let cut = CUT.contains(&(call, parameter.name));
            assert_eq!(wide(kind), parameter.width == Width::W64 || cut, "{call} {name}: {kind}");
            assert!(!cut || parameter.width == Width::W32, "{call} {name} is listed as cut");
        }
        seen += 1;
    }
    assert!(unknown.is_empty(), "calls of this kernel the table lacks: {unknown:?}");
    assert!(seen > 300, "only {seen} calls described");
}
