"""Which input explains that a number moved: the hashed parts of two runs, stage by stage, back to where they begin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lumier_analysis.pipeline.finished_run import FinishedRun
from lumier_analysis.pipeline.fresh import LABELS
from lumier_analysis.pipeline.stages import Stage

SEAL = "seal:"
UNEXPLAINED = "nothing that is hashed differs: the stage does not repeat itself"


def changed_parts(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the parts of two stage keys that differ, in the order in which a reader wants to hear of them.

    The seal is left out: a replay of opened outcomes has none, and it changes no number.
    """
    order = {kind: place for place, kind in enumerate(LABELS)}
    parts = [part for part in before.keys() | now.keys() if before.get(part) != now.get(part)]
    keyed = [(order.get(part.partition(":")[0], len(order)), part) for part in parts if not part.startswith(SEAL)]
    return [part for _, part in sorted(keyed)]


def say_part(part: str, before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Say in words what became of one part: its hash then and now, shortened."""
    kind, _, name = part.partition(":")
    was, is_now = before.get(part), now.get(part)
    what = LABELS.get(kind, f"{kind} {{}}").format(name)
    if was is None or is_now is None:
        return f"{what} {'is new' if was is None else 'is gone'}"
    if kind in ("python", "parameter"):
        return f"{what} was {was}, is {is_now}"
    return f"{what} changed ({was[:12]}, now {is_now[:12]})"


def causes(frozen: FinishedRun, replayed: FinishedRun, stages: tuple[Stage, ...]) -> dict[str, tuple[str, ...]]:
    """Say of each stage what explains a change of its results.

    An input that an earlier stage wrote is explained by what explains that stage: the causes named are those at which
    the change begins (the plan, a raw file, a notebook, a module, a version, a file altered by hand).

    Parameters
    ----------
    frozen, replayed : FinishedRun
    stages : tuple of Stage
        In the order in which they run.

    Returns
    -------
    dict
        Stage -> sentences; empty where nothing that is hashed differs.
    """
    found: dict[str, tuple[str, ...]] = {}
    writer: dict[str, str] = {}
    for stage in stages:
        old, new = frozen.records.get(stage.name), replayed.records.get(stage.name)
        if old is None or new is None:
            found[stage.name] = (f"the stage {stage.name} has no run record",) if old is None else ()
            continue
        said = _stage_causes(old["key"], new["key"], found, writer)
        said += [f"{path} was altered after its run" for path in frozen.altered if path in old["outputs"]]
        found[stage.name] = tuple(dict.fromkeys(said))
        for path in (*old["outputs"], *new["outputs"]):
            writer[path] = stage.name
    return found


def _stage_causes(
    before: Mapping[str, str], now: Mapping[str, str], found: Mapping[str, tuple[str, ...]], writer: Mapping[str, str]
) -> list[str]:
    """Return the causes of one stage, those of earlier stages known."""
    said: list[str] = []
    for part in changed_parts(before, now):
        kind, _, name = part.partition(":")
        if kind != "input":
            said.append(say_part(part, before, now))
        elif name in writer:
            said += found[writer[name]] or [f"input {name} differs, and {UNEXPLAINED}"]
        else:
            said.append(say_part(part, before, now))
    return said


def changed_inputs(frozen: FinishedRun, replayed: FinishedRun, notebook: str) -> list[str]:
    """Return the inputs of a notebook whose hashes, as its ledger names them, differ."""
    before, now = frozen.inputs.get(notebook, {}), replayed.inputs.get(notebook, {})
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))


def seal_differs(frozen: FinishedRun, replayed: FinishedRun, stage: str) -> bool:
    """Tell whether a stage ran under a seal in one of the runs alone: its files may differ, its numbers may not."""
    keys = [run.records.get(stage, {}).get("key", {}) for run in (frozen, replayed)]
    before, now = ({part: sha for part, sha in key.items() if part.startswith(SEAL)} for key in keys)
    return bool(before != now)


def changed_files(frozen: FinishedRun, replayed: FinishedRun) -> dict[str, tuple[str, ...]]:
    """Return stage -> files whose bytes differ between the two runs, or that only one has, as study paths."""
    found = {}
    for name, new in replayed.records.items():
        before: Mapping[str, Any] = frozen.records.get(name, {}).get("outputs", {})
        now: Mapping[str, Any] = new["outputs"]
        found[name] = tuple(sorted(p for p in before.keys() | now.keys() if before.get(p) != now.get(p)))
    return found
