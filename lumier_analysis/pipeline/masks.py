"""Empty folders over what a stage must not see, in a mount namespace of its own (Linux).

Staging takes the files away and scrubbing their path; a notebook that guesses the path still reads them. Where the
kernel lets a user make a user namespace, the stage is started through this file run as a script: it mounts an empty
read-only folder over each masked path, gives up every capability, and becomes the stage. A mount there is seen by that
process and its children alone, and goes with the last of them, so nothing need be taken down. A process in the
namespace cannot look into one outside it (``/proc/<pid>/cwd``, ``environ``), and one made inside it cannot take a mask
away (user_namespaces(7), mount_namespaces(7)). Root can still read the disk itself, or ask a service to read for it.

Nothing of the package is imported here: the file is also a script, which must start before the package is found.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_NEW_MOUNTS, _NEW_USER = 0x00020000, 0x10000000
_READ_ONLY, _NO_SUID, _NO_DEVICES, _RECURSIVE, _PRIVATE = 1, 2, 4, 16384, 1 << 18
_CAPABILITY_VERSION = 0x20080522
_DROP_BOUND, _NO_NEW_PRIVILEGES, _AMBIENT, _CLEAR_AMBIENT = 24, 38, 47, 4
#: What the trial runs: it ends well only where the masked folders are empty and the stage's own folder is there.
_TRIAL = "import os, sys; sys.exit(any(map(os.listdir, sys.argv[2:])) or not os.listdir(sys.argv[1]))"
_SECONDS = 30


@dataclass(frozen=True)
class Masks:
    """Whether masks hold on this machine.

    Attributes
    ----------
    paths : tuple of Path
        The folders to be masked.
    prefix : tuple of str
        What goes before the command of the stage; empty where there are no masks.
    why : str
        Why there are none; empty where they hold.
    """

    paths: tuple[Path, ...]
    prefix: tuple[str, ...] = ()
    why: str = ""

    @property
    def held(self) -> bool:
        """Whether the stage sees empty folders there."""
        return bool(self.prefix)

    @property
    def sentence(self) -> str:
        """What to write into the record of a run."""
        return "staged, scrubbed and masked" if self.held else f"staged and scrubbed only: {self.why}"


def make_masks(paths: Sequence[Path], seen: Path) -> Masks:
    """Try the masks on this machine, and return what starts a stage behind them.

    Parameters
    ----------
    paths : sequence of Path
        Folders that the stage must find empty; those that do not exist are left out.
    seen : Path
        Folder that the stage must still see.
    """
    folders = tuple(p for p in dict.fromkeys(Path(p).resolve() for p in paths) if p.is_dir())
    if not sys.platform.startswith("linux"):
        return Masks(folders, why="masks need Linux")
    prefix = (sys.executable, "-I", "-S", str(Path(__file__).resolve()), *map(str, folders), "--")
    trial = [*prefix, sys.executable, "-I", "-S", "-c", _TRIAL, str(seen), *map(str, folders)]
    try:
        done = subprocess.run(trial, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Masks(folders, why=f"the trial of the masks did not run ({type(error).__name__})")
    if done.returncode == 0:
        return Masks(folders, prefix=prefix)
    last = (done.stderr.strip().splitlines() or ["a masked folder was not empty, or the stage's own was"])[-1]
    return Masks(folders, why=f"this machine allows no masks ({last})")


def _call(name: str, *arguments: object) -> None:
    """Call a function of the C library; raise OSError where it fails."""
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _mount(source: bytes, target: str, kind: bytes, flags: int, options: bytes) -> None:
    _call("mount", source, os.fsencode(target), kind, ctypes.c_ulong(flags), options)


def _give_up_capabilities() -> None:
    """Leave the process, and whatever it becomes, without a capability: root too cannot unmount then."""
    _call("prctl", _NO_NEW_PRIVILEGES, *map(ctypes.c_ulong, (1, 0, 0, 0)))
    _call("prctl", _AMBIENT, *map(ctypes.c_ulong, (_CLEAR_AMBIENT, 0, 0, 0)))
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text(encoding="ascii"))
    for number in range(last + 1):
        _call("prctl", _DROP_BOUND, *map(ctypes.c_ulong, (number, 0, 0, 0)))
    # What this becomes has none after that; a process that is forked (warm_process) becomes nothing else.
    _call("capset", (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)())


def enter(folders: Sequence[str]) -> None:
    """Move this process behind masks over `folders`; raise OSError where the machine does not allow it."""
    user, group = os.geteuid(), os.getegid()
    _call("unshare", _NEW_USER | _NEW_MOUNTS)
    # Everyone keeps the number he has: files that the stage writes belong to who started it.
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path("/proc/self", name).write_text(text, encoding="ascii")
    _mount(b"none", "/", b"", _RECURSIVE | _PRIVATE, b"")
    for folder in folders:
        _mount(b"lumier-mask", folder, b"tmpfs", _READ_ONLY | _NO_SUID | _NO_DEVICES, b"size=4k,mode=755")
    _give_up_capabilities()


def main(arguments: Sequence[str]) -> None:
    """Become the command after ``--``, behind masks over the folders before it."""
    cut = list(arguments).index("--")
    try:
        enter(arguments[:cut])
    except OSError as error:
        sys.exit(error.strerror or str(error))
    command = list(arguments[cut + 1 :])
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
