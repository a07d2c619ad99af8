"""Exports in any dialect and order give one table; damaged ones an error or a query, never a shorter table."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lumier_analysis.cleaning.queries import RULES, Queries
from lumier_analysis.cleaning.tables import RowAccount, canonical_table
from lumier_analysis.errors import LumierError, RawDataError
from lumier_analysis.readers import read_file
from lumier_analysis.study.export_sections import FileSpec, TableSpec

HEADER = ["NUM_PATIENT", "VISITE", "DATE_VISITE", "SLEDAI", "POUSSÉE", "PREDNISONE", "C3", "ADN", "ISSUE", "COMMENTÉ"]
MISSING = ["", "ND"]
VISITS = TableSpec.model_validate(
    {
        "file": "visits",
        "columns": {
            "patient_id": {"from": "NUM_PATIENT", "type": "text"},
            "visit": {"from": "VISITE", "type": "category", "values": {"M0": "M0", "M3": "M3", "M6": "M6"}},
            "date": {"from": "DATE_VISITE", "type": "date"},
            "sledai": {"from": "SLEDAI", "type": "integer"},
            "clinical_flare": {"from": "POUSSÉE", "type": "flag"},
            "prednisone": {"from": "PREDNISONE", "type": "number", "unit": "mg/day"},
            "c3": {"from": "C3", "type": "number", "unit": "g/L"},
            "anti_dsdna": {"from": "ADN", "type": "censored"},
            "outcome": {
                "from": "ISSUE",
                "type": "category",
                "values": {"Suivie à 3 mois": "followed", "Décès": "death", "Perdue de vue": "lost"},
            },
        },
    }
)


def rows(n_patients: int = 20, seed: int = 0) -> list[list[Any]]:
    """Return typed rows: dates as dates, numbers as floats, the rest as text."""
    draw = random.Random(seed)
    made: list[list[Any]] = []
    for patient in range(n_patients):
        start = date(2017, 1, 1) + timedelta(days=draw.randrange(700))
        for number, visit in enumerate(("M0", "M3", "M6")):
            made.append(
                [
                    f"{draw.randrange(1, 9):02d}-{patient:03d}",
                    visit,
                    start + timedelta(days=91 * number + draw.randrange(9)),
                    draw.randrange(0, 12),
                    draw.choice(["Oui", "Non", "Non", "ND"]),
                    draw.choice([0.0, 2.5, 7.5, 12.5]),
                    round(draw.uniform(0.3, 1.6), 2),
                    draw.choice(["<5", ">400", 12.5, 88.0]),
                    draw.choice(["Suivie à 3 mois", "Décès", "Perdue de vue"]),
                    draw.choice(["vue ce jour", "", "traitement inchangé"]),
                ]
            )
    return made


def text_of(value: Any, decimal: str, dates: str) -> str:
    if isinstance(value, date):
        return value.strftime(dates)
    return f"{value:g}".replace(".", decimal) if isinstance(value, float) else str(value)


def written(
    table: Sequence[Sequence[Any]],
    header: Sequence[str] = HEADER,
    *,
    separator: str = ";",
    decimal: str = ",",
    encoding: str = "cp1252",
    dates: str = "%d/%m/%Y",
    end: str = "\r\n",
    quoted: bool = False,
) -> bytes:
    """Write a table as bytes in one dialect."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(
        buffer, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    )
    writer.writerow(header)
    writer.writerows([[text_of(v, decimal, dates) for v in row] for row in table])
    return buffer.getvalue().encode(encoding)


def read(folder: Path, content: bytes, **keys: Any) -> tuple[pd.DataFrame, RowAccount, pd.DataFrame]:
    """Read bytes as the visits of a study: canonical table, row account, queries."""
    (folder / "visites.csv").write_bytes(content)
    spec = FileSpec.model_validate({"path": "visites.csv", "format": "delimited"} | keys)
    queries = Queries()
    raw = read_file(spec, folder)
    assert isinstance(raw, pd.DataFrame)
    table, account = canonical_table(raw, "visits", VISITS, spec, MISSING, queries)
    return table, account, queries.frame()


def values_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return a canonical table without the places of its rows, in the order of its keys."""
    plain = table.drop(columns=["source_file", "source_row"])
    return plain.sort_values(["patient_id", "visit"], ignore_index=True)


TABLE = rows()
ENCODINGS = ["cp1252", "latin-1", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]
FORMATS = ["%d/%m/%Y", "%Y-%m-%d", "%d.%m.%Y", "%d-%m-%Y", "%Y%m%d", "%Y/%m/%d", "%d/%m/%Y %H:%M", "%Y-%m-%dT%H:%M:%S"]
dialects = st.fixed_dictionaries(
    {
        "separator": st.sampled_from([";", ",", "\t", "|"]),
        "decimal": st.sampled_from([",", "."]),
        "encoding": st.sampled_from(ENCODINGS),
        "dates": st.sampled_from(FORMATS),
        "end": st.sampled_from(["\r\n", "\n", "\r"]),
        "quoted": st.booleans(),
    }
)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    stated = {"separator": ";", "decimal": ",", "encoding": "cp1252", "dates": "%d/%m/%Y"}
    table, account, queries = read(tmp_path_factory.mktemp("raw"), written(TABLE), **stated)
    assert account.used == len(TABLE) == 60
    assert len(queries) == 0
    # The dialect that is stated is read right: without this, all dialects could be wrong alike.
    by_key = table.set_index(["patient_id", "visit"])
    for row in TABLE:
        read_row = by_key.loc[(row[0], row[1])]
        assert read_row["date"] == pd.Timestamp(row[2])
        assert (read_row["sledai"], read_row["prednisone"], read_row["c3"]) == (row[3], row[5], row[6])
        assert (read_row["anti_dsdna"], read_row["anti_dsdna_censored"]) == (
            (float(str(row[7])[1:]), str(row[7])[0]) if isinstance(row[7], str) else (row[7], "")
        )
    return values_of(table)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(dialect=dialects, stated=st.booleans(), preamble=st.booleans(), random=st.randoms(use_true_random=False))
def test_any_dialect_and_any_order_give_the_same_table(
    tmp_path: Path,
    expected: pd.DataFrame,
    dialect: dict[str, str],
    stated: bool,
    preamble: bool,
    random: random.Random,
) -> None:
    columns, order = list(range(len(HEADER))), list(range(len(TABLE)))
    random.shuffle(columns)
    random.shuffle(order)
    table = [[TABLE[i][c] for c in columns] for i in order]
    header = [HEADER[c] for c in columns]
    content = written(table, header, **dialect)  # type: ignore[arg-type]
    if preamble:
        title = f"Export du centre 3{dialect['end']}{dialect['end']}".encode(dialect["encoding"])
        mark = "\ufeff".encode("utf-16") if dialect["encoding"] == "utf-16" else b""
        content = title + content.removeprefix(mark[:2] if mark else b"").removeprefix(b"\xef\xbb\xbf")
    # One sign for both is refused where it is stated, and read where it is found: the decimals are quoted then.
    named = ["encoding", "dates", *(["separator", "decimal"] if dialect["separator"] != dialect["decimal"] else [])]
    keys = {k: dialect[k] for k in named} if stated else {}
    got, account, queries = read(tmp_path, content, **keys)
    pd.testing.assert_frame_equal(values_of(got), expected)
    assert account.read == account.used == len(TABLE)
    assert len(queries) == 0
    # Every row still leads back to the line it was written on.
    assert got["source_file"].eq("visites.csv").all()
    text = content.decode(dialect["encoding"])
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    quote = '"' if dialect["quoted"] else ""
    for row in got.itertuples():
        source = next(r for r in TABLE if (r[0], r[1]) == (row.patient_id, row.visit))
        cells = {text_of(v, dialect["decimal"], dialect["dates"]) for v in (source[0], source[1], source[2])}
        fields = lines[int(str(row.source_row)) - 1].split(dialect["separator"])
        assert cells <= {f.removeprefix(quote).removesuffix(quote) for f in fields}


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
@pytest.mark.parametrize("decimal", [",", "."])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_pair_of_marks_in_every_encoding(
    tmp_path: Path, expected: pd.DataFrame, separator: str, decimal: str, encoding: str
) -> None:
    got, _, _ = read(tmp_path, written(TABLE, separator=separator, decimal=decimal, encoding=encoding))
    pd.testing.assert_frame_equal(values_of(got), expected)


def cut(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(1, len(content))]


def recoded(content: bytes, draw: random.Random) -> bytes:
    other = draw.choice(["mac-roman", "cp850", "cp500", "utf-7", "utf-32", "utf-16", "utf-8"])
    text = content.decode("cp1252")
    if draw.random() < 0.3:
        return text.encode("utf-8").decode("latin-1").encode("utf-8")  # decoded wrongly once, then saved
    if draw.random() < 0.3:  # half of the file in another encoding
        middle = text.find("\n", len(text) // 2) + 1
        return text[:middle].encode("cp1252") + text[middle:].encode(draw.choice(["utf-8", "mac-roman", "cp850"]))
    return text.encode(other)


def header_shuffled(content: bytes, draw: random.Random) -> bytes:
    first, rest = content.split(b"\r\n", 1)
    names = first.split(b";")
    draw.shuffle(names)
    return b";".join(names) + b"\r\n" + rest


def header_damaged(content: bytes, draw: random.Random) -> bytes:
    first, rest = content.split(b"\r\n", 1)
    names = first.split(b";")
    at = draw.randrange(len(names))
    names[at : at + 1] = draw.choice([[], [b""], [names[at - 1]], [names[at] + b";x"], [names[at].lower()], [b"x\0y"]])
    return b";".join(names) + b"\r\n" + rest


def wrong_types(content: bytes, draw: random.Random) -> bytes:
    lines = content.split(b"\r\n")
    junk = [
        b"31/02/2018",
        b"deux",
        b"1.2.3",
        b"#REF!",
        b"12 mg/dL",
        b"UK/03/2018",
        b"3,5,1",
        b"oui?",
        b"\xff",
    ]
    for _ in range(draw.randrange(1, 8)):
        at = draw.randrange(1, len(lines) - 1)
        fields = lines[at].split(b";")
        fields[draw.randrange(1, len(fields) - 1)] = draw.choice(junk)
        lines[at] = b";".join(fields)
    return b"\r\n".join(lines)


def line_damaged(content: bytes, draw: random.Random) -> bytes:
    lines = content.split(b"\r\n")
    at = draw.randrange(1, len(lines) - 1)
    fields = lines[at].split(b";")
    where = draw.randrange(len(fields))
    fields[where : where + 1] = draw.choice([[], [b'"'], [b"a", b"b"], [b"\0"], [b'"x" y'], [b"x\r\ny"]])
    lines[at] = b";".join(fields)
    return b"\r\n".join(lines)


def mixed(content: bytes, draw: random.Random) -> bytes:
    """Two files in one: another dialect, other columns, the same file again, one inside the other."""
    other = written(
        rows(8, seed=draw.randrange(1, 99)),
        separator=draw.choice([";", ",", "\t"]),
        decimal=draw.choice([".", ","]),
        dates=draw.choice(["%d/%m/%Y", "%Y-%m-%d", "%m/%d/%Y"]),
        encoding=draw.choice(["cp1252", "utf-8", "utf-16"]),
    )
    if draw.random() < 0.3:
        other = b"CODE_TUBE;NUM_PATIENT;DATE\r\nLB1;01-000;01/02/2018\r\n"
    kind = draw.randrange(4)
    if kind == 0:
        return content + other
    if kind == 1:
        return other + content
    if kind == 2:
        at = draw.randrange(len(content))
        return content[:at] + other + content[at:]
    pairs = zip(content.split(b"\r\n"), other.split(b"\r\n"), strict=False)
    return b"\r\n".join(line for pair in pairs for line in pair)


DAMAGES = (cut, recoded, header_shuffled, header_damaged, wrong_types, line_damaged, mixed)
EACH = 60
STATED = {"separator": ";", "decimal": ",", "encoding": "cp1252", "dates": "%d/%m/%Y"}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__)
@pytest.mark.parametrize("stated", [True, False], ids=["stated", "found"])
def test_a_damaged_file_gives_an_error_or_a_query(
    tmp_path: Path, expected: pd.DataFrame, damage: Callable[[bytes, random.Random], bytes], stated: bool
) -> None:
    """60 files of each of seven kinds, with the dialect stated and with it found: 840 in all."""
    whole = written(TABLE)
    told = 0
    for seed in range(EACH):
        draw = random.Random(f"{damage.__name__} {seed}")
        content = damage(whole, draw)
        lines_lost = damage is cut and content.endswith((b"\r", b"\n"))
        keys: dict[str, Any] = (STATED if stated else {}) | ({"rows": len(TABLE)} if lines_lost else {})
        try:
            table, account, queries = read(tmp_path, content, **keys)
        except LumierError as refused:
            told += 1
            assert "visit" in str(refused) and len(str(refused)) < 700, (seed, str(refused))
            continue
        # Rows that were read and are not in the table were set aside with a query each.
        assert account.read == account.used + account.duplicates, seed
        assert (queries["rule"] == "duplicate_row").sum() == account.duplicates, seed
        if len(queries):
            told += 1
            assert queries["rule"].isin(list(RULES)).all()
            continue
        got = values_of(table)
        assert len(got) == len(expected), f"seed {seed}: another number of rows in silence"
        pd.testing.assert_frame_equal(got, expected, obj=f"seed {seed}: in silence, the table")
    # Some damage leaves the values as they were (utf-8 where nothing is stated, one letter's case): most does not.
    assert told >= 0.6 * EACH


def test_a_file_cut_at_a_line_end_needs_the_number_of_rows(tmp_path: Path) -> None:
    """Such a file is a whole one, of fewer rows: only the plan can know."""
    whole = written(TABLE)
    short = b"\r\n".join(whole.split(b"\r\n")[:41]) + b"\r\n"
    table, account, queries = read(tmp_path, short)
    assert (len(table), account.read, len(queries)) == (40, 40, 0)
    with pytest.raises(RawDataError, match=r"visites\.csv does not have the number of rows.*40 instead of 60.*`rows`"):
        read(tmp_path, short, rows=len(TABLE))
    assert len(read(tmp_path, whole, rows=len(TABLE))[0]) == len(TABLE)


def test_a_file_cut_inside_its_last_value_is_queried(tmp_path: Path) -> None:
    whole = written([row[:-1] for row in TABLE], HEADER[:-1])
    table, _, queries = read(tmp_path, whole[:-4])
    assert len(table) == len(TABLE)
    assert queries.loc[queries["rule"] == "unfinished_file", "row"].tolist() == ["61"]
