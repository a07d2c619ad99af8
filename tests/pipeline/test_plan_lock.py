from __future__ import annotations

import json
from pathlib import Path

import pytest

from lumier_analysis.errors import LockError, SignatureError, UsageError
from lumier_analysis.pipeline import plan_lock
from lumier_analysis.pipeline.plan_lock import (
    amend,
    amendments,
    differences,
    lock_hash,
    lock_study,
    read_lock,
    require_unchanged,
)
from lumier_analysis.pipeline.verify_lock import verify
from lumier_analysis.study import Study, opening_log
from lumier_analysis.study.lockfile import archived_locks, deviations_path, lock_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def change_plan(study: Study, new: str = "105") -> None:
    edit(study.folder / "plan.yml", "cap_days: 112", f"cap_days: {new}")


def test_what_was_locked_is_unchanged_until_something_moves(lockable: Study) -> None:
    path = lock_study(lockable)
    assert path == lockable.folder / "plan.lock.json"
    require_unchanged(lockable)
    assert differences(lockable) == [] and verify(lockable) == []
    lock = read_lock(lockable)
    assert lock is not None and lock["who"] == "AB" and lock["amendments"] == [] and lock["previous"] is None
    change_plan(lockable)
    with pytest.raises(LockError, match=r"1 thing moved") as caught:
        require_unchanged(lockable)
    text = str(caught.value)
    assert "plan landmarks.cap_days (line 187): was 112, is 105" in text
    assert "restore it" in text and "lumier amend data/tiny --reason" in text


def test_a_study_that_is_not_locked_says_so(lockable: Study) -> None:
    assert read_lock(lockable) is None and amendments(lockable) == []
    for call in (require_unchanged, differences, lock_hash):
        with pytest.raises(LockError, match=r"not locked.*lumier lock data/tiny"):
            call(lockable)


def test_a_real_study_is_locked_once(lockable: Study) -> None:
    lock_study(lockable)
    with pytest.raises(LockError, match=r"was locked on \d{4}-\d\d-\d\d.*lumier amend data/tiny"):
        lock_study(lockable)


def test_a_real_study_does_not_become_synthetic_to_be_locked_anew(lockable: Study) -> None:
    from lumier_analysis.study import open_study

    lock_study(lockable)
    edit(lockable.folder / "plan.yml", "synthetic: false", "synthetic: true")
    with pytest.raises(LockError, match="lumier amend"):
        lock_study(open_study(lockable.folder))


def test_a_deleted_lock_is_not_made_again_where_something_speaks_of_it(lockable: Study) -> None:
    lock_study(lockable)
    change_plan(lockable)
    amend(lockable, "the cap was a misprint")
    lock_path(lockable).unlink()
    with pytest.raises(LockError, match=r"locked before.*deviations\.md, plan\.lock\.1\.json"):
        lock_study(lockable)


def test_no_lock_without_a_verified_signature(lockable: Study) -> None:
    text = lockable.signature_path.read_text("utf-8")
    lockable.signature_path.write_text(text.replace('"threshold": 0.25', '"threshold": 0.26'), "utf-8")
    with pytest.raises(SignatureError, match="threshold"):
        lock_study(lockable)
    lockable.signature_path.unlink()
    with pytest.raises(LockError, match=r"no locked signature yet.*lumier run data/tiny"):
        lock_study(lockable)
    assert not lock_path(lockable).exists()


def test_the_synthetic_study_is_locked_anew_and_the_old_lock_kept(lockable_synthetic: Study) -> None:
    study = lockable_synthetic
    first = lock_study(study).read_bytes()
    assert lock_study(study).read_bytes() == first and archived_locks(study) == []  # nothing moved
    old = lock_hash(study)
    change_plan(study)
    amend(study, "first of all")
    change_plan_again = study.folder / "plan.yml"
    edit(change_plan_again, "cap_days: 105", "cap_days: 100")
    lock_study(study)
    assert [p.name for p in archived_locks(study)] == ["plan.lock.1.json", "plan.lock.2.json"]
    assert archived_locks(study)[0].read_bytes() == first
    assert not deviations_path(study).exists() and (study.folder / "deviations.2.md").is_file()
    assert amendments(study) == [] and lock_hash(study) != old
    require_unchanged(study)
    assert verify(study) == []


def test_the_content_hash_knows_what_is_locked_and_not_when(lockable_synthetic: Study) -> None:
    study = lockable_synthetic
    lock_study(study, who="AB")
    first = lock_hash(study)
    lock_path(study).unlink()
    lock_study(study, who="CD")
    assert lock_hash(study) == first


def test_an_amendment_says_what_moved_and_is_counted(lockable: Study) -> None:
    lock_study(lockable)
    before = lock_hash(lockable)
    change_plan(lockable)
    (lockable.root / "lumier_analysis" / "estimate.py").write_text("x = 1\n")
    done = amend(lockable, "  the cap was\na misprint ")
    assert (done.number, done.moved, done.who, done.openings) == (1, 2, "AB", None)
    assert done.reason == "the cap was a misprint"
    text = deviations_path(lockable).read_text("utf-8")
    assert "| plan landmarks.cap_days (line 187) | 112 | 105 |" in text and "package module estimate.py" in text
    assert f"Lock before: `{before}`" in text and f"Lock now: `{lock_hash(lockable)}`" in text
    assert [a.number for a in amendments(lockable)] == [1]
    require_unchanged(lockable)
    change_plan_back = lockable.folder / "plan.yml"
    edit(change_plan_back, "cap_days: 105", "cap_days: 112")
    assert amend(lockable, "it was none").number == 2
    assert verify(lockable) == [] and lock_hash(lockable) != before
    assert [p.name for p in archived_locks(lockable)] == ["plan.lock.1.json", "plan.lock.2.json"]


def test_an_amendment_says_whether_outcomes_had_been_opened(lockable: Study) -> None:
    lock_study(lockable)
    opening_log.append(
        lockable,
        who="DM",
        when="2026-01-01T00:00:00+00:00",
        lock=lock_hash(lockable),
        signature="s" * 64,
        content="c" * 64,
        reason="analysis",
    )
    change_plan(lockable)
    assert amend(lockable, "after the fact").openings == 1
    assert "Validation outcomes: opened once before this." in deviations_path(lockable).read_text("utf-8")
    assert verify(lockable) == []
    archived_locks(lockable)[0].unlink()
    assert any("opening 1 was made under the lock" in p for p in verify(lockable))


def test_nothing_is_amended_without_reason_or_without_change(lockable: Study) -> None:
    lock_study(lockable)
    with pytest.raises(LockError, match="Nothing moved"):
        amend(lockable, "for fun")
    change_plan(lockable)
    with pytest.raises(UsageError, match="needs a reason"):
        amend(lockable, " \n ")
    assert not deviations_path(lockable).exists()


def test_an_interrupted_amendment_is_typed_again(lockable: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    lock_study(lockable)
    locked = lock_path(lockable).read_bytes()
    change_plan(lockable)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(plan_lock, "write_lock", killed)
        with pytest.raises(KeyboardInterrupt):
            amend(lockable, "first try")
    assert lock_path(lockable).read_bytes() == locked
    assert any("entry 1 has no lock" in p and "lumier amend data/tiny" in p for p in verify(lockable))
    assert amend(lockable, "second try").number == 1
    text = deviations_path(lockable).read_text("utf-8")
    assert "first try" not in text and "second try" in text
    assert verify(lockable) == [] and len(archived_locks(lockable)) == 1


def test_an_altered_record_is_not_amended_upon(lockable: Study) -> None:
    lock_study(lockable)
    change_plan(lockable)
    amend(lockable, "one")
    edit(deviations_path(lockable), "Reason: one", "Reason: another")
    change_plan_again = lockable.folder / "plan.yml"
    edit(change_plan_again, "cap_days: 105", "cap_days: 100")
    with pytest.raises(LockError, match=r"entry 1 of .* was altered"):
        amend(lockable, "two")
    with pytest.raises(LockError, match=r"entry 1 of .* was altered"):
        require_unchanged(lockable)


def test_a_lock_rewritten_with_its_hashes_is_not_the_one_that_was_amended(lockable: Study) -> None:
    from lumier_analysis.study.lockfile import write_lock

    lock_study(lockable)
    change_plan(lockable)
    amend(lockable, "one")
    lock = json.loads(lock_path(lockable).read_text("utf-8"))
    lock["parts"]["plan:landmarks.cap_days"] = "112"
    write_lock(lockable, lock)
    assert any("not the lock that the last entry of deviations.md names" in p for p in verify(lockable))
