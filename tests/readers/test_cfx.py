"""CFX: only Cq is read, never its mean."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers import read_ct


def test_wells(tmp_path: Path, exports: ModuleType) -> None:
    path = tmp_path / "plate.csv"
    preamble = "File Name,x.pcrd\r\nCreated By User,admin\r\nNotes,\r\n\r\n"
    path.write_text(preamble + exports.cfx_export().text(","))
    frame = read_ct(path)
    wells = frame.set_index("well")
    missing = wells.loc["A04"]
    assert missing[["state", "task", "sample_type", "sample"]].tolist() == ["not detected", "ntc", "NTC", ""]
    assert np.isnan(missing["ct"])  # its Cq Mean says 0.00
    assert (frame["ct"].dropna() > 10).all()
    assert wells.loc["A01", ["task", "sample_type", "quantity"]].tolist() == ["standard", "Standard", 0.0025]
    assert frame["quantity"].notna().sum() == 3
    assert wells.loc["A05", "sample_type"] == "Unknown" and wells.loc["A01", "row"] == 6


def test_a_target_without_name_is_called_by_its_dye(tmp_path: Path, exports: ModuleType) -> None:
    path = tmp_path / "plate.csv"
    path.write_text(exports.cfx_export().text(",").replace(",G1,", ",,"))
    assert set(read_ct(path)["assay"]) == {"G0", "SYBR", "G2"}


def test_a_well_is_read_once_in_a_dye(tmp_path: Path, exports: ModuleType) -> None:
    path = tmp_path / "plate.csv"
    lines = exports.cfx_export().text(",", "\n").splitlines()
    path.write_text("\n".join([*lines, lines[1].replace(",G0,", ",G9,").replace("SYBR", "Cy5")]) + "\n")
    assert len(read_ct(path)) == 51
    path.write_text("\n".join([*lines, lines[1].replace(",G0,", ",G9,")]) + "\n")
    with pytest.raises(RawDataError, match=r"holds a reaction twice.*well A01 again on line 52"):
        read_ct(path)


def test_a_cut_row(tmp_path: Path, exports: ModuleType) -> None:
    path = tmp_path / "plate.csv"
    text = exports.cfx_export().text(",", "\n")
    path.write_text(text[:-45])
    with pytest.raises(RawDataError, match="line 51 is no whole row"):
        read_ct(path)
