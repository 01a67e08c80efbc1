#!/bin/sh
# Fails when a test does what the policy doesn't allow. `-run '^TestSave$'` names one test, and the message names it too.
set -eu
go test -count 1 -run '^TestArchive$' -exec "callgate learn --locked --into $PWD/seen.gate --" ./...
