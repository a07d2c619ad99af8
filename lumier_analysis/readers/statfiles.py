"""SAS, SPSS and Stata files, as the text that a CSV export of them would hold, with value labels and missing codes.

The bytes are read by pyreadstat (ReadStat). Whole numbers lose their ".0", dates are written in ISO, system-missing
values are empty, and user-missing values keep their code: -9 in SPSS, .a to .z in SAS and Stata.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.decode import read_bytes
from lumier_analysis.readers.delimited import check_names, with_place
from lumier_analysis.readers.legend import Legend, with_legend

_SAS7BDAT = bytes(12) + b"\xc2\xea\x81\x60"
_XPORT = b"HEADER RECORD*******LIB"
_STATA_END = b"</stata_dta>"
#: SAS writes transport files in cards of 80 bytes.
_CARD = 80
_PARSERS = {"sas": "read_sas7bdat", "spss": "read_sav", "stata": "read_dta"}
_FAULTS = (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, ValueError, OverflowError, MemoryError)
_WORDS = {"sas": "a SAS file", "spss": "an SPSS file", "stata": "a Stata file"}


def recognise_statfile(content: bytes) -> str:
    """Return "sas", "spss", "stata" or "" by the first bytes of a file."""
    if content.startswith((_SAS7BDAT, _XPORT)):
        return "sas"
    if content.startswith((b"$FL2", b"$FL3")):
        return "spss"
    # Stata 13 and later write tags; before, the release number and the byte order.
    old = len(content) > 3 and 105 <= content[0] <= 115 and content[1] in (1, 2) and content[2] == 1
    return "stata" if content.startswith(b"<stata_dta>") or old else ""


def _text(value: Any, decimal: str, single: bool = False) -> str:
    """Write one value as text; `single`: it was stored in single precision."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date | time):
        return value.isoformat()
    number = float(value)
    if math.isnan(number):
        return ""
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    # Stored in single precision and written in double, 0.85 would become 0.8500000238418579.
    shortest = str(np.float32(number)) if single else repr(number)
    return shortest.replace(".", decimal)


def _code(value: Any, decimal: str, tagged: set[Any], single: bool = False) -> str:
    return f".{str(value).lower()}" if value in tagged else _text(value, decimal, single)


def _is_declared(value: Any, ranges: list[dict[str, Any]]) -> bool:
    """Tell whether SPSS declares a value missing."""
    for limits in ranges:
        low, high = limits["lo"], limits["hi"]
        if isinstance(value, str) or isinstance(low, str):
            if isinstance(value, str) and isinstance(low, str) and value.rstrip() == low.rstrip():
                return True
        elif low <= value <= high:
            return True
    return False


def _parse(path: Path, kind: str, content: bytes, encoding: str | None) -> tuple[Any, Any]:
    options: dict[str, Any] = {"output_format": "dict"} | ({"encoding": encoding} if encoding else {})
    name = "read_xport" if content.startswith(_XPORT) else _PARSERS[kind]
    if name != "read_xport":
        options["user_missing"] = True
    try:
        return getattr(pyreadstat, name)(str(path), **options)
    except _FAULTS as error:
        raise RawDataError(
            f"The raw file {path.name} is cut or damaged: it cannot be read as {_WORDS[kind]}",
            found=str(error).split("\n")[0][:120],
            fix="export it again, or as CSV",
        ) from None


def _catalogue_labels(path: Path, meta: Any, encoding: str | None) -> dict[str, dict[Any, str]]:
    """Return the value labels of each column whose format a catalogue (.sas7bcat) holds."""
    read_bytes(path)
    try:
        _, formats = pyreadstat.read_sas7bcat(str(path), encoding=encoding)
    except _FAULTS as error:
        raise RawDataError(
            f"The file {path.name} cannot be read as the format catalogue of a SAS file",
            found=str(error).split("\n")[0][:120],
            fix="give the .sas7bcat that belongs to the data, or leave `dictionary` out and list codes in the plan",
        ) from None
    known = {name.upper(): labels for name, labels in formats.value_labels.items()}
    used = {column: (format or "").rstrip(".").upper() for column, format in meta.original_variable_types.items()}
    return {column: known[format] for column, format in used.items() if format in known}


def _check_whole(content: bytes, name: str) -> None:
    """Refuse the cuts that the parser does not see."""
    if content.startswith(_XPORT) and len(content) % _CARD:
        found = f"{len(content):,} bytes, which is no multiple of {_CARD}"
    elif content.startswith(b"<stata_dta>") and not content.rstrip().endswith(_STATA_END):
        found = "no closing tag at its end"
    else:
        return
    raise RawDataError(f"The raw file {name} is cut", found=found, fix="export it again")


def _legend(meta: Any, columns: Mapping[str, list[Any]], decimal: str) -> Legend:
    """Return value labels and declared missing codes, as text."""
    missing: dict[str, frozenset[str]] = {}
    codes: dict[str, dict[str, str]] = {}
    for column, values in columns.items():
        tagged = set(meta.missing_user_values.get(column, []))
        ranges = meta.missing_ranges.get(column, [])
        absent = {v for v in set(values) if v is not None and (v in tagged or _is_declared(v, ranges))}
        if absent:
            missing[column] = frozenset(_code(v, decimal, tagged) for v in absent)
        labels = meta.variable_value_labels.get(column, {})
        tags = tagged | {v for v in labels if isinstance(v, str) and meta.readstat_variable_types[column] != "string"}
        if labels:
            codes[column] = {_code(v, decimal, tags).strip(): str(label) for v, label in labels.items()}
    return Legend(codes=codes, missing=missing)


def read_statfile(
    path: str | Path,
    kind: str,
    *,
    decimal: str | None = None,
    encoding: str | None = None,
    dictionary: str | Path | None = None,
) -> pd.DataFrame:
    """Read a SAS (.sas7bdat, .xpt), SPSS (.sav, .zsav) or Stata (.dta) file.

    Parameters
    ----------
    path : path
    kind : {"sas", "spss", "stata"}
        What the plan says it is; the content must agree.
    decimal : {".", ","}, optional
        Mark to write numbers with, so that they agree with text columns that hold numbers; a point by default.
    encoding : str, optional
        Of the text, where the file does not say or is wrong.
    dictionary : path, optional
        The format catalogue of a SAS file (.sas7bcat), which holds its value labels.

    Returns
    -------
    DataFrame of str
        As of `read_delimited`; ``__row__`` is the number of the observation, the first being 1. Its legend holds value
        labels and user-missing codes.

    Raises
    ------
    RawDataError
        The file is missing, empty, of another kind, cut or damaged. A transport file (.xpt) cut at a multiple of 80
        bytes cannot be told from a whole one: it does not say how many rows it has.
    """
    path = Path(path)
    content = read_bytes(path)
    seen = recognise_statfile(content)
    if seen != kind:
        raise RawDataError(
            f"The raw file {path.name} is not {_WORDS[kind]}, as the plan says",
            found=_WORDS.get(seen, "a file that begins like none of SAS, SPSS and Stata"),
            fix=f"set `format: {seen or 'delimited'}` for it under `files` in the plan, or export it again",
        )
    _check_whole(content, path.name)
    columns, meta = _parse(path, kind, content, encoding)
    if dictionary is not None:
        meta.variable_value_labels = _catalogue_labels(Path(dictionary), meta, encoding)
    check_names(list(columns), path.name)
    mark = decimal or "."
    written: dict[str, list[str]] = {}
    for column, values in columns.items():
        tagged = set(meta.missing_user_values.get(column, []))
        single = meta.readstat_variable_types[column] == "float"
        known = {value: _code(value, mark, tagged, single) for value in set(values)}
        written[column] = [known[value] for value in values]
    n_rows = len(next(iter(columns.values()), []))
    frame = with_place(written, path.name, list(range(1, n_rows + 1)))
    return with_legend(frame, _legend(meta, columns, mark))


def read_sas(path: str | Path, **options: Any) -> pd.DataFrame:
    """Read a SAS file, .sas7bdat or .xpt: see `read_statfile`."""
    return read_statfile(path, "sas", **options)


def read_spss(path: str | Path, **options: Any) -> pd.DataFrame:
    """Read an SPSS file: see `read_statfile`."""
    return read_statfile(path, "spss", **options)


def read_stata(path: str | Path, **options: Any) -> pd.DataFrame:
    """Read a Stata file: see `read_statfile`."""
    return read_statfile(path, "stata", **options)
