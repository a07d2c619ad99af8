"""Attempts to read what a staged stage must not see, made from inside its environment; started by `isolation`.

Run as a module in the staged project, with the name of a JSON file of targets, which it deletes once read; what became
of each attempt is printed as the last line, in JSON. Nothing that is read is given out, only its size and hash. The
absolute paths are handed in, as a notebook might have guessed them.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lumier_analysis.pipeline.leak_readers import BY_PATH, child
from lumier_analysis.pipeline.leak_searches import BY_SEARCH, Target, Unknown

READ, ABSENT, DENIED, UNKNOWN, MISSING = "read", "absent", "denied", "path unknown", "not installed"
IMPOSSIBLE = "not possible"
GIT = "git, by the project's path"


def _git_there(target: Target) -> bytes:
    return child("git", "-C", target["root"], "show", f"HEAD:{target['relative']}")


def attempt(read: Callable[[], bytes | None]) -> dict[str, Any]:
    """Make one attempt; return its status, and size and hash of what was read where it gives bytes."""
    try:
        content = read()
    except Unknown:
        return {"status": UNKNOWN}
    except ImportError:
        return {"status": MISSING}
    except PermissionError:
        return {"status": DENIED}
    except (FileNotFoundError, NotADirectoryError):
        return {"status": ABSENT}
    except OSError as error:
        return {"status": f"{IMPOSSIBLE} ({error.strerror})"}
    except Exception as error:
        # polars wraps what the system says; anything else is a file that was there and could not be parsed.
        text = str(error).lower()
        gone = "no such file" in text or "not found" in text
        return {"status": ABSENT} if gone else {"status": f"not parsed ({type(error).__name__})"}
    if content is None:
        return {"status": READ}
    return {"status": READ, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def attempts(target: Target) -> list[dict[str, Any]]:
    """Try every route to one file.

    Parameters
    ----------
    target : dict
        kind, relative (to the project), absolute, root (the project).
    """
    tried: list[tuple[str, Callable[[], bytes | None]]] = []
    for name, search in BY_SEARCH.items():
        tried.append((name, lambda search=search: search(target)))  # type: ignore[misc]
    for name, reader in BY_PATH.items():
        tried.append((name, lambda reader=reader: reader(target["absolute"])))  # type: ignore[misc]
    tried.append((GIT, lambda: _git_there(target)))
    return [{"route": name, "kind": target["kind"], **attempt(read)} for name, read in tried]


def main() -> None:
    """Read the targets from the file named, print the attempts as the last line."""
    asked = Path(sys.argv[1])
    targets = json.loads(asked.read_text(encoding="utf-8"))
    asked.unlink()  # no search is to find the paths in it
    print(json.dumps([result for target in targets for result in attempts(target)]))


if __name__ == "__main__":
    main()
