"""What numba compiled in a staged copy of the package, taken over into the package, so that it is compiled once.

numba keeps compiled functions beside the module: an index of a function (``.nbi``) and its code (``.nbc``). A compiled
function depends on its source and the processor alone, so where it was compiled changes no number.
"""

from __future__ import annotations

from pathlib import Path

from lumier_analysis.study.io import write_bytes_atomic

_INDEX, _CODE = ".nbi", ".nbc"


def read_indexes(package: Path) -> dict[str, bytes]:
    """Return the content of every index below a package, by path relative to it."""
    found = (p for p in package.rglob(f"*{_INDEX}") if p.is_file() and not p.is_symlink())
    return {p.relative_to(package).as_posix(): p.read_bytes() for p in found}


def take_compiled(copy: Path, package: Path, before: dict[str, bytes]) -> list[str]:
    """Take over the functions compiled in a copy of the package; return their indexes, relative to the package.

    Parameters
    ----------
    copy, package : Path
        The staged package and the original.
    before : dict
        The original's `read_indexes` when the copy was made. An index that has changed in the original since then
        stays as it is: its code may be numbered otherwise.
    """
    taken = []
    for name, content in read_indexes(copy).items():
        target = package / name
        now = target.read_bytes() if target.is_file() else None
        if content == before.get(name) or now != before.get(name) or not target.parent.parent.is_dir():
            continue
        stem = target.name.removesuffix(_INDEX)
        codes = [p for p in (copy / name).parent.glob(f"*{_CODE}") if p.name.startswith(f"{stem}.")]
        for code in codes:
            if code.is_file() and not code.is_symlink():
                write_bytes_atomic(target.with_name(code.name), code.read_bytes())
        write_bytes_atomic(target, content)
        taken.append(name)
    return taken
