"""Read a PCR export whichever instrument wrote it; the readers themselves are in `lumier_analysis.readers`."""

from __future__ import annotations

from lumier_analysis.readers.instruments import read_ct

__all__ = ["read_ct"]
