"""The locked signature: one JSON file that scores a new sample, and can tell whether it was altered."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from lumier_analysis.errors import SignatureError
from lumier_analysis.signature.scoring import Floats, composite_score, linear_score, module_mean, z_scores
from lumier_analysis.study.io import json_text, sha256_text, write_text_atomic

FORMAT_VERSION = 1
# Test vectors must reproduce to this (relative and absolute): sums may be ordered otherwise on another machine.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class LockedSignature:
    """A frozen signature. Built by `lock_module_score` or `lock_elastic_net`; read by `load`.

    Attributes
    ----------
    format_version : int
    kind : {"module_score", "elastic_net"}
    name : str
    genes : tuple of str
        Genes that carry a weight.
    weights : dict of gene -> float
        Applied to z-scores. Higher score = higher risk.
    intercept : float
    reference_genes : tuple of str
        Genes the expression is relative to.
    scaling : dict of gene -> {"mean", "sd"}
        log2; frozen, for every panel gene that can be scaled.
    scaling_reference : str
        Whose means and standard deviations these are.
    limit_of_detection : float or None
        Ct; None for an expression matrix.
    missing_gene_rule : dict
        {"rule": "module_mean", "minimum_fraction"}: a module is the mean of its genes that are there, at least this
        share of those listed. {"rule": "zero", "maximum_missing_fraction"}: a missing gene counts as z = 0, up to
        this share.
    modules : dict of module -> list of genes
        As the plan lists them.
    scores : dict of score -> list of modules
        Mean of module scores; `name` is one of them for a module score.
    calibration : dict or None
        {"intercept", "slope"}: risk = expit(intercept + slope * score).
    threshold : float or None
        Flag: score >= threshold.
    genes_left_out : tuple of str
        Panel genes without a usable scaling.
    plan_hash, data_hash : str
        SHA-256 of the plan and of the derivation data.
    test_vectors : tuple of dict
        Made-up samples (expression) with the score, risk and flag they must give; no patient's data.
    hashes : dict
        SHA-256 of every field, and of them all ("content").
    """

    kind: str
    name: str
    genes: tuple[str, ...]
    weights: dict[str, float]
    intercept: float
    reference_genes: tuple[str, ...]
    scaling: dict[str, dict[str, float]]
    scaling_reference: str
    limit_of_detection: float | None
    missing_gene_rule: dict[str, Any]
    modules: dict[str, list[str]]
    scores: dict[str, list[str]]
    calibration: dict[str, float] | None
    threshold: float | None
    genes_left_out: tuple[str, ...]
    plan_hash: str
    data_hash: str
    test_vectors: tuple[dict[str, Any], ...] = ()
    format_version: int = FORMAT_VERSION
    hashes: dict[str, str] = field(default_factory=dict)

    # --- scoring --------------------------------------------------------------------------------------------------

    def score(self, expression: pd.DataFrame) -> pd.DataFrame:
        """Score samples; nothing is re-scaled or re-centred on them.

        Parameters
        ----------
        expression : DataFrame
            Index sample, one column a gene: log2 expression relative to the reference genes, higher = more RNA;
            NaN = untrusted. Other columns are ignored; an absent gene is missing for every sample.

        Returns
        -------
        DataFrame
            Index sample_id; score (NaN where not scorable), risk (of the event within the window), flag (score >=
            threshold; NA where not scorable), scorable, reason (why not; "" where it is).

        Raises
        ------
        SignatureError
            No gene of the signature, a doubled gene or sample, text or an infinite value in a gene's column.
        """
        if self.missing_gene_rule["rule"] == "module_mean":
            raw, reasons = self._module_rule(expression)
        else:
            raw, reasons = self._zero_rule(expression)
        score = self.intercept + raw
        scorable = ~np.isnan(score)
        risk = np.full(score.size, np.nan)
        if self.calibration is not None:
            risk = expit(self.calibration["intercept"] + self.calibration["slope"] * score)
        flag = pd.array(np.full(score.size, None), dtype="boolean")
        if self.threshold is not None:
            flag[scorable] = score[scorable] >= self.threshold
        return pd.DataFrame(
            {
                "score": score,
                "risk": risk,
                "flag": flag,
                "scorable": scorable,
                "reason": ["" if ok else why for ok, why in zip(scorable, reasons, strict=True)],
            },
            index=pd.Index(expression.index, name="sample_id"),
        )

    def _module_rule(self, expression: pd.DataFrame) -> tuple[Floats, list[str]]:
        """Return weighted module means and, for each sample, why it could not be scored."""
        names = self.scores[self.name]
        # Genes as the plan lists them: one without a scaling is missing in every sample and counts in the share.
        genes = [(g, j) for j, m in enumerate(names) for g in self.modules[m]]
        z = self._z(expression, tuple(g for g, _ in genes))
        weights = np.array([self.weights.get(g, 0.0) for g, _ in genes])
        least = float(self.missing_gene_rule["minimum_fraction"])
        raw, short = composite_score(z, weights, np.array([j for _, j in genes]), least)
        lines = [", ".join(m for m, s in zip(names, line, strict=True) if s) for line in short]
        return raw, [f"fewer than {least:.0%} of the genes of {modules}" for modules in lines]

    def _zero_rule(self, expression: pd.DataFrame) -> tuple[Floats, list[str]]:
        """Return the weighted sum of z-scores and, for each sample, why it could not be scored."""
        most = float(self.missing_gene_rule["maximum_missing_fraction"])
        weights = np.array([self.weights[g] for g in self.genes])
        raw, missing = linear_score(self._z(expression, self.genes), weights, most)
        return raw, [f"{share:.0%} of the genes missing, at most {most:.0%} allowed" for share in missing]

    def module_scores(self, expression: pd.DataFrame) -> pd.DataFrame:
        """Return every module score and every composite of the plan; index sample_id, NaN where genes fall short.

        Mean z of the module's genes that are there, at least half of them; a composite is the mean of its modules.
        """
        genes = tuple(g for members in self.modules.values() for g in members)
        z = pd.DataFrame(self._z(expression, genes), columns=list(genes))
        least = float(self.missing_gene_rule.get("minimum_fraction", 0.5))
        table = {m: module_mean(z[members].to_numpy(), least) for m, members in self.modules.items()}
        table |= {s: np.mean([table[m] for m in members], axis=0) for s, members in self.scores.items()}
        return pd.DataFrame(table, index=pd.Index(expression.index, name="sample_id"))

    def _z(self, expression: pd.DataFrame, genes: tuple[str, ...]) -> Floats:
        """Return z-scores of `genes`, shape (n, p); NaN for a gene that is absent or has no scaling."""
        known = expression.columns.intersection(list(self.genes))
        if known.empty:
            raise SignatureError(
                f"the table holds no gene of the signature {self.name}",
                found=f"columns {', '.join(map(str, expression.columns[:5]))} ...",
                fix=f"one column a gene, samples in rows; expected {', '.join(genes[:5])} ...",
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
        mean = np.array([self.scaling.get(g, none)["mean"] for g in genes])
        sd = np.array([self.scaling.get(g, none)["sd"] for g in genes])
        return z_scores(x, mean, sd)

    # --- identity -------------------------------------------------------------------------------------------------

    def field_hashes(self) -> dict[str, str]:
        """Return the SHA-256 of each field as JSON, and under "content" that of all of them."""
        content = json.loads(json_text({f.name: getattr(self, f.name) for f in fields(self) if f.name != "hashes"}))
        each = {k: sha256_text(json.dumps(v, sort_keys=True, ensure_ascii=False)) for k, v in content.items()}
        return each | {"content": sha256_text("\n".join(f"{k} {each[k]}" for k in sorted(each)))}

    def verify(self) -> None:
        """Check that content and test vectors are what they were when the signature was locked.

        Raises
        ------
        SignatureError
            Naming the fields that were altered, or the test vectors that no longer give their score.
        """
        now = self.field_hashes()
        changed = [k for k in now if k != "content" and self.hashes.get(k) != now[k]]
        if changed or self.hashes.get("content") != now["content"] or set(self.hashes) != set(now):
            raise SignatureError(
                f"the locked signature {self.name} was altered",
                found=f"changed: {', '.join(changed) or 'its hashes'}",
                fix="take the file from the run that locked it",
            )
        wrong = []
        for i, vector in enumerate(self.test_vectors, start=1):
            got = self.expected(vector["expression"])
            wrong += [f"{k} of test vector {i}" for k in got if not _same(got[k], vector[k])]
        if wrong or not self.test_vectors:
            raise SignatureError(
                f"the locked signature {self.name} does not reproduce its test vectors",
                found=", ".join(wrong) or "no test vector",
                fix="use the version of the software that locked it",
            )

    def expected(self, sample: dict[str, float]) -> dict[str, Any]:
        """Return score, risk and flag of one sample as JSON knows them (None where not scorable)."""
        frame = pd.DataFrame({g: [sample.get(g, np.nan)] for g in self.genes}, index=["sample"], dtype=np.float64)
        line = self.score(frame).iloc[0]
        numbers = {k: None if math.isnan(line[k]) else float(line[k]) for k in ("score", "risk")}
        return numbers | {"flag": None if pd.isna(line["flag"]) else bool(line["flag"])}

    def save(self, path: str | Path) -> Path:
        """Write the signature as JSON, whole or not at all; the same signature gives the same bytes."""
        order = ["format_version", *(f.name for f in fields(self) if f.name != "format_version")]
        return write_text_atomic(Path(path), json_text({name: getattr(self, name) for name in order}))

    @classmethod
    def load(cls, path: str | Path) -> LockedSignature:
        """Read a signature and verify it.

        Raises
        ------
        SignatureError
            No such file, not JSON, another format version, missing or unknown fields, or as `verify`.
        """
        path = Path(path)
        if not path.is_file():
            raise SignatureError(f"there is no locked signature at {path}", fix="derive and lock one first")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise SignatureError(f"{path.name} is not a JSON file", found=str(error)) from None
        version = content.get("format_version") if isinstance(content, dict) else None
        if version != FORMAT_VERSION:
            raise SignatureError(
                f"{path.name} is no locked signature this version can read",
                found=f"format_version {version}",
                fix=f"format_version {FORMAT_VERSION} is needed",
            )
        names = {f.name for f in fields(cls)}
        if set(content) != names:
            raise SignatureError(
                f"{path.name} does not have the fields of a locked signature",
                found=f"missing: {', '.join(sorted(names - set(content))) or 'none'};"
                f" unknown: {', '.join(sorted(set(content) - names)) or 'none'}",
            )
        for name in ("genes", "reference_genes", "genes_left_out", "test_vectors"):
            if isinstance(content[name], list):
                content[name] = tuple(content[name])
        signature = cls(**content)
        try:
            signature.verify()
        except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
            raise SignatureError(f"{path.name} was altered and cannot be read", found=repr(error)) from None
        return signature

    def _repr_html_(self) -> str:
        threshold = "none" if self.threshold is None else f"{self.threshold:.3f}"
        return (
            f"<p><strong>Locked signature {self.name}</strong> ({self.kind}, {len(self.genes)} genes); threshold"
            f" {threshold}; content {self.field_hashes()['content'][:12]}</p>"
        )


def _same(a: Any, b: Any) -> bool:
    """Return whether two expected values agree: both absent, equal, or within `TOLERANCE`."""
    if a is None or b is None or isinstance(a, bool) or isinstance(b, bool):
        return a is b
    return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
