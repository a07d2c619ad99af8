from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from lumier_analysis.errors import LumierError
from lumier_analysis.pipeline.disk_faults import disk_faults


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "The disk is full: it could not be written. Found: data/x. To mend it: make room on it, then"),
        (errno.EACCES, "No right to write: it could not be written. Found: data/x. To mend it: make data/x writable,"),
        (errno.ENOTDIR, "A file stands in the place of a folder: it could not be written. Found: data/x."),
        (errno.EIO, "The disk gave an error: it could not be written. Found: data/x."),
    ],
)
def test_errors_of_a_disk_are_sentences(tmp_path: Path, number: int, said: str) -> None:
    with pytest.raises(LumierError) as caught, disk_faults("it", tmp_path):
        raise OSError(number, os.strerror(number), str(tmp_path / "data" / "x" / ".table.parquet.abcdefgh"))
    assert str(caught.value).startswith(said)
    assert isinstance(caught.value.__cause__, OSError)


def test_other_errors_of_the_system_pass(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), disk_faults("it", tmp_path):
        (tmp_path / "absent").read_text()
