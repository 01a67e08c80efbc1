#!/bin/sh
# What the tests of a CMake project do, as a policy. CMake before 3.29 takes the emulator, 3.29 and later the launcher.
set -eu
learn="callgate;learn;--into;$PWD/seen;--"
cmake -S . -B build -DCMAKE_TEST_LAUNCHER="$learn" -DCMAKE_CROSSCOMPILING_EMULATOR="$learn"
cmake --build build
ctest --test-dir build --parallel 4 --output-on-failure
callgate derive seen -o seen.gate
