#!/bin/sh
# What `cargo test` does, as a policy.
set -eu
triple=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
export "CARGO_TARGET_${triple}_RUNNER=callgate learn --into $PWD/seen --"
cargo test --quiet
callgate derive seen -o seen.gate
