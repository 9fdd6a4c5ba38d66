"""Published numbers of cross accounts, inverse perpetuals, funding payments and deleveraging queues."""

import math
from fractions import Fraction

import numpy as np

import levcore as lc
from levcore import funding_rates
from levcore.venues import deleveraging
from oracle_checks import near, side_of, tiers_of
from oracle_checks_prices import price_by_brackets, table_of

# ---- cross accounts ----


def asset_of(held):
    return held["pair"].split("/")[0]


def account_book(case, tables):
    """One account with the case's position first, the others after it, and its wallet."""
    inputs = case["inputs"]
    positions = [inputs, *inputs["other_positions"]]
    perpetuals = [lc.LinearPerpetual(asset_of(p), asset=asset_of(p), tiers=tables[asset_of(p)]) for p in positions]
    return lc.Book(
        lc.Venue(perpetuals),
        instrument=[asset_of(p) for p in positions],
        quantity=[side_of(p) * p["amount"] for p in positions],
        entry_price=[p["entry_price"] for p in positions],
        account=np.zeros(len(positions), dtype=np.int64),
        accounts=lc.Accounts(USD=[inputs["wallet_balance"]]),
    )


def marks_of(case):
    inputs = case["inputs"]
    return {asset_of(inputs): inputs["entry_price"]} | {
        asset_of(other): other["mark_price"] for other in inputs["other_positions"]
    }


def left_for_the_first(case, requirement):
    """The wallet with the signed profit of the others, without what they must hold at their marks: exact."""
    left = Fraction(case["inputs"]["wallet_balance"])
    for other in case["inputs"]["other_positions"]:
        amount, mark = Fraction(other["amount"]), Fraction(other["mark_price"])
        left += side_of(other) * amount * (mark - Fraction(other["entry_price"])) - requirement(other, amount * mark)
    return left


def check_cross_price(case):
    """freqtrade fixes every bracket at entry; levcore takes the one that each notional falls in, as Binance documents.

    The formula with the brackets fixed gives freqtrade's number, and levcore the same unless the requirement would be
    negative there: it is never. With the real brackets levcore's price is what a loop over them finds.
    """
    inputs, published = case["inputs"], case["expected"]["liquidation_price"]
    positions, sign = [inputs, *inputs["other_positions"]], side_of(inputs)
    amount, rate, deduction = inputs["amount"], inputs["mmr"], inputs["maint_amount"]
    left = left_for_the_first(case, lambda other, n: Fraction(other["mmr"]) * n - Fraction(other["maint_amount"]))
    by_formula = float(left + Fraction(deduction) - sign * Fraction(amount) * Fraction(inputs["entry_price"]))
    by_formula /= amount * (rate - sign)
    near(max(by_formula, 0.0), published or 0.0, case["tolerance"])
    fixed = {asset_of(p): lc.MarginTiers([0.0], [p["mmr"]], deduction=[p["maint_amount"]]) for p in positions}
    price = check_account_price(case, fixed, left, [(0.0, math.inf, rate, deduction)])
    if published and rate * amount * published >= deduction:
        near(price, published, case["tolerance"])
    real = {asset_of(p): table_of(tiers_of(f"{asset_of(p)}USDT")) for p in positions}
    left = left_for_the_first(case, lambda other, notional: exact_requirement(asset_of(other), notional))
    check_account_price(case, real, left, exact_brackets(asset_of(inputs)))


def check_account_price(case, tables, left, brackets):
    """levcore's price of the first position, which a loop over its brackets finds as well."""
    own = price_by_brackets({**case, "inputs": {**case["inputs"], "isolated_margin": left}}, brackets)
    price = float(account_book(case, tables).liquidation_price_at(marks_of(case))[0])
    assert math.isnan(price) is math.isnan(own)
    if not math.isnan(own):
        near(price, own, {"rel": 1e-12})
    return price


def exact_brackets(asset):
    tiers = tiers_of(f"{asset}USDT")
    ceilings = [*(t["minNotional"] for t in tiers[1:]), math.inf]
    return [(t["minNotional"], top, t["mmr"], t["maintAmt"]) for t, top in zip(tiers, ceilings, strict=True)]


def exact_requirement(asset, notional):
    rows = [Fraction(rate) * notional - Fraction(amount) for _, _, rate, amount in exact_brackets(asset)]
    return max(Fraction(0), *rows)


# ---- inverse perpetuals ----


def inverse_book(inputs, *, margin, rate=0.5, deduction=0.0):
    """A position in an inverse perpetual; its size as contracts of a value, or in quote units."""
    contracts, value = inputs.get("contracts", inputs.get("quantity_usd", 1.0)), inputs.get("contract_size", 1.0)
    tiers = lc.MarginTiers([0.0], [rate], deduction=[deduction] if deduction else None)
    coin = lc.InversePerpetual("P", asset="A", contract_value=float(value), tiers=tiers)
    quantity = [side_of(inputs) * float(contracts)]
    return lc.Book(
        lc.Venue([coin]), instrument="P", quantity=quantity, entry_price=[inputs["entry_price"]], margin=[margin]
    )


def inverse_price(inputs, deduction):
    return float(
        inverse_book(
            inputs, margin=inputs["isolated_wallet"], rate=inputs["mmr"], deduction=deduction
        ).liquidation_price[0]
    )


def check_inverse_price(case):
    """ccxt leaves the maintenance amount out; levcore, as the exchange, counts it."""
    inputs, published = case["inputs"], case["expected"]["liquidation_price"]
    amount = inputs.get("maint_amount") or 0.0
    price = inverse_price(inputs, amount)
    if case["origin"] != "computed_by_source_code":
        near(price, published, case["tolerance"])
        return
    without = inverse_price(inputs, 0.0)
    if published is None or published <= 0.0:
        assert math.isnan(without)
    else:
        near(without, published, case["tolerance"])
    if amount and not math.isnan(price):  # less must be held: the price lies further away
        assert side_of(inputs) * (price - without) < 0.0


def check_inverse_bankruptcy(case):
    inputs, expected = case["inputs"], case["expected"]
    margin = 1.0 / inputs["entry_price"] / inputs["leverage"]
    price = float(inverse_book(inputs, margin=margin).bankruptcy_price[0])
    near(price, expected["bankruptcy_price_exact"], case["tolerance"])
    to_tick = math.ceil if side_of(inputs) > 0 else math.floor
    near(to_tick(price / inputs["tick"]) * inputs["tick"], expected["bankruptcy_price"], case["tolerance"])


def check_inverse_profit(case):
    inputs, expected, tolerance = case["inputs"], case["expected"], case["tolerance"]
    book, mark = inverse_book(inputs, margin=1.0), inputs["mark_price"]
    near(float(book.equity(mark)[0]) - 1.0, expected["unrealized_pnl"], tolerance)
    near(abs(float(book.exposure(mark)[0])) / mark, expected["notional"], tolerance)
    near(2.0 * float(book.maintenance_margin(mark)[0]), expected["notional"], tolerance)


# ---- funding ----


def check_funding_payment(case):
    inputs = case["inputs"]
    received = funding_rates.payment(
        side_of(inputs) * inputs["size"], mark_price=inputs["mark_price"], rate=inputs["funding_rate"]
    )
    near(received, case["expected"]["received"], case["tolerance"])


def check_funding_sum(case):
    inputs, events = case["inputs"], case["inputs"]["funding_events"]
    received = funding_rates.payments_while_open(
        side_of(inputs) * inputs["size"],
        opened=inputs["open_time_s"],
        closed=inputs["close_time_s"],
        times=[event["time_s"] for event in events],
        rates=[event["rate"] for event in events],
        mark_prices=[event["mark_price"] for event in events],
    )
    near(received, case["expected"]["received"], case["tolerance"])


# ---- deleveraging ----


def check_queue(case):
    """The fills in the order of the queue, and what is left of those who were not closed out whole."""
    inputs, expected = case["inputs"], case["expected"]
    side = next(name for name in ("longs", "shorts") if name in inputs)
    wanted = next(value for name, value in inputs.items() if name.startswith("liquidated_"))
    held = {row["account"]: row for row in inputs[side]}
    size, score = ([row[name] for row in held.values()] for name in ("quantity", "score"))
    taken = dict(zip(held, deleveraging.queue(size, score=score, amount=wanted).tolist(), strict=True))
    fills = sorted((account for account in held if taken[account]), key=lambda account: -held[account]["score"])
    at = {"price": inputs["bankruptcy_price"]}
    assert [{"account": account, "size": taken[account], **at} for account in fills] == expected["fills"]
    for account, left in expected["left"].items():
        assert held[int(account)]["quantity"] - taken[int(account)] == left


KINDS = {
    "liquidation_price_cross": check_cross_price,
    "liquidation_price_inverse": check_inverse_price,
    "bankruptcy_price_inverse": check_inverse_bankruptcy,
    "mark_to_market_inverse": check_inverse_profit,
    "funding_payment": check_funding_payment,
    "funding_sum": check_funding_sum,
    "adl_allocation": check_queue,
}
