"""Predictions of a fitted model: of the mean of patients alike, or of one patient, with intervals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from scipy.sparse.linalg import splu
from scipy.stats import t as student

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.mixed.lmm import LinearMixedModel
from lumier_analysis.mixed.mmrm import RepeatedMeasures
from lumier_analysis.mixed.model import FittedModel
from lumier_analysis.mixed.random_design import random_parts, random_rows, random_variance, require_columns
from lumier_analysis.mixed.reference_grid import factor_levels, model_rows

Floats = npt.NDArray[np.float64]

INTERVALS = ("confidence", "prediction")


def predict(
    model: FittedModel,
    data: pd.DataFrame | None = None,
    *,
    random: bool = False,
    interval: str | None = None,
    level: float | None = None,
    visit: str | None = None,
) -> pd.DataFrame:
    """Return predictions of rows.

    Parameters
    ----------
    model : FittedModel
    data : DataFrame, optional
        Rows with the variables of the model; default the rows of the fit. Patients need not be those of the fit
        unless `random`.
    random : bool
        False: the mean of all patients with these values (fixed effects alone). True: of the patient himself, with
        his conditional modes (BLUPs); models of `lmm` only.
    interval : {None, "confidence", "prediction"}
        confidence: for that mean; prediction: for a new observation, of a new patient, or of the same where `random`.
    level : float, optional
        Default the model's.
    visit : str, optional
        Column of the visit, for prediction intervals of an `mmrm` whose variance differs between visits.

    Returns
    -------
    DataFrame
        Index that of `data`; estimate, and with an interval se, df, ci_low, ci_high. df are those of the fixed part,
        which is cautious where the variance of a patient prevails; variances count as known (Henderson 1975,
        Biometrics 31:423), apart from Kenward-Roger's adjustment of the fixed effects.

    Raises
    ------
    AnalysisError
        Missing columns or values, a level the fit has not seen.
    UsageError
        Options that do not suit the model.
    """
    level = model.level if level is None else level
    if interval is not None and interval not in INTERVALS:
        raise UsageError("unknown interval", found=repr(interval), fix=f"one of {', '.join(INTERVALS)}")
    if not 0 < level < 1:
        raise UsageError("the confidence level lies between 0 and 1", found=str(level), fix="level=0.95")
    if random and not isinstance(model, LinearMixedModel):
        raise UsageError("the model has no random effects to predict with", fix="random=False")
    frame = model.design.used if data is None else _as_fitted(model, data)
    x = model_rows(model.design, frame)
    estimate = x @ model.beta
    if isinstance(model, LinearMixedModel) and random:
        z, codes = random_rows(model, frame), _codes(model, frame)
        modes = zip(z, model.fit.modes, codes, strict=True)
        estimate = estimate + sum(np.einsum("nq,nq->n", part, mode[code]) for part, mode, code in modes)
    table = pd.DataFrame({"estimate": estimate}, index=frame.index)
    if interval is None:
        return table
    if isinstance(model, LinearMixedModel) and random:
        variance = _error_variance(model, x, z, codes)
    else:
        variance = np.einsum("na,ab,nb->n", x, model.covariance, x)
    df = _df(model, x)
    if interval == "prediction":
        variance = variance + _spread_of_one(model, frame, random, visit)
    se = np.sqrt(variance)
    half = student.ppf(0.5 + level / 2, df) * se
    return table.assign(se=se, df=df, ci_low=estimate - half, ci_high=estimate + half)


def _as_fitted(model: FittedModel, data: pd.DataFrame) -> pd.DataFrame:
    """Return the new rows with the types of the fit, their levels checked."""
    if not isinstance(data, pd.DataFrame):
        raise UsageError("rows to predict come as a DataFrame", found=type(data).__name__)
    levels = factor_levels(model.design)
    require_columns(data, list(levels))
    frame = data.copy()
    for name, own in levels.items():
        known = model.design.used[name].dtype
        if own is not None:
            unknown = sorted({str(v) for v in data[name] if v not in own})
            if unknown:
                raise AnalysisError(
                    f"{name} has levels that the fit has not seen",
                    found=", ".join(unknown),
                    fix=f"levels are {', '.join(map(str, own))}",
                )
        elif not pd.api.types.is_numeric_dtype(data[name]) or not np.isfinite(data[name].astype(float)).all():
            raise AnalysisError(f"{name} is a covariate: its values are finite numbers", found=str(data[name].dtype))
        frame[name] = data[name].astype(known)
    return frame


def _codes(model: LinearMixedModel, frame: pd.DataFrame) -> list[npt.NDArray[np.intp]]:
    """Return the level of each row by grouping factor; refuse new ones."""
    out = []
    require_columns(frame, list(model.labels))
    for name, labels in model.labels.items():
        plain = frame[name]
        if pd.api.types.is_float_dtype(plain.dtype) and bool((plain % 1 == 0).all()):
            plain = plain.astype(np.int64)  # as the labels were made
        column = plain.astype(str).to_numpy(dtype=object)
        codes = pd.Index(labels).get_indexer(pd.Index(column))
        if (codes < 0).any():
            new = sorted(set(column[codes < 0]))
            raise AnalysisError(
                f"{name} has levels that the fit has not seen: they have no random effects",
                found=", ".join(new[:5]),
                fix="random=False, for the mean of patients alike",
            )
        out.append(codes.astype(np.intp))
    return out


def _df(model: FittedModel, x: Floats) -> Floats:
    """Return degrees of freedom of each row, found once for rows that are the same."""
    unique, inverse = np.unique(x, axis=0, return_inverse=True)
    each = np.array([model.t_df(row) if np.any(row) else math.inf for row in unique])
    return each[np.ravel(inverse)]


def _error_variance(model: LinearMixedModel, x: Floats, z: list[Floats], codes: list[Any]) -> Floats:
    """Return the variance of ``x (beta^ - beta) + z (b^ - b)``, shape (rows,).

    In Henderson's mixed-model equations with ``W = Z Lambda``: ``sigma^2 w M^-1 w' + d Phi d'``, ``M = I + W'W``,
    ``d = x - w M^-1 W'X``, which holds at variances of zero too.
    """
    factors = model.fit.problem.arrays.structure.factors(model.fit.theta)
    sizes = [len(labels) for labels in model.labels.values()]

    def spherical(parts: list[Floats], levels: list[Any]) -> sparse.csr_matrix:
        """Return rows of Z Lambda, the levels of all factors side by side."""
        blocks = []
        for part, code, t, n_levels in zip(parts, levels, factors, sizes, strict=True):
            values, q = part @ t, t.shape[0]
            columns = code[:, None] * q + np.arange(q)
            rows = np.repeat(np.arange(len(part)), q)
            blocks.append(sparse.csr_matrix((values.ravel(), (rows, columns.ravel())), (len(part), n_levels * q)))
        return sparse.csr_matrix(sparse.hstack(blocks))

    fitted = random_parts(model)
    w = spherical([part for part, _ in fitted], [code for _, code in fitted])
    new = spherical(z, codes)
    solver = splu(sparse.csc_matrix(sparse.eye(w.shape[1]) + w.T @ w))
    solved = solver.solve(new.T.toarray())
    own = model.residual_variance * np.asarray(new.multiply(solved.T).sum(axis=1)).ravel()
    d = x - solved.T @ (w.T @ model.design.x)
    return np.asarray(own + np.einsum("na,ab,nb->n", d, model.covariance, d))


def _spread_of_one(model: FittedModel, frame: pd.DataFrame, random: bool, visit: str | None) -> Floats | float:
    """Return the variance of one observation about the predicted mean."""
    if isinstance(model, LinearMixedModel):
        own = 0.0 if random else random_variance(model, random_rows(model, frame)).sum(axis=1)
        return own + model.residual_variance
    if not isinstance(model, RepeatedMeasures):
        raise UsageError("prediction intervals are for models of lmm and mmrm", fix='interval="confidence"')
    if not math.isnan(model.residual_variance):
        return model.residual_variance
    assert model.visit_covariance is not None
    if visit is None:
        raise UsageError("each visit has its own variance: prediction needs the visit", fix='visit="visit"')
    require_columns(frame, [visit])
    variance = dict(zip(model.visits, np.diag(model.visit_covariance), strict=True))
    by_name = {str(k): v for k, v in variance.items()}
    found = [variance.get(v, by_name.get(str(v), math.nan)) for v in frame[visit]]
    if np.isnan(found).any():
        raise AnalysisError(f"{visit} has visits that the fit has not seen", fix=", ".join(map(str, model.visits)))
    return np.asarray(found, dtype=np.float64)
