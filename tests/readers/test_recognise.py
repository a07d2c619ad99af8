"""Instruments are told apart by what their exports hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lumier_analysis.readers import recognise_ct

SHARED = Path(__file__).resolve().parents[2].parent / "shared/real/qpcr_exports"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"Chip Run Info,x\r\nExport Type,Table Results\r\n", "Biomark Table Results"),
        (b"Chip Run Info;x\r\nExport Type;Table Results;;\r\n", "Biomark Table Results"),
        (b"Chip Run Info,x\r\nExport Type,Detailed Table Results\r\n", "another Biomark export"),
        (b"SDS 2.3 RQ Results\t1.2\rFilename\tx\r", "SDS 2 (7900HT)"),
        (b",Well,Fluor,Target,Content,Sample\r\n,A01,SYBR\r\n", "CFX"),
        (b"Experiment: a  Selected Filter: SYBR\rInclude\tColor\r", "LightCycler 480"),
        (b"* Block Type = 96-Well\n* Chemistry = SYBR\n", "QuantStudio or ViiA 7"),
        ("Block\nWell\tSample Name\tTarget\tCт\n".encode(), "StepOne"),
        (b"<?xml version='1.0'?><rdml version='1.2'>", "RDML"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\xd0\xcf\x11\xe0rest", "an old spreadsheet (.xls)"),
        (b"patient;visit\n1;M0\n", "unknown"),
        (b"\xff\xfe\x00\x01", "unknown"),
    ],
)
def test_formats(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "export.txt"
    path.write_bytes(content)
    assert recognise_ct(path) == expected


def test_a_whole_chip(write_chip: Callable[..., Path], chip: Callable[..., list[str]]) -> None:
    assert recognise_ct(write_chip(chip())) == "Biomark Table Results"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the public example exports are not at hand")
def test_public_examples() -> None:
    found = {p.stem: recognise_ct(p) for p in SHARED.iterdir()}
    assert found["BioMark_sample"] == "Biomark Table Results"
    assert found["CFX_sample"] == "CFX"
    assert found["SDS_sample"] == "SDS 2 (7900HT)"
    assert found["LightCycler_sample"] == "LightCycler 480"
