"""Number tables: which calls an ABI has, and the kernel function that reads each call's arguments."""

import re
from pathlib import Path
from typing import NamedTuple


class Table(NamedTuple):
    """Where an ABI's calls are listed, and by whom their arguments are read."""

    file: str
    # The marks of the rows that belong to the ABI: the syscall_abis_* of the architecture's Makefile.syscalls, or what
    # its Makefile passes to scripts/syscalltbl.sh; the generic table adds "common" and the word size.
    marks: frozenset
    # Added to each number (__NR_Linux of arch/mips/include/uapi/asm/unistd.h, __X32_SYSCALL_BIT).
    base: int
    # The folder of arch/ whose handlers the ABI uses before the generic ones.
    folder: str
    # Bits of the registers a handler gets: 32-bit ABIs are read by the compat handlers of today's 64-bit kernels.
    bits: int
    # How the two halves of a 64-bit argument are called, in the order of the registers: low half first on little
    # endian. mips has one table for both, so there they are numbered.
    halves: tuple


_LITTLE, _BIG, _EITHER = ("_lo", "_hi"), ("_hi", "_lo"), ("1", "2")


def _table(file, marks, base, folder, bits, halves=_LITTLE):
    return Table(file, frozenset(marks.split()), base, folder, bits, halves)


TABLES = {
    "x86_64": _table("arch/x86/entry/syscalls/syscall_64.tbl", "common 64", 0, "x86", 64),
    "x86": _table("arch/x86/entry/syscalls/syscall_32.tbl", "i386", 0, "x86", 32),
    "x32": _table("arch/x86/entry/syscalls/syscall_64.tbl", "common x32", 0x40000000, "x86", 64),
    "aarch64": _table("scripts/syscall.tbl", "common 64 renameat rlimit memfd_secret", 0, "arm64", 64),
    "arm": _table("arch/arm64/tools/syscall_32.tbl", "common", 0, "arm64", 32),
    "riscv64": _table("scripts/syscall.tbl", "common 64 riscv rlimit memfd_secret", 0, "riscv", 64),
    "loongarch64": _table("scripts/syscall.tbl", "common 64", 0, "loongarch", 64),
    "s390x": _table("arch/s390/kernel/syscalls/syscall.tbl", "common 64", 0, "s390", 64, _BIG),
    "s390": _table("arch/s390/kernel/syscalls/syscall.tbl", "common 32", 0, "s390", 32, _BIG),
    "ppc64": _table("arch/powerpc/kernel/syscalls/syscall.tbl", "common 64 nospu", 0, "powerpc", 64, _BIG),
    "ppc": _table("arch/powerpc/kernel/syscalls/syscall.tbl", "common 32 nospu", 0, "powerpc", 32, _BIG),
    "mips": _table("arch/mips/kernel/syscalls/syscall_o32.tbl", "o32", 4000, "mips", 32, _EITHER),
    "mips64": _table("arch/mips/kernel/syscalls/syscall_n64.tbl", "n64 common", 5000, "mips", 64),
    "mipsn32": _table("arch/mips/kernel/syscalls/syscall_n32.tbl", "n32", 6000, "mips", 64),
}

# Calls newer than the source tree: (number on every table, name, ABIs or None for all).
# Sources: 463-466, 467, 468-469, 336: the running 6.18 kernel's tracefs and the syscalls crate 0.8.1;
# 470, 471, loongarch's 447: glibc's "Update syscall lists for Linux 7.1" (libc-alpha, July 2026) and libseccomp's
# src/syscalls.csv, which has neither on s390: 31-bit programs are gone from the kernel by then.
ALL = frozenset(TABLES)
NEWER = [
    (463, "setxattrat", None),
    (464, "getxattrat", None),
    (465, "listxattrat", None),
    (466, "removexattrat", None),
    (467, "open_tree_attr", None),
    (468, "file_getattr", None),
    (469, "file_setattr", None),
    (470, "listns", ALL - {"s390"}),
    (471, "rseq_slice_yield", ALL - {"s390"}),
    # common in arch/x86/entry/syscalls/syscall_64.tbl, as 335 is.
    (336, "uprobe", {"x86_64", "x32"}),
    (447, "memfd_secret", {"loongarch64"}),
]

# Calls the kernel keeps outside its tables, in arch/arm/include/uapi/asm/unistd.h (__ARM_NR_*).
PRIVATE = {
    "arm": [
        (0xF0001, "breakpoint"),
        (0xF0002, "cacheflush"),
        (0xF0003, "usr26"),
        (0xF0004, "usr32"),
        (0xF0005, "set_tls"),
        (0xF0006, "get_tls"),
    ]
}


def table(source, abi):
    """Rows of an ABI, ascending: (number, name, handlers in order of preference)."""
    where = TABLES[abi]
    rows = {}
    for line in (Path(source) / where.file).read_text().splitlines():
        fields = line.split("#")[0].split()
        # mips fills its gaps with names nobody can call: reserved82, unused18.
        if len(fields) < 3 or fields[1] not in where.marks or re.fullmatch(r"(reserved|unused)\d+", fields[2]):
            continue
        entries = [entry for entry in fields[3:5] if entry != "-"]
        if where.bits == 32:
            entries.reverse()
        rows[int(fields[0]) + where.base] = (fields[2], entries)
    for number, name, abis in NEWER:
        if abis is None or abi in abis:
            rows[number + where.base] = (name, ["sys_" + name])
    for number, name in PRIVATE.get(abi, []):
        rows[number] = (name, ["sys_" + name])
    return [(number, *rows[number]) for number in sorted(rows)]
