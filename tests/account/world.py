"""A sandbox, its account's clients, a tracker and a notebook of what it told; and the frames on the way."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bitmart_async import FuturesClientV2, Market, RestClient, WebsocketClient
from bitmart_async.account.changes import (
    AccountGap,
    AccountState,
    BalanceChanged,
    Change,
    Filled,
    OrderChanged,
    Resynced,
)
from bitmart_async.account.tracker import AccountTracker
from bitmart_async.account.views import OrderStatus
from bitmart_async.sandbox import Sandbox
from tests.scripted_ws import FAST, until

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Callable

    from bitmart_async.sandbox.truth import OrderTruth

SPOT, FUTURES = "BTC_USDT", "BTCUSDT"
PRIVATE = ("user/orders", "user/balance", "futures/order", "futures/position", "futures/asset")


@dataclass
class Frames:
    """Stands between the exchange's private pushes and their sockets; passes everything on at first."""

    sandbox: Sandbox
    meddle: Callable[[str, Any, Callable[[Any], None]], None] | None = None
    """Called with topic, frame and a function that sends a frame."""
    sent: list[tuple[str, Any, Callable[[Any], None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for face in self.sandbox._streams:
            self._stand_before(face._hub)

    def _stand_before(self, hub: Any) -> None:
        publish = hub.publish_to

        def publish_to(uid: int, topic: str, frame: Any) -> None:
            def send(what: Any) -> None:
                publish(uid, topic, what)

            if any(part in topic for part in PRIVATE):
                self.sent.append((topic, frame, send))
                if self.meddle is not None:
                    self.meddle(topic, frame, send)
                    return
            send(frame)

        hub.publish_to = publish_to


@dataclass
class Notes:
    """What a tracker told, and whether that is the truth."""

    changes: list[Change] = field(default_factory=list)

    def hear(self, change: Change) -> None:
        self.changes.append(change)

    def of(self, *kinds: type) -> list[Any]:
        return [change for change in self.changes if isinstance(change, kinds)]

    def fills(self) -> Counter[tuple[str, str, str]]:
        return Counter(
            (change.market.value, change.fill.trade_id, change.fill.order_id) for change in self.of(Filled)
        )

    def wrong(self, sandbox: Sandbox, tracker: AccountTracker) -> list[str]:
        """Where what was told or is shown differs from the truth; empty when all is well."""
        truth, wrong = sandbox.account(), []
        fills, true = self.fills(), {(f.market, f.trade_id, f.order_id): f for f in truth.fills}
        wrong += [f"told {count} times: {key}" for key, count in fills.items() if count > 1]
        wrong += [f"never told: {true[key]}" for key in true.keys() - fills.keys()]
        wrong += [f"invented: {key}" for key in fills.keys() - true.keys()]
        for change in self.of(Filled):
            fill = true.get((change.market.value, change.fill.trade_id, change.fill.order_id))
            if fill and (fill.price, fill.size) != (change.fill.price, change.fill.size):
                wrong.append(f"{change.fill} is not {fill}")
        last: dict[tuple[str, str], Any] = {}
        for change in self.of(OrderChanged):
            order, key = change.order, (change.market.value, change.order.order_id)
            before = last.get(key)
            if before is not None:
                if order.filled < before.filled or (before.status.final and not order.status.final):
                    wrong.append(
                        f"moved back: {before.status} {before.filled} -> {order.status} {order.filled}"
                    )
                if (order.status, order.filled, order.price, order.size) == (
                    before.status, before.filled, before.price, before.size
                ):  # fmt: skip
                    wrong.append(f"told twice: {order}")
            last[key] = order
        for order in truth.orders:
            told = last.get((order.market, order.order_id))
            if told is None:
                wrong.append(f"never told: {order}")
            elif (told.status, told.filled) != (status_of(order), order.filled):
                wrong.append(f"{told.status} {told.filled} is not {order}")
        shown = {order.order_id for order in tracker.orders}
        open_ones = {order.order_id for order in truth.open_orders}
        if shown != open_ones:
            wrong.append(f"open are {open_ones}, shown are {shown}")
        for (wallet, coin), balance in truth.balances.items():
            market = {"spot": Market.SPOT, "futures": Market.FUTURES}.get(wallet)
            if market is None or tracker.state_of(market) is AccountState.CLOSED:
                continue
            known = tracker.balances.get((market, coin))
            amounts = (known.available, known.frozen, known.margin) if known else (Decimal(0),) * 3
            if amounts != (balance.available, balance.frozen, balance.margin):
                wrong.append(f"{market.value} {coin} is {balance}, shown is {amounts}")
        held = {(p.symbol, "long" if p.is_long else "short"): Decimal(p.volume) for p in truth.positions}
        seen = {(p.symbol, p.side.value): p.size for p in tracker.positions}
        if held != seen:
            wrong.append(f"positions are {held}, shown are {seen}")
        return wrong

    def names(self) -> list[str]:
        """Kinds of changes in the order they were told, balances and positions left out."""
        return [
            type(change).__name__
            for change in self.changes
            if type(change).__name__ not in ("BalanceChanged", "PositionChanged")
        ]

    def announced(self) -> None:
        """What was reconciled lies between a gap and its end."""
        open_gap: set[Market] = set()
        for change in self.changes:
            if isinstance(change, AccountGap):
                assert change.market not in open_gap, "a gap within a gap"
                open_gap.add(change.market)
            elif isinstance(change, Resynced) and change.live:
                open_gap.discard(change.market)
            elif change.reconciled and isinstance(change, Filled | OrderChanged):
                assert change.market in open_gap, f"{change} came without a gap"
        assert not open_gap


def status_of(order: OrderTruth) -> OrderStatus:
    """The truth's state in the tracker's words."""
    if order.market == "spot":
        return OrderStatus(order.state)
    if order.is_open:
        return OrderStatus.PARTIALLY_FILLED if order.filled else OrderStatus.NEW
    if order.filled == order.size:
        return OrderStatus.FILLED
    return OrderStatus.PARTIALLY_CANCELED if order.filled else OrderStatus.CANCELED


@dataclass
class World:
    sandbox: Sandbox
    rest: RestClient
    futures: FuturesClientV2
    ws: WebsocketClient
    tracker: AccountTracker
    notes: Notes
    frames: Frames

    async def limit(self, price: str = "50000", size: str = "0.01") -> str:
        """A resting spot order."""
        ack = await self.rest.submit_spot_order_v2(SPOT, side="buy", type="limit", size=size, price=price)
        return ack.order_id

    async def contract(self, price: str = "50000", size: int = 2, side: int = 1) -> str:
        """A resting futures order."""
        ack = await self.futures.submit_futures_order(
            FUTURES, side=side, type="limit", size=size, price=price
        )
        return ack.order_id

    async def trade(self) -> None:
        """A market order in both markets."""
        await self.rest.submit_spot_order_v2(SPOT, side="sell", type="market", size="0.02")
        await self.futures.submit_futures_order(FUTURES, side=1, type="market", size=3)

    async def something(self, rng: random.Random) -> None:
        """One act of a bot, in one of the markets."""
        act = rng.randrange(8)
        if act == 0:
            await self.limit(str(rng.randrange(40_000, 50_000)))
        elif act == 1:
            await self.contract(str(rng.randrange(40_000, 50_000)))
        elif act == 2:
            await self.rest.submit_spot_order_v2(
                SPOT, side="buy", type="market", notional=str(rng.randrange(50, 5000))
            )
        elif act == 3:
            await self.rest.submit_spot_order_v2(SPOT, side="sell", type="ioc", size="0.01", price="60000")
        elif act in (4, 5):
            side = rng.choice((1, 4))
            await self.futures.submit_futures_order(
                FUTURES, side=side, type="market", size=rng.randrange(1, 9)
            )
        else:
            opened = self.sandbox.account().open_orders
            if opened:
                order = rng.choice(opened)
                if order.market == "spot":
                    await self.rest.cancel_spot_order_v3(SPOT, order_id=order.order_id)
                else:
                    await self.futures.cancel_futures_order(FUTURES, order_id=order.order_id)

    def doubt(self, market: Market) -> None:
        """Let the tracker think that it may have missed something."""
        side = self.tracker._sides[market]
        self.tracker._tell(side.account.doubt("a test"))
        side.looks.stir()

    async def settle(self, timeout: float = 10.0) -> None:
        """Wait until what is told and shown is the truth, and the tracker says so."""
        with contextlib.suppress(TimeoutError):
            await until(
                lambda: self.tracker.live and not self.notes.wrong(self.sandbox, self.tracker), timeout
            )
        assert self.notes.wrong(self.sandbox, self.tracker) == []
        assert self.tracker.state is AccountState.LIVE


@contextlib.asynccontextmanager
async def world(
    *, ready: bool = True, ws_options: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[World]:
    """Everything, running; the tracker is LIVE unless told otherwise."""
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        where = sandbox.client_options
        frames = Frames(sandbox)
        async with (
            RestClient(**where) as rest,
            FuturesClientV2(**where) as futures,
            WebsocketClient(**where, **{**FAST, **(ws_options or {})}) as ws,
        ):
            given = {"rest": rest, "futures": futures, "futures_symbols": [FUTURES], **options}
            tracker = AccountTracker(ws=ws, **given)
            notes = Notes()
            tracker.on_change(notes.hear)
            async with tracker:
                if ready:
                    await tracker.ready(timeout=20)
                yield World(sandbox, rest, futures, ws, tracker, notes, frames)


__all__ = ["BalanceChanged", "Frames", "Notes", "World", "asyncio", "world"]
