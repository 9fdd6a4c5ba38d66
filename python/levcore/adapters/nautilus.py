"""nautilus_trader: margins by a venue's tiers, and a simulation module that liquidates the account by its rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from levcore import checks
from levcore.errors import InputError, KindError, MissingExtraError
from levcore.futures import LinearFuture
from levcore.instruments import LinearPerpetual
from levcore.venue import Venue

if TYPE_CHECKING:
    from levcore.adapters._nautilus import AccountLiquidation
    from levcore.adapters._nautilus_margin import TieredMargin

__all__ = ["liquidation", "margin_model"]

MISSING = 'nautilus_trader is missing; on Python 3.12 or later: pip install "levcore[nautilus]"'


def margin_model(venue: Venue, *, symbols: Mapping[str, str] | None = None) -> TieredMargin:
    """Give the margin model of a nautilus venue that asks for what a levcore venue's tiers ask for.

    Parameters
    ----------
    venue : Venue
        Of linear instruments, without collateral in other coins.
    symbols : mapping of str to str, optional
        The venue's symbol by nautilus' instrument id ("ETHUSDT-PERP.BINANCE"). Left out, the instrument's raw symbol.

    Returns
    -------
    nautilus_trader.backtest.models.MarginModel
        For `margin_model` of `BacktestEngine.add_venue`. An order's margin is its notional over the account's leverage,
        or over the highest leverage of its tier if that is lower; a position's is the maintenance requirement.

    Raises
    ------
    InputError
        If an instrument is inverse, the venue takes collateral, or a symbol is not the venue's.
    KindError
        If an argument has the wrong type.
    MissingExtraError
        If nautilus_trader is not installed.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.adapters.nautilus.margin_model("BINANCE")
    Traceback (most recent call last):
    levcore.errors.KindError: venue must be a Venue, was str 'BINANCE'
    """
    _check(venue, symbols)
    try:
        from levcore.adapters._nautilus_margin import TieredMargin
    except ModuleNotFoundError as reason:
        if reason.name is None or not reason.name.startswith("nautilus_trader"):
            raise
        raise MissingExtraError(MISSING) from reason
    return TieredMargin(venue, symbols)


def liquidation(venue: Venue, *, symbols: Mapping[str, str] | None = None) -> AccountLiquidation:
    """Give the module that liquidates a nautilus venue's account when it falls short of its maintenance margin.

    Parameters
    ----------
    venue : Venue
        Of linear instruments, without collateral in other coins. Its tiers say when, its liquidation fee and remainder
        what is lost.
    symbols : mapping of str to str, optional
        The venue's symbol by nautilus' instrument id. Left out, the instrument's raw symbol.

    Returns
    -------
    nautilus_trader.backtest.modules.SimulationModule
        For `modules` of `BacktestEngine.add_venue`. After the run its `liquidations` is a table with a row a position
        that was closed by force: `time` (ns, UTC), `instrument`, `position`, `quantity`, `entry_price`, `fill_price`,
        `fee`, and, of the account and on its first row, `remainder` and `deficit` (settlement currency).

    Raises
    ------
    InputError
        If an instrument is inverse, the venue takes collateral, or a symbol is not the venue's.
    KindError
        If an argument has the wrong type.
    MissingExtraError
        If nautilus_trader is not installed.

    Notes
    -----
    A venue of nautilus has one account, whose balance backs all its positions. It is asked before a tick or a bar is
    seen by anybody else, so that no strategy gets away in between. Below its requirement all its orders are cancelled
    and all its positions close whole: on a quote at its bid or ask, on a trade at its price, in a bar at the price at
    which the account fails, or at the open of a bar that begins beyond it; of bars only the shortest of an instrument
    are asked, those of bids and of asks together as quotes, and low and high count, the others' prices held still,
    except where a stop that closes the position whole stands before that price. What is left after the fee goes to
    the fund or stays, as `venue.remainder` says; a deficit is the venue's: the balance ends at zero.
    Source: the page "The model", sections 6, 7 and 17, without impact.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.adapters.nautilus.liquidation(lc.venues.hyperliquid("BTC"), symbols={"BTC-PERP.HL": "XBT"})
    Traceback (most recent call last):
    levcore.errors.InputError: symbols['BTC-PERP.HL'] must be one of the venue's: BTC; was 'XBT'
    """
    _check(venue, symbols)
    try:
        from levcore.adapters._nautilus import AccountLiquidation
    except ModuleNotFoundError as reason:
        if reason.name is None or not reason.name.startswith("nautilus_trader"):
            raise
        raise MissingExtraError(MISSING) from reason
    return AccountLiquidation(venue, symbols)


def _check(venue: Venue, symbols: Mapping[str, str] | None) -> None:
    checks.instance("venue", venue, Venue)
    for row, instrument in enumerate(venue.instruments):
        if not isinstance(instrument, LinearPerpetual | LinearFuture):
            raise InputError(f"venue.instruments[{row}] must be linear, {instrument.symbol} is inverse")
    if venue.collateral:
        raise InputError(f"venue must take no collateral in other coins, takes {', '.join(venue.collateral)}")
    if symbols is not None:
        if not isinstance(symbols, Mapping):
            raise KindError(f"symbols must be a mapping of instrument ids to symbols, was {checks.describe(symbols)}")
        for name, symbol in symbols.items():
            checks.text("the names of symbols", name)
            if symbol not in venue.symbols:
                listed = ", ".join(venue.symbols)
                raise InputError(f"symbols[{name!r}] must be one of the venue's: {listed}; was {symbol!r}")
