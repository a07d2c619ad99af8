"""Files that are either whole or absent, and the hashes that name their content."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def write_bytes_atomic(path: Path, content: bytes) -> Path:
    """Write `content` beside `path` and move it into place: a reader sees the old file or the new one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def write_text_atomic(path: Path, text: str) -> Path:
    """Write `text` as UTF-8 with line feeds, whole or not at all."""
    return write_bytes_atomic(path, text.encode("utf-8"))


def _plain(value: Any) -> Any:
    """Turn numpy and pandas scalars into what JSON knows; NaN and infinities become null."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(v) for v in value]
    pandas = sys.modules.get("pandas")  # where it is not loaded, or not yet, no value is of its kind
    if value is None or any(value is getattr(pandas, name, pandas) for name in ("NA", "NaT")):
        return None
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | bool | int):
        return value
    return str(value)


def json_text(content: Any) -> str:
    """Return `content` as JSON text: one space of indent, NaN as null, newline at the end."""
    return json.dumps(_plain(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, content: Any) -> Path:
    """Write `content` as JSON (see `json_text`), whole or not at all."""
    return write_text_atomic(path, json_text(content))


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    """Return a table as the bytes of its file; the same table gives the same bytes."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, engine="pyarrow", compression="zstd")
    return buffer.getvalue()


def write_parquet(path: Path, frame: pd.DataFrame) -> Path:
    """Write a table, whole or not at all; the same table gives the same bytes."""
    return write_bytes_atomic(path, parquet_bytes(frame))


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
