//! The numbers against the `syscalls` crate's, both ways. It has no x32, s390 or MIPS n32; one table stands for both byte
//! orders.

use std::collections::BTreeSet;

use crate::abi::Abi;
use crate::tables::{calls, numbers};

/// One side has these and the other doesn't, and why. A line that stops being true fails the test.
struct Explained {
    tables: &'static str,
    /// Names with their numbers.
    calls: &'static [(&'static str, u32)],
    #[expect(dead_code, reason = "for who reads the list")]
    why: &'static str,
}

/// What scripts/syscall.tbl marks `32`: the generic table's calls with 64-bit time, for 32-bit ABIs only.
const TIME64: &[(&str, u32)] = &[
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
];

const EXPLAINED: &[Explained] = &[
    Explained {
        tables: "x86_64 x86 aarch64 arm riscv64 loongarch64 s390x ppc64 ppc",
        calls: &[("listns", 470), ("rseq_slice_yield", 471)],
        why: "Linux 6.19 and 7.0; the crate's 0.8.1 is of 6.18",
    },
    Explained { tables: "mips", calls: &[("listns", 4470), ("rseq_slice_yield", 4471)], why: "Linux 6.19 and 7.0" },
    Explained { tables: "mips64", calls: &[("listns", 5470), ("rseq_slice_yield", 5471)], why: "Linux 6.19 and 7.0" },
    Explained {
        tables: "x86 ppc ppc64",
        calls: &[("break", 17), ("r#break", 17)],
        why: "the crate's name is a Rust identifier",
    },
    Explained {
        tables: "mips",
        calls: &[("break", 4017), ("r#break", 4017)],
        why: "the crate's name is a Rust identifier",
    },
    Explained {
        tables: "aarch64 loongarch64",
        calls: &[("newfstatat", 79), ("fstatat", 79)],
        why: "the kernel, libseccomp and the OCI profiles say newfstatat (scripts/syscall.tbl, abi 64)",
    },
    Explained { tables: "aarch64 loongarch64", calls: TIME64, why: "the crate lists them; a 64-bit ABI hasn't them" },
    Explained {
        tables: "loongarch64",
        calls: &[("renameat", 38), ("getrlimit", 163), ("setrlimit", 164)],
        why: "the crate lists them; arch/loongarch/kernel/Makefile.syscalls asks for neither renameat nor rlimit",
    },
    Explained {
        tables: "mips",
        calls: &[
            ("unused18", 4018),
            ("unused28", 4028),
            ("unused59", 4059),
            ("reserved82", 4082),
            ("unused84", 4084),
            ("unused109", 4109),
            ("unused150", 4150),
            ("reserved221", 4221),
        ],
        why: "the kernel's fillers, which the crate lists: nobody can call them by that name",
    },
    Explained {
        tables: "mips64",
        calls: &[("reserved177", 5177), ("reserved193", 5193)],
        why: "the kernel's fillers, which the crate lists",
    },
    Explained {
        tables: "mips64",
        calls: &[("set_mempolicy_home_node", 5450)],
        why: "marked common, alone in arch/mips/kernel/syscalls/syscall_n64.tbl, and built in; libseccomp has it",
    },
    Explained {
        tables: "arm",
        calls: &[
            ("breakpoint", 0xf_0001),
            ("cacheflush", 0xf_0002),
            ("usr26", 0xf_0003),
            ("usr32", 0xf_0004),
            ("set_tls", 0xf_0005),
            ("get_tls", 0xf_0006),
        ],
        why: "the crate's identifiers have no name for __ARM_NR_*",
    },
];

fn compare(table: &str, theirs: impl Iterator<Item = (u32, &'static str)>) {
    let theirs: BTreeSet<_> = theirs.collect();
    let abi: Abi = table.parse().unwrap();
    let ours: BTreeSet<_> = calls(abi).collect();
    let differ: BTreeSet<_> = ours.symmetric_difference(&theirs).map(|&(number, name)| (name, number)).collect();
    let explained = EXPLAINED
        .iter()
        .filter(|line| line.tables.split_whitespace().any(|name| name == table))
        .flat_map(|line| line.calls)
        .copied()
        .collect();
    assert_eq!(differ, explained, "{table}");
}

/// A test that compares a table with the crate's. The numbers are tried one by one: the crate's `iter()` leaves the last
/// of them out.
macro_rules! against_the_crate {
    ($($table:ident: $arch:ident from $base:literal),*) => {
        $(
            #[test]
            fn $table() {
                let numbers = ($base..$base + 1024).chain(0xf_0000..0xf_0010);
                let theirs = numbers.filter_map(|number| {
                    Some((u32::try_from(number).unwrap(), syscalls::$arch::Sysno::new(number)?.name()))
                });
                compare(stringify!($table), theirs);
            }
        )*
    };
}

against_the_crate! {
    x86_64: x86_64 from 0,
    x86: x86 from 0,
    aarch64: aarch64 from 0,
    arm: arm from 0,
    riscv64: riscv64 from 0,
    loongarch64: loongarch64 from 0,
    s390x: s390x from 0,
    ppc64: powerpc64 from 0,
    ppc: powerpc from 0,
    mips: mips from 4000,
    mips64: mips64 from 5000
}

/// x32 is x86-64's table but for the calls that have an x32 number of their own (512 to 547), and those it never had.
#[test]
fn x32_follows_x86_64() {
    use crate::abi::X32_BIT;
    let whole: BTreeSet<_> = calls(Abi::X86_64).collect();
    let only_64 = "uselib create_module get_kernel_syms query_module nfsservctl _sysctl set_thread_area get_thread_area \
                   epoll_ctl_old epoll_wait_old vserver";
    for entry in numbers::entries(Abi::X32) {
        let number = entry.number & !X32_BIT;
        assert!((512..548).contains(&number) || whole.contains(&(number, entry.name)), "{entry:?}");
    }
    let without: BTreeSet<_> =
        whole.iter().map(|&(_, name)| name).filter(|name| numbers::entry(Abi::X32, name).is_none()).collect();
    assert_eq!(without, only_64.split_whitespace().collect());
}
