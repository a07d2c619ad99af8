"""A stage that is a function: its result, and the error that it ends in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lumier_analysis.errors import NotebookError, PlanError
from lumier_analysis.pipeline.run_builder import run_builder
from lumier_analysis.study import open_study
from tests.pipeline.conftest import TINY_STAGES

pytestmark = pytest.mark.pipeline
REPORT = replace(TINY_STAGES[-1], builder="ending:build")
#: What Python says of an error at its own end comes after everything that was printed.
NOISY = """
from lumier_analysis import errors
class Noisy:
    def __del__(self):
        raise ValueError("at the end")
left = Noisy()
def build(study):
    raise errors.{error}
"""


def test_an_error_of_the_users_is_told_whatever_python_says_at_its_end(project: Path) -> None:
    study = open_study("data/tiny")
    (project / "ending.py").write_text(NOISY.format(error="PlanError('no such key')"))
    with pytest.raises(PlanError, match="no such key"):
        run_builder(REPORT, study)


def test_any_other_error_is_kept(project: Path) -> None:
    study = open_study("data/tiny")
    (study.analysis / "run").mkdir(parents=True)
    (project / "ending.py").write_text("def build(study):\n    raise KeyError('x')\n")
    with pytest.raises(NotebookError, match="The stage report stopped: KeyError: 'x'"):
        run_builder(REPORT, study)
    assert "Traceback" in (study.analysis / "run/report.log").read_text()
