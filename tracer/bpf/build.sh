#!/bin/sh
# Rebuilds record.x86_64.o, which the recorder embeds, so that users need no C compiler for BPF.
# With one version of clang the bytes are the same in every folder; tests/bpf_object.rs compares them.
# Usage: build.sh [OUTPUT]
set -eu
output=${1:-$(dirname "$0")/record.x86_64.o}
case $output in /*) ;; *) output=$PWD/$output ;; esac
cd "$(dirname "$0")"
clang-14 -g -O2 -mcpu=v3 -target bpf -Wall -Wextra -Werror -Wno-missing-field-initializers \
	-fdebug-compilation-dir=. -c record.bpf.c -o "$output"
llvm-strip-14 -g "$output"
