"""Pictures are drawn without a screen, from what books and outcomes give, and say what they show."""

from __future__ import annotations

import builtins
import sys
from datetime import timedelta

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

import levcore as lc
from levcore import plot
from levcore.errors import MissingExtraError
from levcore.plot import amplification, liquidation_map

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def no_open_figures():
    yield
    plt.close("all")


@pytest.fixture
def venue() -> lc.Venue:
    tiers = lc.MarginTiers(floor=[0.0, 50_000.0], maintenance_rate=[0.005, 0.01], max_leverage=[100, 50])
    return lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])


@pytest.fixture
def book(venue: lc.Venue) -> lc.Book:
    return lc.Book.synthetic(venue, size=2_000, prices={"BTC": 60_000.0}, open_interest={"BTC": 1e8}, seed=1)


def drawn(ax) -> None:
    ax.figure.canvas.draw()


def test_a_liquidation_map_shows_both_sides_the_mark_price_and_its_units(book: lc.Book) -> None:
    chart = book.liquidation_map({"BTC": 60_000.0})
    ax = liquidation_map(chart)
    drawn(ax)
    longs, shorts = ax.patches[:2]
    values = [patch.get_data().values for patch in (longs, shorts)]
    scale = 1e6 if max(chart.long_notional.max(), chart.short_notional.max()) >= 1e6 else 1e3
    np.testing.assert_allclose(values[0], chart.long_notional / scale)
    np.testing.assert_allclose(values[1], chart.short_notional / scale)
    assert ax.get_xlim() == (chart.edges[0], chart.edges[-1])
    assert "quote currency" in ax.get_xlabel()
    assert "quote currency" in ax.get_ylabel()
    assert any("mark price 60,000" in text.get_text() for text in ax.texts)


def test_an_empty_map_is_drawn_too(venue: lc.Venue) -> None:
    book = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[60_000.0], margin=[60_000.0])
    drawn(liquidation_map(book.liquidation_map({"BTC": 60_000.0})))


def test_a_price_far_below_one_is_labelled_in_its_own_digits() -> None:
    edges = np.linspace(5e-6, 1.5e-5, 11)
    chart = lc.LiquidationMap(
        asset="PEPE", mark_price=1e-5, edges=edges, long_notional=np.ones(10), short_notional=np.zeros(10),
        long_beyond=3.0, short_beyond=0.0,
    )  # fmt: skip
    ax = liquidation_map(chart)
    drawn(ax)
    assert any("1e-05" in text.get_text() for text in ax.texts)


def test_pictures_go_where_they_are_told(book: lc.Book) -> None:
    figure, (left, right) = plt.subplots(1, 2)
    assert liquidation_map(book.liquidation_map({"BTC": 60_000.0}), ax=left) is left
    assert amplification([-0.1, -0.2], [1.1, 1.2], ax=right) is right
    assert len(plt.get_fignums()) == 1
    figure.canvas.draw()


def test_amplification_takes_a_batch_outcome_single_outcomes_a_mapping_and_numbers(book: lc.Book) -> None:
    market = lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=2_000.0))})
    shocks = np.array([-0.02, -0.05, -0.10])
    batch = lc.shock(book, market, shocks)
    singles = [lc.shock(book, market, float(size)) for size in shocks]
    wanted = batch.amplification["BTC"]
    for outcomes in (batch, singles, {"BTC": wanted}, wanted, wanted.tolist()):
        ax = amplification(shocks, outcomes)
        drawn(ax)
        line = ax.lines[-1]
        order = np.argsort(line.get_xdata())[::-1]
        np.testing.assert_allclose(line.get_xdata()[order], 100 * shocks)
        np.testing.assert_allclose(line.get_ydata()[order], wanted)
        assert ax.get_xlim()[0] > ax.get_xlim()[1]


def test_several_assets_get_a_legend_and_a_line_each() -> None:
    ax = amplification([-0.1, 0.1], {"BTC": [1.2, 1.1], "ETH": [1.4, np.nan]})
    drawn(ax)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["BTC", "ETH"]
    assert ax.get_xlim()[0] < ax.get_xlim()[1]


def test_amplifications_that_are_all_missing_are_drawn_empty() -> None:
    drawn(amplification([-0.1, 0.0], [np.nan, np.nan]))


@pytest.mark.parametrize(
    ("shocks", "outcomes", "error"),
    [
        ([-0.1, -0.2], [1.1], lc.InputError),
        ([], [], lc.InputError),
        ([[-0.1]], [[1.1]], lc.InputError),
        (["small"], [1.1], lc.KindError),
        ([-0.1], ["large"], lc.KindError),
    ],
)
def test_lengths_and_kinds_that_do_not_fit_are_refused(shocks, outcomes, error) -> None:
    with pytest.raises(error):
        amplification(shocks, outcomes)


def test_without_matplotlib_the_error_says_what_to_install(book: lc.Book, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def no_matplotlib(name, *rest, **options):
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(f"No module named {name!r}", name=name)
        return real(name, *rest, **options)

    chart = book.liquidation_map({"BTC": 60_000.0})
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", no_matplotlib)
    with pytest.raises(MissingExtraError, match=r'pip install "levcore\[plot\]"') as caught:
        liquidation_map(chart)
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, lc.LevcoreError)


DAY = {"paths": 60, "steps": 24, "step": timedelta(hours=1), "seed": 1}
KNOWN = lc.Estimate(0.5, 0.4, 0.6, 0.95, 1_000, False)
FEW = lc.Estimate(0.1, 0.05, 0.3, 0.95, 30, True)


@pytest.fixture
def market() -> lc.Market:
    return lc.Market({"BTC": lc.Asset(60_000.0, impact=lc.LinearImpact(depth=2_000.0), half_spread=1e-4)})


@pytest.fixture
def runs(book: lc.Book, market: lc.Market) -> lc.Runs:
    return lc.simulate(book, market, lc.GBM(volatility=0.9), **DAY)


def bars(ax) -> list[tuple[float, float]]:
    """The ends of the upright bars of intervals."""
    found = [line for lines in ax.collections if hasattr(lines, "get_segments") for line in lines.get_segments()]
    return [(line[0][1], line[1][1]) for line in found]


def legend(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_a_sweep_has_a_line_for_each_of_the_other_parameters_and_a_bar_for_each_interval() -> None:
    vary = {"scenario.volatility": (1.0, 1.0, 0.5, 0.5), "venue.fee": (0.0, 0.1, 0.0, 0.1)}
    ax = plot.sweep(lc.study.Sweep(vary, {"exhausted": (KNOWN, FEW, FEW, KNOWN)}))
    drawn(ax)
    assert [line.get_ydata().tolist() for line in ax.lines] == [[0.1, 0.5], [0.5, 0.1]]
    assert ax.lines[0].get_xdata().tolist() == [0.5, 1.0]
    assert legend(ax) == ["venue.fee = 0", "venue.fee = 0.1"]
    assert bars(ax) == [(0.05, 0.3), (0.4, 0.6), (0.4, 0.6), (0.05, 0.3)]
    assert "fewer than 200" in ax.get_title(loc="right")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("scenario.volatility", "exhausted")


def test_points_of_a_latin_hypercube_are_not_joined() -> None:
    vary = {"scenario.volatility": (0.5, 0.9, 0.7), "venue.fee": (0.01, 0.02, 0.03)}
    ax = plot.sweep(lc.study.Sweep(vary, {"exhausted": (KNOWN,) * 3}), parameter="venue.fee")
    assert ax.lines[0].get_linestyle() == "None"
    assert ax.get_xlabel() == "venue.fee"


def test_a_fragility_curve_rises_to_the_right_as_shocks_fall_further() -> None:
    ax = plot.fragility_curve(lc.study.Sweep({"shock": (-0.1, -0.2)}, {"probability": (FEW, KNOWN)}))
    drawn(ax)
    assert ax.get_xlim()[0] > ax.get_xlim()[1]
    assert sorted(ax.lines[0].get_ydata()) == [10.0, 50.0]
    assert sorted(bars(ax)) == [(5.0, 30.0), (40.0, 60.0)]


def test_a_critical_shock_is_written_beside_its_line() -> None:
    ax = plot.critical_shock(lc.study.CriticalShock(-0.1, np.array([-0.05, -0.1]), np.array([False, True]), True))
    drawn(ax)
    assert any("\N{MINUS SIGN}10 %" in text.get_text() for text in ax.texts)
    nothing = lc.study.CriticalShock(float("nan"), np.array([0.05, 0.1]), np.array([False, False]), False)
    assert not plot.critical_shock(nothing).texts
    with pytest.raises(lc.InputError, match="one shock for all assets"):
        plot.critical_shock(lc.study.CriticalShock(np.zeros(2), np.zeros((1, 2)), np.array([True]), True))


def test_what_is_just_enough_is_said_by_the_estimates_and_by_the_intervals() -> None:
    ax = plot.fund_needed(lc.study.FundNeeded(1e6, float("nan"), 0.2, [1e5, 1e6], (KNOWN, FEW)))
    drawn(ax)
    said = ax.texts[0].get_text()
    assert "at most 20 %" in said
    assert "by the estimates: 1M" in said
    assert "by the intervals: no fund of the grid" in said
    ax = plot.max_leverage(lc.study.MaxLeverage(2.0, 2.0, 0.2, [2.0, 100.0], (FEW, KNOWN)))
    drawn(ax)
    assert "by the intervals: 2x" in ax.texts[0].get_text()
    assert ax.get_xscale() == "log"


def test_a_stability_map_has_its_ratios_and_a_border_around_what_is_unstable(book: lc.Book, market: lc.Market) -> None:
    found = lc.study.stability_map(book, market, points=41, depths=[0.25, 1.0])
    ax = plot.stability_map(found)
    drawn(ax)
    shown = ax.collections[0].get_array()
    np.testing.assert_allclose(shown.reshape(found.ratios.shape), np.clip(found.ratios, 0.03, 30.0))
    unstable = found.ratios >= 1.0
    changes = np.count_nonzero(unstable[:, 1:] != unstable[:, :-1]) + np.count_nonzero(unstable[1:] != unstable[:-1])
    assert 0 < changes == len(ax.lines)
    drawn(plot.stability_map(lc.study.stability_map(book, market, points=2, depths=np.geomspace(0.1, 10.0, 20))))


def test_attacks_are_said_to_pay_or_not_by_depth(book: lc.Book, market: lc.Market) -> None:
    sizes = -np.geomspace(1.0, 1e3, 12)
    found = lc.study.exploitation(book, market, sizes=sizes, taker_fee=5e-4, depths=[1.0, 1e4])
    ax = plot.exploitation(found)
    drawn(ax)
    assert [said.rpartition(": ")[2] for said in legend(ax)] == ["pays", "does not pay"]
    unit = 1e6 if "millions" in ax.get_ylabel() else 1e3
    np.testing.assert_allclose(ax.lines[0].get_ydata() * unit, found.profit[0])


def test_sells_and_buys_are_lines_of_their_own(book: lc.Book, market: lc.Market) -> None:
    sizes = [-60.0, -40.0, -20.0, 20.0, 45.0, 70.0]
    found = lc.study.exploitation(book, market, sizes=sizes, taker_fee=5e-4)
    ax = plot.exploitation(found)
    drawn(ax)
    sold, bought = (line for line in ax.lines if len(line.get_xdata()) == 3)
    assert (sold.get_xdata().tolist(), bought.get_xdata().tolist()) == ([20.0, 40.0, 60.0], [20.0, 45.0, 70.0])
    assert sold.get_linestyle() != bought.get_linestyle()
    assert len(legend(ax)) == 1
    assert ax.get_xlabel().endswith("bought (broken lines) or sold")


def test_a_tail_shows_both_measures_and_their_intervals() -> None:
    losses = lc.normals(1, 5_000)
    ax = plot.tail(losses, level=0.95, unit="USD")
    drawn(ax)
    for place, measure in enumerate((lc.risk.value_at_risk, lc.risk.expected_shortfall)):
        one = measure(losses, 0.95)
        assert ax.lines[place].get_xdata()[0] == one.value
        band = ax.patches[60 + place].get_extents().transformed(ax.transData.inverted())
        assert (band.x0, band.x1) == pytest.approx((one.low, one.high))
    assert ax.get_legend().get_title().get_text() == "level 0.95, 95 % intervals"
    assert "low sample" in plot.tail(losses, level=0.99).get_legend().get_title().get_text()


def test_a_part_and_the_whole_are_drawn_where_the_measures_lie() -> None:
    own, other = lc.normals(1, (2, 6_000))
    ax = plot.covar(own, own + other, level=0.95, unit="USD")
    drawn(ax)
    tall = lc.risk.covar(own, own + other, 0.95)
    wide = lc.risk.marginal_expected_shortfall(own, own + other, 0.95)
    upright, level = (bar[0] for bar in ax.containers)
    assert (upright.get_xdata()[0], upright.get_ydata()[0]) == (lc.risk.value_at_risk(own, 0.95).value, tall.value)
    assert level.get_xdata()[0] == wide.value
    assert bars(ax)[0] == pytest.approx((tall.low, tall.high))
    assert len(ax.lines[0].get_xdata()) == 5_000


def test_an_attribution_writes_the_share_of_each_part() -> None:
    parts = {"longs": [0.0, 1.0, 4.0, 2.0], "shorts": [1.0, 0.0, 0.0, 1.0]}
    ax = plot.attribution(lc.risk.euler_attribution(parts, level=0.5), unit="USD")
    drawn(ax)
    assert [text.get_text().strip() for text in ax.texts] == ["86%", "14%"]
    assert [patch.get_width() for patch in ax.patches] == [3.0, 0.5]


def test_liquidations_are_drawn_by_leverage_and_by_time(runs: lc.Runs) -> None:
    buckets = lc.risk.liquidation_probability_by_leverage(runs)
    ax = plot.estimates(buckets, unit="share")
    drawn(ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(buckets)
    assert [line.get_xdata()[0] for line in ax.lines] == pytest.approx([100.0 * one.value for one in buckets.values()])
    ax = plot.time_to_liquidation(runs, q=0.25)
    drawn(ax)
    first = runs.first_liquidation
    seen = [100.0 * np.count_nonzero(first <= np.timedelta64(hour, "h")) / 60 for hour in range(25)]
    assert ax.lines[0].get_ydata() == pytest.approx(seen)


def test_a_time_that_no_path_reaches_is_not_marked(market: lc.Market, venue: lc.Venue) -> None:
    held = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[60_000.0], margin=[40_000.0])
    ax = plot.time_to_liquidation(lc.simulate(held, market, lc.GBM(volatility=0.5), **DAY))
    drawn(ax)
    assert len(legend(ax)) == 1


def test_volatility_and_its_memory_are_those_of_the_returns() -> None:
    still = np.full((3, 48), 0.01)
    ax = plot.volatility(still, timedelta(hours=1), window=24)
    drawn(ax)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 100 * 0.01 * np.sqrt(24 * 365))
    assert ax.get_xlim() == (1.0, 2.0)
    alternating = np.tile([0.01, 0.03], (4, 50))
    ax = plot.clustering({"alternating": alternating}, lags=4)
    drawn(ax)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [-1.0, 1.0, -1.0, 1.0])


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (lambda: plot.sweep(lc.study.Sweep({"a": (1.0,)}, {"m": (KNOWN,)}), measure="n"), "measure"),
        (lambda: plot.sweep(lc.study.Sweep({"a": ("x",)}, {"m": (KNOWN,)})), "parameter must be one of numbers"),
        (lambda: plot.fragility_curve(lc.study.Sweep({"a": (1.0,)}, {"m": (KNOWN,)})), "must have a shock"),
        (lambda: plot.estimates({}), "found must not be empty"),
        (lambda: plot.tail([1.0, float("nan")]), r"losses\[1\] must be finite"),
        (lambda: plot.volatility([[0.1, float("nan")], [0.1, 0.1]], timedelta(hours=1)), r"returns\[0, 1\] must be"),
        (lambda: plot.volatility([0.1, 0.2], timedelta(hours=1)), "must have shape"),
        (lambda: plot.volatility(np.zeros((2, 9)), timedelta(hours=1), window=10), "window must be <= 9"),
        (lambda: plot.clustering({}), "returns must not be empty"),
        (lambda: plot.clustering(np.zeros((2, 9))), "returns must be a mapping"),
        (lambda: plot.clustering({"a": np.zeros((2, 9))}, lags=9), "lags must be <= 8"),
        (lambda: plot.stability_map(KNOWN), "map must be"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, said) -> None:
    with pytest.raises((lc.InputError, lc.KindError), match=said):
        draw()
