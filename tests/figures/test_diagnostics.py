from __future__ import annotations

import numpy as np
import pytest

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.figures import diagnostics_figure
from lumier_analysis.figures.spaghetti import PATIENT_LEVEL
from lumier_analysis.mixed import variogram

PATIENTS, VISITS = 120, 5
RNG = np.random.default_rng(1)
WHO = np.repeat([f"P{i:03d}" for i in range(PATIENTS)], VISITS)
TIME = np.tile(np.arange(VISITS) * 91.0, PATIENTS)
RESIDUALS, FITTED = RNG.standard_normal((2, PATIENTS * VISITS))
EFFECTS = {"Intercept": RNG.standard_normal(PATIENTS), "month": RNG.standard_normal(PATIENTS)}
INFLUENCE = RNG.gamma(0.5, 0.02, PATIENTS)


def draw(**changes):
    given = {"time": TIME, "random_effects": EFFECTS, "influence": INFLUENCE, "n_simulated": 200} | changes
    return diagnostics_figure(RESIDUALS, FITTED, WHO, **given)


def drawn(axes):
    lines = [np.asarray(line.get_ydata(), dtype=float) for line in axes.lines]
    return np.concatenate([y for y in lines if y.size])


@pytest.fixture(scope="module")
def report():
    return draw()


def test_six_panels_inside_the_canvas(report, inside, texts):
    assert len(report.axes) == 6 and inside(report) == []
    shown = texts(report)
    for letter, name in zip("abcdef", ("Residuals against fitted values", "Residuals, normal quantiles",
                                       "Random effects: Intercept", "Random effects: month", "Variogram of residuals",
                                       "Influence of patients"), strict=True):  # fmt: skip
        assert f"{letter}  {name}" in shown
    assert "Variogram of residuals: from" in report.get_label()


def test_no_mark_is_a_single_value(report):
    assert report.get_gid() != PATIENT_LEVEL
    values = np.concatenate([RESIDUALS, INFLUENCE, *EFFECTS.values()])
    standard = [(x - x.mean()) / x.std(ddof=1) for x in (RESIDUALS, *EFFECTS.values())]
    for axes in report.axes:
        assert not any(np.isin(drawn(axes), one).any() for one in (values, *standard))
    assert all(np.asarray(axes.lines[-1].get_ydata()).size <= PATIENTS // 5 for axes in report.axes[2:4])


def test_every_patient_where_asked_for(texts):
    figure = draw(individual=True, title="Score")
    assert figure.get_gid() == PATIENT_LEVEL
    assert any("not for a report" in t for t in texts(figure))
    marks = figure.axes[5].lines[0].get_ydata()
    np.testing.assert_allclose(marks, np.sort(INFLUENCE)[::-1], rtol=1e-12)
    sorted_z = np.sort((RESIDUALS - RESIDUALS.mean()) / RESIDUALS.std(ddof=1))
    np.testing.assert_allclose(figure.axes[1].lines[1].get_ydata(), sorted_z, rtol=1e-12)


def test_normal_residuals_lie_within_the_envelope_and_others_do_not():
    label = diagnostics_figure(RESIDUALS, FITTED, WHO, n_simulated=300).get_label()
    share = int(label.split("normal quantiles: ")[1].split(" %")[0])
    assert share <= 20, "5 % on average, but neighbours go together"
    skewed = diagnostics_figure(RNG.exponential(size=600), FITTED, WHO, n_simulated=300).get_label()
    assert int(skewed.split("normal quantiles: ")[1].split(" %")[0]) > 60


def test_a_trend_shows_in_the_medians():
    figure = diagnostics_figure(RESIDUALS + FITTED, FITTED, WHO, n_simulated=50)
    medians = figure.axes[0].lines[1].get_ydata()
    assert medians[0] < -0.8 and medians[-1] > 0.8


def test_the_variogram_is_that_of_the_residuals():
    shown = draw(lag_bins=[0, 100, 200, 300, 400]).axes[4]
    expected = variogram(RESIDUALS, TIME, WHO, bins=[0, 100, 200, 300, 400])
    lag, value = shown.containers[0][0].get_data()
    np.testing.assert_allclose(np.asarray(value, dtype=float), expected.table["semivariance"])
    np.testing.assert_allclose(np.asarray(lag, dtype=float), [91, 182, 273, 364])
    marginal = draw(marginal=3 * RESIDUALS, lag_bins=[0, 100, 200, 300, 400])
    tripled = np.asarray(marginal.axes[4].containers[0][0].get_ydata(), dtype=float)
    np.testing.assert_allclose(tripled, 9 * expected.table["semivariance"])
    assert "fixed effects alone" in marginal.get_label()


def test_lags_of_few_patients_are_withheld():
    time = TIME.copy()
    time[:5] = [0, 91, 182, 273, 5000.0]
    line = draw(time=time, lag_bins=[0, 100, 200, 300, 400, 6000]).axes[4].containers[0][0]
    assert np.asarray(line.get_xdata()).max() < 400


def test_panels_that_are_not_asked_for_are_not_there():
    figure = diagnostics_figure(RESIDUALS, FITTED, WHO, n_simulated=50)
    assert len(figure.axes) == 2


def test_a_variance_of_zero_is_said(texts):
    figure = draw(random_effects={"Intercept": np.zeros(PATIENTS)})
    assert any("estimated as 0" in t for t in texts(figure))


def test_the_same_seed_gives_the_same_figure():
    one, other = (draw().axes[1].collections[0].get_paths()[0].vertices for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_what_is_refused():
    with pytest.raises(UsageError, match="differ in length"):
        diagnostics_figure(RESIDUALS, FITTED[:-1], WHO)
    with pytest.raises(AnalysisError, match="1 missing"):
        diagnostics_figure([np.nan, *RESIDUALS[1:]], FITTED, WHO)
    with pytest.raises(AnalysisError, match="Too few patients"):
        diagnostics_figure(RESIDUALS[:45], FITTED[:45], WHO[:45])
    with pytest.raises(UsageError, match="One time a residual"):
        draw(time=TIME[:-1])
    with pytest.raises(UsageError, match="not negative"):
        draw(influence=-INFLUENCE)
    with pytest.raises(UsageError, match="three random effects"):
        draw(random_effects=dict.fromkeys("abcd", INFLUENCE))
