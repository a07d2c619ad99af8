"""One mixed model for each of many responses: every gene or module over time, with q values."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from lumier_analysis.errors import AnalysisError, LumierError, UsageError
from lumier_analysis.mixed.design import Design, build_design, group_codes, random_columns
from lumier_analysis.mixed.fit_lmm import arrange
from lumier_analysis.mixed.lmm import lmm
from lumier_analysis.mixed.panel_intercept import InterceptPanel
from lumier_analysis.mixed.panel_rows import PanelRows, panel_rows, residuals
from lumier_analysis.mixed.panel_slope import SlopePanel
from lumier_analysis.mixed.q_values import q_values
from lumier_analysis.mixed.small_sample import check_method

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
#: Called with the number of responses done and their total.
Progress = Callable[[int, int], None]

_METHODS = ("satterthwaite", "kenward-roger", "normal")
# Responses handled at once: their rows stay in the processor's cache.
_CHUNK = 256
# As in `fit_lmm`: variances that cannot be told apart, a residual variance of zero, a variance counted as zero.
_ALIASED, _EXACT, _SINGULAR = 1e-9, 1e-11, 1e-4
_SEVERAL = 1e-6
_PER_TERM = ("estimate", "se", "df")
_PER_RESPONSE = ("residual_variance", "log_likelihood", "singular", "converged", "n", "note")


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
    values, names, data = _aligned(responses, data)
    family = _families(names, families)
    parts = dict(random) if isinstance(random, Mapping) else {groups: random}
    if isinstance(random, Mapping) == (groups is not None):
        raise UsageError(
            "a panel needs the column that groups the rows, or random effects by column, not both",
            found=f"groups={groups!r}, random={random!r}",
            fix='groups="patient_id", random="1 + month"',
        )
    design = build_design(formula, data, others=[str(g) for g in parts], random=[str(r) for r in parts.values()])
    rows = design.used.index.to_numpy(dtype=np.intp)
    _check_values(values, rows, names)
    fast = None
    if isinstance(random, str) and method != "kenward-roger":
        z, _ = random_columns(random, design.used)
        if z.shape[1] <= 2:
            codes, _ = group_codes(design.used[groups], str(groups))
            fast = _Fast(design, z, codes, reml=reml, satterthwaite=method == "satterthwaite")
            fast.check(np.arange(len(rows)), str(groups))
    if fast is not None:
        table = _together(fast, values, rows, threads, progress)
    else:
        table = _one_by_one(values, names, design, data, groups, random, reml, method, threads, progress)
    return _long(table, names, family, design, len(data), level)


class _Table:
    """Results by response: (k, p) arrays of the terms and (k,) arrays of the fits."""

    def __init__(self, k: int, p: int) -> None:
        self.terms = {name: np.full((k, p), np.nan) for name in _PER_TERM}
        self.residual_variance, self.log_likelihood = np.full(k, np.nan), np.full(k, np.nan)
        self.singular, self.converged = np.zeros(k, dtype=bool), np.zeros(k, dtype=bool)
        self.n = np.zeros(k, dtype=np.int64)
        self.notes = [""] * k

    def say(self, place: int, words: str) -> None:
        self.notes[place] = "; ".join(part for part in (self.notes[place], words) if part)


class _Fast:
    """The shared parts of the fits on all rows or on some of them."""

    def __init__(self, design: Design, z: Floats, codes: Ints, *, reml: bool, satterthwaite: bool) -> None:
        self.x, self.z, self.codes, self.reml, self.satterthwaite = design.x, z, codes, reml, satterthwaite

    @property
    def p(self) -> int:
        return self.x.shape[1]

    def check(self, rows: Ints, name: str = "group") -> None:
        """Refuse variances that the rows cannot tell apart, as `lmm` does."""
        codes = np.unique(self.codes[rows], return_inverse=True)[1]
        arrays = arrange(self.x[rows], self.z[rows], codes, names=[name])
        if arrays.least_information[int(self.reml)] < _ALIASED:
            raise AnalysisError(
                "the variances of random effects and residuals cannot be told apart",
                found=f"{len(rows)} rows, {codes.max() + 1} levels of {name}",
                fix="fewer random effects, or rows of levels seen more often",
            )

    def engine(self, rows: Ints) -> tuple[PanelRows, InterceptPanel | SlopePanel]:
        """Return the shared arrays on some rows, and what fits there."""
        shared = panel_rows(self.x, self.z, self.codes, rows)
        kind = InterceptPanel if self.z.shape[1] == 1 else SlopePanel
        return shared, kind(shared, reml=self.reml)


def _together(fast: _Fast, values: Floats, rows: Ints, threads: int, progress: Progress | None) -> _Table:
    """Fit all responses, those with the same missing values at once."""
    k = values.shape[1]
    table, done = _Table(k, fast.p), 0
    with ThreadPoolExecutor(threads) as pool:
        for pattern, places in _patterns(values, rows):
            try:
                if len(pattern) < len(rows):
                    fast.check(pattern)
                shared, engine = fast.engine(pattern)
            except LumierError as error:
                table.n[places] = len(pattern)
                for place in places:
                    table.say(place, f"not fitted: {error.message}" if len(pattern) else "not fitted: no value")
                done += len(places)
                continue
            chunks = [places[i : i + _CHUNK] for i in range(0, len(places), _CHUNK)]
            at = rows[shared.rows]

            def one(chunk: Ints, shared: PanelRows = shared, engine: Any = engine, at: Ints = at) -> int:
                _fit_chunk(fast, shared, engine, values, at, chunk, table)
                return len(chunk)

            for fitted in pool.map(one, chunks) if threads > 1 else map(one, chunks):
                done += fitted
                if progress is not None:
                    progress(done, k)
    return table


def _patterns(values: Floats, rows: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Yield the rows (places in `rows`) that responses have, and which responses these are."""
    everything = np.arange(len(rows))
    # A sum is NaN where a value is, and costs one pass over the values.
    broken = np.flatnonzero(np.isnan(values.sum(axis=0) if len(rows) == len(values) else values[rows].sum(axis=0)))
    whole = np.ones(values.shape[1], dtype=bool)
    whole[broken] = False
    if whole.any():
        yield everything, np.flatnonzero(whole)
    by_pattern: dict[bytes, list[int]] = {}
    for place in broken:
        by_pattern.setdefault(np.packbits(np.isnan(values[rows, place])).tobytes(), []).append(int(place))
    for places in by_pattern.values():
        yield everything[~np.isnan(values[rows, places[0]])], np.array(places, dtype=np.intp)


def _fit_chunk(
    fast: _Fast, shared: PanelRows, engine: Any, values: Floats, at: Ints, chunk: Ints, table: _Table
) -> None:
    """Fit some responses on the rows `at` of the values, and enter them in the table."""
    y = np.ascontiguousarray(values.T[chunk][:, at])
    n, p = shared.basis.shape
    low, high = y.min(axis=1), y.max(axis=1)
    constant = high - low <= 1e-12 * np.maximum(np.abs(low), np.abs(high))
    unit, coefficients, norm, explained = residuals(shared, y)
    table.n[chunk] = n
    missing = values.shape[0] - n
    usable = ~constant & ~explained
    found = engine.fit(unit[usable])
    exact = np.zeros(len(chunk), dtype=bool)
    exact[usable] = found["least"] <= _EXACT
    good = usable & ~exact
    inside = good[usable]
    found = {name: part[inside] for name, part in found.items()}
    place, length = chunk[good], norm[good]
    nu = float(n - p if fast.reml else n)
    table.terms["estimate"][place] = coefficients[good] @ shared.back.T + found["shift"] * length[:, None]
    table.terms["se"][place] = found["se"] * length[:, None]
    table.terms["df"][place] = found["df"] if fast.satterthwaite else np.inf
    table.residual_variance[place] = found["r2"] * length**2 / nu
    constants = nu * (1 + np.log(2 * math.pi / nu) + 2 * np.log(length)) + (shared.log_scale if fast.reml else 0.0)
    table.log_likelihood[place] = -(found["deviance"] + constants) / 2
    table.converged[place] = found["converged"] > 0
    width = np.sqrt((shared.z**2).mean(axis=0))
    singular = found.get("singular", (found["theta"][:, 0] * width[0] < _SINGULAR).astype(float)) > 0
    table.singular[place] = singular
    del missing
    several = found.get("several", np.zeros(len(place)))
    for i in np.flatnonzero(singular | ~table.converged[place] | (several > _SEVERAL)):
        if singular[i]:
            table.say(place[i], "singular fit")
        if not table.converged[place[i]]:
            table.say(place[i], "the optimiser did not converge: do not use")
        if several[i] > _SEVERAL:
            table.say(place[i], "the likelihood has several maxima; the highest found is given")
    for reason, which in (
        ("constant", constant),
        ("the fixed effects explain it exactly", explained & ~constant),
        ("fixed and random effects explain it exactly", exact),
    ):
        for i in chunk[which]:
            table.say(i, f"not fitted: {reason}")


def _one_by_one(
    values: Floats, names: list[str], design: Design, data: pd.DataFrame, groups: str | None,
    random: str | Mapping[str, str], reml: bool, method: str, threads: int, progress: Progress | None,
) -> _Table:  # fmt: skip
    """Fit every response by `lmm`."""
    table = _Table(values.shape[1], len(design.columns))
    response = "response"
    while response in data.columns:
        response += "_"
    rows = design.used.index.to_numpy(dtype=np.intp)
    used = data.iloc[rows].reset_index(drop=True)

    def one(place: int) -> None:
        y = values[rows, place]
        table.n[place] = int((~np.isnan(y)).sum())
        if table.n[place] == 0:
            return table.say(place, "not fitted: no value")
        try:
            fit = lmm(
                f"{response} ~ {design.formula}", used.assign(**{response: y}), groups=groups, random=random, reml=reml,
                df=method,
            )  # fmt: skip
        except LumierError as error:
            return table.say(place, f"not fitted: {error.message}")
        shown = fit.coefficients.reindex(design.columns)
        for name in _PER_TERM:
            table.terms[name][place] = shown[name].to_numpy()
        table.residual_variance[place], table.log_likelihood[place] = fit.residual_variance, fit.log_likelihood
        table.singular[place], table.converged[place] = fit.singular, fit.converged
        table.say(place, fit.note)

    with ThreadPoolExecutor(threads) as pool:
        for done, _ in enumerate(pool.map(one, range(len(names))) if threads > 1 else map(one, range(len(names))), 1):
            if progress is not None:
                progress(done, len(names))
    return table


def _long(
    table: _Table, names: list[str], family: npt.NDArray[Any], design: Design, n_data: int, level: float
) -> pd.DataFrame:
    """Return one row per response and term."""
    k, p = table.terms["estimate"].shape
    estimate, se, df = (table.terms[name].ravel() for name in _PER_TERM)
    t = np.divide(estimate, se, out=np.full(k * p, np.nan), where=se > 0)
    finite = np.isfinite(df)
    stand_in = np.where(finite, df, 1.0)
    tail = np.where(finite, stdtr(stand_in, -np.abs(t)), ndtr(-np.abs(t)))
    half = np.where(finite, stdtrit(stand_in, 0.5 + level / 2), ndtri(0.5 + level / 2)) * se
    p_value = np.where(np.isnan(t), np.nan, 2 * tail)
    for place in np.flatnonzero(table.n < n_data):
        left_out = n_data - len(design.used)
        missing = len(design.used) - int(table.n[place])
        words = [f"{missing} rows without a value left out"] if missing else []
        words += [f"{left_out} rows without a variable of the model left out"] if left_out else []
        table.say(int(place), ", ".join(words))
    q = np.empty((k, p))
    for j in range(p):
        q[:, j] = q_values(pd.Series(p_value.reshape(k, p)[:, j]), family)
    out = {
        "response": np.repeat(np.array(names, dtype=object), p), "term": np.tile(np.array(design.columns, dtype=object), k),
        "estimate": estimate, "se": se, "df": df, "t": t, "p_value": p_value, "q_value": q.ravel(),
        "ci_low": estimate - half, "ci_high": estimate + half,
    }  # fmt: skip
    shared = {
        "residual_variance": table.residual_variance, "log_likelihood": table.log_likelihood, "singular": table.singular,
        "converged": table.converged, "n": table.n, "note": np.array(table.notes, dtype=object),
    }  # fmt: skip
    return pd.DataFrame(out | {name: np.repeat(shared[name], p) for name in shared})


def _aligned(responses: pd.DataFrame, data: pd.DataFrame) -> tuple[Floats, list[str], pd.DataFrame]:
    """Return the values, rows in the order of the data, names, and the data with rows numbered from 0."""
    if not isinstance(responses, pd.DataFrame) or responses.shape[1] == 0:
        raise UsageError("responses are a table with one column a gene", found=type(responses).__name__)
    names = [str(c) for c in responses.columns]
    if len(set(names)) < len(names):
        twice = pd.Index(names)
        raise AnalysisError("a response stands twice", found=", ".join(twice[twice.duplicated()].unique()[:3]))
    wrong = [
        n for n, t in zip(names, responses.dtypes, strict=True)
        if not pd.api.types.is_numeric_dtype(t) or pd.api.types.is_complex_dtype(t)
    ]  # fmt: skip
    if wrong:
        raise AnalysisError(
            "responses are not numbers", found=", ".join(wrong[:5]), fix="drop or convert these columns"
        )
    if not responses.index.equals(data.index):
        same = responses.index.is_unique and data.index.is_unique and len(responses) == len(data)
        if same and responses.index.isin(data.index).all():
            responses = responses.loc[data.index]
        elif len(responses) != len(data) or not any(
            index.equals(pd.RangeIndex(len(index))) for index in (responses.index, data.index)
        ):
            raise AnalysisError(
                "responses and data do not have the same rows",
                found=f"{len(responses)} and {len(data)} rows, "
                f"{len(responses.index.unique().intersection(data.index.unique()))} labels of the index in common",
                fix="responses.loc[data.index]",
            )
    return responses.to_numpy(dtype=np.float64, na_value=np.nan), names, data.reset_index(drop=True)


def _families(names: list[str], families: Mapping[str, str] | pd.Series | None) -> npt.NDArray[Any]:
    if families is None:
        return np.zeros(len(names), dtype=np.int64)
    mapping = {str(name): label for name, label in families.items()}
    absent = [name for name in names if name not in mapping or pd.isna(mapping[name])]
    if absent:
        raise AnalysisError(
            "responses without a family", found=f"{len(absent)}: {', '.join(absent[:5])}", fix="name a family for each"
        )
    return np.array([str(mapping[name]) for name in names], dtype=object)


def _check_values(values: Floats, rows: Ints, names: list[str]) -> None:
    """Refuse infinite values."""
    # Finite numbers have a finite sum of halves unless they are huge; only then is it worth looking closer.
    with np.errstate(invalid="ignore", over="ignore"):
        suspect = np.flatnonzero(~np.isfinite(values.sum(axis=0)))
    bad = [names[i] for i in suspect if np.isinf(values[rows, i]).any()]
    if bad:
        raise AnalysisError(
            "responses have infinite values",
            found=f"{len(bad)}: {', '.join(bad[:5])}",
            fix="NaN where nothing was measured",
        )


def _threads(n_jobs: int) -> int:
    if n_jobs == -1:
        return os.cpu_count() or 1
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int) or n_jobs < 1:
        raise UsageError("n_jobs is a number of threads", found=repr(n_jobs), fix="n_jobs=1, or -1 for all")
    return n_jobs
