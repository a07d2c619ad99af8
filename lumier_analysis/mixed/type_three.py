"""Type III tests of the terms of a model, whatever coding of factors the formula chose."""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from formulaic import Formula

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed.design import Design
from lumier_analysis.mixed.model import FittedModel
from lumier_analysis.mixed.reference_grid import is_categorical

Floats = npt.NDArray[np.float64]

# Two designs whose columns differ by more than this, relative to their length, span different spaces.
_SAME_SPACE = 1e-8


def type_three(model: FittedModel) -> pd.DataFrame:
    """Return the type III F test of every term but the intercept.

    Marginal tests under sum-to-zero coding: a main effect is averaged, with equal weights, over the levels of factors
    it interacts with, and taken at 0 of covariates it interacts with (as car::Anova type III with contr.sum and
    lmerTest::anova). Centre a covariate where its zero means nothing.

    Parameters
    ----------
    model : FittedModel

    Returns
    -------
    DataFrame
        Index term, in the order of the formula; df_num, df_den, f, p_value; df_den after the model's method.

    Raises
    ------
    AnalysisError
        A model without terms, or one that sum-to-zero coding does not reproduce.
    """
    found = {}
    for term, rows in type_three_contrasts(model.design).items():
        test = model.f_test(rows)
        found[term] = {
            "df_num": test.df_num, "df_den": test.df_den, "f": test.statistic, "p_value": test.p_value
        }  # fmt: skip
    return pd.DataFrame.from_dict(found, orient="index").astype({"df_num": int}).rename_axis("term")


def type_three_contrasts(design: Design) -> dict[str, Floats]:
    """Return for each term the contrasts of the coefficients that its type III hypothesis sets to zero.

    With X the design and S the same model in sum-to-zero coding, ``S = X A`` gives the coefficients of S as ``A^-1
    beta``; a term's hypothesis is its rows of ``A^-1``.

    Returns
    -------
    dict of str -> ndarray, shape (df, p)
    """
    terms = [t for t in design.spec.terms if str(t) != "1"]
    if not terms:
        raise AnalysisError("the model has no term to test: an intercept alone", found=design.formula)
    recoded = [":".join(_sum_coded(design, f.expr) for f in term.factors) for term in terms]
    intercept = ["1"] if len(terms) < len(design.spec.terms) else ["0"]
    sums = Formula([*intercept, *recoded], _ordering="none").get_model_matrix(design.used, na_action="raise")
    s = np.asarray(sums, dtype=np.float64)
    a, *_ = np.linalg.lstsq(design.x, s, rcond=None)
    off = np.abs(s - design.x @ a).max() / max(1.0, float(np.abs(s).max()))
    if s.shape[1] != design.x.shape[1] or off > _SAME_SPACE or np.linalg.matrix_rank(a) < a.shape[0]:
        raise AnalysisError(
            "the terms of the model have no sum-to-zero coding: an interaction stands without its main effects",
            found=design.formula,
            fix="a*b, or contrasts of your own with f_test",
        )
    inverse = np.linalg.inv(a)
    spec = sums.model_spec
    recoded_terms = [(term, places) for term, places in spec.term_indices.items() if str(term) != "1"]
    return {
        str(term): _differences([_n_levels(spec, f.expr) for f in coded.factors], inverse[places])
        for term, (coded, places) in zip(terms, recoded_terms, strict=True)
    }


def _differences(levels: list[int], rows: Floats) -> Floats:
    """Return the rows as differences from the first level of each factor, in place of deviations from the mean.

    The hypothesis is the same, but Fai and Cornelius's degrees of freedom depend a little on the rows that state it:
    these are lmerTest's.

    Parameters
    ----------
    levels : list of int
        Of every factor of the term; 0 for a covariate.
    """
    turn = np.eye(1)
    for k in levels:
        # Deviations of all but the last level, whose own is minus their sum.
        deviations = np.vstack([np.eye(k - 1), -np.ones(k - 1)]) if k else np.eye(1)
        # The first factor of a term varies fastest.
        turn = np.kron(deviations[1:] - deviations[0] if k else deviations, turn)
    # Other numbers of rows: a factor without its main effect, or a covariate of several columns.
    return turn @ rows if len(rows) == len(turn) else rows


def _n_levels(spec: Any, expression: str) -> int:
    state = spec.encoder_state.get(expression)
    return len(state[1]["categories"]) if state is not None and str(state[0].value) == "categorical" else 0


def _sum_coded(design: Design, expression: str) -> str:
    """Return a factor of the formula in sum-to-zero coding; covariates as they are."""
    if expression in design.used.columns:
        coded, inner = is_categorical(design, expression), f"`{expression}`"
        return f"C({inner}, contr.sum)" if coded else inner
    if not is_categorical(design, expression):
        return expression
    # Names in backticks are no Python: each stands as a plain name while the call is taken apart.
    quoted = re.findall(r"`[^`]*`", expression)
    plain = expression
    for i, name in enumerate(quoted):
        plain = plain.replace(name, f"_quoted_{i}_", 1)
    parsed = ast.parse(plain, mode="eval").body
    if isinstance(parsed, ast.Call) and isinstance(parsed.func, ast.Name) and parsed.func.id == "C":
        plain = ast.unparse(parsed.args[0])
    for i, name in enumerate(quoted):
        plain = plain.replace(f"_quoted_{i}_", name)
    return f"C({plain}, contr.sum)"
