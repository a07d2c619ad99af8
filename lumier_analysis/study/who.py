"""Who does a thing that is recorded: LUMIER_WHO, else the name the operating system gives."""

from __future__ import annotations

import getpass
import os

from lumier_analysis.errors import UsageError

WHO = "LUMIER_WHO"


def one_line(text: str, what: str) -> str:
    """Return what a person typed as one line for a record.

    Raises
    ------
    UsageError
        It came from a terminal that is not set to UTF-8, and cannot be written down as it was meant.
    """
    line = " ".join(text.split())
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        shown = line.encode("utf-8", "replace").decode("utf-8")
        raise UsageError(f"{what} is no UTF-8 text", found=shown, fix="write it without accents") from None
    return line


def who() -> str:
    """Return the name for run records and logs; "unknown" where neither the variable nor the system has one.

    Raises
    ------
    UsageError
        The variable holds no UTF-8 text.
    """
    given = one_line(os.environ.get(WHO, ""), f"The name in {WHO}")
    if given:
        return given
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may run under a number without a name
        return "unknown"
