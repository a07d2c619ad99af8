"""QuantStudio, ViiA 7, StepOne and Design & Analysis: sections, states, and what proves that nothing is cut."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers import read_ct


@pytest.fixture
def read(tmp_path: Path):
    def write_and_read(content: str | bytes, rows: int | None = None) -> pd.DataFrame:
        path = tmp_path / "run.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_ct(path, rows=rows)

    return write_and_read


def test_results_among_sections(read, exports: ModuleType) -> None:
    text = exports.quantstudio_export().text()
    frame = read(text)
    assert len(frame) == 30 and frame.attrs == {}
    wells = frame.set_index("well")
    assert wells.loc["A1", ["sample", "assay", "task", "quantity", "quality"]].tolist() == [
        "Témoin 0",
        "GÈNE0",
        "standard",
        1e8,
        0.967,
    ]
    assert wells.loc["A4", ["task", "sample_type", "state"]].tolist() == ["ntc", "NTC", "not detected"]
    assert np.isnan(wells.loc["A5", "quantity"])  # computed, not known
    # Omitted, NOAMP: untrusted, the Ct kept. HIGHSD speaks of replicates.
    assert wells.loc[["A6", "A9", "A10"], "state"].tolist() == ["untrusted", "untrusted", "detected"]
    assert wells.loc["A9", "ct"] > 0
    assert text.split("\r\n")[wells.loc["A1", "row"] - 1].startswith("1\tA1\tfalse")


def test_a_blank_ct_is_untrusted_and_an_unused_well_is_counted(read) -> None:
    head = "Well\tSample Name\tTarget Name\tTask\tCt\n"
    frame = read(head + "A1\tS\tG\tUNKNOWN\t20.5\nA2\tS\tG\tUNKNOWN\t\nA3\t\t\t\t\n\nAnalysis Type\tSingleplex\n")
    assert frame["state"].tolist() == ["detected", "untrusted"]
    assert frame.attrs == {"unused_wells": {"run.txt": 1}}
    with pytest.raises(RawDataError, match="only wells that are not used"):
        read(head + "A3\t\t\t\t\n")


@pytest.mark.parametrize("te", ["C\u0442", "CT", "Ct", "C?"])
def test_every_spelling_of_ct(read, exports: ModuleType, te: str) -> None:
    frame = read(exports.stepone_export().text().replace("\tC\u0442\t", f"\t{te}\t"))
    assert len(frame) == 20 and frame.attrs == {"unused_wells": {"run.txt": 1}}


def test_design_and_analysis(read, exports: ModuleType) -> None:
    frame = read(exports.workbook(exports.design_export())).set_index("well")
    assert len(frame) == 40 and frame.attrs == {}
    assert frame.loc["A4", "state"] == "not detected"  # No Amp without Cq
    assert frame.loc["A5", "state"] == "untrusted"  # No Amp with a Cq
    assert frame.loc["A1", ["quality", "row"]].tolist() == [0.95, 5]


def test_results_that_lack_wells_of_the_set_up(read, exports: ModuleType) -> None:
    lines = exports.quantstudio_export(trailer=False).text().splitlines()
    assert len(read("\n".join(lines) + "\n")) == 30
    with pytest.raises(RawDataError, match=r"lack wells that its \[Sample Setup\] names.*10 of 30"):
        read("\n".join(lines[:-10]) + "\n")
    assert len(read("\n".join(lines[:-10]) + "\n", rows=20)) == 20


def test_what_proves_the_length(read, exports: ModuleType) -> None:
    assert read(exports.quantstudio_export(set_up=False).text()).attrs == {}
    assert read(exports.quantstudio_export(set_up=False, trailer=False, wells=96).text()).attrs == {}
    bare = read(exports.quantstudio_export(set_up=False, trailer=False).text())
    assert "shows that no row is missing" in bare.attrs["length_unproven"]["run.txt"]


def test_a_target_read_twice_in_one_well(read) -> None:
    head = "Well\tSample Name\tTarget Name\tTask\tCt\n"
    assert len(read(head + "A1\tS\tG\tUNKNOWN\t20.5\nA1\tS\tH\tUNKNOWN\t21.5\n")) == 2
    with pytest.raises(RawDataError, match="holds a reaction twice"):
        read(head + "A1\tS\tG\tUNKNOWN\t20.5\nA1\tS\tG\tUNKNOWN\t21.5\n")
