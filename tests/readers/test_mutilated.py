"""Hundreds of damaged exports: each gives one sentence, or the whole table; none a traceback or a shorter table.

Where a format does not count its wells, a file that ends exactly at the end of a row looks like a whole one: the table
then says in ``attrs["length_unproven"]`` that nothing shows its length, and with `rows` stated it is refused.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from lumier_analysis.errors import LumierError
from lumier_analysis.readers import read_ct

KEY = ["sample", "assay", "ct", "state", "well", "task", "quantity"]
SEEDS = range(30)


def cut_anywhere(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


def cut_near_the_end(content: bytes, rng: random.Random) -> bytes:
    return content[: -rng.randrange(1, 120)]


def cut_at_a_line(content: bytes, rng: random.Random) -> bytes:
    ends = [m.end() for m in re.finditer(rb"\r\n|\r|\n", content)] or [len(content) // 2]
    return content[: rng.choice(ends)]


def mis_encoded(content: bytes, rng: random.Random) -> bytes:
    way = rng.randrange(4)
    if way == 0:
        return content.decode("utf-8", errors="replace").encode("utf-16")[: -rng.randrange(3)] or b"x"
    if way == 1:
        return content.decode("latin-1").encode("utf-8")
    if way == 2:
        at = rng.randrange(len(content))
        return content[:at] + bytes([rng.choice([0x00, 0x81, 0xC3, 0xFF])]) + content[at:]
    return content.decode("utf-8", errors="replace").encode("cp1252", errors="replace")


def bytes_changed(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randrange(1, 40)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def header_shifted(content: bytes, rng: random.Random) -> bytes:
    """Move the names of the columns against the columns."""
    lines = content.split(b"\n")
    wide = [i for i, line in enumerate(lines) if re.search(rb"\bWell\b|\bPos\b|^ID", line)]
    if not wide:
        return cut_anywhere(content, rng)
    separator = b"\t" if b"\t" in lines[wide[-1]] else b","
    names = lines[wide[-1]].rstrip(b"\r").split(separator)
    by = rng.randrange(1, len(names))
    lines[wide[-1]] = separator.join(names[by:] + names[:by])
    return b"\n".join(lines)


def wrong_types(content: bytes, rng: random.Random) -> bytes:
    """Put words, dates and monsters where numbers stand."""
    numbers = list(re.finditer(rb"(?<=[\t,>])\d+\.\d+(?=[\t,<])", content))
    if not numbers:
        return bytes_changed(content, rng)
    for match in sorted(rng.sample(numbers, min(3, len(numbers))), key=lambda m: -m.start()):
        word = rng.choice([b"12-mai", b"#REF!", b"NaNaN", b"1.2.3", b"=1+1", b"346154024701642", b"oui"])
        content = content[: match.start()] + word + content[match.end() :]
    return content


def pieces_twice(content: bytes, rng: random.Random) -> bytes:
    a, b = sorted(rng.randrange(len(content)) for _ in range(2))
    return content[:b] + content[a:b] + content[b:]


#: What damages a file, and whether it may change values (not rows) without anyone being able to know.
DAMAGE: tuple[tuple[Callable[[bytes, random.Random], bytes], bool], ...] = (
    (cut_anywhere, False),
    (cut_near_the_end, False),
    (cut_at_a_line, False),
    (mis_encoded, True),
    (bytes_changed, True),
    (header_shifted, True),
    (wrong_types, True),
    (pieces_twice, True),
)


def originals(exports: ModuleType) -> dict[str, bytes]:
    made = {
        name: export().text("," if name.startswith(("biomark", "cfx")) else "\t").encode()
        for name, export in exports.TEXT_EXPORTS.items()
    }
    made["design & analysis"] = exports.workbook(exports.design_export())
    made["rdml"] = exports.rdml_document()
    made["zipped rdml"] = exports.zipped({"rdml_data.xml": exports.rdml_document()})
    return made


FORMATS = ("biomark", "biomark 4.1", "quantstudio", "quantstudio bare", "stepone", "sds", "cfx", "lightcycler")
FORMATS += ("design & analysis", "rdml", "zipped rdml")


@pytest.mark.parametrize("name", FORMATS)
def test_damage(name: str, exports: ModuleType, tmp_path: Path) -> None:
    content = originals(exports)[name]
    path = tmp_path / "export.dat"
    path.write_bytes(content)
    whole = read_ct(path)
    outcomes: Counter[str] = Counter()
    for seed in SEEDS:
        damage, values_may_change = DAMAGE[seed % len(DAMAGE)]
        # A string seeds alike in every process; the name keeps formats from being damaged alike.
        path.write_bytes(damage(content, random.Random(f"{name} {seed}")))
        try:
            frame = read_ct(path)
        except LumierError as refused:
            assert "export.dat" in str(refused) and len(str(refused)) < 500
            outcomes["refused"] += 1
            continue
        outcomes["read"] += 1
        what = f"{damage.__name__}, seed {seed}"
        if len(frame) < len(whole):
            assert frame.attrs.get("length_unproven"), what
            with pytest.raises(LumierError, match=f"instead of {len(whole)}"):
                read_ct(path, rows=len(whole))
            pd.testing.assert_frame_equal(frame[KEY], whole[KEY].head(len(frame)))
        elif not values_may_change:
            pd.testing.assert_frame_equal(frame[KEY], whole[KEY])
        else:
            assert len(frame) == len(whole), what
    assert sum(outcomes.values()) == len(SEEDS) and outcomes["refused"] >= len(SEEDS) // 3


def test_there_are_enough_of_them() -> None:
    assert len(FORMATS) * len(SEEDS) >= 250
