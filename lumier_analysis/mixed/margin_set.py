"""A set of marginal means or slopes: its table, contrasts and joint tests."""

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

Floats = npt.NDArray[np.float64]


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


def _index(frame: pd.DataFrame, names: list[str]) -> pd.Index:
    """Return one level of the index a column; categories as their labels."""
    plain = [frame[n].astype(object).tolist() for n in names]
    return pd.Index(plain[0], name=names[0]) if len(names) == 1 else pd.MultiIndex.from_arrays(plain, names=names)
