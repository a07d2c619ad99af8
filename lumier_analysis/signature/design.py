"""From measured genes to the columns a model is offered; what this learns, it learns from training rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr.stability import genorm
from lumier_analysis.signature.recipe import Recipe

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

# Share of a module's genes that a sample needs, as in the pre-specified module scores.
_LEAST_MEASURED = 0.5


class Design(NamedTuple):
    """What the training rows teach about the columns.

    Attributes
    ----------
    recipe : Recipe
    references : ndarray of int
        Places of the chosen reference genes among the genes.
    levels : ndarray
        Their training means: a reference that a sample lacks does not shift it.
    mean, sd : ndarray, shape (n_offered,)
        Of the genes, for the z-scores of the modules; empty where no module is used.
    """

    recipe: Recipe
    references: Ints
    levels: Floats
    mean: Floats
    sd: Floats

    @property
    def reference_names(self) -> tuple[str, ...]:
        """Names of the chosen reference genes."""
        return tuple(self.recipe.genes[i] for i in self.references)

    def apply(self, x: Floats) -> Floats:
        """Return the columns, shape (n, q), of features of shape (n, p); NaN where they cannot be had."""
        r = self.recipe
        if r.parts == ("genes",) and not r.references:
            return x
        g = len(r.genes)
        now = self._relative(x[:, :g])
        first = self._relative(x[:, g : 2 * g]) if r.has_baseline else now
        made: dict[str, Floats] = {"genes": now, "clinical": x[:, x.shape[1] - len(r.clinical) :]}
        if "genes_change" in r.parts:
            made["genes_change"] = now - first
        if r.uses_modules:
            made["modules"] = self._modules(now)
        if "modules_change" in r.parts:
            made["modules_change"] = made["modules"] - self._modules(first)
        return np.column_stack([made[part] for part in r.parts])

    def _relative(self, genes: Floats) -> Floats:
        """Return the offered genes relative to the mean of the chosen references."""
        r = self.recipe
        if not r.references:
            return genes
        keep = [i for i, g in enumerate(r.genes) if g not in r.references]
        shift = genes[:, self.references] - self.levels
        seen = ~np.isnan(shift)
        usual = np.where(seen, shift, 0.0).sum(axis=1) / np.where(seen.any(axis=1), seen.sum(axis=1), np.nan)
        return genes[:, keep] - (usual + self.levels.mean())[:, None]

    def _modules(self, genes: Floats) -> Floats:
        """Return the mean z-score of each module's genes; NaN where fewer than half of them are measured."""
        z = (genes - self.mean) / np.where(self.sd > 0, self.sd, np.nan)
        place = {g: i for i, g in enumerate(self.recipe.offered)}
        columns = []
        for members in self.recipe.modules.values():
            part = z[:, [place[g] for g in members if g in place]]
            seen = ~np.isnan(part)
            count = seen.sum(axis=1)
            enough = count >= max(1.0, _LEAST_MEASURED * len(members))
            columns.append(np.where(seen, part, 0.0).sum(axis=1) / np.where(enough, count, np.nan))
        return np.column_stack(columns)


def learn_design(x: Floats, recipe: Recipe) -> Design:
    """Choose reference genes, and freeze the z-scores of the modules, from training rows of shape (n, p).

    Raises
    ------
    AnalysisError
        Candidate references that are hardly measured together.
    """
    design = Design(recipe, np.empty(0, np.intp), np.empty(0), np.empty(0), np.empty(0))
    genes = x[:, : len(recipe.genes)]
    if recipe.references:
        candidates = np.array([recipe.genes.index(g) for g in recipe.references], dtype=np.intp)
        measured = genes[:, candidates]
        complete = measured[~np.isnan(measured).any(axis=1)]
        if len(complete) < 10:
            raise AnalysisError(
                "too few samples have all candidate reference genes",
                found=f"{len(complete)} of {len(x)} training rows",
                fix="leave out the candidate that is missing most",
            )
        ranking = genorm(pd.DataFrame(complete, columns=list(recipe.references))).ranking[: recipe.n_references]
        chosen = np.sort(candidates[[recipe.references.index(g) for g in ranking]])
        design = design._replace(references=chosen, levels=np.nanmean(genes[:, chosen], axis=0))
    if recipe.uses_modules:
        mean, sd = column_mean_sd(design._relative(genes))
        design = design._replace(mean=mean, sd=sd)
    return design


def column_mean_sd(x: Floats) -> tuple[Floats, Floats]:
    """Return mean and n - 1 standard deviation of the measured values of each column; sd 0 where there are too few."""
    seen = ~np.isnan(x)
    n = seen.sum(axis=0)
    mean = np.where(seen, x, 0.0).sum(axis=0) / np.maximum(n, 1)
    square = np.where(seen, (x - mean) ** 2, 0.0).sum(axis=0)
    sd = np.sqrt(square / np.maximum(n - 1, 1))
    return mean, np.where((n > 2) & (sd > 1e-10 * np.maximum(1.0, np.abs(mean))), sd, 0.0)
