"""Estimated marginal means and slopes of a fitted model, and contrasts of them.

Searle, Speed and Milliken 1980, Am Stat 34:216; defaults and directions as in R's emmeans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.mixed.contrast_sets import contrast_weights
from lumier_analysis.mixed.model import FittedModel
from lumier_analysis.mixed.multiplicity import adjusted_p_values, check_adjustment, critical_values
from lumier_analysis.mixed.reference_grid import averaged_rows, cells_of, factor_levels

Floats = npt.NDArray[np.float64]

# Step of the central difference, as a part of the covariate's range: exact to rounding for lines and parabolas.
_STEP = 1e-4


@dataclass(frozen=True)
class Margins:
    """Marginal means, or slopes, each a linear combination of the coefficients.

    Attributes
    ----------
    model : FittedModel
    quantity : str
        "mean", or "slope of month".
    cells : DataFrame
        One row a mean: the levels it is for.
    rows : ndarray, shape (means, p)
    n_rows : tuple of int
        Rows of the data with these levels; covariates do not count.
    weights, note : str
    """

    model: FittedModel
    quantity: str
    cells: pd.DataFrame
    rows: Floats = field(repr=False)
    n_rows: tuple[int, ...]
    weights: str
    note: str

    @cached_property
    def table(self) -> pd.DataFrame:
        """Index the levels; estimate, se, df, ci_low, ci_high (each interval on its own, not simultaneous), n_rows."""
        names = list(self.cells.columns)
        index = _index(self.cells, names) if names else pd.Index(["overall"])
        table = self.model.contrast(self.rows).drop(columns=["t", "p_value"])
        return table.set_axis(index, axis=0).assign(n_rows=list(self.n_rows))

    def contrasts(
        self,
        wanted: str | Mapping[str, Any] = "pairwise",
        *,
        by: str | Sequence[str] = (),
        adjust: str = "none",
    ) -> pd.DataFrame:
        """Return differences, or other contrasts, with tests and intervals.

        Parameters
        ----------
        wanted : {"pairwise", "reference", "consecutive"} or mapping
            pairwise: every earlier level minus every later one, as emmeans; reference: each minus the first;
            consecutive: each minus the one before. Or contrast -> {level: weight}, with a tuple for several factors,
            or contrast -> sequence of weights: {"flare - pre": {"flare": 1, "pre": -1}}.
        by : str or sequence of str
            Factors within whose levels contrasts are made; every combination of them is a family of its own.
        adjust : {"none", "holm", "tukey"}
            tukey: for pairwise alone, its intervals are simultaneous; holm: with Bonferroni's intervals.

        Returns
        -------
        DataFrame
            Index contrast (and the levels of `by`); estimate, se, df, t, p_value, ci_low, ci_high.

        Raises
        ------
        AnalysisError
            One mean alone, a level that is not there.
        UsageError
            Unknown or unsuitable options, weights that do not fit.
        """
        check_adjustment(adjust)
        if adjust == "tukey" and wanted != "pairwise":
            raise UsageError("Tukey's adjustment is for all pairwise differences", fix='adjust="holm"')
        blocks = []
        for held, block in self._families(by):
            inner = [c for c in self.cells.columns if c not in held]
            labels = [tuple(row) for row in block[inner].itertuples(index=False)]
            names, weights = contrast_weights(wanted, labels)
            table = self._family(weights @ self.rows[block.index], names, adjust, len(labels))
            keys = [tuple(held.values())] * len(names)
            index = pd.MultiIndex.from_tuples(
                [(*k, n) for k, n in zip(keys, names, strict=True)], names=[*held, "contrast"]
            )
            blocks.append(table.set_axis(index if held else pd.Index(names, name="contrast"), axis=0))
        return pd.concat(blocks)

    def joint_tests(self, *, by: str | Sequence[str] = ()) -> pd.DataFrame:
        """Test that all means are equal, within levels of `by` where given.

        Returns
        -------
        DataFrame
            One row a combination of levels of `by`: df_num, df_den, f, p_value.
        """
        found, keys = [], []
        for held, block in self._families(by):
            _, weights = contrast_weights("reference", [(i,) for i in range(len(block))])
            test = self.model.f_test(weights @ self.rows[block.index])
            found.append({"df_num": test.df_num, "df_den": test.df_den, "f": test.statistic, "p_value": test.p_value})
            keys.append(held)
        held_frame = pd.DataFrame(keys)
        names = list(held_frame.columns)
        index = _index(held_frame, names) if names else pd.Index([" x ".join(map(str, self.cells.columns))])
        return pd.DataFrame(found, index=index)

    def _families(self, by: str | Sequence[str]) -> list[tuple[dict[str, Any], pd.DataFrame]]:
        """Return the levels held, and the cells that have them."""
        held = [by] if isinstance(by, str) else list(by)
        unknown = [name for name in held if name not in self.cells.columns]
        if unknown:
            raise AnalysisError(
                f"the means are not split by {', '.join(unknown)}",
                fix=f"by one of {', '.join(map(str, self.cells.columns))}",
            )
        if not held:
            families: list[tuple[dict[str, Any], pd.DataFrame]] = [({}, self.cells)]
        else:
            unique = self.cells[held].drop_duplicates().to_dict("records")
            families = [
                ({str(k): v for k, v in u.items()}, self.cells[(self.cells[held] == pd.Series(u)).all(axis=1)])
                for u in unique
            ]
        if len(families[0][1]) < 2:
            raise AnalysisError("there is one mean alone: nothing to compare", fix="leave a factor out of by=")
        return families

    def _family(self, rows: Floats, names: list[str], adjust: str, n_means: int) -> pd.DataFrame:
        """Return the contrasts of one family, adjusted."""
        table = self.model.contrast(rows, names)
        if adjust == "none":
            return table
        t, df = table["t"].to_numpy(), table["df"].to_numpy()
        half = critical_values(df, self.model.level, adjust, n_means) * table["se"]
        return table.assign(
            p_value=adjusted_p_values(t, df, adjust, n_means),
            ci_low=table["estimate"] - half,
            ci_high=table["estimate"] + half,
        )

    def _repr_html_(self) -> str:
        note = f"<br>{self.note}" if self.note else ""
        said = f"{self.quantity}, weights {self.weights}; {self.model.method}{note}"
        return f"<p><small>{said}</small></p>{self.table.to_html(float_format=lambda v: f'{v:.4g}')}"


def estimated_means(
    model: FittedModel,
    by: str | Sequence[str],
    *,
    at: Mapping[str, Any] | None = None,
    weights: str = "equal",
) -> Margins:
    """Return the marginal means of the response at each level of one or several factors.

    Parameters
    ----------
    model : FittedModel
    by : str or sequence of str
        "visit", ["arm", "visit"].
    at : mapping, optional
        Values of other variables, {"prednisone": 10}, averaged over where there are several; for a covariate in `by`
        the values to give means for.
    weights : {"equal", "observed"}
        equal: other factors count the same at each level, covariates stand at their mean over the rows used, as in
        emmeans; observed: averaged over the rows of the data, each set to the level in turn.

    Returns
    -------
    Margins
        In units of the response; `.table`, `.contrasts()`, `.joint_tests()`.

    Raises
    ------
    AnalysisError
        Unknown variable or level, a factor with one level, a mean that the data do not determine.
    UsageError
        A covariate without values in `at`, unknown weights.
    """
    names, at = _names(by), dict(at or {})
    cells = cells_of(model.design, names, at)
    rows = averaged_rows(model.design, cells, weights, {k: v for k, v in at.items() if k not in names})
    return _margins(model, "mean", cells, rows, weights)


def estimated_slopes(
    model: FittedModel,
    covariate: str,
    by: str | Sequence[str] = (),
    *,
    at: Mapping[str, Any] | None = None,
    weights: str = "equal",
) -> Margins:
    """Return the slope of a covariate, at each level of factors where given (emmeans::emtrends).

    Parameters
    ----------
    model : FittedModel
    covariate : str
        A number in the model, "month"; where the model has a curve, the slope at the mean, or at ``at={"month": 3}``.
    by : str or sequence of str
    at, weights
        As in `estimated_means`; "observed" averages the slope over the rows of the data.

    Returns
    -------
    Margins
        In units of the response per unit of the covariate.

    Raises
    ------
    AnalysisError, UsageError
        As `estimated_means`; a covariate that is a factor.
    """
    names, at = _names(by), dict(at or {})
    levels = factor_levels(model.design)
    cells = cells_of(model.design, names, at)
    if covariate in levels and levels[covariate] is not None:
        raise UsageError(f"{covariate} is a factor: it has no slope", fix=f"estimated_means(model, {covariate!r})")
    cells_of(model.design, [], {covariate: 0.0})
    step = _STEP * float(np.ptp(model.design.used[covariate]))
    rest = {k: v for k, v in at.items() if k not in names}
    up, down = (averaged_rows(model.design, cells, weights, rest, {covariate: s}) for s in (step, -step))
    return _margins(model, f"slope of {covariate}", cells, (up - down) / (2 * step), weights)


def _names(by: str | Sequence[str]) -> list[str]:
    names = [by] if isinstance(by, str) else list(by)
    if len(set(names)) < len(names):
        raise UsageError("a factor is named twice", found=", ".join(names))
    return names


def _margins(model: FittedModel, quantity: str, cells: pd.DataFrame, rows: Floats, weights: str) -> Margins:
    """Return the margins with the rows behind each, and a word where there are none."""
    used, levels = model.design.used, factor_levels(model.design)
    factors = [str(c) for c in cells.columns if levels[str(c)] is not None]
    counts = []
    for cell in cells[factors].to_dict("records"):
        kept = np.ones(len(used), dtype=bool)
        for name, value in cell.items():
            kept &= (used[name] == value).to_numpy()
        counts.append(int(kept.sum()))
    empty = [
        ", ".join(f"{k}={v}" for k, v in cell.items())
        for cell, n in zip(cells[factors].to_dict("records"), counts, strict=True)
        if n == 0
    ]
    note = f"no rows at {'; '.join(empty)}: known only if the effects add up as the model says" if empty else ""
    return Margins(model, quantity, cells, rows, tuple(counts), weights, note)


def _index(frame: pd.DataFrame, names: list[str]) -> pd.Index:
    """Return one level of the index a column; categories as their labels."""
    plain = [frame[n].astype(object).tolist() for n in names]
    return pd.Index(plain[0], name=names[0]) if len(names) == 1 else pd.MultiIndex.from_arrays(plain, names=names)
