"""From canonical tables to analysis tables: days since inclusion, visit labels, one line a visit, the plan's flares."""

from __future__ import annotations

import pandas as pd

from lumier_analysis.cleaning import rules
from lumier_analysis.cleaning.accounts import Accounts
from lumier_analysis.cleaning.flares import flares_by_plan
from lumier_analysis.cleaning.prednisone import with_prednisone
from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.cleaning.target_states import with_target_states
from lumier_analysis.study.plan import Plan

UNSCHEDULED = ("flare", "post_flare")
UNKNOWN_PATIENT = "patient not in the patients file"
SAME_KEY = "a second line with the same key"


def inclusion_dates(patients: pd.DataFrame) -> pd.Series:
    """Return the inclusion date of each patient, indexed by patient_id."""
    return patients.drop_duplicates("patient_id").set_index("patient_id")["inclusion_date"]


def prepare_patients(patients: pd.DataFrame, queries: Queries, accounts: Accounts) -> pd.DataFrame:
    """Add age and what the other steps rely on; a study without centres has one.

    A patient whose cohort is unknown belongs to no analysis: queried and set aside.
    """
    none = patients["cohort"].isna()
    queries.add(
        "cohort_missing",
        patients[none],
        field="cohort",
        value="",
        expected="test or validation",
        action="patient not analysed",
    )
    accounts.set_aside("patients", "no cohort", int(none.sum()))
    known = patients[~none]
    patients = rules.unique_rows(known, ["patient_id", "cohort"], "patient", queries)
    accounts.set_aside("patients", SAME_KEY, len(known) - len(patients))
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


def _add_day(table: pd.DataFrame, patients: pd.DataFrame, queries: Queries, moment: str = "") -> pd.DataFrame:
    """Add days since inclusion; a date that cannot be is queried, and missing from here on."""
    date, day = (f"{moment}_date", f"{moment}_day") if moment else ("date", "day")
    inclusion = inclusion_dates(patients)
    days = rules.days_since_inclusion(table, date, inclusion, queries)
    impossible = days.isna() & table["patient_id"].map(inclusion).notna()
    return table.assign(**{day: days.astype("Int64"), date: table[date].mask(impossible)})


def _known(
    table: pd.DataFrame, name: str, patients: pd.DataFrame, queries: Queries, accounts: Accounts
) -> pd.DataFrame:
    """Set aside the rows of patients who are not in the patients file."""
    known = rules.known_patients(table, name, patients["patient_id"], queries)
    accounts.set_aside(name, UNKNOWN_PATIENT, len(table) - len(known))
    return known


def prepare_visits(
    visits: pd.DataFrame, patients: pd.DataFrame, plan: Plan, queries: Queries, accounts: Accounts
) -> pd.DataFrame:
    """Check, date and label the visits, and settle their SLEDAI."""
    visits = _known(visits, "visits", patients, queries, accounts)
    if "day" not in visits:
        visits = _add_day(visits, patients, queries)
    visits["day"] = visits["day"].astype("Int64")
    before = len(visits)
    if "visit" not in visits:
        visits = rules.unique_rows(visits, ["patient_id", "day"], "day", queries)
        visits = visits.sort_values(["patient_id", "day"], kind="stable").reset_index(drop=True)
        visits["visit"] = "V" + (visits.groupby("patient_id").cumcount() + 1).astype(str).str.zfill(2)
    visits["visit"] = visits["visit"].astype("string")
    visits["scheduled"] = ~visits["visit"].isin(UNSCHEDULED)
    planned = rules.unique_rows(visits[visits["scheduled"]], ["patient_id", "visit"], "visit", queries)
    # A patient may have two flare visits, told apart by their day.
    others = rules.unique_rows(visits[~visits["scheduled"]], ["patient_id", "visit", "day"], "visit", queries)
    visits = (
        pd.concat([planned, others]).sort_values(["patient_id", "day", "visit"], kind="stable").reset_index(drop=True)
    )
    accounts.set_aside("visits", SAME_KEY, before - len(visits))
    visits, no_equivalent = with_prednisone(visits)
    queries.add(
        "unreadable_value",
        visits[no_equivalent],
        field="steroid",
        value="no prednisone equivalent",
        expected="one systemic steroid and its dose in mg/day",
        action="prednisone set missing, unless recorded",
    )
    visits = rules.plausible_values(visits, plan.plausible, queries)
    visits = rules.sledai_used(visits, plan.sledai, queries)
    visits = with_target_states(
        visits, unrecorded_met=plan.target_states.unrecorded_met, dose_in_mg=prednisone_in_mg(plan)
    )
    query_recovered_titres(visits, queries)
    return visits


def prednisone_in_mg(plan: Plan) -> bool:
    """Tell whether the visits' prednisone is a dose: converted, or a number whose unit is mg or is not said."""
    spec = plan.tables.visits.columns.get("prednisone")
    return spec is None or (spec.type in ("number", "integer") and "mg" in (spec.unit or "mg/day"))


def query_recovered_titres(visits: pd.DataFrame, queries: Queries) -> None:
    """Note every titre that a spreadsheet had turned into a time of day."""
    for column in [c for c in map(str, visits.columns) if c.endswith("_from_time")]:
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


def prepare_flares(
    flares: pd.DataFrame | None,
    visits: pd.DataFrame,
    patients: pd.DataFrame,
    plan: Plan,
    queries: Queries,
    accounts: Accounts,
) -> pd.DataFrame:
    """Return the flares by the plan's definition, in days since inclusion."""
    dated = None
    if flares is not None:
        dated = _known(flares, "flares", patients, queries, accounts)
        if "flare" in dated:
            before = len(dated)
            dated = rules.unique_rows(dated, ["patient_id", "flare"], "flare", queries)
            accounts.set_aside("flares", SAME_KEY, before - len(dated))
        for moment in ("onset", "detection"):
            dated = _add_day(dated, patients, queries, moment)
        dated["day"] = dated["onset_day"].fillna(dated["detection_day"])
    found = flares_by_plan(dated, visits, plan.flare, quiescent_max=plan.landmarks.quiescent_sledai_max)
    if plan.flare.definition == "sledai_increase" or dated is None:
        if dated is not None:
            accounts.set_aside("flares", "flares come from the SLEDAI (`flare.definition` of the plan)", len(dated))
            accounts.close("flares", 0)
        accounts.open("flares from SLEDAI", plan.tables.visits.file, len(found))
    return found


def prepare_samples(
    samples: pd.DataFrame, patients: pd.DataFrame, queries: Queries, accounts: Accounts
) -> pd.DataFrame:
    """Check and date the tubes; one line a tube."""
    samples = _known(samples, "samples", patients, queries, accounts)
    before = len(samples)
    samples = rules.unique_tubes(samples, queries)
    accounts.set_aside("samples", SAME_KEY, before - len(samples))
    if "day" not in samples:
        samples = _add_day(samples, patients, queries)
    samples["day"] = samples["day"].astype("Int64")
    return samples
