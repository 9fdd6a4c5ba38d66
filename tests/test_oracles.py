"""levcore against numbers that others published, computed or observed.

The cases lie in tests/oracles, unchanged, each with its source and tolerance inside. Every case is either run through
the public functions of levcore or named in LEFT_OUT with its reason: `test_every_case_is_run_or_named`.
"""

import json
import math
import re
from fnmatch import fnmatchcase
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import levcore as lc

ORACLES = Path(__file__).parent / "oracles"

# "file: what" with what a pattern of case names, field=value, or field<value; "*" stands for every file.
LEFT_OUT = {
    "*: margin_mode=cross": "cross margin: a cross account has no rules here yet, and no single liquidation price",
    "*: kind=liquidation_price_inverse": "inverse (coin-margined) perpetuals have no rules here yet",
    "*: kind=bankruptcy_price_inverse": "inverse (coin-margined) perpetuals have no rules here yet",
    "cascade_identities.json: G<0": "dealers long gamma buy into a fall: no forced order does",
    "perp_margin_adl.json: chitra2025/funding_example": "funding",
    "perp_margin_adl.json: chitra2025/fee/hyperliquid*": "a fee on two bases, mark and execution; levcore's is on one",
    "perp_margin_adl.json: chitra2025/adl_queue": "a ranked queue over equities; levcore shrinks positions pro rata",
    "perp_margin_adl.json: chitra2025/adl_pro_rata/winners_after": "no equity per position is reported; the sum is run",
    "perp_margin_adl.json: hyperliquid_2025_10_10": "an event's totals, not a rule with inputs",
    "perp_margin_adl.json: market_2025_10_10": "an event's totals, not a rule with inputs",
    "price_impact.json: almgren_chriss_2000": "an optimal execution schedule; levcore executes at once",
    "price_impact.json: obizhaeva_wang": "an optimal execution schedule; levcore executes at once",
    "price_impact.json: cpmm": "a constant-product pool is none of the impact shapes",
}

FILES_LEFT_OUT = {
    "adl_bitmex.json": "deleveraging by rank; levcore's default is pro rata",
    "compound_liquity.json": "loans",
    "computed_ccxt_inverse.json": "inverse perpetuals",
    "computed_freqtrade_binance_cross.json": "cross margin",
    "drift_liquidation.json": "Drift: cross margin with weights, partial liquidation to a buffer",
    "dydx_adl.json": "dYdX: cross margin",
    "dydx_liquidations.json": "dYdX: cross margin, integer rounding",
    "dydx_margin_funding.json": "dYdX: open-interest scaled margin, funding",
    "dydx_scenarios.json": "dYdX: cross margin, partial liquidation",
    "funding_interest_inverse_pnl.json": "funding, interest, inverse profit and loss",
    "leverage_cycle.json": "leverage cycle models",
    "loans_loops_pm_docs.json": "loans, loops, portfolio margin",
    "maker_liquidations.json": "loans sold in Dutch auctions",
    "mango_health.json": "cross margin with weights",
    "nautilus_margin.json": "margin divided by leverage, maintenance too: no venue's rule",
    "option_prices.json": "options",
    "synthetix.json": "cross margin, price impact by skew, liquidation in windows",
    "systemic_measures.json": "systemic risk measures",
    "volatility_processes.json": "processes of returns",
}

# What is asked of a venue's isolated linear positions (basis of the requirement, closing fee in it, kind of table).
VENUES = {
    "binance_usdm": {},
    "hyperliquid": {},
    "bitget_usdt": {"fee": True},
    "okx_usdt": {"fee": True, "whole_position": True},
    "gate_usdt": {"fee": True, "whole_position": True},
    "bybit_linear": {"basis": "entry"},
    "delta_exchange": {"basis": "entry"},
    "kucoin": {"basis": "entry"},
}

# Buffered prices whose raw price is negative: levcore has no liquidation price there (see check_liquidation_price).
RAW_PRICE_IS_NEGATIVE = {"freqtrade_liquidation_price-036"}


def near(actual, expected, tolerance):
    assert abs(actual - expected) <= tolerance.get("abs", 0.0) + tolerance.get("rel", 0.0) * abs(expected), (
        f"{actual!r} is not {expected!r} within {tolerance}"
    )


# ---- liquidation and bankruptcy prices ----


def side_of(inputs):
    return {"long": 1, "short": -1}[inputs["side"]]


def quantity_of(inputs):
    return inputs["amount"] if "amount" in inputs else inputs["size"]


def margin_of(inputs):
    for name in ("isolated_margin", "position_margin", "wallet_balance"):
        if name in inputs:
            return inputs[name]
    return inputs["entry_price"] * quantity_of(inputs) / inputs["leverage"]


def rate_of(inputs):
    for name in ("mmr", "mmr_on_entry"):
        if name in inputs:
            return inputs[name]
    if "maintenance_margin" in inputs:
        return inputs["maintenance_margin"] / (quantity_of(inputs) * inputs["entry_price"])
    return 0.5 / inputs["max_leverage"]


def table_of(tiers, *, whole_position=False):
    deduction = None if whole_position or any(t["maintAmt"] is None for t in tiers) else [t["maintAmt"] for t in tiers]
    return lc.MarginTiers(
        [0.0, *(float(t["minNotional"]) for t in tiers[1:])],
        [t["mmr"] for t in tiers],
        max_leverage=[t["maxLeverage"] for t in tiers],
        deduction=deduction,
        whole_position=whole_position,
    )


def own_brackets(case):
    """The case's single rate as a bracket without bounds: (floor, ceiling, rate, deduction)."""
    inputs = case["inputs"]
    fee = inputs.get("taker_fee", 0.0) if VENUES[case["venue"]].get("fee") else 0.0
    return [(0.0, math.inf, Fraction(rate_of(inputs)) + Fraction(fee), inputs.get("maint_amount") or 0.0)]


def shared_brackets(case):
    tiers = json.loads((ORACLES / "binance_usdm_tiers.json").read_text())
    return tiers[case["inputs"]["pair"].split("/")[0] + "USDT"]


def book_of(case, *, tiers=None, margin=None):
    inputs, rules = case["inputs"], VENUES[case["venue"]]
    if tiers is None:
        deduction = inputs.get("maint_amount") or None
        tiers = lc.MarginTiers(
            [0.0],
            [rate_of(inputs)],
            deduction=deduction and [deduction],
            whole_position=rules.get("whole_position", False) and not deduction,
        )
    fee = inputs.get("taker_fee", 0.0) if rules.get("fee") else 0.0
    perpetual = lc.LinearPerpetual("P", asset="A", tiers=tiers, closing_fee=fee, basis=rules.get("basis", "mark"))
    return lc.Book(
        lc.Venue([perpetual]),
        instrument="P",
        quantity=[side_of(inputs) * float(quantity_of(inputs))],
        entry_price=[float(inputs["entry_price"])],
        margin=[float(margin_of(inputs) if margin is None else margin)],
    )


def price_by_brackets(case, brackets):
    """The self-consistent liquidation price in exact arithmetic, bracket by bracket; nan where there is none."""
    inputs, sign = case["inputs"], side_of(case["inputs"])
    quantity, entry, margin = (Fraction(x) for x in (quantity_of(inputs), inputs["entry_price"], margin_of(inputs)))
    cash, nothing = margin - sign * quantity * entry, Fraction(0)
    bankruptcy = -cash / (sign * quantity)
    if VENUES[case["venue"]].get("basis") == "entry":
        _, _, rate, deduction = brackets[0]
        price = bankruptcy + sign * max(nothing, Fraction(rate) * quantity * entry - Fraction(deduction)) / quantity
        return float(price) if price > 0 else math.nan
    for floor, ceiling, rate, deduction in brackets:
        rate, deduction = Fraction(rate), Fraction(deduction)
        price = (deduction + cash) / (quantity * (rate - sign))
        notional = quantity * price
        if price > 0 and rate * notional >= deduction and floor <= notional < ceiling:
            return float(price)
    _, _, rate, deduction = brackets[0]  # a requirement is never negative
    free = bankruptcy > 0 and Fraction(rate) * quantity * bankruptcy < Fraction(deduction)
    return float(bankruptcy) if free else math.nan


def check_own_price(case, book, brackets):
    """levcore's price is the one found here by a loop over the brackets, and the predicate turns there.

    A fully margined long has none. Where rounding of quantity and margin alone leaves one, billionths of the entry
    price, it counts as none: nan is returned.
    """
    price, own = float(book.liquidation_price[0]), price_by_brackets(case, brackets)
    entry, sign = case["inputs"]["entry_price"], side_of(case["inputs"])
    if math.isnan(own) or own < 1e-9 * entry:
        assert math.isnan(price) or price < 1e-9 * entry
        return math.nan
    near(price, own, {"abs": 1e-12 * entry, "rel": 1e-12})
    assert bool(book.liquidatable({"A": price * (1.0 - sign * 1e-6)})[0])
    assert not bool(book.liquidatable({"A": price * (1.0 + sign * 1e-6)})[0])
    return price


def check_liquidation_price(case):
    inputs, expected, tolerance = case["inputs"], case["expected"], case["tolerance"]
    book = book_of(case)
    price = check_own_price(case, book, own_brackets(case))
    for name, value in expected.items():
        if name == "liquidation_price" and (value is None or value <= 0.0):
            assert math.isnan(price)
        elif name == "liquidation_price":
            near(price, value, tolerance)
        elif name == "buffered_liquidation_price":  # liq + buffer*(entry - liq)
            buffer, entry = inputs["liquidation_buffer"], inputs["entry_price"]
            if (value - buffer * entry) / (1.0 - buffer) > 0.0:
                near(price + buffer * (entry - price), value, tolerance)
            else:
                assert math.isnan(price)
        elif name == "bankruptcy_price":
            paid_in = None
            if "initial_margin" in inputs:  # the posted margin without what it holds for the closing fee
                paid_in = inputs["initial_margin"] + inputs.get("added_margin", 0.0)
            near(float(book_of(case, margin=paid_in).bankruptcy_price[0]), value, tolerance)
        else:
            pytest.fail(f"nothing answers {name}")


def check_tiered_price(case):
    """freqtrade takes the bracket of the entry notional, levcore the one that the liquidation price falls in."""
    inputs, published = case["inputs"], case["expected"]["liquidation_price"]
    sign, quantity, entry = side_of(inputs), inputs["amount"], inputs["entry_price"]
    tiers = shared_brackets(case)
    table = table_of(tiers)
    at_entry = table.tier(quantity * entry)
    rate, deduction = table.maintenance_rate[at_entry], table.deduction[at_entry]
    near(rate, inputs["mmr"], {"rel": 1e-12})
    near(deduction, inputs["maint_amount"], {"abs": 1e-6, "rel": 1e-12})
    by_entry = (inputs["isolated_margin"] + deduction - sign * quantity * entry) / (quantity * (rate - sign))
    near(by_entry, published, case["tolerance"])  # what freqtrade gives is the price of the bracket at entry
    ceilings = [*(t["minNotional"] for t in tiers[1:]), math.inf]
    brackets = [(t["minNotional"], top, t["mmr"], t["maintAmt"]) for t, top in zip(tiers, ceilings, strict=True)]
    price = check_own_price(case, book_of(case, tiers=table), brackets)
    if math.isnan(price):
        assert published < 1e-9 * entry
    elif table.tier(quantity * price) == at_entry:
        near(price, published, case["tolerance"])
    else:  # a requirement that is the higher of the two is met sooner
        assert sign * (price - published) > 0.0


def check_buffer(case):
    inputs, sign, rate = case["inputs"], side_of(case["inputs"]), 0.01
    entry, raw = inputs["entry_price"], inputs["raw_liquidation_price"]
    own = {"side": inputs["side"], "entry_price": entry, "amount": 1.0, "mmr": rate}
    own["isolated_margin"] = rate * raw - sign * (raw - entry)
    price = float(book_of({**case, "inputs": own}).liquidation_price[0])
    near(price, raw, {"rel": 1e-13})
    near(
        price + inputs["liquidation_buffer"] * (entry - price),
        case["expected"]["buffered_liquidation_price"],
        case["tolerance"],
    )


def check_maintenance_payload(case):
    """The rate is the note's; the initial margin is what gives the stated leverage."""
    inputs, expected, tolerance = case["inputs"], case["expected"], case["tolerance"]
    rate = inputs.get("mmr") or float(re.search(r"mmr=([\d.]+)%", case["note"])[1]) / 100.0
    own = {"side": "long", "entry_price": inputs["avg_price"], "amount": inputs["size"], "mmr": rate}
    book = book_of({**case, "inputs": {**own, "isolated_margin": expected["initial_margin"]}})
    mark = {"A": inputs["last_price"]}
    near(float(book.exposure(mark)[0]), inputs["notional_usd"], tolerance)
    near(float(book.maintenance_margin(mark)[0]), expected["maintenance_margin"], tolerance)
    near(float(book.leverage(mark)[0]), inputs["leverage"], tolerance)


# ---- margin tiers ----


def check_tier_lookup(case):
    inputs, expected, tolerance = case["inputs"], case["expected"], case["tolerance"]
    tiers = inputs["tiers"] if "tiers" in inputs else shared_brackets(case)
    whole_position = VENUES[case["venue"]].get("whole_position", False)
    table, notional = table_of(tiers, whole_position=whole_position), float(inputs["notional"])
    tier = table.tier(notional)
    rate, deduction = table.maintenance_rate[tier], table.deduction[tier]
    near(rate, expected["mmr"], tolerance)
    near(deduction, expected.get("maint_amount") or 0.0, tolerance)
    near(table.maintenance_margin(notional), notional * rate - deduction, {"rel": 1e-12})
    if not whole_position:  # the deductions that levcore works out are the published ones
        filled = lc.MarginTiers(table.floor, table.maintenance_rate).deduction[tier]
        near(filled, expected.get("maint_amount") or 0.0, {"abs": 1e-6, "rel": 1e-12})


def check_max_leverage(case):
    """The highest leverage that the tier of stake times leverage allows, by bisection."""
    stake, tiers = case["inputs"]["stake"], table_of(case["inputs"]["tiers"])
    low, high = 0.0, max(tiers.max_leverage) * 2.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        allowed = middle <= tiers.max_leverage[tiers.tier(stake * middle)]
        low, high = (middle, high) if allowed else (low, middle)
    near(low, case["expected"]["max_leverage"], case["tolerance"])


KINDS = {
    "liquidation_price": check_liquidation_price,
    "liquidation_and_bankruptcy_price": check_liquidation_price,
    "bankruptcy_price": check_liquidation_price,
    "liquidation_price_tiered": check_tiered_price,
    "liquidation_buffer": check_buffer,
    "maintenance_margin_payload": check_maintenance_payload,
    "tier_lookup": check_tier_lookup,
    "max_leverage_for_stake": check_max_leverage,
}


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
EXACT = {"abs": 1e-12, "rel": 1e-12}


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
        "chitra2025/adl_pro_rata/factor": check_chitra_pro_rata,
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
        "chitra2025/adl_pro_rata/equities",
        "chitra2025/adl_pro_rata/severity",
    ],
}


# ---- which cases there are ----


def line_that_leaves_out(file, name, case):
    """The key of LEFT_OUT that names a case, or None."""
    fields = {**case, **case.get("inputs", {})} if isinstance(case, dict) else {}
    for key in LEFT_OUT:
        where, what = key.split(": ", 1)
        field = re.fullmatch(r"(\w+)([=<])(.+)", what)
        if where not in ("*", file):
            continue
        if field is None:
            found = fnmatchcase(name, what)
        elif field[2] == "=":
            found = str(fields.get(field[1])) == field[3]
        else:
            found = field[1] in fields and fields[field[1]] < float(field[3])
        if found:
            return key
    return None


def check_of(file, name, case):
    """What runs a case, or None."""
    if file in DOCUMENTS:
        return next((check for pattern, check in DOCUMENTS[file].items() if fnmatchcase(name, pattern)), None)
    return KINDS.get(case["kind"]) if case["venue"] in VENUES else None


def cases_within(file, node, path=""):
    """The cases of a file that is one document: what is run, left out, or neither a text nor an input."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        name = f"{path}/{key}" if path else str(key)
        texts = isinstance(value, str) or (isinstance(value, list) and all(isinstance(x, str) for x in value))
        if check_of(file, name, value) or line_that_leaves_out(file, name, value):
            yield name, value
        elif isinstance(value, dict) or (isinstance(value, list) and value and isinstance(value[0], dict)):
            yield from (cases_within(file, value, name) if name not in INPUTS.get(file, []) else ())
        elif not texts and name not in INPUTS.get(file, []):
            yield name, value


def cases_of(file):
    content = json.loads((ORACLES / file).read_text())
    if isinstance(content, dict):
        return list(cases_within(file, content)), content
    return [(case["id"], case) for case in content], content


FILES = sorted(path.name for path in ORACLES.glob("*.json") if path.name != "binance_usdm_tiers.json")
RUN = [
    pytest.param(file, name, case, content, id=f"{file.removesuffix('.json')}:{name}")
    for file in FILES
    for cases, content in [cases_of(file)]
    for name, case in cases
    if check_of(file, name, case) and not line_that_leaves_out(file, name, case)
]


@pytest.mark.parametrize(("file", "name", "case", "content"), RUN)
def test_a_published_number_is_reproduced(file, name, case, content):
    check = check_of(file, name, case)
    if file in DOCUMENTS:
        check(content, name, case)
    else:
        check(case)


@pytest.mark.parametrize("file", FILES)
def test_every_case_is_run_or_named(file):
    cases, _ = cases_of(file)
    run = {param.values[1] for param in RUN if param.values[0] == file}
    left_out = {name for name, case in cases if line_that_leaves_out(file, name, case)}
    names = [name for name, _ in cases]
    assert len(names) == len(set(names))
    assert not run & left_out
    assert set(names) - run - left_out == set()
    assert len(run) + len(left_out) == len(names)


def test_every_line_of_the_table_names_a_case():
    used = {line_that_leaves_out(file, name, case) for file in FILES for name, case in cases_of(file)[0]}
    assert set(LEFT_OUT) - used <= {"*: margin_mode=cross"}  # the files in use hold none; others of their kind do
    assert not set(FILES_LEFT_OUT) & set(FILES)


def test_the_buffered_prices_without_a_raw_price_are_the_listed_ones():
    found = set()
    for param in RUN:
        case = param.values[2]
        if isinstance(case, dict) and "buffered_liquidation_price" in case.get("expected", {}):
            buffer, entry = case["inputs"]["liquidation_buffer"], case["inputs"]["entry_price"]
            if case["expected"]["buffered_liquidation_price"] - buffer * entry <= 0.0:
                found.add(case["id"])
    assert found == RAW_PRICE_IS_NEGATIVE


@pytest.mark.parametrize(("side", "notional"), [("long", 12.2e6), ("short", 11.8e6)])
def test_the_bracket_at_the_liquidation_price_decides_and_not_the_bracket_at_entry(side, notional):
    inputs = {"pair": "BTC/USDT:USDT", "side": side, "entry_price": 65_000.0, "amount": notional / 65_000.0}
    inputs["isolated_margin"] = 0.1 * notional
    case = {"venue": "binance_usdm", "inputs": inputs, "tolerance": {"rel": 1e-9}}
    table, sign = table_of(shared_brackets(case)), side_of(inputs)
    tier = table.tier(notional)
    rate, deduction = table.maintenance_rate[tier], table.deduction[tier]
    by_entry = (0.1 * notional + deduction - sign * notional) / (inputs["amount"] * (rate - sign))
    assert table.tier(inputs["amount"] * by_entry) != tier
    inputs.update(mmr=rate, maint_amount=deduction)
    check_tiered_price({**case, "expected": {"liquidation_price": by_entry}})
