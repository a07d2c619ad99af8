"""Check lock, signature, deviations and opening log of a study without running anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lumier_analysis.errors import LumierError
from lumier_analysis.pipeline.stages import STAGES, Stage
from lumier_analysis.pipeline.unchanged import differences, problems_of_deviations, problems_of_openings
from lumier_analysis.signature import LockedSignature
from lumier_analysis.signature.clinical_model import ClinicalModel
from lumier_analysis.study import Study, opening_log
from lumier_analysis.study.lockfile import archived_locks, lock_path, read_lock, read_lock_file, require_lock


@dataclass(frozen=True)
class Check:
    """One check of `lumier verify`: its name, and what is wrong; nothing where all is well."""

    name: str
    problems: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return what to print."""
        if not self.problems:
            return [f"ok     {self.name}"]
        return [f"wrong  {self.name}: {p}" for p in self.problems]


def _lock(study: Study) -> list[str]:
    require_lock(study)
    return []


def _archives(study: Study) -> list[str]:
    """Check the locks that were replaced, and that the one before the present lock is among them."""
    problems, contents = [], set()
    for path in archived_locks(study):
        try:
            contents.add(read_lock_file(path)["hashes"]["content"])
        except LumierError as error:
            problems.append(str(error))
    previous = require_lock(study)["previous"]
    if previous and previous not in contents and not problems:
        problems.append(f"the lock before this one ({previous[:12]}) is not beside it")
    return problems


def _signature(study: Study) -> list[str]:
    LockedSignature.load(study.signature_path)
    published = study.reports / "locked_signature.json"
    if published.is_file() and published.read_bytes() != study.signature_path.read_bytes():
        return [f"reports/{study.name}/locked_signature.json is not the locked signature of the study"]
    return []


def _clinical_model(study: Study) -> list[str]:
    if study.clinical_model_path.is_file():
        ClinicalModel.load(study.clinical_model_path)
    return []


def _deviations(study: Study) -> list[str]:
    return problems_of_deviations(study, require_lock(study))


def _openings(study: Study) -> list[str]:
    """Check the chain of the opening log, and that each opening was made under a lock that is still there."""
    if problems := opening_log.check(study):
        return problems
    lock = read_lock(study)
    if problems := problems_of_openings(study, lock) if lock else []:
        return problems
    known = set()
    for path in (lock_path(study), *archived_locks(study)):
        try:
            known.add(read_lock_file(path)["hashes"]["content"])
        except LumierError:
            continue  # said by the checks of the locks
    return [
        f"opening {line['number']} was made under the lock {line['lock'][:12]}, which is not there any more"
        for line in opening_log.read(study)
        if line["lock"] not in known
    ]


def checks(study: Study, *, stages: tuple[Stage, ...] = STAGES) -> list[Check]:
    """Return every check with what is wrong.

    The last one compares the study with its lock; where the lock itself is wrong it is left out, as there is nothing
    to compare with.
    """

    def moved(study: Study) -> list[str]:
        return [d.text() for d in differences(study, stages=stages)]

    named: list[tuple[str, Callable[[Study], list[str]]]] = [
        ("lock", _lock),
        ("replaced locks", _archives),
        ("signature", _signature),
        ("clinical model", _clinical_model),
        ("deviations", _deviations),
        ("opening log", _openings),
        ("study as locked", moved),
    ]
    needs_lock = ("replaced locks", "deviations", "study as locked")
    done: list[Check] = []
    for name, check in named:
        if name in needs_lock and done[0].problems:
            continue
        try:
            problems = tuple(check(study))
        except LumierError as error:
            problems = (str(error),)
        done.append(Check(name, problems))
    return done


def verify(study: Study, *, stages: tuple[Stage, ...] = STAGES) -> list[str]:
    """Return what is wrong with lock, signature, deviations, opening log and study; empty where all is well."""
    return [f"{c.name}: {p}" for c in checks(study, stages=stages) for p in c.problems]
