"""SDS 2.x: flags, plates, trailers, and a file that ends with its table."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers import read_ct


def test_states_and_roles(tmp_path: Path, exports: ModuleType) -> None:
    path = tmp_path / "plate.txt"
    path.write_bytes(exports.sds_export().text(end="\r").encode())
    wells = read_ct(path).set_index("well")
    assert len(wells) == 96
    assert wells.loc["A4", "state"] == "not detected"  # Undetermined, flagged
    assert wells.loc["A6", "state"] == "untrusted" and wells.loc["A6", "ct"] > 0  # flagged, with a Ct
    assert wells.loc["A1", "assay_type"] == "Endogenous Control" and wells.loc["A1", "row"] == 7
    path.write_text(exports.sds_export().text().replace("FALSE", "TRUE"))
    assert set(read_ct(path)["state"]) == {"untrusted"}


def test_a_part_of_a_plate(tmp_path: Path, exports: ModuleType) -> None:
    path = tmp_path / "plate.txt"
    text = exports.sds_export(60).text()
    path.write_text(text)
    with pytest.raises(RawDataError, match=r"may be cut.*60 reactions.*`rows` in the plan"):
        read_ct(path)
    assert len(read_ct(path, rows=60)) == 60
    path.write_text(text + "\nSlope\t-3.3\n")
    assert len(read_ct(path)) == 60


def test_several_plates_in_one_file(tmp_path: Path, exports: ModuleType) -> None:
    path = tmp_path / "study.txt"
    lines = exports.sds_export().text(end="\n").splitlines()
    second = [line.replace("\tP1\t", "\tP2\t") for line in lines[6:]]
    path.write_text("\n".join([*lines, *second]) + "\n")
    assert read_ct(path)["chip"].value_counts().to_dict() == {"study P1": 96, "study P2": 96}
    path.write_text("\n".join([*lines, *lines[6:]]) + "\n")
    with pytest.raises(RawDataError, match="holds a reaction twice"):
        read_ct(path)


def test_a_strange_flag(tmp_path: Path, exports: ModuleType) -> None:
    path = tmp_path / "plate.txt"
    path.write_text(exports.sds_export().text().replace("Passed", "Maybe", 1))
    with pytest.raises(RawDataError, match=r"neither Passed nor Flagged.*line 7"):
        read_ct(path)
