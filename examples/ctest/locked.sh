#!/bin/sh
# Fails when a test does what the policy doesn't allow.
set -eu
learn="callgate;learn;--locked;--into;$PWD/seen.gate;--"
cmake -S . -B build -DCMAKE_TEST_LAUNCHER="$learn" -DCMAKE_CROSSCOMPILING_EMULATOR="$learn"
cmake --build build
ctest --test-dir build --output-on-failure
