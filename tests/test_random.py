"""Random numbers: the published answers, the distribution, and that a number depends on its place alone."""

from __future__ import annotations

import hashlib
import math

import mpmath
import numpy as np
import pytest

import levcore as lc
from levcore import _core

# Source: Random123's kat_vectors, philox4x32 with 10 rounds.
KNOWN = [
    ([0, 0, 0, 0], [0, 0], [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]
PATHS, STEPS, ASSETS = 500, 1_000, 2


@pytest.fixture(scope="module")
def numbers():
    return lc.normals(20, (PATHS, STEPS, ASSETS))


def normal_cdf(x: np.ndarray) -> np.ndarray:
    return 0.5 * np.vectorize(math.erfc)(-x / math.sqrt(2.0))


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_philox_gives_the_published_answers(counter, key, answer):
    assert list(_core.philox(counter, key)) == answer


def test_sine_and_cosine_of_turns_are_within_one_unit_in_the_last_place():
    turns = np.concatenate([np.arange(17) / 16, np.random.default_rng(1).random(4_000), [2.0**-53, 1 - 2.0**-53]])
    sine, cosine = _core.sin_cos_turns(turns)
    with mpmath.workprec(140):
        for at, s, c in zip(turns.tolist(), sine.tolist(), cosine.tolist(), strict=True):
            for ours, exact in ((s, mpmath.sinpi(2 * mpmath.mpf(at))), (c, mpmath.cospi(2 * mpmath.mpf(at)))):
                assert abs(ours - exact) <= np.spacing(abs(float(exact)))


def test_normals_are_box_muller_of_the_words_of_their_block():
    seed, path, block = 2**40 + 7, 0, 3
    words = _core.philox([path, 0, block, 0], [seed % 2**32, seed >> 32])
    first, second = ((words[0] | words[1] << 32) >> 11, (words[2] | words[3] << 32) >> 11)
    radius = math.sqrt(-2 * math.log((first + 1) / 2**53))
    angle = 2 * math.pi * second / 2**53
    expected = [radius * math.cos(angle), radius * math.sin(angle)]
    assert lc.normals(seed, 8)[6:] == pytest.approx(expected, rel=1e-12)


def test_a_path_has_the_same_numbers_whatever_the_number_of_paths():
    whole = lc.normals(9, (6, 5, 3))
    assert np.array_equal(lc.normals(9, (2, 5, 3)), whole[:2])
    assert np.array_equal(lc.normals(9, (6, 15)), whole.reshape(6, 15))
    assert np.array_equal(lc.normals(9, (6, 7)), whole.reshape(6, 15)[:, :7])
    assert np.array_equal(lc.normals(9, 15), whole[0].reshape(-1))


def test_seeds_give_other_numbers_in_both_their_halves():
    assert len({lc.normals(seed, 4).tobytes() for seed in (0, 1, 2**32, 2**63, 2**64 - 1)}) == 5


def test_the_numbers_are_these_bits_on_every_machine():
    digest = hashlib.sha256(lc.normals(7, (50, 101)).astype("<f8").tobytes()).hexdigest()
    assert digest == "349b6d6aac558f26dc49ea4de6281355af639edc15295d3a70517542dbaaa603"


def test_the_moments_are_those_of_a_normal(numbers):
    z = numbers.reshape(-1)
    n = len(z)
    for power, mean, variance in ((1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)):
        assert abs(float((z**power).mean()) - mean) < 4 * math.sqrt(variance / n)


def test_kolmogorov_smirnov_and_anderson_darling_find_no_difference(numbers):
    z = np.sort(numbers.reshape(-1)[:100_000])
    n = len(z)
    at = normal_cdf(z)
    place = np.arange(1, n + 1)
    distance = max(float((place / n - at).max()), float((at - (place - 1) / n).max()))
    assert distance * math.sqrt(n) < 1.95  # 0.1 % of samples of a normal lie above
    terms = (2 * place - 1) * (np.log(at) + np.log1p(-at[::-1]))
    assert -n - float(terms.mean()) < 6.0  # 0.1 %, Anderson and Darling's case of known parameters


def test_the_tails_hold_as_many_numbers_as_they_should_out_to_six_sigma():
    counts = dict.fromkeys((2.0, 3.0, 4.0, 5.0, 6.0), 0)
    total = 0
    for seed in range(8):
        z = lc.normals(seed, (250, 10_000))
        total += z.size
        for sigma in counts:
            counts[sigma] += int((np.abs(z) > sigma).sum())
    for sigma, count in counts.items():
        expected = total * math.erfc(sigma / math.sqrt(2.0))
        assert abs(count - expected) < 4 * math.sqrt(expected) + 2, sigma


def test_numbers_do_not_correlate_across_paths_steps_or_assets(numbers):
    z = numbers
    pairs = {
        "paths": z[1:] * z[:-1],
        "steps": z[:, 1:] * z[:, :-1],
        "assets": z[:, :, 1] * z[:, :, 0],
        "asset and next step": z[:, 1:, 0] * z[:, :-1, 1],
        "squares of steps": (z[:, 1:] ** 2 - 1) * (z[:, :-1] ** 2 - 1) / 2,
        "squares in a pair": (z[:, :, 1] ** 2 - 1) * (z[:, :, 0] ** 2 - 1) / 2,
    }
    for name, products in pairs.items():
        assert abs(float(products.mean())) < 4 / math.sqrt(products.size), name


@pytest.mark.parametrize(
    ("seed", "shape", "error", "rule"),
    [
        (-1, 3, lc.InputError, "seed must be >= 0"),
        (2**64, 3, lc.InputError, "seed must be <= 18446744073709551615"),
        (1.0, 3, lc.KindError, "seed must be an int"),
        (1, (), lc.InputError, "at least one axis"),
        (1, (2, -1), lc.InputError, "shape.1. must be >= 0"),
        (1, (2**20, 2**30), lc.TooLargeError, "GB of memory"),
        (1, (1, 2**34), lc.InputError, "a path has at most"),
    ],
)
def test_a_wrong_seed_or_shape_is_refused_by_name(seed, shape, error, rule):
    with pytest.raises(error, match=rule):
        lc.normals(seed, shape)
