"""The clinical model once it is frozen: one JSON file that gives the risk of a row, the comparator of the score."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
import scipy  # its parts are loaded at their first use
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from lumier_analysis.errors import AnalysisError, SignatureError
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance.intervals import two_sided_p, z_quantile
from lumier_analysis.signature.clinical_columns import (
    Scale,
    numeric_columns,
    to_scale,
)
from lumier_analysis.study.io import json_text, sha256_text, write_text_atomic

INTERCEPT = "intercept"
FORMAT_VERSION: Literal[1] = 1

Number = dict[str, float]


@dataclass(frozen=True)
class ClinicalModel:
    """A frozen clinical model.

    Attributes
    ----------
    columns : tuple of str
        As the plan lists them.
    transformation : dict of column -> {"log2(1 + x)", "none"}
    coefficients : dict
        Log odds, by "intercept" and column, per unit of the transformed column; means over the imputations.
    standard_errors, df, fmi : dict
        By "intercept" and column: sandwich by patient, pooled by Rubin's rules.
    n_rows, n_patients, n_events : int
        It was fitted on.
    n_missing : dict of column -> int
        Values that were imputed.
    imputations, seed : int
    data_hash : str
        SHA-256 of the derivation data.
    software : str
    content_hash : str
        SHA-256 of all fields above; finds damage and careless edits.
    """

    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    transformation: dict[str, Scale]
    coefficients: Number
    standard_errors: Number
    df: Number
    fmi: Number
    n_rows: int
    n_patients: int
    n_events: int
    n_missing: dict[str, int]
    imputations: int
    seed: int
    data_hash: str
    software: str
    content_hash: str = ""
    format_version: Literal[1] = FORMAT_VERSION

    __pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)

    def linear_predictor(self, frame: pd.DataFrame) -> pd.Series:
        """Return the log odds of the event within the window, one a row; index as in `frame`.

        Parameters
        ----------
        frame : DataFrame
            The model's columns in their own units (not yet logarithms), complete: see `impute_clinical`.

        Raises
        ------
        AnalysisError
            A column that is not there or not numeric, missing or infinite values, or no logarithm.
        """
        x = numeric_columns(frame, self.columns)
        gaps = {c: int(x[c].isna().sum()) for c in self.columns if x[c].isna().any()}
        if gaps:
            raise AnalysisError(
                "the clinical model needs complete columns",
                found=", ".join(f"{c} missing in {n} of {len(x)} rows" for c, n in gaps.items()),
                fix="apply it to each frame of impute_clinical(rows, model.columns, outcome='event')",
            )
        x = to_scale(x, self.transformation)
        weights = np.array([self.coefficients[c] for c in self.columns])
        return pd.Series(self.coefficients[INTERCEPT] + x.to_numpy() @ weights, frame.index, name="linear_predictor")

    def risk(self, frame: pd.DataFrame) -> pd.Series:
        """Return the predicted risk of the event within the window, as `linear_predictor`."""
        return pd.Series(scipy.special.expit(self.linear_predictor(frame)), frame.index, name="risk")

    def estimates(self, level: float = 0.95) -> dict[str, Estimate]:
        """Return the log odds ratio of each column with its interval, the intercept last."""
        return {name: self._estimate(name, level) for name in (*self.columns, INTERCEPT)}

    def _estimate(self, name: str, level: float) -> Estimate:
        value, se, df = self.coefficients[name], self.standard_errors[name], self.df[name]
        half = z_quantile(level, df) * se
        return Estimate(
            value,
            se,
            value - half,
            value + half,
            level,
            f"logistic regression, maximum likelihood, sandwich by patient; Rubin's rules over {self.imputations}"
            " imputations without the outcome",
            self.n_patients,
            self.n_rows,
            self.n_events,
            p_value=two_sided_p(value / se, df),
            df=df,
            fmi=self.fmi[name],
            note="missing values imputed" if self.n_missing.get(name) else "",
        )

    def save(self, path: str | Path) -> Path:
        """Write the model as JSON, whole or not at all; the same model gives the same bytes."""
        return write_text_atomic(Path(path), _text(self, content_hash(self)))

    @classmethod
    def load(cls, path: str | Path) -> ClinicalModel:
        """Read a model and check it.

        Raises
        ------
        SignatureError
            No such file, not JSON, another format version, missing or unknown fields, a value of the wrong kind, or
            a content that is not what its hash says.
        """
        path, again = Path(path), "take the file from the run that derived it, or run notebook 02 again"
        if not path.is_file():
            raise SignatureError(f"there is no clinical model at {path.name}", fix="run notebook 02 first")
        try:
            text = path.read_bytes().decode("utf-8")
            content = json.loads(text)
        except (UnicodeDecodeError, ValueError, RecursionError) as error:
            raise SignatureError(f"{path.name} is not a JSON file", found=str(error), fix=again) from None
        names = {f.name for f in fields(cls)}
        if not isinstance(content, dict) or set(content) != names:
            given = set(content) if isinstance(content, dict) else set()
            raise SignatureError(
                f"{path.name} does not have the fields of a clinical model",
                found=f"missing: {', '.join(sorted(names - given)) or 'none'};"
                f" unknown: {', '.join(sorted(given - names)) or 'none'}",
                fix=again,
            )
        try:
            model = _ADAPTER.validate_json(text, strict=True)
        except ValidationError as error:
            wrong = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False)]
            raise SignatureError(
                f"{path.name} was altered and cannot be read", found="; ".join(wrong[:3]), fix=again
            ) from None
        if model.content_hash != content_hash(model):
            raise SignatureError(
                f"{path.name} was altered", found="a content that is not what its hash says", fix=again
            )
        return model

    def _repr_html_(self) -> str:
        lines = "".join(f"<li>{name}: {e.text(3)}</li>" for name, e in self.estimates().items())
        return (
            f"<p><strong>Clinical model</strong>, log odds; {self.n_events} events, {self.n_rows} rows,"
            f" {self.n_patients} patients</p><ul>{lines}</ul>"
        )


_ADAPTER = TypeAdapter(ClinicalModel)


def _text(model: ClinicalModel, hashed: str) -> str:
    return json_text({f.name: getattr(model, f.name) for f in fields(model)} | {"content_hash": hashed})


def content_hash(model: ClinicalModel) -> str:
    """Return the SHA-256 of the file's text with an empty hash."""
    return sha256_text(_text(model, ""))
