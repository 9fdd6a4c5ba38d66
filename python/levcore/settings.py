"""Scenario files: a book, its venue, its market and a scenario in TOML, checked whole before any work."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from levcore import settings_read

if TYPE_CHECKING:
    from levcore.settings_build import Plan

__all__ = ["load", "schema"]


def load(
    path: str | os.PathLike[str],
    *,
    paths: int | None = None,
    seed: int | None = None,
    threads: int | None = None,
) -> Plan:
    """Read a scenario file and the data files that it names.

    Parameters
    ----------
    path : str or path
        A TOML file of at most 1 MB; paths in it start from its folder.
    paths, seed, threads : int, optional
        Stand in for what its table `run` says.

    Returns
    -------
    Plan
        `book`, `market`, `scenario` and `options`, as `lc.shock`, `lc.simulate` and `lc.replay` take them; `kind` says
        which of them, `text` is the file as it stands.

    Raises
    ------
    SettingsError
        The file breaks rules: a line for each mistake, with its place, what was expected and what was found.
    MissingExtraError
        pydantic, or what reads a data file, is not installed.
    TooLargeError
        There is not enough memory for the book.
    OSError
        A file cannot be read.

    Notes
    -----
    Every key is explained on the page "The command line" of the documentation.

    Examples
    --------
    >>> from pathlib import Path
    >>> import levcore as lc
    >>> text = '''
    ... venue.instruments = [{ symbol = "BTCUSDT", asset = "BTC", tiers = "binance:BTCUSDT" }]
    ... book = { kind = "synthetic", size = 1000, open_interest = { BTC = 1e8 }, seed = 1 }
    ... market.assets.BTC = { price = 60_000, impact = { kind = "linear", depth = 1e5 } }
    ... scenario = { kind = "shock", shock = -0.1 }
    ... '''
    >>> written = Path("crash.toml").write_text(text)
    >>> plan = lc.settings.load("crash.toml")
    >>> lc.shock(plan.book, plan.market, plan.scenario, **plan.options).shock
    {'BTC': -0.1}
    """
    overrides = {"paths": paths, "seed": seed, "threads": threads}
    file = settings_read.read(Path(path), overrides)
    from levcore.settings_build import build

    return build(file)


def schema() -> dict[str, Any]:
    """Give the JSON Schema of a scenario file, for editors.

    Returns
    -------
    dict
        JSON Schema, draft 2020-12.

    Raises
    ------
    MissingExtraError
        pydantic is not installed.

    Examples
    --------
    >>> import levcore as lc
    >>> sorted(lc.settings.schema()["properties"])
    ['book', 'control', 'market', 'run', 'scenario', 'venue']
    """
    return settings_read.schema()
