from __future__ import annotations

import math
from typing import Any

import pytest

from lumier_analysis.pipeline.compare_ledgers import compare_ledgers, compare_shown
from lumier_analysis.pipeline.tolerances import SAME_MACHINE


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "id": "a", "label": "AUC", "kind": "estimate", "value": 0.66, "se": 0.05, "ci_low": 0.55, "ci_high": 0.76,
        "level": 0.95, "p_value": 0.004, "n_patients": 100, "n_rows": 300, "n_events": 20,
        "estimator": "AUC, Obuchowski clustered; logit interval", "unit": "", "note": "", "plan_item": "primary",
        "notebook": "03", "cell": "auc",
    } | changes  # fmt: skip


def one(old: dict[str, Any], new: dict[str, Any], **options: Any) -> Any:
    (found,) = compare_ledgers({"a": old}, {"a": new}, **options)
    return found


def test_the_same_ledger_has_no_difference_missing_numbers_included() -> None:
    missing = entry(value=None, se=None, note="no event")
    assert compare_ledgers({"a": entry(), "b": missing}, {"b": dict(missing), "a": entry()}) == ()


@pytest.mark.parametrize("quantity", ["value", "se", "ci_low", "ci_high", "p_value"])
def test_every_number_is_compared_under_its_tolerance(quantity: str) -> None:
    old = entry()
    within = one(old, entry(**{quantity: old[quantity] * (1 + 1e-11)}))
    assert within.quantity == quantity and not within.moved and 0 < within.relative < 1e-9
    beyond = one(old, entry(**{quantity: old[quantity] * (1 + 1e-7)}))
    assert beyond.moved and math.isclose(beyond.relative, 1e-7, rel_tol=1e-3)
    assert one(old, entry(**{quantity: old[quantity] * (1 + 1e-15) + 1e-16}), tolerances=SAME_MACHINE).moved


@pytest.mark.parametrize(
    "changes",
    [
        {"n_patients": 101}, {"n_rows": None}, {"n_events": 19}, {"estimator": "AUC, DeLong"}, {"note": "few"},
        {"level": 0.9}, {"kind": "number"}, {"unit": "mg"}, {"label": "other"}, {"plan_item": "secondary_auc"},
        {"notebook": "04"},
    ],
)  # fmt: skip
def test_denominators_and_texts_must_be_the_same(changes: dict[str, Any]) -> None:
    found = one(entry(), entry(**changes))
    assert found.moved and found.quantity == next(iter(changes))


def test_a_number_that_is_missing_now_has_moved() -> None:
    assert one(entry(), entry(p_value=None)).moved
    assert one(entry(se=None), entry()).moved


def test_one_event_more_is_never_within_tolerance() -> None:
    assert one(entry(kind="count", value=1e9), entry(kind="count", value=1e9 + 1)).moved


def test_another_cell_is_no_difference() -> None:
    assert compare_ledgers({"a": entry()}, {"a": entry(cell="other")}) == ()


def test_ids_that_are_gone_or_new_have_moved_and_say_where_they_belong() -> None:
    gone, new = compare_ledgers({"a": entry()}, {"b": entry(plan_item="calibration", notebook="04", cell="c")})
    assert (gone.id, gone.quantity, gone.was, gone.now, gone.plan_item) == ("a", "gone", 0.66, None, "primary")
    assert (new.id, new.quantity, new.now, new.plan_item, new.notebook, new.cell) == (
        "b", "new", 0.66, "calibration", "04", "c",
    )  # fmt: skip
    assert gone.moved and new.moved


def test_what_is_shown_is_compared_to_the_letter() -> None:
    old = {"value": "0.660", "interval": "0.550 to 0.760", "plan_item": "primary", "cell": "x"}
    assert compare_shown({"a": old}, {"a": old | {"cell": "y"}}) == ()
    (found,) = compare_shown({"a": old}, {"a": old | {"value": "0.661"}})
    assert (found.quantity, found.was, found.now, found.moved) == ("value", "0.660", "0.661", True)
    assert [d.quantity for d in compare_shown({"a": old}, {"b": old})] == ["gone", "new"]
