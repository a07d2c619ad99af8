"""The responses of a panel one after the other, for models that are not fitted together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pandas as pd

from lumier_analysis.errors import LumierError
from lumier_analysis.mixed.design import Design
from lumier_analysis.mixed.lmm import lmm
from lumier_analysis.mixed.panel_table import PER_TERM, PanelTable

Floats = npt.NDArray[np.float64]


def one_by_one(
    values: Floats, names: list[str], design: Design, data: pd.DataFrame, groups: str | None,
    random: str | Mapping[str, str], reml: bool, method: str, threads: int, progress: Callable[[int, int], None] | None,
) -> PanelTable:  # fmt: skip
    """Fit every response by `lmm`."""
    table = PanelTable(values.shape[1], len(design.columns))
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
        for name in PER_TERM:
            table.terms[name][place] = shown[name].to_numpy()
        table.residual_variance[place], table.log_likelihood[place] = fit.residual_variance, fit.log_likelihood
        table.singular[place], table.converged[place] = fit.singular, fit.converged
        table.say(place, fit.note)

    with ThreadPoolExecutor(threads) as pool:
        for done, _ in enumerate(pool.map(one, range(len(names))) if threads > 1 else map(one, range(len(names))), 1):
            if progress is not None:
                progress(done, len(names))
    return table
