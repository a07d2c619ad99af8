"""The elastic net learned on the whole test cohort: the candidate that may be locked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from lumier_analysis.errors import AnalysisError
from lumier_analysis.signature.features import check_features
from lumier_analysis.signature.recipe import Recipe
from lumier_analysis.signature.tuning import ElasticNetFit, Settings, tune_elastic_net


@dataclass(frozen=True, slots=True)
class Refit:
    """An elastic net with the names of its columns.

    Attributes
    ----------
    fit : ElasticNetFit
    genes : tuple of str
        Columns it was offered, in their order: genes, unless a recipe made others.
    """

    fit: ElasticNetFit
    genes: tuple[str, ...]

    @property
    def selected(self) -> pd.Series:
        """Coefficients per training standard deviation of the columns with a coefficient other than 0."""
        coef = pd.Series(self.fit.coef, index=list(self.genes), name="coefficient")
        return coef[coef != 0]

    def gene_weights(self) -> tuple[pd.Series, float]:
        """Return weights per log2 unit of each gene, and the intercept: modules dissolved into their genes.

        Where the recipe chose reference genes (`fit.preparation.design.reference_names`), expression is relative to
        their mean. For a sample with every gene, intercept + sum of weight x expression is the linear predictor.

        Raises
        ------
        AnalysisError
            The model uses a change from the first sample or a clinical column: one sample does not give its score.
        """
        prepared = self.fit.preparation
        used = self.fit.coef != 0
        per_unit = np.divide(self.fit.coef, prepared.sd, out=np.zeros_like(self.fit.coef), where=used)
        intercept = self.fit.intercept - float(per_unit @ prepared.mean)
        if prepared.design is None:
            weights = pd.Series(per_unit, index=list(self.genes), name="weight")
            return weights[weights != 0], intercept
        recipe = prepared.design.recipe
        others = [
            c
            for c, u, part in zip(self.genes, used, recipe.part_of_columns, strict=True)
            if u and part not in ("genes", "modules")
        ]
        if others:
            raise AnalysisError(
                "the model needs more than the expression of one sample",
                found=", ".join(others[:5]),
                fix="leave changes and clinical columns out of derivation.features to lock a signature of genes",
            )
        weights = pd.Series(0.0, index=list(recipe.offered), name="weight")
        for name, part, unit in zip(self.genes, recipe.part_of_columns, per_unit, strict=True):
            if part == "genes":
                weights[name] += unit
            elif unit != 0:
                members = [g for g in recipe.modules[name] if g in weights.index]
                mean, sd = (pd.Series(v, index=weights.index) for v in (prepared.design.mean, prepared.design.sd))
                members = [g for g in members if sd[g] > 0]
                weights[members] += unit / (sd[members] * len(members))
                intercept -= unit * float((mean[members] / sd[members]).sum()) / len(members)
        return weights[weights != 0], intercept


def refit_elastic_net(
    features: pd.DataFrame,
    outcome: Any,
    patients: Any,
    *,
    settings: Settings | None = None,
    recipe: Recipe | None = None,
    seed: int = 20160911,
) -> Refit:
    """Tune and fit the elastic net on all rows, as in each outer fold of `nested_cv`.

    Parameters
    ----------
    features : DataFrame, shape (n, p)
        One row a landmark, one column a gene (or as the recipe says); NaN = missing.
    outcome : array-like of 0/1 or bool, shape (n,)
    patients : array-like, shape (n,)
    settings : Settings, optional
    recipe : Recipe, optional
    seed : int

    Raises
    ------
    AnalysisError
        Rows that do not match, or fewer than two event patients.
    """
    data = check_features(features, outcome, patients, recipe)
    with threadpool_limits(limits=1):
        fit = tune_elastic_net(data.x, data.event, data.patient, settings or Settings(), (seed,), recipe)
    return Refit(fit, data.columns)
