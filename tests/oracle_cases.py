"""Which published cases there are, what runs each, and which are left out and why."""

import json
import re
from fnmatch import fnmatchcase

import oracle_checks_accounts
import oracle_checks_cascades
import oracle_checks_drift
import oracle_checks_dydx
import oracle_checks_prices
import oracle_checks_processes
import oracle_checks_systemic
from oracle_checks import ORACLES

# "file: what" with what a pattern of case names, field=value, or field<value; "*" stands for every file.
LEFT_OUT = {
    "cascade_identities.json: G<0": "dealers long gamma buy into a fall: no forced order does",
    "funding_interest_inverse_pnl.json: kind=borrow_interest": "interest on margin loans",
    "perp_margin_adl.json: chitra2025/funding_example/gamma": "the paper's own rate, of an imbalance of open interest",
    "perp_margin_adl.json: chitra2025/fee/hyperliquid*": "a fee on two bases, mark and execution; levcore's is on one",
    "perp_margin_adl.json: hyperliquid_2025_10_10": "an event's totals, not a rule with inputs",
    "perp_margin_adl.json: market_2025_10_10": "an event's totals, not a rule with inputs",
    "price_impact.json: almgren_chriss_2000": "an optimal execution schedule; levcore executes at once",
    "price_impact.json: obizhaeva_wang": "an optimal execution schedule; levcore executes at once",
    "price_impact.json: cpmm": "a constant-product pool is none of the impact shapes",
    "volatility_processes.json: published_params/sample_moments/*": "moments of the paper's sample, which is not ours",
}

FILES_LEFT_OUT = {
    "compound_liquity.json": "loans",
    "leverage_cycle.json": "leverage cycle models",
    "loans_loops_pm_docs.json": "loans, loops, portfolio margin",
    "maker_liquidations.json": "loans sold in Dutch auctions",
    "mango_health.json": "Mango: cross margin with weights, loans and perpetuals in one health",
    "nautilus_margin.json": "margin divided by leverage, maintenance too: no venue's rule",
    "option_prices.json": "options",
    "synthetix.json": "Synthetix: price impact by skew, liquidation in windows",
}

# What runs a kind of case; dYdX and Drift have kinds of their own.
OF_A_VENUE = {"dydx_v4": oracle_checks_dydx.KINDS, "drift_v2": oracle_checks_drift.KINDS}
DOCUMENTS = {
    **oracle_checks_cascades.DOCUMENTS,
    **oracle_checks_processes.DOCUMENTS,
    **oracle_checks_systemic.DOCUMENTS,
}
INPUTS = oracle_checks_cascades.INPUTS


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
    if case["venue"] in OF_A_VENUE:
        return OF_A_VENUE[case["venue"]].get(case["kind"])
    found = oracle_checks_accounts.KINDS.get(case["kind"])
    isolated = case["venue"] in oracle_checks_prices.VENUES and case["inputs"].get("margin_mode") != "cross"
    return found or (oracle_checks_prices.KINDS.get(case["kind"]) if isolated else None)


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
