"""Number tables: which calls an ABI has, and the kernel function that reads each call's arguments."""

from pathlib import Path

# ABI name -> (table, marks of the rows that belong to it, added to each number, folder of arch/ whose handlers it uses).
# The marks are the syscall_abis_* of each architecture's Makefile.syscalls or kernel/Makefile; the generic table adds
# "common" and the word size.
TABLES = {
    "x86_64": ("arch/x86/entry/syscalls/syscall_64.tbl", {"common", "64"}, 0, "x86"),
    "x86": ("arch/x86/entry/syscalls/syscall_32.tbl", {"i386"}, 0, "x86"),
    "x32": ("arch/x86/entry/syscalls/syscall_64.tbl", {"common", "x32"}, 0x40000000, "x86"),
    "aarch64": ("scripts/syscall.tbl", {"common", "64", "renameat", "rlimit", "memfd_secret"}, 0, "arm64"),
}

# ABIs whose arguments are read by compat handlers on the kernels that run them today.
COMPAT = {"x86"}

# Calls newer than the source tree: (number on every table, name, marks or None for all, handler or None).
# Sources: 463-466, 467, 468-469, 336: the running 6.18 kernel's tracefs and the syscalls crate 0.8.1;
# 470, 471: glibc's "Update syscall lists for Linux 7.1" (libc-alpha, July 2026) and libseccomp's src/syscalls.csv.
NEWER = [
    (463, "setxattrat", None, "setxattrat"),
    (464, "getxattrat", None, "getxattrat"),
    (465, "listxattrat", None, "listxattrat"),
    (466, "removexattrat", None, "removexattrat"),
    (467, "open_tree_attr", None, "open_tree_attr"),
    (468, "file_getattr", None, "file_getattr"),
    (469, "file_setattr", None, "file_setattr"),
    (470, "listns", None, "listns"),
    (471, "rseq_slice_yield", None, "rseq_slice_yield"),
    (336, "uprobe", {"x86_64"}, "uprobe"),
]


def table(source, abi):
    """Rows of an ABI, ascending: (number, name, handlers in order of preference)."""
    file, marks, base, _ = TABLES[abi]
    rows = {}
    for line in (Path(source) / file).read_text().splitlines():
        fields = line.split("#")[0].split()
        if len(fields) < 3 or fields[1] not in marks:
            continue
        entries = [entry for entry in fields[3:5] if entry != "-"]
        if abi in COMPAT:
            entries.reverse()
        rows[int(fields[0]) + base] = (fields[2], entries)
    for number, name, abis, handler in NEWER:
        if abis is None or abi in abis:
            rows[number + base] = (name, ["sys_" + handler])
    return [(number, *rows[number]) for number in sorted(rows)]
