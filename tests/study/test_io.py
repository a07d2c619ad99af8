import json

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.study.io import json_text, sha256_file, sha256_text, write_bytes_atomic, write_parquet


def test_nan_becomes_null_and_numpy_becomes_plain():
    assert json.loads(json_text({"a": np.float64("nan"), "b": np.int64(3), "c": [pd.NA, True]})) == {
        "a": None,
        "b": 3,
        "c": [None, True],
    }


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "x.txt"
    write_bytes_atomic(path, b"old")

    def full(_):
        raise OSError("No space left on device")

    monkeypatch.setattr("lumier_analysis.study.io.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_bytes_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]


def test_the_same_table_gives_the_same_bytes(tmp_path):
    frame = pd.DataFrame({"a": [1.5, None], "b": ["x", "y"]})
    one, two = write_parquet(tmp_path / "1.parquet", frame), write_parquet(tmp_path / "2.parquet", frame.copy())
    assert sha256_file(one) == sha256_file(two)


def test_hashes_are_sha256():
    assert sha256_text("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
