"""The export of the tiny study: whole, the same bytes twice, nothing private, and what it refuses."""

from __future__ import annotations

import hashlib
import html
import io
import json
import re
import subprocess
import zipfile
from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate

from lumier_analysis.errors import AnalysisError, DisclosureError, SealError, UsageError
from lumier_analysis.pipeline.deviations import entry_text, header
from lumier_analysis.pipeline.export import export_run, public_record, zip_bytes
from lumier_analysis.pipeline.lock_differences import Difference
from lumier_analysis.pipeline.progress import Progress
from lumier_analysis.pipeline.replay import replay
from lumier_analysis.pipeline.run import run_study
from lumier_analysis.pipeline.stages import Stage
from lumier_analysis.study import open_study, opening_log
from lumier_analysis.study.io import sha256_text
from lumier_analysis.study.lockfile import read_lock_file, write_lock

pytestmark = pytest.mark.pipeline
Stages = tuple[Stage, ...]


@pytest.fixture
def ran(ledger_run: Path) -> Path:
    (ledger_run / "data/tiny/deviations.md").write_text("# Deviations\n")
    return ledger_run


def unpacked(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_what_is_in_it_and_what_is_not(ran: Path, ledger_stages: Stages, tmp_path: Path) -> None:
    path = export_run(open_study("tiny"), stages=ledger_stages)
    assert path == ran / "reports" / "tiny-export.zip"
    files = unpacked(path)
    assert sorted(files) == [
        "README.md", "deviations.md", "manifest-sha256.txt", "notebooks/01_first.ipynb", "notebooks/02_second.ipynb",
        "numbers.json", "plan.yml", "report/figures/one.svg", "report/notebooks/01_first.ipynb",
        "report/notebooks/02_second.ipynb", "report/report.html", "requirements.lock", "ro-crate-metadata.json",
        "runs/clean.json", "runs/derive.json", "runs/report.json",
    ]  # fmt: skip
    text = b"\n".join(files.values()).decode()
    assert "Jo Statistician" not in text and str(ran) not in text and str(tmp_path) not in text

    numbers = json.loads(files["numbers.json"])["numbers"]
    assert numbers["quality.few"]["value"] == "<5"
    auc = numbers["validation.primary.auc"]
    assert (auc["value"], auc["plan_item"], auc["notebook"], auc["cell"]) == ("0.581", "primary", "02_second", "id-2")

    # Checksums as the tool that everybody has reads them, and every file is named.
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "manifest-sha256.txt"], cwd=folder, check=True)
    assert len(files["manifest-sha256.txt"].splitlines()) == len(files) - 1

    # The crate as the library reads it: every file an entity with its hash, a CreateAction for each stage.
    crate = ROCrate(folder)
    for name in files.keys() - {"manifest-sha256.txt", "ro-crate-metadata.json"}:
        assert crate.dereference(name)["sha256"] == hashlib.sha256(files[name]).hexdigest()
    derive = crate.dereference("#stage-derive")
    assert derive.type == "CreateAction"
    assert [e.id for e in derive["result"]] == ["report/figures/one.svg", "report/notebooks/02_second.ipynb"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", str(crate.root_dataset["datePublished"])[:10])


def test_the_same_run_gives_the_same_bytes(ran: Path, ledger_stages: Stages) -> None:
    first = export_run(open_study("tiny"), stages=ledger_stages).read_bytes()
    second = export_run(open_study("tiny"), ran / "other.zip", stages=ledger_stages)
    assert second.read_bytes() == first
    with pytest.raises(UsageError, match=r"x\.zip cannot be written. Found: File exists.*--out another place"):
        export_run(open_study("tiny"), ran / "other.zip" / "x.zip", stages=ledger_stages)


def test_a_replay_is_compared_with_an_export_shown_or_full(ran: Path, ledger_stages: Stages, tmp_path: Path) -> None:
    study = open_study("tiny")
    public = export_run(study, stages=ledger_stages)
    internal = export_run(study, internal=True, stages=ledger_stages)
    assert internal == ran / "data/tiny/analysis/export/tiny-internal.zip"
    assert json.loads(unpacked(internal)["ledger/01_first.json"])["entries"][1]["value"] == 3.0
    assert b"not for passing on" in unpacked(internal)["README.md"]
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(internal) as archive:
        archive.extractall(folder)

    def against(path: Path) -> object:
        return replay(study, against=path, progress=Progress(io.StringIO()), stages=ledger_stages)

    assert against(internal).outcome == "identical"  # type: ignore[attr-defined]
    raw = ran / "data/tiny/raw/ecrf_patients.csv"
    raw.write_text(raw.read_text() + "x")
    full, shown = against(folder), against(public)
    for found in (full, shown):
        assert [d.id for d in found.moved] == ["quality.size", "validation.primary.auc"]  # type: ignore[attr-defined]
        assert found.causes["02_second"][0].startswith("raw file ecrf_patients.csv changed")  # type: ignore[attr-defined]
    assert "compared as disclosed" in shown.lines()[0]  # type: ignore[attr-defined]
    (folder / "numbers.json").write_text("{}")
    with pytest.raises(AnalysisError, match=r"unpacked was altered\. Found: numbers\.json"):
        against(folder)


def test_a_stale_or_missing_report_is_refused(ran: Path, ledger_stages: Stages) -> None:
    plan = ran / "data/tiny/plan.yml"
    sound = plan.read_bytes()
    plan.write_bytes(sound + b"# later\n")
    with pytest.raises(AnalysisError, match=r"stage clean: the plan changed\. To mend it: run `lumier run data/tiny`"):
        export_run(open_study("tiny"), stages=ledger_stages)
    plan.write_bytes(sound)
    (ran / "reports/tiny/report.html").unlink()
    with pytest.raises(AnalysisError, match=r"stage report: output reports/report\.html is missing"):
        export_run(open_study("tiny"), stages=ledger_stages)
    assert not (ran / "reports/tiny-export.zip").exists()


def test_a_file_that_no_stage_wrote_is_refused(ran: Path, ledger_stages: Stages) -> None:
    stranger = ran / "reports/tiny/figures/old.pdf"  # as a killed stage may leave it, and the next plan not want it
    stranger.parent.mkdir(exist_ok=True)
    stranger.write_bytes(b"%PDF-1.4")
    run_study("tiny", progress=Progress(io.StringIO()), stages=ledger_stages)
    with pytest.raises(AnalysisError, match=r"reports/tiny/figures/old\.pdf, of no stage\. To mend it: move it out of"):
        export_run(open_study("tiny"), stages=ledger_stages)
    stranger.unlink()
    run_study("tiny", progress=Progress(io.StringIO()), stages=ledger_stages)
    assert export_run(open_study("tiny"), stages=ledger_stages).is_file()


REPORT_WITH_RECORDS = """
from markupsafe import escape

from lumier_analysis.reporting.frozen import frozen_facts

def build(study):
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in frozen_facts(study))
    (study.reports / "report.html").write_text(f"<dl>{facts}</dl>")
"""
PEOPLE = ("Jo Statistician", "Ann O'Data")


@pytest.fixture
def recorded(ran: Path, ledger_stages: Stages, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the project after a lock, an amendment and three openings by two people, run again."""
    jo, ann = PEOPLE
    study = open_study("tiny")
    moved = [Difference("plan landmarks.cap_days", "112", "105", "plan")]
    entry = entry_text(
        number=1, date="2021-02-03T00:00:00+00:00", who=jo, reason=f"asked by {ann.upper()}", openings=1, moved=moved,
        before="b" * 64, after="a" * 64,
    )  # fmt: skip
    amendment = {
        "number": 1, "date": "2021-02-03T00:00:00+00:00", "who": jo, "reason": f"asked by {ann}", "openings": 1,
        "moved": 1, "entry": sha256_text(entry),
    }  # fmt: skip
    lock = {
        "format_version": 1, "study": "tiny", "locked": "2021-02-01T00:00:00+00:00", "who": jo, "record": {},
        "previous": None, "amendments": [amendment], "parts": {"plan": "x"},
    }  # fmt: skip
    write_lock(study, lock)
    (study.folder / "deviations.md").write_text(header("tiny") + entry)
    for who, reason in ((ann, ""), (jo, f"with {ann}"), (ann, "Table lost")):
        opening_log.append(
            study, who=who, when="2021-02-02T00:00:00+00:00", lock="l", signature="s", content="c", reason=reason
        )
    (ran / "lumier_analysis" / "tiny_report.py").write_text(REPORT_WITH_RECORDS)
    monkeypatch.setenv("LUMIER_WHO", jo)
    run_study("tiny", progress=Progress(io.StringIO()), stages=ledger_stages)
    return ran


def test_openings_are_in_it_and_nobody_is_named(recorded: Path, ledger_stages: Stages) -> None:
    study = open_study("tiny")
    files = unpacked(export_run(study, stages=ledger_stages))
    for content in files.values():
        shown = html.unescape(content.decode()).casefold()
        assert not any(name in shown for name in ("jo statistician", "ann o'data", "o'data"))
    was, now = opening_log.read(study), [json.loads(line) for line in files["openings.jsonl"].splitlines()]
    assert len(now) == len(was) == 3
    assert [line["who"] for line in now] == ["person 2", "person 1", "person 2"]
    assert [line["reason"] for line in now] == ["", "with person 2", "Table lost"]
    for before, after in zip(was, now, strict=True):
        assert {k: v for k, v in before.items() if k not in ("who", "reason")}.items() <= after.items()
        assert opening_log.line_hash(after) != after["hash"] == opening_log.line_hash(before)
    assert b"## 1. 2021-02-03T00:00:00+00:00, person 1\n\nReason: asked by person 2\n" in files["deviations.md"]
    lock, own = json.loads(files["plan.lock.json"]), read_lock_file(study.folder / "plan.lock.json")
    assert (lock["who"], lock["amendments"][0]["reason"]) == ("person 1", "asked by person 2")
    assert (lock["hashes"], lock["parts"]) == (own["hashes"], own["parts"])
    report = files["report/report.html"].decode()
    assert "+00:00, by person 2</dd>" in report and "by person 1: with person 2</dd>" in report
    readme = " ".join(files["README.md"].decode().split())
    assert "Every hash is that of the record as it was written" in readme
    assert "`lumier verify data/tiny`" in readme
    crate = json.loads(files["ro-crate-metadata.json"])
    (entity,) = [e for e in crate["@graph"] if e["@id"] == "openings.jsonl"]
    assert entity["sha256"] == hashlib.sha256(files["openings.jsonl"]).hexdigest()
    assert entity["description"].startswith("Openings of the validation outcomes")


def test_an_internal_export_keeps_the_records_to_the_byte(recorded: Path, ledger_stages: Stages) -> None:
    study = open_study("tiny")
    files = unpacked(export_run(study, internal=True, stages=ledger_stages))
    for name in ("openings.jsonl", "deviations.md", "plan.lock.json"):
        assert files[name] == (study.folder / name).read_bytes()
    assert files["report/report.html"] == (study.reports / "report.html").read_bytes()
    assert b"People are named in" in files["README.md"]


def test_a_name_anywhere_else_stops_the_export(recorded: Path, ledger_stages: Stages) -> None:
    write_again(recorded, ledger_stages, "<svg>drawn for jo  statistician</svg>")
    with pytest.raises(DisclosureError, match=r"02_second\.ipynb names a person.*3 files.*--internal") as caught:
        export_run(open_study("tiny"), stages=ledger_stages)
    assert "statistician" not in str(caught.value).casefold()
    assert not (recorded / "reports/tiny-export.zip").exists()
    assert export_run(open_study("tiny"), internal=True, stages=ledger_stages).is_file()


def test_an_altered_log_is_not_exported(recorded: Path, ledger_stages: Stages) -> None:
    log = recorded / "data/tiny/openings.jsonl"
    log.write_text(log.read_text().replace("Table lost", "Table found"))
    with pytest.raises(SealError, match="line 3 is not what was written"):
        export_run(open_study("tiny"), stages=ledger_stages)


def write_again(ran: Path, stages: Stages, what: str, instead: str = "<svg/>") -> None:
    """Let the second notebook write something else as its figure."""
    notebook = ran / "notebooks/02_second.ipynb"
    notebook.write_text(notebook.read_text().replace(instead, what))
    run_study("tiny", progress=Progress(io.StringIO()), stages=stages)


def test_nothing_private_gets_out(ran: Path, ledger_stages: Stages) -> None:
    queries = ran / "data/tiny/analysis/queries.csv"
    queries.write_text("patient_id;text\nP-0117;x\n")
    write_again(ran, ledger_stages, "<svg>P-0117</svg>")
    with pytest.raises(DisclosureError, match="a patient or sample identifier") as caught:
        export_run(open_study("tiny"), stages=ledger_stages)
    assert "P-0117" not in str(caught.value)
    queries.unlink()
    write_again(ran, ledger_stages, f"{ran}/data", "P-0117")
    with pytest.raises(DisclosureError, match="names a folder of this machine"):
        export_run(open_study("tiny"), stages=ledger_stages)


@pytest.mark.parametrize(
    ("target", "internal", "message"),
    [
        ("x.tar", False, "An export is a zip"),
        ("reports/tiny/x.zip", False, "holds what a run wrote, nothing else"),
        ("reports/x.zip", True, "must not stand below reports/"),
        ("data/tiny/raw/x.zip", False, "raw folder holds raw files"),
    ],
)
def test_places_it_does_not_write_to(
    ledger_project: Path, ledger_stages: Stages, target: str, internal: bool, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        export_run(open_study("tiny"), target, internal=internal, stages=ledger_stages)


def test_a_run_record_loses_people_and_paths() -> None:
    record = {
        "stage": "clean", "who": "jo", "raw": "../secret", "parameters": {"study": "data/x", "raw": "../secret"},
        "warnings": ["/home/jo/project/a.py:3: FutureWarning: ratio 1/2", r"C:\Users\jo\b.py:4: UserWarning"],
    }  # fmt: skip
    assert public_record(record) == {
        "stage": "clean", "parameters": {"study": "data/x"},
        "warnings": ["a.py:3: FutureWarning: ratio 1/2", "b.py:4: UserWarning"],
    }  # fmt: skip


def test_a_zip_depends_on_names_and_contents_alone() -> None:
    first = zip_bytes({"b": b"2", "a": b"1"})
    assert first == zip_bytes({"a": b"1", "b": b"2"}) != zip_bytes({"a": b"1", "b": b"3"})
