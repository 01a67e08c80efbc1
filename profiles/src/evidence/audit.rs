//! Audit records of type SECCOMP (1326, include/uapi/linux/audit.h): one for each call that a filter logged, killed or, where
//! asked for, refused. dmesg, journalctl, audit.log and ausearch have them in different dress; the fields are the same.

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::Abi;

use super::Observed;
use crate::recording::Phase;

/// Whether a line is such a record.
pub(super) fn is_record(line: &str) -> bool {
    (line.contains("type=1326 ") || line.contains("type=SECCOMP "))
        && line.contains(" syscall=")
        && line.contains(" arch=")
}

pub(super) fn read(text: &str) -> (Observed, Vec<String>) {
    let mut observed = Observed::default();
    let mut programs: BTreeSet<&str> = BTreeSet::new();
    let mut cumulative = 0;
    for line in text.lines() {
        cumulative = cumulative.max(number_after(line, "audit_lost=").unwrap_or(0));
        if let Some(count) = dropped(line) {
            observed.lose("dropped_records", count);
        }
        if !is_record(line) {
            continue;
        }
        let fields: BTreeMap<&str, &str> = line.split_whitespace().filter_map(|word| word.split_once('=')).collect();
        match call(&fields) {
            Some((abi, nr)) => observed.call(abi, nr, Phase::Run, 1),
            None => observed.lose("unreadable_records", 1),
        }
        programs.extend(fields.get("exe").map(|exe| exe.trim_matches('"')));
    }
    if cumulative > 0 {
        observed.lose("dropped_records", cumulative);
    }
    let mut notes = vec![
        "audit records are only of calls that a filter logged or refused; what it allowed is not among them".to_owned(),
    ];
    if programs.len() > 1 {
        let programs: Vec<&str> = programs.into_iter().collect();
        notes.push(format!("the records are of several programs ({}); all are taken", programs.join(", ")));
    }
    (observed, notes)
}

/// `arch` is the token in hex digits, `syscall` the number as a signed int.
fn call(fields: &BTreeMap<&str, &str>) -> Option<(Abi, u32)> {
    let token = u32::from_str_radix(fields.get("arch")?, 16).ok()?;
    let number: i32 = fields.get("syscall")?.parse().ok()?;
    let number = number.cast_unsigned();
    Some((Abi::of_call(token, number)?, number))
}

/// How many records a line says are missing: the kernel's log says how many messages its rate limit held back (lib/ratelimit.c),
/// audit that its backlog, its rate or the daemon's queue overflowed (kernel/audit.c), without a number.
fn dropped(line: &str) -> Option<u64> {
    const OVERFLOWS: [&str; 4] =
        ["backlog limit exceeded", "rate limit exceeded", "hold queue overflow", "auditd queue full"];
    if let Some((before, _)) = line.split_once(" callbacks suppressed") {
        return Some(before.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or(1));
    }
    (line.contains("audit") && OVERFLOWS.iter().any(|overflow| line.contains(overflow))).then_some(1)
}

fn number_after(line: &str, key: &str) -> Option<u64> {
    let digits = line.split_once(key)?.1;
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Source;

    const LOG: &str = "[ 12.5] audit: type=1326 audit(1.2:3): auid=4294967295 uid=0 gid=0 ses=4294967295 pid=10448 comm=\"mkdir\" \
        exe=\"/bin/busybox\" sig=0 arch=c000003e syscall=83 compat=0 ip=0x4d code=0x7ffc0000\n\
        type=SECCOMP msg=audit(1.2:4): auid=1 pid=7 comm=\"a\" exe=\"/a\" sig=31 arch=40000003 syscall=20 compat=1 ip=0x1 code=0x80000000\n\
        type=SYSCALL msg=audit(1.2:4): arch=c000003e syscall=1 success=yes\n\
        audit: type=1326 audit(1.2:5): pid=7 exe=\"/a\" sig=0 arch=c000003e syscall=1073741825 compat=0 ip=0x1 code=0x7ffc0000\n";

    #[test]
    fn each_record_is_a_call_of_its_abi() {
        assert_eq!(Source::of(LOG), Some(Source::Audit));
        let evidence = Source::Audit.read(LOG, Abi::X86_64);
        let run = evidence.recording.runs.values().next().unwrap();
        let rows: Vec<_> =
            run.rows.iter().map(|row| (row.abi, row.syscall.as_deref().unwrap_or("?"), row.calls)).collect();
        assert_eq!(rows, [(Abi::X86_64, "mkdir", 1), (Abi::X86, "getpid", 1), (Abi::X32, "write", 1)]);
        assert!(run.is_complete() && !run.calls_exact);
        assert!(evidence.notes[1].contains("/a, /bin/busybox"), "{:?}", evidence.notes);
    }

    #[test]
    fn what_the_log_says_it_dropped_makes_it_incomplete() {
        for (line, lost) in [
            ("audit_printk_skb: 46034 callbacks suppressed", 46034),
            ("audit: audit_lost=53 audit_rate_limit=0 audit_backlog_limit=64", 53),
            ("audit: backlog limit exceeded", 1),
            ("audit: kauditd hold queue overflow", 1),
        ] {
            let evidence = Source::Audit.read(&format!("{LOG}{line}\n"), Abi::X86_64);
            assert_eq!(evidence.recording.lost().get("dropped_records"), Some(&lost), "{line}");
        }
    }

    #[test]
    fn a_broken_record_is_counted() {
        let evidence = Source::Audit.read("type=1326 audit(1): arch=zz syscall=1 code=0\n", Abi::X86_64);
        assert_eq!(evidence.recording.lost().get("unreadable_records"), Some(&1));
    }
}
