"""The query list: what a data manager is asked, with the place in the raw file and what was done meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from lumier_analysis.cleaning.identifiers import looks_identifying

#: Built-in rule -> what it finds, in words; the order of the report. Rules of the plan follow under their own ids.
RULES: dict[str, str] = {
    "identifying_column": "a directly identifying column, removed at reading",
    "cleared_column": "a column that looks identifying and that the plan clears, with its reason",
    "free_text_column": "a column of free text, kept out of the analysis tables",
    "length_unproven": "an instrument export that cannot show that no row is missing",
    "duplicate_row": "a line that stands twice, letter for letter",
    "duplicate_key": "two different lines with the same key (patient, visit or tube)",
    "unreadable_value": "a value that is not of the column's type",
    "unknown_code": "a code that the code list of the column does not hold",
    "unit_other": "a value in a unit that the plan does not name",
    "wrong_encoding": "text that an earlier program decoded wrongly",
    "leading_zero": "an identifier that lost its leading zeros, or may have",
    "unfinished_file": "a file whose last line has no end and may be cut",
    "partial_date": "a date of which the day, or more, is unknown",
    "date_impossible": "a date that no calendar has, or far outside the study",
    "date_order": "a visit dated before the patient's inclusion",
    "value_implausible": "a value outside the plausible limits",
    "sledai_total_mismatch": "a SLEDAI total that is not the sum of its items",
    "cohort_missing": "a patient whose cohort is not known",
    "patient_in_both_cohorts": "a patient in the test and the validation cohort",
    "ineligible": "a patient who does not meet the inclusion criteria",
    "plate_map_mismatch": "a tube that the chip export and the plate map place differently",
    "sex_mismatch": "a sample whose sex genes contradict the patient's recorded sex",
    "unknown_patient": "a row of a patient who is not in the patients file",
    "spreadsheet_titre": "a titre that a spreadsheet turned into a time of day, recovered",
    "sample_failed": "a sample that fails quality control",
    "end_digit_preference": "end digits of a laboratory value that are not uniform in a centre",
    "centre_query_rate": "a centre with more patients with queries than the others",
    "centre_level": "a centre whose level of a laboratory value differs from the others",
}
SEVERITIES = ("error", "query", "note")

COLUMNS = (
    "rule",
    "severity",
    "centre",
    "patient_id",
    "visit",
    "sample_id",
    "field",
    "value",
    "expected",
    "message",
    "action",
    "file",
    "row",
)
#: Column of the list -> column of the rows it is taken from.
_TAKEN = {
    "centre": "centre",
    "patient_id": "patient_id",
    "visit": "visit",
    "sample_id": "sample_id",
    "file": "source_file",
    "row": "source_row",
}
WITHHELD = "(withheld: may identify a person)"
#: A cell that is longer is a sentence, and what it says is unknown.
_LONGEST = 60


def shown_value(value: Any) -> Any:
    """Return a value as the query list may show it: what may identify a person, and long text, is withheld."""
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    if not isinstance(value, str):
        return f"{value:.10g}" if isinstance(value, float) else str(value)
    if looks_identifying(value):
        return WITHHELD
    return value if len(value) <= _LONGEST else f"(text of {len(value)} characters)"


class Queries:
    """Collects queries; `frame` gives them in a fixed order.

    Parameters
    ----------
    plan_rules : mapping
        Rules of the plan, id -> message, beside the built-in `RULES`.
    """

    def __init__(self, plan_rules: Mapping[str, str] | None = None) -> None:
        self._parts: list[pd.DataFrame] = []
        self.rules: dict[str, str] = RULES | dict(plan_rules or {})

    def add(
        self,
        rule: str,
        rows: pd.DataFrame,
        *,
        field: str,
        expected: pd.Series | str,
        action: str,
        severity: str = "query",
        value: pd.Series | str | None = None,
    ) -> None:
        """Add one query a row.

        Parameters
        ----------
        rule : str
            A key of `RULES`, or the id of a rule of the plan.
        rows : DataFrame
            The rows concerned; patient_id, centre, visit, sample_id, source_file, source_row are taken where they
            stand.
        field : str
            The canonical column.
        value : Series or str, optional
            What was found; default the column `field` of `rows`. Values that may identify a person are withheld.
        expected, action : str
            What was expected (of all rows, or of each); what the cleaning did until the answer comes.
        """
        if rule not in self.rules:
            raise KeyError(rule)
        n = len(rows)
        if not n:
            return
        if isinstance(value, pd.Series):
            found = [shown_value(v) for v in value.loc[rows.index].tolist()]
        elif value is not None:
            found = [value] * n
        else:
            found = [shown_value(v) for v in rows[field].tolist()] if field in rows else [""] * n
        cells = {
            "rule": [rule] * n,
            "severity": [severity] * n,
            "field": [field] * n,
            "value": found,
            "expected": expected.loc[rows.index].tolist() if isinstance(expected, pd.Series) else [expected] * n,
            "message": [self.rules[rule]] * n,
            "action": [action] * n,
        }
        for column, source in _TAKEN.items():
            cells[column] = rows[source].tolist() if source in rows else [""] * n
        self._parts.append(pd.DataFrame(cells, columns=list(COLUMNS), dtype=object))

    def frame(self, centres: pd.Series | None = None, owners: pd.Series | None = None) -> pd.DataFrame:
        """Return all queries as text, ordered by rule, patient and place.

        Parameters
        ----------
        centres : Series, optional
            Centre of a patient, indexed by patient_id; a query about a centre carries its own.
        owners : Series, optional
            Patient of a tube, indexed by sample_id, for queries that know the tube alone.
        """
        table = pd.concat([pd.DataFrame(columns=list(COLUMNS), dtype=object), *self._parts], ignore_index=True)
        if owners is not None:
            patients = table["sample_id"].map(owners[~owners.index.duplicated()].to_dict())
            table["patient_id"] = table["patient_id"].mask(table["patient_id"] == "", patients)
        known = {} if centres is None else centres[~centres.index.duplicated()].to_dict()
        table["centre"] = [known.get(p, own) for p, own in zip(table["patient_id"], table["centre"], strict=True)]
        table = table.astype(object).where(table.notna(), "").astype(str)
        order = {rule: i for i, rule in enumerate(self.rules)}
        return (
            table.assign(_rule=table["rule"].map(order), _row=pd.to_numeric(table["row"], errors="coerce"))
            .sort_values(["_rule", "patient_id", "visit", "file", "_row", "field"], kind="stable")
            .drop(columns=["_rule", "_row"])
            .reset_index(drop=True)
        )


def count_queries(queries: pd.DataFrame, by: Iterable[str] = ("rule",)) -> pd.DataFrame:
    """Count queries by rule (and, say, centre)."""
    return queries.groupby(list(by), sort=False).size().rename("n").reset_index()
