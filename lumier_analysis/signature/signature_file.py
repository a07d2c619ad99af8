"""The signature as bytes: canonical text, hashes, and the checks of a file before its content is believed."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lumier_analysis.errors import SignatureError
from lumier_analysis.signature.signature_fields import FORMAT_VERSION, SignatureFields, parse_fields
from lumier_analysis.study.io import json_text, sha256_text

_AGAIN = "take the file from the run that locked it"


def content_of(signature: SignatureFields) -> dict[str, Any]:
    """Return the fields in the order of the file, format_version first."""
    order = ["format_version", *(f.name for f in fields(SignatureFields) if f.name != "format_version")]
    return {name: getattr(signature, name) for name in order}


def canonical_text(signature: SignatureFields) -> str:
    """Return the one text that stands for this signature."""
    return json_text(content_of(signature))


def field_hashes(signature: SignatureFields) -> dict[str, str]:
    """Return the SHA-256 of each field as JSON, and under "content" that of all of them."""
    content = json.loads(canonical_text(signature))
    content.pop("hashes")
    each = {k: sha256_text(json.dumps(v, sort_keys=True, ensure_ascii=False)) for k, v in content.items()}
    return each | {"content": sha256_text("\n".join(f"{k} {each[k]}" for k in sorted(each)))}


def check_hashes(signature: SignatureFields) -> None:
    """Refuse a signature whose content is not what its hashes say, naming the fields.

    The hashes find damage and careless edits. Whoever rewrites a field can rewrite its hash: against that stands the
    content hash, printed in every report and in the model card.
    """
    now = field_hashes(signature)
    changed = [k for k in now if k != "content" and signature.hashes.get(k) != now[k]]
    if changed or signature.hashes.get("content") != now["content"] or set(signature.hashes) != set(now):
        raise SignatureError(
            f"the locked signature {signature.name} was altered",
            found=f"changed: {', '.join(changed) or 'its hashes'}",
            fix=_AGAIN,
        )


def read_fields(path: Path) -> tuple[SignatureFields, str]:
    """Return the fields of a signature file, and its text.

    Raises
    ------
    SignatureError
        No such file, not JSON, another format version, missing or unknown fields, or a value of the wrong kind.
    """
    if not path.is_file():
        raise SignatureError(f"there is no locked signature at {path}", fix="derive and lock one first")
    try:
        text = path.read_bytes().decode("utf-8")
        content = json.loads(text)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise SignatureError(f"{path.name} is not a JSON file", found=str(error)) from None
    version = content.get("format_version") if isinstance(content, dict) else None
    if version != FORMAT_VERSION:
        raise SignatureError(
            f"{path.name} is no locked signature this version can read",
            found=f"format_version {version}",
            fix=f"format_version {FORMAT_VERSION} is needed",
        )
    names = {f.name for f in fields(SignatureFields)}
    if set(content) != names:
        raise SignatureError(
            f"{path.name} does not have the fields of a locked signature",
            found=f"missing: {', '.join(sorted(names - set(content))) or 'none'};"
            f" unknown: {', '.join(sorted(set(content) - names)) or 'none'}",
        )
    try:
        return parse_fields(text), text
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False)]
        raise SignatureError(
            f"{path.name} was altered and cannot be read", found="; ".join(wrong[:3]), fix=_AGAIN
        ) from None


def check_text(signature: SignatureFields, text: str, name: str) -> None:
    """Refuse a text that says the same in other bytes: a file that was touched is not the file that was locked."""
    wanted = canonical_text(signature)
    if text == wanted:
        return
    lines, expected = text.split("\n"), wanted.split("\n")
    same = next((i for i, (a, b) in enumerate(zip(lines, expected, strict=False)) if a != b), len(expected))
    raise SignatureError(
        f"{name} was altered: not its content but its layout or line ends",
        found=f"first difference in line {same + 1}",
        fix=_AGAIN,
    )
