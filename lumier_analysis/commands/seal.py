"""``lumier keygen | unseal``: the data manager's key pair, and the opening of the validation outcomes."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

Command = Callable[[str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]


def write_keys(folder: str, out: Path) -> tuple[Path, bool]:
    """Make a key pair: the secret to `out`, the public key to the study folder.

    Parameters
    ----------
    folder : str
        The study, as for `open_study`.
    out : Path
        A new file outside the project folder.

    Returns
    -------
    Path, bool
        The recipient file, and whether validation outcomes stand in clear already.

    Raises
    ------
    SealError
        The study has a recipient.
    UsageError
        `out` exists, lies in the project folder, or cannot be written.
    """
    from lumier_analysis.errors import SealError, UsageError
    from lumier_analysis.study import open_study, seal
    from lumier_analysis.study.io import write_text_atomic

    study = open_study(folder)
    recipient, out = seal.recipient_path(study), out.expanduser().resolve()
    if seal.has_seal(study):
        raise SealError(
            f"data/{study.name} has a recipient already, and its outcomes may be sealed to it",
            fix=f"keep it; to change keys, remove data/{study.name}/{seal.RECIPIENT} first",
        )
    if out.is_relative_to(study.root):
        raise UsageError(
            "The identity must not lie in the project folder, where those who analyse would find it",
            fix="give --out a file on a medium that the data manager alone can read",
        )
    identity, public = seal.new_identity()
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"{out} exists and is left alone", fix="give --out a new file") from None
    except OSError as error:
        raise UsageError(f"{out} cannot be written", found=error.strerror, fix="give --out another place") from None
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(identity)
        stream.flush()
        os.fsync(stream.fileno())
    # Last: a study must never be sealed to a key that nobody has.
    write_text_atomic(recipient, public)
    clear = any(study.table_path(table, seal.COHORT).is_file() for table in seal.SEALED_TABLES)
    return recipient, clear


def _keygen(arguments: argparse.Namespace) -> int:
    """Make the data manager's key pair."""
    recipient, clear = write_keys(arguments.study, Path(arguments.out))
    print(f"Identity (secret; without it the outcomes cannot be opened): {arguments.out}")
    print(f"Recipient: data/{recipient.parent.name}/{recipient.name}")
    print("From the next `lumier run` on, the validation outcomes are sealed.")
    if clear:
        print("Note: they stand in clear until then, and results made from them stay. This seal hides no past look.")
    return 0


def _unseal(arguments: argparse.Namespace) -> int:
    """Open the validation outcomes, on record."""
    from lumier_analysis.pipeline.run import open_for_run
    from lumier_analysis.pipeline.stages import shown
    from lumier_analysis.pipeline.unseal import unseal_study

    study = open_for_run(arguments.study, arguments.raw)
    done = unseal_study(study, Path(arguments.identity).expanduser(), reason=arguments.reason)
    if done.line is None:
        print("The validation outcomes are open already; nothing was decrypted.")
        return 0
    print(f"Opening {done.line['number']} of data/{study.name}/openings.jsonl, by {done.line['who']}")
    print(f"Hash of this line, for the data manager to keep: {done.line['hash']}")
    print(f"Tables: {shown(done.tables, study.root)}")
    print(f"Next: lumier run data/{study.name}")
    return 0


def register(command: Command) -> None:
    """Add the commands to the parser."""
    keygen = command("keygen", _keygen, "make the key pair to which a study's validation outcomes are sealed")
    keygen.add_argument("study", metavar="STUDY", help="data/lumier2, or just lumier2")
    keygen.add_argument("--out", metavar="FILE", required=True, help="where the secret identity goes: not in here")
    unseal = command("unseal", _unseal, "open the validation outcomes of a locked study, on record")
    unseal.add_argument("study", metavar="STUDY", help="data/lumier2, or just lumier2")
    unseal.add_argument("--identity", metavar="KEY", required=True, help="the data manager's identity file")
    unseal.add_argument("--reason", metavar="TEXT", default="", help="needed for every further opening")
    unseal.add_argument("--raw", metavar="DIR", help="the raw files stand in this folder")
