from __future__ import annotations

import getpass

import pytest

from lumier_analysis.study.who import who


def test_the_variable_goes_before_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMIER_WHO", "  A.\nStatistician ")
    assert who() == "A. Statistician"
    monkeypatch.setenv("LUMIER_WHO", " ")
    monkeypatch.setattr(getpass, "getuser", lambda: "jo")
    assert who() == "jo"


def test_a_system_without_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.delenv("LUMIER_WHO", raising=False)
    monkeypatch.setattr(getpass, "getuser", nobody)
    assert who() == "unknown"
