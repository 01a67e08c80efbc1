#!/bin/sh
# Fails when a test does what the policy doesn't allow.
set -eu
meson test -C build --print-errorlogs --wrapper "callgate learn --locked --into $PWD/seen.gate --"
