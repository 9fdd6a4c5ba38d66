"""What the checks of published numbers share: where the cases lie, and when a number is near enough."""

import json
from pathlib import Path

ORACLES = Path(__file__).parent / "oracles"
EXACT = {"abs": 1e-12, "rel": 1e-12}


def near(actual, expected, tolerance):
    assert abs(actual - expected) <= tolerance.get("abs", 0.0) + tolerance.get("rel", 0.0) * abs(expected), (
        f"{actual!r} is not {expected!r} within {tolerance}"
    )


def side_of(inputs):
    return {"long": 1, "short": -1}[inputs["side"]]


def tiers_of(symbol):
    """The brackets of a Binance symbol, as freqtrade writes them."""
    return json.loads((ORACLES / "binance_usdm_tiers.json").read_text())[symbol]
