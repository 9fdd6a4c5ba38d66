"""Laws of returns in plain Python, from docs/model.md 12: log returns of one path, asset by asset, step by step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

Rows = Sequence[Sequence[float]]

STREAMS = {"returns": 0, "jumps": 1, "regimes": 2, "tails": 5, "jump sizes": 6, "variances": 7}


def philox(counter: Sequence[int], key: Sequence[int]) -> list[int]:
    """Philox4x32-10, Salmon, Moraes, Dror and Shaw (2011)."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b % 2**32, (a >> 32) ^ c[3] ^ k[1], a % 2**32]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return c


def uniforms(seed: int, path: int, block: int, stream: int) -> tuple[float, float]:
    """The two numbers of a block in (0, 1]."""
    w = philox([path % 2**32, path >> 32, block, stream], [seed % 2**32, seed >> 32])
    return tuple(((low + (high << 32) >> 11) + 1) / 2**53 for low, high in (w[:2], w[2:]))  # type: ignore[return-value]


def normal(seed: int, path: int, number: int, stream: str) -> float:
    """Standard normal of this number, by Box and Muller."""
    u, v = uniforms(seed, path, number // 2, STREAMS[stream])
    turn = 2 * math.pi * (v - 2.0**-53)
    return math.sqrt(-2 * math.log(u)) * (math.sin(turn) if number % 2 else math.cos(turn))


def normals(seed: int, path: int, steps: int, assets: int, stream: str = "returns") -> list[list[float]]:
    """A row a step, a number an asset."""
    return [[normal(seed, path, s * assets + k, stream) for k in range(assets)] for s in range(steps)]


def mixed(rows: Rows, factor: Rows) -> list[list[float]]:
    """Correlated by a lower Cholesky factor."""
    return [[math.fsum(factor[k][j] * row[j] for j in range(k + 1)) for k in range(len(factor))] for row in rows]


def student(z: float, w: float, degrees: float) -> float:
    """Student's t scaled to unit variance, of two independent standard normals (Bailey 1994)."""
    squares = z * z + w * w
    t = z * math.sqrt(degrees * math.expm1(squares / degrees) / squares)
    return t * math.sqrt((degrees - 2) / degrees)


def garch_returns(innovations: Rows, years: float, laws: Sequence[Mapping[str, float]]) -> list[list[float]]:
    """GARCH and GJR-GARCH; a law gives the omega and the first variance of a step."""
    variance, rows = [law["first"] for law in laws], []
    for row in innovations:
        rows.append([])
        for k, (law, e) in enumerate(zip(laws, row, strict=True)):
            rows[-1].append(law["drift"] * years - variance[k] / 2 + math.sqrt(variance[k]) * e)
            weight = law["alpha"] + (law["gamma"] if e < 0 else 0.0)
            variance[k] = law["omega"] + weight * variance[k] * e**2 + law["beta"] * variance[k]
    return rows


def egarch_returns(innovations: Rows, years: float, laws: Sequence[Mapping[str, float]]) -> list[list[float]]:
    """EGARCH; a law gives the omega and the first variance of a step, and the mean size of an innovation."""
    log_variance, rows = [math.log(law["first"]) for law in laws], []
    for row in innovations:
        rows.append([])
        for k, (law, e) in enumerate(zip(laws, row, strict=True)):
            h = math.exp(log_variance[k])
            rows[-1].append(law["drift"] * years - h / 2 + math.sqrt(h) * e)
            news = law["alpha"] * (abs(e) - law["size"]) + law["gamma"] * e
            log_variance[k] = law["omega"] + law["beta"] * log_variance[k] + news
    return rows


# --- Jumps ------------------------------------------------------------------------------------------------------------


def sizes_uniforms(seed: int, path: int, place: int, draw: int) -> tuple[float, float]:
    """The two uniform numbers of a draw of jump sizes at one place of a path."""
    return uniforms(seed, path, place // 2, STREAMS["jump sizes"] + ((2 * draw + place % 2) << 8))


def sizes_normal(seed: int, path: int, place: int, draw: int) -> float:
    """A standard normal of jump sizes."""
    u, v = sizes_uniforms(seed, path, place, draw)
    return math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * v)


def jump_count(number: float, rate: float) -> int:
    """The Poisson quantile of a standard normal's probability."""
    left, count, term = 0.5 * math.erfc(-number / math.sqrt(2)), 0, math.exp(-rate)
    while left > term:
        left, count = left - term, count + 1
        term *= rate / count
    return count


def jump_sum(seed: int, path: int, place: int, count: int, law: Mapping[str, float]) -> float:
    """Normal sizes, or double-exponential ones."""
    if "jump_mean" in law:
        spread = math.sqrt(count) * law["jump_deviation"]
        return count * law["jump_mean"] + (spread * sizes_normal(seed, path, place, 0) if count else 0.0)
    total = 0.0
    for draw in range(count):
        up, size = sizes_uniforms(seed, path, place, draw)
        total -= math.log(size) * (law["up_mean"] if up <= law["up_share"] else -law["down_mean"])
    return total


def jumps(seed: int, path: int, steps: int, years: float, laws: Sequence[Mapping[str, float]]) -> list[list[float]]:
    """What jumps bring to each step, what they are expected to bring taken off."""
    k = len(laws)
    rows = []
    for s, row in enumerate(normals(seed, path, steps, k, "jumps")):
        rows.append([])
        for asset, (law, number) in enumerate(zip(laws, row, strict=True)):
            rate = law["rate"] * years
            count = jump_count(row[0] if law.get("shared_jumps") else number, rate)
            rows[-1].append(jump_sum(seed, path, s * k + asset, count, law) - rate * growth(law))
    return rows


def growth(law: Mapping[str, float]) -> float:
    """E exp(size) - 1 of a jump."""
    if "jump_mean" in law:
        return math.expm1(law["jump_mean"] + law["jump_deviation"] ** 2 / 2)
    return law["up_share"] / (1 - law["up_mean"]) + (1 - law["up_share"]) / (1 + law["down_mean"]) - 1


def hawkes(seed: int, path: int, steps: int, years: float, law: Mapping[str, float]) -> list[float]:
    """One asset's jumps that call jumps, one after the other: the next comes from the base or from what is above."""
    above = law["rate"] / (1 - law["excitation"] / law["decay"]) - law["rate"]
    rows = []
    for s in range(steps):
        left, brought, draw = years, 0.0, 0
        while True:
            u, v = sizes_uniforms(seed, path, s, 2 * draw)
            wait = -math.log(u) / law["rate"]
            reach = 1 + law["decay"] * math.log(v) / above if above > 0 else 0.0
            if reach > 0:
                wait = min(wait, -math.log(reach) / law["decay"])
            passed = min(wait, left)
            kept = math.exp(-law["decay"] * passed)
            brought -= growth(law) * (law["rate"] * passed + above * (1 - kept) / law["decay"])
            above *= kept
            if wait >= left:
                break
            left -= wait
            above += law["excitation"]
            brought += law["jump_mean"] + law["jump_deviation"] * sizes_normal(seed, path, s, 2 * draw + 1)
            draw += 1
        rows.append(brought)
    return rows


# --- Stochastic variance ----------------------------------------------------------------------------------------------


def heston_returns(z: Rows, w: Rows, years: float, laws: Sequence[Mapping[str, float]]) -> list[list[float]]:
    """The full truncation Euler scheme."""
    variance, rows = [law["first"] ** 2 for law in laws], []
    for prices, apart in zip(z, w, strict=True):
        rows.append([])
        for k, law in enumerate(laws):
            above = max(variance[k], 0.0)
            root = math.sqrt(above * years)
            rows[-1].append((law["drift"] - above / 2) * years + root * prices[k])
            shock = law["skew"] * prices[k] + math.sqrt(1 - law["skew"] ** 2) * apart[k]
            back = law["reversion"] * (law["volatility"] ** 2 - above) * years
            variance[k] += back + law["volatility_of_variance"] * root * shock
    return rows


# --- From place to place ----------------------------------------------------------------------------------------------


def chain(numbers: Sequence[float], transition: Rows) -> list[int]:
    """The regimes of a path: rows of probabilities, the last for the first step."""
    now, regimes = len(transition) - 1, []
    for number in numbers:
        left, row = 0.5 * math.erfc(-number / math.sqrt(2)), transition[now]
        now = 0
        while now + 1 < len(row) and left > row[now]:
            left -= row[now]
            now += 1
        regimes.append(now)
    return regimes


def bootstrap_rows(
    seed: int, path: int, numbers: Sequence[float], missing: Sequence[bool], mean_block: float
) -> list[int]:
    """The rows that a path takes: a new block where the number's probability is below 1/mean_block."""
    whole = [row for row, gone in enumerate(missing) if not gone]
    rows: list[int] = []
    for step, number in enumerate(numbers):
        if not rows or 0.5 * math.erfc(-number / math.sqrt(2)) < 1 / mean_block:
            word = philox([path % 2**32, path >> 32, step, STREAMS["regimes"]], [seed % 2**32, seed >> 32])[0]
            rows.append(whole[word * len(whole) >> 32])
        elif rows[-1] + 1 < len(missing) and not missing[rows[-1] + 1]:
            rows.append(rows[-1] + 1)
        else:
            first = rows[-1]
            while first > 0 and not missing[first - 1]:
                first -= 1
            rows.append(first)
    return rows
