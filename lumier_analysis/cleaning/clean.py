"""The cleaning stage from end to end: raw exports in, analysis tables, queries and flow out."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from lumier_analysis.cleaning import withheld
from lumier_analysis.cleaning.accounts import Accounts
from lumier_analysis.cleaning.checks import STOPPED, check_sex, check_tables, stop_on_errors, without_free_text
from lumier_analysis.cleaning.eligibility import judge_patients, sledai_at_inclusion
from lumier_analysis.cleaning.flow import participant_flow
from lumier_analysis.cleaning.frozen import CONSTANTS
from lumier_analysis.cleaning.landmarks import landmark_table
from lumier_analysis.cleaning.prepare import prepare_flares, prepare_patients, prepare_samples, prepare_visits
from lumier_analysis.cleaning.privacy import free_text_columns
from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.cleaning.query_files import CORRECTIONS, ROWS, write_queries, write_spreadsheet
from lumier_analysis.cleaning.raw import TABLES, RawFiles
from lumier_analysis.cleaning.samples import Measured, attach_visits, judge_samples, measure_matrix, measure_qpcr
from lumier_analysis.cleaning.study_rules import plan_rule_texts
from lumier_analysis.cleaning.tables import RowAccount
from lumier_analysis.errors import SealError
from lumier_analysis.study import Study, seal
from lumier_analysis.study.io import write_json
from lumier_analysis.study.plan import Plan


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
        Where every raw row went when the files were mapped to tables.
    rows : DataFrame
        Where every row went from the raw files to the analysis tables: see `Accounts.frame`.
    removed : dict
        Identifying columns removed, by file.
    rules : dict
        Every rule, of the software and of the plan, and what it finds in words.
    corrections : DataFrame
        The corrections applied: see `Corrections.log`.
    measured : Measured
        Expression and quality of all samples.
    sealed : bool
        Whether the outcomes of the validation cohort are sealed: what tells them is then in none of the above.
    archive : dict of str to bytes, or None
        What `write` encrypts; None for a study without a seal.
    """

    tables: dict[str, dict[str, pd.DataFrame]]
    queries: pd.DataFrame
    flow: list[dict[str, Any]]
    accounts: list[RowAccount]
    rows: pd.DataFrame
    removed: dict[str, list[str]]
    rules: dict[str, str]
    corrections: pd.DataFrame
    measured: Measured = field(repr=False)
    sealed: bool = False
    archive: Mapping[str, bytes] | None = field(default=None, repr=False)

    def write(self, study: Study) -> None:
        """Write tables, query list, log of corrections and flow below the study's analysis folder.

        Under a seal the outcomes of the validation cohort are encrypted first. While they are sealed, those that stand
        in clear from before are removed.
        """
        if self.archive is not None:
            seal.seal(study, self.archive)
        if self.sealed:
            for name in seal.SEALED_TABLES:
                study.table_path(name, seal.COHORT).unlink(missing_ok=True)
            shutil.rmtree(study.analysis / STOPPED, ignore_errors=True)
        for cohort, tables in self.tables.items():
            for name, frame in tables.items():
                study.write(name, cohort, frame)
        write_queries(study, study.analysis, self.queries, self.rules)
        write_spreadsheet(study.analysis / CORRECTIONS, self.corrections)
        write_spreadsheet(study.analysis / ROWS, self.rows)
        write_json(study.analysis / "flow.json", self.flow)


def _measure(
    raw: RawFiles, tables: dict[str, pd.DataFrame], patients: pd.DataFrame, plan: Plan, queries: Queries
) -> Measured:
    """Return the expression of every sample, from chips or from a matrix."""
    source = plan.expression
    test = set(patients.loc[patients["cohort"] == "test", "patient_id"])
    test_samples = set(tables["samples"].loc[tables["samples"]["patient_id"].isin(test), "sample_id"])
    if source.source == "qpcr":
        return measure_qpcr(raw.content[source.file], tables.get("plate_map"), test_samples, plan, queries)
    annotation = raw.content[str(source.annotation)]
    return measure_matrix(raw.content[f"{source.file} (matrix)"], annotation, test_samples, plan)


def _end_of_follow_up(patients: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    """Add end_day, the last visit where no end is recorded, and end_reason."""
    patients = patients.copy()
    recorded = (patients["end_date"] - patients["inclusion_date"]).dt.days.astype("Int64")
    patients["end_day"] = recorded.fillna(patients["patient_id"].map(visits.groupby("patient_id")["day"].max()))
    patients["end_reason"] = patients["end_reason"].astype("string").fillna("")
    return patients


def _analysed(name: str, table: pd.DataFrame, patients: pd.DataFrame, accounts: Accounts) -> pd.DataFrame:
    """Keep the rows of analysed patients; the others are set aside under their patient's reason."""
    reason = table["patient_id"].map(patients.drop_duplicates("patient_id").set_index("patient_id")["reason"])
    for text, n in reason[reason != ""].value_counts().sort_index().items():
        accounts.set_aside(name, f"patient not analysed: {text}", int(n))
    kept = table[reason == ""]
    accounts.close(name, len(kept))
    return kept


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
        A file or column that cannot be read as the plan says, a correction that cannot be applied, or a rule of
        severity error that does not hold (the query list is then written for that alone).
    PrivacyError
        Direct identifiers outside ``privacy.drop``.
    AnalysisError
        Rows that are neither used nor set aside with a reason.
    SealError
        The seal's key or log of openings is not as it must be.
    """
    plan, accounts = study.plan, Accounts()
    queries = Queries(plan_rule_texts(plan))
    raw = RawFiles(study, queries)
    tables, mapped = {}, []
    for name in TABLES:
        if (found := raw.table(name, queries)) is not None:
            tables[name], account = found
            mapped.append(account)
            accounts.open_from(account)

    patients = prepare_patients(tables["patients"], queries, accounts)
    visits = prepare_visits(tables["visits"], patients, plan, queries, accounts)
    flares = prepare_flares(tables.get("flares"), visits, patients, plan, queries, accounts)
    samples = prepare_samples(tables["samples"], patients, queries, accounts)
    measured = _measure(raw, tables, patients, plan, queries)
    samples = judge_samples(attach_visits(samples, visits), measured, plan, queries)
    samples = check_sex(raw, samples, patients, plan, queries)

    at_inclusion = sledai_at_inclusion(visits, plan.landmarks.schedule_days)
    patients = judge_patients(patients, at_inclusion, plan.eligibility, queries)
    patients = _end_of_follow_up(patients, visits)
    for text, n in patients.loc[patients["reason"] != "", "reason"].value_counts().sort_index().items():
        accounts.set_aside("patients", f"patient not analysed: {text}", int(n))
    accounts.close("patients", int((patients["reason"] == "").sum()))

    everything = {"patients": patients, "visits": visits, "flares": flares, "samples": samples}
    check_tables(everything, plan, queries)
    everything = without_free_text(everything, plan, queries)
    patients = everything.pop("patients")
    centres = patients.drop_duplicates("patient_id").set_index("patient_id")["centre"]
    asked = queries.frame(centres, samples.set_index("sample_id")["patient_id"])
    shown = withheld.open_queries(asked, patients, samples) if seal.has_seal(study) else None
    stop_on_errors(study, asked, queries.rules, shown)

    derived = "flares" if "source_row" in flares else "flares from SLEDAI"
    analysed = {
        name: _analysed(derived if name == "flares" else name, table, patients, accounts)
        for name, table in everything.items()
    }
    cohorts: dict[str, dict[str, pd.DataFrame]] = {}
    for cohort in sorted(patients["cohort"].unique()):
        own = patients[patients["cohort"] == cohort].reset_index(drop=True)
        inside = {n: t[t["patient_id"].isin(own["patient_id"])] for n, t in everything.items()}
        usable = one_sample_a_visit(inside["samples"], inside["visits"])
        marks = landmark_table(own, inside["visits"], inside["flares"], usable, plan.landmarks, plan.flare)
        kept = {n: t[t["patient_id"].isin(own["patient_id"])].reset_index(drop=True) for n, t in analysed.items()}
        expression = measured.log2.reindex([s for s in kept["samples"]["sample_id"] if s in measured.log2.index])
        cohorts[cohort] = {"patients": own, **kept, "landmarks": marks, "expression": expression}
    if measured.frozen is not None:
        cohorts["test"][CONSTANTS] = measured.frozen.frame()
    if "controls" in tables:
        names = [s for s in tables["controls"]["sample_id"] if s in measured.log2.index]
        controls = tables["controls"].drop(columns=free_text_columns(plan, "controls"))
        cohorts["controls"] = {"samples": controls, "expression": measured.log2.loc[names]}
    _account_for_samples(cohorts, tables, measured, plan, accounts)

    everyone = pd.concat([c["patients"] for n, c in cohorts.items() if n != "controls"])
    marks = pd.concat([c["landmarks"] for n, c in cohorts.items() if n != "controls"])
    cleaned = Cleaned(
        cohorts,
        asked,
        participant_flow(everyone, marks),
        mapped,
        accounts.frame(),
        raw.removed,
        queries.rules,
        raw.corrections.log,
        measured,
    )
    return cleaned if shown is None else _under_seal(study, cleaned, shown, patients)


def _under_seal(study: Study, cleaned: Cleaned, shown: pd.Series, patients: pd.DataFrame) -> Cleaned:
    """Return what may be known: all of it where exactly this was opened, else what tells no validation outcome."""
    if seal.COHORT not in cleaned.tables:
        raise SealError(
            f"data/{study.name} has a seal and no validation cohort",
            fix=f"remove data/{study.name}/{seal.RECIPIENT}, or look at the cohort column of the plan",
        )
    own, log = cleaned.tables[seal.COHORT], cleaned.corrections
    corrected = withheld.open_corrections(log, patients)
    archive = withheld.sealed_files(own, cleaned.queries[~shown], log[~corrected])
    if seal.is_open(study, seal.content_hash(archive)):
        return replace(cleaned, archive=archive)
    return replace(
        cleaned,
        tables=cleaned.tables | {seal.COHORT: withheld.open_tables(own)},
        queries=cleaned.queries[shown].reset_index(drop=True),
        flow=withheld.open_flow(cleaned.flow),
        accounts=[a for a in cleaned.accounts if a.table in withheld.OPEN_ACCOUNTS],
        rows=withheld.open_rows(cleaned.rows),
        corrections=log[corrected].reset_index(drop=True),
        measured=withheld.open_measured(cleaned.measured),
        sealed=True,
        archive=archive,
    )


def _account_for_samples(
    cohorts: dict[str, dict[str, pd.DataFrame]],
    tables: dict[str, pd.DataFrame],
    measured: Measured,
    plan: Plan,
    accounts: Accounts,
) -> None:
    """Close the accounts of the chip places, the controls and the measured samples."""
    if "plate_map" in tables:
        accounts.close("plate_map", len(tables["plate_map"]))
    if "controls" in tables:
        n = len(cohorts["controls"]["expression"])
        accounts.set_aside("controls", "no expression measured", len(tables["controls"]) - n)
        accounts.close("controls", n)
    used = sum(len(cohort["expression"]) for cohort in cohorts.values())
    accounts.open("measured samples", plan.expression.file, len(measured.log2))
    accounts.set_aside("measured samples", "no tube of an analysed patient, nor a control", len(measured.log2) - used)
    accounts.close("measured samples", used)


def one_sample_a_visit(samples: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    """Keep, for each scheduled visit, the first sample that passes, else the first."""
    planned = visits.loc[visits["scheduled"], ["patient_id", "visit"]]
    own = samples.merge(planned, on=["patient_id", "visit"], how="inner", validate="many_to_one")
    ordered = own.sort_values(
        ["patient_id", "visit", "qc_pass", "day", "sample_id"], ascending=[True, True, False, True, True]
    )
    return ordered.drop_duplicates(["patient_id", "visit"])
