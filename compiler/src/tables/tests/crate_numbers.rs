//! The numbers against the `syscalls` crate's, both ways. It has no x32.

use std::collections::BTreeSet;

use crate::abi::Abi;
use crate::tables;

/// One side has these and the other doesn't, and why. A line that stops being true fails the test.
struct Explained {
    abis: &'static [Abi],
    /// Names with their numbers.
    calls: &'static [(&'static str, u32)],
    #[expect(dead_code, reason = "for who reads the list")]
    why: &'static str,
}

const EXPLAINED: &[Explained] = &[
    Explained {
        abis: &[Abi::X86_64, Abi::X86, Abi::Aarch64],
        calls: &[("listns", 470), ("rseq_slice_yield", 471)],
        why: "Linux 6.19 and 7.0; the crate's 0.8.1 is of 6.18",
    },
    Explained {
        abis: &[Abi::X86],
        calls: &[("break", 17), ("r#break", 17)],
        why: "the crate's name is a Rust identifier",
    },
    Explained {
        abis: &[Abi::Aarch64],
        calls: &[("newfstatat", 79), ("fstatat", 79)],
        why: "the kernel, libseccomp and the OCI profiles say newfstatat (scripts/syscall.tbl, abi 64)",
    },
    Explained {
        abis: &[Abi::Aarch64],
        calls: &[
            ("clock_gettime64", 403),
            ("clock_settime64", 404),
            ("clock_adjtime64", 405),
            ("clock_getres_time64", 406),
            ("clock_nanosleep_time64", 407),
            ("timer_gettime64", 408),
            ("timer_settime64", 409),
            ("timerfd_gettime64", 410),
            ("timerfd_settime64", 411),
            ("utimensat_time64", 412),
            ("pselect6_time64", 413),
            ("ppoll_time64", 414),
            ("io_pgetevents_time64", 416),
            ("recvmmsg_time64", 417),
            ("mq_timedsend_time64", 418),
            ("mq_timedreceive_time64", 419),
            ("semtimedop_time64", 420),
            ("rt_sigtimedwait_time64", 421),
            ("futex_time64", 422),
            ("sched_rr_get_interval_time64", 423),
        ],
        why: "the crate lists them; scripts/syscall.tbl gives them to 32-bit ABIs only (abi 32)",
    },
];

fn compare(abi: Abi, theirs: impl Iterator<Item = (u32, &'static str)>) {
    let theirs: BTreeSet<_> = theirs.collect();
    let ours: BTreeSet<_> = tables::calls(abi).collect();
    let differ: BTreeSet<_> = ours.symmetric_difference(&theirs).map(|&(number, name)| (name, number)).collect();
    let explained =
        EXPLAINED.iter().filter(|line| line.abis.contains(&abi)).flat_map(|line| line.calls).copied().collect();
    assert_eq!(differ, explained, "{abi}");
}

/// Every number of a crate's table; its `iter()` leaves the last one out.
macro_rules! theirs {
    ($arch:ident) => {
        (0..1024).filter_map(|number| {
            let call = syscalls::$arch::Sysno::new(number)?;
            Some((u32::try_from(number).unwrap(), call.name()))
        })
    };
}

#[test]
fn x86_64() {
    compare(Abi::X86_64, theirs!(x86_64));
}

#[test]
fn x86() {
    compare(Abi::X86, theirs!(x86));
}

#[test]
fn aarch64() {
    compare(Abi::Aarch64, theirs!(aarch64));
}
