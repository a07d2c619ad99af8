"""The responses of a panel together: all with the same missing values share their design."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from lumier_analysis.errors import AnalysisError, LumierError
from lumier_analysis.mixed.design import Design
from lumier_analysis.mixed.fit_lmm import arrange
from lumier_analysis.mixed.panel_intercept import InterceptPanel
from lumier_analysis.mixed.panel_rows import PanelRows, panel_rows, residuals
from lumier_analysis.mixed.panel_slope import SlopePanel
from lumier_analysis.mixed.panel_table import PanelTable

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

# Responses handled at once: their rows stay in the processor's cache.
_CHUNK = 256
# As in `fit_lmm`: variances that cannot be told apart, a residual variance of zero, a variance counted as zero.
_ALIASED, _EXACT, _SINGULAR = 1e-9, 1e-11, 1e-4
# Optima whose deviances differ by less are the same.
_SEVERAL = 1e-6


class Shared:
    """The shared parts of the fits on all rows or on some of them."""

    def __init__(self, design: Design, z: Floats, codes: Ints, *, reml: bool, satterthwaite: bool) -> None:
        self.x, self.z, self.codes, self.reml, self.satterthwaite = design.x, z, codes, reml, satterthwaite

    @property
    def p(self) -> int:
        """Coefficients."""
        return self.x.shape[1]

    def engine(self, rows: Ints, name: str = "group") -> tuple[PanelRows, InterceptPanel | SlopePanel]:
        """Return the shared arrays on some rows, and what fits there.

        Raises
        ------
        AnalysisError
            Rows that cannot carry the model, or variances that they cannot tell apart: as `lmm`.
        """
        shared = panel_rows(self.x, self.z, self.codes, rows)
        codes = np.unique(self.codes[rows], return_inverse=True)[1]
        arrays = arrange(self.x[rows], self.z[rows], codes, names=[name])
        if arrays.least_information[int(self.reml)] < _ALIASED:
            raise AnalysisError(
                "the variances of random effects and residuals cannot be told apart",
                found=f"{len(rows)} rows, {codes.max() + 1} levels of {name}",
                fix="fewer random effects, or rows of levels seen more often",
            )
        kind = InterceptPanel if self.z.shape[1] == 1 else SlopePanel
        return shared, kind(shared, reml=self.reml)


def fit_together(
    fast: Shared, values: Floats, rows: Ints, threads: int, progress: Callable[[int, int], None] | None
) -> PanelTable:
    """Fit all responses, those with the same missing values at once."""
    k = values.shape[1]
    table, done = PanelTable(k, fast.p), 0
    with ThreadPoolExecutor(threads) as pool:
        for pattern, places in _patterns(values, rows):
            try:
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
    fast: Shared, shared: PanelRows, engine: Any, values: Floats, at: Ints, chunk: Ints, table: PanelTable
) -> None:
    """Fit some responses on the rows `at` of the values, and enter them in the table."""
    y = np.ascontiguousarray(values.T[chunk][:, at])
    n, p = shared.basis.shape
    low, high = y.min(axis=1), y.max(axis=1)
    constant = high - low <= 1e-12 * np.maximum(np.abs(low), np.abs(high))
    unit, coefficients, norm, explained = residuals(shared, y)
    table.n[chunk] = n
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
