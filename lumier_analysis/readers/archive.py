"""Zip files from outside, opened with bounds: a small file must not fill the memory."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from lumier_analysis.errors import RawDataError

#: An export of a whole 384-well run with its curves is a few megabytes; this bound is a hundred times that.
MAXIMUM_BYTES = 256 * 1024 * 1024
MAXIMUM_MEMBERS = 2000
_DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, NotImplementedError)


class Archive:
    """The members of a zip file, each read whole and within bounds.

    Parameters
    ----------
    content : bytes
        The zip file.
    name : str
        File name, for messages.

    Raises
    ------
    RawDataError
        The file is damaged, encrypted, or would grow beyond `MAXIMUM_BYTES`.
    """

    def __init__(self, content: bytes, name: str) -> None:
        self.name = name
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
            members = self._zip.infolist()
        except _DAMAGED:
            raise self._damaged() from None
        size = sum(m.file_size for m in members)
        if size > MAXIMUM_BYTES or len(members) > MAXIMUM_MEMBERS:
            raise RawDataError(
                f"{name} is refused: unzipped it would be too large",
                found=f"{size:,} bytes in {len(members):,} files",
                fix=f"an export of one run has less than {MAXIMUM_BYTES:,} bytes; export runs one by one",
            )
        if any(m.flag_bits & 0x1 for m in members):
            raise RawDataError(f"{name} is protected by a password", fix="save it without a password")
        self.members = [m.filename for m in members]

    def _damaged(self) -> RawDataError:
        return RawDataError(
            f"{self.name} is cut or damaged", found="a zip archive that does not open whole", fix="export it again"
        )

    def read(self, member: str) -> bytes:
        """Return one member, its length and checksum verified."""
        try:
            # zipfile stops at the size that the directory states, which was bounded above.
            return self._zip.read(member)
        except (*_DAMAGED, KeyError, RuntimeError):
            raise self._damaged() from None
