"""Pictures are drawn without a screen, from what books and outcomes give, and say what they show."""

from __future__ import annotations

import builtins
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

import levcore as lc
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
