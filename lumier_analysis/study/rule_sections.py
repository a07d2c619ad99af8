"""Study rules as data: what the `rules` and `checks` sections of a plan may say."""

from __future__ import annotations

import datetime
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from lumier_analysis.study.sections import Section

#: Comparisons that a condition may make instead of naming a value or a list of values.
COMPARISONS = ("above", "at_least", "below", "at_most", "not", "missing")
KINDS = ("window", "order", "then", "required", "range", "allowed", "unique", "exists_in")
TableName = Literal["patients", "visits", "samples", "flares"]


def checked_conditions(conditions: dict[str, Any]) -> dict[str, Any]:
    """Refuse a condition that is neither a value, a list of values, nor comparisons."""
    for column, wanted in conditions.items():
        if isinstance(wanted, dict):
            unknown = [str(name) for name in wanted if name not in COMPARISONS]
            if unknown or not wanted:
                raise ValueError(
                    f"{column} compares with {', '.join(unknown) or 'nothing'}; allowed are {', '.join(COMPARISONS)}, "
                    f"a value, or a list of values, as {{{column}: {{above: 0}}}}"
                )
            if "missing" in wanted and not isinstance(wanted["missing"], bool):
                raise ValueError(f"{column}: missing is true or false")
        values = wanted.values() if isinstance(wanted, dict) else wanted if isinstance(wanted, list) else [wanted]
        for value in values:
            if isinstance(value, bool | int | float | str | datetime.date):
                continue
            raise ValueError(
                f"{column} is compared with {type(value).__name__}; write text, a number, a date, yes or no"
            )
        if isinstance(wanted, list) and not wanted:
            raise ValueError(f"{column} has an empty list of values")
    return conditions


class Window(Section):
    """Visits on their planned day: label -> day, and how many days off are in order (both ways, or [early, late])."""

    days: dict[str, int] = Field(min_length=1)
    within: int | tuple[int, int]

    @property
    def limits(self) -> tuple[int, int]:
        """Days early and days late that are in order."""
        return (self.within, self.within) if isinstance(self.within, int) else self.within

    @field_validator("within")
    @classmethod
    def _not_negative(cls, within: int | tuple[int, int]) -> int | tuple[int, int]:
        if min([within] if isinstance(within, int) else within) < 0:
            raise ValueError("days are 0 or more: within: 21, or within: [14, 28] for 14 days early and 28 late")
        return within


class UnitRange(Section):
    """Limits of a column for each unit it may come in; the column's own unit is the one in `tables`."""

    column: str
    limits: dict[str, tuple[float, float]] = Field(min_length=1)

    @field_validator("limits")
    @classmethod
    def _ordered(cls, limits: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        for unit, (low, high) in limits.items():
            if not low < high:
                raise ValueError(f"the limits for {unit or 'no unit'} are low, then high, as [0.1, 4.0]")
        return limits


class ExistsIn(Section):
    """A row of another table with the same values of the keys."""

    table: TableName
    keys: list[str] = Field(min_length=1)


class Rule(Section):
    """A rule that rows must keep: exactly one kind, on the rows that `when` selects (all of them without it)."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    severity: Literal["error", "query", "note"] = "query"
    table: TableName
    when: dict[str, Any] = {}
    window: Window | None = None
    order: tuple[str, str] | None = None
    then: dict[str, Any] | None = None
    required: list[str] | None = None
    range: UnitRange | None = None
    allowed: dict[str, list[Any]] | None = None
    unique: list[str] | None = None
    exists_in: ExistsIn | None = None
    message: str = Field(min_length=1)
    expected: str = ""

    @field_validator("when", "then")
    @classmethod
    def _conditions(cls, conditions: dict[str, Any] | None) -> dict[str, Any] | None:
        return conditions if conditions is None else checked_conditions(conditions)

    @field_validator("allowed")
    @classmethod
    def _allowed(cls, allowed: dict[str, list[Any]] | None) -> dict[str, list[Any]] | None:
        return allowed if allowed is None else checked_conditions(allowed)

    @model_validator(mode="after")
    def _one_kind(self) -> Rule:
        kinds = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            raise ValueError(
                f"the rule {self.id} says {' and '.join(kinds) or 'nothing to hold'}; "
                f"a rule has exactly one of {', '.join(KINDS)}"
            )
        if not getattr(self, kinds[0]):
            raise ValueError(f"{kinds[0]} of the rule {self.id} is empty")
        if kinds == ["then"] and not self.when:
            raise ValueError(f"the rule {self.id} has then without when: write when: {{COLUMN: VALUE}}")
        return self

    @property
    def kind(self) -> str:
        """Which kind of rule it is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)


class Checks(Section):
    """Statistical looks at the data as a whole; they make notes and change nothing.

    `end_digits` and `centre_levels` name columns of the visits; `alpha` is the chance, per check, of any note where
    there is nothing to find (Holm over centres and columns).
    """

    end_digits: list[str] = []
    centre_levels: list[str] = []
    centre_queries: bool = True
    alpha: float = Field(default=0.01, gt=0, lt=0.5)
