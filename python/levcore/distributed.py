"""Paths over processes and machines: any executor, and those of Dask and Ray.

Work is split by number of path, and every draw depends on seed, path and step alone: the merged answer has the bits of
a run in one piece, for any split, retry and order.

>>> from concurrent.futures import ThreadPoolExecutor
>>> from datetime import timedelta
>>> import levcore as lc
>>> tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
>>> venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
>>> book = lc.Book(venue, instrument="BTCUSDT", quantity=[1.0], entry_price=[100.0], margin=[10.0])
>>> market = lc.Market({"BTC": lc.Asset(100.0, impact=lc.LinearImpact(depth=100.0))})
>>> day = {"paths": 64, "steps": 24, "step": timedelta(hours=1), "seed": 7}
>>> with ThreadPoolExecutor(2) as executor:
...     runs = lc.simulate(book, market, lc.GBM(volatility=0.8), **day, executor=executor)
>>> bool((runs.bad_debt == lc.simulate(book, market, lc.GBM(volatility=0.8), **day).bad_debt).all())
True
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from levcore import checks
from levcore._version import __version__
from levcore.errors import DomainError, KindError, MissingExtraError

__all__ = ["dask", "ray"]


def dask(client: Any, *, retries: int = 3) -> Executor:
    """Return an executor that runs paths on a Dask cluster, the book sent to each worker once.

    Parameters
    ----------
    client : distributed.Client
        Connected to the cluster; not an asynchronous one.
    retries : int
        How often a task whose worker was lost is run again, >= 0.

    Returns
    -------
    concurrent.futures.Executor
        For ``lc.simulate(..., executor=)``. The client stays the caller's to close.

    Raises
    ------
    DomainError
        If a worker has no levcore, or another version of it; the message names the worker.
    KindError
        If the client is none.
    MissingExtraError
        If Dask's `distributed` is not installed.

    Notes
    -----
    ``client.get_executor()`` is an executor as well: with it the book goes along with every task.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.distributed.dask("127.0.0.1:8786")
    Traceback (most recent call last):
    levcore.errors.KindError: client must be a distributed.Client, was str '127.0.0.1:8786'
    """
    try:
        import distributed
    except ImportError:
        raise MissingExtraError('Dask needs its scheduler: pip install "levcore[dask]"') from None
    if not isinstance(client, distributed.Client) or client.asynchronous:
        raise KindError(f"client must be a distributed.Client, was {checks.describe(client)}")
    return _Dask(client, checks.integer("retries", retries, at_least=0, at_most=1000))


def ray(*, retries: int = 3, **options: Any) -> Executor:
    """Return an executor that runs paths on a Ray cluster, the book put into its object store once.

    Parameters
    ----------
    retries : int
        How often a task whose worker was lost is run again, >= 0.
    **options
        To ``ray.init``, where this process is not connected yet; and to each task nothing but the retries.

    Returns
    -------
    concurrent.futures.Executor
        For ``lc.simulate(..., executor=)``.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.

    Notes
    -----
    Ray listens on the host's own address, not on loopback alone, whatever it is told.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.distributed.ray(retries=-1)
    Traceback (most recent call last):
    levcore.errors.InputError: retries must be >= 0, was -1
    """
    wanted = checks.integer("retries", retries, at_least=0, at_most=1000)
    try:
        import ray as engine
    except ImportError:
        raise MissingExtraError('Ray is not installed: pip install "levcore[ray]"') from None
    if not engine.is_initialized():
        engine.init(**options)
    return _Ray(engine, wanted)


class _Dask(Executor):
    """Tasks as a Dask client's, never taken for equal ones."""

    def __init__(self, client: Any, retries: int) -> None:
        refuse_other_versions(client.run(importlib.metadata.version, "levcore", on_error="return"))
        self._client, self._inner = client, client.get_executor(pure=False, retries=retries)

    @property
    def workers(self) -> int:
        """Threads of all workers."""
        threads: dict[str, int] = self._client.nthreads()
        return max(1, sum(threads.values()))

    def share(self, value: Any) -> Any:
        """Send a value to every worker; tasks that are given what this returns find it there."""
        return self._client.scatter(value, broadcast=True, hash=False)

    def submit(self, function: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        """Run a function on a worker."""
        future: Future[Any] = self._inner.submit(function, *args, **named)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster as it is."""
        self._inner.shutdown(wait=wait)


class _Ray(Executor):
    """Tasks as Ray's."""

    def __init__(self, engine: Any, retries: int) -> None:
        self._engine, self._retries = engine, retries

    @property
    def workers(self) -> int:
        """Processors of the cluster."""
        processors: float = self._engine.cluster_resources().get("CPU", 1)
        return max(1, int(processors))

    def share(self, value: Any) -> Any:
        """Put a value where every worker finds it."""
        return self._engine.put(value)

    def submit(self, function: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        """Run a function on a worker."""
        remote = self._engine.remote(function).options(max_retries=self._retries)
        future: Future[Any] = remote.remote(*args, **named).future()
        return future


def refuse_other_versions(found: dict[str, Any]) -> None:
    """Raise where a worker's levcore is not the caller's."""
    for worker, version in found.items():
        if isinstance(version, BaseException):
            raise DomainError(f"worker {worker} has no levcore: install levcore {__version__} there ({version!r})")
        if version != __version__:
            raise DomainError(
                f"worker {worker} runs levcore {version}, the caller {__version__}: install the same there"
            )
