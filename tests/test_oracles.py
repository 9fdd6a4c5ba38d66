"""levcore against numbers that others published, computed or observed.

The cases lie in tests/oracles, unchanged, each with its source and tolerance inside. Every case is either run through
the public functions of levcore or named in oracle_cases.LEFT_OUT with its reason: `test_every_case_is_run_or_named`.
"""

import pytest

import oracle_table
from oracle_cases import DOCUMENTS, FILES, FILES_LEFT_OUT, LEFT_OUT, cases_of, check_of, line_that_leaves_out
from oracle_checks import side_of
from oracle_checks_prices import check_tiered_price, shared_brackets, table_of

# Buffered prices whose raw price is negative: levcore has no liquidation price there (see check_liquidation_price).
RAW_PRICE_IS_NEGATIVE = {"freqtrade_liquidation_price-036"}

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
    assert set(LEFT_OUT) == used - {None}
    assert not set(FILES_LEFT_OUT) & set(FILES)


def test_the_page_of_checked_venues_says_what_is_run():
    """`python tests/oracle_table.py` writes its tables anew."""
    page = oracle_table.PAGE.read_text(encoding="utf-8")
    assert page == oracle_table.with_tables(page)


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
