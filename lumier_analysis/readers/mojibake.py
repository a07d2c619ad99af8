"""Text that was decoded with the wrong encoding before it reached the file: "Âµmol" for "µmol"."""

from __future__ import annotations

import re

import pandas as pd

_LATIN1 = "\u00a0-\u00bf"
#: What cp1252 makes of the later bytes of a UTF-8 sequence.
_CONTINUATION = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ\u0080-\u009f" + _LATIN1
_SEQUENCE = re.compile(f"[ÂÃÅÎ][{_CONTINUATION}]|â[{_CONTINUATION}]{{2}}")
REPLACEMENT = "\ufffd"


def repaired(value: str) -> str:
    """Undo one wrong decoding (UTF-8 read as cp1252) where the whole value allows it; else return the value.

    Characters that cp1252 lacks (0x81, 0x8d, 0x8f, 0x90, 0x9d) pass as the control characters that lenient programs
    put for them.
    """
    if not _SEQUENCE.search(value):
        return value
    raw = bytearray()
    for character in value:
        try:
            raw += character.encode("cp1252")
        except UnicodeEncodeError:
            if ord(character) > 0xFF:
                return value
            raw.append(ord(character))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return value


def repair(text: pd.Series) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Repair a column.

    Parameters
    ----------
    text : Series of str

    Returns
    -------
    Series of str
        The column, repaired where that is possible.
    Series of bool
        Values that were repaired.
    Series of bool
        Values with a replacement character: what stood there is lost.
    """
    codes, distinct = pd.factorize(text)
    whole = [repaired(str(v)) for v in distinct]
    changed = [v != str(d) for v, d in zip(whole, distinct, strict=True)]
    lost = [REPLACEMENT in v for v in whole]
    nobody = pd.Series(False, index=text.index)
    if not any(changed) and not any(lost):
        return text, nobody, nobody

    def spread(flags: list[bool]) -> pd.Series:
        return pd.Series([c >= 0 and flags[c] for c in codes], index=text.index, dtype="bool")

    mended = pd.Series([whole[c] if c >= 0 else None for c in codes], index=text.index, name=text.name, dtype="str")
    return mended, spread(changed), spread(lost)
