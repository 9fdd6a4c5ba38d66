"""Published identities, papers and another library's runs: cascades, books that are walked, funds, shares."""

import math
import re

import numpy as np

import levcore as lc
from levcore.funding_rates import payment
from levcore.venues.deleveraging import pro_rata, queue
from oracle_checks import EXACT, near

# ---- cascades on a ladder of longs ----


def market_of(impact, *, price=100.0, half_spread=0.0):
    return lc.Market({"A": lc.Asset(price, impact=impact, half_spread=half_spread)})


def resting_longs(prices, quantity, *, rate=0.25, equality=True):
    """Longs entered at 100 whose liquidation prices are the given ones; the rate keeps them solvent to rest."""
    perpetual = lc.LinearPerpetual("P", asset="A", tiers=lc.MarginTiers([0.0], [rate]))
    quantity = np.full(len(prices), float(quantity))
    return lc.Book(
        lc.Venue([perpetual], liquidate_at_equality=equality),
        instrument="P",
        quantity=quantity,
        entry_price=np.full(len(prices), 100.0),
        margin=np.where(quantity > 0.0, quantity * (100.0 - prices * (1.0 - rate)), 1.0),
    )


def round_sizes(outcome):
    return (outcome.trace["liquidated_count_long"] + outcome.trace["liquidated_count_short"]).tolist()


def sound(outcome):
    assert outcome.error is None
    assert outcome.conservation_error < 1e-12
    return outcome


def check_uniform_ladder(ratio, total, partial=(), *, depth, per_log_price, fall=0.01, rungs=2000):
    """Liquidation volume spread evenly over the log price: the move is the shock over 1 - ratio, within one rung."""
    spacing = fall / (rungs + 0.5)
    count = int(1.01 * rungs / (1.0 - ratio)) + 2 if ratio < 1.0 else 4 * rungs
    book = resting_longs(100.0 * np.exp(-spacing * np.arange(1.0, count + 1.0)), per_log_price * spacing)
    outcome = sound(lc.shock(book, market_of(lc.LinearImpact(depth=depth)), math.expm1(-fall)))
    if ratio >= 1.0:
        assert outcome.liquidated.all()
        return
    one_rung = {"abs": 1e-9 + ratio / (1.0 - ratio) * spacing / fall}  # a rung more or less, carried to rest
    near(outcome.amplification["A"], total, one_rung)
    marks = [math.log(100.0 / row) / fall for row in outcome.trace["mark_price_A"]]
    for k, expected in zip((1, 2, 5, 10), partial, strict=False):  # 1 + R + ... + R^k
        near(expected, sum(ratio**j for j in range(k + 1)), {"rel": 1e-12})
        near(marks[min(k, len(marks)) - 1], expected, one_rung)


def check_linear_row(document, name, row):
    ratio = row["branching_ratio"]
    depth, per_log_price = (1e4, 1e4 * ratio) if ratio > 0.0 else (math.inf, 1e4)
    check_uniform_ladder(
        ratio, row["total_over_shock"], row["rounds_partial"], depth=depth, per_log_price=per_log_price
    )


def check_gamma_feedback(document, name, case):
    ratio = case["lam"] * case["G"]
    check_uniform_ladder(ratio, case["amplification"], depth=1.0 / case["lam"], per_log_price=case["G"])


def check_ladder_book(document, name, case):
    note, text = document["ladder_book"]["note"], case["impact"]
    count, quantity, first, step, external = (float(x) for x in re.findall(r"\d+(?:\.\d+)?", note)[:5])
    value = dict(re.findall(r"(\w+)=([\d.e+-]+)", text))
    total, expected = count * quantity, case["final_price"]
    # The source's ties (a price that meets a liquidation price) hold in decimals: a nudge keeps them in binary.
    book = resting_longs((first - step * np.arange(count)) * (1.0 + 1e-12), quantity)
    if text.startswith("linear"):
        reach = float(value["I"]) * total / external
        impact = lc.DepthCurve(distance=[0.5 * reach, reach], quantity=[0.5 * total, total])
    elif text.startswith("exp"):
        impact = lc.LinearImpact(depth=1.0 / float(value["beta"]))
    else:  # the source's price is external*(1 - I), levcore's external*exp(-I)
        impact = lc.SquareRootImpact(daily_volatility=float(value["sigma"]), daily_volume=float(value["V"]))
        expected = external * math.exp(expected / external - 1.0)
    outcome = sound(lc.shock(book, market_of(impact), external / 100.0 - 1.0))
    near(outcome.final_price["A"], expected, {"rel": 1e-12})
    assert outcome.liquidated_count == case["liquidated"]
    assert round_sizes(outcome) == case["round_sizes"]
    assert outcome.rounds == len(case["round_sizes"])


# ---- positions and books of the other files ----


def staircase(levels, mid):
    """Cumulative quantities and distances of a book's levels; each step is given a width of a billionth."""
    quantity, distance, filled = [], [], 0.0
    for price, size in levels:
        step = abs(price / mid - 1.0)
        quantity += [filled + 1e-9 * size, filled + size]
        distance += [step + 1e-13, step + 2e-13]
        filled += size
    return {"quantity": quantity, "distance": distance}


def position(quantity, entry, margin, *, rate, fee=None, fund=0.0, **backstop):
    """A book of isolated positions under one rate."""
    perpetual = lc.LinearPerpetual("P", asset="A", tiers=lc.MarginTiers([0.0], [rate]))
    venue = lc.Venue(
        [perpetual],
        liquidation=lc.FullClose(fee_rate=fee or 0.0),
        backstop=lc.Backstop(insurance_fund=fund, **backstop),
    )
    quantity = np.atleast_1d(np.asarray(quantity, dtype=float))
    entry, margin = (np.broadcast_to(np.asarray(x, dtype=float), quantity.shape).copy() for x in (entry, margin))
    return lc.Book(venue, instrument="P", quantity=quantity, entry_price=entry, margin=margin)


FLAT = lc.LinearImpact(depth=math.inf)


def chitra_position(document, name, rate=0.1):
    held = document["chitra2025"]["positions"][name.rsplit("/", 1)[1]]
    return position(held["side"] * held["q"], 1.0, held["collateral"], rate=rate)


def near_or_none(price, expected, tolerance):
    """A printed price of zero means that there is none."""
    assert math.isnan(price) if expected == 0.0 else not math.isnan(price)
    if expected != 0.0:
        near(price, expected, tolerance)


def check_chitra_leverage(document, name, expected):
    near(float(chitra_position(document, name).leverage({"A": 1.0})[0]), expected, EXACT)


def check_chitra_bankruptcy(document, name, expected):
    near_or_none(float(chitra_position(document, name).bankruptcy_price[0]), expected, EXACT)


def check_chitra_liquidation(document, name, expected):
    rate = float(name.split("/")[1].rsplit("_", 1)[1].replace("p", "."))
    near_or_none(float(chitra_position(document, name, rate).liquidation_price[0]), expected, EXACT)


def check_chitra_printed(document, name, expected):
    digits = len(str(expected).partition(".")[2])
    price = float(chitra_position(document, name).liquidation_price[0])
    near_or_none(price, expected, {"abs": 0.5 * 10.0**-digits})


def check_chitra_shortfall(document, name, expected):
    mark = float(re.search(r"it is ([\d.]+)-", document["chitra2025"]["errors_in_source"][0])[1])
    book = chitra_position(document, "positions/E")
    near(-float(book.equity({"A": mark})[0]), expected, EXACT)
    outcome = sound(lc.shock(book, market_of(FLAT, price=1.0), mark - 1.0))
    near(outcome.bad_debt, expected, EXACT)


def check_chitra_vwap(document, name, case):
    asks = staircase(case["asks"], 1.0)
    curve = lc.DepthCurve(**asks, ask_distance=asks["distance"], ask_quantity=asks["quantity"])
    vwap = float(curve.average_ratio(0.0, float(case["buy"])))
    near(vwap, case["vwap"], {"rel": 1e-8})
    near(vwap * case["buy"], case["paid"], {"rel": 1e-8})


def check_chitra_fee(document, name, expected):
    """A fee on the average price, where that is the mark."""
    inputs, rate = document["chitra2025"]["fee"]["inputs"], float(re.search(r"_(\d+)bps", name)[1]) * 1e-4
    price, size = inputs["p"], inputs["dq"]
    book = position(size, price, 0.05 * price * size, rate=0.1, fee=rate)
    near(sound(lc.shock(book, market_of(FLAT, price=price), 0.0)).fees, expected, EXACT)


def check_chitra_pro_rata(document, name, factor):
    """Half of the deficits is the fund's, the rest is cut from the winners pro rata to their equity, all profit."""
    case = document["chitra2025"]["adl_pro_rata"]
    equity = np.array(case["equities"], dtype=float)
    losses, winnings = -equity[equity < 0.0].sum(), equity[equity > 0.0].sum()
    book = position(
        np.where(equity < 0.0, 1.0, -1.0),
        np.where(equity < 0.0, 101.0 - equity, 100.0 + equity),
        np.where(equity < 0.0, 1.0, 1e-9),  # the winners' equity is profit
        rate=0.001,
        fund=(1.0 - case["severity"]) * losses,
        socialise=True,
    )
    outcome = sound(lc.shock(book, market_of(FLAT), 0.0))
    near(outcome.socialised_loss, factor * winnings, EXACT)
    near(winnings - outcome.socialised_loss, sum(case["winners_after"]), EXACT)
    assert outcome.bad_debt == 0.0


def check_chitra_funding(document, name, printed):
    """The paper's rates, and what they leave of each position: printed to four decimals.

    Its rates are what longs receive, the opposite of a venue's.
    """
    case, held = document["chitra2025"]["funding_example"], document["chitra2025"]["positions"]
    step, printing = int(name[-1]), {"abs": 0.5e-4 * (1 + int(name[-1]))}
    for who, expected in printed.items():
        quantity, marks = held[who]["side"] * held[who]["q"], case["mark"]
        cash = [payment(quantity, mark_price=m, rate=-g) for m, g in zip(marks, case["gamma"], strict=True)]
        if "cash" in name:
            near(cash[step], expected, printing)
        else:
            book = position(quantity, marks[0], held[who]["collateral"], rate=0.1)
            near(float(book.equity({"A": marks[step]})[0]) + sum(cash[: step + 1]), expected, printing)


def check_chitra_violators(document, name, violators):
    """Who falls short of the maintenance margin once the first funding is paid out of the margin."""
    case, found = document["chitra2025"]["funding_example"], []
    mark = case["mark"][1]
    for who, held in document["chitra2025"]["positions"].items():
        margin = held["collateral"] + case["cash_t1"][who]
        book = position(held["side"] * held["q"], case["mark"][0], 1.0, rate=0.1)
        slack = float(book.equity({"A": mark})[0]) - 1.0 + margin - float(book.maintenance_margin({"A": mark})[0])
        found += [who] if slack < 0.0 else []
    assert found == violators


def check_chitra_queue(document, name, case):
    """The winners' equity goes in the order of the queue until the budget is paid; so do the losers' debts."""
    equity, order = np.array(case["equities"], dtype=float), np.array(case["order"])
    score = np.empty(len(equity))
    score[order - 1] = -np.arange(len(order), dtype=float)
    budget = case["severity"] * -equity[equity < 0.0].sum()
    near(budget, case["budget"], EXACT)
    given = queue(np.maximum(equity, 0.0), score=score, amount=budget)
    np.testing.assert_allclose(given / np.maximum(equity, 1.0), case["haircut"], rtol=0.0, atol=1e-12)
    forgiven = queue(np.maximum(-equity, 0.0), score=score, amount=budget)
    np.testing.assert_allclose(equity - given + forgiven, case["after"], rtol=0.0, atol=1e-12)


def check_chitra_winners(document, name, after):
    case = document["chitra2025"]["adl_pro_rata"]
    equity = np.array(case["equities"], dtype=float)
    winners, budget = equity[equity > 0.0], case["severity"] * -equity[equity < 0.0].sum()
    np.testing.assert_allclose(winners - pro_rata(winners, amount=budget), after, rtol=1e-12, atol=0.0)


def check_lrvx_history(document, name, case):
    """One shock a mark; slippage is the half-spread on a flat book; who is closed leaves the book."""
    number, quantity, entry, equity = (np.array(column) for column in zip(*case["positions"], strict=True))
    rate, fund, mark, deficits = case["mm_fraction"], case["fund0"], entry[0], []
    for price, closed, deleveraged, change, fund_after, left in case["history"]:
        book = position(quantity, entry, equity, rate=rate, fund=fund)
        market = market_of(FLAT, price=mark, half_spread=case["slippage_bps"] * 1e-4)
        outcome = sound(lc.shock(book, market, price / mark - 1.0))
        assert number[outcome.liquidated].tolist() == closed
        assert not deleveraged
        near(outcome.insurance_fund, fund_after, EXACT)
        near(outcome.insurance_fund - fund, change, EXACT)
        deficits += [fund - outcome.insurance_fund] if closed else []
        fund, mark, keep = outcome.insurance_fund, price, ~outcome.liquidated
        number, quantity, entry, equity = number[keep], quantity[keep], entry[keep], equity[keep]
        assert len(number) == left
    np.testing.assert_allclose(deficits, case["deficits_fund"], rtol=0.0, atol=1e-12)


def check_lrvx_book(document, name, case):
    """The fill through the bids as they stand; the rounds through the mid prices that the source marks at."""
    top, step, size, _, last = (float(x) for x in re.findall(r"\d+(?:\.\d+)?", case["bids"]))
    ask = float(re.search(r"[\d.]+", case["asks"])[0])
    mark, bids = case["mark"], [(top - step * i, size) for i in range(int(last) + 1)]
    count, quantity, entry = (float(x) for x in re.findall(r"\d+(?:\.\d+)?", case["positions"])[:3])
    first, fall = (float(x) for x in re.search(r"lp_i=([\d.]+)-([\d.]+)i", case["positions"]).groups())
    fill = float(lc.DepthCurve(**staircase(bids, mark)).average_ratio(0.0, -quantity)) * mark
    near(fill, case["first_fill_vwap"], {"rel": 1e-8})
    # Liquidatable strictly below: the source's ties at a mid price hold in decimals, a nudge keeps them in binary.
    prices = (first - fall * np.arange(count)) * (1.0 - 1e-12)
    margin = quantity * (entry - prices) + case["mm"] * quantity * prices
    book = position(np.full(int(count), quantity), entry, margin, rate=case["mm"], fund=1e6)
    mids = [0.5 * (price - step + ask) for price, _ in bids]
    sold = [size * (i + 1) for i in range(len(bids))]
    curve = lc.DepthCurve(distance=[1.0 - mid / mark for mid in mids], quantity=sold)
    outcome = sound(lc.shock(book, market_of(curve), mark / 100.0 - 1.0))
    assert round_sizes(outcome) == case["max_depth_5"]["cascade_sizes"]
    assert round_sizes(outcome)[:1] == case["max_depth_0"]["cascade_sizes"]
    assert outcome.liquidated_count == case["max_depth_5"]["liquidated"]


def check_lrvx_leak(document, name, case):
    """What is left of a solvent position is not lost: it is the fund's."""
    numbers = re.findall(r"\d+(?:\.\d+)?", case["position"])
    quantity, entry, equity, percent, slippage, mark = (float(x) for x in numbers)
    book = position(quantity, entry, equity, rate=percent / 100.0)
    market = market_of(FLAT, price=entry, half_spread=slippage)
    outcome = sound(lc.shock(book, market, mark / entry - 1.0))
    assert outcome.liquidated_count == 1
    assert outcome.bad_debt == 0.0
    near(outcome.insurance_fund, case["residual_equity"], EXACT)


def check_square_root(document, name, case):
    move, volume = case["Y"] * case["sigma_D"], case["V_D"]
    if case["delta"] == 0.5:
        shape = lc.SquareRootImpact(daily_volatility=case["sigma_D"], daily_volume=volume, coefficient=case["Y"])
    else:
        shape = lc.PowerImpact(scale=volume / move ** (1.0 / case["delta"]), exponent=case["delta"])
    near(float(shape.log_impact(case["Q"])), case["impact"], {"rel": 1e-12})
    near(float(shape.log_impact(-case["Q"])), -case["impact"], {"rel": 1e-12})


DOCUMENTS = {
    "cascade_identities.json": {
        "rows/*": check_linear_row,
        "gamma_feedback/cases/*": check_gamma_feedback,
        "ladder_book/cases/*": check_ladder_book,
    },
    "perp_margin_adl.json": {
        "chitra2025/initial_leverage/*": check_chitra_leverage,
        "chitra2025/bankruptcy_price/*": check_chitra_bankruptcy,
        "chitra2025/liquidation_price_mu_*/*": check_chitra_liquidation,
        "chitra2025/printed_liquidation/*": check_chitra_printed,
        "chitra2025/corrected_shortfall_E": check_chitra_shortfall,
        "chitra2025/vwap_book": check_chitra_vwap,
        "chitra2025/fee/binance*": check_chitra_fee,
        "chitra2025/funding_example/cash_t?": check_chitra_funding,
        "chitra2025/funding_example/equity_t?": check_chitra_funding,
        "chitra2025/funding_example/maintenance*violators": check_chitra_violators,
        "chitra2025/adl_queue": check_chitra_queue,
        "chitra2025/adl_pro_rata/factor": check_chitra_pro_rata,
        "chitra2025/adl_pro_rata/winners_after": check_chitra_winners,
        "lrvx_0_11_0/case_A": check_lrvx_history,
        "lrvx_0_11_0/book_cascade": check_lrvx_book,
        "lrvx_0_11_0/value_leak": check_lrvx_leak,
    },
    "price_impact.json": {"square_root/cases/*": check_square_root},
}

# What other cases of the same file start from.
INPUTS = {
    "perp_margin_adl.json": [
        "chitra2025/positions",
        "chitra2025/fee/inputs",
        "chitra2025/funding_example/kappa",
        "chitra2025/funding_example/L_over_S",
        "chitra2025/funding_example/mark",
        "chitra2025/funding_example/oracle",
        "chitra2025/adl_pro_rata/equities",
        "chitra2025/adl_pro_rata/severity",
    ],
}
