"""Who pays a deficit: funds, deleveraging, socialised loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from levcore import _core, checks
from levcore.errors import InputError, KindError
from levcore.per_asset import PerAsset

#: What `socialise` charges where it is just True.
PROFIT = "profit"
RANKINGS = ("pro_rata", "min_max", "profit", "index", "unranked")
CHARGED = (PROFIT, "open_interest", "deposits")


@dataclass(frozen=True, kw_only=True)
class Deleveraging:
    """Deleveraging by a venue's rules: who of the opposite side goes first, at which price, in which lots.

    Isolated positions and those of cross accounts take part on both sides. A counterparty that is itself liquidatable,
    or whose equity at the transfer price would be negative, is passed over.

    Parameters
    ----------
    ranking : {"pro_rata", "min_max", "profit", "index", "unranked"}
        All give up the same share of their quantity; the largest share that anybody gives is as small as lots allow;
        the highest profit times leverage first (BitMEX, Binance); the highest price gain times leverage first
        (Hyperliquid); in the book's order from the closed position on (dYdX, whose start is random).
    price : {"bankruptcy", "previous_mark"}
        Where positions change hands: at the bankruptcy price, or at the mark of the margin check before (Hyperliquid);
        then a deficit may be left to the fund and to socialised loss.
    lot : float
        Whole multiples of it change hands, in base units or contracts; the rest is sent to the order book. 0: any size.

    Raises
    ------
    InputError
        If a value breaks a rule.
    KindError
        If an argument has the wrong type.

    Notes
    -----
    Ranks are those at the marks of the round's margin check. An account of negative equity gives each of its positions
    its share, by maintenance, of the deficit: the price at which that share is spent exactly. ``Backstop(
    deleveraging=True)`` is the short form for isolated positions, pro rata at the bankruptcy price. Source: BitMEX and
    Binance (score), Hyperliquid (index, previous mark), dYdX v4 (shares by maintenance), Chitra, arXiv:2512.01112
    (min-max).

    Examples
    --------
    >>> import levcore as lc
    >>> lc.Backstop(deleveraging=lc.Deleveraging(ranking="profit")).deleveraging.price
    'bankruptcy'
    """

    ranking: Literal["pro_rata", "min_max", "profit", "index", "unranked"] = "pro_rata"
    price: Literal["bankruptcy", "previous_mark"] = "bankruptcy"
    lot: float = 0.0

    def __post_init__(self) -> None:
        checks.choice("ranking", self.ranking, RANKINGS)
        checks.choice("price", self.price, ("bankruptcy", "previous_mark"))
        lot = checks.number("lot", self.lot, at_least=0.0, at_most=checks.LARGEST)
        object.__setattr__(self, "lot", lot)
        if self.ranking == "min_max" and not lot > 0.0:
            raise InputError("lot must be > 0 where ranking is 'min_max': without lots that is 'pro_rata'")

    def _to_native(self) -> _core.Deleveraging:
        return _core.Deleveraging(
            ranking=self.ranking,
            at_previous_mark=self.price == "previous_mark",
            lot=self.lot,
            accounts=True,
        )


@dataclass(frozen=True, kw_only=True)
class Backstop:
    """Who pays a deficit: insurance fund, then deleveraging, then socialised loss; what remains is bad debt.

    Parameters
    ----------
    insurance_fund : float
        Money in the venue's fund at the start, in the settlement currency, >= 0.
    own_funds : mapping of str to float, optional
        Symbols of instruments that have a fund of their own, and the money in it, >= 0: it alone receives and pays for
        them (isolated markets; funds by instrument). The others share the venue's.
    takeover : float
        A position, or an account, whose equity at its turn is below this share of its maintenance margin is not sent to
        the order book: the backstop takes it over at the mark with all its margin, in [0, 1] (Hyperliquid: 2/3). 0:
        never.
    deleveraging : bool or Deleveraging
        True: a deficit that the fund cannot pay whole closes an isolated position at its bankruptcy price against
        opposite isolated positions of the same instrument, pro rata to quantity. Other rules: a Deleveraging.
    socialise : bool or {"profit", "open_interest", "deposits"}
        What is still unpaid at a round's end is charged to unrealised profits (also True), each at most its own; to
        both sides of the instrument by quantity (Drift); or to what each has at the venue, its equity where that is
        positive, each at most its own.

    Attributes
    ----------
    total_funds : float
        Money in all funds at the start.

    Raises
    ------
    InputError
        If a fund is negative or not finite, or a share lies outside [0, 1].
    KindError
        If an argument has the wrong type.

    Notes
    -----
    An account's deficit is for its riskiest position's fund; for the venue's where its positions have different ones.
    Source: Binance, Bybit and BitMEX rules on insurance funds and auto-deleveraging; Hyperliquid's liquidator vault;
    dYdX v4's isolated markets; Drift v2; OKX's former socialised loss.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.Backstop(insurance_fund=5e6, deleveraging=True).socialise
    False
    >>> lc.Backstop(insurance_fund=5e6, own_funds={"NEWUSDT": 1e4}).total_funds
    5010000.0
    """

    insurance_fund: float = 0.0
    own_funds: Mapping[str, float] = field(default_factory=PerAsset)
    takeover: float = 0.0
    deleveraging: bool | Deleveraging = False
    socialise: bool | Literal["profit", "open_interest", "deposits"] = False

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        fund = checks.number("insurance_fund", self.insurance_fund, at_least=0.0, at_most=checks.LARGEST)
        set_field(self, "insurance_fund", fund)
        if not isinstance(self.own_funds, Mapping):
            raise KindError(f"own_funds must be a mapping of symbols to money, was {checks.describe(self.own_funds)}")
        funds = {}
        for symbol, money in self.own_funds.items():
            checks.text("own_funds", symbol)
            funds[symbol] = checks.number(f"own_funds[{symbol!r}]", money, at_least=0.0, at_most=checks.LARGEST)
        set_field(self, "own_funds", PerAsset(funds))
        set_field(self, "takeover", checks.number("takeover", self.takeover, at_least=0.0, at_most=1.0))
        if not isinstance(self.deleveraging, (bool, Deleveraging)):
            raise KindError(f"deleveraging must be a bool or Deleveraging, was {checks.describe(self.deleveraging)}")
        if isinstance(self.socialise, str):
            checks.choice("socialise", self.socialise, CHARGED)
        elif not isinstance(self.socialise, bool):
            words = ", ".join(map(repr, CHARGED))
            raise KindError(f"socialise must be a bool or one of {words}, was {checks.describe(self.socialise)}")

    @property
    def total_funds(self) -> float:
        """Money in all funds at the start."""
        return sum(self.own_funds.values(), self.insurance_fund)

    @property
    def charged(self) -> str:
        """To whom a loss that nobody has paid is charged: "nobody" or one of the words of `socialise`."""
        if isinstance(self.socialise, str):
            return self.socialise
        return PROFIT if self.socialise else "nobody"

    def _to_native(self, symbols: Sequence[str]) -> _core.Backstop:
        own = list(self.own_funds)
        rules = self.deleveraging
        native: _core.Deleveraging | None
        if rules is True:
            native = _core.Deleveraging(ranking="pro_rata", at_previous_mark=False, lot=0.0, accounts=False)
        else:
            native = rules._to_native() if isinstance(rules, Deleveraging) else None
        return _core.Backstop(
            funds=[self.insurance_fund, *self.own_funds.values()],
            fund_of=[own.index(symbol) + 1 if symbol in own else 0 for symbol in symbols] if own else [],
            takeover=self.takeover,
            deleveraging=native,
            socialise=self.charged,
        )
