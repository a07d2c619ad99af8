from __future__ import annotations

import json
from pathlib import Path

import pytest

from lumier_analysis.errors import LockError
from lumier_analysis.study import Study, load_plan
from lumier_analysis.study.lockfile import (
    amendments,
    archived_locks,
    lock_hash,
    lock_hashes,
    lock_mark,
    lock_path,
    mark_text,
    read_lock,
    write_lock,
)

ROOT = Path(__file__).resolve().parents[2]
ENTRY = {"number": 1, "date": "2026", "who": "AB", "reason": "r", "openings": None, "moved": 1, "entry": "e"}
LOCK = {
    "format_version": 1,
    "study": "tiny",
    "locked": "2026-01-01T00:00:00+00:00",
    "who": "AB",
    "record": {},
    "previous": None,
    "amendments": [],
    "parts": {"plan": "1", "plan:a": "2", "python": "3"},
}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path, tmp_path / "raw", load_plan(ROOT / "data" / "synthetic" / "plan.yml"), tmp_path)


def test_what_is_written_is_read(study: Study) -> None:
    assert read_lock(study) is None and lock_mark(study) == {"lock": None, "amendments": 0}
    assert mark_text(study) == "plan not locked"
    write_lock(study, LOCK)
    assert read_lock(study) == LOCK | {"hashes": lock_hashes(LOCK)}
    assert mark_text(study) == f"plan locked ({lock_hash(study)[:12]})"
    assert not list(study.folder.glob(".plan*"))


@pytest.mark.parametrize(("n", "words"), [(1, "amended once"), (2, "amended twice"), (3, "amended 3 times")])
def test_amendments_are_counted_beside_a_result(study: Study, n: int, words: str) -> None:
    write_lock(study, LOCK | {"amendments": [ENTRY] * n})
    assert len(amendments(study)) == n == lock_mark(study)["amendments"]
    assert mark_text(study).endswith(f", {words}")


def test_the_content_is_what_is_locked_and_how_often_it_was_amended() -> None:
    content = lock_hashes(LOCK)["content"]
    for field, value in (("who", "CD"), ("locked", "2027"), ("record", {"commit": "x"}), ("previous", "p")):
        now = lock_hashes(LOCK | {field: value})
        assert now["content"] == content and now["whole"] != lock_hashes(LOCK)["whole"]
    assert lock_hashes(LOCK | {"parts": LOCK["parts"] | {"plan:a": "3"}})["content"] != content
    assert lock_hashes(LOCK | {"amendments": [ENTRY]})["content"] != content


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lock: lock["parts"].update({"plan:a": "9"}), r"changed: parts\.plan"),
        (lambda lock: lock["parts"].pop("python"), r"changed: parts\.python"),
        (lambda lock: lock.update(who="CD"), "changed: who"),
        (lambda lock: lock.pop("who"), "without who"),
        (lambda lock: lock.update(extra=1), "unknown extra"),
        (lambda lock: lock["hashes"].update(content="0"), "changed: its hashes"),
        (lambda lock: lock.update(format_version=2), "format_version 2"),
        (lambda lock: lock.update(parts=[]), "a field of another kind"),
        (lambda lock: lock.update(amendments=[{"number": 1}]), "a field of another kind"),
    ],
)
def test_an_altered_lock_is_refused_and_the_field_named(study: Study, change, said: str) -> None:
    write_lock(study, LOCK)
    lock = json.loads(lock_path(study).read_text("utf-8"))
    change(lock)
    lock_path(study).write_text(json.dumps(lock), "utf-8")
    for call in (read_lock, amendments, lock_mark, lock_hash):
        with pytest.raises(LockError, match=said):
            call(study)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b"null"])
def test_what_is_no_lock_is_refused(study: Study, content: bytes) -> None:
    lock_path(study).write_bytes(content)
    with pytest.raises(LockError, match=r"plan\.lock\.json"):
        read_lock(study)


def test_replaced_locks_come_in_the_order_of_their_numbers(study: Study) -> None:
    for n in (10, 2, 1):
        (study.folder / f"plan.lock.{n}.json").write_text("{}")
    (study.folder / "plan.lock.old.json").write_text("{}")
    assert [p.name for p in archived_locks(study)] == ["plan.lock.1.json", "plan.lock.2.json", "plan.lock.10.json"]
