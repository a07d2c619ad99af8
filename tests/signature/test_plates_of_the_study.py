"""The chips of the embedded study, scored one by one as if they were new, against the study's own scores."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.cleaning import clean_study, frozen_measurement
from lumier_analysis.qpcr import fit_scaling, read_ct
from lumier_analysis.signature import LockContext, LockedSignature, lock_module_score
from lumier_analysis.simulation import simulate_study
from lumier_analysis.study import open_study, project_root


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "synthetic"
    folder.mkdir()
    simulate_study(folder, truth_patients=200, sealed=False)
    shutil.copy(project_root() / "data/synthetic/plan.yml", folder)
    return open_study(folder)


def test_a_chip_alone_scores_as_in_the_study(study, tmp_path):
    cleaned = clean_study(study)
    cleaned.write(study)
    plan, measured = study.plan, cleaned.measured
    scaling = fit_scaling(cleaned.tables["test"]["expression"])
    context = LockContext(
        modules=plan.panel.modules,
        scores=plan.panel.scores,
        reference_genes=plan.panel.reference_genes,
        mean=scaling.mean,
        sd=scaling.sd,
        scaling_reference="test cohort",
        calibration=None,
        threshold=0.0,
        plan_hash="p" * 64,
        data_hash="d" * 64,
        measurement=frozen_measurement(study),
    )
    path = lock_module_score(context, plan.panel.primary_score).save(tmp_path / "locked_signature.json")
    signature = LockedSignature.load(path)
    whole = signature.score(measured.log2)

    chips = sorted((study.raw / "biomark").glob("*.csv"))
    reactions = {p: read_ct(p) for p in chips}
    several = pd.concat([r[["sample", "chip"]].drop_duplicates() for r in reactions.values()])["sample"]
    repeated = set(several[several.duplicated(keep=False)])
    compared = 0
    for plate in reactions.values():
        alone = signature.score(plate)
        own = [s for s in alone.index if s in whole.index and s not in repeated]
        failed = measured.failed.reindex(own)
        same = [s for s in own if failed[s] != "plate map and chip disagree"]
        np.testing.assert_allclose(
            alone.loc[same, "score"].where(failed[same] == ""), whole.loc[same, "score"].where(failed[same] == "")
        )
        refused = failed[same].isin(["reference genes not measured", "too many untrusted reactions"])
        assert (alone.loc[same, "scorable"] == ~refused).all()
        compared += len(same)
    assert compared > 0.9 * len(whole)
