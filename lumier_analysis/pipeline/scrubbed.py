"""The environment of a staged kernel: what a kernel needs, and nothing that tells where the study stands."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from lumier_analysis.pipeline.kernel import THREAD_VARIABLES, fixed_environment
from lumier_analysis.study.work import JOBS, PROGRESS

#: Set alike for every stage by `fixed_environment`.
FIXED = (*THREAD_VARIABLES, "PYTHONHASHSEED", "TZ", "LC_ALL", "SOURCE_DATE_EPOCH")
#: Taken over from the user: the language, the work at a time, which machine code the libraries choose (it decides the
#: last bits of a sum, so a staged run must choose as any other), and what Windows cannot start a program without.
KEPT = (
    *("LANG", "TERM", "VIRTUAL_ENV", "CONDA_PREFIX", JOBS, PROGRESS),
    *("OPENBLAS_CORETYPE", "NVPL_BLAS_DEBUG_CPU_TYPE", "BLIS_ARCH_TYPE", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS"),
    *("NPY_DISABLE_CPU_FEATURES", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"),
    *("SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT"),
)
#: Lists of folders, taken over without those that tell.
LISTS = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH")


def tells(value: str, hidden: Iterable[Path]) -> bool:
    """Tell whether a text names one of the hidden folders, as given or with links followed."""
    names = {str(form) for place in hidden for form in (Path(place), Path(place).resolve())}
    return any(name in value for name in names if Path(name) != Path(name).parent)


def _copy_font_list(target: Path) -> None:
    """Copy matplotlib's list of fonts, whose making takes seconds and a warning that would stand in the notebook."""
    home, cache = Path.home(), os.environ.get("XDG_CACHE_HOME")
    own = os.environ.get("MPLCONFIGDIR")
    places = [Path(own)] if own else [Path(cache) if cache else home / ".cache", home]
    for place in places:
        for folder in (place, place / "matplotlib", place / ".matplotlib"):
            for path in folder.glob("fontlist-*.json") if folder.is_dir() else ():
                shutil.copyfile(path, target / path.name)


def scrubbed_environment(base: Path, hidden: Iterable[Path]) -> dict[str, str]:
    """Return the environment of a staged kernel.

    Parameters
    ----------
    base : Path
        Folder of the stage; the folders home, tmp and matplotlib are made in it.
    hidden : iterable of Path
        Folders that no variable may name: project, study, raw files.
    """
    hidden = list(hidden)
    present = fixed_environment()
    kept = {name: present[name] for name in (*FIXED, *KEPT) if name in present}
    for name in LISTS:
        entries = [e for e in present.get(name, "").split(os.pathsep) if e and not tells(e, hidden)]
        if entries:
            kept[name] = os.pathsep.join(entries)
    environment = {name: value for name, value in kept.items() if not tells(value, hidden)}
    home, temporary, fonts = (base / name for name in ("home", "tmp", "matplotlib"))
    for folder in (home, temporary, fonts):
        folder.mkdir()
    _copy_font_list(fonts)
    return environment | {
        "HOME": str(home),
        "USERPROFILE": str(home),
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary)),
        "MPLCONFIGDIR": str(fonts),
    }
