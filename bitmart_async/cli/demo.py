"""``bitmart demo``: the whole library in about ten seconds, against a sandbox in the same process.

Everything but the sandbox itself and the cut connection is what a user's program does: the public
clients, their public methods, nothing else.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from rich.table import Table
from rich.text import Text

from bitmart_async import (
    BitMartError,
    FuturesClientV2,
    FuturesSide,
    MarginMode,
    OrderType,
    RestClient,
    Side,
    WebsocketClient,
    topics,
)
from bitmart_async.models.streams_futures import (
    FuturesAssetUpdate,
    FuturesOrderUpdate,
    FuturesPositionUpdate,
)
from bitmart_async.models.streams_spot import SpotBalanceUpdate, SpotOrderUpdate
from bitmart_async.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from bitmart_async import Event, StreamData, Update

__all__ = ["show"]

T = TypeVar("T")

SPOT = "BTC_USDT"
CONTRACT = "BTCUSDT"
_PATIENCE = 5.0
_READING_SECONDS = 0.7
_WORST = Decimal("1.002")
"""How much above the best ask the limit orders go: they must fill although the market moves."""


async def show(console: Console, *, seed: int) -> int:
    """Run the demo; returns the exit code."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(60), Sandbox(seed=seed) as sandbox, AsyncExitStack() as clients:
            options = sandbox.client_options
            demo = _Demo(
                console,
                sandbox,
                await clients.enter_async_context(RestClient(**options)),
                await clients.enter_async_context(FuturesClientV2(**options)),
                await clients.enter_async_context(WebsocketClient(**options, reconnect_delay=(0.3, 5.0))),
            )
            await demo.run()
    except (BitMartError, TimeoutError, OSError) as error:
        console.print(f"\n[red]The demo failed:[/] {type(error).__name__}: {error}")
        return 1
    console.print(
        f"\n[bold green]Done[/] in {time.monotonic() - began:.1f} s, every client closed.\n"
        f"Next: the README's examples, or [bold]bitmart sandbox[/] and a program of your own."
    )
    return 0


class _Demo:
    """The steps, and what the streams have shown so far."""

    def __init__(
        self,
        console: Console,
        sandbox: Sandbox,
        rest: RestClient,
        futures: FuturesClientV2,
        ws: WebsocketClient,
    ) -> None:
        self._console = console
        self._sandbox = sandbox
        self._rest = rest
        self._futures = futures
        self._ws = ws
        self._news = asyncio.Event()
        self._public: dict[str, int] = {}
        self._private: list[Update[StreamData]] = []
        self._events: list[Event] = []

    async def run(self) -> None:
        """All steps in order."""
        self._console.print(
            "[bold]BitMart on this machine[/]: a sandbox with a moving market.\n"
            "No keys, no internet; the library is used as in a program of your own."
        )
        await self._look()
        await self._listen()
        await self._trade_spot()
        await self._trade_futures()
        await self._lose_a_connection()
        await self._sum_up()

    async def _title(self, text: str) -> None:
        await asyncio.sleep(_READING_SECONDS)
        self._console.print(f"\n[bold cyan]{text}[/]")

    def _line(self, left: str, right: str) -> None:
        self._console.print(Text.assemble((f"  {left:<20}", "dim"), right))

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for news until a condition holds."""
        try:
            async with asyncio.timeout(_PATIENCE):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise TimeoutError(f"waited {_PATIENCE:g} s in vain for {what}") from None

    async def _look(self) -> None:
        await self._title("1  REST: the exchange's clock and prices")
        clock = await self._rest.get_system_time()
        self._line(
            "server time", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(clock.server_time / 1000))
        )
        ticker = await self._rest.get_spot_ticker_v3(SPOT)
        self._line(f"spot {SPOT}", f"last {ticker.last}   bid {ticker.bid_px}   ask {ticker.ask_px}")
        contract = (await self._futures.get_futures_contract_details(CONTRACT)).symbols[0]
        self._line(
            f"futures {CONTRACT}",
            f"last {contract.last_price}   {contract.contract_size} BTC per contract, "
            f"leverage up to {contract.max_leverage}x",
        )

    async def _listen(self) -> None:
        await self._title("2  Streams: four sockets, public and private, both markets")
        for name in ("authenticated", "live", "reconnecting", "reconnected"):
            self._ws.on(name)(self._on_event)
        await self._ws.subscribe(
            [
                str(topics.spot.ticker(SPOT)),
                str(topics.spot.trade(SPOT)),
                str(topics.futures.ticker(CONTRACT)),
                str(topics.futures.trade(CONTRACT)),
            ],
            handler=self._on_public,
        )
        await self._ws.subscribe(
            [
                str(topics.spot.orders()),
                str(topics.spot.balance()),
                str(topics.futures.order()),
                str(topics.futures.position()),
                str(topics.futures.asset("USDT")),
            ],
            handler=self._on_private,
        )
        for event in self._events:
            if event.name == "live":
                channels = ", ".join(topic.partition("/")[2].partition(":")[0] for topic in event.topics)
                self._line(event.connection, f"live with {channels}")
        await self._until(lambda: len(self._public) == 4, "data on every public topic")
        await asyncio.sleep(1.5)  # let the market talk for a moment
        for topic, count in sorted(self._public.items(), reverse=True):
            self._line("", f"{count:>3} updates of {topic}")

    async def _trade_spot(self) -> None:
        await self._title("3  Spot: a limit order and a market order")
        book = await self._rest.get_spot_order_book_depth_v3(SPOT, limit=5)
        price = (book.asks[0].price * _WORST).quantize(Decimal("0.01"))
        size = (book.asks[0].amount + book.asks[1].amount / 2).quantize(Decimal("0.0001"))  # takes two levels
        limit = await self._rest.submit_spot_order_v2(
            SPOT, side=Side.BUY, type=OrderType.LIMIT, size=size, price=price
        )
        self._line("limit buy", f"{size} BTC at {price} or better, order {limit.order_id}")
        await self._spot_fills(limit.order_id)
        market = await self._rest.submit_spot_order_v2(
            SPOT, side=Side.SELL, type=OrderType.MARKET, size="0.02"
        )
        self._line("market sell", f"0.02 BTC, order {market.order_id}")
        await self._spot_fills(market.order_id)
        for change in self._spot_balances().values():
            self._line(f"balance {change[0]}", f"available {change[1]:,.4f}   frozen {change[2]:,.4f}")

    async def _spot_fills(self, order_id: str) -> None:
        """Wait for the private stream to report the order's end; print its fills."""

        def pushes() -> list[SpotOrderUpdate]:
            return [
                update.data
                for update in self._private
                if isinstance(update.data, SpotOrderUpdate) and update.data.order_id == order_id
            ]

        ends = ("filled", "canceled", "partially_canceled")
        await self._until(
            lambda: any(str(order.order_state) in ends for order in pushes()), f"the end of {order_id}"
        )
        fills = {order.detail_id: order for order in pushes() if order.detail_id}
        for order in fills.values():
            self._line(
                "  fill, pushed",
                f"{order.last_fill_count} at {order.last_fill_price}   fee paid {order.deal_fee} "
                f"{order.deal_fee_coin_name}",
            )
        self._line("  order, pushed", f"{pushes()[-1].order_state}, {pushes()[-1].filled_size} filled")

    def _spot_balances(self) -> dict[str, tuple[str, Decimal, Decimal]]:
        found: dict[str, tuple[str, Decimal, Decimal]] = {}
        for update in self._private:
            if isinstance(update.data, SpotBalanceUpdate):
                for change in update.data.balance_details:
                    found[change.ccy] = change.ccy, change.av_bal.normalize(), change.fz_bal.normalize()
        return found

    async def _trade_futures(self) -> None:
        await self._title("4  Futures: 10x leverage, a limit order and a market order")
        await self._futures.set_futures_leverage(CONTRACT, open_type=MarginMode.CROSS, leverage=10)
        book = await self._futures.get_futures_contract_depth(CONTRACT)
        price = (book.asks[0].price * _WORST).quantize(Decimal("0.1"))
        size = int(book.asks[0].size + book.asks[1].size / 2)  # takes two levels
        limit = await self._futures.submit_futures_order(
            CONTRACT,
            side=FuturesSide.BUY_OPEN_LONG,
            size=size,
            price=price,
            leverage=10,
            open_type=MarginMode.CROSS,
        )
        self._line("limit buy", f"{size} contracts at {price} or better, order {limit.order_id}")
        await self._futures_fills(limit.order_id)
        market = await self._futures.submit_futures_order(
            CONTRACT, side=FuturesSide.SELL_CLOSE_LONG, type="market", size=20
        )
        self._line("market sell", f"20 contracts, order {market.order_id}")
        await self._futures_fills(market.order_id)
        self._line("sign of fees", "paid fees are pushed as negative; on spot as positive")
        position = self._last(FuturesPositionUpdate)
        asset = self._last(FuturesAssetUpdate)
        if position is not None:
            self._line(
                "position, pushed",
                f"{position.hold_volume} contracts at {position.hold_avg_price:.2f}, "
                f"liquidation {position.liquidate_price:.2f}",
            )
        if asset is not None:
            self._line(
                "balance, pushed",
                f"{asset.available_balance:.2f} USDT available, {asset.position_deposit:.2f} in the position",
            )

    async def _futures_fills(self, order_id: str) -> None:
        def pushes() -> list[FuturesOrderUpdate]:
            return [
                update.data
                for update in self._private
                if isinstance(update.data, FuturesOrderUpdate) and update.data.order.order_id == order_id
            ]

        await self._until(
            lambda: any(push.order.deal_size >= push.order.size for push in pushes()),
            f"the fill of {order_id}",
        )
        trades = {
            push.order.last_trade.last_trade_id: push.order.last_trade
            for push in pushes()
            if push.order.last_trade is not None
        }
        for trade in trades.values():
            self._line(
                "  fill, pushed",
                f"{trade.fill_qty} contracts at {trade.fill_price}   fee paid {-trade.fee:.5f} "
                f"{trade.fee_ccy}",
            )

    def _last(self, kind: type[T]) -> T | None:
        return next(
            (update.data for update in reversed(self._private) if isinstance(update.data, kind)), None
        )

    async def _lose_a_connection(self) -> None:
        await self._title("5  A connection dies, and comes back with its subscriptions")
        heard, before = dict(self._public), len(self._events)
        await self._sandbox.faults.cut("spot")
        await self._until(
            lambda: sum(event.name == "live" for event in self._events[before:]) >= 2, "the way back"
        )
        for event in self._events[before:]:
            if event.name == "reconnecting":
                self._line(event.connection, f"lost; next try in {event.delay or 0:.2f} s")
            elif event.name == "live" and event.gap is not None:
                self._line(
                    event.connection,
                    f"live again with its {len(event.topics)} topics; nothing heard for "
                    f"{event.gap.seconds:.2f} s",
                )
        topic = str(topics.spot.ticker(SPOT))
        await self._until(
            lambda: self._public.get(topic, 0) > heard.get(topic, 0), "market data after the cut"
        )
        self._line("market data", f"{topic} flows again; futures never stopped")

    async def _sum_up(self) -> None:
        wallet = await self._rest.get_spot_wallet_balance_v1()
        assets = await self._futures.get_futures_account_assets()
        table = Table(
            title="Where the money is, by REST", title_justify="left", show_edge=False, pad_edge=False
        )
        for heading in ("account", "coin", "available", "frozen", "in positions"):
            table.add_column(heading, justify="left" if heading in ("account", "coin") else "right")
        for row in wallet.wallet:
            table.add_row("spot", row.id, f"{row.available:,.4f}", f"{row.frozen:,.4f}", "")
        for asset in assets:
            if asset.equity:
                table.add_row(
                    "futures",
                    asset.currency,
                    f"{asset.available_balance:,.4f}",
                    f"{asset.frozen_balance:,.4f}",
                    f"{asset.position_deposit:,.4f}",
                )
        self._console.print()
        self._console.print(table)

    # What arrives ----------------------------------------------------------------------------------

    def _on_public(self, update: Update[StreamData]) -> None:
        self._public[update.topic] = self._public.get(update.topic, 0) + 1
        self._news.set()

    def _on_private(self, update: Update[StreamData]) -> None:
        self._private.append(update)
        self._news.set()

    def _on_event(self, event: Event) -> None:
        self._events.append(event)
        self._news.set()
