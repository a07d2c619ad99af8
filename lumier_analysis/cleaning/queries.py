"""The query list: what a data manager is asked, with the place in the raw file and what was done meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

#: Rule -> what it finds, in words; the order of the report.
RULES: dict[str, str] = {
    "identifying_column": "a directly identifying column, removed at reading",
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
    "unknown_patient": "a row of a patient who is not in the patients file",
    "spreadsheet_titre": "a titre that a spreadsheet turned into a time of day, recovered",
    "sample_failed": "a sample that fails quality control",
}

COLUMNS = (
    "rule",
    "severity",
    "patient_id",
    "centre",
    "visit",
    "sample_id",
    "field",
    "value",
    "expected",
    "file",
    "row",
    "action",
)


class Queries:
    """Collects queries; `frame` gives them in a fixed order."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []

    def add(
        self,
        rule: str,
        rows: pd.DataFrame,
        *,
        field: str,
        expected: str,
        action: str,
        severity: str = "query",
        value: pd.Series | str | None = None,
    ) -> None:
        """Add one query a row.

        Parameters
        ----------
        rule : str
            A key of `RULES`.
        rows : DataFrame
            The rows concerned; patient_id, visit, sample_id, source_file, source_row are taken where they stand.
        field : str
            The canonical column.
        value : Series or str, optional
            What was found; default the column `field` of `rows`.
        expected, action : str
            What was expected; what the cleaning did until the answer comes.
        """
        if rule not in RULES:
            raise KeyError(rule)
        for label, row in rows.iterrows():
            if isinstance(value, pd.Series):
                found: Any = value[label]  # type: ignore[call-overload]
            else:
                found = value if value is not None else row.get(field, "")
            self._rows.append(
                {
                    "rule": rule,
                    "severity": severity,
                    "patient_id": row.get("patient_id", ""),
                    "visit": row.get("visit", ""),
                    "sample_id": row.get("sample_id", ""),
                    "field": field,
                    "value": found,
                    "expected": expected,
                    "file": row.get("source_file", ""),
                    "row": row.get("source_row", ""),
                    "action": action,
                }
            )

    def frame(self, centres: pd.Series | None = None) -> pd.DataFrame:
        """Return all queries as text, ordered by rule, patient and place.

        Parameters
        ----------
        centres : Series, optional
            Centre of a patient, indexed by patient_id.
        """
        table = pd.DataFrame(self._rows, columns=[c for c in COLUMNS if c != "centre"])
        known = {} if centres is None else centres[~centres.index.duplicated()].to_dict()
        table.insert(3, "centre", [known.get(p, "") for p in table["patient_id"]])
        table = table.astype(object).where(table.notna(), "").astype(str)
        order = {rule: i for i, rule in enumerate(RULES)}
        return (
            table.assign(_rule=table["rule"].map(order), _row=pd.to_numeric(table["row"], errors="coerce"))
            .sort_values(["_rule", "patient_id", "visit", "file", "_row", "field"], kind="stable")
            .drop(columns=["_rule", "_row"])
            .reset_index(drop=True)
        )


def count_queries(queries: pd.DataFrame, by: Iterable[str] = ("rule",)) -> pd.DataFrame:
    """Count queries by rule (and, say, centre)."""
    return queries.groupby(list(by), sort=False).size().rename("n").reset_index()
