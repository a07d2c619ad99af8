#!/usr/bin/env python3
"""Set up .venv: the packages of requirements.lock, by hash, then the project itself; a second call does nothing.

Needs nothing but Python's standard library, and is written for any Python 3.6 or later, so that a wrong version is met
by a sentence and not by a syntax error. The lock holds hashes, and an editable project has none, so the two cannot be
installed in one step.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / ".lumier-stamp"
LOG = VENV / "bootstrap.log"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
WANTED = ("3.11", "3.12")
#: Variables that would hide bytecode or lead to other packages than those of .venv.
DROPPED = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_NO_COMPILE", "PIP_USER")
NETWORK_WORDS = (
    "name resolution",
    "failed to establish",
    "connection",
    "network",
    "failed to fetch",
    "dns",
    "timed out",
    "proxy",
    "no matching distribution",
    "could not find a version",
    "no solution found",
    "no index",
)


class SetupError(Exception):
    """What is wrong and what to do, in words."""


def environment():
    """Return the environment of every step."""
    return {key: value for key, value in os.environ.items() if key not in DROPPED}


def answer(*command):
    """Return what a command prints, or None where it cannot run or fails."""
    try:
        done = subprocess.run(
            [str(c) for c in command],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def version_of(python):
    """Return a Python's version as "3.11", or None: a name on PATH may be a shim with nothing behind it."""
    return answer(python, "-c", "import sys; print('.'.join(map(str, sys.version_info[:2])))")


def find_python():
    """Return a Python of a wanted version: this one, else one on PATH."""
    here = ".".join(map(str, sys.version_info[:2]))
    if here in WANTED:
        return sys.executable
    for name in [*("python" + version for version in WANTED), "python3", "python"]:
        path = shutil.which(name)
        if path and version_of(path) in WANTED:
            return path
    raise SetupError(
        f"Python {' or '.join(WANTED)} is needed, and this is Python {here}. Install one (Debian and Ubuntu: "
        "apt install python3.11 python3.11-venv; macOS: brew install python@3.11) and start again, "
        "or use conda: conda env create -f environment.yml."
    )


def fingerprint():
    """Return what the set-up depends on: three files, and where the project stands."""
    digest = hashlib.sha256(str(ROOT).encode("utf-8"))
    for name in ("requirements.lock", "pyproject.toml", ".ci/bootstrap.py"):
        if not (ROOT / name).is_file():
            raise SetupError(f"{name} is missing; type: git checkout -- {name}")
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def is_ready(mark):
    """Tell whether .venv was completed from these very files."""
    return STAMP.is_file() and STAMP.read_text().strip() == mark and PYTHON.exists()


def explain(output):
    """Return the one sentence that an installer's output comes down to."""
    text = output.lower()
    if "no space left" in text or "disk quota" in text:
        return "the disk is full"
    if "hash" in text and ("do not match" in text or "mismatch" in text):
        return "a downloaded file is not the one that the lock names (its hash differs)"
    if any(word in text for word in NETWORK_WORDS):
        return "the package index could not be reached, or lacks a package of the lock (is there a network?)"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


def step(what, *command):
    """Run one step and keep its output in the log; raise SetupError where it fails."""
    words = [str(c) for c in command]
    done = subprocess.run(
        words,
        cwd=str(ROOT),
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if VENV.is_dir():
        with LOG.open("a", encoding="utf-8") as stream:
            stream.write(f"$ {' '.join(words)}\n{done.stdout}\n")
    if done.returncode:
        log = " The installer's own words are in .venv/bootstrap.log." if LOG.is_file() else ""
        raise SetupError(f"{what} failed: {explain(done.stdout).rstrip('.')}.{log}")


def find_uv(python):
    """Return the command of uv where it is on PATH or importable, else None."""
    for command in ([shutil.which("uv")], [python, "-m", "uv"]):
        if command[0] and answer(*command, "--version"):
            return command
    return None


def make_venv(python, uv):
    """Create .venv, unless a usable one is there."""
    if PYTHON.exists() and version_of(PYTHON) in WANTED and (uv or answer(PYTHON, "-m", "pip", "--version")):
        return
    shutil.rmtree(str(VENV), ignore_errors=True)
    if uv:
        step("Creating .venv", *uv, "venv", "--quiet", "--no-project", "--python", python, VENV)
        return
    if answer(python, "-c", "import ensurepip, venv; print('there')") is None:
        raise SetupError(
            "This Python cannot create environments; Debian and Ubuntu keep that in a package of its own. "
            f"Type: apt install python3-venv (or python{version_of(python)}-venv), then start again."
        )
    step("Creating .venv", python, "-m", "venv", VENV)


def fetch_uv():
    """Install the uv that the lock names into .venv, by hash; return its command, or None where that fails."""
    entry = re.search(r"^uv==(?:.*\\\n)*.*", LOCK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if entry is None:
        return None
    alone = VENV / "uv.lock"
    alone.write_text(entry.group(0) + "\n", encoding="utf-8")
    options = ["--quiet", "--no-deps", "--require-hashes", "--retries", "1", "-r", alone]
    if answer(PYTHON, "-m", "pip", "install", *options) is None:
        return None
    return [PYTHON, "-m", "uv"] if answer(PYTHON, "-m", "uv", "--version") else None


def install(uv):
    """Install the lock, then the project: with uv; with pip where uv is not to be had, or fails."""
    # uv does not read pip's configuration: where a mirror is set up for pip alone, uv fails and pip does not.
    ways = [[*uv, "pip", "install", "--quiet", "--python", PYTHON]] if uv else []
    if answer(PYTHON, "-m", "pip", "--version"):
        ways.append([PYTHON, "-m", "pip", "install", "--quiet", "--no-input", "--retries", "2"])
    for number, way in enumerate(ways, start=1):
        try:
            step("Installing requirements.lock", *way, "--require-hashes", "-r", LOCK)
            step("Installing the project", *way, "--no-deps", "--no-build-isolation", "-e", ROOT)
            return
        except SetupError:
            if number == len(ways):
                raise


def compile_bytecode():
    """Compile what a kernel imports, or each start of one pays seconds for it; uv does not do so by itself."""
    folders = [*VENV.glob("lib/python*/site-packages"), *VENV.glob("Lib/site-packages"), ROOT / "lumier_analysis"]
    # Some packages ship files in another Python's syntax: these stay uncompiled, which is no failure of ours.
    answer(PYTHON, "-m", "compileall", "-q", "-q", "-j", "0", *folders)


def main():
    """Set up, or say in one sentence why not."""
    try:
        mark = fingerprint()
        if is_ready(mark):
            return 0
        began = time.time()
        python = find_python()
        print(f"Setting up .venv with Python {version_of(python)}; the first time this may take some minutes.")
        sys.stdout.flush()
        if STAMP.exists():
            STAMP.unlink()
        uv = find_uv(python)
        make_venv(python, uv)
        install(uv or fetch_uv())
        compile_bytecode()
        STAMP.write_text(mark + "\n")
        print(f"Set up in {time.time() - began:.0f} s.")
    except SetupError as error:
        print(f"bootstrap: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bootstrap: interrupted; start again to go on.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
