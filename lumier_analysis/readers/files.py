"""One file, or a pattern of files, as the plan describes it."""

from __future__ import annotations

import difflib
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pandas as pd

from lumier_analysis.errors import PlanError, RawDataError
from lumier_analysis.readers.legend import legend_of, merged, with_legend

if TYPE_CHECKING:
    from lumier_analysis.readers.geo import SeriesMatrix

#: Format of the plan -> module and function that read it; a module is imported when its format is met.
_READERS = {
    "delimited": ("delimited", "read_delimited"),
    "redcap": ("redcap", "read_redcap"),
    "sas": ("statfiles", "read_sas"),
    "spss": ("statfiles", "read_spss"),
    "stata": ("statfiles", "read_stata"),
    "biomark": ("biomark", "read_biomark"),
    "ct": ("instruments", "read_ct"),
    "geo_series_matrix": ("geo", "read_series_matrix"),
}
_DIALECT = ("separator", "decimal", "encoding", "header")
#: Format of the plan -> keys of the description that its reader takes; a key that is not there is left to be found.
_OPTIONS = {
    "delimited": _DIALECT,
    "redcap": (*_DIALECT, "dictionary"),
    "sas": ("decimal", "encoding", "dictionary"),
    "spss": ("decimal", "encoding"),
    "stata": ("decimal", "encoding"),
    "ct": ("rows",),
}


class FileDescription(Protocol):
    """What `read_file` needs to know of a file: its place below the raw folder, its format and dialect."""

    @property
    def path(self) -> str: ...  # noqa: D102
    @property
    def format(self) -> str: ...  # noqa: D102
    @property
    def separator(self) -> str | None: ...  # noqa: D102
    @property
    def decimal(self) -> str | None: ...  # noqa: D102
    @property
    def encoding(self) -> str | None: ...  # noqa: D102


def matching_files(pattern: str, raw_folder: str | Path) -> list[Path]:
    """Return the files below `raw_folder` that a path or pattern names, sorted.

    Raises
    ------
    RawDataError
        The folder is missing, or nothing matches; the message says what the folder holds instead.
    """
    folder = Path(raw_folder)
    way_out = "put the export there, correct `path` under `files` in the plan, or read another folder with --raw DIR"
    if not folder.is_dir():
        raise RawDataError(
            f"The folder of raw files {folder} is missing", fix=f"create it and put {pattern} there, or use --raw DIR"
        )
    named = folder / pattern
    if named.is_file():
        return [named]
    if any(sign in pattern for sign in "*?["):
        # Hidden files are what editors and archives leave behind ("._chip01.csv"), not exports.
        matches = sorted(p for p in folder.glob(pattern) if p.is_file() and not p.name.startswith("."))
        if matches:
            return matches
    parent = named.parent if named.parent.is_dir() else folder
    present = sorted(p.name for p in parent.iterdir() if not p.name.startswith("."))
    near = difflib.get_close_matches(Path(pattern).name, present, n=1)
    shown = ", ".join(present[:5]) + (" ..." if len(present) > 5 else "") or "an empty folder"
    raise RawDataError(
        f"The raw file {pattern} is missing from {folder}",
        found=f"{near[0]}, which is close" if near else shown,
        fix=way_out,
    )


def _check_rows(spec: FileDescription, tables: list[pd.DataFrame]) -> None:
    """Refuse tables without the number of rows that the plan states: nothing else shows a cut at a line end."""
    expected = getattr(spec, "rows", None)
    if expected is None or not all(isinstance(table, pd.DataFrame) for table in tables) or spec.format == "ct":
        return
    n_rows = sum(len(table) for table in tables)
    if n_rows != expected:
        raise RawDataError(
            f"The raw file {spec.path} does not have the number of rows that the plan states",
            found=f"{n_rows:,} instead of {expected:,}",
            fix="export it again, or correct `rows` for it under `files` in the plan",
        )


def read_file(spec: FileDescription, raw_folder: str | Path) -> pd.DataFrame | SeriesMatrix:
    """Read the file or files that a description names.

    Parameters
    ----------
    spec : object
        With attributes path (may be a pattern such as ``biomark/*.csv``), format (a key of `_READERS`),
        separator, decimal and encoding; where they are there, also header, dictionary (below the raw folder too) and
        rows: how many the file, or all files of the pattern, must have together (of each file where format is ct).
    raw_folder : path
        Folder that `spec.path` is relative to.

    Returns
    -------
    DataFrame or SeriesMatrix
        The reader's result; the files of a pattern below each other in the order of their names.

    Raises
    ------
    RawDataError
        Nothing matches, a file cannot be read, the files of a pattern do not have the same columns, or there are
        more or fewer rows than stated.
    PlanError
        The format is unknown, or a pattern names several series matrices.
    """
    if spec.format not in _READERS:
        raise PlanError(
            f"The plan gives {spec.path} an unknown format", found=spec.format, fix=f"use one of {', '.join(_READERS)}"
        )
    module, function = _READERS[spec.format]
    reader = getattr(importlib.import_module(f"lumier_analysis.readers.{module}"), function)
    options = {key: getattr(spec, key, None) for key in _OPTIONS.get(spec.format, ())}
    if dictionary := options.get("dictionary"):
        options["dictionary"] = matching_files(dictionary, raw_folder)[0]
    paths = matching_files(spec.path, raw_folder)
    if len(paths) > 1 and spec.format == "geo_series_matrix":
        raise PlanError(
            f"The plan names {len(paths)} series matrices where one is read",
            found=", ".join(p.name for p in paths[:3]),
            fix="name one file",
        )
    tables = [reader(path, **options) for path in paths]
    _check_rows(spec, tables)
    if len(tables) == 1:
        return tables[0]
    for path, table in zip(paths[1:], tables[1:], strict=True):
        if set(table.columns) != set(tables[0].columns):
            odd = sorted(set(table.columns) ^ set(tables[0].columns))
            raise RawDataError(
                f"The files {paths[0].name} and {path.name}, which the plan reads as one, have different columns",
                found=f"only in one of them: {', '.join(odd[:5])}",
                fix="export them alike, or name them apart under `files`",
            )
    joined = pd.concat(tables, ignore_index=True)
    # What instruments' readers note by file: wells without reaction, files that do not show that they are whole.
    for note in ("length_unproven", "unused_wells"):
        if found := {file: said for t in tables for file, said in t.attrs.get(note, {}).items()}:
            joined.attrs[note] = found
    return with_legend(joined, merged(legend_of(table) for table in tables))
