"""Single changes of a locked study: each is caught by `require_unchanged` or `verify`, and the message names it."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from lumier_analysis.errors import LumierError
from lumier_analysis.pipeline import doctor
from lumier_analysis.pipeline.plan_lock import amend, lock_hash, require_unchanged
from lumier_analysis.pipeline.verify_lock import verify
from lumier_analysis.signature import ClinicalModel, LockedSignature
from lumier_analysis.study import Study, open_study, opening_log
from lumier_analysis.study.lockfile import lock_hashes

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Mutation:
    """One change: what it is called in docs/, how it is made, and what the message must name."""

    name: str
    make: Callable[[Study], object]
    names: str


def text(path: str, old: str, new: str) -> Callable[[Study], object]:
    """Replace the first `old` in a file of the project."""

    def change(study: Study) -> None:
        file = study.root / path
        content = file.read_bytes().decode("utf-8")
        assert old in content, (path, old)
        file.write_bytes(content.replace(old, new, 1).encode("utf-8"))

    return change


def plan(old: str, new: str) -> Callable[[Study], object]:
    return text("data/small/plan.yml", old, new)


def gone(path: str) -> Callable[[Study], object]:
    return lambda study: (study.root / path).unlink()


def added(path: str, content: str) -> Callable[[Study], object]:
    def change(study: Study) -> None:
        (study.root / path).parent.mkdir(exist_ok=True)
        (study.root / path).write_text(content, "utf-8")

    return change


def notebook(change: Callable[[list], object]) -> Callable[[Study], object]:
    """Change the cells of notebook 03: 1 are its parameters, 2 its imports, 6 the primary result."""

    def make(study: Study) -> None:
        path = study.root / "notebooks" / "03_locked_validation.ipynb"
        content = nbformat.read(path, as_version=4)
        change(content.cells)
        nbformat.write(content, path)

    return make


def cell(number: int, old: str, new: str) -> Callable[[Study], object]:
    """Replace the first `old` in a cell of notebook 03."""

    def change(cells: list) -> None:
        assert old in cells[number].source
        cells[number].source = cells[number].source.replace(old, new, 1)

    return notebook(change)


def table(name: str, cohort: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Study], object]:
    return lambda study: study.write(name, cohort, change(study.read(name, cohort)))


def swap_cohorts(patients: pd.DataFrame) -> pd.DataFrame:
    labels = patients["cohort"].tolist()
    return patients.assign(cohort=["validation", *labels[1:]])


def swap_patients(samples: pd.DataFrame) -> pd.DataFrame:
    patients = samples["patient_id"].tolist()
    other = next(i for i, patient in enumerate(patients) if patient != patients[0])
    patients[0], patients[other] = patients[other], patients[0]
    return samples.assign(patient_id=patients)


def relocked_weight(study: Study) -> None:
    """A weight altered by someone who writes the signature's own hashes anew, and its copy."""
    signature = LockedSignature.load(study.signature_path)
    altered = replace(signature, weights=signature.weights | {"MX1": 0.75}, hashes={}, test_vectors=())
    vectors = tuple(v | altered.expected(v["expression"]) for v in signature.test_vectors)
    altered = replace(altered, test_vectors=vectors)
    altered = replace(altered, hashes=altered.field_hashes())
    altered.verify()  # the forgery is one that the signature itself does not show
    altered.save(study.signature_path)
    altered.save(study.reports / "locked_signature.json")


def refitted_clinical_model(study: Study) -> None:
    model = ClinicalModel.load(study.clinical_model_path)
    replace(model, coefficients=model.coefficients | {"sledai": 0.3}).save(study.clinical_model_path)


def lock_part(study: Study) -> None:
    text("data/small/plan.lock.json", '"plan:landmarks.cap_days": "105"', '"plan:landmarks.cap_days": "112"')(study)


def forged_lock(study: Study) -> None:
    """A part of the lock altered by someone who writes the lock's hashes anew."""
    path = study.folder / "plan.lock.json"
    lock = json.loads(path.read_text("utf-8"))
    lock["parts"]["raw:ecrf_visites.csv"] = "0" * 64
    path.write_text(json.dumps(lock | {"hashes": lock_hashes(lock)}), "utf-8")


def uncounted_amendment(study: Study) -> None:
    path = study.folder / "plan.lock.json"
    lock = json.loads(path.read_text("utf-8"))
    lock["amendments"].pop()
    path.write_text(json.dumps(lock), "utf-8")


def without_entry(study: Study) -> None:
    path = study.folder / "deviations.md"
    content = path.read_text("utf-8")
    path.write_text(content[: content.index("## 1. ")] + content[content.index("## 2. ") :], "utf-8")


def deleted_log_line(study: Study) -> None:
    path = study.folder / "openings.jsonl"
    path.write_text("".join(path.read_text("utf-8").splitlines(keepends=True)[1:]), "utf-8")


def installed(versions: dict[str, str]) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(doctor, "installed_versions", lambda: versions)


ALL = doctor.installed_versions()
NUMPY = ALL["numpy"]
PINNED = f"numpy=={NUMPY} \\\n    --hash=sha256:"
DEVIATIONS, LOCK, SIGNATURE = "data/small/deviations.md", "data/small/plan.lock.json", "analysis/locked_signature.json"
MUTATIONS = (
    Mutation("a digit in the plan", plan("minimum_gap_days: 1 ", "minimum_gap_days: 2 "), "landmarks.minimum_gap_days"),
    Mutation("a word in the plan", plan("definition: sfi_any", "definition: sfi_severe"), "flare.definition"),
    Mutation("a key taken out of the plan", plan("disclosure: {threshold: 5}", ""), "disclosure.threshold is gone"),
    Mutation("a key put into the plan", plan("  outer_folds: 2", "  outer_folds: 2\n  seed_offset: 1"), "seed_offset"),
    Mutation(
        "a sensitivity analysis taken out", plan("  - {id: severe,", "  # - {id: severe,"), r"sensitivity\[severe\]"
    ),
    Mutation("the order of the analyses", lambda s: swap_analyses(s), r"plan analyses .*derivation"),
    Mutation(
        "a number turned into a text", plan("inference: {level: 0.95", 'inference: {level: "0.95"'), "inference.level"
    ),
    Mutation("a comment of the plan", plan("# ASSUMED: 91 + 21", "# confirmed"), "a comment.*ASSUMED: 91"),
    Mutation("a blank line in the plan", plan("\ndisclosure:", "\n\ndisclosure:"), "plan, its layout"),
    Mutation("a gene of a module", plan("[ALAS2, AHSP,", "[ALAS2, AHSPX,"), r"panel\.modules\.M2\.3"),
    Mutation(
        "the source of a cell",
        cell(6, "cluster=patients, ", ""),
        r"notebook 03_locked_validation, cell 7 \(primary\), line 3: was .*cluster=patients, interval",
    ),
    Mutation(
        "a default parameter of a notebook",
        cell(1, "data/synthetic", "data/other"),
        r"cell 2 \(parameters\), line 1",
    ),
    Mutation(
        "the order of cells", notebook(lambda c: c.insert(6, c.pop(7))), "03_locked_validation, the order of its cells"
    ),
    Mutation(
        "a new cell",
        notebook(lambda c: c.append(nbformat.v4.new_code_cell("c = 9", id="new"))),
        r"\(new\) is new: c = 9",
    ),
    Mutation("a deleted cell", notebook(lambda c: c.pop(6)), r"\(primary\) is gone; it was if len\(rows\)"),
    Mutation("a tag of a cell", notebook(lambda c: c[6].metadata.update(tags=["later"])), "its kind or tags"),
    Mutation(
        "a cell turned into text",
        notebook(lambda c: c.__setitem__(6, nbformat.v4.new_markdown_cell(c[6].source, id="primary"))),
        r"\(primary\), its kind or tags",
    ),
    Mutation("a deleted notebook", gone("notebooks/03_locked_validation.ipynb"), "03_locked_validation"),
    Mutation(
        "a module of the package",
        text("lumier_analysis/performance/auc.py", "def ", "def  "),
        r"package module performance/auc\.py",
    ),
    Mutation("a new module", added("lumier_analysis/performance/extra.py", "x = 1\n"), r"performance/extra\.py is new"),
    Mutation("a compiled module", added("lumier_analysis/performance/auc.abi3.so", ""), r"auc\.abi3\.so is new"),
    Mutation("a package beside it", added("numpy/__init__.py", "x = 1\n"), r"\.\./numpy/__init__\.py is new"),
    Mutation("a deleted module", gone("lumier_analysis/performance/auc.py"), r"performance/auc\.py is gone"),
    Mutation("a template of the report", lambda s: template(s), r"package module reporting/templates"),
    Mutation("a raw value", lambda s: raw_value(s), "raw file ecrf_visites.csv"),
    Mutation("a deleted raw file", gone("data/small/raw/ecrf_visites.csv"), "ecrf_visites.csv"),
    Mutation("a list of corrections", added("data/small/corrections.csv", "a;b\n"), "raw file corrections.csv is new"),
    Mutation(
        "a pinned version",
        text("requirements.lock", f"numpy=={NUMPY}", "numpy==1.0"),
        r"requirements\.lock, numpy: was .*, is 1\.0",
    ),
    Mutation(
        "the hash of a pinned file",
        text("requirements.lock", f"{PINNED}0", f"{PINNED}1"),
        r"requirements\.lock, numpy, its files",
    ),
    Mutation("a package pinned besides", lambda s: pin_more(s), r"requirements\.lock, lifelines is new: 0\.30\.0"),
    Mutation(
        "a comment of requirements.lock",
        text("requirements.lock", "# via papermill", "# via notebook"),
        r"requirements\.lock, a line",
    ),
    Mutation(
        "swapped cohort labels",
        table("patients", "test", swap_cohorts),
        r"input analysis/tables/test/patients\.parquet, column cohort",
    ),
    Mutation(
        "a value of a table",
        table("samples", "test", lambda t: t.assign(rin=[9.9, *t["rin"][1:]])),
        r"test/samples\.parquet, column rin",
    ),
    Mutation("a deleted table", lambda s: s.table_path("samples", "test").unlink(), r"test/samples\.parquet is gone"),
    Mutation(
        "a row left out of a table",
        table("expression", "test", lambda t: t.iloc[1:]),
        r"test/expression\.parquet, column",
    ),
    Mutation(
        "an expression value of the validation cohort",
        table("expression", "validation", lambda t: t + 1),
        r"validation/expression\.parquet, column [A-Z]+",
    ),
    Mutation(
        "a tube of the validation cohort given to another patient",
        table("samples", "validation", swap_patients),
        r"validation/samples\.parquet, column patient_id",
    ),
    Mutation(
        "a weight of the signature",
        text(f"data/small/{SIGNATURE}", '"MX1": 0.0158', '"MX1": 0.0168'),
        r"signature.* weights",
    ),
    Mutation(
        "a weight, its hashes and test vectors written anew",
        relocked_weight,
        r"locked signature, weights\.MX1: was 0\.0158\d+, is 0\.75",
    ),
    Mutation(
        "the threshold of the signature",
        text(f"data/small/{SIGNATURE}", '"threshold": ', '"threshold": 1'),
        "threshold",
    ),
    Mutation(
        "the layout of the signature",
        lambda s: s.signature_path.write_bytes(s.signature_path.read_bytes() + b"\n"),
        "layout",
    ),
    Mutation("the signature deleted", gone(f"data/small/{SIGNATURE}"), "signature"),
    Mutation(
        "the published copy of the signature",
        text("reports/small/locked_signature.json", '"MX1": 0.0158', '"MX1": 0.0168'),
        r"reports/small/locked_signature\.json",
    ),
    Mutation(
        "a coefficient of the clinical model",
        text("data/small/analysis/clinical_model.json", '"sledai": -0.', '"sledai": -1.'),
        r"clinical model.*clinical_model\.json was altered",
    ),
    Mutation(
        "the clinical model fitted anew",
        refitted_clinical_model,
        r"clinical model, coefficients\.sledai: was -0\.\d+, is 0\.3",
    ),
    Mutation("a part of the lock", lock_part, r"plan\.lock\.json was altered.*parts\.plan"),
    Mutation(
        "a part of the lock, its hashes written anew", forged_lock, "raw file ecrf_visites.csv|last entry of deviations"
    ),
    Mutation("the date of the lock", lambda s: lock_date(s), r"altered.*changed: locked"),
    Mutation("an amendment taken out of the lock", uncounted_amendment, r"altered.*changed: amendments"),
    Mutation(
        "a lock cut in the middle", lambda s: halve(s.folder / "plan.lock.json"), r"plan\.lock\.json cannot be read"
    ),
    Mutation("the lock deleted", gone(LOCK), "not locked"),
    Mutation("a replaced lock deleted", gone("data/small/plan.lock.2.json"), "the lock before this one"),
    Mutation(
        "a replaced lock edited",
        text("data/small/plan.lock.1.json", '"who": "AB"', '"who": "XY"'),
        r"plan\.lock\.1\.json was altered.*who",
    ),
    Mutation(
        "a line of deviations.md",
        text(DEVIATIONS, "Reason: second", "Reason: none"),
        "deviations.md: entry 2 of .* was altered",
    ),
    Mutation(
        "a deleted line of deviations.md",
        text(DEVIATIONS, "Reason: first\n", ""),
        "entry 1 of .* was altered",
    ),
    Mutation("a deleted entry of deviations.md", without_entry, "entry 1 of .* is gone"),
    Mutation("an entry added by hand", lambda s: entry_by_hand(s), "1 more entr"),
    Mutation("the head of deviations.md", text(DEVIATIONS, "Do not edit", "Edit"), "above its first entry"),
    Mutation("deviations.md deleted", gone(DEVIATIONS), "deviations.md is missing; the lock knows of 2"),
    Mutation(
        "a line of the opening log",
        text("data/small/openings.jsonl", '"who": "DM"', '"who": "XX"'),
        "opening log: line 2",
    ),
    Mutation("a deleted line of the opening log", deleted_log_line, "opening log: line 1"),
    Mutation("the opening log deleted", gone("data/small/openings.jsonl"), "opening log: the log is missing"),
)
#: Changes of the machine, made by patching what it says of itself.
MACHINES = (
    (
        "another Python",
        lambda patch: patch.setattr("platform.python_version", lambda: "3.13.9"),
        r"Python: was .*, is 3\.13\.9",
    ),
    ("another version installed", installed(ALL | {"numpy": "1.0"}), r"installed package numpy: was .*, is 1\.0"),
    (
        "a package that is not installed",
        installed({n: v for n, v in ALL.items() if n != "numpy"}),
        "installed package numpy is gone",
    ),
    (
        "a folder of PYTHONPATH with a numpy of its own",
        lambda patch: numpy_on_path(patch),
        r"module numpy on PYTHONPATH.*numpy\.py",
    ),
)


def numpy_on_path(patch: pytest.MonkeyPatch) -> None:
    folder = Path(tempfile.mkdtemp())
    (folder / "numpy.py").touch()
    patch.setenv("PYTHONPATH", str(folder))


def entry_by_hand(study: Study) -> None:
    path = study.folder / "deviations.md"
    path.write_text(path.read_text("utf-8") + "## 3. 2026-01-01, X\n\nReason: none\n", "utf-8")


def swap_analyses(study: Study) -> None:
    path = study.folder / "plan.yml"
    lines = path.read_text("utf-8").split("\n")
    at = next(i for i, line in enumerate(lines) if "{id: derivation," in line)
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    path.write_text("\n".join(lines), "utf-8")


def template(study: Study) -> None:
    path = next((study.root / "lumier_analysis" / "reporting" / "templates").glob("*.css"))
    path.write_text(path.read_text("utf-8") + "\n", "utf-8")


def raw_value(study: Study) -> None:
    path = study.raw / "ecrf_visites.csv"
    path.write_bytes(path.read_bytes() + b"1\n")


def pin_more(study: Study) -> None:
    path = study.root / "requirements.lock"
    path.write_text(path.read_text("utf-8") + "lifelines==0.30.0\n", "utf-8")


def lock_date(study: Study) -> None:
    path = study.folder / "plan.lock.json"
    path.write_text(re.sub(r'"locked": "20\d\d', '"locked": "1999', path.read_text("utf-8"), count=1), "utf-8")


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def messages(study: Study, names: str = "$never^") -> list[str]:
    """Return what `run --frozen` says, and where that does not name the change, what `verify` says as well."""
    said: list[str] = []
    try:
        study = open_study(study.folder)
        require_unchanged(study)
    except LumierError as error:
        said.append(str(error))
    if not any(re.search(names, m, re.DOTALL) for m in said):
        try:
            said += verify(study)
        except LumierError as error:
            said.append(str(error))
    return said


def files_of(study: Study) -> dict[Path, bytes]:
    places = (p for p in study.root.rglob("*") if p.is_file())
    return {p: p.read_bytes() for p in places if "__pycache__" not in p.parts}


def put_back(study: Study, files: dict[Path, bytes]) -> None:
    now = files_of(study)
    for path in now.keys() - files.keys():
        path.unlink()
    for path, content in files.items():
        if now.get(path) != content:
            path.write_bytes(content)


@pytest.fixture
def locked(small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """The study of 40 patients after its frozen run, amended twice since and with two openings more on record."""
    root = tmp_path / "project"
    shutil.copytree(small_run, root, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(root)
    monkeypatch.setenv("LUMIER_WHO", "AB")
    study = open_study("data/small")
    for number, (old, new) in enumerate((("112", "100"), ("100", "105"))):
        plan(f"cap_days: {old}", f"cap_days: {new}")(study)
        amend(open_study("data/small"), ("first", "second")[number])
    for _ in range(2):
        given = {"signature": "s" * 64, "content": "c" * 64, "reason": "analysis"}
        when = "2026-01-01T00:00:00+00:00"
        opening_log.append(study, who="DM", when=when, lock=lock_hash(study), **given)
    return open_study("data/small")


@pytest.mark.pipeline
def test_every_single_change_is_caught_and_named(locked: Study, capsys: pytest.CaptureFixture[str]) -> None:
    assert messages(locked) == []
    files, missed = files_of(locked), []
    for mutation in MUTATIONS:
        mutation.make(locked)
        said = messages(locked, mutation.names)
        put_back(locked, files)
        if not any(re.search(mutation.names, m, re.DOTALL) for m in said):
            missed.append((mutation.name, said))
    for name, change, names in MACHINES:
        with pytest.MonkeyPatch.context() as patch:
            change(patch)
            said = messages(locked, names)
        if not any(re.search(names, m) for m in said):
            missed.append((name, said))
    assert messages(locked) == []
    tried = len(MUTATIONS) + len(MACHINES)
    with capsys.disabled():
        print(f"\nSingle changes of a locked study: {tried} tried, {tried - len(missed)} caught and named.")
    assert missed == []
    guide = (ROOT / "docs" / "frozen_plan.md").read_text("utf-8")
    assert f"{tried} single changes" in guide and f"{tried} were caught" in guide


def test_each_change_has_a_name_of_its_own() -> None:
    names = [m.name for m in MUTATIONS] + [name for name, *_ in MACHINES]
    assert len(set(names)) == len(names) >= 40
