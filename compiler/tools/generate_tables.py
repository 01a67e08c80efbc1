#!/usr/bin/env python3
"""Rewrites compiler/data from a kernel source tree and the man pages; see README.md beside this file."""

import sys
from pathlib import Path

from tables import constants, introduced, manual, numbers, prototypes
from tables.definitions import definitions

DATA = Path(__file__).resolve().parent.parent / "data"


def version(source):
    """The version of a kernel tree, from its Makefile."""
    fields = dict(
        line.split(" = ", 1) for line in (Path(source) / "Makefile").read_text().splitlines()[:8] if " = " in line
    )
    return f"{fields['VERSION']}.{fields['PATCHLEVEL']}.{fields['SUBLEVEL']}"


def write(name, header, lines):
    """Writes one data file: `#` lines, then rows."""
    path = DATA / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"# {line}\n" for line in header) + "".join(line + "\n" for line in lines))
    print(f"{name}: {len(lines)} rows, {path.stat().st_size} bytes")


def main():
    """Everything, in one run."""
    if len(sys.argv) != 4:
        raise SystemExit("usage: generate_tables.py KERNEL_SOURCE MAN2_DIRECTORY HEADERS_DIRECTORY")
    source, pages = sys.argv[1], manual.names(sys.argv[2])
    kernel = f"Linux {version(source)}"
    found = {}
    for handler, folder, file, parameters in definitions(source):
        if not file.startswith("arch/x86/um/"):
            found.setdefault(handler, []).append((folder, parameters))
    rows, calls = {}, []
    for abi, where in numbers.TABLES.items():
        lines = []
        for number, name, entries in numbers.table(source, abi):
            resolved = prototypes.resolve(found, abi, name, entries)
            if resolved:
                handler, parameters = resolved
                words = prototypes.words(handler, parameters)
                # An architecture's own function of a name that another has too.
                if handler in rows and rows[handler][0] != words:
                    handler += "/" + where.folder
                names = prototypes.aliases(pages, name, handler, parameters)
                # One handler behind several calls: the names of all their pages.
                rows[handler] = (words, prototypes.united(rows[handler][1] if handler in rows else None, names, parameters))
            calls.append((abi, name))
            lines.append(f"{number}\t{name}\t{handler if resolved else '-'}")
        write(
            f"numbers/{abi}.tsv",
            [
                f"System calls of {abi}: number, name, handler (a row of prototypes.tsv; - when none ever existed).",
                f"Source: {kernel} {where.file} ({', '.join(sorted(where.marks))}) and the newer calls listed in tools/tables/numbers.py.",
                "Written by tools/generate_tables.py.",
            ],
            lines,
        )
    write(
        "prototypes.tsv",
        [
            "What each handler reads: its name, then name:type:role[:other names] for each parameter.",
            "Types: s32 u32 s64 u64 u16 are read so wide; sl and ul are as wide as the ABI's long; ptr is a pointer.",
            f"Source: the SYSCALL_DEFINE and COMPAT_SYSCALL_DEFINE of {kernel}; other names: man-pages, section 2.",
            "Written by tools/generate_tables.py.",
        ],
        [prototypes.line(handler, *rows[handler]) for handler in sorted(rows)],
    )
    write(
        "introduced.tsv",
        [
            "The first mainline kernel with each call: name, version, source, then ABI:version where an ABI got it later.",
            "Source: as each row says; syscalls(2) is man-pages'; an ABI's own first kernel: tools/tables/introduced.py.",
            "Written by tools/generate_tables.py.",
        ],
        introduced.rows(sys.argv[2], calls),
    )
    values = {abi: constants.of_abi(source, sys.argv[3], abi) for abi in constants.TARGETS}
    header = [
        "Value as C converts it to 64 bits (a negative int has its high bits set); ABI:value where one differs, - lacks it.",
        f"Source: the headers of {kernel} as each ABI's compiler sees them (make headers_install), named before their rows.",
        "Written by tools/generate_tables.py.",
    ]
    for file, abis in constants.FILES.items():
        group = {abi: values[abi] for abi in abis}
        write(file, [f"Constants of {', '.join(abis)}.", *header], constants.table(group, lambda place: place != constants.ERRNO))
    write("errno.tsv", header, constants.table(values, lambda place: place == constants.ERRNO))


main()
