from __future__ import annotations

import argparse

import pytest

from lumier_analysis.commands.isolation import register
from lumier_analysis.pipeline import isolation
from lumier_analysis.pipeline.isolation import LEAKED, Attempt, Isolation
from lumier_analysis.pipeline.masks import Masks


def parse(*words: str) -> argparse.Namespace:
    """Parse as the command line does."""
    commands = argparse.ArgumentParser().add_subparsers()

    def command(name, function, text):
        sub = commands.add_parser(name, help=text)
        sub.set_defaults(function=function)
        return sub

    register(command)
    return commands.choices[words[0]].parse_args(words[1:])


@pytest.mark.parametrize(
    ("sealed", "held", "code"),
    [(True, LEAKED, 1), (True, "masked: empty", 0), (False, LEAKED, 0), (False, "masked: empty", 0)],
)
def test_the_exit_code_says_whether_a_sealed_outcome_was_read(monkeypatch, capsys, sealed, held, code):
    found = Isolation("synthetic", sealed, Masks(()), (Attempt("open()", "raw files", held),), ("truth",))
    monkeypatch.setattr(isolation, "try_leaks", lambda study: found)
    arguments = parse("isolation-report", "data/synthetic")
    assert arguments.function(arguments) == code
    printed = capsys.readouterr().out
    assert held in printed and "Not there, so not tried: truth." in printed
