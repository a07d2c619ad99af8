"""How the plan's names are read by people: ``anti_dsdna`` is anti-dsDNA, in figures and in the report alike."""

from __future__ import annotations

import re

#: Names that are more than their words put side by side.
_NAMES = {
    "anti_dsdna": "anti-dsDNA",
    "post_flare": "after flare",
    "sledai_entered": "SLEDAI, as entered",
}
#: Words that are written otherwise than in lower case.
_WORDS = {
    "acr": "ACR",
    "auc": "AUC",
    "c3": "C3",
    "c4": "C4",
    "cva": "CVA",
    "dna": "DNA",
    "doris": "DORIS",
    "dsdna": "dsDNA",
    "lldas": "LLDAS",
    "pga": "PGA",
    "rin": "RIN",
    "sfi": "SFI",
    "sledai": "SLEDAI",
}
# An identifier inside a sentence; a path or a file name is left as it is.
_IDENTIFIER = re.compile(r"(?<![\w./])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?!\w|\.\w|/)")
_WORD = re.compile(rf"(?<![\w./-])(?:{'|'.join(_WORDS)})(?!\w|\.\w|/)")
_MINUS = re.compile(r"(?<![\w.)\]%-])-(?=\.?\d)")


def display_name(name: object) -> str:
    """Return a name of the plan (column, score, marker, visit) as words; what is no such name passes unchanged."""
    text = str(name)
    if text in _NAMES:
        return _NAMES[text]
    return " ".join(_WORDS.get(word, word) for word in text.replace("_", " ").split(" "))


def display_text(text: str) -> str:
    """Return a sentence with the plan's names in it as words, and true minus signs before numbers."""
    text = _IDENTIFIER.sub(lambda match: display_name(match.group()), text)
    text = re.sub(r"\banti dsdna\b", "anti-dsDNA", text)
    return _MINUS.sub("−", _WORD.sub(lambda match: _WORDS[match.group()], text))


def capital(text: str) -> str:
    """Return a text with its first letter large."""
    return text[:1].upper() + text[1:]
