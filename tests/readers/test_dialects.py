"""Any order of rows and columns, any separator, decimal mark, line end and encoding: the same table."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lumier_analysis.readers import read_ct

NAMES = ("biomark", "biomark 4.1", "quantstudio", "quantstudio bare", "stepone", "sds", "cfx", "lightcycler")
ENCODINGS = ("cp1252", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")


def comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table in one order, without the line numbers that an order of rows changes."""
    return frame.drop(columns="row").sort_values(["chip", "well", "assay"], ignore_index=True)


@pytest.fixture(scope="module")
def plain(exports: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("plain")
    tables = {}
    for name, make in exports.TEXT_EXPORTS.items():
        path = folder / "export.txt"
        path.write_bytes(make().text("," if name.startswith(("biomark", "cfx")) else "\t").encode())
        tables[name] = comparable(read_ct(path))
        assert tables[name]["state"].nunique() == (2 if name in ("stepone", "cfx") else 3)
    return tables


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(NAMES),
    seed=st.integers(0, 10_000),
    end=st.sampled_from(["\r\n", "\n", "\r"]),
    separator=st.sampled_from(["\t", ";", ","]),
    decimal=st.sampled_from([".", ","]),
    encoding=st.sampled_from(ENCODINGS),
)
def test_any_order_and_any_dialect_give_the_same_table(
    exports: ModuleType,
    plain: dict[str, pd.DataFrame],
    tmp_path: Path,
    name: str,
    seed: int,
    end: str,
    separator: str,
    decimal: str,
    encoding: str,
) -> None:
    path = tmp_path / "export.txt"
    text = exports.TEXT_EXPORTS[name]().shuffled(seed).text(separator, end, decimal)
    path.write_bytes(text.encode(encoding, errors="replace"))
    pd.testing.assert_frame_equal(comparable(read_ct(path)), plain[name])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_copy_saved_as_a_workbook_gives_the_same_table(
    exports: ModuleType, plain: dict[str, pd.DataFrame], tmp_path: Path, name: str, seed: int
) -> None:
    path = tmp_path / "export.xlsx"
    path.write_bytes(exports.workbook(exports.TEXT_EXPORTS[name]().shuffled(seed)))
    pd.testing.assert_frame_equal(comparable(read_ct(path)), plain[name].assign(file="export.xlsx"), check_dtype=False)
