"""Which visits a model of repeated measures has, and whether its rows can determine the covariance between them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed.visit_covariance import n_parameters, varies_by_visit

Ints = npt.NDArray[np.intp]

#: What to type where a covariance has too many parameters.
SIMPLER = 'a covariance of fewer parameters, such as "heterogeneous toeplitz", "ar1" or "compound symmetry"'
# Second derivatives of an unstructured covariance of more visits fill the memory of a laptop.
_MOST_UNSTRUCTURED = 25


def visit_codes(column: pd.Series, name: str) -> tuple[Ints, tuple[Any, ...]]:
    """Return the place of each row's visit in order, and the labels."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, labels = column.cat.codes.to_numpy(), list(column.cat.categories)
    else:
        codes, found = pd.factorize(column)
        try:
            labels = sorted(found)
        except TypeError:
            kinds = sorted({type(value).__name__ for value in found})
            raise AnalysisError(
                f"the visits in {name} cannot be sorted", found=", ".join(kinds), fix="make it categorical, in order"
            ) from None
        codes = pd.Index(labels).get_indexer(pd.Index(found))[codes]
    whole = [int(v) if isinstance(v, float) and v.is_integer() else v for v in labels]
    return codes.astype(np.intp), tuple(whole)


def unused_visits(column: pd.Series, labels: tuple[Any, ...]) -> list[str]:
    """Return the visits of the table that the model does not have."""
    categorical = isinstance(column.dtype, pd.CategoricalDtype)
    known = column.cat.categories if categorical else pd.unique(column.dropna())
    return [str(v) for v in known if v not in labels]


def check_layout(
    subjects: Ints, visits: Ints, labels: tuple[Any, ...], structure: str, subject: str, visit: str
) -> None:
    """Refuse rows that are not one a patient and visit, and a covariance that they cannot determine."""
    m, n = len(labels), int(subjects.max()) + 1
    if m < 2:
        raise AnalysisError(
            "repeated measures need two visits or more", found=f"one, {labels[0]}", fix="ordinary regression"
        )
    count = np.zeros((n, m), dtype=np.intp)
    np.add.at(count, (subjects, visits), 1)
    if count.max() > 1:
        raise AnalysisError(
            f"a patient has several rows at one visit ({subject}, {visit})",
            found=f"{int((count > 1).sum())} such pairs, {int(count[count > 1].sum())} rows",
            fix="keep one row of each, or their mean",
        )
    together = count.T @ count
    if not np.triu(together, 1).any():
        raise AnalysisError(
            "no patient has two visits, so no correlation can be estimated",
            found=f"{n} patients, {len(subjects)} rows",
            fix="ordinary regression; or check the column of patients",
        )
    if varies_by_visit(structure) and np.diag(together).min() < 2:
        few = [str(labels[k]) for k in np.flatnonzero(np.diag(together) < 2)]
        raise AnalysisError(
            f"the {structure} covariance gives each visit a variance, which one row does not determine",
            found=f"one row at {', '.join(few)}",
            fix="leave these visits out, or a covariance with one variance",
        )
    if structure == "unstructured":
        _check_unstructured(together, labels, n)
    if structure.endswith("toeplitz"):
        absent = [h for h in range(1, m) if not np.diag(together, h).any()]
        if absent:
            raise AnalysisError(
                f"the {structure} covariance has a correlation for each distance between visits",
                found=f"no patient has two visits {', '.join(map(str, absent))} apart",
                fix='"ar1" or "compound symmetry", with or without "heterogeneous"',
            )


def _check_unstructured(together: Ints, labels: tuple[Any, ...], n: int) -> None:
    """Refuse pairs of visits that nobody has both of, no more patients than visits, and too many visits."""
    m = len(labels)
    pairs = zip(*np.triu_indices(m, 1), strict=True)
    apart = [f"{labels[a]} and {labels[b]}" for a, b in pairs if not together[a, b]]
    what = f"an unstructured covariance of {m} visits has {n_parameters('unstructured', m)} parameters"
    if n <= m:
        raise AnalysisError(f"{what}, and needs more patients than visits", found=f"{n} patients", fix=SIMPLER)
    if apart:
        found = f"no patient has both {'; '.join(apart[:6])}"
        raise AnalysisError(f"{what}, one for each pair of visits", found=found, fix=SIMPLER)
    if m > _MOST_UNSTRUCTURED:
        raise AnalysisError(
            f"an unstructured covariance is for {_MOST_UNSTRUCTURED} visits at most", found=f"{m}", fix=SIMPLER
        )
