"""From an expression table to scores, by the constants and the missing-gene rule of a signature."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy  # its parts are loaded at their first use

from lumier_analysis.errors import SignatureError
from lumier_analysis.signature.scoring import Floats, composite_score, linear_score, module_mean, z_scores
from lumier_analysis.signature.signature_fields import SignatureFields


def score_expression(signature: SignatureFields, expression: pd.DataFrame) -> pd.DataFrame:
    """Score samples; `LockedSignature.score` tells the rest."""
    by_module = signature.missing_gene_rule["rule"] == "module_mean"
    raw, reasons = (_module_rule if by_module else _zero_rule)(signature, expression)
    return finished(signature, signature.intercept + raw, reasons, expression.index)


def finished(signature: SignatureFields, score: Floats, reasons: Sequence[str], samples: pd.Index) -> pd.DataFrame:
    """Return score, risk, flag, scorable and reason; a sample with score NaN is not scorable for its reason."""
    scorable = ~np.isnan(score)
    risk = np.full(score.size, np.nan)
    if signature.calibration is not None:
        risk = scipy.special.expit(signature.calibration["intercept"] + signature.calibration["slope"] * score)
    flag = pd.array(np.full(score.size, None), dtype="boolean")
    if signature.threshold is not None:
        flag[scorable] = score[scorable] >= signature.threshold
    return pd.DataFrame(
        {
            "score": score,
            "risk": risk,
            "flag": flag,
            "scorable": scorable,
            "reason": ["" if ok else why for ok, why in zip(scorable, reasons, strict=True)],
        },
        index=pd.Index(samples, name="sample_id"),
    )


def module_scores(signature: SignatureFields, expression: pd.DataFrame) -> pd.DataFrame:
    """Return every module score and every composite of the plan; `LockedSignature.module_scores` tells the rest."""
    genes = tuple(g for members in signature.modules.values() for g in members)
    z = pd.DataFrame(_z(signature, expression, genes), columns=list(genes))
    least = float(signature.missing_gene_rule.get("minimum_fraction", 0.5))  # type: ignore[arg-type]
    table = {m: module_mean(z[members].to_numpy(), least) for m, members in signature.modules.items()}
    table |= {s: np.mean([table[m] for m in members], axis=0) for s, members in signature.scores.items()}
    return pd.DataFrame(table, index=pd.Index(expression.index, name="sample_id"))


def _module_rule(signature: SignatureFields, expression: pd.DataFrame) -> tuple[Floats, list[str]]:
    """Return weighted module means and, for each sample, why it could not be scored."""
    names = signature.scores[signature.name]
    # Genes as the plan lists them: one without a scaling is missing in every sample and counts in the share.
    genes = [(g, j) for j, m in enumerate(names) for g in signature.modules[m]]
    z = _z(signature, expression, tuple(g for g, _ in genes))
    weights = np.array([signature.weights.get(g, 0.0) for g, _ in genes])
    least = float(signature.missing_gene_rule["minimum_fraction"])  # type: ignore[typeddict-item]
    raw, short = composite_score(z, weights, np.array([j for _, j in genes]), least)
    lines = [", ".join(m for m, s in zip(names, line, strict=True) if s) for line in short]
    return raw, [f"fewer than {least:.0%} of the genes of {modules}" for modules in lines]


def _zero_rule(signature: SignatureFields, expression: pd.DataFrame) -> tuple[Floats, list[str]]:
    """Return the weighted sum of z-scores and, for each sample, why it could not be scored."""
    most = float(signature.missing_gene_rule["maximum_missing_fraction"])  # type: ignore[typeddict-item]
    weights = np.array([signature.weights[g] for g in signature.genes])
    raw, missing = linear_score(_z(signature, expression, signature.genes), weights, most)
    return raw, [f"{share:.0%} of the genes missing, at most {most:.0%} allowed" for share in missing]


def _z(signature: SignatureFields, expression: pd.DataFrame, genes: tuple[str, ...]) -> Floats:
    """Return z-scores of `genes`, shape (n, p); NaN for a gene that is absent or has no scaling."""
    known = expression.columns.intersection(list(signature.genes))
    if known.empty:
        raise SignatureError(
            f"the table holds no gene of the signature {signature.name}",
            found=f"columns {', '.join(map(str, expression.columns[:5]))} ...",
            fix=f"one column a gene, samples in rows; expected {', '.join(signature.genes[:5])} ...",
        )
    for what, labels in (
        ("gene", expression.columns[expression.columns.isin(list(genes))]),
        ("sample", expression.index),
    ):
        if not labels.is_unique:
            raise SignatureError(f"a {what} stands twice", found=str(labels[labels.duplicated()][0]))
    try:
        x = expression.reindex(columns=list(genes)).to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise SignatureError("expression holds something that is no number", found=str(error)) from None
    if np.isinf(x).any():
        row, column = np.argwhere(np.isinf(x))[0]
        raise SignatureError("expression is infinite", found=f"{genes[column]} of {expression.index[row]}")
    none = {"mean": np.nan, "sd": np.nan}
    mean = np.array([signature.scaling.get(g, none)["mean"] for g in genes])
    sd = np.array([signature.scaling.get(g, none)["sd"] for g in genes])
    return z_scores(x, mean, sd)
