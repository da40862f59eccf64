"""Live views on the terminal: book, ticker, trades, orders, positions.

A view takes what the streams bring and says how it looks; the loop around it draws it a few times a second
with a footer about the connection. Where nobody looks at a terminal, plain lines are printed instead.
"""

from __future__ import annotations

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections import deque
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bitmart_async import AccountTracker, ConfigurationError, CredentialsMissing, Market
from bitmart_async.book import BookTrouble
from bitmart_async.cli import INTERRUPTED
from bitmart_async.cli.log import Log
from bitmart_async.cli.stopping import opened, stopping
from bitmart_async.cli.troubles import Troubles
from bitmart_async.cli.where import the_place
from bitmart_async.models.streams_futures import FuturesStreamTicker, FuturesStreamTrade
from bitmart_async.models.streams_spot import SpotStreamTicker, SpotStreamTrade
from bitmart_async.numbers import level

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable
    from contextlib import AbstractAsyncContextManager

    from rich.console import RenderableType

    from bitmart_async import LiveOrderBook, StreamData, StreamHealth, Update, WebsocketClient
    from bitmart_async.cli.where import Place, Where

__all__ = ["Kind", "watch"]

Kind = Literal["book", "ticker", "trades", "orders", "positions"]
_REDRAW = 0.25
_PING_SECONDS = 2.0
"""Somebody looks at the round trip."""
_PATIENCE = 15.0
"""Seconds --once waits for something to show."""


_MOST_NEW = 20_000
"""Trades between two looks that are kept to be printed."""
_WIDE = 100
_ONLY_WIDE = ("order id", "type")
"""Columns that need a wide terminal."""


class View(Protocol):
    """What a command shows."""

    @property
    def ready(self) -> bool:
        """Whether there is something to show."""
        ...

    def render(self, height: int, width: int) -> RenderableType:
        """How it looks in so many lines and columns."""
        ...

    def plain(self) -> list[str]:
        """Lines to print where nobody looks at a terminal: what is new since the last call."""
        ...

    def told(self) -> object:
        """The same as JSON."""
        ...

    def news(self) -> object:
        """For a line of JSON: what is new since the last call; None: nothing."""
        ...


async def watch(
    console: Console,
    where: Where,
    kind: Kind,
    symbol: str,
    *,
    market: str | None,
    once: bool,
    as_json: bool,
) -> int:
    """Show it until it is stopped, or once; returns the exit code."""
    private = kind in ("orders", "positions")
    side = _market_of(symbol, market, kind)
    async with the_place(where, console, keys=private, lively=True) as place:
        if private and place.credentials is None:
            raise CredentialsMissing(f"bitmart {kind} needs credentials")
        if place.is_demo and side is Market.SPOT:
            raise ConfigurationError("the demo has futures alone: give a contract, like BTCUSDT")
        with stopping() as stop:
            async with place.streams(_PING_SECONDS) as ws:
                meter = _Meter(ws)
                context = (
                    _account(place, ws, kind, symbol, side) if private else _public(ws, kind, symbol, side)
                )
                if as_json or not console.is_terminal:
                    here = Console(stderr=True, highlight=False) if as_json else console
                    Troubles(ws, Log(here, quiet=False).say)
                async with opened(context, stop) as view:
                    if view is None:
                        return INTERRUPTED
                    if once:
                        await _until_ready(view, stop)
                        if not stop.is_set():
                            _print_once(console, view, as_json=as_json)
                    elif console.is_terminal and not as_json:
                        await _draw(
                            console, view, meter, stop, title=f"{kind} {symbol}  {place.environment.name}"
                        )
                    else:
                        await _follow(console, view, stop, as_json=as_json)
            return INTERRUPTED if stop.is_set() else 0


def _market_of(symbol: str, market: str | None, kind: Kind) -> Market:
    """Spot pairs are written BTC_USDT, contracts BTCUSDT."""
    if kind == "positions" and (market == "spot" or "_" in symbol):
        raise ConfigurationError("positions are of contracts, like BTCUSDT; spot has none")
    if market is not None:
        return Market(market)
    return Market.SPOT if "_" in symbol else Market.FUTURES


async def _until_ready(view: View, stop: asyncio.Event) -> None:
    ends = time.monotonic() + _PATIENCE
    while not view.ready and not stop.is_set():
        if time.monotonic() > ends:
            raise TimeoutError(
                f"nothing came within {_PATIENCE:g} s: is the market quiet, or the symbol not traded?"
            )
        await asyncio.sleep(0.02)


def _print_once(console: Console, view: View, *, as_json: bool) -> None:
    if as_json:
        console.file.write(json.dumps(view.told()) + "\n")
    else:
        console.print(view.render(30, console.width))


async def _draw(console: Console, view: View, meter: _Meter, stop: asyncio.Event, *, title: str) -> None:
    with Live(console=console, auto_refresh=False, screen=True) as live:
        while not stop.is_set():
            head = Text.assemble((title, "bold"), ("  Ctrl-C ends it", "dim"))
            body = (
                view.render(console.height - 4, console.width)
                if view.ready
                else Text("waiting for data ...", style="dim")
            )
            live.update(Group(head, Text(""), body, meter.footer()), refresh=True)
            await _pause(stop)


async def _follow(console: Console, view: View, stop: asyncio.Event, *, as_json: bool) -> None:
    while not stop.is_set():
        if view.ready and as_json:
            news = view.news()
            if news is not None:
                console.file.write(json.dumps(news) + "\n")
                console.file.flush()
        elif view.ready:
            for line in view.plain():
                console.print(Text(line), soft_wrap=True)
            console.file.flush()
        await _pause(stop)


async def _pause(stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), _REDRAW)
    except TimeoutError:
        return


class _Meter:
    """The footer: what the connection does."""

    def __init__(self, ws: WebsocketClient) -> None:
        self._ws = ws
        self._frames = 0
        self._last: float | None = None
        self._recent: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        ws.tap(self._take)

    def _take(self, _: str, __: int, frame: bytes, ___: int) -> None:
        if b'"data":' in frame[:8] or b'"table"' in frame[:8] or b'"group":"futures' in frame[:17]:
            self._frames += 1
            self._last = time.monotonic()

    def footer(self) -> Text:
        now = time.monotonic()
        self._recent.append((now, self._frames))
        while len(self._recent) > 2 and self._recent[0][0] < now - 5:
            self._recent.popleft()
        since, before = self._recent[0]
        rate = (self._frames - before) / max(now - since, 0.001)
        health = self._ws.health()
        age = None if self._last is None else now - self._last
        gaps = sum(connection.gaps for connection in health.connections)
        trips = [one.round_trip for one in health.connections if one.round_trip is not None]
        state = _state(health)
        line = Text.assemble(
            (state if state else "live", "green" if not state else "bold red"),
            "  last message ",
            ("-" if age is None else f"{age:.1f} s ago", "yellow" if age is not None and age > 10 else ""),
            f"  {rate:.1f}/s  round trip {f'{max(trips) * 1000:.1f} ms' if trips else '-'}  ",
            (f"{gaps} gaps", "yellow" if gaps else ""),
        )
        line.no_wrap, line.overflow = True, "ellipsis"
        return line


def _state(health: StreamHealth) -> str:
    down = [f"{one.name} {one.state}" for one in health.connections if one.state not in ("live", "idle")]
    return ", ".join(down)


def _clock(ms: int | None) -> str:
    if ms is None:
        return ""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%H:%M:%S}.{ms % 1000:03d}"


def _digits(number: Decimal | None) -> str:
    return "" if number is None else f"{number:f}".removesuffix(".0")


def _table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", no_wrap=True)
    return table


# Public -------------------------------------------------------------------------------------------


def _public(
    ws: WebsocketClient, kind: Kind, symbol: str, market: Market
) -> AbstractAsyncContextManager[View]:
    @asynccontextmanager
    async def open_view() -> AsyncGenerator[View, None]:
        if kind == "book":
            spot = market is Market.SPOT
            topic = f"spot/depth/increase100:{symbol}" if spot else f"futures/depthIncrease50:{symbol}"
            yield _Book(await ws.order_book(topic))
            return
        view: _Ticker | _Trades = _Ticker() if kind == "ticker" else _Trades()
        channel = "ticker" if kind == "ticker" else "trade"
        await ws.subscribe(f"{market.value}/{channel}:{symbol}", handler=view.take)
        yield view

    return open_view()


class _Whole(ABC):
    """A view whose news is the whole of it, once it has changed."""

    _printed: object = None

    @abstractmethod
    def told(self) -> object: ...

    def news(self) -> object:
        now = self.told()
        if now == self._printed:
            return None
        self._printed = now
        return now


class _Book(_Whole):
    def __init__(self, book: LiveOrderBook) -> None:
        self._book = book
        self._version = -1

    @property
    def ready(self) -> bool:
        return self._book.trouble is not BookTrouble.WAITING

    def render(self, height: int, width: int) -> RenderableType:
        book = self._book
        if book.trouble is not None:
            return Text(f"the book is {book.trouble.value}; it repairs itself", style="yellow")
        rows = max(3, min(20, (height - 4) // 2))
        asks, bids = book.asks[:rows], book.bids[:rows]
        table = _table("", "price", "size", "sum", "", right=("price", "size", "sum"))
        most = max((size for _, size in (*asks, *bids)), default=1.0)
        prices = _places(price for price, _ in (*asks, *bids))
        sizes = _places(size for _, size in (*asks, *bids))
        for name, side, style in (("ask", asks, "red"), ("bid", bids, "green")):
            sums: list[Decimal] = []
            total = Decimal(0)
            for _, size in side:
                total += level(size)
                sums.append(total)
            lines = list(zip(side, sums, strict=True))
            for (price, size), summed in reversed(lines) if name == "ask" else lines:
                bar = "█" * max(1, round(24 * size / most))
                table.add_row(
                    Text(name, style=style),
                    f"{level(price):.{prices}f}",
                    f"{level(size):.{sizes}f}",
                    f"{summed:.{sizes}f}",
                    Text(bar, style=style),
                )
            if name == "ask":
                table.add_row(Text("spread", style="dim"), Text(_spread(book), style="dim"))
        return Group(table, Text(f"version {book.version}  {_clock(book.updated_ms)} UTC", style="dim"))

    def plain(self) -> list[str]:
        book = self._book
        if book.trouble is not None or book.version == self._version:
            return []
        self._version = book.version
        return [
            f"{_clock(book.updated_ms)} bid {_level(book.best_bid)}  ask {_level(book.best_ask)}  "
            f"spread {_spread(book)}"
        ]

    def told(self) -> object:
        book = self._book
        if book.trouble is not None:
            return {"trouble": book.trouble.value}
        return {
            "symbol": book.topic.symbol,
            "version": book.version,
            "updated_ms": book.updated_ms,
            "asks": [[_digits(level(price)), _digits(level(size))] for price, size in book.asks],
            "bids": [[_digits(level(price)), _digits(level(size))] for price, size in book.bids],
        }


def _places(numbers: Iterable[float]) -> int:
    """The most decimals among them, so that they stand below one another."""
    return max((len(_digits(level(one)).partition(".")[2]) for one in numbers), default=0)


def _level(one: tuple[float, float] | None) -> str:
    return "-" if one is None else f"{_digits(level(one[0]))} x {_digits(level(one[1]))}"


def _spread(book: LiveOrderBook) -> str:
    spread = book.spread
    return "-" if spread is None else _digits(level(spread))


class _Ticker(_Whole):
    def __init__(self) -> None:
        self._last: StreamData = None
        self._new = False

    def take(self, update: Update[StreamData]) -> None:
        self._last, self._new = update.data, True

    @property
    def ready(self) -> bool:
        return self._last is not None

    def render(self, height: int, width: int) -> RenderableType:
        table = Table(box=None, pad_edge=False, show_header=False)
        for name, value in self._fields().items():
            style = ""
            if name == "24 h change":
                style = "red" if value.startswith("-") else "green"
            table.add_row(
                Text(name, style="dim"), Text(value, style=style or ("bold" if name == "last" else ""))
            )
        return table

    def _fields(self) -> dict[str, str]:
        data = self._last
        if isinstance(data, SpotStreamTicker):
            return {
                "last": _digits(data.last_price),
                "bid": f"{_digits(data.bid_px)} x {_digits(data.bid_sz)}",
                "ask": f"{_digits(data.ask_px)} x {_digits(data.ask_sz)}",
                "24 h change": f"{data.fluctuation * 100:.2f} %",
                "24 h high": _digits(data.high_24h),
                "24 h low": _digits(data.low_24h),
                "24 h volume": _digits(data.base_volume_24h),
                "24 h turnover": _digits(data.quote_volume_24h),
                "time": f"{_clock(data.ms_t)} UTC",
            }
        assert isinstance(data, FuturesStreamTicker), "the topic has this type"
        return {
            "last": _digits(data.last_price),
            "bid": f"{_digits(data.bid_price)} x {_digits(data.bid_vol)}",
            "ask": f"{_digits(data.ask_price)} x {_digits(data.ask_vol)}",
            "24 h change": f"{data.range * 100:.2f} %",
            "mark price": _digits(data.mark_price),
            "index price": _digits(data.index_price),
            "24 h volume": f"{_digits(data.volume_24)} contracts",
        }

    def plain(self) -> list[str]:
        if not self._new:
            return []
        self._new = False
        fields = self._fields()
        return [
            f"last {fields['last']}  bid {fields['bid']}  ask {fields['ask']}  24 h {fields['24 h change']}"
        ]

    def told(self) -> object:
        return _builtins(self._last)


def _builtins(value: object) -> object:
    return msgspec.to_builtins(value, enc_hook=str)


class _Trades:
    def __init__(self) -> None:
        self._trades: deque[StreamData] = deque(maxlen=200)
        self._new: deque[StreamData] = deque(maxlen=_MOST_NEW)
        self._left_out = 0

    def take(self, update: Update[StreamData]) -> None:
        self._left_out += len(self._new) == _MOST_NEW
        self._trades.appendleft(update.data)
        self._new.append(update.data)

    @property
    def ready(self) -> bool:
        return bool(self._trades)

    def render(self, height: int, width: int) -> RenderableType:
        table = _table("time", "side", "price", "size", right=("price", "size"))
        for data in list(self._trades)[: max(3, height - 1)]:
            at, side, price, size = _trade(data)
            style = {"buy": "green", "sell": "red"}.get(side, "")
            table.add_row(Text(at, style="dim"), Text(side, style=style), price, size)
        return table

    def plain(self) -> list[str]:
        new, left_out = self._taken()
        lines = ["{} {:<4} {} x {}".format(*_trade(data)) for data in new]
        return [f"-- {left_out:,} trades left out: too many at once", *lines] if left_out else lines

    def told(self) -> object:
        return [_builtins(data) for data in self._trades]

    def news(self) -> object:
        """The trades since the last call, oldest first."""
        new, left_out = self._taken()
        told = [_builtins(data) for data in new]
        return ([{"left_out": left_out}, *told] if left_out else told) or None

    def _taken(self) -> tuple[list[StreamData], int]:
        new, left_out = list(self._new), self._left_out
        self._new.clear()
        self._left_out = 0
        return new, left_out


def _trade(data: StreamData) -> tuple[str, str, str, str]:
    if isinstance(data, SpotStreamTrade):
        return _clock(data.ms_t), str(data.side.value), _digits(data.price), _digits(data.size)
    assert isinstance(data, FuturesStreamTrade), "the topic has this type"
    side = "" if data.taker_side is None else str(data.taker_side.value)
    return data.created_at[11:23], side, _digits(data.deal_price), _digits(data.deal_vol)


# Private ------------------------------------------------------------------------------------------


def _account(
    place: Place, ws: WebsocketClient, kind: Kind, symbol: str, market: Market
) -> AbstractAsyncContextManager[View]:
    @asynccontextmanager
    async def open_view() -> AsyncGenerator[View, None]:
        async with AsyncExitStack() as stack:
            rest = futures = None
            if kind == "orders" and (market is Market.SPOT or not symbol) and not place.is_demo:
                rest = await stack.enter_async_context(place.rest())
            if market is Market.FUTURES:
                futures = await stack.enter_async_context(place.futures())
            tracker = await stack.enter_async_context(AccountTracker(ws=ws, rest=rest, futures=futures))
            await tracker.ready(timeout=_PATIENCE)
            yield _Account(tracker, kind, symbol)

    return open_view()


class _Account(_Whole):
    def __init__(self, tracker: AccountTracker, kind: Kind, symbol: str) -> None:
        self._tracker = tracker
        self._kind = kind
        self._symbol = symbol
        self._said: list[list[str]] | None = None

    @property
    def ready(self) -> bool:
        return True

    def _rows(self) -> list[list[str]]:
        if self._kind == "positions":
            return [
                [
                    one.symbol, str(one.side.value), _digits(one.size), _digits(one.entry_price),
                    _digits(one.liquidation_price), "" if one.margin_mode is None else str(one.margin_mode.value),
                    _clock(one.updated_ms)[:8],
                ]
                for one in self._tracker.positions
                if one.size and self._symbol in ("", one.symbol)
            ]  # fmt: skip
        orders = [one for one in self._tracker.orders if self._symbol in ("", one.symbol)]
        orders.sort(key=lambda one: (not one.open, -one.updated_ms))
        return [
            [
                one.symbol, str(one.side.value), one.type, _digits(one.price) or "market",
                _digits(one.size if one.size is not None else one.notional), _digits(one.filled),
                str(one.status.value), one.order_id, _clock(one.updated_ms)[:8],
            ]
            for one in orders
        ]  # fmt: skip

    def _columns(self) -> tuple[str, ...]:
        if self._kind == "positions":
            return "contract", "side", "size", "entry", "liquidation", "margin", "updated UTC"
        return "symbol", "side", "type", "price", "size", "filled", "status", "order id", "updated UTC"

    def render(self, height: int, width: int) -> RenderableType:
        rows, columns = self._rows(), self._columns()
        if not rows:
            return Text(f"no {self._kind}" + (f" of {self._symbol}" if self._symbol else ""), style="dim")
        shown = [name for name in columns if width >= _WIDE or name not in _ONLY_WIDE]
        table = _table(*shown, right=("price", "size", "filled", "entry", "liquidation"))
        for row in rows[: max(3, height - 1)]:
            style = {"buy": "green", "long": "green", "sell": "red", "short": "red"}.get(row[1], "")
            cells = dict(zip(columns, row, strict=True))
            table.add_row(*(Text(cells[name], style=style if name == "side" else "") for name in shown))
        return table

    def plain(self) -> list[str]:
        rows = self._rows()
        known, self._said = self._said, rows
        if known is None and not rows:
            return [f"no {self._kind}"]
        return ["  ".join(row) for row in rows if known is None or row not in known]

    def told(self) -> object:
        return [dict(zip(self._columns(), row, strict=True)) for row in self._rows()]
