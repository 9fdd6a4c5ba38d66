"""Which numbers paths are made of: independent ones, mirrored pairs, or points that fill space evenly."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from levcore import _core, memory
from levcore.errors import InputError, MissingExtraError
from levcore.market import Market

if TYPE_CHECKING:
    from levcore.process import Process

Floats = npt.NDArray[np.float64]

SAMPLINGS = ("independent", "antithetic", "sobol")
#: Randomisations of Sobol's points, whose spread says how sure a result is.
REPLICATES = 16
MOST_NUMBERS = 21_201  # of a path: scipy's table of direction numbers ends there


def together(sampling: str, paths: int) -> int:
    """Return how many paths are drawn together; whole groups of them are independent of each other."""
    return {"independent": 1, "antithetic": 2}.get(sampling, paths // REPLICATES)


def check_sampling(sampling: str, *, paths: int, steps: int, assets: int) -> None:
    """Raise where paths make no whole groups."""
    if sampling == "antithetic" and paths % 2:
        raise InputError(f"paths must be even where sampling is 'antithetic': pairs of them, was {paths:,}")
    if sampling != "sobol":
        return
    points, numbers = paths // REPLICATES, steps * assets
    if paths % REPLICATES or points & (points - 1):
        rule = f"{REPLICATES} times a power of two, such as 1,024 or 4,096"
        raise InputError(f"paths must be {rule}, where sampling is 'sobol', was {paths:,}")
    if numbers > MOST_NUMBERS:
        raise InputError(
            f"a path must have at most {MOST_NUMBERS:,} numbers where sampling is 'sobol', had {numbers:,}: "
            f"{steps:,} steps of {assets}"
        )


def native_of(
    process: Process,
    market: Market,
    step: timedelta,
    seed: int,
    sampling: str,
    *,
    paths: int,
    steps: int,
    span: tuple[int, int] | None = None,
) -> _core.Scenario:
    """Return the law on the numbers that a sampling asks for; span: the first path of a part, and how many."""
    check_sampling(sampling, paths=paths, steps=steps, assets=len(market))
    native = process._to_native(market, step, seed)
    if sampling == "antithetic":
        return native.in_pairs()
    if sampling == "sobol":
        first, count = (0, paths) if span is None else span
        return native.with_normals(sobol_normals(seed, paths, steps, len(market), first, count), first)
    return native


def sobol_normals(seed: int, paths: int, steps: int, assets: int, first: int, count: int) -> Floats:
    """Return standard normals, count x steps x assets, of Sobol's points in randomised replicates one after the other.

    Each replicate has the same points, moved by a digital shift of its own, so that each point is uniform. The first
    coordinates of a point say where the path ends, the later ones what it does on the way: a Brownian bridge.
    """
    points, numbers = paths // REPLICATES, steps * assets
    memory.refuse_if_too_large(24 * count * numbers, f"Sobol points of {count:,} paths of {steps:,} steps")
    # The raw words of a bit generator are the same in every version of numpy.
    shifts = np.random.Philox(key=seed).random_raw(REPLICATES * numbers).reshape(REPLICATES, numbers)
    normals = np.empty((count, numbers))
    whole = _sobol_words(0, points, numbers) if count >= points else None
    for path in range(first - first % points, first + count, points):  # where replicates begin
        begin, end = max(first, path), min(first + count, path + points)
        some = _sobol_words(begin - path, end - begin, numbers) if whole is None else whole[begin - path : end - path]
        uniform = (((some ^ shifts[path // points]) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
        normals[begin - first : end - first] = _core.normal_quantile(uniform.ravel()).reshape(-1, numbers)
    return bridged(normals.reshape(count, steps, assets))


def _sobol_words(first: int, count: int, numbers: int) -> npt.NDArray[np.uint64]:
    """Return points of Sobol's sequence as words of 64 bits, a row a point."""
    try:
        from scipy.stats import qmc
    except ImportError:
        raise MissingExtraError('Sobol points need scipy: pip install "levcore[calibrate]"') from None
    engine = qmc.Sobol(numbers, scramble=False, bits=30)
    if first > 0:
        engine.fast_forward(first)
        drawn = engine.random(count)
    else:  # the first point alone, for scipy warns where the first ones are no power of two
        drawn = np.concatenate([engine.random(1), engine.random(count - 1)]) if count > 1 else engine.random(1)
    words: npt.NDArray[np.uint64] = (drawn * 2.0**30).astype(np.uint64) << np.uint64(34)
    return words


def bridged(normals: Floats) -> Floats:
    """Return the normals of steps from those of a Brownian bridge: the first is where the path ends, then its middle.

    The bridge of independent normals is a rotation: what comes out is independent normals again.
    """
    paths, steps, assets = normals.shape
    place = np.zeros((steps + 1, paths, assets))  # of a random walk of unit steps, at the ends of steps
    place[steps] = np.sqrt(float(steps)) * normals[:, 0]
    waiting, used = [(0, steps)], 1
    while waiting:
        wider = []
        for left, right in waiting:
            middle = (left + right) // 2
            if middle == left:
                continue
            share = (middle - left) / (right - left)
            spread = np.sqrt((middle - left) * (right - middle) / (right - left))
            place[middle] = (1.0 - share) * place[left] + share * place[right] + spread * normals[:, used]
            used += 1
            wider += [(left, middle), (middle, right)]
        waiting = wider
    moved: Floats = np.ascontiguousarray(np.diff(place, axis=0).transpose(1, 0, 2))
    return moved
