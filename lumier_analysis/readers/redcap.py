"""REDCap exports: raw or labels, checkbox columns, repeating instruments, with or without the data dictionary.

REDCap writes one CSV with a row for each record, event and repeat of an instrument. A checkbox field ``skin`` becomes
one column a choice, ``skin___1`` (a choice -1 becomes ``skin____1``); an export with labels writes "Checked" there
instead of 1, labels instead of codes elsewhere, and may carry field labels as its header.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.codes import fold
from lumier_analysis.readers.delimited import read_delimited
from lumier_analysis.readers.legend import legend_of, with_legend

INSTRUMENT, INSTANCE, EVENT = "redcap_repeat_instrument", "redcap_repeat_instance", "redcap_event_name"
#: Header of an export with labels -> name of the column REDCap adds by itself.
_OWN_LABELS = {"Event Name": EVENT, "Repeat Instrument": INSTRUMENT, "Repeat Instance": INSTANCE}
#: Column of the dictionary: as the project's CSV heads it, and as the API names it.
_DICTIONARY = {
    "field": ("Variable / Field Name", "field_name"),
    "type": ("Field Type", "field_type"),
    "label": ("Field Label", "field_label"),
    "choices": ("Choices, Calculations, OR Slider Labels", "select_choices_or_calculations"),
}
_CHOICE_TYPES = ("radio", "dropdown", "checkbox")
_FIXED = {"yesno": {"1": "Yes", "0": "No"}, "truefalse": {"1": "True", "0": "False"}}
_CHECKED = {"checked": "1", "unchecked": "0", "1": "1", "0": "0", "": ""}
_CHECKBOX = re.compile(r"(?P<field>[a-z][a-z0-9_]*?)___(?P<code>_?[a-z0-9_]+)")


@dataclass(frozen=True)
class Field:
    """One field of a REDCap project: its type, its label, and its choices (code -> label)."""

    type: str
    label: str
    choices: dict[str, str]


def checkbox_column(field: str, code: str) -> str:
    """Return the column that holds one choice of a checkbox field."""
    return f"{field}___{re.sub('[^a-z0-9]', '_', code.lower())}"


def parse_choices(text: str, field: str, name: str) -> dict[str, str]:
    """Read ``1, Oui | 2, Non``.

    Raises
    ------
    RawDataError
        A choice without a comma, or a code twice.
    """
    choices: dict[str, str] = {}
    for part in text.split("|"):
        code, comma, label = part.partition(",")
        if not part.strip():
            continue
        if not comma or code.strip() in choices:
            raise RawDataError(
                f"The REDCap dictionary {name} has choices that cannot be read",
                found=f"the field {field}, choice {len(choices) + 1}",
                fix="export the data dictionary again, as CSV",
            )
        choices[code.strip()] = label.strip()
    return choices


def read_dictionary(path: str | Path) -> dict[str, Field]:
    """Read the data dictionary of a REDCap project.

    Raises
    ------
    RawDataError
        The file is missing, damaged or no data dictionary.
    """
    path = Path(path)
    table = read_delimited(path)
    columns: dict[str, str] = {}
    for what, names in _DICTIONARY.items():
        found = next((n for n in names if n in table.columns), None)
        if found is None:
            raise RawDataError(
                f"{path.name} is no REDCap data dictionary",
                found=f"no column '{names[0]}'",
                fix="download it in REDCap under Project Setup, Data Dictionary, as CSV",
            )
        columns[what] = found
    fields: dict[str, Field] = {}
    for name, kind, label, choices in zip(*(table[columns[c]].str.strip() for c in _DICTIONARY), strict=True):
        own = _FIXED.get(kind) or (parse_choices(choices, name, path.name) if kind in _CHOICE_TYPES else {})
        fields[name] = Field(kind, re.sub(r"<[^>]*>|\s+", " ", label).strip(), own)
    return fields


def _names_from_labels(table: pd.DataFrame, fields: dict[str, Field], name: str) -> dict[str, str]:
    """Return header label -> field name, for an export headed by labels."""
    known: dict[str, list[str]] = {}
    for field, what in fields.items():
        if what.type == "checkbox":
            for code, label in what.choices.items():
                known.setdefault(fold(f"{what.label} (choice={label})"), []).append(checkbox_column(field, code))
        else:
            known.setdefault(fold(what.label), []).append(field)
    names = {}
    for column in (c for c in table.columns if not c.startswith("__")):
        found = known.get(fold(re.sub(r"\s+", " ", column)), [])
        if len(found) > 1:
            raise RawDataError(
                f"A column of {name} may be one of several fields of the REDCap dictionary",
                found=f"'{column}': {', '.join(found)}",
                fix="export with field names as headers (raw data, or labels with raw headers)",
            )
        names[column] = _OWN_LABELS.get(column) or (found[0] if found else column)
    return names


def _tidy_checkboxes(table: pd.DataFrame, fields: dict[str, Field], name: str) -> None:
    """Write 1 and 0 in the checkbox columns, in place, whatever the export writes."""
    boxes = {f for f, what in fields.items() if what.type == "checkbox"}
    for column in table.columns:
        found = _CHECKBOX.fullmatch(column)
        if found is None or (fields and found["field"] not in boxes):
            continue
        written = table[column].str.strip().str.casefold()
        # Labels of choices stand in the cells of some exports: a choice that is named is a choice that is made.
        labels = (
            {fold(label) for label in fields[found["field"]].choices.values()} if found["field"] in boxes else set()
        )
        tidy = written.map(_CHECKED).mask(written.isin(labels) & ~written.isin(_CHECKED), "1")
        if tidy.isna().any() and not fields:
            continue  # without a dictionary, a column of that name need not be a checkbox
        if tidy.isna().any():
            row = table.loc[tidy.isna(), "__row__"].iloc[0]
            raise RawDataError(
                f"The checkbox column {column} of {name} holds neither 0 and 1 nor Checked and Unchecked",
                found=f"something else on line {row}",
                fix="export again, or give the dictionary of the same project",
            )
        table[column] = tidy.astype("str")


def read_redcap(
    path: str | Path,
    *,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    header: int | None = None,
    dictionary: str | Path | None = None,
) -> pd.DataFrame:
    """Read a REDCap export, raw or labels.

    Parameters
    ----------
    path : path
        The CSV.
    separator, decimal, encoding, header
        As of `read_delimited`; REDCap writes commas and UTF-8 unless it is asked for something else.
    dictionary : path, optional
        The project's data dictionary (CSV). With it, codes and labels stand for each other wherever the plan lists
        values, and an export headed by labels gets its field names back.

    Returns
    -------
    DataFrame of str
        As of `read_delimited`; checkbox columns hold "1" and "0". Its legend holds the code lists.

    Raises
    ------
    RawDataError
        As of `read_delimited`; and a column that may be several fields, a checkbox column with other content, a
        repeat without its instrument.
    """
    path = Path(path)
    table = read_delimited(path, separator=separator, decimal=decimal, encoding=encoding, header=header)
    legend = legend_of(table)
    fields = read_dictionary(dictionary) if dictionary is not None else {}
    columns = [c for c in table.columns if not c.startswith("__")]
    if fields and not set(columns) & set(fields):
        table = table.rename(columns=_names_from_labels(table, fields, path.name))
        if not set(table.columns) & set(fields):
            raise RawDataError(
                f"{path.name} and its REDCap dictionary have no field in common",
                found=f"columns {', '.join(columns[:5])}",
                fix="give the dictionary of the same project",
            )
    elif not fields:
        table = table.rename(columns={k: v for k, v in _OWN_LABELS.items() if k in columns})
    if INSTANCE in table and INSTRUMENT in table:
        # An event may repeat as a whole: then it has an instance and no instrument, but it has an event.
        alone = (table[INSTANCE].str.strip() != "") & (table[INSTRUMENT].str.strip() == "") & (EVENT not in table)
        if alone.any():
            raise RawDataError(
                f"{path.name} has a repeat without its instrument",
                found=f"line {table.loc[alone, '__row__'].iloc[0]}",
                fix="export the whole project again",
            )
    _tidy_checkboxes(table, fields, path.name)
    codes = {f: dict(what.choices) for f, what in fields.items() if what.choices and what.type != "checkbox"}
    return with_legend(table, replace(legend, codes={f: c for f, c in codes.items() if f in table.columns}))
