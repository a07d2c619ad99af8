"""Any PCR export: Biomark is read, the others are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.qpcr import read_ct

HEAD = [
    "Chip Run Filename,R:\\ChipRun.bml",
    "Export Type,Table Results",
    "Experiment Information,,,,,,FAM-MGB,,,",
    "Chamber,Sample,Sample,Sample,FAM-MGB,FAM-MGB,Ct,Ct,Ct,Ct",
    "ID,Name,Type,rConc,Name,Type,Value,Quality,Call,Threshold",
]


def test_biomark_is_read(tmp_path: Path) -> None:
    body = [
        f"S{s:02d}-A{a:02d},T{s},Unknown,1,G{a},Test,12.5,0.9,Pass,0.05" for s in range(1, 49) for a in range(1, 49)
    ]
    path = tmp_path / "chip.csv"
    path.write_text("\n".join([*HEAD, *body]))
    reactions = read_ct(path)
    assert len(reactions) == 2304
    needed = {"sample", "assay", "ct", "state", "quality", "well", "chip", "file", "row"}
    assert needed <= set(reactions.columns)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (",Well,Fluor,Target,Content,Sample\n", "'CFX'"),
        ("SDS 2.3 RQ Results\t1.2\n", "'SDS 2"),
        ("patient;visit\n", "no known instrument"),
        ("Export Type,Detailed Table Results\nID,Name\n", "Export Type 'Detailed Table Results'"),
    ],
)
def test_other_exports_are_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "export.txt"
    path.write_text(content)
    with pytest.raises(RawDataError, match=message):
        read_ct(path)
