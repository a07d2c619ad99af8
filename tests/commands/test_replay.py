from __future__ import annotations

import argparse
from types import SimpleNamespace

import pytest

from lumier_analysis.commands import replay as command_module
from lumier_analysis.pipeline import replay as replay_module
from lumier_analysis.pipeline import run as run_module


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    subs = parser.add_subparsers()

    def command(name: str, function: object, text: str) -> argparse.ArgumentParser:
        sub = subs.add_parser(name, help=text)
        sub.set_defaults(function=function)
        return sub

    command_module.register(command)  # type: ignore[arg-type]
    return parser.parse_args(words)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [("identical", 0), ("numbers identical", 0), ("within tolerance", 0), ("moved", command_module.MOVED)],
)
def test_the_exit_code_says_the_outcome(
    outcome: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, object] = {}

    def fake(study: object, **options: object) -> SimpleNamespace:
        asked.update(options, study=study)
        return SimpleNamespace(outcome=outcome, lines=lambda: ["one", f"verdict {outcome}"])

    monkeypatch.setattr(run_module, "open_for_run", lambda study, raw: (study, raw))
    monkeypatch.setattr(replay_module, "replay", fake)
    arguments = parse("replay", "tiny", "--raw", "r", "--against", "e.zip", "--keep", "k")
    assert arguments.function(arguments) == code
    assert (asked["study"], asked["against"], asked["keep"]) == (("tiny", "r"), "e.zip", "k")
    said = capsys.readouterr().out
    assert f"verdict {outcome}" in said and "patient-level" in said


def test_the_code_for_a_moved_number_is_no_familys() -> None:
    from lumier_analysis import errors
    from lumier_analysis.errors import LumierError

    families = [f for f in vars(errors).values() if isinstance(f, type) and issubclass(f, LumierError)]
    assert command_module.MOVED not in {family.exit_code for family in families} | {0, 1, 70, 130, 141}
