"""`read_ct`: the right reader for every content, the real files, and one sentence for anything else."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers import read_ct

#: Public exports of the instruments; they stand beside the project, or where the variable says, and are never copied.
REAL = Path(os.environ.get("LUMIER_QPCR_EXPORTS", Path(__file__).resolve().parents[3] / "shared/real/qpcr_exports"))
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the public instrument exports are not at hand")
COLUMNS = ["sample", "sample_type", "assay", "assay_type", "ct", "state", "quality", "well", "chip", "file", "row"]


@needs_real
@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("BioMark_sample.csv", {"detected": 1918, "not detected": 310, "untrusted": 76}),
        ("SDS_sample.txt", {"detected": 319, "not detected": 31, "untrusted": 34}),
        ("CFX_sample.txt", {"detected": 320, "not detected": 10}),
        ("LightCycler_sample.txt", {"detected": 77, "not detected": 307}),
    ],
)
def test_real_files(name: str, states: dict[str, int]) -> None:
    frame = read_ct(REAL / name)
    assert frame["state"].value_counts().to_dict() == states
    assert frame.columns.tolist() == [*COLUMNS, "task", "quantity"]
    assert frame["ct"].isna().sum() == states["not detected"]
    assert set(frame["file"]) == {name} and set(frame["chip"]) == {Path(name).stem}


@needs_real
def test_single_wells_of_the_real_files() -> None:
    sds = read_ct(REAL / "SDS_sample.txt").set_index("well")
    assert len(sds) == 384 and sds.loc["A2", "ct"] == 33.949196 and sds.loc["A2", "assay"] == "Gene2"
    assert sds.loc["A9", "state"] == "not detected" and sds.loc["A6", "state"] == "untrusted"
    assert sds.loc["A1", "assay_type"] == "Endogenous Control" and sds.loc["A1", "row"] == 18
    cfx = read_ct(REAL / "CFX_sample.txt").set_index("well")
    assert cfx.loc["A07", ["sample_type", "state"]].tolist() == ["Negative Control", "not detected"]
    assert np.isnan(cfx.loc["A07", "ct"])
    assert cfx.loc["B07", ["task", "quantity", "ct"]].tolist() == ["standard", 8.0, 28.01]
    assert np.isnan(cfx.loc["A01", "quantity"])  # computed from the curve, not known
    cycler = read_ct(REAL / "LightCycler_sample.txt").set_index("well")
    assert cycler.loc["P11", ["sample", "task", "ct"]].tolist() == ["no template control", "ntc", 35.17]
    assert set(cycler["assay"]) == {"SYBR Green (483-533)"}
    assert sorted(cycler["quantity"].dropna().unique()) == [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"patient;visite\r\nDUPONT;M0\r\n", r"text with 2 columns separated by semicolons.*no header of a known"),
        (b"just words", "text with no columns"),
        (b"<html><body>", "a web page or XML of another kind"),
        (b"%PDF-1.4 ...", "a PDF document"),
        (b"\x1f\x8b\x08rest", "a gzip archive"),
        (b"\xd0\xcf\x11\xe0rest", r"old spreadsheet \(.xls\).*save it as .xlsx"),
        (b"PK\x03\x04rest", "a zip archive that does not open whole"),
        (b"Export Type,Detailed Table Results\nID,Name\n", "Export Type 'Detailed Table Results'"),
        (b"Chip Run Info,x\nExport Type,Heat Map Results\nS01,1\n", "Export Type 'Heat Map Results'"),
        (b",Well,Fluor,Target,Content,Sample\n,A01,SYBR,G,NTC,\n", "no line with well, fluor, content, cq"),
        (b"SDS 2.3 RQ Results\t1.2\rFilename\tx\r", "no line of column names"),
        (b"* Block Type = 96-Well Block\n\n[Raw Data]\nWell\tCycle\n1\t1\n", r"no \[Results\] section.*\[raw data\]"),
        (b"\x00\x01\x02\x03 binary \x00", "damaged, or is no text file"),
        (b" \r\n ", "is empty"),
    ],
)
def test_anything_else_is_told_in_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "export.txt"
    path.write_bytes(content)
    with pytest.raises(RawDataError, match=message) as refused:
        read_ct(path)
    assert "export.txt" in str(refused.value)
    assert "DUPONT" not in str(refused.value)


def test_archives_of_another_kind(tmp_path: Path, exports: ModuleType) -> None:
    path = tmp_path / "export.xlsx"
    for member, message in (
        ("word/document.xml", r"text document \(.docx\)"),
        ("apldbio/sds/x.xml", r"\(.eds\).*export its results as text or .xlsx"),
        ("a.csv", "a zip archive"),
    ):
        path.write_bytes(exports.zipped({member: b"x"}))
        with pytest.raises(RawDataError, match=message):
            read_ct(path)
    with pytest.raises(RawDataError, match="missing"):
        read_ct(tmp_path / "absent.txt")


def test_the_name_of_a_file_decides_nothing(tmp_path: Path, exports: ModuleType) -> None:
    path = tmp_path / "BioMark chip.rdml"
    path.write_text(exports.cfx_export().text(","), encoding="utf-8")
    assert len(read_ct(path)) == 50
    path.write_bytes(exports.workbook(exports.design_export()))
    assert len(read_ct(path)) == 40
    path.write_bytes(exports.rdml_document())
    assert len(read_ct(path)) == 24


def test_a_workbook_with_two_sheets_of_results(tmp_path: Path, exports: ModuleType) -> None:
    path = tmp_path / "export.xlsx"
    path.write_bytes(exports.workbook(exports.design_export(), sheet="Plate 1"))
    assert len(read_ct(path)) == 40
    path.write_bytes(exports.workbook(exports.design_export(), sheet="A", also="B"))
    with pytest.raises(RawDataError, match=r"more than one sheet of results.*name it Results"):
        read_ct(path)
    path.write_bytes(exports.workbook(exports.design_export(), sheet="Results", also="B"))
    assert len(read_ct(path)) == 40
    path.write_bytes(exports.workbook(exports.Export([["patient", "visit"]], [["1", "M0"]])))
    with pytest.raises(RawDataError, match=r"a workbook without results of a known instrument \(2 sheets\)"):
        read_ct(path)


def test_a_stated_number_of_reactions(tmp_path: Path, exports: ModuleType) -> None:
    path = tmp_path / "export.csv"
    path.write_text(exports.cfx_export().text(","), encoding="utf-8")
    assert "does not say how many" in read_ct(path).attrs["length_unproven"]["export.csv"]
    assert read_ct(path, rows=50).attrs == {}
    with pytest.raises(RawDataError, match="50 reactions instead of 51"):
        read_ct(path, rows=51)
    path.write_text(exports.cfx_export(96).text(","), encoding="utf-8")
    assert read_ct(path).attrs == {}


@pytest.mark.proof
def test_two_million_reactions_are_read_in_twenty_seconds(tmp_path: Path, exports: ModuleType) -> None:
    path = tmp_path / "chip.csv"
    path.write_text("\n".join(exports.chip_lines("v4.1", 96)))
    start = time.process_time()
    total = sum(len(read_ct(path)) for _ in range(217))
    assert total == 217 * 9216 and time.process_time() - start < 20
