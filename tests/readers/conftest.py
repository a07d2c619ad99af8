from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

INFO = [
    "Application Version,4.0.1",
    "Application Build,20130423.0820",
    "Export Type,Table Results",
    "Quality Threshold,0.65",
    "Baseline Correction Method,Linear (Derivative)",
    "Ct Threshold Method,Auto (Global)",
    "",
    "",
]
GENERATIONS = {
    "v2": (
        "Chip Run Filename,R:\\ChipRun.bml",
        ["Experiment Information"] * 6 + ["FAM-MGB"] * 4,
        ["Chamber", "Sample", "Sample", "Sample", "FAM-MGB", "FAM-MGB", "Ct", "Ct", "Ct", "Ct"],
        ["ID", "Name", "Type", "rConc", "Name", "Type", "Value", "Quality", "Call", "Threshold"],
    ),
    "v4.0": (
        "Chip Run Info,D:\\ChipRun.bml,1131312108,{n}.{n} (113x),GE {n}x{n} Standard v1,ROX,FAM-MGB,8/26/2014",
        ["Experiment Information"] * 6 + ["FAM-MGB"] * 4 + ["User"],
        ["Chamber", "Sample", "Sample", "Sample", "FAM-MGB", "FAM-MGB", "Ct", "Ct", "Ct", "Ct", "Defined"],
        ["ID", "Name", "Type", "rConc", "Name", "Type", "Value", "Quality", "Call", "Threshold", "Comments"],
    ),
    "v4.1": (
        "Chip Run Info,C:\\ChipRun.bml,1361995085,{n}.{n} (136x),GE {n}x{n} Fast PCR+Melt v2,ROX,EvaGreen,2014-08-15",
        ["Experiment Information"] * 6 + ["EvaGreen"] * 7 + ["User"],
        ["Chamber", "Sample", "Sample", "Sample", "EvaGreen", "EvaGreen"] + ["Ct"] * 4 + ["Tm"] * 3 + ["Defined"],
        [
            *["ID", "Name", "Type", "rConc", "Name", "Type", "Value", "Quality", "Call", "Threshold"],
            *["In Range", "Out Range", "Peak Ratio", "Comments"],
        ],
    ),
}


def chip_lines(generation: str = "v4.0", n: int = 48) -> list[str]:
    """Write a chip: chamber s, a has Ct 10 + s / 10 + a / 100; S01-A01 is not detected, S01-A02 untrusted."""
    first, *header = GENERATIONS[generation]
    lines = [first.format(n=n), *INFO, *(",".join(h) for h in header)]
    extra = len(header[0]) - 10
    for s in range(n, 0, -1):
        for a in range(1, n + 1):
            ct, quality, call = f"{10 + s / 10 + a / 100:.2f}", "0.9", "Pass"
            if (s, a) == (1, 1):
                ct, quality, call = "999", "0", "Fail"
            if (s, a) == (1, 2):
                quality, call = "0.5", "Fail"
            kind = "NTC" if s == n else "Unknown"
            fields = [f"S{s:02d}-A{a:02d}", f"T{s:03d}", kind, "1", f"GENE{a}", "Test", ct, quality, call, "0.05"]
            lines.append(",".join(fields + ["x"] * extra))
    return lines


@pytest.fixture
def write_chip(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a chip export: (lines, name) -> path."""

    def write(lines: list[str], name: str = "chip01.csv", end: str = "\r\n", folder: Path = tmp_path) -> Path:
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_bytes((end.join(lines) + end).encode("cp1252"))
        return path

    return write


@pytest.fixture(scope="session")
def chip() -> Callable[..., list[str]]:
    return chip_lines
