from __future__ import annotations

from typing import Any

from lumier_analysis.pipeline.causes import causes, changed_files, changed_inputs, changed_parts, say_part, seal_differs
from lumier_analysis.pipeline.finished_run import FinishedRun
from lumier_analysis.pipeline.stages import Stage

STAGES = (Stage("clean", notebook="01"), Stage("derive", notebook="02"), Stage("validate", notebook="03"))


def run(clean: dict[str, str], derive: dict[str, str], validate: dict[str, str], **more: Any) -> FinishedRun:
    outputs = {"clean": {"analysis/t": clean.get("out", "1")}, "derive": {"analysis/s": derive.get("out", "1")}}
    keys = {"clean": clean, "derive": derive, "validate": validate}
    records = {n: {"key": {k: v for k, v in key.items() if k != "out"}, "outputs": outputs.get(n, {})}
               for n, key in keys.items()}  # fmt: skip
    return FinishedRun("x", {}, {}, more.pop("inputs", {}), records, **more)


def test_a_cause_is_named_where_it_begins() -> None:
    same = {"plan": "p", "raw:a.csv": "1"}
    old = run(same, {"input:analysis/t": "1"}, {"input:analysis/s": "1", "notebook:03": "n"})
    new = run(
        same | {"raw:a.csv": "2", "out": "2"},
        {"input:analysis/t": "2", "out": "2"},
        {"input:analysis/s": "2", "notebook:03": "m"},
    )
    found = causes(old, new, STAGES)
    raw = "raw file a.csv changed (1, now 2)"
    assert found == {"clean": (raw,), "derive": (raw,), "validate": ("notebook 03 changed (n, now m)", raw)}


def test_a_stage_without_a_change_has_no_cause() -> None:
    old = run({"plan": "p"}, {"notebook:02": "a"}, {"notebook:03": "a"})
    new = run({"plan": "p"}, {"notebook:02": "b"}, {"notebook:03": "a"})
    found = causes(old, new, STAGES)
    assert found["clean"] == found["validate"] == () and len(found["derive"]) == 1


def test_an_input_that_differs_without_a_cause_says_so() -> None:
    old = run({"plan": "p"}, {"input:analysis/t": "1"}, {})
    new = run({"plan": "p", "out": "2"}, {"input:analysis/t": "2"}, {})
    (said,) = causes(old, new, STAGES)["derive"]
    assert said.startswith("input analysis/t differs, and nothing that is hashed differs")


def test_an_output_altered_by_hand_explains_what_follows() -> None:
    old = run({"plan": "p"}, {"input:analysis/t": "1"}, {}, altered=("analysis/t",))
    new = run({"plan": "p"}, {"input:analysis/t": "2"}, {})
    assert causes(old, new, STAGES)["derive"] == ("analysis/t was altered after its run",)


def test_the_seal_explains_no_number_and_an_unknown_part_is_named() -> None:
    assert changed_parts({"seal:recipient": "1", "plan": "1"}, {"plan": "2"}) == ["plan"]
    assert changed_parts({"odd:x": "1", "lock": "1"}, {"odd:x": "2", "lock": "2"}) == ["lock", "odd:x"]
    assert say_part("odd:x", {"odd:x": "1"}, {}) == "odd x is gone"
    assert say_part("python", {"python": "3.11.7"}, {"python": "3.12.1"}) == "the Python version was 3.11.7, is 3.12.1"


def test_files_and_inputs_that_differ() -> None:
    old = run({}, {}, {}, inputs={"02": {"a": "1", "b": "1"}})
    new = run({"out": "2"}, {}, {}, inputs={"02": {"a": "1", "b": "2", "c": "1"}})
    assert changed_inputs(old, new, "02") == ["b", "c"]
    assert changed_files(old, new) == {"clean": ("analysis/t",), "derive": (), "validate": ()}


def test_a_seal_in_one_of_the_runs_alone() -> None:
    sealed, opened = run({"seal:recipient": "1", "plan": "p"}, {}, {}), run({"plan": "q"}, {}, {})
    assert seal_differs(sealed, opened, "clean") and not seal_differs(sealed, opened, "derive")
    assert not seal_differs(sealed, sealed, "clean")
