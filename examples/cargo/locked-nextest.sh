#!/bin/sh
# As locked.sh, with a process for each test: the message names the test.
set -eu
triple=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
export "CARGO_TARGET_${triple}_RUNNER=callgate learn --locked --into $PWD/seen.gate --"
cargo nextest run
