"""Conditions of a study rule on a table: known to hold, known not to hold, or unknown where a value is missing."""

from __future__ import annotations

import datetime
import difflib
from typing import Any

import pandas as pd

from lumier_analysis.errors import PlanError


class RuleTable:
    """A canonical table as the rules see it: its own columns, and those of the patient or visit a row belongs to.

    ``patients.end_date`` in a rule on visits is the end date of the visit's patient; ``visits.date`` in a rule on
    samples is the date of the visit with the sample's patient and label.

    Parameters
    ----------
    name : str
    tables : dict of DataFrame
        All canonical tables.
    rule : str
        The rule's id, for messages.
    """

    def __init__(self, name: str, tables: dict[str, pd.DataFrame], rule: str) -> None:
        self.name, self.tables, self.rule = name, tables, rule
        self.rows = tables[name]

    def column(self, name: str) -> pd.Series:
        """Return a column on the rows of the table.

        Raises
        ------
        PlanError
            No such column; names the rule, what there is, and the nearest.
        """
        home, _, inner = name.rpartition(".")
        if not home:
            return self._own(self.rows, name, self.name)
        keys = {"patients": ["patient_id"], "visits": ["patient_id", "visit"]}.get(home)
        if keys is None or home == self.name or not set(keys) <= set(self.rows):
            raise PlanError(
                f"The rule {self.rule} names {name}, which a rule on {self.name} cannot see",
                fix="write a column of the table itself, or patients.COLUMN, or (samples) visits.COLUMN",
            )
        other = self.tables[home]
        values = self._own(other, inner, home)
        known = ~other.duplicated(keys, keep=False) & other[keys].notna().all(axis=1)
        if len(keys) == 1:
            by_key = values[known].set_axis(other.loc[known, keys[0]])
            return self.rows[keys[0]].map(by_key)
        index = pd.MultiIndex.from_frame(other.loc[known, keys].astype(object))
        wanted = pd.MultiIndex.from_frame(self.rows[keys].astype(object))
        return values[known].set_axis(index).reindex(wanted).set_axis(self.rows.index)

    def _own(self, rows: pd.DataFrame, name: str, table: str) -> pd.Series:
        if name in rows.columns:
            return rows[name]
        present = [c for c in map(str, rows.columns) if not c.startswith("source_")]
        near = difflib.get_close_matches(name, present, n=1)
        raise PlanError(
            f"The rule {self.rule} names the column {name}, which the table {table} does not have",
            found=f"columns {', '.join(present[:15])}{' ...' if len(present) > 15 else ''}",
            fix=f"did you mean {near[0]}?" if near else "correct the rule, or map the column under tables in the plan",
        )

    def holds(self, conditions: dict[str, Any]) -> pd.Series:
        """Return whether all conditions hold: boolean, missing where a value they need is missing.

        Parameters
        ----------
        conditions : dict
            Column -> a value, a list of values, or comparisons (above, at_least, below, at_most, not, missing).
        """
        result = pd.Series(True, index=self.rows.index, dtype="boolean")
        for name, wanted in conditions.items():
            column = self.column(name)
            for how, value in wanted.items() if isinstance(wanted, dict) else [("is", wanted)]:
                result &= self._compare(name, column, how, value)
        return result

    def _compare(self, name: str, column: pd.Series, how: str, value: Any) -> pd.Series:
        if how == "missing":
            return (column.isna() == value).astype("boolean")
        values = [self._typed(name, column, v, how) for v in (value if isinstance(value, list) else [value])]
        if how in ("is", "not"):
            found = column.isin(values) if how == "is" else ~column.isin(values)
        else:
            method = {"above": "gt", "at_least": "ge", "below": "lt", "at_most": "le"}[how]
            found = getattr(column, method)(values[0])
        return found.astype("boolean").mask(column.isna())

    def _typed(self, name: str, column: pd.Series, value: Any, how: str) -> Any:
        """Return the plan's value in the column's type, or say which it should be."""
        ordered = how in ("above", "at_least", "below", "at_most")
        if pd.api.types.is_bool_dtype(column):
            fits, kind = isinstance(value, bool) and not ordered, "yes or no (true, false)"
        elif pd.api.types.is_numeric_dtype(column):
            fits, kind = isinstance(value, int | float) and not isinstance(value, bool), "a number"
        elif pd.api.types.is_datetime64_any_dtype(column):
            fits, kind = isinstance(value, datetime.date), "a date such as 2018-03-01, without quotes"
            value = pd.Timestamp(value) if fits else value
        else:
            fits, kind = isinstance(value, str) and not ordered, "text (in quotes if it looks like something else)"
            if column.isna().all() and not ordered:
                fits = True  # An empty column has no type to disagree with.
        if not fits:
            compared = f" with {how}" if ordered else ""
            raise PlanError(
                f"The rule {self.rule} compares {name}{compared} with {value!r}",
                fix=f"{name} is {kind}" + ("; it has no order" if ordered and "number" not in kind else ""),
            )
        return value


def in_words(conditions: dict[str, Any]) -> str:
    """Return conditions as a data manager reads them: ``prednisone above 0 and visit M0 or M3``."""
    words = {"above": "above", "at_least": "at least", "below": "below", "at_most": "at most", "not": "not"}
    parts = []
    for name, wanted in conditions.items():
        for how, value in wanted.items() if isinstance(wanted, dict) else [("is", wanted)]:
            if how == "missing":
                parts.append(f"{name} {'missing' if value else 'given'}")
                continue
            shown = " or ".join(_word(v) for v in (value if isinstance(value, list) else [value]))
            parts.append(f"{name} {words.get(how, '')} {shown}".replace("  ", " "))
    return " and ".join(parts)


def _word(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
