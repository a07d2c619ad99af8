"""The cleaning stage from end to end: raw exports in, analysis tables, queries and flow out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from lumier_analysis.cleaning import rules
from lumier_analysis.cleaning.eligibility import judge_patients
from lumier_analysis.cleaning.flares import classify_flares, flares_from_sledai
from lumier_analysis.cleaning.flow import participant_flow
from lumier_analysis.cleaning.landmarks import landmark_table
from lumier_analysis.cleaning.privacy import remove_identifiers
from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.cleaning.samples import Measured, attach_visits, judge_samples, measure_matrix, measure_qpcr
from lumier_analysis.cleaning.tables import RowAccount, canonical_table
from lumier_analysis.readers import SeriesMatrix, read_file
from lumier_analysis.study import Study
from lumier_analysis.study.io import write_json, write_text_atomic
from lumier_analysis.study.plan import Plan

UNSCHEDULED = ("flare", "post_flare")


@dataclass(frozen=True)
class Cleaned:
    """Everything the cleaning stage made.

    Attributes
    ----------
    tables : dict
        ``tables[cohort][name]`` -> DataFrame, for cohorts test, validation (and controls).
    queries : DataFrame
        The query list, as `Queries.frame` orders it.
    flow : list of dict
        The participant flow, see `participant_flow`.
    accounts : list of RowAccount
        Where every raw row went.
    removed : dict
        Identifying columns removed, by file.
    measured : Measured
        Expression and quality of all samples.
    """

    tables: dict[str, dict[str, pd.DataFrame]]
    queries: pd.DataFrame
    flow: list[dict[str, Any]]
    accounts: list[RowAccount]
    removed: dict[str, list[str]]
    measured: Measured = field(repr=False)

    def write(self, study: Study) -> None:
        """Write tables, query list and flow below the study's analysis folder."""
        for cohort, tables in self.tables.items():
            for name, frame in tables.items():
                study.write(name, cohort, frame)
        write_text_atomic(study.analysis / "queries.csv", self.queries.to_csv(index=False, lineterminator="\n"))
        write_json(study.analysis / "flow.json", self.flow)


class _Raw:
    """Raw files of a study, each read once, identifiers removed on the way in."""

    def __init__(self, study: Study, queries: Queries) -> None:
        self.plan = study.plan
        self.removed: dict[str, list[str]] = {}
        self.content: dict[str, pd.DataFrame] = {}
        for key, spec in study.plan.files.items():
            content = read_file(spec, study.raw)
            drop = study.plan.privacy.drop.get(key, [])
            rows = content.samples if isinstance(content, SeriesMatrix) else content
            if spec.format != "biomark":
                rows, removed = remove_identifiers(rows, key, drop)
                self.removed[key] = removed
                queries_rows = pd.DataFrame({"source_file": [rows["__file__"].iloc[0]] * len(removed)}, index=removed)
                for column in removed:
                    queries.add(
                        "identifying_column",
                        queries_rows.loc[[column]],
                        field=column,
                        value="(removed)",
                        expected="no directly identifying column",
                        action="column removed",
                        severity="note",
                    )
            self.content[key] = rows
            if isinstance(content, SeriesMatrix):
                self.content[f"{key} (matrix)"] = content.expression

    def table(self, name: str, queries: Queries) -> tuple[pd.DataFrame, RowAccount] | None:
        """Return a canonical table and its row account, or None where the plan has no such table."""
        spec = getattr(self.plan.tables, name)
        if spec is None:
            return None
        raw = self.content[spec.file]
        return canonical_table(raw, name, spec, self.plan.files[spec.file], self.plan.missing_codes, queries)


def _patients(patients: pd.DataFrame) -> pd.DataFrame:
    """Add age and what the other steps rely on; a study without centres has one."""
    patients = patients.copy()
    if "age" not in patients and {"birth_year", "inclusion_date"} <= set(patients):
        # Birth years alone are kept (MR-001), so age is the difference of calendar years.
        patients["age"] = patients["inclusion_date"].dt.year.astype("Int64") - patients["birth_year"]
    if "centre" not in patients:
        patients["centre"] = "single"
    for column, kind in (
        ("end_reason", "string"),
        ("inclusion_date", "datetime64[ns]"),
        ("end_date", "datetime64[ns]"),
    ):
        if column not in patients:
            patients[column] = pd.Series(pd.NA if kind == "string" else pd.NaT, index=patients.index, dtype=kind)
    return patients


def _visits(visits: pd.DataFrame, patients: pd.DataFrame, plan: Plan, queries: Queries) -> pd.DataFrame:
    """Check, date and label the visits, and settle their SLEDAI."""
    visits = rules.known_patients(visits, "visits", patients["patient_id"], queries)
    if "day" not in visits:
        inclusion = patients.drop_duplicates("patient_id").set_index("patient_id")["inclusion_date"]
        visits["day"] = rules.days_since_inclusion(visits, "date", inclusion, queries)
    visits["day"] = visits["day"].astype("Int64")
    if "visit" not in visits:
        visits = visits.sort_values(["patient_id", "day"], kind="stable").reset_index(drop=True)
        visits["visit"] = "V" + (visits.groupby("patient_id").cumcount() + 1).astype(str).str.zfill(2)
    visits["visit"] = visits["visit"].astype("string")
    visits["scheduled"] = ~visits["visit"].isin(UNSCHEDULED)
    planned = rules.unique_visits(visits[visits["scheduled"]], ["patient_id", "visit"], queries)
    others = visits[~visits["scheduled"]]
    visits = (
        pd.concat([planned, others]).sort_values(["patient_id", "day", "visit"], kind="stable").reset_index(drop=True)
    )
    visits = rules.plausible_values(visits, plan.plausible, queries)
    return rules.sledai_used(visits, plan.sledai, queries)


def _flares(
    flares: pd.DataFrame | None, visits: pd.DataFrame, patients: pd.DataFrame, plan: Plan, queries: Queries
) -> pd.DataFrame:
    """Return the flares by the plan's definition, in days since inclusion."""
    if plan.flare.definition == "sledai_increase" or flares is None:
        return flares_from_sledai(
            visits[visits["scheduled"]] if plan.flare.observed == "at_visits" else visits,
            increase=plan.flare.sledai_increase,
            quiescent_max=plan.landmarks.quiescent_sledai_max,
        )
    flares = rules.known_patients(flares, "flares", patients["patient_id"], queries)
    inclusion = patients.drop_duplicates("patient_id").set_index("patient_id")["inclusion_date"]
    for moment in ("onset", "detection"):
        flares[f"{moment}_day"] = rules.days_since_inclusion(flares, f"{moment}_date", inclusion, queries)
    flares["day"] = flares["onset_day"].fillna(flares["detection_day"])
    return classify_flares(flares, plan.flare.definition, medication_criteria=plan.flare.medication_criteria)


def _measure(
    raw: _Raw, tables: dict[str, pd.DataFrame], patients: pd.DataFrame, plan: Plan, queries: Queries
) -> Measured:
    """Return the expression of every sample, from chips or from a matrix."""
    source = plan.expression
    test = set(patients.loc[patients["cohort"] == "test", "patient_id"])
    test_samples = set(tables["samples"].loc[tables["samples"]["patient_id"].isin(test), "sample_id"])
    if source.source == "qpcr":
        return measure_qpcr(raw.content[source.file], tables.get("plate_map"), test_samples, plan, queries)
    annotation = raw.content[str(source.annotation)]
    return measure_matrix(raw.content[f"{source.file} (matrix)"], annotation, test_samples, plan)


def clean_study(study: Study) -> Cleaned:
    """Clean a study: read, check, derive.

    Parameters
    ----------
    study : Study

    Returns
    -------
    Cleaned
        Nothing is written; call ``.write(study)``.

    Raises
    ------
    RawDataError, PlanError
        A file or column that cannot be read as the plan says.
    PrivacyError
        A directly identifying column outside ``privacy.drop``.
    """
    plan, queries = study.plan, Queries()
    raw = _Raw(study, queries)
    tables, accounts = {}, []
    for name in ("patients", "visits", "samples", "flares", "plate_map", "controls"):
        if (found := raw.table(name, queries)) is not None:
            tables[name], account = found
            accounts.append(account)

    patients = _patients(tables["patients"])
    visits = _visits(tables["visits"], patients, plan, queries)
    flares = _flares(tables.get("flares"), visits, patients, plan, queries)
    recovered = [c for c in map(str, visits.columns) if c.endswith("_from_time")]
    for column in recovered:
        rows = visits[visits[column].fillna(False).astype(bool)]
        name = column.removesuffix("_from_time")
        queries.add(
            "spreadsheet_titre",
            rows,
            field=name,
            value=rows[f"{name}_titre"].map("recovered as 1:{:.0f}".format),
            expected="a titre such as 1:80",
            action="titre recovered",
            severity="note",
        )

    samples = rules.known_patients(tables["samples"], "samples", patients["patient_id"], queries)
    if "day" not in samples:
        inclusion = patients.drop_duplicates("patient_id").set_index("patient_id")["inclusion_date"]
        samples["day"] = rules.days_since_inclusion(samples, "date", inclusion, queries)
    samples["day"] = samples["day"].astype("Int64")
    measured = _measure(raw, tables, patients, plan, queries)
    samples = judge_samples(attach_visits(samples, visits), measured, plan, queries)

    scheduled = visits[visits["scheduled"]].sort_values(["patient_id", "day"], kind="stable")
    first = scheduled.drop_duplicates("patient_id").set_index("patient_id")
    patients = judge_patients(patients, first["sledai"], plan.eligibility, queries)
    end_date_day = (patients["end_date"] - patients["inclusion_date"]).dt.days
    last_visit = patients["patient_id"].map(visits.groupby("patient_id")["day"].max())
    patients["end_day"] = end_date_day.astype("Int64").fillna(last_visit)
    patients["end_reason"] = patients["end_reason"].astype("string").fillna("")

    cohorts: dict[str, dict[str, pd.DataFrame]] = {}
    for cohort in sorted(patients["cohort"].dropna().unique()):
        own = patients[patients["cohort"] == cohort].reset_index(drop=True)
        inside = {
            n: t[t["patient_id"].isin(own["patient_id"])]
            for n, t in (("visits", visits), ("flares", flares), ("samples", samples))
        }
        usable = one_sample_a_visit(inside["samples"], inside["visits"])
        marks = landmark_table(own, inside["visits"], inside["flares"], usable, plan.landmarks, plan.flare)
        analysed = own.loc[own["reason"] == "", "patient_id"]
        kept = {n: t[t["patient_id"].isin(analysed)].reset_index(drop=True) for n, t in inside.items()}
        expression = measured.log2.reindex([s for s in kept["samples"]["sample_id"] if s in measured.log2.index])
        cohorts[cohort] = {"patients": own, **kept, "landmarks": marks, "expression": expression}
    if "controls" in tables:
        names = [s for s in tables["controls"]["sample_id"] if s in measured.log2.index]
        cohorts["controls"] = {"samples": tables["controls"], "expression": measured.log2.loc[names]}

    everyone = pd.concat([c["patients"] for n, c in cohorts.items() if n != "controls"])
    marks = pd.concat([c["landmarks"] for n, c in cohorts.items() if n != "controls"])
    centres = everyone.drop_duplicates("patient_id").set_index("patient_id")["centre"]
    return Cleaned(cohorts, queries.frame(centres), participant_flow(everyone, marks), accounts, raw.removed, measured)


def one_sample_a_visit(samples: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    """Keep, for each scheduled visit, the first sample that passes, else the first."""
    planned = visits.loc[visits["scheduled"], ["patient_id", "visit"]]
    own = samples.merge(planned, on=["patient_id", "visit"], how="inner", validate="many_to_one")
    ordered = own.sort_values(
        ["patient_id", "visit", "qc_pass", "day", "sample_id"], ascending=[True, True, False, True, True]
    )
    return ordered.drop_duplicates(["patient_id", "visit"])
