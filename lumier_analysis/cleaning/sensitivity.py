"""Landmarks under other rules: one departure from the plan at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from lumier_analysis.cleaning.clean import one_sample_a_visit
from lumier_analysis.cleaning.flares import flares_by_plan
from lumier_analysis.cleaning.landmarks import landmark_table
from lumier_analysis.cleaning.rows import expression_of, landmark_rows
from lumier_analysis.estimate import Estimate
from lumier_analysis.performance import auc
from lumier_analysis.study import Study

_TABLES = ("patients", "visits", "flares", "samples")


def landmarks_under(study: Study, cohort: str, changes: dict[str, Any]) -> pd.DataFrame:
    """Recompute the landmarks of a cohort with some rules changed.

    Parameters
    ----------
    study : Study
    cohort : {"test", "validation"}
    changes : dict
        Keys of the plan's landmarks and flare sections, as ``{"landmarks.cap_days": 91}``; empty for the plan itself.

    Returns
    -------
    DataFrame
        As `landmark_table`, of the patients who are analysed.
    """
    return _under(study, [changes], *(study.read(name, cohort) for name in _TABLES))[0]


def _under(
    study: Study,
    rules: list[dict[str, Any]],
    patients: pd.DataFrame,
    visits: pd.DataFrame,
    recorded: pd.DataFrame,
    samples: pd.DataFrame,
) -> list[pd.DataFrame]:
    """Return the landmarks under each of some changes of the rules."""
    analysed, taken = patients[patients["reason"] == ""], one_sample_a_visit(samples, visits)
    tables = []
    for changes in rules:
        landmarks, flare = study.plan.rules_with(changes)
        flares = flares_by_plan(recorded, visits, flare, quiescent_max=landmarks.quiescent_sledai_max)
        tables.append(landmark_table(analysed, visits, flares, taken, landmarks, flare))
    return tables


def landmarks_by_rule(study: Study, cohort: str) -> dict[str, tuple[str, pd.DataFrame]]:
    """Return the landmarks of a cohort under the plan's rules and under each departure that the plan lists.

    Returns
    -------
    dict
        Id of the rule ("plan" first) -> (title, `landmarks_under` it).
    """
    rules = [("plan", "The plan's rules", {}), *((c.id, c.title, c.set) for c in study.plan.sensitivity)]
    tables = _under(study, [changes for *_, changes in rules], *(study.read(name, cohort) for name in _TABLES))
    return {key: (title, table) for (key, title, _), table in zip(rules, tables, strict=True)}


def aucs_under_rules(
    study: Study,
    cohort: str,
    score: Callable[[pd.DataFrame], pd.Series],
    by_rule: dict[str, tuple[str, pd.DataFrame]] | None = None,
    **settings: Any,
) -> dict[str, tuple[str, Estimate]]:
    """Return the AUC of a score under the plan's landmark rules and under each departure that the plan lists.

    Parameters
    ----------
    study : Study
    cohort : {"test", "validation"}
    score : function
        Expression (rows x genes) -> score by row, higher = higher risk; NaN where a row cannot be scored.
    by_rule : dict, optional
        `landmarks_by_rule` of the cohort, where it is at hand.
    **settings
        Passed to `auc` (interval, level). Where flares may recur the interval is "logit t" unless it is given here.

    Returns
    -------
    dict
        Id of the rule ("plan" first) -> (title, Estimate with patients as clusters). Without landmarks the value is
        NaN and the note says so.
    """
    changes: dict[str, dict[str, Any]] = {"plan": {}} | {c.id: c.set for c in study.plan.sensitivity}
    found: dict[str, tuple[str, Estimate]] = {}
    for key, (title, marks) in (by_rule or landmarks_by_rule(study, cohort)).items():
        rows = landmark_rows(study, cohort, marks)
        values = score(expression_of(study, cohort, rows)) if len(rows) else pd.Series(dtype=float)
        used = values.notna().to_numpy()
        # Few patients carry many of the events that recur: the normal interval is then too short.
        recurrent = study.plan.rules_with(changes[key])[0].recurrent_flares
        own = {"interval": "logit t"} | settings if recurrent else settings
        if used.any():
            estimate = auc(rows.loc[used, "event"], values[used], cluster=rows.loc[used, "patient_id"], **own)
        else:
            estimate = Estimate(
                math.nan, method="AUC", n_patients=0, n_rows=0, n_events=0, note="no landmark under this rule"
            )
        found[key] = (title, estimate)
    return found
