from __future__ import annotations

from pathlib import Path

from lumier_analysis.pipeline.scrubbed import scrubbed_environment, tells


def test_only_what_a_kernel_needs_is_taken_over(tmp_path, monkeypatch):
    project = tmp_path / "project"
    for name, value in {
        "LUMIER_STUDY": "data/tiny",
        "PWD": str(project),
        "OLDPWD": str(project),
        "AWS_SECRET_ACCESS_KEY": "secret",
        "PYTHONSTARTUP": "start.py",
        "VIRTUAL_ENV": str(project / ".venv"),
        "PATH": f"{project}/.venv/bin:/usr/bin:/bin",
        "PYTHONPATH": f"{project}",
        "LUMIER_JOBS": "2",
        "LUMIER_PROGRESS": "/elsewhere/step",
        "OPENBLAS_CORETYPE": "Haswell",
        "TZ": "Asia/Tokyo",
        "OMP_NUM_THREADS": "8",
    }.items():
        monkeypatch.setenv(name, value)
    base = tmp_path / "stage"
    base.mkdir()
    found = scrubbed_environment(base, [project])
    assert found.keys().isdisjoint({"LUMIER_STUDY", "PWD", "OLDPWD", "AWS_SECRET_ACCESS_KEY", "PYTHONSTARTUP"})
    assert found.keys().isdisjoint({"VIRTUAL_ENV", "PYTHONPATH"})
    assert found["PATH"] == "/usr/bin:/bin"
    assert (found["LUMIER_JOBS"], found["LUMIER_PROGRESS"]) == ("2", "/elsewhere/step")
    assert (found["OPENBLAS_CORETYPE"], found["TZ"], found["OMP_NUM_THREADS"]) == ("Haswell", "UTC", "1")
    assert found["PYTHONHASHSEED"] == "0" and found["LC_ALL"] == "C.UTF-8"
    assert not any(str(project) in value for value in found.values())
    assert list(Path(found["HOME"]).iterdir()) == [] and Path(found["TMPDIR"]).is_dir()


def test_an_environment_outside_the_project_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("VIRTUAL_ENV", "/opt/venv")
    assert scrubbed_environment(tmp_path, [tmp_path / "project"])["VIRTUAL_ENV"] == "/opt/venv"


def test_matplotlib_finds_its_fonts_without_the_users_home(tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "fontlist-v1.json").write_text("{}")
    (cache / "matplotlibrc").write_text("font.size: 40")
    monkeypatch.setenv("MPLCONFIGDIR", str(cache))
    base = tmp_path / "stage"
    base.mkdir()
    folder = Path(scrubbed_environment(base, [])["MPLCONFIGDIR"])
    assert [p.name for p in folder.iterdir()] == ["fontlist-v1.json"] and folder.is_relative_to(base)


def test_a_path_is_known_through_a_link_too(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    assert tells(f"{real}/raw", [link]) and tells(f"x={link}", [link])
    assert not tells("/usr/bin", [link]) and not tells("/usr/bin", [Path("/")])
