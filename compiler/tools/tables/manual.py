"""Parameter names of the man pages (manpages-dev, section 2): call -> declarations, each a list of (is a pointer, name)."""

import gzip
import re
import shlex
from pathlib import Path


def synopsis(text):
    """The declarations of a page as plain C."""
    match = re.search(r"^\.SH SYNOPSIS$(.*?)^\.SH ", text, re.S | re.M)
    lines = []
    # A backslash at the end continues a line in roff.
    for line in match.group(1).replace("\\\n", " ").splitlines() if match else []:
        if line.startswith((".BI ", ".B ", ".IB ", ".BR ")):
            try:
                words = shlex.split(line.split(" ", 1)[1])
            except ValueError:
                continue
            lines.append(("" if line.startswith((".BI", ".IB", ".BR")) else " ").join(words))
    plain = " ".join(lines).replace("\\-", "-").replace("\\ ", " ").replace("\\fI", "").replace("\\fP", "")
    return re.sub(r"/\*.*?\*/", "", plain)


def names(directory):
    """Every declaration of every page, by the name it declares (openat has two: with and without a mode)."""
    found = {}
    for path in sorted(Path(directory).glob("*.2.gz")):
        if path.name.startswith("ioctl_"):  # one request each, not the call
            continue
        page = synopsis(gzip.decompress(path.read_bytes()).decode(errors="replace"))
        for match in re.finditer(r"(\w+)\(([^()]*(?:\([^()]*\)[^()]*)*)\)\s*;", page):
            call, arguments = match.group(1), [part.strip() for part in match.group(2).split(",")]
            if call == "syscall" and arguments[0].startswith("SYS_"):
                call, arguments = arguments[0].removeprefix("SYS_"), arguments[1:]
            parameters = []
            for argument in arguments:
                if argument in ("void", ""):
                    continue
                name = re.search(r"(\w+)(\[[^\]]*\])?$", argument)
                if not name:
                    parameters = None
                    break
                parameters.append(("*" in argument or bool(name.group(2)), name.group(1)))
            if parameters is not None:
                found.setdefault(call, []).append(parameters)
    return found


# Calls whose page is named after the C library's function.
PAGES = {
    "newfstatat": "fstatat",
    "fstatat64": "fstatat",
    "pread64": "pread",
    "pwrite64": "pwrite",
    "prlimit64": "prlimit",
    "_newselect": "select",
    "_llseek": "_llseek",
    "ugetrlimit": "getrlimit",
    "fadvise64": "posix_fadvise",
    "fadvise64_64": "posix_fadvise",
    "sendfile64": "sendfile",
    "mq_timedsend_time64": "mq_timedsend",
    "mq_timedreceive_time64": "mq_timedreceive",
}


def declarations(pages, call):
    """The declarations that speak about a call: its own, else those of the name without a suffix of width."""
    for name in (call, PAGES.get(call), call.removesuffix("_time64"), call.removesuffix("64"), call.removesuffix("32")):
        if name in pages:
            return pages[name]
    return []
