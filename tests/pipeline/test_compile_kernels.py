import subprocess

import pytest

from lumier_analysis.pipeline import compile_kernels


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package folder of its own, with a room that holds one module."""
    folder = tmp_path / "lumier_analysis"
    for room in compile_kernels.ROOMS:
        (folder / room).mkdir(parents=True)
        (folder / room / "kernel.py").write_text("x = 1\n", encoding="utf-8")
    monkeypatch.setattr(compile_kernels, "PACKAGE", folder)
    return folder


@pytest.fixture
def calls(monkeypatch, package):
    """Processes asked for; each writes the stamp, as the real one does."""
    made = []

    def run(command, **options):
        made.append((command, options))
        (package / "__pycache__").mkdir(exist_ok=True)
        (package / compile_kernels.STAMP).write_text(compile_kernels.stamp() + "\n", encoding="utf-8")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(compile_kernels.subprocess, "run", run)
    return made


def test_kernels_are_compiled_once_in_a_process_of_their_own(calls):
    assert not compile_kernels.is_compiled()
    said: list[str] = []
    compile_kernels.prepare_kernels(said.append)
    compile_kernels.prepare_kernels(said.append)
    assert len(calls) == 1 and compile_kernels.is_compiled()
    command, options = calls[0]
    assert command[-1] == "lumier_analysis.pipeline.compile_kernels"
    assert options["env"]["OPENBLAS_NUM_THREADS"] == "1"
    assert said == ["Compiling numerical kernels, once on this machine ..."]


def test_a_changed_kernel_or_cache_folder_is_compiled_again(calls, package, monkeypatch):
    compile_kernels.ensure_compiled()
    (package / "mixed" / "kernel.py").write_text("x = 2\n", encoding="utf-8")
    assert not compile_kernels.is_compiled()
    compile_kernels.ensure_compiled()
    monkeypatch.setenv("NUMBA_CACHE_DIR", "elsewhere")
    assert not compile_kernels.is_compiled() and len(calls) == 2


def test_where_it_fails_the_run_goes_on(package, monkeypatch):
    monkeypatch.setattr(
        compile_kernels.subprocess, "run", lambda command, **options: subprocess.CompletedProcess(command, 1)
    )
    assert compile_kernels.ensure_compiled() is False
    assert not compile_kernels.is_compiled()


@pytest.mark.proof
def test_a_second_pass_compiles_nothing_more(tmp_path):
    """What is read from a cache has the types it was compiled for."""
    import os
    import sys

    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(compile_kernels.PACKAGE.parent)}
    code = "from lumier_analysis.pipeline.compile_kernels import compile_all; compile_all()"
    counts = []
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
        counts.append(sorted(p.name for p in tmp_path.rglob("*.nbc")))
    assert counts[0] == counts[1] and len(counts[0]) > 30
