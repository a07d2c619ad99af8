"""The legend of a raw table travels with it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers import read_file
from lumier_analysis.readers.legend import Legend, legend_of, merged, with_legend


def test_a_legend_outlives_what_cleaning_does_to_a_table() -> None:
    legend = Legend({"SEXE": {"1": "F"}}, {"C3": frozenset({"-9"})}, (("a.csv", 3),))
    frame = with_legend(pd.DataFrame({"SEXE": ["1"], "NOM": ["x"]}), legend)
    assert legend_of(frame.drop(columns=["NOM"])) == legend
    assert legend_of(frame[frame["SEXE"] == "1"].copy()) == legend
    assert legend_of(pd.DataFrame()) == Legend()


def test_legends_of_a_pattern_are_put_together() -> None:
    one = Legend({"SEXE": {"1": "F", "2": "H"}}, {"C3": frozenset({"-9"})}, (("a.csv", 3),))
    two = Legend({"SEXE": {"1": "F", "2": "M"}, "C": {"1": "x"}}, {"C3": frozenset({"-8"})}, (("b.csv", 5),))
    both = merged([one, two])
    assert both.codes == {"SEXE": {"1": "F"}, "C": {"1": "x"}}
    assert both.missing == {"C3": frozenset({"-9", "-8"})}
    assert both.unfinished == (("a.csv", 3), ("b.csv", 5))


def test_files_of_a_pattern_keep_their_legend_and_their_number_of_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x;y\n1;2\n")
    (tmp_path / "b.csv").write_text("x;y\n3;4\n5;6")
    keys = {"path": "*.csv", "format": "delimited", "separator": ";", "decimal": None, "encoding": None}
    frame = read_file(SimpleNamespace(**keys, rows=3), tmp_path)
    assert isinstance(frame, pd.DataFrame)
    assert legend_of(frame).unfinished == (("b.csv", 3),)
    with pytest.raises(RawDataError, match=r"\*\.csv does not have the number of rows.*3 instead of 4.*`rows`"):
        read_file(SimpleNamespace(**keys, rows=4), tmp_path)
