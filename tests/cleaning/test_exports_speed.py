"""Reading and typing a large visits export: within seconds, and linear in its rows."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.cleaning.tables import canonical_table
from lumier_analysis.readers import read_file
from lumier_analysis.study import project_root
from lumier_analysis.study.plan import Plan

#: Seconds of processor time for 100,000 visits of 39 columns; measured 3 to 5 on two shared cores.
LIMIT = 12
#: Twice the rows may cost this much more: linear is 2, quadratic 4.
GROWTH = 2.9


def write(source: Path, path: Path, n: int) -> None:
    header, *lines = source.read_bytes().decode("cp1252").splitlines()
    rows = []
    for i in range(n):
        fields = lines[i % len(lines)].split(";")
        # Distinct patients and laboratory values: converters read every distinct value once.
        fields[0] = f"{i // 5:06d}"
        fields[9], fields[12] = f"{0.3 + i / n:.5f}".replace(".", ","), f"{1 + 2 * i / n:.5f}".replace(".", ",")
        rows.append(";".join(fields))
    path.write_bytes("\r\n".join([header, *rows, ""]).encode("cp1252"))


@pytest.mark.proof
@pytest.mark.parametrize("stated", [True, False], ids=["stated", "found"])
def test_a_hundred_thousand_visits(simulated: Path, tmp_path: Path, stated: bool) -> None:
    content = yaml.safe_load((project_root() / "data/synthetic/plan.yml").read_text(encoding="utf-8"))
    if not stated:
        content["files"]["visits"] = {"path": "ecrf_visites.csv", "format": "delimited"}
    plan = Plan.model_validate(content)
    seconds = {}
    for n in (25_000, 50_000, 100_000):
        write(simulated / "raw" / "ecrf_visites.csv", tmp_path / "ecrf_visites.csv", n)
        start = time.process_time()
        raw = read_file(plan.files["visits"], tmp_path)
        table, account = canonical_table(
            raw, "visits", plan.tables.visits, plan.files["visits"], plan.missing_codes, Queries()
        )
        seconds[n] = time.process_time() - start
        assert len(table) == account.used == n
    assert seconds[100_000] < LIMIT, seconds
    assert seconds[50_000] < GROWTH * seconds[25_000] and seconds[100_000] < GROWTH * seconds[50_000], seconds
