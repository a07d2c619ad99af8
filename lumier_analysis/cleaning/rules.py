"""Study rules on canonical tables: each finds rows, raises queries, and says what it did to the values."""

from __future__ import annotations

import pandas as pd

from lumier_analysis.cleaning import sledai as sledai_items
from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.errors import RawDataError
from lumier_analysis.study.sections import Plausible, Sledai

#: A date further than this from inclusion is a slip of the pen, whatever the calendar says.
_YEARS_AROUND_INCLUSION = 10


def known_patients(table: pd.DataFrame, name: str, patients: pd.Series, queries: Queries) -> pd.DataFrame:
    """Query and set aside rows of patients who are not in the patients file."""
    unknown = ~table["patient_id"].isin(patients)
    queries.add(
        "unknown_patient",
        table[unknown],
        field="patient_id",
        expected="a patient of the patients file",
        action=f"row of {name} not used",
    )
    return table[~unknown].reset_index(drop=True)


def days_since_inclusion(
    table: pd.DataFrame, column: str, inclusion: pd.Series, queries: Queries, *, before_inclusion: bool = False
) -> pd.Series:
    """Turn dates into days since inclusion and query dates that cannot be.

    Parameters
    ----------
    table : DataFrame
        patient_id and the date column.
    column : str
        Name of the date column.
    inclusion : Series of datetime, indexed by patient_id
    before_inclusion : bool
        Whether a date before inclusion is possible.

    Returns
    -------
    Series of Int64
        Days; missing where the date is missing or impossible.
    """
    start = table["patient_id"].map(inclusion)
    days = (table[column] - start).dt.days.astype("Int64")
    far = days.abs() > round(365.25 * _YEARS_AROUND_INCLUSION)
    far = far.fillna(False).astype(bool)
    shown = table[column].dt.strftime("%Y-%m-%d")
    queries.add(
        "date_impossible",
        table[far],
        field=column,
        value=shown[far],
        expected=f"within {_YEARS_AROUND_INCLUSION} years of inclusion",
        action="set missing",
    )
    early = pd.Series(False, index=table.index)
    if not before_inclusion:
        early = (days < 0).fillna(False).astype(bool) & ~far
        queries.add(
            "date_order",
            table[early],
            field=column,
            value=shown[early],
            expected="on or after inclusion",
            action="set missing",
        )
    return days.mask(far | early)


def unique_rows(table: pd.DataFrame, keys: list[str], unit: str, queries: Queries) -> pd.DataFrame:
    """Keep one row a key; a second, different row with the same key is queried and not used.

    Rows in which a part of the key is missing are no duplicates of each other: they are kept.
    """
    known = table[keys].notna().all(axis=1)
    again = table.duplicated(subset=keys, keep="first") & known
    queries.add(
        "duplicate_key",
        table[again],
        field=" and ".join(keys),
        value="a second, different line",
        expected=f"one line a {unit}",
        action="first line used",
    )
    return table[~again].reset_index(drop=True)


def unique_tubes(samples: pd.DataFrame, queries: Queries) -> pd.DataFrame:
    """Keep one row a tube; a tube that two lines give to different patients or visits belongs to no one."""
    owner = [c for c in ("patient_id", "visit") if c in samples]
    owners = samples[["sample_id", *owner]].drop_duplicates()
    disputed = samples["sample_id"].isin(owners.loc[owners["sample_id"].duplicated(), "sample_id"])
    queries.add(
        "duplicate_key",
        samples[disputed],
        field="sample_id",
        value="one tube, two patients or visits",
        expected="one line a tube",
        action="tube not used",
    )
    return unique_rows(samples[~disputed], ["sample_id"], "tube", queries)


def plausible_values(visits: pd.DataFrame, limits: dict[str, Plausible], queries: Queries) -> pd.DataFrame:
    """Query values outside the plan's limits and set them missing."""
    visits = visits.copy()
    for column, limit in limits.items():
        if column not in visits.columns:
            raise RawDataError(
                f"plausible names the column {column}, which the visits table does not have",
                fix="correct plausible in the plan",
            )
        outside = (visits[column] < limit.low) | (visits[column] > limit.high)
        outside = outside.fillna(False).astype(bool)
        queries.add(
            "value_implausible",
            visits[outside],
            field=column,
            expected=f"{limit.low:g} to {limit.high:g}",
            action="set missing",
        )
        visits[column] = visits[column].mask(outside)
    return visits


def sledai_used(visits: pd.DataFrame, rules: Sledai, queries: Queries) -> pd.DataFrame:
    """Choose the SLEDAI that the analysis uses, and query totals that are not the sum of their items."""
    visits = visits.copy()
    entered = visits["sledai"].astype("Float64")
    visits["sledai_entered"] = entered
    if not sledai_items.items_present(visits):
        return visits
    sums = sledai_items.sledai_from_items(visits, entered)
    visits["sledai_items_sum"], visits["clinical_sledai"] = sums["total"], sums["clinical"]
    differs = (entered != sums["total"]).fillna(False).astype(bool)
    queries.add(
        "sledai_total_mismatch",
        visits[differs],
        field="sledai",
        value=entered[differs].astype("Int64").astype("string"),
        expected="the sum of its items, " + sums["total"][differs].astype("Int64").astype("string"),
        action=f"{'sum of the items' if rules.total == 'items' else 'entered total'} used",
    )
    first, second = (sums["total"], entered) if rules.total == "items" else (entered, sums["total"])
    visits["sledai"] = first.fillna(second)
    return visits


def plate_map_mismatches(
    reactions: pd.DataFrame, plate_map: pd.DataFrame, ignore: set[str], queries: Queries
) -> set[str]:
    """Compare the sample names of the chip exports with the plate map, inlet by inlet.

    Parameters
    ----------
    reactions : DataFrame
        chip, well ("S01-A01"), sample.
    plate_map : DataFrame
        chip, inlet ("S01"), sample_id.
    ignore : set of str
        Names of controls.

    Returns
    -------
    set of str
        Samples whose place is in doubt: those the map or the chip names at a disputed inlet.
    """
    inlets = reactions.assign(inlet=reactions["well"].str.split("-").str[0]).drop_duplicates(["chip", "inlet"])
    both = plate_map.merge(inlets[["chip", "inlet", "sample"]], on=["chip", "inlet"], how="left", validate="one_to_one")
    control = both["sample_id"].isin(ignore) & both["sample"].isin(ignore)
    wrong = both[(both["sample"] != both["sample_id"]).fillna(True).astype(bool) & ~control]
    queries.add(
        "plate_map_mismatch",
        wrong,
        field="sample_id",
        value=wrong["sample"].fillna("no such inlet"),
        expected="the tube of the plate map",
        action="sample not used",
    )
    return (set(wrong["sample_id"]) | set(wrong["sample"].dropna())) - ignore
