"""lumier keygen and lumier unseal, as they are typed."""

from __future__ import annotations

import argparse
import shutil
import stat

import pytest

from lumier_analysis.commands import seal as commands
from lumier_analysis.errors import SealError, UsageError
from lumier_analysis.pipeline import unseal
from lumier_analysis.study import open_study, project_root, seal

FILES = {f"tables/{name}.parquet": b"PAR" for name in (*seal.SEALED_TABLES, "samples", "expression")}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of one study; it is the working folder."""
    root = tmp_path / "project"
    (root / "lumier_analysis").mkdir(parents=True)
    (root / "pyproject.toml").write_text("")
    folder = root / "data" / "study"
    folder.mkdir(parents=True)
    shutil.copy(project_root() / "data/synthetic/plan.yml", folder)
    monkeypatch.chdir(root)
    return root


def call(*typed):
    """Parse as the command line does, and run."""
    parser = argparse.ArgumentParser()
    subs = parser.add_subparsers()

    def command(name, function, text):
        sub = subs.add_parser(name, help=text)
        sub.set_defaults(function=function)
        return sub

    commands.register(command)
    arguments = parser.parse_args([str(word) for word in typed])
    return arguments.function(arguments)


def test_a_key_pair_opens_what_was_sealed_to_it(project, tmp_path, capsys, monkeypatch):
    key = tmp_path / "manager.key"
    assert call("keygen", "data/study", "--out", key) == 0
    study = open_study("data/study")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    secret = [line for line in key.read_text().splitlines() if line.startswith("AGE-SECRET-KEY-1")]
    said = capsys.readouterr().out
    assert len(secret) == 1 and secret[0] not in said and "in clear" not in said

    seal.seal(study, FILES)
    with pytest.raises(SealError, match="lumier lock"):
        call("unseal", "data/study", "--identity", key)
    monkeypatch.setattr(unseal, "_locked", lambda study: ("lock", "signature"))
    assert call("unseal", "data/study", "--identity", key) == 0
    said = capsys.readouterr().out
    assert "Opening 1 of data/study/openings.jsonl" in said and "lumier run data/study" in said
    assert study.table_path("flares", "validation").read_bytes() == b"PAR"
    assert call("unseal", "study", "--identity", key) == 0
    assert "open already" in capsys.readouterr().out


def test_keygen_leaves_alone_what_is_there(project, tmp_path):
    with pytest.raises(UsageError, match="project folder"):
        call("keygen", "study", "--out", project / "data" / "key")
    (tmp_path / "mine").write_text("x")
    with pytest.raises(UsageError, match="left alone"):
        call("keygen", "study", "--out", tmp_path / "mine")
    with pytest.raises(UsageError, match="cannot be written"):
        call("keygen", "study", "--out", tmp_path / "none" / "key")
    assert (tmp_path / "mine").read_text() == "x"
    assert not seal.has_seal(open_study("study"))
    call("keygen", "study", "--out", tmp_path / "key")
    with pytest.raises(SealError, match="has a recipient already"):
        call("keygen", "study", "--out", tmp_path / "second")
    assert not (tmp_path / "second").exists()


def test_keygen_says_that_a_seal_hides_no_past_look(project, tmp_path, capsys):
    path = open_study("study").table_path("flares", "validation")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    call("keygen", "study", "--out", tmp_path / "key")
    assert "hides no past look" in capsys.readouterr().out
