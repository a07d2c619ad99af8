"""The decimal mark and the date format of a raw file, where the plan leaves them to be found."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from lumier_analysis.readers.dates import ISO, find_dates
from lumier_analysis.readers.dialect import find_decimal
from lumier_analysis.readers.legend import legend_of
from lumier_analysis.study.export_sections import STATISTICAL, ColumnSpec, FileSpec, TableSpec

_NUMBERS = ("number", "integer", "censored", "titre")


def absent_codes(spec: ColumnSpec, missing: Iterable[str], raw: pd.DataFrame) -> list[str]:
    """Return every code that means missing in a column: the plan's, the column's, and the file's own."""
    return [*missing, *spec.absent, *sorted(legend_of(raw).missing.get(spec.source, ()))]


def settled(raw: pd.DataFrame, file: FileSpec, tables: Iterable[TableSpec], missing: Iterable[str]) -> FileSpec:
    """Return the file's description with decimal mark and date formats filled in.

    What the plan states is kept. The rest is found in the columns that the tables read as numbers and dates, so that
    one file has one answer whichever of its tables is made first.

    Parameters
    ----------
    raw : DataFrame of text
    file : FileSpec
    tables : iterable of TableSpec
        All tables made of this file.
    missing : iterable of str
        Codes that mean missing.

    Raises
    ------
    RawDataError
        The answer is not clear; the message says what to type.
    """
    missing = list(missing)

    def columns(types: tuple[str, ...]) -> dict[str, pd.Series]:
        found = {}
        for spec in (column for table in tables for column in table.columns.values()):
            if spec.type in types and spec.source in raw.columns:
                absent = {code.strip().casefold() for code in absent_codes(spec, missing, raw)} | {""}
                codes, distinct = pd.factorize(raw[spec.source])
                gone = [i for i, value in enumerate(distinct) if str(value).strip().casefold() in absent]
                found[spec.source] = raw[spec.source].mask(pd.Series(codes, index=raw.index).isin(gone))
        return found

    tables = list(tables)
    update: dict[str, object] = {}
    if file.decimal is None:
        plain = file.format in (*STATISTICAL, "geo_series_matrix")
        update["decimal"] = "." if plain else find_decimal(columns(_NUMBERS), raw["__row__"], file.path)
    if file.dates is None:
        update["dates"] = list(find_dates(columns(("date",)), raw["__row__"], file.path))
    elif file.format in STATISTICAL:
        # True dates of these formats are written in ISO by the reader; the plan's format is that of its text columns.
        iso = [f for f in (ISO, f"{ISO} %H:%M:%S") if f not in file.date_formats]
        update["dates"] = [*file.date_formats, *iso]
    return file.model_copy(update=update) if update else file
