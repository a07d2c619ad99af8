"""Which reference genes the plan's rule chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr.stability import GeNorm, genorm, normfinder

Rule = Literal["fixed", "genorm", "normfinder"]
#: Genes whose use as references in an interferon study needs a reason, and why.
CAUTIONS: dict[str, str] = {
    "B2M": "interferon-inducible (MHC class I): it rises with the interferon score",
    "ACTB": "member of an inflammation module (M5.1)",
    "GAPDH": "member of an inflammation module (M7.1)",
    "PGK1": "member of an inflammation module (M5.1)",
    "HMBS": "member of erythrocyte modules: it follows reticulocytes",
}


@dataclass(frozen=True, eq=False)
class ReferenceChoice:
    """The reference genes and how they were chosen.

    Attributes
    ----------
    genes : list of str
        What normalises; in the order of the ranking, or of the plan where the rule is "fixed".
    rule : str
    table : DataFrame
        Index gene, best first: m (geNorm, among all candidates), stability (NormFinder), used, caution ("" or why the
        gene is a doubtful reference). NaN where stability could not be computed.
    pairwise_variation : Series
        V(n/n+1) along the ranking that was used.
    genorm : GeNorm or None
    samples : int
        Samples in which every candidate was measured.
    notes : list of str
        What a reader must know.
    """

    genes: list[str]
    rule: str
    table: pd.DataFrame
    pairwise_variation: pd.Series
    genorm: GeNorm | None
    samples: int
    notes: list[str]


def choose_references(
    log2_quantities: pd.DataFrame,
    *,
    rule: Rule = "fixed",
    maximum_m: float = 1.0,
    maximum_variation: float = 0.15,
    minimum_samples: int = 10,
) -> ReferenceChoice:
    """Choose reference genes among candidates.

    Parameters
    ----------
    log2_quantities : DataFrame
        Samples of the test cohort x candidates, log2 (-Ct serves); NaN where not measured, or below detection. Samples
        with a NaN are left out.
    rule : {"fixed", "genorm", "normfinder"}
        "fixed" uses every candidate; stability is then computed to be shown. Else candidates are left out, the worst
        first, until M of all that remain is at most `maximum_m`; those that remain are ranked by the method; and the
        first n serve, n the smallest number for which V(n/n+1) is below `maximum_variation` (all, where none is).
    maximum_m : float
        log2 units. Vandesompele 2002 (Genome Biol 3:research0034) takes 1.5; below 1 is usual for blood, 0.5 for
        homogeneous tissue (Hellemans 2007).
    maximum_variation : float
        0.15 in Vandesompele 2002.
    minimum_samples : int
        Complete samples that a rule other than "fixed" needs.

    Returns
    -------
    ReferenceChoice

    Raises
    ------
    AnalysisError
        A rule other than "fixed" with fewer than three candidates or too few samples, or fewer than two stable genes.
    """
    candidates = [str(c) for c in log2_quantities.columns]
    complete = log2_quantities.dropna()
    possible = len(candidates) >= 3 and len(complete) >= minimum_samples
    notes: list[str] = []
    if not possible:
        found = f"{len(candidates)} candidates in {len(complete)} samples that have all of them"
        if rule != "fixed":
            raise AnalysisError(
                f"Choosing reference genes by {rule} needs 3 candidates and {minimum_samples} samples",
                found=found,
                fix="set `qpcr.reference_choice: fixed` in the plan, or name more `panel.reference_genes`",
            )
        notes.append(f"stability not computed: {found}")
        nothing = pd.Series(dtype="float64", name="pairwise_variation")
        empty = pd.DataFrame({"m": np.nan, "stability": np.nan}, index=pd.Index(candidates, name="gene"))
        return ReferenceChoice(
            candidates, rule, _described(empty, candidates, notes), nothing, None, len(complete), notes
        )

    first, stability = genorm(complete), normfinder(complete)
    table = pd.DataFrame({"m": first.m, "stability": stability}).rename_axis("gene")
    if rule == "fixed":
        high = [g for g in candidates if first.m[g] > maximum_m]
        if high:
            notes.append(f"M above {maximum_m:g}, kept since the plan fixes the genes: {', '.join(high)}")
        if first.pairwise_variation.iloc[-1] >= maximum_variation:
            notes.append(f"V({first.pairwise_variation.index[-1]}) is not below {maximum_variation:g}")
        table = _described(table.loc[first.ranking], candidates, notes)
        return ReferenceChoice(candidates, rule, table, first.pairwise_variation, first, len(complete), notes)

    left = list(candidates)
    while len(left) > 2 and (m := genorm(complete[left]).m).max() > maximum_m:
        left.remove(worst := str(m.idxmax()))
        notes.append(f"{worst} left out: M {m.max():.2f} above {maximum_m:g}")
    # Two genes share one M, the SD of their difference.
    if len(left) < 3 and float((complete[left[0]] - complete[left[1]]).std()) > maximum_m:
        raise AnalysisError(
            f"No two candidates are stable: M stays above {maximum_m:g}",
            found=", ".join(f"{g} {first.m[g]:.2f}" for g in first.ranking),
            fix="name other `panel.reference_genes`, or raise `qpcr.maximum_m` with a reason",
        )
    ranking = _ranking(complete[left], rule)
    variation = _variation(complete[ranking])
    below = np.flatnonzero(variation.to_numpy() < maximum_variation)
    number = int(below[0]) + 2 if len(below) else len(ranking)
    if not len(below) and len(ranking) > 2:
        notes.append(f"no V(n/n+1) is below {maximum_variation:g}: every stable candidate is used")
    chosen = ranking[:number]
    removed = sorted(set(candidates) - set(left), key=lambda g: float(first.m[g]))
    table = _described(table.loc[[*ranking, *removed]], chosen, notes)
    return ReferenceChoice(chosen, rule, table, variation, first, len(complete), notes)


def _ranking(complete: pd.DataFrame, rule: str) -> list[str]:
    """Return the genes, best first."""
    if complete.shape[1] < 3:
        return [str(c) for c in complete.columns]
    if rule == "genorm":
        return genorm(complete).ranking
    return [str(g) for g in normfinder(complete).sort_values(kind="stable").index]


def _variation(ranked: pd.DataFrame) -> pd.Series:
    """Return V(n/n+1) along the columns as they stand."""
    factors = ranked.to_numpy(dtype="float64").cumsum(axis=1) / np.arange(1, ranked.shape[1] + 1)
    v = {f"{n}/{n + 1}": np.std(factors[:, n - 1] - factors[:, n], ddof=1) for n in range(2, ranked.shape[1])}
    return pd.Series(v, name="pairwise_variation", dtype="float64")


def _described(table: pd.DataFrame, used: Sequence[str], notes: list[str]) -> pd.DataFrame:
    """Add which genes are used and what speaks against them; doubtful genes in use are noted by name."""
    caution = pd.Series([CAUTIONS.get(str(g), "") for g in table.index], index=table.index, dtype="str")
    notes.extend(f"{g} is {CAUTIONS[g]}" for g in used if g in CAUTIONS)
    return table.assign(used=table.index.isin(list(used)), caution=caution)
