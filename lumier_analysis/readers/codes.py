"""Coded values: yes and no in two languages, code lists as codes or as labels."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

import pandas as pd

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.values import Converted, each_value, series_like

_YES = ("oui", "o", "1", "yes", "y", "true", "vrai", "checked", "coché")
_NO = ("non", "n", "0", "no", "false", "faux", "unchecked", "non coché")
FLAGS = dict.fromkeys(_YES, True) | dict.fromkeys(_NO, False)


def fold(value: str) -> str:
    """Return a value without regard to case and to how accents are composed."""
    return unicodedata.normalize("NFC", value.strip()).casefold()


class CodeList:
    """Codes and their meanings; an exact match counts first, then one that differs in case or in composed accents."""

    def __init__(self, meanings: Mapping[str, str]) -> None:
        self.exact = {str(code).strip(): meaning for code, meaning in meanings.items()}
        self.folded: dict[str, str | None] = {}
        for code, meaning in self.exact.items():
            # Two codes that differ in case alone are told apart by case alone.
            self.folded[fold(code)] = None if fold(code) in self.folded else meaning

    def get(self, value: str) -> str | None:
        """Return the meaning of a value, or None."""
        return self.exact.get(value, self.folded.get(fold(value)))


def other_names(labels: Mapping[str, str]) -> CodeList:
    """Return what else the values of a column are called, by the file's own code list: labels of codes, and back.

    A label that two codes share names neither.
    """
    codes: dict[str, str | None] = {}
    for code, label in labels.items():
        codes[label] = None if label in codes else code
    back = {label: code for label, code in codes.items() if code is not None}
    return CodeList(back | dict(labels))


def to_category(
    text: pd.Series, values: Mapping[str, str], missing: Iterable[str] = ("",), labels: Mapping[str, str] | None = None
) -> Converted:
    """Translate codes as the plan's `values` say, as text (NA: missing or unreadable).

    Parameters
    ----------
    text : Series of str
    values : mapping
        Code, or label, as the plan writes it -> meaning.
    missing : iterable of str
        Codes that mean missing.
    labels : mapping, optional
        The file's own code list, code -> label: a value that the plan does not name is looked up under its other name.
    """
    declared, names = CodeList(values), other_names(labels or {})

    def parse(value: str) -> str | None:
        meaning = declared.get(value)
        if meaning is None and (name := names.get(value)) is not None:
            meaning = declared.get(name)
        return meaning

    read, unreadable = each_value(text, parse, missing)
    return Converted(series_like(read, text, "string"), unreadable)


def to_flag(
    text: pd.Series,
    missing: Iterable[str] = ("",),
    values: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Converted:
    """Read yes and no, as nullable boolean.

    Parameters
    ----------
    text : Series of str
    missing : iterable of str
        Codes that mean missing.
    values : mapping, optional
        Code, or label -> "yes" or "no", as the plan writes it; then nothing else is read.
    labels : mapping, optional
        The file's own code list, code -> label. A code that has a label means what its label says.

    Returns
    -------
    Converted
        Without `values`: Oui/Non, O/N, 1/0, Yes/No, Y/N, True/False, Vrai/Faux, Checked/Unchecked, in any case.

    Raises
    ------
    RawDataError
        The column is coded 1 and 2, and nothing says which of them is yes.
    """
    absent = {m.strip().casefold() for m in missing} | {""}
    names = other_names(labels or {})
    if values is None and not labels:
        # An absent value is not text: it is missing, not a code.
        seen = {str(v).strip().casefold() for v in text.dropna().unique()} - absent
        if seen in ({"1", "2"}, {"2"}):
            raise RawDataError(
                f"The column {text.name} is coded 1 and 2, and nothing says which is yes",
                fix='add to the column in the plan values: {"1": "yes", "2": "no"}, or the other way round',
            )
    if values is not None:
        declared = CodeList(values)

        def parse(value: str) -> bool | None:
            meaning = declared.get(value)
            if meaning is None and (name := names.get(value)) is not None:
                meaning = declared.get(name)
            return None if meaning is None else meaning == "yes"

    else:
        own = CodeList(labels or {})

        def parse(value: str) -> bool | None:
            label = own.get(value)
            return FLAGS.get(fold(value if label is None else label))

    read, unreadable = each_value(text, parse, missing)
    return Converted(series_like(read, text, "boolean"), unreadable)
