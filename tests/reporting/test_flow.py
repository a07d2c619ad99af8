from __future__ import annotations

import itertools

import pytest

from lumier_analysis.reporting import disclosed_flow, flow_from_ledger, ledger_flow, read_ledger
from lumier_analysis.reporting.disclosure import WITHHELD
from lumier_analysis.reporting.flow import slug


def one_level(start, *excluded, cohort="test", level="patients", of_which=None):
    """Return the steps of one cohort and level; the end is what remains."""
    named = [("start", "patients in the export", start)]
    named += [("excluded", f"reason {i}", n) for i, n in enumerate(excluded)]
    named.append(("end", "patients analysed", start - sum(excluded)))
    named += [("of which", "followed by a flare", of_which)] if of_which is not None else []
    steps, left = [], start
    for step, reason, n in named:
        left -= n if step == "excluded" else 0
        steps.append({"cohort": cohort, "level": level, "step": step, "reason": reason, "n": n, "remaining": left})
    return steps


def numbers(flow):
    return [step["n"] for step in flow]


def test_a_flow_without_small_counts_is_shown_as_it_is_and_adds_up():
    flow = disclosed_flow(one_level(150, 20, 7))
    assert numbers(flow) == [150, 20, 7, 123]
    assert flow[0]["n"] - flow[1]["n"] - flow[2]["n"] == flow[3]["n"]
    assert all("remaining" not in step for step in flow), "its differences are the exclusions"


def test_a_lone_small_exclusion_is_hidden_with_another():
    assert numbers(disclosed_flow(one_level(150, 20, 3))) == [150, WITHHELD, "<5", 127]


@pytest.mark.parametrize("excluded", [(3,), (1, 2), (4, 4), (1, 1, 1, 1, 1)])
def test_the_start_goes_where_the_small_exclusions_could_be_worked_out(excluded):
    shown = numbers(disclosed_flow(one_level(150, *excluded)))
    assert shown == [WITHHELD, *["<5"] * len(excluded), 150 - sum(excluded)]


def test_a_small_end_is_no_difference_of_what_is_shown():
    shown = numbers(disclosed_flow(one_level(60, 40, 17)))
    assert shown == [60, 40, WITHHELD, "<5"]
    # Nothing to withhold beside it: the start goes.
    assert numbers(disclosed_flow(one_level(8, 4))) == [WITHHELD, "<5", "<5"]
    assert numbers(disclosed_flow(one_level(3))) == ["<5", "<5"]


def test_a_small_share_of_the_end_is_hidden():
    assert numbers(disclosed_flow(one_level(60, 20, of_which=3))) == [60, 20, 40, "<5"]


def test_a_withheld_start_is_not_the_number_of_files_rows_minus_the_other():
    flow = one_level(152, 1, 2) + one_level(150, 20, 7, cohort="validation")
    shown = disclosed_flow(flow)
    assert [step["n"] for step in shown if step["step"] == "start"] == [WITHHELD, WITHHELD]
    # Two that are withheld protect each other: a third is shown.
    flow += one_level(90, 3, cohort="third")
    starts = {s["cohort"]: s["n"] for s in disclosed_flow(flow) if s["step"] == "start"}
    assert starts == {"test": WITHHELD, "validation": 150, "third": WITHHELD}


def test_levels_do_not_hide_each_others_numbers():
    flow = one_level(152, 1, 2) + one_level(584, 100, 33, level="visits")
    assert numbers(disclosed_flow(flow)) == [WITHHELD, "<5", "<5", 149, 584, 100, 33, 451]


@pytest.mark.parametrize("excluded", list(itertools.product([0, 2, 4, 5, 30], repeat=3)))
def test_no_exclusion_can_be_worked_out_from_start_and_end(excluded):
    shown = numbers(disclosed_flow(one_level(200, *excluded)))
    start, cells, end = shown[0], shown[1:-1], shown[-1]
    assert all(isinstance(cell, str) for cell, n in zip(cells, excluded, strict=True) if 0 < n < 5)
    if isinstance(start, str):
        return
    ranges = [range(1, 5) if c == "<5" else range(5, 201) if c == WITHHELD else [c] for c in cells]
    fits = [values for values in itertools.product(*ranges) if sum(values) == start - end]
    for i, cell in enumerate(cells):
        if cell == "<5":
            assert len({values[i] for values in fits}) > 1


def test_what_is_given_is_not_changed():
    flow = one_level(150, 3)
    disclosed_flow(flow)
    assert numbers(flow) == [150, 3, 147]


def test_the_ledger_gives_the_flow_back(study, ledger):
    flow = one_level(150, 20, 7, of_which=11) + one_level(584, 133, level="visits")
    ledger_flow(ledger, flow)
    ledger.add("flow.note", 3, plan_item="flow", label="another number", kind="number")
    ledger.save()
    back = flow_from_ledger(read_ledger(study))
    wanted = [{k: v for k, v in step.items() if k != "remaining"} for step in flow]
    assert [{k: step[k] for k in wanted[0]} for step in back] == wanted
    assert back[3]["id"] == "flow.test.patients.end.patients_analysed"


def test_a_slug_is_a_ledger_word():
    assert slug("Not quiescent: SLEDAI > 4") == "not_quiescent_sledai_above_4"
    assert slug("Décès") == "deces"
    assert slug("age <= 18") != slug("age >= 18")
