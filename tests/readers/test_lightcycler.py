"""LightCycler 480: the filter names the assay, blanks are not detected."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers import read_ct


def test_wells(tmp_path: Path, exports: ModuleType) -> None:
    path = tmp_path / "run.txt"
    path.write_bytes(exports.lightcycler_export().text(end="\r").encode())
    frame = read_ct(path)
    wells = frame.set_index("well")
    assert set(frame["assay"]) == {"SYBR Green (483-533)"} and len(frame) == 96
    assert wells.loc["A4", ["state", "task", "sample_type"]].tolist() == ["not detected", "ntc", "NTC"]
    assert wells.loc["A6", "state"] == "untrusted"  # not included
    assert wells.loc["A10", "state"] == "untrusted" and wells.loc["A10", "ct"] > 0  # a remark under Status
    assert wells.loc["A1", ["task", "sample_type", "quantity", "row"]].tolist() == ["standard", "Standard", 1000.0, 3]
    assert frame["quantity"].notna().sum() == 3


def test_a_subset_of_the_wells_must_be_stated(tmp_path: Path, exports: ModuleType) -> None:
    path = tmp_path / "run.txt"
    path.write_text(exports.lightcycler_export(40).text())
    with pytest.raises(RawDataError, match=r"not those of a full plate.*40 wells.*`rows` in the plan"):
        read_ct(path)
    assert len(read_ct(path, rows=40)) == 40


def test_a_standard_that_is_cut(tmp_path: Path, exports: ModuleType) -> None:
    path = tmp_path / "run.txt"
    text = exports.lightcycler_export().text(end="\n")
    path.write_text(text.removesuffix("0\t\n"))
    with pytest.raises(RawDataError, match="last line has no end"):
        read_ct(path)
    path.write_text(text.replace("\t0\t", "\t\t", 1))
    with pytest.raises(RawDataError, match="standard concentration that is no number"):
        read_ct(path)
    path.write_text(text.removesuffix("\t\n"))
    assert len(read_ct(path)) == 96  # the last row may leave out its blank Status
