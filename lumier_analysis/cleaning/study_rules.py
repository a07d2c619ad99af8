"""The plan's rules on the canonical tables: one function a kind, each finding the rows that break it.

A rule only asks: it changes no value. A row breaks a rule where it is known to; a missing value breaks none but
`required`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from lumier_analysis.cleaning.conditions import RuleTable, in_words
from lumier_analysis.cleaning.privacy import free_text_columns
from lumier_analysis.cleaning.queries import RULES, Queries
from lumier_analysis.errors import PlanError
from lumier_analysis.study.plan import Plan
from lumier_analysis.study.rule_sections import Rule

#: What is done about a row that breaks a rule, by severity.
ACTIONS = {
    "error": "the run stops until this is answered",
    "query": "value used as it stands until this is answered",
    "note": "no answer needed",
}


@dataclass(frozen=True, slots=True)
class Broken:
    """Rows that break a rule: which, the field to look at, what stands there, and what is expected."""

    rows: pd.Series
    field: str
    value: pd.Series
    expected: pd.Series | str


def _known(found: pd.Series) -> pd.Series:
    """Count what is unknown as not broken."""
    return found.fillna(False).astype(bool)


def _shown(*columns: pd.Series) -> pd.Series:
    """Return values side by side as text: dates in ISO, whole numbers without decimals, missing as a dash."""

    def text(value: object) -> str:
        if value is None or value is pd.NA or value is pd.NaT or value != value:
            return "–"
        if isinstance(value, pd.Timestamp):
            return f"{value:%Y-%m-%d}"
        if isinstance(value, bool):
            return "yes" if value else "no"
        return f"{value:g}" if isinstance(value, int | float) else str(value)

    parts = [column.astype(object).map(text).astype("str") for column in columns]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + "; " + part
    return joined


def _window(rule: Rule, table: RuleTable, plan: Plan) -> Broken:
    assert rule.window is not None
    label, day = table.column("visit"), table.column("day")
    labels = plan.tables.visits.columns["visit"].values if "visit" in plan.tables.visits.columns else None
    if labels and (unknown := sorted(set(rule.window.days) - set(labels.values()))):
        raise PlanError(
            f"The rule {rule.id} has a window for {', '.join(unknown)}, which is no visit",
            fix=f"visits are {', '.join(dict.fromkeys(labels.values()))}",
        )
    planned = label.map(rule.window.days).astype("Float64")
    early, late = rule.window.limits
    off = (day < planned - early) | (day > planned + late)
    expected = planned.map(lambda d: f"day {d - early:.0f} to {d + late:.0f} (planned {d:.0f})", na_action="ignore")
    return Broken(_known(off), "date", "day " + _shown(day), expected)


def _order(rule: Rule, table: RuleTable, plan: Plan) -> Broken:
    assert rule.order is not None
    first, second = (table.column(name) for name in rule.order)
    for name, column in zip(rule.order, (first, second), strict=True):
        if not (pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_numeric_dtype(column)):
            raise PlanError(f"The rule {rule.id} orders {name}, which is neither date nor number")
    if pd.api.types.is_numeric_dtype(first) != pd.api.types.is_numeric_dtype(second):
        raise PlanError(f"The rule {rule.id} orders a date and a number", found=", ".join(rule.order))
    return Broken(
        _known(first > second), " and ".join(rule.order), _shown(first, second), f"{rule.order[0]} ≤ {rule.order[1]}"
    )


def _then(rule: Rule, table: RuleTable, plan: Plan) -> Broken:
    assert rule.then is not None
    against = ~table.holds(rule.then)
    expected = f"where {in_words(rule.when)}: {in_words(rule.then)}"
    return Broken(_known(against), ", ".join(rule.then), _shown(*map(table.column, rule.then)), expected)


def _required(rule: Rule, table: RuleTable, plan: Plan) -> Broken:
    assert rule.required is not None
    columns = {name: table.column(name) for name in rule.required}
    missing = pd.DataFrame({name: column.isna() for name, column in columns.items()})
    value = missing.apply(lambda row: "missing: " + ", ".join(missing.columns[row]), axis=1)
    return Broken(missing.any(axis=1), ", ".join(rule.required), value, "a value")


def _range(rule: Rule, table: RuleTable, plan: Plan) -> Broken:
    assert rule.range is not None
    name, limits = rule.range.column, rule.range.limits
    column = table.column(name)
    if not pd.api.types.is_numeric_dtype(column):
        raise PlanError(f"The rule {rule.id} gives limits for {name}, which is no number")
    spec = getattr(plan.tables, rule.table).columns.get(name)
    unit = spec.unit if spec is not None else ""
    if unit not in limits:
        raise PlanError(
            f"The rule {rule.id} has no limits for {name} in {unit or 'no unit'}, the unit in the plan",
            found=f"limits for {', '.join(u or 'no unit' for u in limits)}",
            fix=f'add them, as limits: {{"{unit}": [LOW, HIGH]}}',
        )
    low, high = limits[unit]
    outside = (column < low) | (column > high)
    expected = pd.Series(f"{low:g} to {high:g} {unit}".strip(), index=column.index)
    for other, (least, most) in limits.items():
        if other != unit:
            # A value that fits another unit was probably typed in it.
            expected += (column.between(least, most)).map({True: f"; is it in {other}?", False: ""})
    return Broken(_known(outside), name, _shown(column), expected)


def _allowed(rule: Rule, table: RuleTable, plan: Plan) -> Broken:
    assert rule.allowed is not None
    against = ~table.holds(dict(rule.allowed))
    value = _shown(*map(table.column, rule.allowed))
    return Broken(_known(against), ", ".join(rule.allowed), value, in_words(rule.allowed))


def _unique(rule: Rule, table: RuleTable, plan: Plan) -> Broken:
    assert rule.unique is not None
    keys = pd.DataFrame({name: table.column(name) for name in rule.unique})
    twice = keys.duplicated(keep=False) & keys.notna().all(axis=1)
    if rule.when:
        # Rows that the rule does not select are no duplicates of those it does.
        chosen = _known(table.holds(rule.when))
        twice = keys[chosen].duplicated(keep=False).reindex(keys.index, fill_value=False) & keys.notna().all(axis=1)
    value = _shown(*(keys[name] for name in rule.unique))
    return Broken(twice, ", ".join(rule.unique), value, f"one row a {' and '.join(rule.unique)}")


def _exists_in(rule: Rule, table: RuleTable, plan: Plan) -> Broken:
    assert rule.exists_in is not None
    other = RuleTable(rule.exists_in.table, table.tables, rule.id)
    keys = rule.exists_in.keys
    own = pd.DataFrame({k: table.column(k).astype(object) for k in keys})
    there = pd.DataFrame({k: other.column(k).astype(object) for k in keys}).dropna()
    found = pd.MultiIndex.from_frame(own).isin(pd.MultiIndex.from_frame(there))
    absent = pd.Series(~found, index=own.index) & own.notna().all(axis=1)
    expected = f"a row of {rule.exists_in.table} with the same {' and '.join(keys)}"
    return Broken(absent, ", ".join(keys), _shown(*(own[k] for k in keys)), expected)


KIND_OF: dict[str, Callable[[Rule, RuleTable, Plan], Broken]] = {
    "window": _window,
    "order": _order,
    "then": _then,
    "required": _required,
    "range": _range,
    "allowed": _allowed,
    "unique": _unique,
    "exists_in": _exists_in,
}


def plan_rule_texts(plan: Plan) -> dict[str, str]:
    """Return the messages of the plan's rules by id.

    Raises
    ------
    PlanError
        A rule has the id of a built-in one.
    """
    for rule in plan.rules:
        if rule.id in RULES:
            raise PlanError(f"rules has the id {rule.id}, which a built-in rule has", fix="give the rule another id")
    return {rule.id: rule.message for rule in plan.rules}


def broken_rows(rule: Rule, tables: dict[str, pd.DataFrame], plan: Plan) -> Broken:
    """Return the rows of the rule's table that break it.

    Parameters
    ----------
    rule : Rule
    tables : dict of DataFrame
        Canonical tables by name: patients, visits, samples, flares.
    plan : Plan
        For units and labels.

    Raises
    ------
    PlanError
        The rule names a column, label, unit or type of value that does not fit; names what does.
    """
    table = RuleTable(rule.table, tables, rule.id)
    chosen = _known(table.holds(rule.when)) if rule.when else pd.Series(True, index=table.rows.index)
    broken = KIND_OF[rule.kind](rule, table, plan)
    return Broken(broken.rows & chosen, broken.field, broken.value, broken.expected)


def query_plan_rules(plan: Plan, tables: dict[str, pd.DataFrame], queries: Queries) -> None:
    """Apply every rule of the plan and add what it finds to the query list; free text is not repeated there."""
    for rule in plan.rules:
        broken = broken_rows(rule, tables, plan)
        rows = tables[rule.table][broken.rows]
        free = set(free_text_columns(plan, rule.table)) & set(broken.field.replace(" and ", ", ").split(", "))
        expected = broken.expected
        queries.add(
            rule.id,
            rows,
            field=broken.field,
            value="(free text, not shown)" if free else broken.value,
            expected=rule.expected or expected,
            action=ACTIONS[rule.severity],
            severity=rule.severity,
        )
