"""Names of people in the records, and what stands for them in an export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lumier_analysis.pipeline.pseudonyms import (
    names_left,
    people,
    pseudonymised,
    public_openings,
    public_report,
    without_names,
)
from lumier_analysis.study import opening_log, project_root
from lumier_analysis.study.lockfile import write_lock
from lumier_analysis.study.study import Study, load_plan

NAMES = {"Ann Bly": "person 1", "Ann": "person 2", "root": "person 3", "É. Noël": "person 4"}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    folder = tmp_path / "data" / "tiny"
    folder.mkdir(parents=True)
    plan = load_plan(project_root() / "data" / "synthetic" / "plan.yml")
    return Study(folder=folder, raw=folder / "raw", plan=plan, root=tmp_path)


def opened(study: Study, who: str, when: str) -> None:
    opening_log.append(study, who=who, when=when, lock="l", signature="s", content="c", reason="")


def test_people_are_numbered_as_they_first_appear_and_keep_their_number(study: Study) -> None:
    assert people(study) == {}
    lock = {
        "format_version": 1, "study": "tiny", "locked": "2021-01-02", "who": "Bo", "record": {}, "previous": None,
        "amendments": [], "parts": {},
    }  # fmt: skip
    write_lock(study, lock)
    opened(study, "Ann  Bly", "2021-01-03")
    first = people(study)
    assert first == {"Bo": "person 1", "Ann Bly": "person 2"}
    # Amended by another: the old lock is kept beside the new one, whose author is the one who amended.
    (study.folder / "plan.lock.json").rename(study.folder / "plan.lock.1.json")
    amendment = {"number": 1, "date": "2021-01-04", "who": "Al", "reason": "", "openings": 1, "moved": 1, "entry": ""}
    write_lock(study, lock | {"who": "Al", "locked": "2021-01-04", "amendments": [amendment]})
    opened(study, "Bo", "2021-01-05")
    assert people(study) == first | {"Al": "person 3"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("by Ann Bly, ann\n bly; Ann", "by person 1, person 1; person 2"),
        ("Annex, grooter, roots", "Annex, grooter, roots"),
        ("ROOT cause (É. NOËL)", "person 3 cause (person 4)"),
    ],
)
def test_whole_names_in_any_case_are_replaced_the_longest_first(text: str, shown: str) -> None:
    assert pseudonymised(text, NAMES) == shown
    assert pseudonymised(text, {}) == text


def test_only_a_name_of_several_words_is_looked_for_elsewhere() -> None:
    assert names_left("asked by ann bly", NAMES)
    assert not names_left("/* :root { } */ Ann", NAMES)


def test_a_line_of_the_log_keeps_what_it_was_but_for_the_name() -> None:
    line = {"number": 1, "who": "Ann Bly", "reason": "for É. Noël", "previous": "0", "hash": "f" * 64}
    (shown,) = public_openings(json.dumps(line) + "\n", NAMES).splitlines()
    assert json.loads(shown) == line | {"who": "person 1", "reason": "for person 4"}


def test_the_report_is_changed_in_its_records_alone() -> None:
    html = (
        ":root {} <dt>Opening 1 of the validation outcomes</dt><dd>2021, by root: Ann&#39;s &lt;b&gt;</dd>"
        "<dt>Study</dt><dd>root</dd>"
    )
    assert public_report(html, NAMES) == html.replace("by root: Ann", "by person 3: person 2")


def test_nothing_is_touched_where_nobody_is_recorded() -> None:
    assert without_names({"deviations.md": b"x", "plan.yml": b"root"}, {}) == {}
    assert without_names({"deviations.md": b"by root", "plan.yml": b"root"}, NAMES) == {"deviations.md": b"by person 3"}
