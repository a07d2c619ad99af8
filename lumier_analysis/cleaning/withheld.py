"""What the cleaning may show while the validation outcomes are sealed: what tells an outcome is left out, not masked.

The rule is one of permission. Shown is what concerns the test cohort alone, what concerns columns or files as a whole,
and what concerns tubes of scheduled visits. All else of the validation cohort waits: its visits and flares, queries on
them and how many there are, the visits level of the flow, and row counts from which the number of flares, or of flare
visits and their tubes, could be worked out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from lumier_analysis.cleaning.measured import Measured
from lumier_analysis.cleaning.prepare import UNSCHEDULED
from lumier_analysis.cleaning.query_files import CORRECTIONS, ENCODING, QUERIES, spreadsheet_text
from lumier_analysis.study.io import parquet_bytes
from lumier_analysis.study.seal import COHORT, SEALED_TABLES

SEALED = "sealed"
#: Rules about a column or a file as a whole: where they name no patient, no outcome can be read from them.
FILE_RULES = frozenset({"identifying_column", "cleared_column", "free_text_column", "length_unproven"})
#: Rules about the measurement of a tube, open for the tubes of scheduled visits.
TUBE_RULES = frozenset({"sample_failed", "plate_map_mismatch", "sex_mismatch"})
#: Row accounts that hold no visit, flare or tube.
OPEN_ACCOUNTS = frozenset({"patients", "controls"})
#: Numbers of the measurement that count tubes.
_TUBE_COUNTS = ("arrays",)


def _of_test_alone(patients: pd.DataFrame) -> set[str]:
    """Return the patients who are in the test cohort and in no other."""
    of_test = patients["cohort"].eq("test").fillna(False).astype(bool)
    return set(patients.loc[of_test, "patient_id"]) - set(patients.loc[~of_test, "patient_id"])


def open_tubes(samples: pd.DataFrame) -> pd.Series:
    """Tell of each tube whether its visit is a scheduled one; the label of another would tell a flare."""
    return (samples["visit"].notna() & ~samples["visit"].isin(UNSCHEDULED)).fillna(False).astype(bool)


def open_queries(queries: pd.DataFrame, patients: pd.DataFrame, samples: pd.DataFrame) -> pd.Series:
    """Tell of each query whether it may be shown while the outcomes are sealed.

    Parameters
    ----------
    queries : DataFrame
        As `Queries.frame` gives it.
    patients, samples : DataFrame
        All of them, before anyone is set aside. A patient or tube that they do not know counts as sealed.

    Returns
    -------
    Series of bool, index of `queries`
    """
    of_test = queries["patient_id"].isin(_of_test_alone(patients))
    scheduled = set(samples.loc[open_tubes(samples), "sample_id"])
    tube = queries["rule"].isin(TUBE_RULES) & queries["sample_id"].isin(scheduled)
    of_file = queries["rule"].isin(FILE_RULES) & queries["patient_id"].eq("")
    return of_test | of_file | tube


def open_corrections(log: pd.DataFrame, patients: pd.DataFrame) -> pd.Series:
    """Tell of each applied correction whether it may be shown: those that name a patient of the test cohort."""
    return log["patient"].isin(_of_test_alone(patients)) if "patient" in log else pd.Series(False, index=log.index)


def open_flow(flow: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the flow without what follows inclusion in the validation cohort."""
    return [
        step
        for step in flow
        if step["cohort"] != COHORT or (step["level"] == "patients" and step["step"] != "of which")
    ]


def open_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the row accounts of the tables that hold no visit, flare or tube: cohorts are counted together there."""
    return rows[rows["table"].isin(OPEN_ACCOUNTS)].reset_index(drop=True)


def open_tables(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the predictors of the validation cohort: tubes of scheduled visits and their expression.

    Numbers of the raw rows go: gaps in them would tell how many tubes are missing.
    """
    samples = tables["samples"]
    samples = samples[open_tubes(samples)].drop(columns=["source_row"], errors="ignore").reset_index(drop=True)
    expression = tables["expression"]
    return {"samples": samples, "expression": expression[expression.index.isin(samples["sample_id"])]}


def open_measured(measured: Measured) -> Measured:
    """Return the measurement without the numbers of all tubes, from which those of flare visits could be worked out."""
    notes = {what: n for what, n in measured.notes.items() if what not in _TUBE_COUNTS}
    quality = measured.quality
    if quality is not None:
        findings, levels = quality.findings, quality.normalisation
        if len(findings):
            of = findings["of"].astype(object).mask(findings["unit"].eq("samples"), SEALED)
            findings = findings.assign(of=of)
        if "samples" in levels:
            levels = levels.assign(samples=SEALED)
        quality = replace(quality, findings=findings, normalisation=levels)
    return replace(measured, notes=notes, quality=quality)


def sealed_files(
    tables: Mapping[str, pd.DataFrame], queries: pd.DataFrame, corrections: pd.DataFrame
) -> dict[str, bytes]:
    """Return the files of the archive: the validation cohort's tables in full, and what was withheld of the lists.

    Parameters
    ----------
    tables : mapping
        Of the validation cohort.
    queries, corrections : DataFrame
        Those that are not shown.
    """
    names = [*SEALED_TABLES, "samples", "expression"]
    files = {f"tables/{name}.parquet": parquet_bytes(tables[name]) for name in names if name in tables}
    lists = {QUERIES: queries, CORRECTIONS: corrections}
    return files | {name: spreadsheet_text(frame).encode(ENCODING) for name, frame in lists.items()}
