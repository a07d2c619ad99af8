"""Candidate features by plan: which columns a model is offered, put together for `nested_cv` and the refit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import pandas as pd

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.signature.recipe import Part, Recipe


def candidate_features(
    expression: pd.DataFrame,
    *,
    parts: Sequence[str] = ("genes",),
    modules: Mapping[str, Sequence[str]] | None = None,
    first: pd.DataFrame | None = None,
    clinical: pd.DataFrame | None = None,
    references: Sequence[str] = (),
    n_references: int = 3,
    screen: int | None = None,
) -> tuple[pd.DataFrame, Recipe]:
    """Return the features and the recipe that makes a model's columns of them.

    Parameters
    ----------
    expression : DataFrame, shape (n, genes)
        One row a landmark, log2.
    parts : sequence of str
        Of `recipe.PARTS`: genes, modules, genes_change, modules_change, clinical.
    modules : mapping of str to sequence of str, optional
        Genes of each module; those that were not measured are left out.
    first : DataFrame, same shape, optional
        Expression of each patient's first sample (`first_values`), for the changes.
    clinical : DataFrame, shape (n, k), optional
        Covariates: numbers as they are, yes/no as 1/0, text as one column a category but the first.
    references, n_references, screen
        As in `Recipe`.

    Returns
    -------
    features : DataFrame
        Indexed like `expression`.
    recipe : Recipe

    Raises
    ------
    UsageError
        A part without what it needs, or candidate references that were not measured.
    AnalysisError
        Rows or genes of the tables that differ.
    """
    genes = tuple(str(c) for c in expression.columns)
    known = {
        m: tuple(g for g in members if g in genes and g not in references) for m, members in (modules or {}).items()
    }
    coded = coded_covariates(clinical) if clinical is not None and "clinical" in parts else None
    recipe = Recipe(
        genes=genes,
        parts=cast("tuple[Part, ...]", tuple(parts)),
        modules=known if {"modules", "modules_change"} & set(parts) else {},
        clinical=() if coded is None else tuple(str(c) for c in coded.columns),
        references=tuple(references),
        n_references=n_references,
        screen=screen,
    )
    tables = [expression]
    if recipe.has_baseline:
        if first is None:
            raise UsageError("a change needs the expression of each patient's first sample", fix="give first=")
        if list(first.columns) != list(expression.columns):
            raise AnalysisError("first samples have other genes than the rows", found=f"{first.shape[1]} genes")
        tables.append(first.add_suffix(" (first)"))
    if coded is not None:
        tables.append(coded)
    for table in tables[1:]:
        if not table.index.equals(expression.index):
            raise AnalysisError(
                "candidate features must be of the same rows", found=f"{len(table)} and {len(expression)} rows"
            )
    return pd.concat(tables, axis=1), recipe


def coded_covariates(table: pd.DataFrame) -> pd.DataFrame:
    """Return covariates as numbers: yes/no as 1/0, text as indicators of its categories but the first in the alphabet.

    Missing stays missing.

    Raises
    ------
    AnalysisError
        A covariate that is neither (a date, say).
    """
    columns: dict[str, pd.Series] = {}
    for name in table.columns:
        column = table[name]
        if pd.api.types.is_numeric_dtype(column):
            columns[str(name)] = column.astype("Float64").astype(np.float64)
        elif isinstance(column.dtype, pd.CategoricalDtype) or pd.api.types.is_string_dtype(column):
            text = column.astype("string")
            for category in sorted(text.dropna().unique())[1:]:
                columns[f"{name} = {category}"] = (text == category).astype("Float64").astype(np.float64)
        else:
            raise AnalysisError(f"the covariate {name} is neither a number nor a category", found=str(column.dtype))
    return pd.DataFrame(columns, index=table.index)
