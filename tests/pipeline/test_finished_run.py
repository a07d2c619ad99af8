from __future__ import annotations

import platform

from lumier_analysis.pipeline.finished_run import environment_changes, ledgers_of, plain_entries
from lumier_analysis.pipeline.machine import processor
from lumier_analysis.pipeline.stages import STAGES
from lumier_analysis.reporting.results import Entry, Results


def test_every_notebook_of_the_plan_has_its_ledger() -> None:
    found = ledgers_of(STAGES)
    assert len(found) == 5
    assert all(path == f"analysis/results/{notebook}.json" for notebook, path in found.items())


def test_entries_are_as_in_the_ledger_file() -> None:
    nan = float("nan")
    entry = Entry("a", "A", "estimate", nan, nan, 0.1, 0.2, 0.95, None, 3, None, None, "", "", "why", "p", "01", None)
    found = plain_entries(Results([entry], {}), {"01"})
    assert found["a"]["value"] is None and found["a"]["ci_low"] == 0.1 and found["a"]["note"] == "why"
    assert plain_entries(Results([entry], {}), {"02"}) == {}


def test_in_what_a_machine_differs() -> None:
    import importlib.metadata

    packages = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
    here = {
        "processor": processor(), "platform": platform.platform(), "key": {"python": platform.python_version()},
        "packages": packages,
    }  # fmt: skip
    assert environment_changes(here) == []
    name = "numpy"
    other = here | {"packages": packages | {name: "1.0", "gone-package": "2"}, "key": {"python": "3.9"}}
    changes = environment_changes(other)
    assert changes[0] == f"Python: 3.9, now {platform.python_version()}"
    assert "package gone-package: 2, now absent" in changes
    assert f"package numpy: 1.0, now {packages[name]}" in changes and len(changes) == 3
    assert environment_changes({})[0].startswith("the processor: not recorded, now ")
