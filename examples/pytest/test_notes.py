import os

import pytest


def test_save(tmp_path):
    note = tmp_path / "note"
    note.write_text("text\n")
    assert note.read_text() == "text\n"


def test_archive(tmp_path):
    note = tmp_path / "note"
    note.write_text("text\n")
    # Not yet part of what was learnt.
    if "ARCHIVE" in os.environ:
        os.mkfifo(tmp_path / "archive")


@pytest.mark.skip(reason="notes aren't printed yet")
def test_print():
    assert False
