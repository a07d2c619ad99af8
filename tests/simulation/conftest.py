from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from lumier_analysis.simulation import simulate_study


@pytest.fixture(scope="session")
def study_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded study at full size; its truth from a population too small to be precise, but quick."""
    folder = tmp_path_factory.mktemp("simulated") / "study"
    simulate_study(folder, truth_patients=2000)
    return folder


@pytest.fixture(scope="session")
def raw(study_folder: Path):
    """Read a raw file as a list of dictionaries, with nothing but the csv module."""
    cache: dict[str, list[dict[str, str]]] = {}

    def read(name: str) -> list[dict[str, str]]:
        if name not in cache:
            text = (study_folder / "raw" / name).read_bytes().decode("cp1252")
            cache[name] = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))
        return cache[name]

    return read


@pytest.fixture(scope="session")
def planted(study_folder: Path) -> list[dict[str, str]]:
    with (study_folder / "truth" / "dirt.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="session")
def chip_tables(study_folder: Path) -> dict[str, list[dict[str, str]]]:
    """The reactions of every chip; names of the columns made unique."""
    names = ["well", "sample", "sample_type", "rconc", "assay", "assay_type", "ct", "quality", "call", "threshold"]
    tables = {}
    for path in sorted((study_folder / "raw" / "biomark").glob("*.csv")):
        lines = path.read_bytes().decode("ascii").split("\r\n")
        tables[path.stem] = [dict(zip(names, line.split(","), strict=True)) for line in lines[12:-1]]
    return tables
