#!/bin/sh
# What each test does, as a policy; `callgate explain seen CALL` names the tests.
set -eu
python3 -m pytest -p callgate_pytest --callgate-into seen
callgate derive seen -o seen.gate
