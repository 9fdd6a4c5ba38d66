"""Halving the step moves the measures by less than the page says: a few paths here, the page anew in the long suite."""

from __future__ import annotations

import importlib
import re
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

import levcore as lc

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def study():
    sys.path.append(str(ROOT / "docs/studies"))
    return importlib.import_module("step_size")


@pytest.fixture(scope="module")
def jumping(study):
    counts = [48, 96, 192]
    return study.losses(*study.pair(), study.PROCESSES["With jumps"], 600, counts, seed=3)


def test_coarser_steps_see_the_same_paths(study):
    prices = 60_000.0 * np.array([[1.1, 1.2, 0.9, 0.8], [1.0, 1.0, 1.0, 2.0]])
    np.testing.assert_allclose(study.coarser(prices, 2), [[0.2, 0.8 / 1.2 - 1.0], [0.0, 1.0]])
    np.testing.assert_allclose(study.coarser(prices, 4), [[-0.2], [1.0]])
    np.testing.assert_allclose(np.prod(1.0 + study.coarser(prices, 1), axis=1), [0.8, 2.0])


def test_what_paths_contribute_has_the_measure_for_its_mean(jumping, study):
    columns = jumping[96]
    parts = study.measures(columns)
    assert parts["fund exhausted, probability"].mean() == columns["fund exhausted"].mean()
    for name in ("forced orders", "bad debt"):
        wanted = lc.risk.expected_shortfall(columns[name], study.LEVEL).value
        assert parts[f"{name}, expected shortfall {study.LEVEL:g}"].mean() == pytest.approx(wanted)


def test_halving_half_an_hour_moves_the_measures_by_less_than_the_bound(jumping, study):
    found = list(study.halved(jumping))
    assert {one.step for one in found} == {timedelta(minutes=30), timedelta(minutes=15)}
    for one in found:
        assert abs(one.change) - 3.0 * one.error <= study.bound(one.step), one
    sure = [one for one in found if one.measure in ("positions liquidated, mean", "forced orders, mean")]
    assert all(0.0 < one.change + 3.0 * one.error < study.bound(one.step) for one in sure)


@pytest.mark.long
def test_the_page_says_what_halving_the_step_does(study):
    page = (ROOT / "docs/step-size.md").read_text(encoding="utf-8")
    printed = page.partition("<!-- steps: begin -->\n")[2].partition("<!-- steps: end -->")[0]
    measured = study.tables(8_000, study.COUNTS, seed=1)
    print(measured)
    cell = re.compile(r"([+\N{MINUS SIGN}][\d.]+) ± ([\d.]+)")
    here, there = (
        {(table, row): rows[row] for table in (0, 1) for rows in [cells(text, table)] for row in rows}
        for text in (measured, printed)
    )
    assert here.keys() == there.keys()
    for place, numbers in here.items():
        for one, other in zip(numbers, there[place], strict=True):
            if not (cell.search(one) and cell.search(other)):
                continue  # too few paths in either
            (a, width), (b, _) = (
                [float(x.replace("\N{MINUS SIGN}", "-")) for x in cell.search(text).groups()] for text in (one, other)
            )
            assert abs(a - b) <= 2.0 * width + 0.2, (place, one, other)
    with_jumps = printed.partition("With jumps")[2]
    for row, numbers in cells("With jumps" + with_jumps, 0).items():
        assert all("**" not in number for number in numbers[1:]), row


def cells(text: str, which: int) -> dict[str, list[str]]:
    """The cells of a table of measures by row."""
    parts = re.split(r"With(?:out)? jumps:", text)[1:]
    text = parts[which]
    rows = [line.strip().strip("|").split("|") for line in text.splitlines() if line.startswith("|")][2:]
    return {row[0].strip(): [one.strip() for one in row[1:]] for row in rows}
