"""A loss shared out among the rules, buckets or venues that bring it about, by Shapley's rule."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from levcore import checks
from levcore.attribution import Attribution
from levcore.errors import InputError, KindError
from levcore.estimates import ENOUGH, Estimate, normal_quantile
from levcore.per_asset import PerAsset

Floats = npt.NDArray[np.float64]

#: So many players are given every order of arrival; of more, orders are drawn.
MOST_EXACT = 12
ORDERS = 1_000


def shapley_attribution(
    value: Callable[[frozenset[str]], Any],
    players: Sequence[str],
    confidence: float = 0.95,
    *,
    orders: int | None = None,
    seed: int = 0,
    unit: str = "",
) -> Attribution:
    """Share out a loss among players by what each adds to it, averaged over all orders in which they could arrive.

    Parameters
    ----------
    value : function of a frozenset of players to float or Estimate
        The loss with these players and no others: a tail loss with these rules, these leverage buckets, these venues.
        It is asked once for each set, and should use the same random numbers (`seed=`) for all of them.
    players : sequence of str
        At least one, each once.
    confidence : float
        Of the intervals, in (0, 1).
    orders : int, optional
        Orders of arrival that are drawn, >= 4, each also walked backwards; None: every order, exactly, for up to 12
        players (``2**players`` sets), and 1,000 for more.
    seed : int
        Of the orders drawn, >= 0: the same seed gives the same bits.
    unit : str
        What the losses are in, for what is shown.

    Returns
    -------
    Attribution
        The parts add up to the total, the loss with everybody less the loss with nobody. Exact parts have intervals of
        no width and count the sets asked; sampled ones the normal interval over pairs of orders: neither knows how
        uncertain the losses themselves are.

    Raises
    ------
    InputError, KindError
        If there are no players, one comes twice, a loss is no finite number, or the orders or the seed break a rule.

    Notes
    -----
    low_sample: fewer than 200 orders drawn, or a loss that is itself an Estimate of low sample. Source: Shapley (1953),
    A value for n-person games; Castro, Gomez and Tejada (2009), Computers and Operations Research 36, for drawing
    orders; Mitchell, Cooper, Frank and Holmes (2022), Journal of Machine Learning Research 23, for walking them both
    ways.

    Examples
    --------
    >>> import levcore as lc
    >>> def loss(rules):
    ...     return 10.0 + 6.0 * ("high leverage" in rules) * ("thin book" in rules) - 2.0 * ("fund" in rules)
    >>> lc.risk.shapley_attribution(loss, ["high leverage", "thin book", "fund"])
    <levcore.Attribution of loss: 4>
      high leverage             3    75.0%  3 to 3
      thin book                 3    75.0%  3 to 3
      fund                     -2   -50.0%  -2 to -2
    """
    names = _names(players)
    z = normal_quantile(confidence)
    drawn = None if orders is None else checks.integer("orders", orders, at_least=4)
    start, said = checks.integer("seed", seed, at_least=0), checks.instance("unit", unit, str)
    if not callable(value):
        raise KindError(f"value must be a function of a frozenset of players, was {checks.describe(value)}")
    asked = _Asked(value, names)
    if drawn is None and len(names) <= MOST_EXACT:
        middles, errors, n, few = _exact(asked), np.zeros(len(names)), 2 ** len(names), False
    else:
        pairs = _drawn(asked, math.ceil((drawn or ORDERS) / 2), start)
        middles, errors = pairs.mean(axis=0), pairs.std(axis=0, ddof=1) / math.sqrt(len(pairs))
        n, few = 2 * len(pairs), 2 * len(pairs) < ENOUGH
    few = few or asked.few
    estimates = {
        name: Estimate(middle, middle - z * error, middle + z * error, float(confidence), n, few)
        for name, middle, error in zip(names, middles.tolist(), errors.tolist(), strict=True)
    }
    return Attribution("loss", asked(2 ** len(names) - 1) - asked(0), PerAsset(estimates), said)


def _names(players: Sequence[str]) -> tuple[str, ...]:
    if isinstance(players, str) or not hasattr(players, "__len__"):
        raise KindError(f"players must be a sequence of names, was {checks.describe(players)}")
    names = tuple(checks.text(f"players[{i}]", player) for i, player in enumerate(players))
    if not names:
        raise InputError("players must not be empty")
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"players must be named once each, {name!r} came {names.count(name)} times")
    return names


class _Asked:
    """The losses of sets of players, each asked for once; a set is the bits of a number."""

    def __init__(self, value: Callable[[frozenset[str]], Any], names: tuple[str, ...]) -> None:
        self.value, self.names = value, names
        self.known: dict[int, float] = {}
        self.few = False  # whether some loss was an estimate that too few samples decide

    def __call__(self, bits: int) -> float:
        if bits not in self.known:
            players = frozenset(name for i, name in enumerate(self.names) if bits >> i & 1)
            found = self.value(players)
            self.few = self.few or (isinstance(found, Estimate) and found.low_sample)
            said = f"value of {{{', '.join(name for name in self.names if name in players)}}}"
            self.known[bits] = checks.number(said, found.value if isinstance(found, Estimate) else found)
        return self.known[bits]


def _exact(asked: _Asked) -> Floats:
    """Return each player's share over all sets of the others."""
    k = len(asked.names)
    losses = np.array([asked(bits) for bits in range(2**k)])
    sets = np.arange(2**k)
    size = np.array([bits.bit_count() for bits in range(2**k)])
    chance = np.array([1.0 / (k * math.comb(k - 1, others)) for others in range(k)])
    shares = np.empty(k)
    for i in range(k):
        without = sets[sets >> i & 1 == 0]
        shares[i] = math.fsum((losses[without | 1 << i] - losses[without]) * chance[size[without]])
    return shares


def _drawn(asked: _Asked, pairs: int, seed: int) -> Floats:
    """Return what each player adds on arrival, the mean of an order and the same one backwards, a row a pair."""
    generator = np.random.default_rng(seed)
    found = np.zeros((pairs, len(asked.names)))
    for row in found:
        order = generator.permutation(len(asked.names)).tolist()
        for one in (order, order[::-1]):
            bits = 0
            for i in one:
                row[i] += 0.5 * (asked(bits | 1 << i) - asked(bits))
                bits |= 1 << i
    return found
