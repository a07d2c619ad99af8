import json

import pytest

from lumier_analysis.errors import LockError
from lumier_analysis.reporting.frozen import frozen_facts, lock_sentence
from lumier_analysis.study import opening_log, seal
from lumier_analysis.study.lockfile import lock_hashes, lock_path


def lock(study, amended=()):
    content = {
        "format_version": 1, "study": study.name, "locked": "2021-03-01T10:00:00+00:00", "who": "a", "record": {},
        "previous": None, "amendments": list(amended), "parts": {"plan": "x"},
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
