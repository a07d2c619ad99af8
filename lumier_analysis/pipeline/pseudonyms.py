"""People in the records of a study, as an export shows them: "person 1", "person 2", in the order they first appear.

An export goes to a journal or a regulator; who locked, amended and opened is for the house. The hashes are left as they
were written, so a record with a pseudonym no longer yields its own hash: the records in the study folder do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import unescape
from typing import Any

from markupsafe import escape

from lumier_analysis.pipeline.export_text import DEVIATIONS, LOCK, OPENINGS, REPORT
from lumier_analysis.study import Study, opening_log
from lumier_analysis.study.io import json_text
from lumier_analysis.study.lockfile import archived_locks, read_lock, read_lock_file

#: Where the report names people, see `reporting.frozen.frozen_facts`.
_RECORDS = re.compile(r"(<dt>(?:Opening|Amendment) \d+[^<]*</dt><dd[^>]*>)([^<]*)(</dd>)")


def people(study: Study) -> dict[str, str]:
    """Return name -> pseudonym of everyone who locked, amended or opened, in the order of time.

    The records only grow, so a later export calls the same person by the same pseudonym.

    Raises
    ------
    LockError, SealError
        A lock or the log of openings was altered.
    """
    locks = [read_lock_file(path) for path in archived_locks(study)]
    if (lock := read_lock(study)) is not None:
        locks.append(lock)
    acts = [(str(lock["locked"]), str(lock["who"])) for lock in locks]
    acts += [(str(a["date"]), str(a["who"])) for lock in locks for a in lock["amendments"]]
    acts += [(str(line["when"]), str(line["who"])) for line in opening_log.read(study)]
    names = dict.fromkeys(" ".join(who.split()) for _, who in sorted(acts))
    return {name: f"person {number}" for number, name in enumerate(filter(None, names), start=1)}


def pseudonymised(text: str, names: Mapping[str, str]) -> str:
    """Return a text in which each name, as a whole word and in any case, is its pseudonym."""
    if not names:
        return text
    spelt = {name.casefold(): pseudonym for name, pseudonym in names.items()}
    longest = sorted(names, key=lambda name: (-len(name), name))
    pattern = "|".join(r"\s+".join(map(re.escape, name.split())) for name in longest)
    found = re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)
    return found.sub(lambda m: spelt.get(" ".join(m[0].split()).casefold(), "a person"), text)


def public_lock(text: str, names: Mapping[str, str]) -> str:
    """Return a lock as it may leave the house: who locked and amended by pseudonym, in the reasons too."""
    lock: dict[str, Any] = json.loads(text)
    amendments = [{**a, **_said_by(a, names)} for a in lock["amendments"]]
    return json_text({**lock, "who": names.get(_plain(lock["who"]), ""), "amendments": amendments})


def public_openings(text: str, names: Mapping[str, str]) -> str:
    """Return the log of openings as it may leave the house; each line keeps the hash it was written with."""
    lines = [json.loads(line) for line in text.splitlines()]
    return "".join(json.dumps({**line, **_said_by(line, names)}, ensure_ascii=False) + "\n" for line in lines)


def public_report(html: str, names: Mapping[str, str]) -> str:
    """Return the report as it may leave the house: its lines on amendments and openings name nobody."""

    def without(line: re.Match[str]) -> str:
        was = unescape(line[2])
        now = pseudonymised(was, names)
        return line[0] if now == was else f"{line[1]}{escape(now)}{line[3]}"

    return _RECORDS.sub(without, html)


def without_names(files: Mapping[str, bytes], names: Mapping[str, str]) -> dict[str, bytes]:
    """Return those files of an export that name people, with pseudonyms."""
    ways = {LOCK: public_lock, DEVIATIONS: pseudonymised, OPENINGS: public_openings, REPORT: public_report}
    own = [name for name in ways if name in files] if names else []
    return {name: ways[name](files[name].decode("utf-8"), names).encode() for name in own}


def names_left(text: str, names: Mapping[str, str]) -> bool:
    """Tell whether a text names someone in full.

    A name of one word is not looked for: that of an account may be an ordinary word, "root" or "analysis".
    """
    full = {name: "" for name in names if " " in name}
    return pseudonymised(text, full) != text


def _said_by(record: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """Return who and reason of a record, without names."""
    return {
        "who": names.get(_plain(record["who"]), ""),
        "reason": pseudonymised(str(record.get("reason", "")), names),
    }


def _plain(name: object) -> str:
    """Return a name with single spaces."""
    return " ".join(str(name).split())
