"""Attribution of a tail loss: by Euler's rule to parts, by Shapley's to players; worked by hand, and adding up."""

from __future__ import annotations

import itertools
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

import levcore as lc


def wild(seed, n, k):
    random = np.random.default_rng(seed)
    return {
        f"part {i}": column for i, column in enumerate(random.standard_t(2, (k, n)) * 10.0 ** random.integers(-3, 6))
    }


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.sampled_from([0.5, 0.9, 0.97]))
def test_the_parts_of_an_expected_shortfall_add_up_to_it(seed, k, level):
    parts = wild(seed, 300, k)
    found = lc.risk.euler_attribution(parts, level)
    shortfall = lc.risk.expected_shortfall(sum(parts.values()), level)
    assert abs(sum(part.value for part in found.parts.values()) - found.total) <= 1e-12 * abs(found.total)
    assert found.total == pytest.approx(shortfall.value, rel=1e-12)
    for name, values in parts.items():
        alone = lc.risk.marginal_expected_shortfall(values, sum(parts.values()), level)
        assert found.parts[name] == alone


def test_who_ties_at_the_value_at_risk_shares_it_whatever_the_order_of_the_paths():
    # five paths lose 4, two of them count: each of the five for 0.4
    longs, shorts = np.array([4.0, 0.0, 3.0, 1.0, 2.0, 0.0]), np.array([0.0, 4.0, 1.0, 3.0, 2.0, 1.0])
    for order in itertools.permutations(range(6)):
        rows = list(order)
        found = lc.risk.euler_attribution({"longs": longs[rows], "shorts": shorts[rows]}, level=2 / 3)
        assert found.total == pytest.approx(4.0, rel=1e-14)
        assert found.parts["longs"].value == pytest.approx(2.0, rel=1e-14)


def test_the_shares_of_a_standard_deviation_add_up_to_it_and_their_intervals_hold_the_truth():
    # two normal losses, independent, of standard deviations 3 and 4: 9/5 and 16/5 of 5
    hits = 0
    for seed in range(400):
        drawn = lc.normals(seed, (2, 2_000))
        found = lc.risk.euler_attribution({"a": 3.0 * drawn[0], "b": 4.0 * drawn[1]}, measure="standard_deviation")
        whole = np.std(3.0 * drawn[0] + 4.0 * drawn[1], ddof=1)
        assert sum(part.value for part in found.parts.values()) == pytest.approx(whole, rel=1e-12)
        hits += found.parts["a"].low <= 9.0 / 5.0 <= found.parts["a"].high
    assert 0.92 < hits / 400 < 0.98


def test_parts_that_never_differ_have_no_deviation_to_share():
    found = lc.risk.euler_attribution({"a": [1.0] * 5, "b": [2.0] * 5}, measure="standard_deviation")
    assert (found.total, found.parts["a"].value) == (0.0, 0.0)
    assert "nan" in repr(found)


def by_orders(loss, players):
    """Shapley's definition: what each adds on arrival, over every order."""
    added = dict.fromkeys(players, 0.0)
    for order in itertools.permutations(players):
        here: set[str] = set()
        for player in order:
            added[player] += loss(frozenset(here | {player})) - loss(frozenset(here))
            here.add(player)
    return {player: total / math.factorial(len(players)) for player, total in added.items()}


def random_game(seed, players):
    losses: dict[frozenset, float] = {}
    random = np.random.default_rng(seed)
    for size in range(len(players) + 1):
        for some in itertools.combinations(players, size):
            losses[frozenset(some)] = float(random.standard_normal())
    return losses.__getitem__


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_shapleys_shares_are_those_of_the_definition_and_add_up(seed, count):
    players = ["funding", "fund", "thin book", "high leverage", "fees"][:count]
    loss = random_game(seed, players)
    found = lc.risk.shapley_attribution(loss, players)
    for player, expected in by_orders(loss, players).items():
        assert found.parts[player].value == pytest.approx(expected, rel=1e-12, abs=1e-12)
        assert found.parts[player].low == found.parts[player].high
    everybody, nobody = loss(frozenset(players)), loss(frozenset())
    assert found.total == everybody - nobody
    assert sum(part.value for part in found.parts.values()) == pytest.approx(found.total, rel=1e-12, abs=1e-12)


def additive(players):
    """What a set loses: a sum, and something for pairs of neighbours."""
    names = list(players)
    return sum(int(name) + 1.0 for name in names) + sum(0.5 * (str(int(name) + 1) in players) for name in names)


def test_orders_walked_both_ways_share_out_what_pairs_bring_about_exactly():
    players = [str(i) for i in range(15)]
    found = lc.risk.shapley_attribution(additive, players, orders=400, seed=3)
    assert sum(part.value for part in found.parts.values()) == pytest.approx(found.total, rel=1e-12)
    assert found.total == additive(frozenset(players))
    for player, part in found.parts.items():
        neighbours = 1 if player in ("0", "14") else 2
        assert part.value == pytest.approx(int(player) + 1.0 + 0.25 * neighbours, rel=1e-12)
        assert part.n == 400
        assert not part.low_sample
    assert lc.risk.shapley_attribution(additive, players, orders=50).parts["3"].low_sample


def test_intervals_of_drawn_orders_hold_the_exact_shares_as_often_as_they_say():
    players = [str(i) for i in range(6)]
    loss = random_game(1, players)
    exact = lc.risk.shapley_attribution(loss, players)
    held = [
        part.low <= exact.parts[player].value <= part.high
        for seed in range(300)
        for player, part in lc.risk.shapley_attribution(loss, players, orders=200, seed=seed).parts.items()
    ]
    assert 0.92 < np.mean(held) < 0.98


def test_the_same_seed_draws_the_same_orders_and_another_seed_others():
    players = [str(i) for i in range(6)]
    loss = random_game(2, players)
    one, same, other = (lc.risk.shapley_attribution(loss, players, orders=20, seed=seed) for seed in (5, 5, 6))
    assert one.parts == same.parts
    assert one.parts != other.parts


def test_a_set_of_players_is_asked_for_once():
    asked = []

    def loss(players):
        asked.append(players)
        return lc.risk.mean([float(len(players))] * 3)

    lc.risk.shapley_attribution(loss, ["a", "b", "c"])
    assert len(asked) == len(set(asked)) == 8
    asked.clear()
    lc.risk.shapley_attribution(loss, ["a", "b", "c"], orders=100)
    assert len(asked) == len(set(asked)) == 8


def test_an_attribution_shows_itself_as_text_table_and_frame():
    found = lc.risk.euler_attribution({"BTC": np.arange(500.0), "<ETH>": -np.arange(500.0) / 4.0}, level=0.5)
    assert "133.3%" in repr(found)
    assert "&lt;ETH&gt;" in found._repr_html_()
    frame = found.to_pandas()
    assert frame.columns.tolist() == ["part", "value", "low", "high", "share", "low_sample"]
    assert frame["share"].tolist() == pytest.approx([4 / 3, -1 / 3])
    again = pickle.loads(pickle.dumps(found))
    assert (again.total, again.parts, again.unit) == (found.total, found.parts, "")


def test_losses_that_few_samples_decide_make_exact_parts_of_few_samples():
    few, many = (lc.risk.mean(lc.normals(1, n)) for n in (100, 1_000))
    for one, said in ((few, True), (many, False)):
        found = lc.risk.shapley_attribution(lambda held, one=one: one, ["a", "b"])
        assert all(part.low_sample == said for part in found.parts.values())


def test_an_attribution_says_the_unit_that_it_was_told():
    parts = {"a": [0.0, 1.0, 4.0], "b": [1.0, 0.0, 0.0]}
    by_euler = lc.risk.euler_attribution(parts, level=0.5, unit="BTC")
    weighed = lc.variance_reduction.euler_attribution(parts, level=0.5, weights=[1.0, 1.0, 1.0], unit="BTC")
    by_shapley = lc.risk.shapley_attribution(lambda held: float(len(held)), ["a", "b"], unit="BTC")
    for found in (by_euler, weighed, by_shapley):
        assert found.unit == "BTC"
        assert repr(found).splitlines()[0].endswith(" BTC>")
        assert " BTC" in found._repr_html_()
        assert lc.plot.attribution(found, ax=Figure().subplots()).get_xlabel().endswith(", BTC")
    assert lc.plot.attribution(by_euler, unit="USD", ax=Figure().subplots()).get_xlabel().endswith(", USD")
    with pytest.raises(lc.KindError, match="unit must be"):
        lc.risk.euler_attribution(parts, level=0.5, unit=1)


@pytest.mark.parametrize(
    ("call", "error", "rule"),
    [
        (lambda: lc.risk.euler_attribution([[1.0]]), lc.KindError, "parts must be a mapping of names to losses"),
        (lambda: lc.risk.euler_attribution({}), lc.InputError, "parts must not be empty"),
        (lambda: lc.risk.euler_attribution({"a": []}), lc.InputError, r"parts\['a'\] must not be empty"),
        (lambda: lc.risk.euler_attribution({"a": [1.0, math.nan]}), lc.InputError, r"parts\['a'\]\[1\] must be finite"),
        (
            lambda: lc.risk.euler_attribution({"a": [1.0, 2.0], "b": [1.0]}),
            lc.InputError,
            "parts must have the same length: 'a' had 2 rows, 'b' had 1",
        ),
        (
            lambda: lc.risk.euler_attribution({"a": [1.0, 2.0], "b": [1.0, 1.0]}, 0.5, losses=[2.0, 4.0]),
            lc.InputError,
            r"parts must add up to losses\[1\], 4\.0, added up to 3\.0",
        ),
        (
            lambda: lc.risk.euler_attribution({"a": [1.0, 2.0]}, 0.5, losses=[2.0]),
            lc.InputError,
            "losses must have as many rows as the parts, 2, had 1",
        ),
        (lambda: lc.risk.euler_attribution({"a": [1.0]}), lc.InputError, "parts must have at least 100 rows"),
        (lambda: lc.risk.euler_attribution({"a": [1.0]}, measure="variance"), lc.InputError, "measure must be"),
        (
            lambda: lc.risk.euler_attribution({"a": [1.0]}, measure="standard_deviation"),
            lc.InputError,
            "parts must have at least 2 rows for a standard deviation, had 1",
        ),
        (lambda: lc.risk.shapley_attribution(len, []), lc.InputError, "players must not be empty"),
        (lambda: lc.risk.shapley_attribution(len, "ab"), lc.KindError, "players must be a sequence of names"),
        (lambda: lc.risk.shapley_attribution(len, ["a", "a"]), lc.InputError, "'a' came 2 times"),
        (lambda: lc.risk.shapley_attribution(len, ["a", 1]), lc.KindError, r"players\[1\] must be text"),
        (lambda: lc.risk.shapley_attribution(3, ["a"]), lc.KindError, "value must be a function"),
        (lambda: lc.risk.shapley_attribution(len, ["a"], orders=1), lc.InputError, "orders must be >= 4, was 1"),
        (lambda: lc.risk.shapley_attribution(len, ["a"], seed=-1), lc.InputError, "seed must be >= 0"),
        (
            lambda: lc.risk.shapley_attribution(lambda some: math.nan if "b" in some else 0.0, ["a", "b"]),
            lc.InputError,
            r"value of \{b\} must be finite, was nan",
        ),
    ],
)
def test_parts_and_players_that_break_a_rule_are_refused_by_name(call, error, rule):
    with pytest.raises(error, match=rule):
        call()
