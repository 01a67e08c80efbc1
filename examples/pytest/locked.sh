#!/bin/sh
# Fails the tests that do what the policy doesn't allow.
set -eu
python3 -m pytest -p callgate_pytest --callgate-into seen.gate --callgate-locked
