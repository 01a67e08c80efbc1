"""Runs each test in a process of its own under `callgate learn`, so that each recording is marked with its test.

Copy this file beside your tests, and run `pytest -p callgate_pytest --callgate-into seen`.
"""

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

import pytest

# Set in the process of a single test, which runs it as usual.
MARK = "CALLGATE_TEST"


def pytest_addoption(parser):
    group = parser.getgroup("callgate")
    group.addoption("--callgate-into", metavar="REC", help="where `callgate learn` keeps what the tests do")
    group.addoption("--callgate-locked", action="store_true", help="fail a test that does what REC doesn't have")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    into = item.config.getoption("--callgate-into")
    if into is None or MARK in os.environ:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    item.ihook.pytest_runtest_logreport(report=run(item, os.path.abspath(into)))
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def run(item, into):
    locked = ["--locked"] if item.config.getoption("--callgate-locked") else []
    with tempfile.TemporaryDirectory() as folder:
        results = os.path.join(folder, "results.xml")
        command = ["callgate", "learn", "--into", into, *locked, "--", sys.executable, "-m", "pytest", "-q"]
        # A place of its own for tmp_path: else pytest tidies up after earlier runs, and what it does depends on them.
        command += ["-p", "no:cacheprovider", "--basetemp", os.path.join(folder, "tmp"), "--junitxml", results, item.nodeid]
        start = time.time()
        done = subprocess.run(
            command,
            cwd=item.config.rootpath,
            env={**os.environ, MARK: item.nodeid},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        duration = time.time() - start
        outcome, said = "passed", None
        if done.returncode != 0:
            outcome, said = "failed", done.stdout
        elif ElementTree.parse(results).find(".//skipped") is not None:
            outcome, said = "skipped", (str(item.path), item.location[1], "Skipped in its own process")
        return pytest.TestReport(
            item.nodeid, item.location, dict(item.keywords), outcome, said, "call", duration=duration, start=start, stop=start + duration
        )
