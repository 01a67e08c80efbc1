"""The kernel's system call definitions, read from its source: handler name -> [(C type, parameter name)]."""

import re
from pathlib import Path

DEFINE = re.compile(r"^\s*(COMPAT_SYSCALL|PPC32_SYSCALL|SYSCALL32|SYSCALL)_DEFINE(\d)\(", re.M)

# Folders that hold no handler, or another program's copy of one.
SKIPPED = {"tools", "samples", "Documentation", "scripts", "usr"}

# The type of an argument that comes in two registers, in the order of the machine's bytes (include/asm-generic/compat.h).
DUAL = "two registers"


def balanced(text, start):
    """The text between the parenthesis at `start` and the one that closes it."""
    depth = 0
    for at in range(start, len(text)):
        if text[at] == "(":
            depth += 1
        elif text[at] == ")":
            depth -= 1
            if depth == 0:
                return text[start + 1 : at]
    return ""


def split(text):
    """Splits at commas outside parentheses."""
    parts, depth, last = [], 0, 0
    for at, char in enumerate(text):
        if char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[last:at])
            last = at + 1
    parts.append(text[last:])
    return [" ".join(part.split()) for part in parts]


def parameters(parts):
    """Pairs of type and name; a 64-bit argument in two registers (compat_arg_u64_dual, SC_ARG64) is one pair of type DUAL."""
    found, at = [], 0
    while at < len(parts):
        dual = re.fullmatch(r"(?:compat_arg_u64_dual|SC_ARG64|arg_u32p?|compat_arg_u64_glue)\((\w+)\)", parts[at])
        if dual:
            found.append((DUAL, dual.group(1)))
            at += 1
        else:
            found.append((parts[at], parts[at + 1]))
            at += 2
    return found


def definitions(source):
    """Every definition: list of (handler, architecture folder or '', file, parameters)."""
    found = []
    for path in sorted(Path(source).rglob("*.c")):
        place = path.relative_to(source)
        if place.parts[0] in SKIPPED:
            continue
        text = path.read_text(errors="replace")
        if "SYSCALL" not in text:
            continue
        arch = place.parts[1] if place.parts[0] == "arch" else ""
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        for match in DEFINE.finditer(text):
            parts = [part for part in split(balanced(text, match.end() - 1)) if part]
            # SYSCALL32 and PPC32 are the compat handler of a 64-bit kernel and the only one of a 32-bit kernel.
            prefixes = {"SYSCALL": ["sys_"], "COMPAT_SYSCALL": ["compat_sys_"]}.get(match.group(1), ["sys_", "compat_sys_"])
            for prefix in prefixes:
                found.append((prefix + parts[0], arch, str(place), parameters(parts[1:])))
    return found
