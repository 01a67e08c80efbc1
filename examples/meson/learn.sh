#!/bin/sh
# What the tests of a Meson project do, as a policy.
set -eu
meson setup build
meson test -C build --wrapper "callgate learn --into $PWD/seen --"
callgate derive seen -o seen.gate
