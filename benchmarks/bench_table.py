"""The rows of `table.py` on small books: both sides of each give the same answer.

With timing on each is timed, and its ratios are kept beside it; `python benchmarks/table.py` has the sizes that count.
"""

from __future__ import annotations

import pytest

import native_peer
import table
from comparing import TINY, Limit, measured

RUN_HERE = [number for number in sorted(table.ROWS) if table.missing(number) is None]


@pytest.mark.parametrize("number", RUN_HERE)
def test_both_sides_of_a_row_agree(benchmark, number):
    cases = list(table.ROWS[number](TINY))  # which asserts it
    assert cases
    for case in cases:
        assert table.line(number, case, measured(case, runs=1)).count("|") == 9
        if not benchmark.disabled:
            benchmark.extra_info[f"{case.what}; {case.peer}"] = measured(case).ratio
    benchmark.pedantic(cases[0].ours, setup=lambda: ((cases[0].made(),), {}), rounds=5)


def test_every_row_of_the_table_is_there_or_says_why_not():
    assert sorted(table.ROWS) == list(range(1, 14))
    for number in table.ROWS:
        if number not in RUN_HERE:
            assert table.missing(number)
    assert 5 in RUN_HERE or native_peer.lacking()


def test_a_row_says_plainly_when_a_floor_is_not_met():
    share, times = Limit("<=", 0.8, 0.35), Limit(">=", 10.0, 25.0)
    assert share.ratio(1.0, 2.0) == 0.5
    assert times.ratio(1.0, 12.0) == 12.0
    assert [table.bound(share, 0.5, v) for v in (0.8, 0.35)] == ["≤ 0.80: met", "≤ 0.35: **not met**"]
    assert [table.bound(times, 12.0, v) for v in (10.0, 25.0)] == ["≥ 10: met", "≥ 25: **not met**"]
    assert table.bound(times, 9.9, 10.0) == "≥ 10: **not met**"


def test_the_table_is_put_between_the_marks_of_the_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n", encoding="utf-8")
    table.put("new", page)
    assert page.read_text(encoding="utf-8") == f"before\n{table.BEGIN}\nnew\n{table.END}\nafter\n"
    assert table.BEGIN in table.PAGE.read_text(encoding="utf-8")
    page.write_text("no marks", encoding="utf-8")
    with pytest.raises(ValueError, match="has no"):
        table.put("new", page)
