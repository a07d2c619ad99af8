from __future__ import annotations

import json

import pytest

from lumier_analysis.errors import LockError
from lumier_analysis.pipeline.plan_lock import amend, lock_hash, lock_study, require_unchanged
from lumier_analysis.pipeline.verify_lock import checks, verify
from lumier_analysis.study import Study, opening_log, seal


def test_every_check_is_listed(lockable: Study) -> None:
    lock_study(lockable)
    names = ["lock", "replaced locks", "signature", "clinical model", "deviations", "opening log", "study as locked"]
    assert [line for c in checks(lockable) for line in c.lines()] == [f"ok     {name}" for name in names]
    assert verify(lockable) == []


def test_without_a_lock_what_needs_none_is_checked_all_the_same(lockable: Study) -> None:
    found = {c.name: c.problems for c in checks(lockable)}
    assert set(found) == {"lock", "signature", "clinical model", "opening log"}
    assert "not locked" in found["lock"][0] and not found["signature"]


def test_several_wrongs_are_all_said(lockable: Study) -> None:
    lock_study(lockable)
    lockable.clinical_model_path.write_text("{}")
    (lockable.root / "lumier_analysis" / "estimate.py").write_text("")
    (lockable.raw / "new.csv").write_text("")  # no file of the plan
    found = verify(lockable)
    assert {p.partition(":")[0] for p in found} == {"clinical model", "study as locked"}
    assert "study as locked: package module estimate.py" in "\n".join(found) and "new.csv" not in "\n".join(found)


def test_absent_raw_files_are_said_and_stop_no_other_check(lockable: Study) -> None:
    lock_study(lockable)
    (lockable.raw / "ecrf_visites.csv").unlink()
    found = {c.name: c.problems for c in checks(lockable)}
    assert len(found) == 7 and "ecrf_visites.csv" in found["study as locked"][0]
    assert not any(found[name] for name in found if name != "study as locked")


def test_a_seal_or_an_opening_that_the_lock_knows_of_and_that_is_gone(lockable: Study) -> None:
    recipient = seal.recipient_path(lockable)
    recipient.write_text(seal.new_identity()[1])
    lock_study(lockable)
    assert verify(lockable) == []
    recipient.unlink()
    gone = "opening log: the outcomes were under seal when the plan was locked, and seal_recipient.txt is gone"
    assert verify(lockable) == [gone]
    with pytest.raises(LockError, match=r"under seal when the plan was locked.*take seal_recipient\.txt and openings"):
        require_unchanged(lockable)

    recipient.write_text(seal.new_identity()[1])
    content = lock_hash(lockable)
    for _ in range(2):
        opening_log.append(
            lockable, who="AB", when="2021", lock=content, signature="1" * 64, content="2" * 64, reason="r"
        )  # fmt: skip
    plan = lockable.folder / "plan.yml"
    plan.write_text(plan.read_text("utf-8").replace("cap_days: 112", "cap_days: 105"), "utf-8")
    amend(lockable, "a misprint")
    assert verify(lockable) == []
    # The last line goes, and the head is written to fit: the amendment was made after both openings.
    lines = opening_log.log_path(lockable).read_text("utf-8").splitlines(keepends=True)
    opening_log.log_path(lockable).write_text(lines[0], "utf-8")
    opening_log.head_path(lockable).write_text(json.loads(lines[0])["hash"] + "\n", "utf-8")
    assert verify(lockable) == ["opening log: the log has 1 of at least 2 openings that the lock knows of"]
