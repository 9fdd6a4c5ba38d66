"""Small scenario files in one line, for tests that need one thing to be particular and the rest plain."""

from __future__ import annotations

from pathlib import Path

VENUE = """
[[venue.instruments]]
symbol = "BTCUSDT"
asset = "BTC"
tiers = { floor = [0, 1e6], maintenance_rate = [0.005, 0.01] }
closing_fee = 0.0005

[venue.backstop]
insurance_fund = 1e5
"""
BOOK = """
[book]
kind = "synthetic"
size = 60
open_interest = { BTC = 1e8 }
seed = 1
"""
MARKET = """
[market]
numeraire = "USDT"
assets.BTC = { price = 60_000.0, impact = { kind = "linear", depth = 2e4 } }
"""
SHOCK = """
[scenario]
kind = "shock"
shock = [-0.05, -0.2]
"""
GBM = """
[scenario]
kind = "gbm"
volatility = 0.9

[run]
paths = 40
steps = 24
step = "1h"
seed = 7
"""
REPLAY = """
[scenario]
kind = "replay"
file = "prices.csv"
prices = { BTC = "close" }
step = "1h"
"""


def text(*, venue: str = VENUE, book: str = BOOK, market: str = MARKET, scenario: str = GBM) -> str:
    """The parts of a file, one of them another than usual."""
    return venue + book + market + scenario


def written(folder: Path, content: str | bytes | None = None, name: str = "day.toml", **parts: str) -> Path:
    """Write a scenario file."""
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(text(**parts) if content is None else content, encoding="utf-8")
    return path
