"""A file is there whole or not at all."""

import os

import pytest

from dropout_utils._files import write_whole


def test_a_file_holds_what_was_written(tmp_path):
    write_whole(tmp_path / "a", b"old")
    write_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.parametrize("broken", ["write", "replace"])
def test_a_failure_leaves_the_last_file_and_nothing_else(tmp_path, monkeypatch, broken):
    write_whole(tmp_path / "a", b"old")

    def refuse(*_):
        raise OSError(28, "No space left on device")

    content = b"new"
    if broken == "replace":
        monkeypatch.setattr(os, "replace", refuse)
    else:
        content = 3  # nothing that a file takes
    with pytest.raises((OSError, TypeError)):
        write_whole(tmp_path / "a", content)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_others_may_read_it_as_the_user_allows(tmp_path):
    before = os.umask(0o022)
    try:
        write_whole(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
