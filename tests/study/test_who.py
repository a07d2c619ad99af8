from __future__ import annotations

import getpass

import pytest

from lumier_analysis.errors import UsageError
from lumier_analysis.study.who import one_line, who


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


def test_a_name_of_a_terminal_without_utf8_is_refused_before_it_stands_anywhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # How Python hands over the Latin-1 bytes of an accented name.
    monkeypatch.setenv("LUMIER_WHO", b"Andr\xe9".decode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match=r"The name in LUMIER_WHO is no UTF-8 text. Found: Andr\?. To mend it"):
        who()
    assert one_line(" Andr\u00e9 \n B ", "The reason") == "Andr\u00e9 B"
