"""Biomark exports: every generation of header, every state, every cut."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers import read_biomark

Write = Callable[..., Path]
Chip = Callable[..., list[str]]
REAL = Path(__file__).resolve().parents[2].parent / "shared/real/qpcr_exports/BioMark_sample.csv"
HEADER = 9 + 3  # lines above the first chamber


@pytest.mark.parametrize("generation", ["v2", "v4.0", "v4.1"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_every_generation_is_read(write_chip: Write, chip: Chip, generation: str, end: str) -> None:
    frame = read_biomark(write_chip(chip(generation), end=end))
    assert len(frame) == 2304
    expected = ["sample", "sample_type", "assay", "assay_type", "ct", "state", "quality", "well", "chip", "file", "row"]
    expected += ["task", "quantity"]
    assert frame.columns.tolist() == expected
    first = frame.iloc[0]
    assert first[["sample", "sample_type", "assay", "assay_type"]].tolist() == ["T048", "NTC", "GENE1", "Test"]
    assert first[["well", "chip", "file", "row"]].tolist() == ["S48-A01", "chip01", "chip01.csv", HEADER + 1]
    assert first["ct"] == pytest.approx(14.81)
    assert frame["row"].tolist() == list(range(HEADER + 1, HEADER + 2305))


def test_three_states(write_chip: Write, chip: Chip) -> None:
    frame = read_biomark(write_chip(chip())).set_index("well")
    assert frame.loc["S01-A01", "state"] == "not detected"
    assert np.isnan(frame.loc["S01-A01", "ct"])
    assert frame.loc["S01-A02", "state"] == "untrusted"
    assert frame.loc["S01-A02", "ct"] == pytest.approx(10.12)
    assert frame["state"].value_counts().to_dict() == {"detected": 2302, "not detected": 1, "untrusted": 1}


def test_96_96(write_chip: Write, chip: Chip) -> None:
    frame = read_biomark(write_chip(chip("v4.1", 96)))
    assert len(frame) == 9216
    assert frame["sample"].nunique() == frame["assay"].nunique() == 96


def test_semicolon_and_decimal_comma(write_chip: Write, chip: Chip) -> None:
    lines = chip()
    local = [
        line.replace(",", ";").replace(".", ",") if i >= 1 else line.replace(",", ";") for i, line in enumerate(lines)
    ]
    here, there = read_biomark(write_chip(lines)), read_biomark(write_chip(local, "chip02.csv"))
    np.testing.assert_array_equal(here["ct"], there["ct"])
    np.testing.assert_array_equal(here["quality"], there["quality"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:-500], "does not hold every chamber.*1,804 chambers instead of 2,304.*48 samples x 48 assays"),
        (
            lambda x: [*x[:-1], x[-1][:29]],
            r"cut or damaged: line 2316.*5 fields instead of 11.*2,303 chambers instead of 2,304",
        ),
        (lambda x: [*x[:-1], x[-2]], "2,304 chambers instead of 2,304.*1 of them twice"),
        (lambda x: [*x, x[-1]], "2,305 chambers instead of 2,304"),
        (lambda x: [*x, "end of file"], "line 2317 is no whole chamber"),
        (lambda x: x[:HEADER], "holds no chamber"),
        (lambda x: x[:5], "no line begins with ID"),
        (
            lambda x: [line.replace("Table Results", "Detailed Table Results") for line in x],
            "Export Type 'Detailed Table Results'",
        ),
        (lambda x: [line.replace("Table Results", "Heat Map Results") for line in x], "Export Type 'Heat Map Results'"),
        (lambda x: x[:10] + x[11:], "lost the header lines"),
        (lambda x: [line.replace("Quality,Call", "Quality,Flag") for line in x], "no column 'Ct Call'"),
        (
            lambda x: [line.replace("Call,Threshold", "Call,Value") for line in x],
            "more than one column 'Ct Value'.*7, 10",
        ),
        (lambda x: [line.replace("13.81,", "n/a,") for line in x], "Ct that is no number.*'n/a' on line"),
        (lambda x: [line.replace(",Pass,", ",Maybe,") for line in x], "neither Pass nor Fail.*5 letters on line 13"),
    ],
)
def test_what_is_refused(write_chip: Write, chip: Chip, change: Callable[[list[str]], list[str]], message: str) -> None:
    with pytest.raises(RawDataError, match=message):
        read_biomark(write_chip(change(chip())))


def test_the_size_is_inferred_where_the_chip_does_not_say_it(write_chip: Write, chip: Chip) -> None:
    with pytest.raises(RawDataError, match="2,303 chambers instead of 2,304"):
        read_biomark(write_chip(chip("v2")[:-1]))
    # Half a 96.96 chip is no 48.48 chip.
    with pytest.raises(RawDataError, match="4,608 chambers instead of 9,216"):
        read_biomark(write_chip(chip("v4.1", 96)[: HEADER + 48 * 96]))


def test_a_missing_file_and_another_format(tmp_path: Path) -> None:
    with pytest.raises(RawDataError, match="missing"):
        read_biomark(tmp_path / "absent.csv")
    (tmp_path / "a.csv").write_text("patient;visit\n1;M0\n")
    with pytest.raises(RawDataError, match=r"no Biomark.*a first line of 1 fields"):
        read_biomark(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_bytes(b"\xa0")
    with pytest.raises(RawDataError, match="it is blank"):
        read_biomark(tmp_path / "a.csv")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(length=st.integers(0, 160_000))
def test_no_cut_goes_unseen(write_chip: Write, chip: Chip, length: int) -> None:
    path = write_chip(chip("v2"))
    whole = path.read_bytes()
    path.write_bytes(whole[:length])
    try:
        frame = read_biomark(path)
    except RawDataError:
        return
    # The threshold at the end of the last line is not used: a cut inside it loses nothing.
    assert length >= len(whole) - len("0.05\r\n")
    assert len(frame) == 2304


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=60))
def test_any_bytes_give_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "chip01.csv"
    path.write_bytes(content)
    with pytest.raises(RawDataError, match=r"chip01\.csv"):
        read_biomark(path)


def test_twenty_chips_are_read_fast(write_chip: Write, chip: Chip) -> None:
    path = write_chip(chip("v4.1", 96))
    start = time.process_time()
    for _ in range(4):
        read_biomark(path)
    # 3 s for 20 chips is what a study can spend; processor time, so that a busy machine does not fail the test.
    assert (time.process_time() - start) * 5 < 3.0


@pytest.mark.skipif(not REAL.is_file(), reason="the public example export is not at hand")
def test_the_public_example() -> None:
    frame = read_biomark(REAL)
    assert frame["state"].value_counts().to_dict() == {"detected": 1918, "not detected": 310, "untrusted": 76}
    assert set(frame["assay"]) == {"b actin", "GAPDH", "HPRT", "SDHA"}
    assert (frame["sample"] == "").sum() == 240
