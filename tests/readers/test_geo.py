"""GEO series matrix: characteristics by key, the table, and files that are cut."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers import detect_scale, read_series_matrix

REAL = Path(__file__).resolve().parents[2].parent / "shared/real/gse65391/GSE65391_series_matrix.txt.gz"
LINES = [
    '!Series_title\t"A series; with a ""quoted"" word"',
    '!Series_platform_id\t"GPL10558"',
    "",
    '!Sample_title\t"one"\t"two\tbis"\t"three"',
    '!Sample_geo_accession\t"GSM1"\t"GSM2"\t"GSM3"',
    '!Sample_characteristics_ch1\t"age: 14"\t"age: 9"\t"sex: female"',
    '!Sample_characteristics_ch1\t"sex: male"\t"note: a: b"\t""',
    '!Sample_characteristics_ch1\t"whole blood"\t"note: c"\t"sample_id: X"',
    "!series_matrix_table_begin",
    '"ID_REF"\t"GSM1"\t"GSM2"\t"GSM3"',
    '"P1"\t1.5\t2.5\t3.5',
    '"P2"\t-1\tnull\t',
    "!series_matrix_table_end",
]


def write(folder: Path, lines: list[str], end: str = "\n") -> Path:
    path = folder / "GSE1_series_matrix.txt"
    path.write_bytes((end.join(lines) + end).encode())
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_plain_file(tmp_path: Path, end: str) -> None:
    series = read_series_matrix(write(tmp_path, LINES, end))
    assert series.title == 'A series; with a "quoted" word'
    assert series.platform == "GPL10558"
    samples = series.samples.set_index("sample_id")
    assert samples.index.tolist() == ["GSM1", "GSM2", "GSM3"]
    assert samples["sample_title"].tolist() == ["one", "two\tbis", "three"]
    assert samples["age"].tolist() == ["14", "9", ""]
    assert samples["sex"].tolist() == ["male", "", "female"]
    assert samples["note"].tolist() == ["", "a: b; c", ""]
    assert samples["characteristic 3"].tolist() == ["whole blood", "", ""]
    assert samples["sample_id (characteristic)"].tolist() == ["", "", "X"]
    assert samples["__file__"].unique().tolist() == ["GSE1_series_matrix.txt"]
    assert samples["__row__"].tolist() == [1, 2, 3]
    expected = pd.DataFrame(
        [[1.5, 2.5, 3.5], [-1, np.nan, np.nan]], index=["P1", "P2"], columns=["GSM1", "GSM2", "GSM3"]
    )
    pd.testing.assert_frame_equal(series.expression, expected, check_names=False)


def test_gzip_and_the_order_of_columns(tmp_path: Path) -> None:
    lines = [*LINES[:9], '"ID_REF"\t"GSM3"\t"GSM1"\t"GSM2"', *LINES[10:]]
    path = tmp_path / "GSE1_series_matrix.txt.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    series = read_series_matrix(path)
    assert series.expression.columns.tolist() == ["GSM1", "GSM2", "GSM3"]
    assert series.expression.loc["P1"].tolist() == [2.5, 3.5, 1.5]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (LINES[:-1], "is cut: it has no line !series_matrix_table_end"),
        (LINES[:8], "is cut: it has no line !series_matrix_table_begin.*8 lines"),
        ([*LINES[:-2], '"P2"\t1', LINES[-1]], "damaged.*2 fields instead of 4 on line 12"),
        ([*LINES[:-2], '"P2"\t1\tx\t3', LINES[-1]], "damaged.*'x' for GSM2 on line 12"),
        ([*LINES[:-2], LINES[-3], LINES[-1]], "a probe twice.*P1"),
        ([*LINES[:9], LINES[-1]], "holds no expression table"),
        ([*LINES[:9], '"ID_REF"\t"GSM1"\t"GSM2"\t"GSM4"', *LINES[10:]], "same samples.*GSM3, GSM4"),
        ([*LINES[:3], '!Sample_title\t"one"', *LINES[4:]], "value per sample.*1 instead of 3"),
        (["a;b", "1;2"], "no GEO series matrix.*'a;b'"),
    ],
)
def test_what_is_refused(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(RawDataError, match=message):
        read_series_matrix(write(tmp_path, lines))


def test_damaged_gzip(tmp_path: Path) -> None:
    whole = gzip.compress("\n".join(LINES * 50).encode())
    path = tmp_path / "GSE1_series_matrix.txt.gz"
    for damaged in (whole[:-20], whole[:60] + b"\0\xff\0\xff" + whole[64:]):
        path.write_bytes(damaged)
        with pytest.raises(RawDataError, match="cut or damaged"):
            read_series_matrix(path)
    for blank in (b"", b"\n"):
        path.write_bytes(gzip.compress(blank))
        with pytest.raises(RawDataError, match="no GEO series matrix"):
            read_series_matrix(path)
    path.write_text("no gzip")
    with pytest.raises(RawDataError, match="not in gzip format"):
        read_series_matrix(path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=60), packed=st.booleans())
def test_any_bytes_give_one_sentence(tmp_path: Path, content: bytes, packed: bool) -> None:
    path = tmp_path / "GSE1_series_matrix.txt"
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(RawDataError, match="GSE1_series_matrix"):
        read_series_matrix(path)


@pytest.mark.skipif(not REAL.is_file(), reason="the public series is not at hand")
def test_the_public_series() -> None:
    series = read_series_matrix(REAL)
    assert series.expression.shape == (14061, 996)
    assert detect_scale(series.expression) == "log2"
    assert series.samples["set"].value_counts()["technical_replicate"] == 24
    assert series.expression.loc["ILMN_1693789", "GSM1595222"] == 12.775
    assert not series.expression.isna().any(axis=None)
