import json

import pytest

from lumier_analysis.errors import LockError
from lumier_analysis.reporting.frozen import departures, frozen_facts, lock_sentence
from lumier_analysis.study import opening_log, seal
from lumier_analysis.study.lockfile import lock_hashes, lock_path


def lock(study, amended=(), parts=(("plan", "x"),)):
    content = {
        "format_version": 1, "study": study.name, "locked": "2021-03-01T10:00:00+00:00", "who": "a", "record": {},
        "previous": None, "amendments": list(amended), "parts": dict(parts),
    }  # fmt: skip
    content["hashes"] = lock_hashes(content)
    lock_path(study).write_text(json.dumps(content), encoding="utf-8")
    return content["hashes"]["content"]


def test_a_study_without_lock_and_seal_says_so(study):
    assert lock_sentence(study) == "Plan not locked."
    assert dict(frozen_facts(study)) == {
        "Plan lock (content hash)": "the plan is not locked",
        "Validation outcomes": "not sealed in this study",
    }


def test_lock_amendment_and_opening_stand_beside_the_result(study):
    amendment = {
        "number": 1, "date": "2021-05-02T08:00:00+00:00", "who": "b", "reason": "a wrong unit", "openings": 0,
        "moved": 2, "entry": "0" * 64,
    }  # fmt: skip
    content = lock(study, [amendment])
    (study.folder / seal.RECIPIENT).write_text("age1" + "q" * 58, encoding="utf-8")
    assert lock_sentence(study).endswith("amended once; validation outcomes sealed.")
    opening_log.append(
        study, who="data manager", when="2021-06-01T09:00:00+00:00", lock=content, signature="1" * 64,
        content="2" * 64, reason="database closed",
    )  # fmt: skip
    assert lock_sentence(study) == (
        f"Plan locked ({content[:12]}), amended once; validation outcomes opened once, on record."
    )
    facts = dict(frozen_facts(study))
    assert facts["Amendment 1"] == "2021-05-02, 2 moved: a wrong unit"
    assert "data manager: database closed" in facts["Opening 1 of the validation outcomes"]


def test_an_altered_lock_is_no_lock(study):
    lock(study)
    text = lock_path(study).read_text(encoding="utf-8")
    lock_path(study).write_text(text.replace('"plan": "x"', '"plan": "y"'), encoding="utf-8")
    with pytest.raises(LockError):
        lock_sentence(study)


def ran(study, stage, **key):
    """Leave the record of a run."""
    place = study.analysis / "run" / f"{stage}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"key": {name.replace("__", ":"): sha for name, sha in key.items()}}), encoding="utf-8")


def test_results_of_another_plan_do_not_pass_for_those_of_the_lock(study):
    locked = {"plan": "x", "notebook:n": "1", "package:a.py": "1", "package:b.py": "1", "raw:f.csv": "1"}
    same = {"plan": "x", "notebook__n": "1", "package__a.py": "1", "package__b.py": "1", "parameter__p": "1"}
    ran(study, "validate", **same)
    assert departures(study) == ()  # without a lock there is nothing to depart from
    content = lock(study, parts=locked.items())
    ran(study, "report", plan="y")  # the report's own: not of results
    (study.analysis / "run" / "torn.json").write_text("{", encoding="utf-8")
    assert departures(study) == () and "depart" not in lock_sentence(study)

    moved = {name: sha for name, sha in same.items() if name != "package__b.py"} | {"package__a.py": "2", "plan": "y"}
    ran(study, "validate", **moved, raw__new="1")
    named = ("package module a.py", "package module b.py", "plan", "raw file new")
    assert departures(study) == named
    assert lock_sentence(study).startswith(
        f"Plan locked ({content[:12]}); these results depart from the lock in 4 things that no amendment records; "
    )
    assert dict(frozen_facts(study))["Departures that no amendment records"] == ", ".join(named)
    many = {f"package__{i}.py": "1" for i in range(12)}
    ran(study, "validate", **same, **many)
    assert dict(frozen_facts(study))["Departures that no amendment records"].endswith(" and 4 more")


def test_a_signature_that_is_not_the_locked_one_is_a_departure(study):
    lock(study, parts={"plan": "x", "signature": "0" * 64, "clinical_model": "0" * 64}.items())
    for path in (study.signature_path, study.clinical_model_path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}", encoding="utf-8")
    assert departures(study) == ("the locked signature", "the clinical model")
