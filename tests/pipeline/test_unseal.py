"""The unsealing: only after a lock, on record before anything is shown, and whole or not at all when killed."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from lumier_analysis.errors import SealError, SignatureError, UsageError
from lumier_analysis.pipeline import unseal
from lumier_analysis.pipeline.stages import Stage
from lumier_analysis.pipeline.unseal import FIRST, RESTORED, sealed_stages, unseal_study
from lumier_analysis.study import Study, load_plan, opening_log, project_root, seal
from lumier_analysis.study.io import parquet_bytes

FRAMES = {name: pd.DataFrame({"marker": [f"{name} of V-007"]}) for name in (*seal.SEALED_TABLES, "samples")}
FILES = {f"tables/{name}.parquet": parquet_bytes(frame) for name, frame in FRAMES.items()} | {"queries.csv": b"q"}
OPEN_SAMPLES = b"tubes of scheduled visits"


def make_study(root: Path) -> Study:
    """A sealed study whose samples stand in clear, incomplete; its identity is `root/key`."""
    folder = root / "data" / "closed"
    folder.mkdir(parents=True)
    study = Study(folder, folder / "raw", load_plan(project_root() / "data/synthetic/plan.yml"), root)
    identity, public = seal.new_identity()
    (root / "key").write_text(identity, encoding="utf-8")
    seal.recipient_path(study).write_text(public, encoding="utf-8")
    seal.seal(study, FILES)
    samples = study.table_path("samples", "validation")
    samples.parent.mkdir(parents=True)
    samples.write_bytes(OPEN_SAMPLES)
    (samples.parent / "expression.parquet").write_bytes(b"expression")
    return study


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path)


@pytest.fixture
def locked(monkeypatch):
    """The study is locked and its signature verified."""
    monkeypatch.setattr(unseal, "_locked", lambda study: ("lock hash", "signature hash"))


def state(study):
    """What stands in clear: "sealed", "open", or something in between."""
    there = {t: study.table_path(t, "validation").is_file() for t in seal.SEALED_TABLES}
    samples = study.table_path("samples", "validation")
    whole = samples.is_file() and samples.read_bytes() == FILES["tables/samples.parquet"]
    if all(there.values()) and whole:
        return "open"
    return "between" if any(there.values()) or whole else "sealed"


def test_an_opening_is_recorded_and_shows_the_tables(study, locked, tmp_path, monkeypatch):
    monkeypatch.setenv("LUMIER_WHO", "Data manager")
    done = unseal_study(study, tmp_path / "key")
    assert state(study) == "open" and not seal.is_sealed(study)
    assert study.read("flares", "validation")["marker"].tolist() == ["flares of V-007"]
    assert (done.tables / "expression.parquet").read_bytes() == b"expression"
    assert sorted(p.name for p in done.tables.parent.iterdir()) == ["validation"]
    [line] = opening_log.read(study)
    assert line == done.line
    assert (line["who"], line["lock"], line["signature"], line["reason"]) == (
        "Data manager", "lock hash", "signature hash", FIRST,
    )  # fmt: skip
    assert line["content"] == seal.content_hash(FILES) and line["when"].endswith("+00:00")


def test_what_is_open_already_is_not_opened_again(study, locked, tmp_path):
    unseal_study(study, tmp_path / "key")
    assert unseal_study(study, tmp_path / "no such key").line is None
    assert len(opening_log.read(study)) == 1
    study.table_path("visits", "validation").unlink()
    assert unseal_study(study, tmp_path / "key").line["reason"] == RESTORED
    assert state(study) == "open" and len(opening_log.read(study)) == 2


def test_another_content_needs_another_opening_with_a_reason(study, locked, tmp_path):
    unseal_study(study, tmp_path / "key")
    seal.seal(study, FILES | {"queries.csv": b"one answered"})
    assert seal.is_sealed(study)
    with pytest.raises(UsageError, match="needs a reason"):
        unseal_study(study, tmp_path / "key", reason=" ")
    assert unseal_study(study, tmp_path / "key", reason="a query\nanswered").line["reason"] == "a query answered"
    assert [line["number"] for line in opening_log.read(study)] == [1, 2]


def test_refusals_leave_no_trace(study, tmp_path, monkeypatch):
    def refused(error, match, identity="key"):
        with pytest.raises(error, match=match):
            unseal_study(study, tmp_path / identity)
        assert state(study) == "sealed" and not opening_log.log_path(study).exists()
        assert sorted(p.name for p in (study.analysis / "tables").iterdir()) == ["validation"]

    refused(SealError, r"no lock.*lumier lock data/closed")
    fake = SimpleNamespace(
        read_lock=lambda s: {},
        require_unchanged=lambda s: None,
        require_derived=lambda s: None,
        lock_hash=lambda s: "hash",
    )
    monkeypatch.setitem(sys.modules, "lumier_analysis.pipeline.plan_lock", fake)
    monkeypatch.setattr("lumier_analysis.pipeline.plan_lock", fake, raising=False)
    refused(SignatureError, "signature")
    study.signature_path.write_text("{}", encoding="utf-8")
    refused(SignatureError, "signature")
    monkeypatch.setattr(unseal, "_locked", lambda study: ("", ""))
    (tmp_path / "other").write_text(seal.new_identity()[0], encoding="utf-8")
    refused(SealError, "does not fit", "other")
    seal.archive_path(study).write_bytes(seal.archive_path(study).read_bytes()[:-1] + b"x")
    refused(SealError, "not the archive")
    seal.recipient_path(study).unlink()
    refused(SealError, "nothing to open")


def test_an_altered_log_stops_the_opening(study, locked, tmp_path):
    unseal_study(study, tmp_path / "key")
    log = opening_log.log_path(study)
    log.write_text(log.read_text().replace(FIRST, "rehearsal"))
    with pytest.raises(SealError, match="was altered"):
        unseal_study(study, tmp_path / "key")


def unseal_and_be_killed(study, root, point):
    """Unseal in a child process that is killed before its change of the disk number `point`; return how it ended."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the child of a process with threads: it starts none
        child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    left = point

    def hook(event, args):
        nonlocal left
        changes = event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir") or (
            event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR)
        )
        if changes and str(args[0]).startswith(str(root)):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    try:
        unseal_study(study, root / "key")
    except BaseException:
        os._exit(1)
    os._exit(0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and kill -9")
def test_killed_anywhere_it_leaves_nothing_or_everything_and_never_without_a_line(tmp_path, locked):
    """Killed before each change of the disk in turn; what is left is then opened in one more go."""
    origin = make_study(tmp_path / "origin")
    seen, ended, point = [], -signal.SIGKILL, 0
    while ended:
        root = tmp_path / f"run{point}"
        shutil.copytree(origin.root, root)
        folder = root / "data" / "closed"
        study = Study(folder, folder / "raw", origin.plan, root)
        ended = unseal_and_be_killed(study, root, point)
        assert ended in (0, -signal.SIGKILL)
        logged = len(opening_log.read(study))
        assert state(study) in ("sealed", "open")
        # No byte of an outcome, in hidden folders neither, unless the log says so.
        plain = [p for p in root.rglob("*") if p.is_file() and p.read_bytes() in FILES.values()]
        assert logged or not plain
        seen.append((state(study), logged))
        (folder / "analysis" / "run" / "lock").unlink(missing_ok=True)
        unseal_study(study, root / "key")
        assert state(study) == "open" and opening_log.check(study) == []
        assert (study.analysis / "tables" / "validation" / "expression.parquet").read_bytes() == b"expression"
        assert not list((study.analysis / "tables").glob(".opening*"))
        point += 1
    assert {("sealed", 0), ("sealed", 1), ("open", 1)} == set(seen) and len(seen) > 20


def test_a_failed_exchange_is_undone(study, locked, tmp_path, monkeypatch):
    moves = []

    def replace(one, other):
        moves.append(one)
        if len(moves) == 2:
            raise OSError("full")
        Path(one).replace(other)

    exchange = unseal._exchange
    monkeypatch.setattr(unseal, "_exchange", lambda *paths: exchange(*paths, replace=replace))
    with pytest.raises(OSError, match="full"):
        unseal_study(study, tmp_path / "key")
    assert state(study) == "sealed" and study.table_path("samples", "validation").read_bytes() == OPEN_SAMPLES
    assert len(opening_log.read(study)) == 1


def test_stages_that_wait(study, locked, tmp_path):
    assert sealed_stages(study) == {"validate", "longitudinal", "manuscript", "report"}
    tiny = (Stage("a", writes=("analysis/tables",)), Stage("b", reads=("analysis/tables/test",), writes=("reports/b",)),
            Stage("c", reads=("analysis/tables/validation/flares.parquet",), writes=("analysis/results/c.json",)),
            Stage("d", reads=("analysis/results",)), Stage("e", reads=("reports/b", "analysis/tables_2")))  # fmt: skip
    assert sealed_stages(study, tiny) == {"c", "d"}
    unseal_study(study, tmp_path / "key")
    assert sealed_stages(study) == set()
    seal.seal(study, {"changed": b""})
    assert sealed_stages(study)
