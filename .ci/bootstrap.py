#!/usr/bin/env python3
"""Set up .venv: the packages of requirements.lock, by hash, then the project itself; a second call does nothing.

Needs nothing but Python's standard library, and runs under any Python 3, so that a wrong version is met by a sentence
and not by a syntax error. The lock holds hashes, and an editable project has none, so the two cannot be installed in
one step.
"""

import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
LOCK = os.path.join(ROOT, "requirements.lock")
STAMP = os.path.join(VENV, ".lumier-stamp")
LOG = os.path.join(VENV, "bootstrap.log")
SCRIPTS = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin")
PYTHON = os.path.join(SCRIPTS, "python")
WANTED = ("3.11", "3.12")


class SetupError(Exception):
    """What is wrong and what to do, in words."""


def environment():
    """Return the environment of every step: nothing that hides bytecode or points to other packages."""
    dropped = (
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONPATH",
        "PYTHONHOME",
        "VIRTUAL_ENV",
        "PIP_NO_COMPILE",
        "__PYVENV_LAUNCHER__",
    )
    return {key: value for key, value in os.environ.items() if key not in dropped}


def answer(command):
    """Return what a command prints, or None where it cannot run or fails."""
    try:
        done = subprocess.run(
            command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def version_of(python):
    """Return a Python's version as "3.11", or None: a name on PATH may be a shim with nothing behind it."""
    return answer([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])


def find_python():
    """Return a Python of a wanted version: this one, else one on PATH."""
    if "%d.%d" % sys.version_info[:2] in WANTED:
        return sys.executable
    for name in ["python" + version for version in WANTED] + ["python3", "python"]:
        path = shutil.which(name)
        if path and version_of(path) in WANTED:
            return path
    raise SetupError(
        "Python %s is needed, and this is Python %d.%d. Install one (Debian and Ubuntu: apt install python3.11 "
        "python3.11-venv; macOS: brew install python@3.11), or with conda: conda env create -f environment.yml. "
        "Then start again." % ((" or ".join(WANTED),) + sys.version_info[:2])
    )


def fingerprint():
    """Return what the set-up depends on: the two files, and where the project stands."""
    digest = hashlib.sha256(ROOT.encode("utf-8"))
    for name in ("requirements.lock", "pyproject.toml", os.path.join(".ci", "bootstrap.py")):
        try:
            with open(os.path.join(ROOT, name), "rb") as stream:
                digest.update(stream.read())
        except OSError:
            raise SetupError("%s is missing: git checkout -- %s" % (name, name))
    return digest.hexdigest()


def is_ready(mark):
    """Tell whether .venv was completed from these very files."""
    try:
        with open(STAMP) as stream:
            return stream.read().strip() == mark and os.path.exists(PYTHON)
    except OSError:
        return False


def explain(output):
    """Return the one sentence that an installer's output comes down to."""
    text = output.lower()
    if "no space left" in text or "disk quota" in text:
        return "the disk is full"
    if "hash" in text and ("do not match" in text or "mismatch" in text):
        return "a downloaded file is not the one the lock names (its hash differs)"
    network = (
        "name resolution",
        "failed to establish",
        "connection",
        "network is unreachable",
        "failed to fetch",
        "dns",
        "timed out",
        "no matching distribution",
        "could not find a version",
        "no solution found",
        "proxy",
    )
    if any(word in text for word in network):
        return "the package index could not be reached, or has not what the lock names; is there a network?"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


def step(what, command):
    """Run one step, its output kept in the log; raise SetupError where it fails."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        errors="replace",
    )
    if os.path.isdir(VENV):
        with open(LOG, "a") as stream:
            stream.write("$ %s\n%s\n" % (" ".join(command), done.stdout))
    if done.returncode:
        log = " The installer's own words: .venv/bootstrap.log." if os.path.exists(LOG) else ""
        raise SetupError("%s failed: %s.%s" % (what, explain(done.stdout).rstrip("."), log))


def find_uv(python):
    """Return the command of uv where it is on PATH or importable, else None."""
    for command in ([shutil.which("uv")], [python, "-m", "uv"]):
        if command[0] and answer(command + ["--version"]):
            return command
    return None


def make_venv(python, uv):
    """Create .venv, unless a usable one is there."""
    if version_of(PYTHON) in WANTED and (uv or answer([PYTHON, "-m", "pip", "--version"])):
        return
    shutil.rmtree(VENV, ignore_errors=True)
    if uv:
        step("Creating .venv", uv + ["venv", "--quiet", "--no-project", "--python", python, VENV])
        return
    if answer([python, "-c", "import ensurepip, venv; print('there')"]) is None:
        name = "python%s-venv" % version_of(python)
        raise SetupError(
            "This Python cannot create environments: Debian and Ubuntu keep that in a package of its own. "
            "Type: apt install %s (or python3-venv), then start again." % name
        )
    step("Creating .venv", [python, "-m", "venv", VENV])


def locked_uv():
    """Return the lock's own entry of uv (version, marker and hashes), or None."""
    with open(LOCK) as stream:
        found = re.search(r"^uv==.*(?:\\\n.*)*", stream.read(), flags=re.MULTILINE)
    return found.group(0) + "\n" if found else None


def fetch_uv():
    """Install the uv that the lock names into .venv, by hash; return its command, or None where that fails."""
    entry = locked_uv()
    if entry is None:
        return None
    path = os.path.join(VENV, "uv.lock.txt")
    with open(path, "w") as stream:
        stream.write(entry)
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--retries", "1", "-r", path]
    return [PYTHON, "-m", "uv"] if answer(pip) is not None and answer([PYTHON, "-m", "uv", "--version"]) else None


def install(uv):
    """Install the lock, then the project: with uv, and with pip where uv is not to be had or fails."""
    # uv reads no pip configuration, so a mirror set up for pip alone is a good reason for it to fail.
    attempts = []
    if uv:
        attempts.append((uv + ["pip", "install", "--quiet", "--python", PYTHON], uv))
    if answer([PYTHON, "-m", "pip", "--version"]) is not None:
        attempts.append(
            ([PYTHON, "-m", "pip", "install", "--quiet", "--retries", "2", "--disable-pip-version-check"], None)
        )
    for number, (base, _) in enumerate(attempts, start=1):
        try:
            step("Installing requirements.lock", base + ["--require-hashes", "-r", LOCK])
            step("Installing the project", base + ["--no-deps", "--no-build-isolation", "-e", ROOT])
            return
        except SetupError:
            if number == len(attempts):
                raise
    raise SetupError("There is neither uv nor pip to install with. Delete .venv and start again.")


def compile_bytecode():
    """Compile what a kernel imports, or each start of one pays seconds for it."""
    folders = glob.glob(os.path.join(VENV, "lib", "python*", "site-packages")) or [
        os.path.join(VENV, "Lib", "site-packages")
    ]
    folders.append(os.path.join(ROOT, "lumier_analysis"))
    # Some packages ship files in another Python's syntax; those are left uncompiled, which is no failure of ours.
    subprocess.run(
        [PYTHON, "-m", "compileall", "-q", "-q", "-j", "0"] + folders,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def main():
    """Set up, or say in one sentence why not."""
    try:
        mark = fingerprint()
        if is_ready(mark):
            return 0
        began = time.time()
        python = find_python()
        print("Setting up .venv with Python %s; the first time this takes up to a few minutes." % version_of(python))
        sys.stdout.flush()
        if os.path.exists(STAMP):
            os.remove(STAMP)
        uv = find_uv(python)
        make_venv(python, uv)
        install(uv or fetch_uv())
        compile_bytecode()
        with open(STAMP, "w") as stream:
            stream.write(mark + "\n")
        print("Set up in %.0f s." % (time.time() - began))
    except SetupError as error:
        print("bootstrap: %s" % error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bootstrap: interrupted; the next call goes on.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
