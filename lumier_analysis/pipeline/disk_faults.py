"""A disk that is full or may not be written, as a sentence."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lumier_analysis.errors import LumierError

FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)
TAKEN = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR)
_AGAIN = "then type the same command again"


def _place(error: OSError, root: Path) -> str:
    """Return the folder that the error names, as a user in the project folder would type it."""
    if not error.filename:
        return ""
    path = Path(str(error.filename))
    path = path.parent if path.name.startswith(".") else path
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


@contextmanager
def disk_faults(what: str, root: Path) -> Iterator[None]:
    """Turn the errors of a disk into LumierError; every other error passes.

    Parameters
    ----------
    what : str
        What was being written, as the subject of "could not be written".
    root : Path
        The project folder.
    """
    try:
        yield
    except OSError as error:
        place = _place(error, root)
        failed = f"{what} could not be written"
        if error.errno in FULL:
            message, fix = f"The disk is full: {failed}", f"make room on it, {_AGAIN}"
        elif error.errno in CLOSED:
            message, fix = f"No right to write: {failed}", f"make {place or 'the folder'} writable, {_AGAIN}"
        elif error.errno in TAKEN:
            message, fix = f"A file stands in the place of a folder: {failed}", f"move it away, {_AGAIN}"
        elif error.errno == errno.EIO:
            message, fix = f"The disk gave an error: {failed}", f"have the disk looked at, {_AGAIN}"
        else:
            raise
        raise LumierError(message, found=place or error.strerror, fix=fix) from error
