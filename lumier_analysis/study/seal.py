"""The seal of the validation outcomes: encrypted to the data manager's key until the analysis is locked.

A study is under seal while ``data/<study>/seal_recipient.txt`` holds an age public key (https://age-encryption.org/v1).
The outcome tables of the validation cohort then stand in one encrypted archive; what it held is known by hashes alone.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lumier_analysis.errors import SealError
from lumier_analysis.study import opening_log
from lumier_analysis.study.io import json_text, sha256_text, write_bytes_atomic, write_json

if TYPE_CHECKING:
    from lumier_analysis.study.study import Study

RECIPIENT = "seal_recipient.txt"
COHORT = "validation"
#: Tables that tell an outcome: they are never written in clear before the unsealing.
SEALED_TABLES = ("patients", "visits", "flares", "landmarks")
SCHEMA = 1
#: Bytes that an archive grows by: more than the outcome tables of a few hundred patients differ by.
STEP = 1 << 20


def recipient_path(study: Study) -> Path:
    """Return where the public key stands to which the outcomes are sealed."""
    return study.folder / RECIPIENT


def archive_path(study: Study) -> Path:
    """Return where the encrypted archive stands."""
    return study.analysis / "sealed" / f"{COHORT}.age"


def manifest_path(study: Study) -> Path:
    """Return where the hashes of the archive's plaintext stand."""
    return study.analysis / "sealed" / f"{COHORT}.json"


def new_identity() -> tuple[str, str]:
    """Make a key pair; return the identity file's text (secret) and the recipient file's (public)."""
    from pyrage import x25519

    identity = x25519.Identity.generate()
    public = str(identity.to_public())
    return f"# public key: {public}\n{identity}\n", f"{public}\n"


def has_seal(study: Study) -> bool:
    """Tell whether the study has a key to seal to, whatever has been opened since."""
    return recipient_path(study).is_file()


def content_hash(files: Mapping[str, bytes]) -> str:
    """Return the hash of a set of files, by name and content; it names what an opening opened."""
    hashes = {name: _sha256(files[name]) for name in sorted(files)}
    return sha256_text(json_text(hashes))


def is_open(study: Study, content: str) -> bool:
    """Tell whether the log holds an opening of this content.

    Raises
    ------
    SealError
        The log was altered.
    """
    return any(line["content"] == content for line in opening_log.read(study))


def read_manifest(study: Study) -> dict[str, Any] | None:
    """Return the manifest of the archive; None where nothing has been sealed.

    Raises
    ------
    SealError
        It cannot be read.
    """
    path = manifest_path(study)
    if not path.is_file():
        return None
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if {"content", "files", "archive", "recipients"} <= manifest.keys():
            return dict(manifest)
    except (ValueError, AttributeError):
        pass
    raise SealError(f"The manifest {path.relative_to(study.folder)} cannot be read", fix=_clean_again(study))


def is_sealed(study: Study) -> bool:
    """Tell whether the validation outcomes are sealed: a key to seal to, and no opening of what is sealed now."""
    if not has_seal(study):
        return False
    manifest = read_manifest(study)
    return manifest is None or not is_open(study, manifest["content"])


def require_open(study: Study, what: str) -> None:
    """Raise SealError, saying what to type, where the validation outcomes are sealed."""
    if is_sealed(study):
        raise SealError(f"{what} is sealed until the analysis is locked", fix=what_to_type(study))


def what_to_type(study: Study) -> str:
    """Return the commands that lead from sealed to opened."""
    place = f"data/{study.name}"
    return f"lumier run {place}, then lumier lock {place}, then lumier unseal {place} --identity KEY (data manager)"


def seal(study: Study, files: Mapping[str, bytes]) -> Path:
    """Encrypt files to the study's recipients; what is sealed already, unchanged, is not encrypted again.

    Parameters
    ----------
    study : Study
    files : mapping of str to bytes
        Name in the archive -> content.

    Returns
    -------
    Path
        The archive.

    Raises
    ------
    SealError
        The recipient file holds no age public key.
    """
    import pyrage

    keys = recipients(study)
    content, path = content_hash(files), archive_path(study)
    try:
        before = read_manifest(study)
    except SealError:
        before = None
    wanted = {"content": content, "recipients": keys, "archive": _sha256(path.read_bytes()) if path.is_file() else ""}
    if before is not None and wanted.items() <= before.items():
        return path
    encrypted = pyrage.encrypt(_tar(files), [pyrage.x25519.Recipient.from_str(key) for key in keys])
    # Between the two writes the manifest does not fit the archive, which `unseal` refuses and the next sealing mends.
    write_bytes_atomic(path, encrypted)
    hashes = {name: _sha256(files[name]) for name in sorted(files)}
    manifest = {"schema": SCHEMA, "content": content, "files": hashes, "archive": _sha256(encrypted)}
    write_json(manifest_path(study), manifest | {"recipients": keys})
    return path


def unseal(study: Study, identity: Path) -> dict[str, bytes]:
    """Decrypt the archive in memory and hold it against the manifest; nothing is written or recorded.

    `pipeline.unseal` records the opening before it lets the content reach the disk.

    Parameters
    ----------
    study : Study
    identity : Path
        The data manager's identity file.

    Returns
    -------
    dict of str to bytes

    Raises
    ------
    SealError
        Nothing is sealed, the archive was altered, or the identity is another one.
    """
    import pyrage

    manifest, path = read_manifest(study), archive_path(study)
    if manifest is None or not path.is_file():
        raise SealError(f"Nothing is sealed in data/{study.name}", fix=_clean_again(study))
    shown = path.relative_to(study.folder)
    encrypted = path.read_bytes()
    if _sha256(encrypted) != manifest["archive"]:
        raise SealError(f"{shown} is not the archive that its manifest names", fix=_clean_again(study))
    keys = read_identities(identity)
    try:
        plain = pyrage.decrypt(encrypted, keys)
    except pyrage.DecryptError as error:
        own = {str(key.to_public()) for key in keys} & set(manifest["recipients"])
        if own:
            raise SealError(f"{shown} was altered and cannot be decrypted", fix=_clean_again(study)) from error
        raise SealError(
            "The identity does not fit the seal",
            found="the key of another recipient",
            fix=f"use the key of {RECIPIENT}",
        ) from error
    files = _untar(plain)
    if {name: _sha256(content) for name, content in files.items()} != manifest["files"] or (
        content_hash(files) != manifest["content"]
    ):
        raise SealError(f"What {shown} holds is not what its manifest names", fix=_clean_again(study))
    return files


def recipients(study: Study) -> list[str]:
    """Return the public keys of the recipient file, one a line; lines that begin with # are comments."""
    import pyrage

    path = recipient_path(study)
    keys = _key_lines(path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else []
    try:
        for key in keys:
            pyrage.x25519.Recipient.from_str(key)
    except pyrage.RecipientError:
        keys = []
    if not keys:
        raise SealError(
            f"data/{study.name}/{RECIPIENT} holds no age public key",
            fix=f"lumier keygen data/{study.name} --out FILE writes one; it begins with age1",
        )
    return keys


def read_identities(path: Path) -> list[Any]:
    """Return the secret keys of an identity file, as age-keygen or `lumier keygen` writes it.

    Raises
    ------
    SealError
        No such file, or no age identity in it; its content is never shown.
    """
    import pyrage

    try:
        lines = _key_lines(Path(path).read_text(encoding="utf-8", errors="replace"))
        if lines:
            return [pyrage.x25519.Identity.from_str(line) for line in lines]
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise SealError(f"The identity {path} cannot be read", found=reason, fix="give --identity the file") from error
    except pyrage.IdentityError:
        pass
    raise SealError(f"{path} holds no age identity", fix="give --identity the file that lumier keygen wrote")


def seal_parts(study: Study) -> dict[str, str]:
    """Return what of the seal decides whether the cleaning is fresh: the recipients and the openings, as hashes."""
    parts = {"seal:recipient": recipient_path(study), "seal:openings": opening_log.log_path(study)}
    return {name: _sha256(path.read_bytes()) for name, path in parts.items() if path.is_file()}


def _clean_again(study: Study) -> str:
    return f"lumier run data/{study.name} --only clean --fresh seals it again"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _key_lines(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _tar(files: Mapping[str, bytes]) -> bytes:
    """Return a tar of the files whose bytes depend on names and contents alone.

    Its length is a multiple of `STEP`: that of the archive can be seen, and a table of flares grows with each of them.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(files[name]), 0o600
            tar.addfile(member, io.BytesIO(files[name]))
    content = buffer.getvalue()
    return content + bytes(-len(content) % STEP)  # a tar ends with its first blocks of zeros


def _untar(content: bytes) -> dict[str, bytes]:
    """Return the files of a tar; nothing is extracted to disk, so names cannot lead anywhere."""
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        opened = {member.name: tar.extractfile(member) for member in tar.getmembers()}
        return {name: stream.read() for name, stream in opened.items() if stream is not None}
