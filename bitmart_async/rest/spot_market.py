"""Spot market data, v3 quotation and v1 reference data. Public, no keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitmart_async.models.enums import SpotKlineStep
from bitmart_async.models.spot import (
    Currencies,
    SpotBook,
    SpotCandle,
    SpotPublicTrade,
    SpotTicker,
    SpotTickerRow,
    SymbolNames,
    Symbols,
)
from bitmart_async.ratelimit import Quota
from bitmart_async.rest.endpoint import Auth, Endpoint
from bitmart_async.rest.history import MAX_REQUESTS, Incomplete, Windowed, as_is, candles
from bitmart_async.rest.params import Choice, Whole, spot_symbol
from bitmart_async.rest.section import Section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitmart_async.rest.iterate import History

__all__ = ["SpotMarket"]


def _window(given: Mapping[str, object]) -> None:
    """``after`` is the start and ``before`` the end; the other way round nothing would come."""
    from bitmart_async.errors import ParameterError

    after, before = given.get("after"), given.get("before")
    if isinstance(after, int) and isinstance(before, int) and after >= before:
        raise ParameterError(
            f"after={after} must be earlier than before={before}: "
            f"after is the start of the window and before its end, both Unix seconds"
        )
    for name, value in (("after", after), ("before", before)):
        if isinstance(value, int) and value > 100_000_000_000:
            raise ParameterError(f"{name}={value} looks like milliseconds; this endpoint takes Unix seconds")


_CANDLES = (
    spot_symbol(required=True),
    Whole("before", low=0),
    Whole("after", low=0),
    Choice("step", SpotKlineStep),
    Whole("limit", low=1, high=200),
)

CURRENCIES = Endpoint(
    "market.currencies", "GET", "/spot/v1/currencies", Auth.NONE, Quota(8), returns=Currencies
)
SYMBOLS = Endpoint("market.symbols", "GET", "/spot/v1/symbols", Auth.NONE, Quota(8), returns=SymbolNames)
SYMBOLS_DETAILS = Endpoint(
    "market.symbols_details", "GET", "/spot/v1/symbols/details", Auth.NONE, Quota(12), returns=Symbols
)
TICKERS = Endpoint(
    "market.tickers_v3",
    "GET",
    "/spot/quotation/v3/tickers",
    Auth.NONE,
    Quota(10),
    returns=list[SpotTickerRow],
)
TICKER = Endpoint(
    "market.ticker_v3",
    "GET",
    "/spot/quotation/v3/ticker",
    Auth.NONE,
    Quota(15),
    returns=SpotTicker,
    params=(spot_symbol(required=True),),
)
LITE_KLINES = Endpoint(
    "market.lite_klines_v3",
    "GET",
    "/spot/quotation/v3/lite-klines",
    Auth.NONE,
    Quota(15),
    returns=list[SpotCandle],
    params=_CANDLES,
    rules=_window,
)
KLINES = Endpoint(
    "market.klines_v3",
    "GET",
    "/spot/quotation/v3/klines",
    Auth.NONE,
    Quota(10),
    returns=list[SpotCandle],
    params=_CANDLES,
    rules=_window,
)
BOOKS = Endpoint(
    "market.books_v3",
    "GET",
    "/spot/quotation/v3/books",
    Auth.NONE,
    Quota(15),
    returns=SpotBook,
    params=(spot_symbol(required=True), Whole("limit", low=1, high=50)),
)
TRADES = Endpoint(
    "market.trades_v3",
    "GET",
    "/spot/quotation/v3/trades",
    Auth.NONE,
    Quota(15),
    returns=list[SpotPublicTrade],
    params=(spot_symbol(required=True), Whole("limit", low=1, high=50)),
)

_WIDE = frozenset({71004})


def _candle_windows(
    endpoint: Endpoint[list[SpotCandle]],
    lookback: int,
) -> Windowed[list[SpotCandle], SpotCandle]:
    return Windowed(
        endpoint=endpoint,
        rows=as_is,
        at=lambda row: row.t * 1000,
        key=lambda row: row.t,
        unit=1000,
        cap=200,
        size="limit",
        span=candles(198),
        lookback=candles(lookback),
        start="after",
        end="before",
        too_wide=_WIDE,
        exact=True,
    )


LITE_KLINE_WINDOWS = _candle_windows(LITE_KLINES, 1000)
KLINE_WINDOWS = _candle_windows(KLINES, 200)


class SpotMarket(Section):
    """Pairs, tickers, candles, books, trades.

    Quotation endpoints report an unknown pair as :class:`SymbolUnavailable` (code 70002, HTTP 200).
    All calls here are reads: repeated when an answer is lost.
    """

    async def get_spot_currencies_v1(self) -> Currencies:
        """Coins of the spot market.

        A read: repeated when its answer is lost. Raises ApiError when refused, TransportError when nothing
        answers.

        Source: spot docs, "Get Currency List (V1)". 8 calls per 2 s per IP.
        """
        return await self._call(CURRENCIES)

    async def get_spot_trading_pairs_v1(self) -> SymbolNames:
        """Names of all pairs, like BTC_USDT.

        A read: repeated when its answer is lost. Raises ApiError when refused, TransportError when nothing
        answers.

        Source: spot docs, "Get Trading Pairs List (V1)". 8 calls per 2 s per IP.
        """
        return await self._call(SYMBOLS)

    async def get_spot_trading_pair_details_v1(self) -> Symbols:
        """Trading rules of all pairs: steps, minimums, decimals. There is no filter; keep the reply.

        A read: repeated when its answer is lost. Raises ApiError when refused, TransportError when nothing
        answers.

        Source: spot docs, "Get Trading Pair Details (V1)". 12 calls per 2 s per IP.
        """
        return await self._call(SYMBOLS_DETAILS)

    async def get_spot_tickers_v3(self) -> list[SpotTickerRow]:
        """24-hour figures of every pair that traded in the last 24 hours.

        A read: repeated when its answer is lost. Raises ApiError when refused, TransportError when nothing
        answers.

        Source: spot docs, "Get Ticker of All Pairs (V3)". 10 calls per 2 s per IP.
        """
        return await self._call(TICKERS)

    async def get_spot_ticker_v3(self, symbol: str) -> SpotTicker:
        """24-hour figures and best prices of one pair.

        Args:
            symbol: Pair, like BTC_USDT.

        Raises:
            SymbolUnavailable: The pair is unknown or delisted.

        A read: repeated when its answer is lost.

        Source: spot docs, "Get Ticker of a Trading Pair (V3)". 15 calls per 2 s per IP.
        """
        return await self._call(TICKER, symbol=symbol)

    async def get_spot_latest_kline_v3(
        self,
        symbol: str,
        *,
        before: int | None = None,
        after: int | None = None,
        step: SpotKlineStep | int | None = None,
        limit: int | None = None,
    ) -> list[SpotCandle]:
        """The newest candles, at most 1000 back. The order of rows is not uniform: sort by ``t``.

        Args:
            symbol: Pair, like BTC_USDT.
            before: End of the window, Unix SECONDS.
            after: Start of the window, Unix SECONDS. Whether bounds are included is not documented.
            step: Candle length in minutes, 1 when not given.
            limit: Rows, 1 to 200, 100 when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, TransportError when nothing
        answers.

        Source: spot docs, "Get Latest K-Line (V3)". 15 calls per 2 s per IP.
        """
        return await self._call(
            LITE_KLINES, symbol=symbol, before=before, after=after, step=step, limit=limit
        )

    def iter_spot_latest_kline_v3(
        self,
        symbol: str,
        *,
        before: int | None = None,
        after: int | None = None,
        step: SpotKlineStep | int | None = None,
        limit: int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[SpotCandle]:
        """Candles of any span, oldest first, each once.

        The newest 1000 can be read; they are also the range when no ``after`` is given.

        Args:
            symbol: Pair, like BTC_USDT.
            before: Last second of the range, Unix SECONDS, included; now when not given.
            after: First second of the range, Unix SECONDS, included.
            step: Candle length in minutes, 1 when not given.
            limit: Rows of one reply, 1 to 200, 200 when not given.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: spot docs, "Get Latest K-Line (V3)".
        """
        return self._iter(
            LITE_KLINE_WINDOWS, after, before, max_requests, incomplete, symbol=symbol, step=step, limit=limit
        )

    async def get_spot_history_kline_v3(
        self,
        symbol: str,
        *,
        before: int | None = None,
        after: int | None = None,
        step: SpotKlineStep | int | None = None,
        limit: int | None = None,
    ) -> list[SpotCandle]:
        """Candles of a window of at most 200. The order of rows is not uniform: sort by ``t``.

        Args:
            symbol: Pair, like BTC_USDT.
            before: End of the window, Unix SECONDS.
            after: Start of the window, Unix SECONDS. Whether bounds are included is not documented.
            step: Candle length in minutes, 1 when not given.
            limit: Rows, 1 to 200, 100 when not given.

        Raises:
            BadRequest: The window does not fit (71003) or is too long (71004).

        A read: repeated when its answer is lost.

        Source: spot docs, "Get History K-Line (V3)". 10 calls per 2 s per IP.
        """
        return await self._call(KLINES, symbol=symbol, before=before, after=after, step=step, limit=limit)

    def iter_spot_history_kline_v3(
        self,
        symbol: str,
        *,
        before: int | None = None,
        after: int | None = None,
        step: SpotKlineStep | int | None = None,
        limit: int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[SpotCandle]:
        """Candles of any span, oldest first, each once. The newest 200 when no ``after`` is given.

        Args:
            symbol: Pair, like BTC_USDT.
            before: Last second of the range, Unix SECONDS, included; now when not given.
            after: First second of the range, Unix SECONDS, included.
            step: Candle length in minutes, 1 when not given.
            limit: Rows of one reply, 1 to 200, 200 when not given.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: spot docs, "Get History K-Line (V3)".
        """
        return self._iter(
            KLINE_WINDOWS, after, before, max_requests, incomplete, symbol=symbol, step=step, limit=limit
        )

    async def get_spot_order_book_depth_v3(self, symbol: str, *, limit: int | None = None) -> SpotBook:
        """A snapshot of the book.

        Args:
            symbol: Pair, like BTC_USDT.
            limit: Levels a side, 1 to 50, 35 when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, TransportError when nothing
        answers.

        Source: spot docs, "Get Depth (V3)". 15 calls per 2 s per IP.
        """
        return await self._call(BOOKS, symbol=symbol, limit=limit)

    async def get_spot_recent_trades(self, symbol: str, *, limit: int | None = None) -> list[SpotPublicTrade]:
        """The newest trades of anybody.

        Args:
            symbol: Pair, like BTC_USDT.
            limit: Rows, 1 to 50, 50 when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, TransportError when nothing
        answers.

        Source: spot docs, "Get Recent Trades (V3)". 15 calls per 2 s per IP.
        """
        return await self._call(TRADES, symbol=symbol, limit=limit)
