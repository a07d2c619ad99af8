from __future__ import annotations

import pytest

from lumier_analysis.pipeline.lock_differences import KINDS, LABELS, Difference, compare_parts

WAS = {
    "plan": "1",
    "plan:a": "5",
    "plan:#": "# x",
    "raw:f.csv": "a" * 64,
    "notebook:n": "1",
    "notebook:n:c1": "code []\nx = 1\ny = 2",
    "notebook:n:order of cells": "c1",
    "package:m.py": "b" * 64,
    "python": "3.11.7",
}


def said(now: dict[str, str | None]) -> list[str]:
    after = {k: v for k, v in {**WAS, **now}.items() if v is not None}
    return [d.text() for d in compare_parts(WAS, after, {"plan:a": 7})]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ({}, []),
        ({"plan": "2", "plan:a": "6"}, ["plan a (line 7): was 5, is 6"]),
        ({"plan": "2", "plan:#": "# y"}, ["plan, a comment: was # x, is # y"]),
        ({"plan": "2"}, ["plan, its layout: blank lines, quotes, or the order of keys: was 1, is 2"]),
        ({"plan": "2", "plan:b": "6"}, ["plan b is new: 6"]),
        ({"raw:f.csv": None}, ["raw file f.csv is gone; it was aaaaaaaaaaaa"]),
        ({"notebook:n": "2", "notebook:n:c1": "code []\nx = 1\ny = 3"},
         ["notebook n, cell 1 (c1), line 2: was y = 2, is y = 3"]),
        ({"notebook:n": "2", "notebook:n:c1": "code []\nx = 1\ny = 2\nz = 3"},
         ["notebook n, cell 1 (c1), line 3: was nothing, is z = 3"]),
        ({"notebook:n": "2", "notebook:n:c2": "code []\nz", "notebook:n:order of cells": "c1, c2"},
         ["notebook n, cell 2 (c2) is new: z"]),
        ({"python": "3.12.1"}, ["Python: was 3.11.7, is 3.12.1"]),
    ],
)  # fmt: skip
def test_each_thing_is_named(now: dict[str, str | None], expected: list[str]) -> None:
    assert said(now) == expected


def test_details_say_nothing_while_the_whole_is_the_same() -> None:
    assert said({"plan:a": "6"}) == []


def test_the_plan_comes_first_and_a_whole_notebook_at_once() -> None:
    now = {"python": "3", "plan": "2", "plan:a": "6", "package:m.py": "c" * 64}
    assert [t.split()[0] for t in said(now)] == ["plan", "package", "Python:"]
    gone = {k: v for k, v in WAS.items() if not k.startswith("notebook")}
    assert len(compare_parts(WAS, gone)) == 1


def test_every_kind_can_be_named() -> None:
    assert set(KINDS) - {"notebook", "input"} == set(LABELS)


def test_long_values_are_cut_in_one_line_and_kept_in_full() -> None:
    difference = Difference("x", "a" * 300, "line\nother", "plan:x")
    assert len(difference.text()) < 150 and difference.was == "a" * 300
    assert difference.text().endswith("is line (and 1 more line)")
