"""The reader of PCR exports as the package offers it; its formats are tested with the readers."""

from __future__ import annotations

from pathlib import Path

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
