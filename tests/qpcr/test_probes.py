"""Expression from probes, with numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr import expression_from_probes

REFERENCES = ["R1", "R2"]
PROBES = pd.DataFrame(
    {"A": [6.0, 8.0, 3.322, 10.0, 12.0, 1.0], "B": [7.0, 7.0, 5.0, np.nan, 12.0, 1.0]},
    index=["p1", "p2", "p3", "p4", "p5", "p6"],
)
ANNOTATION = pd.DataFrame(
    {"probe": ["p1", "p2", "p3", "p4", "p5", "p6", "p9"], "gene": ["IGJ", "JCHAIN", "L", "R1", "R2", "", "Z"]}
)


def test_expression_from_probes() -> None:
    result = expression_from_probes(
        PROBES,
        ANNOTATION,
        reference_genes=REFERENCES,
        floor=3.3219,
        aliases={"IGJ": "JCHAIN"},
        genes=["JCHAIN", "L", "X"],
    )
    assert result.log2.columns.tolist() == ["JCHAIN", "L"]
    assert result.log2.loc["A"].tolist() == pytest.approx([7 - 11, 3.322 - 11])
    # B has lost one of two references: that is half, enough.
    assert result.log2.loc["B"].tolist() == [7 - 12, 5 - 12]
    assert result.reference_ct.to_dict() == {"A": 11.0, "B": 12.0}
    assert result.censored["L"].tolist() == [True, False]
    assert not result.censored["JCHAIN"].any()
    assert result.absent == ("X",)


def test_annotations_of_other_kinds() -> None:
    expected = expression_from_probes(PROBES, ANNOTATION, reference_genes=REFERENCES).log2
    series = ANNOTATION.set_index("probe")["gene"]
    for annotation in (series, series.to_dict()):
        pd.testing.assert_frame_equal(
            expression_from_probes(PROBES, annotation, reference_genes=REFERENCES).log2, expected
        )
    assert sorted(expected.columns) == ["IGJ", "JCHAIN", "L", "R1", "R2"]


def test_probes_that_cannot_be_used() -> None:
    alone = expression_from_probes(PROBES.drop(index="p5"), ANNOTATION, reference_genes=["R1"])
    assert alone.reason.tolist() == ["", "0 of 1 reference genes usable"]
    assert alone.log2.loc["B"].isna().all()
    with pytest.raises(AnalysisError, match=r"lack reference genes.*R3"):
        expression_from_probes(PROBES, ANNOTATION, reference_genes=["R3"])
    with pytest.raises(AnalysisError, match="no column gene"):
        expression_from_probes(PROBES, ANNOTATION.rename(columns={"gene": "symbol"}), reference_genes=["R1"])
    with pytest.raises(AnalysisError, match="knows no probe"):
        expression_from_probes(PROBES, {"other": "G"}, reference_genes=["R1"])
    twice = pd.concat([ANNOTATION, pd.DataFrame({"probe": ["p1"], "gene": ["Q"]})])
    with pytest.raises(AnalysisError, match=r"two genes.*p1: IGJ, Q"):
        expression_from_probes(PROBES, twice, reference_genes=["R1"])
