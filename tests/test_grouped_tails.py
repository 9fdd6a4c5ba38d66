"""Measures of a system's tail count paths drawn together once, and importance weights for what they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import levcore as lc
from levcore import variance_reduction as reduction

LEVEL = 0.9
Z_90 = 1.2815515655446004  # the normal law's quantile
TAIL_MEAN_99 = 2.6652142203458076  # of the normal law beyond 0.99

OWN, OTHER = lc.normals(3, (2, 6_000))
SYSTEM = 0.6 * OWN + 0.8 * OTHER

MEASURES: dict[str, Callable[..., lc.Estimate]] = {
    "marginal expected shortfall": lambda own, system, of=reduction, **options: of.marginal_expected_shortfall(
        own, system, LEVEL, **options
    ),
    "CoVaR": lambda own, system, of=reduction, **options: of.covar(own, system, LEVEL, **options),
    "delta-CoVaR": lambda own, system, of=reduction, **options: of.delta_covar(own, system, LEVEL, **options),
    "Euler, shortfall": lambda own, system, of=reduction, **options: part_of(of, own, system, **options),
    "Euler, deviation": lambda own, system, of=reduction, **options: part_of(
        of, own, system, measure="standard_deviation", **options
    ),
}
WEIGHED = [name for name in MEASURES if "CoVaR" not in name]


def part_of(of: Any, own: np.ndarray, system: np.ndarray, **options: Any) -> lc.Estimate:
    return of.euler_attribution({"own": own, "rest": system - own}, LEVEL, **options).parts["own"]


def half(one: lc.Estimate) -> float:
    return (one.high - one.low) / 2.0


@pytest.mark.parametrize("name", MEASURES)
def test_paths_alone_that_count_alike_are_the_plain_measure(name: str):
    measure = MEASURES[name]
    assert measure(OWN, SYSTEM) == measure(OWN, SYSTEM, of=lc.risk)


@pytest.mark.parametrize("name", MEASURES)
def test_a_path_seen_twice_makes_no_measure_surer(name: str):
    measure = MEASURES[name]
    plain, paired = measure(OWN, SYSTEM), measure(OWN.repeat(2), SYSTEM.repeat(2), together=2)
    assert paired.value == pytest.approx(plain.value, rel=1e-3)
    assert half(paired) == pytest.approx(half(plain), rel=0.15)
    unaware = measure(OWN.repeat(2), SYSTEM.repeat(2))
    assert half(unaware) == pytest.approx(half(plain) / math.sqrt(2.0), rel=0.15)


@pytest.mark.parametrize("name", WEIGHED)
def test_equal_weights_are_none_and_a_weight_of_two_is_a_path_seen_twice(name: str):
    measure = MEASURES[name]
    plain, weighed = measure(OWN, SYSTEM), measure(OWN, SYSTEM, weights=np.ones(len(OWN)))
    assert (weighed.value, weighed.low, weighed.high) == pytest.approx((plain.value, plain.low, plain.high), rel=2e-3)
    counts = np.random.default_rng(1).integers(0, 4, len(OWN))
    twice = measure(OWN.repeat(counts), SYSTEM.repeat(counts))
    found = measure(OWN, SYSTEM, weights=counts * len(OWN) / counts.sum())
    assert found.value == pytest.approx(twice.value, rel=1e-3)
    assert half(found) > 1.1 * half(twice)  # whoever counts twice is seen once


@pytest.mark.parametrize("options", [{"together": 4}, {"weights": np.exp(0.3 * OTHER - 0.045)}])
def test_parts_add_up_to_the_measure_of_the_whole(options: dict[str, Any]):
    parts = {"own": OWN, "other": OTHER, "third": np.round(SYSTEM)}
    whole = OWN + OTHER + np.round(SYSTEM)
    found = reduction.euler_attribution(parts, LEVEL, losses=whole, **options)
    assert math.fsum(part.value for part in found.parts.values()) == pytest.approx(found.total, rel=1e-12)
    assert found.total == pytest.approx(reduction.expected_shortfall(whole, LEVEL, **options).value, rel=1e-9)


@pytest.mark.parametrize("name", ["marginal expected shortfall", "Euler, shortfall"])
def test_tied_losses_at_the_value_at_risk_count_in_equal_parts(name: str):
    own, system = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]), np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 2.0])
    weights = np.array([1.2, 1.2, 1.2, 1.2, 0.8, 0.8, 0.8, 0.8])
    tail = 8 * 0.25
    wanted = (0.8 * 8.0 + (tail - 0.8) * (5.0 + 6.0 + 7.0) / 3) / tail
    if name == "marginal expected shortfall":
        found = reduction.marginal_expected_shortfall(own, system, 0.75, weights=weights)
    else:
        found = reduction.euler_attribution({"a": own, "b": system - own}, 0.75, weights=weights).parts["a"]
    assert found.value == pytest.approx(wanted)
    assert found.low_sample


def test_intervals_of_mirrored_paths_are_as_wide_as_their_estimates_scatter():
    truths = {"marginal": marginal_of_many(), "covar": 1.4 * Z_90, "delta": 0.6 * Z_90}
    found: dict[str, list[lc.Estimate]] = {name: [] for name in truths}
    for seed in range(150):
        z = lc.normals(seed, (2, 1_000))
        own, other = np.stack([z, -z], axis=2).reshape(2, -1)
        squares, system = own * own, 0.6 * own + 0.8 * other  # alike on both paths of a pair, and opposite
        heavy = squares + 0.5 * other
        found["marginal"].append(reduction.marginal_expected_shortfall(squares, heavy, 0.9, together=2))
        found["covar"].append(reduction.covar(own, system, 0.9, together=2))
        found["delta"].append(reduction.delta_covar(own, system, 0.9, together=2))
    for name, ones in found.items():
        scatter = float(np.std([one.value for one in ones]))
        assert np.mean([half(one) for one in ones]) == pytest.approx(1.96 * scatter, rel=0.2)
        held = sum(one.low <= truths[name] <= one.high for one in ones)
        assert 0.89 * len(ones) <= held < len(ones)


def marginal_of_many() -> float:
    """E[Z^2 | Z^2 + W/2 > its 0.9 quantile], by many samples."""
    own, other = lc.normals(77, (2, 1_000_000))
    return lc.risk.marginal_expected_shortfall(own * own, own * own + 0.5 * other, 0.9).value


def test_intervals_of_leaning_samples_hold_the_truth_as_often_as_they_say():
    held, times, lean = 0, 300, 2.0
    for seed in range(times):
        z, other = lc.normals(seed, (2, 2_000))
        system = z + lean
        own = 0.6 * system + 0.8 * other
        found = reduction.marginal_expected_shortfall(own, system, 0.99, weights=np.exp(-lean * z - 0.5 * lean * lean))
        held += found.low <= 0.6 * TAIL_MEAN_99 <= found.high
    assert 0.91 * times <= held <= 0.985 * times


@pytest.mark.parametrize("name", ["CoVaR", "delta-CoVaR"])
def test_the_line_of_covar_refuses_weights_by_name(name: str):
    with pytest.raises(lc.InputError, match="weights must be left out: the quantile regression of CoVaR"):
        MEASURES[name](OWN, SYSTEM, weights=np.ones(len(OWN)))


@pytest.mark.parametrize("name", MEASURES)
def test_groups_must_divide_the_paths(name: str):
    with pytest.raises(lc.InputError, match="together must divide the number of samples, was 7 of 6,000"):
        MEASURES[name](OWN, SYSTEM, together=7)


def test_weights_that_leave_nothing_beyond_the_level_are_refused():
    with pytest.raises(lc.InputError, match="weights must have a mean above the share beyond the level"):
        reduction.marginal_expected_shortfall(OWN, SYSTEM, LEVEL, weights=np.full(len(OWN), 0.05))


def test_of_few_groups_every_one_counts_in_an_interval_of_covar_however_long_they_are():
    # A fifth of 16 such groups, whose spread would be taken for that of all, makes intervals of any width.
    wide = []
    for own, other in lc.normals(11, (24, 2, 16 * 16_384)):
        got = reduction.covar(own, own + other, 0.95, together=16_384)
        assert got.value == pytest.approx(2.0 * 1.6448536269514722, abs=0.05)
        wide.append(got.high - got.low)
    assert max(wide) < 2.5 * min(wide)


@pytest.mark.parametrize(
    ("weight", "said"), [(0.0, "weights must not all be zero"), (1e308, r"weights\[0\] must be <=")]
)
@pytest.mark.parametrize("name", WEIGHED)
def test_weights_of_which_none_counts_or_that_leave_the_floats_are_refused_by_name(name, weight, said):
    with pytest.raises(lc.InputError, match=said):
        MEASURES[name](OWN, SYSTEM, weights=np.full(len(OWN), weight))
