"""What an account holds and where, read with public methods only. What is refused is noted, never fatal."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeVar

from bitmart_async import BitMartError
from bitmart_async.models.account import (
    AccountBalance,
    AccountCurrency,
    DepositWithdrawRecord,
    WithdrawAddress,
    WithdrawQuota,
)
from bitmart_async.models.earn import EarnAsset, FixedPosition, FlexiblePosition
from bitmart_async.models.enums import EarnSwitchState
from bitmart_async.models.futures import FuturesAsset, FuturesOrder, PositionV2
from bitmart_async.models.futures_plan import PlanOrder
from bitmart_async.models.margin import MarginAccount
from bitmart_async.models.spot import SpotAlgoOrder, SpotOrder, SpotWalletRow

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from bitmart_async import FuturesClientV2, RestClient
    from bitmart_async.cli.where import Place

__all__ = ["Holdings", "SubHoldings", "read_holdings"]

T = TypeVar("T")
ZERO: Final = Decimal(0)
_UNDER_WAY: Final = ("0", "1", "2")


@dataclass(slots=True, kw_only=True)
class SubHoldings:
    """One sub-account's free and held coins."""

    name: str
    spot: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict[str, tuple[Decimal, Decimal]])
    futures: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict[str, tuple[Decimal, Decimal]])


@dataclass(slots=True, kw_only=True)
class Holdings:
    """Everything that is open, borrowed, locked or held."""

    spot: list[SpotWalletRow] = field(default_factory=list[SpotWalletRow])
    wallets: list[AccountBalance] = field(default_factory=list[AccountBalance])
    margin: list[MarginAccount] = field(default_factory=list[MarginAccount])
    futures: list[FuturesAsset] = field(default_factory=list[FuturesAsset])
    positions: list[PositionV2] = field(default_factory=list[PositionV2])
    orders: list[SpotOrder] = field(default_factory=list[SpotOrder])
    algo_orders: list[SpotAlgoOrder] = field(default_factory=list[SpotAlgoOrder])
    futures_orders: list[FuturesOrder] = field(default_factory=list[FuturesOrder])
    plan_orders: list[PlanOrder] = field(default_factory=list[PlanOrder])
    savings: list[EarnAsset] = field(default_factory=list[EarnAsset])
    flexible: list[FlexiblePosition] = field(default_factory=list[FlexiblePosition])
    fixed: list[FixedPosition] = field(default_factory=list[FixedPosition])
    auto_saving: bool = False
    """Whether idle money of every coin goes into savings by itself."""
    auto_products: list[str] = field(default_factory=list[str])
    """Products into which idle money goes by itself."""
    sub_names: list[str] = field(default_factory=list[str])
    """Every sub-account there is."""
    subs: list[SubHoldings] = field(default_factory=list[SubHoldings])
    under_way: list[DepositWithdrawRecord] = field(default_factory=list[DepositWithdrawRecord])
    addresses: list[WithdrawAddress] = field(default_factory=list[WithdrawAddress])
    networks: list[AccountCurrency] = field(default_factory=list[AccountCurrency])
    quotas: dict[str, WithdrawQuota] = field(default_factory=dict[str, WithdrawQuota])
    """By network code, of coins in the spot or the funding wallet."""
    unread: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """What could not be read, and why."""

    def networks_of(self, coin: str) -> list[AccountCurrency]:
        """The chains a coin travels on."""
        return [row for row in self.networks if row.currency == coin or row.currency.startswith(coin + "-")]

    @property
    def free(self) -> dict[str, Decimal]:
        """What spot and funding wallet have free, by coin."""
        found: dict[str, Decimal] = {}
        for row in self.spot:
            found[row.id] = row.available or ZERO
        for balance in self.wallets:
            found.setdefault(balance.currency, balance.available or ZERO)
            found[balance.currency] += balance.fund_available or ZERO
        return {coin: amount for coin, amount in found.items() if amount > 0}


async def read_holdings(place: Place) -> Holdings:
    """Read all of it; a second or two, as the rate limits allow."""
    held = Holdings()
    async with place.futures() as futures:
        await _futures(held, futures)
        if place.is_demo:
            return held
        async with place.rest() as rest:
            await _rest(held, rest)
            await _subs(held, rest, futures)
            await _quotas(held, rest)
    return held


async def _get(held: Holdings, what: str, call: Awaitable[T], otherwise: T) -> T:
    try:
        return await call
    except BitMartError as error:
        held.unread.append((what, str(error)))
        return otherwise


async def _futures(held: Holdings, futures: FuturesClientV2) -> None:
    held.futures = await _get(held, "futures wallet", futures.get_futures_account_assets(), [])
    positions = await _get(held, "futures positions", futures.get_futures_account_positions_v2(), [])
    held.positions = [row for row in positions if row.position_amount]
    held.futures_orders = await _get(held, "futures orders", futures.get_futures_account_open_orders(), [])
    held.plan_orders = await _get(held, "plan orders", futures.get_futures_account_plan_orders(), [])


async def _rest(held: Holdings, rest: RestClient) -> None:
    spot = await _get(held, "spot wallet", rest.get_spot_wallet_balance_v1(), None)
    held.spot = spot.wallet if spot is not None else []
    wallets = await _get(held, "funding wallet", rest.get_account_balances_v1(need_usd_valuation=True), None)
    held.wallets = wallets.wallet if wallets is not None else []
    margin = await _get(held, "margin wallets", rest.get_margin_account_details_v1(), None)
    held.margin = [row for row in margin.symbols if _used(row)] if margin is not None else []
    held.orders = await _get(held, "spot orders", rest.get_spot_open_orders_v4(limit=200), [])
    held.algo_orders = await _get(held, "algo orders", rest.get_spot_algo_open_orders_v4(limit=200), [])
    held.savings = await _get(held, "savings", rest.get_earn_account_position(), [])
    held.flexible = await _get(
        held, "flexible savings", rest.iter_flexible_saving_positions(incomplete="report").all(), []
    )
    held.fixed = await _get(
        held, "fixed savings", rest.iter_fixed_saving_positions(incomplete="report").all(), []
    )
    batch = await _get(held, "automatic saving", rest.get_auto_saving_batch_status(), None)
    held.auto_saving = batch is not None and batch.batch_subscribe_status != EarnSwitchState.OFF
    held.auto_products = sorted({row.product_id for row in held.flexible if row.auto_subscribe})
    for kind in ("withdraw", "deposit"):
        records = await _get(
            held, f"{kind}s under way", rest.get_deposit_withdraw_history_v2(kind, n=100), None
        )
        held.under_way += [
            row for row in (records.records if records is not None else []) if str(row.status) in _UNDER_WAY
        ]
    book = await _get(held, "saved addresses", rest.get_withdraw_address_list(), None)
    held.addresses = book.rows if book is not None else []
    coins = await _get(held, "networks and fees", rest.get_account_currencies_v1(), None)
    held.networks = coins.currencies if coins is not None else []


def _used(row: MarginAccount) -> bool:
    return any(
        coin.total_asset or coin.borrow_unpaid or coin.interest_unpaid for coin in (row.base, row.quote)
    )


async def _subs(held: Holdings, rest: RestClient, futures: FuturesClientV2) -> None:
    listed = await _get(held, "sub-accounts", rest.get_sub_accounts_v1(), None)
    for account in listed.sub_account_list if listed is not None else ():
        name = account.account_name
        held.sub_names.append(name)
        sub = SubHoldings(name=name)
        spot = await _get(held, f"{name}: spot wallet", rest.get_sub_spot_wallet_balances_v1(name), None)
        for row in spot.wallet if spot is not None else ():
            sub.spot[row.currency] = row.available or ZERO, row.frozen or ZERO
        owned = await _get(held, f"{name}: futures wallet", futures.get_futures_sub_wallet(name), None)
        for coin in owned.wallet if owned is not None else ():
            sub.futures[coin.currency] = coin.available or ZERO, coin.frozen or ZERO
        if any(sum(pair) for pair in (*sub.spot.values(), *sub.futures.values())):
            held.subs.append(sub)


async def _quotas(held: Holdings, rest: RestClient) -> None:
    codes = [row.currency for coin in held.free for row in held.networks_of(coin) if row.withdraw_enabled]

    async def ask(code: str) -> None:
        quota = await _get(
            held, f"withdrawal rules of {code}", rest.get_account_withdraw_quota_v1(code), None
        )
        if quota is not None:
            held.quotas[code] = quota

    await asyncio.gather(*map(ask, codes))
