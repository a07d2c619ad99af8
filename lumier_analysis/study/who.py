"""Who does a thing that is recorded: LUMIER_WHO, else the name the operating system gives."""

from __future__ import annotations

import getpass
import os

WHO = "LUMIER_WHO"


def who() -> str:
    """Return the name for run records and logs; "unknown" where neither the variable nor the system has one."""
    given = " ".join(os.environ.get(WHO, "").split())
    if given:
        return given
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may run under a number without a name
        return "unknown"
