from __future__ import annotations

from pathlib import Path

import pytest

from lumier_analysis.pipeline import build


def test_a_users_error_is_one_line(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "failing_report.py").write_text(
        "from lumier_analysis.errors import DisclosureError\n"
        "def build(study):\n    raise DisclosureError(f'{study.name} would\\nshow a patient')\n"
    )
    monkeypatch.syspath_prepend(project)
    assert build.main(["failing_report:build", "data/tiny"]) == 17
    assert capsys.readouterr().out == "DisclosureError\ttiny would show a patient.\n"
