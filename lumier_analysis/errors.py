"""Errors a user meets: one sentence on what is wrong, what was found, and what to type.

Each family has its own exit code; the command line prints the message without a traceback.
"""

from __future__ import annotations


class LumierError(Exception):
    """Base of every error that is the user's to mend.

    Parameters
    ----------
    message : str
        What is wrong, and where.
    found : str, optional
        What was found instead of what was expected.
    fix : str, optional
        What to type or change.
    """

    exit_code = 1

    def __init__(self, message: str, *, found: str | None = None, fix: str | None = None) -> None:
        self.message, self.found, self.fix = message, found, fix
        parts = [message.rstrip(".") + "."]
        if found:
            parts.append(f"Found: {found.rstrip('.')}.")
        if fix:
            parts.append(f"To mend it: {fix.rstrip('.')}.")
        super().__init__(" ".join(parts))


class UsageError(LumierError):
    """The command or function was called with arguments it cannot take."""

    exit_code = 2


class PlanError(LumierError):
    """The plan file is missing, misspelt or contradicts itself."""

    exit_code = 10


class RawDataError(LumierError):
    """A raw file is missing, truncated, in another encoding or not in the format the plan names."""

    exit_code = 11


class PrivacyError(LumierError):
    """A raw file holds directly identifying data that the plan does not remove."""

    exit_code = 12


class NotebookError(LumierError):
    """A notebook was refused before start, or did not run to its end."""

    exit_code = 13


class SignatureError(LumierError):
    """A locked signature is missing, altered, or cannot score the samples it was given."""

    exit_code = 14


class EnvironmentMismatch(LumierError):
    """Installed packages differ from the dependency lock."""

    exit_code = 15


class AnalysisError(LumierError):
    """Data and method do not fit: no events, one class, a constant score, too few patients."""

    exit_code = 16


class DisclosureError(LumierError):
    """Something under reports/ would show a small cell or a patient-level row."""

    exit_code = 17


class SealError(LumierError):
    """The validation outcomes are sealed, or the seal, its key or the log of openings is not as it must be."""

    exit_code = 19


class LockError(LumierError):
    """The study is not locked, is locked already, or is no longer what was locked."""

    exit_code = 18
