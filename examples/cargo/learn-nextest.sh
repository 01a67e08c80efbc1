#!/bin/sh
# As learn.sh, with a process for each test: `callgate explain seen CALL` names the tests that make a call.
set -eu
triple=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
export "CARGO_TARGET_${triple}_RUNNER=callgate learn --into $PWD/seen --"
cargo nextest run
callgate derive seen -o seen.gate
