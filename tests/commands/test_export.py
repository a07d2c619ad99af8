from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace

import pytest

from lumier_analysis.commands import export as command_module
from lumier_analysis.pipeline import export as export_module
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


@pytest.mark.parametrize(("flag", "said"), [((), "Numbers as disclosed"), (("--internal",), "not for passing on")])
def test_it_says_where_the_zip_is_and_what_it_holds(
    flag: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fake(study: object, out: str, *, internal: bool) -> Path:
        assert out == "x.zip" and internal is bool(flag)
        return Path("/project/x.zip")

    monkeypatch.setattr(run_module, "open_for_run", lambda study: SimpleNamespace(root=Path("/project")))
    monkeypatch.setattr(export_module, "export_run", fake)
    arguments = parse("export", "tiny", "--out", "x.zip", *flag)
    assert arguments.function(arguments) == 0
    output = capsys.readouterr().out
    assert "Export: x.zip" in output and said in output
