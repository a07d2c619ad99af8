import pandas as pd

from lumier_analysis.cleaning.queries import COLUMNS
from lumier_analysis.cleaning.query_files import (
    centre_file_name,
    read_queries,
    spreadsheet_text,
    write_centre_files,
    write_spreadsheet,
)


def queries(*centres):
    frame = pd.DataFrame("", index=range(len(centres)), columns=list(COLUMNS))
    return frame.assign(centre=list(centres), rule="date_order", severity="query", value='é; "x"', row="7")


def test_a_french_spreadsheet_opens_it(tmp_path):
    path = write_spreadsheet(tmp_path / "queries.csv", queries("01"))
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbfrule;severity;centre;")
    assert "é" in content.decode("utf-8-sig")
    pd.testing.assert_frame_equal(read_queries(path), queries("01"), check_dtype=False)


def test_a_value_is_no_formula():
    frame = pd.DataFrame({"value": ["=1+1", "@x", "-5", "+2,5", "-abc", "01/02/2018", "<5"]})
    shown = spreadsheet_text(frame).splitlines()[1:]
    assert shown == ["'=1+1", "'@x", "-5", "+2,5", "'-abc", "01/02/2018", "<5"]


def test_one_file_a_centre_and_none_of_a_centre_that_is_done(tmp_path):
    write_centre_files(tmp_path, queries("01", "02", "01", ""))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["01.csv", "02.csv", "no_centre.csv"]
    assert len(read_queries(tmp_path / "01.csv")) == 2
    write_centre_files(tmp_path, queries("02"))
    assert [p.name for p in tmp_path.iterdir()] == ["02.csv"]


def test_names_of_centres_make_safe_file_names():
    assert centre_file_name("Hôpital de la Conception / 3") == "Hopital_de_la_Conception_3.csv"
    assert centre_file_name("../x") == "x.csv"
    assert centre_file_name("") == "no_centre.csv"
