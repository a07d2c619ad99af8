"""SAS, SPSS and Stata files: values as text, labels and missing codes kept, damage told."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat
import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.legend import legend_of
from lumier_analysis.readers.statfiles import read_sas, read_spss, read_stata, recognise_statfile

SAS7BDAT = Path(__file__).parent / "reference" / "visits.sas7bdat"
LABELS = {"SEXE": {1: "Femme", 2: "Homme"}}
READERS = {"sav": read_spss, "dta": read_stata, "xpt": read_sas}


def visits() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "NUM": ["001", "002", "é3"],
            "SEXE": [1.0, 2.0, 9.0],
            "C3": [0.85, np.nan, -9.0],
            "JOUR": [date(2018, 3, 1), None, date(2019, 1, 2)],
            "HEURE": pd.Series([datetime(2018, 3, 1, 10, 20), None, datetime(2019, 1, 2)]),
        }
    )


def write(path: Path) -> Path:
    if path.suffix == ".sav":
        pyreadstat.write_sav(
            visits(), path, variable_value_labels=LABELS, missing_ranges={"C3": [-9], "SEXE": [{"lo": 8, "hi": 9}]}
        )
    elif path.suffix == ".dta":
        pyreadstat.write_dta(visits(), path, variable_value_labels=LABELS)
    else:
        pyreadstat.write_xport(visits(), path, file_format_version=5)
    return path


@pytest.mark.parametrize("suffix", READERS)
def test_values_are_text_as_in_a_csv(tmp_path: Path, suffix: str) -> None:
    frame = READERS[suffix](write(tmp_path / f"visits.{suffix}"))
    assert frame.iloc[:, :5].to_numpy().tolist() == [
        ["001", "1", "0.85", "2018-03-01", "2018-03-01 10:20:00"],
        ["002", "2", "", "", ""],
        ["é3", "9", "-9", "2019-01-02", "2019-01-02 00:00:00"],
    ]
    assert frame["__file__"].eq(f"visits.{suffix}").all()
    assert frame["__row__"].tolist() == [1, 2, 3]
    assert isinstance(frame["C3"].dtype, pd.StringDtype)


def test_a_sas_data_set() -> None:
    frame = read_sas(SAS7BDAT)
    assert frame.iloc[:, :5].to_numpy().tolist() == [
        ["01-001", "M0", "2018-03-01", "0.85", "2"],
        ["01-002", "M3", "2018-06-13", "", "0"],
        ["02-001", "M0", "", "1.25", "4"],
    ]


def test_numbers_are_written_with_the_decimal_mark_of_the_text_columns(tmp_path: Path) -> None:
    assert read_spss(write(tmp_path / "a.sav"), decimal=",")["C3"].tolist() == ["0,85", "", "-9"]


def test_labels_and_user_missing_codes_of_spss(tmp_path: Path) -> None:
    legend = legend_of(read_spss(write(tmp_path / "a.sav")))
    assert legend.codes == {"SEXE": {"1": "Femme", "2": "Homme"}}
    assert legend.missing == {"C3": frozenset({"-9"}), "SEXE": frozenset({"9"})}


def test_user_missing_codes_of_stata(tmp_path: Path) -> None:
    table = pd.DataFrame({"C3": pd.Series([0.85, "a", 1.0], dtype="object")})
    pyreadstat.write_dta(
        table, tmp_path / "a.dta", missing_user_values={"C3": ["a"]}, variable_value_labels={"C3": {"a": "non fait"}}
    )
    frame = read_stata(tmp_path / "a.dta")
    assert frame["C3"].tolist() == ["0.85", ".a", "1"]
    assert legend_of(frame).missing == {"C3": frozenset({".a"})}
    assert legend_of(frame).codes == {"C3": {".a": "non fait"}}


def test_single_precision_is_not_written_out_in_double(tmp_path: Path) -> None:
    table = pd.DataFrame({"C3": np.array([0.85, 1.3, 2], dtype="float32")})
    table.to_stata(tmp_path / "a.dta", write_index=False)
    assert read_stata(tmp_path / "a.dta")["C3"].tolist() == ["0.85", "1.3", "2"]


@pytest.mark.parametrize(("suffix", "kind"), [("sav", "spss"), ("dta", "stata"), ("xpt", "sas")])
def test_the_kind_is_told_from_the_content(tmp_path: Path, suffix: str, kind: str) -> None:
    path = write(tmp_path / f"a.{suffix}")
    assert recognise_statfile(path.read_bytes()) == kind
    others = [reader for own, reader in READERS.items() if own != suffix]
    for reader in others:
        with pytest.raises(RawDataError, match=rf"a\.{suffix} is not .*`format: {kind}`"):
            reader(path)


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.sav").write_text("NUM;C3\n1;2\n")
    with pytest.raises(RawDataError, match=r"begins like none of SAS, SPSS and Stata.*`format: delimited`"):
        read_spss(tmp_path / "a.sav")


def test_cuts_that_the_parser_does_not_see(tmp_path: Path) -> None:
    transport = write(tmp_path / "a.xpt")
    transport.write_bytes(transport.read_bytes()[:-30])
    with pytest.raises(RawDataError, match=r"a\.xpt is cut.*no multiple of 80"):
        read_sas(transport)
    stata = write(tmp_path / "a.dta")
    stata.write_bytes(stata.read_bytes()[:-12])
    with pytest.raises(RawDataError, match=r"a\.dta is cut.*closing tag"):
        read_stata(stata)


@pytest.mark.parametrize("suffix", ["sav", "dta", "xpt", "sas7bdat"])
def test_damaged_files_give_one_sentence_or_all_rows(tmp_path: Path, suffix: str) -> None:
    """A cut is always told (a transport file at a multiple of 80 bytes apart); a changed byte never ends in a crash."""
    path = tmp_path / f"visits.{suffix}"
    whole = SAS7BDAT.read_bytes() if suffix == "sas7bdat" else write(path).read_bytes()
    reader: Callable[..., Any] = READERS.get(suffix, read_sas)
    draw = random.Random(suffix)
    for _ in range(60):
        length = draw.randrange(1, len(whole))
        path.write_bytes(whole[:length])
        if suffix == "xpt" and length % 80 == 0:
            continue
        with pytest.raises(RawDataError, match=r"visits\."):
            reader(path)
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(draw.randrange(1, 6)):
            content[draw.randrange(len(content))] = draw.randrange(256)
        path.write_bytes(content)
        try:
            frame = reader(path)
        except RawDataError as refused:
            assert f"visits.{suffix}" in str(refused)
        else:
            assert {"__file__", "__row__"} <= set(frame.columns)


def test_a_format_catalogue_gives_labels_to_the_columns_of_its_formats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No library writes a catalogue: the parser's answer is put in its place, in the form that it documents."""
    pyreadstat.write_xport(visits()[["NUM", "SEXE"]], tmp_path / "v.xpt", variable_format={"SEXE": "SEXF."})
    formats = SimpleNamespace(value_labels={"SEXF": {1.0: "Femme", 2.0: "Homme"}, "OTHER": {1.0: "x"}})
    (tmp_path / "formats.sas7bcat").write_bytes(b"a catalogue")
    monkeypatch.setattr(pyreadstat, "read_sas7bcat", lambda path, encoding: (None, formats))
    frame = read_sas(tmp_path / "v.xpt", dictionary=tmp_path / "formats.sas7bcat")
    assert legend_of(frame).codes == {"SEXE": {"1": "Femme", "2": "Homme"}}


def test_a_broken_catalogue_is_refused(tmp_path: Path) -> None:
    (tmp_path / "formats.sas7bcat").write_bytes(b"no catalogue at all")
    with pytest.raises(RawDataError, match=r"formats\.sas7bcat cannot be read as the format catalogue"):
        read_sas(SAS7BDAT, dictionary=tmp_path / "formats.sas7bcat")
