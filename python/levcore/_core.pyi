"""The native core of levcore; use the public names of levcore instead."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_Floats = npt.NDArray[np.float64]

class MarginTiers:
    def __init__(
        self,
        floor: Sequence[float],
        maintenance_rate: Sequence[float],
        deduction: Sequence[float] | None,
        whole_position: bool,
        measure: str,
    ) -> None: ...
    @staticmethod
    def by_size(*, rate: float, share: float, per_size: float, square_root: bool) -> MarginTiers: ...
    @property
    def deduction(self) -> list[float]: ...
    def rate_at(self, contracts: _Floats) -> _Floats: ...
    def tier(self, size: _Floats) -> npt.NDArray[np.int64]: ...
    def requirement(self, notional: _Floats) -> _Floats: ...

class Perpetual:
    def __init__(
        self,
        tiers: MarginTiers,
        *,
        closing_fee: float,
        fee_at_bankruptcy: bool,
        on_entry: bool,
        contract_value: float,
    ) -> None: ...

class LiquidationPolicy:
    def __init__(
        self,
        *,
        fee_rate: float,
        fee_to_fund: bool,
        amount: str,
        target: float = 1.0,
        buffer: float = 0.0,
        initial_share: float = 1.0,
        duration_days: float = 0.0,
        small_shortage: float = 0.0,
        tiers: int = 1,
        portion: float = 1.0,
        above: float = 0.0,
        minimum: float = 0.0,
        then_all: bool = False,
        wait_days: float = 0.0,
        lot: float = 0.0,
        dust: float = 0.0,
    ) -> None: ...

class Deleveraging:
    def __init__(self, *, ranking: str, at_previous_mark: bool, lot: float, accounts: bool) -> None: ...

class Backstop:
    def __init__(
        self,
        *,
        funds: Sequence[float],
        fund_of: Sequence[int],
        takeover: float,
        deleveraging: Deleveraging | None,
        socialise: str,
    ) -> None: ...

class Venue:
    def __init__(
        self,
        instruments: Sequence[Perpetual],
        *,
        liquidation: LiquidationPolicy,
        backstop: Backstop,
        remainder_to_fund: bool,
        liquidate_at_equality: bool,
        riskiest_first: bool,
        collateral_share: Sequence[float],
    ) -> None: ...

class Book:
    def __init__(
        self,
        venue: Venue,
        instrument: npt.NDArray[np.int32],
        quantity: _Floats,
        entry_price: _Floats,
        margin: _Floats,
        account: npt.NDArray[np.int64],
        balance: _Floats,
        copies: tuple[bool, bool, bool],
        threads: int,
    ) -> None: ...
    @property
    def quantity(self) -> _Floats: ...
    @property
    def entry_price(self) -> _Floats: ...
    @property
    def margin(self) -> _Floats: ...
    def __len__(self) -> int: ...
    def liquidation_price(self, threads: int) -> _Floats: ...
    def bankruptcy_price(self) -> _Floats: ...
    def equity(self, prices: _Floats) -> _Floats: ...
    def maintenance_margin(self, prices: _Floats) -> _Floats: ...
    def liquidatable(self, prices: _Floats) -> _Floats: ...
    def accounts_health(self, prices: _Floats, coin_prices: _Floats) -> _Floats: ...
    def account_prices(
        self,
        prices: _Floats,
        coin_prices: _Floats,
        asset: npt.NDArray[np.int32],
        coin_asset: npt.NDArray[np.int32],
        side: str,
    ) -> _Floats: ...

class Impact:
    @staticmethod
    def linear(depth: float) -> Impact: ...
    @staticmethod
    def square_root(coefficient: float) -> Impact: ...
    @staticmethod
    def power(scale: float, exponent: float) -> Impact: ...
    @staticmethod
    def depth_curve(
        bid_distance: Sequence[float],
        bid_quantity: Sequence[float],
        ask_distance: Sequence[float],
        ask_quantity: Sequence[float],
    ) -> Impact: ...
    def log_impact(self, displacement: _Floats) -> _Floats: ...
    def average_ratio(self, displacement: _Floats, order: _Floats) -> _Floats: ...

class TopUp:
    def __init__(
        self, *, above: float, below: float, to: float, probability: float, delay: float, reserve: float
    ) -> None: ...

class Control:
    def __init__(
        self, rules: Sequence[TopUp], rule_of: npt.NDArray[np.int32], *, seed: int, first_path: int
    ) -> None: ...

class DepthReaction:
    def __init__(
        self,
        *,
        exponential: bool,
        elasticity: float,
        reference: float,
        initial: float,
        half_life: float,
        floor: float,
        ceiling: float,
    ) -> None: ...
    def share(self, volatility: float) -> float: ...

class Asset:
    def __init__(
        self,
        price: float,
        impact: Impact,
        *,
        permanent: float,
        resilience: float,
        half_spread: float,
        mark_follow: float,
        refill_delay: float = ...,
        reaction: DepthReaction | None = ...,
    ) -> None: ...
    def refill(self, volume: float, log_permanent: float, days: float) -> tuple[float, float]: ...

class Market:
    def __init__(self, assets: Sequence[Asset]) -> None: ...

class Ready:
    def __init__(
        self, book: Book, asset_of: Sequence[int], collateral_asset: Sequence[int], assets: int, threads: int
    ) -> None: ...
    def shock(
        self,
        market: Market,
        moves: _Floats,
        whole: bool,
        *,
        holdings: bool = False,
        one_by_one: bool = False,
        ask_all: bool = False,
    ) -> dict[str, Any]: ...
    def has_rate_classes(self) -> bool: ...
    def make_ladder(self, market: Market, threads: int) -> int: ...
    def order(self, asset: int, side: int) -> tuple[npt.NDArray[np.uint32], _Floats]: ...
    def push(self, market: Market, volumes: _Floats) -> dict[str, Any]: ...
    def shock_on_ladder(self, market: Market, moves: _Floats, rounds: bool, threads: int) -> dict[str, Any]: ...

def shock_once(
    book: Book, asset_of: Sequence[int], market: Market, moves: _Floats, threads: int
) -> dict[str, Any] | None: ...
def exp(x: _Floats) -> _Floats: ...
def expm1(x: _Floats) -> _Floats: ...
def log(x: _Floats) -> _Floats: ...
def log1p(x: _Floats) -> _Floats: ...
def sin(x: _Floats) -> _Floats: ...
def cos(x: _Floats) -> _Floats: ...
def normal_cdf(x: _Floats) -> _Floats: ...
def normal_quantile(p: _Floats) -> _Floats: ...
def pow(x: _Floats, y: float) -> _Floats: ...  # noqa: A001

class Scenario:
    @staticmethod
    def gbm(mean: Sequence[float], loading: Sequence[float], seed: int) -> Scenario: ...
    @staticmethod
    def garch(
        mean: Sequence[float],
        omega: Sequence[float],
        alpha: Sequence[float],
        gamma: Sequence[float],
        beta: Sequence[float],
        first: Sequence[float],
        loading: Sequence[float],
        degrees: Sequence[float],
        seed: int,
    ) -> Scenario: ...
    @staticmethod
    def egarch(
        mean: Sequence[float],
        omega: Sequence[float],
        alpha: Sequence[float],
        gamma: Sequence[float],
        beta: Sequence[float],
        first: Sequence[float],
        loading: Sequence[float],
        degrees: Sequence[float],
        seed: int,
    ) -> Scenario: ...
    @staticmethod
    def jump_diffusion(
        mean: Sequence[float],
        loading: Sequence[float],
        rate: Sequence[float],
        first: Sequence[float],
        second: Sequence[float],
        third: Sequence[float],
        shared: bool,
        seed: int,
    ) -> Scenario: ...
    @staticmethod
    def heston(
        mean: Sequence[float],
        variance: Sequence[float],
        long_run: Sequence[float],
        reversion: Sequence[float],
        volatility: Sequence[float],
        skew: Sequence[float],
        loading: Sequence[float],
        rate: Sequence[float],
        jump_mean: Sequence[float],
        jump_deviation: Sequence[float],
        shared: bool,
        seed: int,
    ) -> Scenario: ...
    @staticmethod
    def hawkes(
        mean: Sequence[float],
        loading: Sequence[float],
        base: Sequence[float],
        excitation: Sequence[float],
        decay: Sequence[float],
        first: Sequence[float],
        growth: Sequence[float],
        jump_mean: Sequence[float],
        jump_deviation: Sequence[float],
        seed: int,
    ) -> Scenario: ...
    @staticmethod
    def switching(
        mean: Sequence[float],
        deviation: Sequence[float],
        below: Sequence[float],
        loading: Sequence[float],
        regimes: int,
        seed: int,
    ) -> Scenario: ...
    @staticmethod
    def bootstrap(
        returns: Sequence[float],
        after: Sequence[int],
        leaps: float,
        assets: int,
        seed: int,
    ) -> Scenario: ...
    @staticmethod
    def returns(values: _Floats) -> Scenario: ...
    @staticmethod
    def prices(values: _Floats) -> Scenario: ...
    def in_pairs(self) -> Scenario: ...
    def with_normals(self, normals: _Floats, first: int = 0) -> Scenario: ...
    def price_paths(self, start: _Floats, paths: int, steps: int, out: _Floats | None = None) -> _Floats: ...

def arrow_stream(table: dict[str, Any]) -> object: ...

class Counts:
    def columns(self) -> dict[str, npt.NDArray[np.int64]]: ...

def run_paths(
    ready: Ready,
    market: Market,
    scenario: Scenario,
    paths: int,
    days: _Floats,
    *,
    threads: int,
    chunk: int,
    keep_steps: bool,
    watch: object,
    funding_step: npt.NDArray[np.int64],
    funding_instrument: npt.NDArray[np.int32],
    funding_rate: _Floats,
    ladder: bool = False,
    rounds: bool = True,
    ask_all: bool = False,
    first: int = 0,
    audit: bool = True,
    control: Control | None = None,
) -> dict[str, Any]: ...
def run_one(
    ready: Ready,
    market: Market,
    scenario: Scenario,
    path: int,
    paths: int,
    days: _Floats,
    *,
    funding_step: npt.NDArray[np.int64],
    funding_instrument: npt.NDArray[np.int32],
    funding_rate: _Floats,
    control: Control | None = None,
) -> dict[str, Any]: ...
def simd_levels() -> list[str]: ...
def use_simd(level: str) -> str: ...
def philox(counter: Sequence[int], key: Sequence[int]) -> list[int]: ...
def normals(seed: int, paths: int, numbers: int) -> _Floats: ...
def normal_block(seed: int, path: int, paths: int, first: int, count: int) -> _Floats: ...
def sin_cos_turns(turns: _Floats) -> tuple[_Floats, _Floats]: ...
