"""One mixed model for each of many responses: every gene or module over time, with q values."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from lumier_analysis.errors import UsageError
from lumier_analysis.mixed.design import build_design, group_codes, random_columns
from lumier_analysis.mixed.panel_input import aligned, check_values, families_of
from lumier_analysis.mixed.panel_one_by_one import one_by_one
from lumier_analysis.mixed.panel_table import long_table
from lumier_analysis.mixed.panel_together import Shared, fit_together
from lumier_analysis.mixed.small_sample import check_method

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
#: Called with the number of responses done and their total.
Progress = Callable[[int, int], None]

_METHODS = ("satterthwaite", "kenward-roger", "normal")


def lmm_panel(
    responses: pd.DataFrame,
    formula: str,
    data: pd.DataFrame,
    *,
    groups: str | None = None,
    random: str | Mapping[str, str] = "1",
    reml: bool = True,
    df: str = "satterthwaite",
    families: Mapping[str, str] | pd.Series | None = None,
    n_jobs: int = 1,
    progress: Progress | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Fit the same linear mixed model to every column of a table; the answers are those of `lmm`, gene by gene.

    Parameters
    ----------
    responses : DataFrame, rows x genes
        Numbers; rows are those of `data`: by the labels of the index where both have the same, else by position where
        either has the default index.
    formula : str
        Right-hand side: "month * C(arm)".
    data : DataFrame
        One row an observation. Rows with a missing value in a variable of the model are left out.
    groups, random, reml, df, level
        As in `lmm`. One random effect ("1") or two correlated ones ("1 + month") within one column are fitted for all
        genes at once; everything else, and Kenward-Roger, by `lmm` gene after gene.
    families : mapping of response -> family, optional
        Genes and modules apart, for instance. By default all responses are one family.
    n_jobs : int
        Threads; -1: one for each processor. Results do not depend on it.
    progress : callable, optional
        Called with the number of responses done and their total.

    Returns
    -------
    DataFrame
        One row per response and term, in the order of the responses: response, term, estimate, se, df, t, p_value,
        q_value, ci_low, ci_high; and, the same for all terms of a response, residual_variance, log_likelihood (as in
        R, constants included), singular, converged, n (rows used), note.

        q_value is that of Benjamini and Hochberg (1995) over the responses of a family, for each term by itself, the
        intercept included. A gene that cannot be fitted (constant, or with too few values) keeps its rows, with NaN and
        the reason in `note`; it does not count in the q values. A gene with missing values is fitted on its complete
        rows, which `note` says.

    Raises
    ------
    AnalysisError
        Rows that do not match, infinite values, columns that are not numbers, a response twice or without family, or a
        model that cannot be built or identified on the rows of `data`.
    UsageError
        Arguments that cannot be taken.
    """
    method = check_method(df, _METHODS)
    if not 0 < level < 1:
        raise UsageError("the confidence level lies between 0 and 1", found=str(level), fix="level=0.95")
    if method == "kenward-roger" and not reml:
        raise UsageError("Kenward-Roger is defined for REML", found="reml=False", fix='df="satterthwaite"')
    if "~" in formula:
        raise UsageError(
            "the formula of a panel is a right-hand side", found=repr(formula), fix=repr(formula.split("~")[-1].strip())
        )
    if isinstance(random, Mapping) and groups is None and len(random) == 1:
        ((groups, random),) = ((str(name), str(part)) for name, part in random.items())
    threads = _threads(n_jobs)
    values, names, data = aligned(responses, data)
    family = families_of(names, families)
    parts = dict(random) if isinstance(random, Mapping) else {groups: random}
    if isinstance(random, Mapping) == (groups is not None):
        raise UsageError(
            "a panel needs the column that groups the rows, or random effects by column, not both",
            found=f"groups={groups!r}, random={random!r}",
            fix='groups="patient_id", random="1 + month"',
        )
    design = build_design(formula, data, others=[str(g) for g in parts], random=[str(r) for r in parts.values()])
    rows = design.used.index.to_numpy(dtype=np.intp)
    check_values(values, rows, names)
    fast = None
    if isinstance(random, str) and method != "kenward-roger":
        z, _ = random_columns(random, design.used)
        if z.shape[1] <= 2:
            codes, _ = group_codes(design.used[groups], str(groups))
            fast = Shared(design, z, codes, reml=reml, satterthwaite=method == "satterthwaite")
            fast.engine(np.arange(len(rows)), str(groups))  # refuses rows that cannot carry the model
    if fast is not None:
        table = fit_together(fast, values, rows, threads, progress)
    else:
        table = one_by_one(values, names, design, data, groups, random, reml, method, threads, progress)
    return long_table(table, names, family, design, len(data), level)


def _threads(n_jobs: int) -> int:
    if n_jobs == -1:
        return os.cpu_count() or 1
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int) or n_jobs < 1:
        raise UsageError("n_jobs is a number of threads", found=repr(n_jobs), fix="n_jobs=1, or -1 for all")
    return n_jobs
