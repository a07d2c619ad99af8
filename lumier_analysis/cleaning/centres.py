"""Centre effects: a centre with too many patients with queries, or with another level of a laboratory value.

Each centre is held against all others together, with the patient as the unit (visits of one patient are not
independent), by tests that need no distribution: Fisher's exact test and Mann-Whitney's; Holm over all centres of a
check. A funnel plot's limits answer the same question with the overall rate taken as known, which it is not where one
centre is large.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy  # its parts are loaded at their first use

from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.errors import PlanError
from lumier_analysis.performance import holm

#: A centre with fewer patients is not judged; others together need as many.
_MIN_PATIENTS = 5


def rate_tests(affected: pd.Series, centres: pd.Series) -> pd.DataFrame:
    """Compare each centre's share of affected patients with that of the others.

    Parameters
    ----------
    affected : Series of bool, one a patient
    centres : Series of str, same index

    Returns
    -------
    DataFrame indexed by centre
        n (affected), of (patients), other_n, other_of, p (Fisher, one-sided: more than the others; Holm).
    """
    counts = affected.groupby(centres).agg(["sum", "size"]).astype(int)
    others = counts.sum() - counts
    table = pd.DataFrame(
        {"n": counts["sum"], "of": counts["size"], "other_n": others["sum"], "other_of": others["size"]}
    )
    table = table[(table["of"] >= _MIN_PATIENTS) & (table["other_of"] >= _MIN_PATIENTS)]
    squares = [[[n, of - n], [m, rest - m]] for n, of, m, rest in table.to_numpy().tolist()]
    return table.assign(p=holm([float(scipy.stats.fisher_exact(s, alternative="greater").pvalue) for s in squares]))


def level_tests(values: pd.Series, centres: pd.Series) -> pd.DataFrame:
    """Compare each centre's level of a value with that of the others.

    Parameters
    ----------
    values : Series of float, one a patient
        The patient's median over her visits.
    centres : Series of str, same index

    Returns
    -------
    DataFrame indexed by centre
        of (patients), median, other_median, p (Mann-Whitney, two-sided, not adjusted).
    """
    known = values.notna() & centres.notna()
    values, centres = values[known].astype(float), centres[known]
    rows = {}
    for name in sorted(centres.unique()):
        own, others = values[centres == name].to_numpy(), values[centres != name].to_numpy()
        if min(len(own), len(others)) >= _MIN_PATIENTS and np.ptp(np.concatenate([own, others])) > 0:
            p = float(scipy.stats.mannwhitneyu(own, others).pvalue)
            rows[name] = (len(own), float(np.median(own)), float(np.median(others)), p)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["of", "median", "other_median", "p"])


def query_centre_rates(asked: pd.DataFrame, patients: pd.DataFrame, alpha: float, queries: Queries) -> None:
    """Note centres in which more patients have a query than in the others.

    Parameters
    ----------
    asked : DataFrame
        The query list so far; notes do not count, as no one is asked anything.
    patients : DataFrame
        patient_id, centre.
    """
    people = patients.drop_duplicates("patient_id").set_index("patient_id")
    with_query = set(asked.loc[asked["severity"] != "note", "patient_id"])
    affected = pd.Series(people.index.isin(with_query), index=people.index)
    for name, row in rate_tests(affected, people["centre"].astype("str")).iterrows():
        if row["p"] < alpha:
            queries.add(
                "centre_query_rate",
                pd.DataFrame({"centre": [name]}),
                field="queries",
                value=f"{row['n']:.0f} of {row['of']:.0f} patients have a query (p = {row['p']:.2g})",
                expected=f"as elsewhere, {row['other_n']:.0f} of {row['other_of']:.0f}; p by Fisher's test, Holm",
                action="no answer needed",
                severity="note",
            )


def query_centre_levels(
    visits: pd.DataFrame, patients: pd.DataFrame, columns: list[str], alpha: float, queries: Queries
) -> None:
    """Note centres whose level of a laboratory value differs: unit, assay, or other patients (Holm over all tests).

    Raises
    ------
    PlanError
        A column is not there or is no number.
    """
    centres = patients.drop_duplicates("patient_id").set_index("patient_id")["centre"].astype("str")
    tests = []
    for column in columns:
        if column not in visits or not pd.api.types.is_numeric_dtype(visits[column]):
            raise PlanError(
                f"checks.centre_levels names {column}, which is no column of numbers of the visits",
                fix="correct checks.centre_levels in the plan",
            )
        medians = visits[column].astype("Float64").astype(float).groupby(visits["patient_id"]).median()
        found = level_tests(medians, centres.reindex(medians.index))
        tests += [(column, name, *row) for name, row in zip(found.index, found.to_numpy(), strict=True)]
    adjusted = holm([p for *_, p in tests])
    for (column, name, of, median, other, _), p in zip(tests, adjusted, strict=True):
        if p < alpha:
            queries.add(
                "centre_level",
                pd.DataFrame({"centre": [name]}),
                field=column,
                value=f"median {median:.3g} in {of:.0f} patients (p = {p:.2g})",
                expected=f"as elsewhere, {other:.3g}: same unit, assay and kind of patients; p by Mann-Whitney, Holm",
                action="no answer needed",
                severity="note",
            )
