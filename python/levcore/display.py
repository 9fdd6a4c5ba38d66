"""How values show themselves: money in a few letters, tables for notebooks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape


def money(value: float) -> str:
    """Return an amount in a few letters: 12,345, 1.23M, 4.56bn."""
    if math.isnan(value):
        return "nan"
    for size, letters in ((1e12, "tn"), (1e9, "bn"), (1e6, "M")):
        if abs(value) >= (size if letters == "M" else 0.9995 * size):  # what rounds up to 1bn is no 1e+03M
            return f"{value / size:,.3g}{letters}" if abs(value) < 1e15 else f"{value:.4g}"
    if value == 0.0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:,.6g}"


def tied(text: str) -> str:
    """Return a text whose per cent signs stay with their numbers where lines break."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def plural(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def price(value: float) -> str:
    """Return a price with enough digits to tell it from its neighbours."""
    return f"{value:,.2f}" if 1e3 <= abs(value) < 1e9 else f"{value:,.6g}"


def table_html(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a small HTML table: the first column to the left, figures to the right."""
    head = _html_row("th", header)
    body = "".join(_html_row("td", row) for row in rows)
    caption = f"<caption style='text-align:left'><b>{escape(title)}</b></caption>"
    return f"<table>{caption}<thead>{head}</thead><tbody>{body}</tbody></table>"


def _html_row(tag: str, cells: Sequence[str]) -> str:
    sides = ("left", *("right",) * (len(cells) - 1))
    inner = (
        f"<{tag} style='text-align:{side}'>{escape(cell)}</{tag}>" for side, cell in zip(sides, cells, strict=True)
    )
    return f"<tr>{''.join(inner)}</tr>"
