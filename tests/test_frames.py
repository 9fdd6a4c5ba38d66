"""Frames of pandas, polars and pyarrow: the same book from each, refusals that name what is wrong."""

from __future__ import annotations

import pickle

import pandas
import polars
import pyarrow
import pytest

import levcore as lc
from making import venue

GOOD = {"quantity": [1.0, -2.0, 3.0], "entry_price": [100.0, 101.0, 102.0], "margin": [10.0, 20.0, 30.0]}


def test_frames_without_a_column_or_with_nulls_are_refused():
    frame = {"instrument": ["X"], "quantity": [1.0], "entry_price": [1.0]}
    with pytest.raises(lc.InputError, match="frame has no column 'margin'"):
        lc.Book.from_frame(venue(), frame)
    with pytest.raises(lc.InputError, match="columns maps 'a' to 'b'"):
        lc.Book.from_frame(venue(), frame, columns={"a": "b"})
    with pytest.raises(lc.InputError, match=r"margin\[0\] must be a number, was null"):
        lc.Book.from_frame(venue(), polars.DataFrame({**frame, "margin": [None]}))


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_every_frame_library_gives_the_same_book_and_later_writes_do_not_show(library):
    columns = {"symbol": ["X", "X", "X"], **GOOD}
    frame = pandas.DataFrame(columns)
    given = frame
    if library == "polars":
        given = polars.DataFrame(columns)
    elif library == "pyarrow":
        given = pyarrow.table(columns)
    held = lc.Book.from_frame(venue(), given, columns={"symbol": "instrument"})
    frame.loc[0, "margin"] = 1e9
    assert held.quantity.tolist() == GOOD["quantity"]
    assert held.margin.tolist() == GOOD["margin"]
    again = lc.Book.from_frame(venue(), held.to_frame())
    assert pickle.dumps(again) == pickle.dumps(held)


def test_frames_that_say_a_thing_twice_are_refused():
    twice = pandas.DataFrame(
        [["X", 1.0, 1.0, 1.0, 2.0]], columns=["instrument", "quantity", "entry_price", "margin", "margin"]
    )
    with pytest.raises(lc.InputError, match="frame has 2 columns 'margin'"):
        lc.Book.from_frame(venue(), twice)
    frame = {"instrument": ["X"], "quantity": [1.0], "entry_price": [1.0], "margin": [1.0], "other": [2.0]}
    with pytest.raises(lc.InputError, match="'other' to 'margin', which the frame has already"):
        lc.Book.from_frame(venue(), frame, columns={"other": "margin"})
    with pytest.raises(lc.KindError, match="collect"):
        lc.Book.from_frame(venue(), polars.DataFrame(frame).lazy())
    batch = pyarrow.table(frame).to_batches()[0]
    assert len(lc.Book.from_frame(venue(), batch)) == 1


def test_a_column_of_accounts_is_not_left_out_silently():
    table = lc.MarginTiers([0], [0.005])
    venue = lc.Venue([lc.LinearPerpetual("X", asset="X", tiers=table)])
    frame = {"instrument": ["X", "X"], "quantity": [1.0, -1.0], "entry_price": [100.0] * 2, "account": [0, 0]}
    with pytest.raises(lc.InputError, match="frame has a column 'account': accounts must be given with it"):
        lc.Book.from_frame(venue, frame | {"margin": [5.0] * 2})
    book = lc.Book.from_frame(venue, frame, accounts=lc.Accounts(USD=[50.0]))
    assert book.account.tolist() == [0, 0]
    assert book.leverage(100.0) == pytest.approx([float("nan")] * 2, nan_ok=True)
    isolated = lc.Book(venue, instrument="X", quantity=[1.0], entry_price=[100.0], margin=[5.0])
    for wrong in (-1.0, "rubbish", float("nan"), {}):
        with pytest.raises(lc.LevcoreError):
            isolated.liquidation_price_at(wrong)
