"""The tables of docs/venues-checked.md: which published cases are run, by venue, and which are left out and why.

`python tests/oracle_table.py` writes them into the page; test_oracles.py fails while they differ.
"""

import re
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

from oracle_cases import DOCUMENTS, FILES, FILES_LEFT_OUT, LEFT_OUT, cases_of, check_of, line_that_leaves_out

PAGE = Path(__file__).resolve().parents[1] / "docs/venues-checked.md"
START, END = "<!-- tables: begin -->\n", "<!-- tables: end -->\n"

VENUES = {
    "binance_usdm": "Binance USD-M",
    "binance_coinm": "Binance COIN-M",
    "binance_margin": "Binance margin loans",
    "bitget_usdt": "Bitget",
    "bitmex": "BitMEX",
    "bitmex_inverse": "BitMEX, inverse",
    "bybit_inverse": "Bybit, inverse",
    "bybit_linear": "Bybit, linear",
    "delta_exchange": "Delta Exchange",
    "drift_v2": "Drift v2",
    "dydx_v4": "dYdX v4",
    "gate_usdt": "Gate",
    "hyperliquid": "Hyperliquid",
    "kraken_margin": "Kraken margin loans",
    "kucoin": "KuCoin",
    "okx_usdt": "OKX",
}
SOURCES = {
    "cascade_identities.json": "cascade identities",
    "perp_margin_adl.json": "papers and lrvx on margin, funds, deleveraging",
    "price_impact.json": "papers on price impact",
    "systemic_measures.json": "closed forms of risk measures",
    "volatility_processes.json": "closed forms and published parameters of processes",
}


def venue_and_kind(file, name, case):
    """Where a case belongs, and what it is a case of: a case of a document by the pattern that runs it."""
    if file in DOCUMENTS:
        found = [pattern for pattern in DOCUMENTS[file] if fnmatchcase(name, pattern)]
        parts = [re.sub(r"(_mu_|_t)?[*?]", " ", part) for part in (found[0] if found else name).split("/")]
        kept = [part for part in parts if part.strip() and part not in ("cases", "chitra2025", "lrvx_0_11_0")]
        return SOURCES[file], " ".join(" ".join(kept).split()) or case["kind"]
    return VENUES[case["venue"]], case["kind"]


def counted():
    """The numbers of cases run and left out: by venue and kind, and by the line that leaves them out."""
    run, out, lines = Counter(), Counter(), Counter()
    for file in FILES:
        for name, case in cases_of(file)[0]:
            line = line_that_leaves_out(file, name, case)
            (out if line or not check_of(file, name, case) else run)[venue_and_kind(file, name, case)] += 1
            lines[line] += 1
    return run, out, lines


def tables():
    run, out, lines = counted()
    text = [
        "| venue or source | cases | run and passed | left out | what is run |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    names = {venue for venue, _ in run} | {venue for venue, _ in out}
    order = sorted(names, key=lambda venue: (venue in SOURCES.values(), venue.lower()))
    for venue in order:
        ran = {kind: number for (where, kind), number in run.items() if where == venue}
        left = sum(number for (where, _), number in out.items() if where == venue)
        what = ", ".join(f"{kind.replace('_', ' ')} ({number})" for kind, number in sorted(ran.items()))
        text.append(f"| {venue} | {sum(ran.values()) + left} | {sum(ran.values())} | {left} | {what} |")
    total, missing = run.total(), out.total()
    text += [f"| **all** | **{total + missing}** | **{total}** | **{missing}** | |", ""]
    text += ["| left out | cases | reason |", "| --- | ---: | --- |"]
    text += [f"| `{line}` | {lines[line]} | {reason} |" for line, reason in LEFT_OUT.items()]
    text += [f"| `{file}` | the file | {reason} |" for file, reason in FILES_LEFT_OUT.items()]
    return "\n".join(text) + "\n"


def with_tables(page):
    """The page with the tables of today between its markers."""
    before, _, rest = page.partition(START)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{PAGE.name} must hold {START.strip()} and {END.strip()}")
    return f"{before}{START}\n{tables()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
