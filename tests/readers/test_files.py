"""Files as the plan describes them: one, a pattern, or none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pandas as pd
import pytest

import lumier_analysis.readers as readers
from lumier_analysis.errors import PlanError, RawDataError
from lumier_analysis.readers import matching_files, read_file


@dataclass(frozen=True)
class Spec:
    path: str
    format: str = "delimited"
    separator: str | None = ";"
    decimal: str = ","
    encoding: str | None = "cp1252"


def test_one_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("x;y\né;1,5\n".encode("cp1252"))
    frame = read_file(Spec("a.csv"), tmp_path)
    assert frame[["x", "y", "__row__"]].to_numpy().tolist() == [["é", "1,5", 2]]


def test_a_pattern_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    for name, content in (("b.csv", "x;y\n3;4\n"), ("a.csv", "y;x\n2;1\n"), (".~a.csv", "rubbish")):
        (tmp_path / name).write_text(content)
    frame = read_file(Spec("*.csv"), tmp_path)
    assert frame["x"].tolist() == ["1", "3"]
    assert frame["__file__"].tolist() == ["a.csv", "b.csv"]
    assert frame["__row__"].tolist() == [2, 2]
    assert frame.index.tolist() == [0, 1]


def test_files_of_a_pattern_must_agree(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x;y\n1;2\n")
    (tmp_path / "b.csv").write_text("x;z\n1;2\n")
    with pytest.raises(RawDataError, match=r"a.csv and b.csv.*different columns.*y, z"):
        read_file(Spec("*.csv"), tmp_path)


def test_chips(tmp_path: Path, write_chip: Callable[..., Path], chip: Callable[..., list[str]]) -> None:
    for name in ("chip02.csv", "chip01.csv"):
        write_chip(chip(), name, folder=tmp_path / "biomark")
    frame = read_file(Spec("biomark/*.csv", "biomark", None, ".", None), tmp_path)
    assert isinstance(frame, pd.DataFrame)
    assert frame["chip"].unique().tolist() == ["chip01", "chip02"]
    assert len(frame) == 2 * 2304


def test_exports_of_any_instrument(tmp_path: Path, exports: ModuleType, chip: Callable[..., list[str]]) -> None:
    (tmp_path / "a.csv").write_text("\n".join(chip()))
    (tmp_path / "b.csv").write_text(exports.cfx_export().text(","))
    (tmp_path / "c.csv").write_text(exports.stepone_export().text())
    frame = read_file(Spec("*.csv", "ct"), tmp_path)
    assert isinstance(frame, pd.DataFrame)
    assert frame["chip"].value_counts().to_dict() == {"a": 2304, "b": 50, "c": 20}
    assert set(frame.attrs["length_unproven"]) == {"b.csv"} and frame.attrs["unused_wells"] == {"c.csv": 1}
    stated = SimpleNamespace(path="b.csv", format="ct", separator=None, decimal=None, encoding=None, rows=51)
    with pytest.raises(RawDataError, match="50 reactions instead of 51"):
        read_file(stated, tmp_path)


def test_a_missing_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(RawDataError, match="an empty folder"):
        read_file(Spec("ecrf_visites.csv"), tmp_path)
    (tmp_path / "ecrf_visite.csv").write_text("")
    with pytest.raises(RawDataError) as refused:
        read_file(Spec("ecrf_visites.csv"), tmp_path)
    for words in ("ecrf_visites.csv is missing", str(tmp_path), "ecrf_visite.csv, which is close", "--raw"):
        assert words in str(refused.value)
    with pytest.raises(RawDataError, match=r"biomark/\*\.csv is missing"):
        matching_files("biomark/*.csv", tmp_path)
    with pytest.raises(RawDataError, match=r"folder of raw files .* is missing.*--raw"):
        read_file(Spec("a.csv"), tmp_path / "nowhere")


def test_faults_of_the_plan(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"unknown format.*biomark"):
        read_file(Spec("a.csv", "excel"), tmp_path)
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("x")
    with pytest.raises(PlanError, match="2 series matrices"):
        read_file(Spec("*.txt", "geo_series_matrix"), tmp_path)


def test_every_public_name_can_be_loaded() -> None:
    assert all(callable(getattr(readers, name)) for name in readers.__all__)
    with pytest.raises(AttributeError):
        _ = readers.nothing


def test_only_the_reader_that_is_needed_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x;y\n1;2\n")
    code = (
        "import sys; from types import SimpleNamespace as S; from lumier_analysis.readers import read_file;"
        f"read_file(S(path='a.csv', format='delimited', separator=';', decimal=',', encoding=None), {str(tmp_path)!r});"
        "loaded = [m for m in sys.modules if m.startswith('lumier_analysis.readers.')];"
        "assert not any(m.endswith(('biomark', 'geo', 'values')) for m in loaded), loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
