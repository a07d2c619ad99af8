"""The log of openings: whoever deletes, alters or moves a line is found out."""

from __future__ import annotations

import json

import pytest

from lumier_analysis.errors import SealError
from lumier_analysis.study import Study, load_plan, opening_log, project_root, seal


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "data" / "logged"
    folder.mkdir(parents=True)
    return Study(folder, folder / "raw", load_plan(project_root() / "data/synthetic/plan.yml"), tmp_path)


@pytest.fixture
def lines(study):
    for number in range(3):
        opening_log.append(
            study, who="Zoé", when=f"2030-01-0{number + 1}", lock="l", signature="s", content=f"c{number}", reason="why"
        )
    return opening_log.log_path(study).read_text(encoding="utf-8").splitlines()


def rewrite(study, lines):
    opening_log.log_path(study).write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def test_a_log_as_written_is_sound(study, lines):
    assert opening_log.check(study) == []
    found = opening_log.read(study)
    assert [line["content"] for line in found] == ["c0", "c1", "c2"]
    assert found[0]["previous"] == opening_log.START and found[2]["previous"] == found[1]["hash"]
    assert "Zoé" in lines[0]


def test_no_log_is_no_opening(study):
    assert opening_log.read(study) == [] and opening_log.check(study) == []


@pytest.mark.parametrize("field", opening_log.FIELDS)
def test_an_altered_field_is_found(study, lines, field):
    line = json.loads(lines[1])
    line[field] = 9 if field == "number" else "other"
    rewrite(study, [lines[0], json.dumps(line), lines[2]])
    assert opening_log.check(study) == ["line 2 is not what was written"]
    # With its hash made to fit, the next line no longer follows.
    line["hash"] = opening_log.line_hash(line)
    rewrite(study, [lines[0], json.dumps(line), lines[2]])
    assert "does not follow" in opening_log.check(study)[0]


@pytest.mark.parametrize("keep", [(1, 2), (0, 2), (0, 1), (0,), (), (1, 0, 2), (0, 2, 1), (0, 0, 1, 2), (0, 1, 2, 2)])
def test_deleted_moved_and_doubled_lines_are_found(study, lines, keep):
    rewrite(study, [lines[i] for i in keep])
    assert len(opening_log.check(study)) == 1
    with pytest.raises(SealError, match="was altered"):
        opening_log.read(study)
    with pytest.raises(SealError):
        opening_log.append(study, who="B", when="t", lock="l", signature="s", content="c", reason="r")


def test_a_deleted_log_is_found(study, lines):
    opening_log.log_path(study).unlink()
    assert "missing" in opening_log.check(study)[0]


@pytest.mark.parametrize("text", ["{}", "nonsense", "[1]", '{"number": 1}'])
def test_a_line_that_is_none_is_found(study, lines, text):
    rewrite(study, [*lines, text])
    assert opening_log.check(study) == ["line 4 is not an opening"]


def test_a_kill_between_log_and_head_is_no_fault(study, lines):
    head = opening_log.head_path(study)
    head.write_text(json.loads(lines[1])["hash"])
    assert opening_log.check(study) == []
    rewrite(study, lines[:1])
    head.unlink()
    assert opening_log.check(study) == []
    opening_log.append(study, who="B", when="t", lock="l", signature="s", content="c", reason="r")
    assert opening_log.check(study) == []


def test_tables_in_clear_without_an_opening_are_found(study):
    seal.recipient_path(study).write_text(seal.new_identity()[1], encoding="utf-8")
    path = study.table_path("flares", "validation")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    assert "flares stand in clear" in opening_log.check(study)[0]
