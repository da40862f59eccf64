"""Futures market data: contracts, books, trades, funding, candles. Public, no keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitmart_async.errors import ParameterError
from bitmart_async.models.enums import FuturesKlineStep
from bitmart_async.models.futures import (
    ContractDetails,
    FundingRate,
    FundingRateHistory,
    FundingRates,
    FuturesBook,
    FuturesCandle,
    FuturesMarketTrade,
    LeverageBrackets,
    OpenInterest,
)
from bitmart_async.ratelimit import Quota
from bitmart_async.rest.endpoint import Auth, Endpoint
from bitmart_async.rest.history import MAX_REQUESTS, Incomplete, Windowed, as_is, candles
from bitmart_async.rest.params import Choice, Text, Whole
from bitmart_async.rest.section import Section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitmart_async.rest.iterate import History

__all__ = ["FuturesMarket", "contract", "seconds_window"]


def contract(*, required: bool = False) -> Text:
    """A contract."""
    return Text(
        "symbol", required=required, pattern=r"[^\s_]+", wanted="a contract has no underscore, like BTCUSDT"
    )


def seconds_window(given: Mapping[str, object]) -> None:
    """Start before end, both in seconds."""
    start, end = given.get("start_time"), given.get("end_time")
    for name, value in (("start_time", start), ("end_time", end)):
        if isinstance(value, int) and value > 100_000_000_000:
            raise ParameterError(f"{name}={value} looks like milliseconds; this endpoint takes Unix seconds")
    if isinstance(start, int) and isinstance(end, int) and start >= end:
        raise ParameterError(f"start_time={start} must be earlier than end_time={end}")


_QUOTA = Quota(12)
_CANDLES = (
    contract(required=True),
    Choice("step", FuturesKlineStep),
    Whole("start_time", required=True, low=0),
    Whole("end_time", required=True, low=0),
)

CONTRACT_DETAILS = Endpoint(
    "futures.get_contract_details",
    "GET",
    "/contract/public/details",
    Auth.NONE,
    _QUOTA,
    returns=ContractDetails,
    params=(contract(),),
)
CONTRACT_DEPTH = Endpoint(
    "futures.get_contract_depth",
    "GET",
    "/contract/public/depth",
    Auth.NONE,
    _QUOTA,
    returns=FuturesBook,
    params=(contract(required=True),),
)
MARKET_TRADES = Endpoint(
    "futures.get_market_trades",
    "GET",
    "/contract/public/market-trade",
    Auth.NONE,
    _QUOTA,
    returns=list[FuturesMarketTrade],
    params=(contract(required=True), Whole("limit", low=1, high=100)),
)
OPEN_INTEREST = Endpoint(
    "futures.get_open_interest",
    "GET",
    "/contract/public/open-interest",
    Auth.NONE,
    Quota(2),
    returns=OpenInterest,
    params=(contract(required=True),),
)
FUNDING_RATE = Endpoint(
    "futures.get_funding_rate",
    "GET",
    "/contract/public/funding-rate",
    Auth.NONE,
    _QUOTA,
    returns=FundingRate,
    params=(contract(required=True),),
)
FUNDING_RATE_V2 = Endpoint(
    "futures.get_funding_rate_v2",
    "GET",
    "/contract/public/funding-rate-v2",
    Auth.NONE,
    _QUOTA,
    returns=FundingRates,
    params=(contract(),),
)
FUNDING_RATE_HISTORY = Endpoint(
    "futures.get_funding_rate_history",
    "GET",
    "/contract/public/funding-rate-history",
    Auth.NONE,
    _QUOTA,
    returns=FundingRateHistory,
    params=(contract(required=True), Whole("limit", low=1, high=100)),
)
KLINES = Endpoint(
    "futures.get_klines",
    "GET",
    "/contract/public/kline",
    Auth.NONE,
    _QUOTA,
    returns=list[FuturesCandle],
    params=_CANDLES,
    rules=seconds_window,
)
MARK_PRICE_KLINES = Endpoint(
    "futures.get_mark_price_klines",
    "GET",
    "/contract/public/markprice-kline",
    Auth.NONE,
    _QUOTA,
    returns=list[FuturesCandle],
    params=_CANDLES,
    rules=seconds_window,
)
LEVERAGE_BRACKET = Endpoint(
    "futures.get_leverage_bracket",
    "GET",
    "/contract/public/leverage-bracket",
    Auth.NONE,
    _QUOTA,
    returns=LeverageBrackets,
    params=(contract(),),
)


def _candle_windows(endpoint: Endpoint[list[FuturesCandle]]) -> Windowed[list[FuturesCandle], FuturesCandle]:
    return Windowed(
        endpoint=endpoint,
        rows=as_is,
        at=lambda row: row.timestamp * 1000,
        key=lambda row: row.timestamp,
        unit=1000,
        cap=500,
        span=candles(498),
        lookback=candles(500),
        equal_bounds=False,
        exact=True,
    )


KLINE_WINDOWS = _candle_windows(KLINES)
MARK_PRICE_KLINE_WINDOWS = _candle_windows(MARK_PRICE_KLINES)


class FuturesMarket(Section):
    """Contracts and their market. All calls are reads: repeated when an answer is lost.

    A missing, unknown or delisted symbol raises :class:`SymbolUnavailable` (40034);
    get_futures_contract_details answers :class:`SystemFault` (40012) instead, as the exchange does.
    """

    async def get_futures_contract_details(self, symbol: str | None = None) -> ContractDetails:
        """Trading rules and figures; without a symbol of every contract, delisted ones included (1 MB).

        Args:
            symbol: Contract, like BTCUSDT.

        A read: repeated when its answer is lost. Raises ApiError when refused, TransportError when nothing
        answers.

        Source: futures V2 docs, "Get Contract Details". 12 calls per 2 s per IP.
        """
        return await self._call(CONTRACT_DETAILS, symbol=symbol)

    async def get_futures_contract_depth(self, symbol: str) -> FuturesBook:
        """A snapshot of the book, at most 50 levels a side.

        Args:
            symbol: Contract, like BTCUSDT.

        A read: repeated when its answer is lost. Raises ApiError when refused, TransportError when nothing
        answers.

        Source: futures V2 docs, "Get Market Depth". 12 calls per 2 s per IP.
        """
        return await self._call(CONTRACT_DEPTH, symbol=symbol)

    async def get_futures_market_trade(
        self,
        symbol: str,
        *,
        limit: int | None = None,
    ) -> list[FuturesMarketTrade]:
        """The newest trades of anybody; ``qty`` is in coins, not contracts.

        Args:
            symbol: Contract, like BTCUSDT.
            limit: Rows, 1 to 100, 50 when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, TransportError when nothing
        answers.

        Source: futures V2 docs, "Get Market Trade". 12 calls per 2 s per IP.
        """
        return await self._call(MARKET_TRADES, symbol=symbol, limit=limit)

    async def get_futures_open_interest(self, symbol: str) -> OpenInterest:
        """Open interest of one contract.

        Args:
            symbol: Contract, like BTCUSDT.

        A read: repeated when its answer is lost. Raises ApiError when refused, TransportError when nothing
        answers.

        Source: futures V2 docs, "Get Futures Open Interest". 2 calls per 2 s per IP.
        """
        return await self._call(OPEN_INTEREST, symbol=symbol)

    async def get_futures_funding_rate(self, symbol: str) -> FundingRate:
        """Funding of one contract: ``rate_value`` is the past rate, ``expected_rate`` the coming one.

        Args:
            symbol: Contract, like BTCUSDT.

        A read: repeated when its answer is lost. Raises ApiError when refused, TransportError when nothing
        answers.

        Source: futures V2 docs, "Get Current Funding Rate". 12 calls per 2 s per IP.
        """
        return await self._call(FUNDING_RATE, symbol=symbol)

    async def get_futures_funding_rate_v2(self, symbol: str | None = None) -> FundingRates:
        """Funding of all contracts that traded in the last 24 hours, or of one.

        Args:
            symbol: Contract, like BTCUSDT.

        A read: repeated when its answer is lost. Raises ApiError when refused, TransportError when nothing
        answers.

        Source: futures V2 docs, "Get Current Funding Rate V2". 12 calls per 2 s per IP.
        """
        return await self._call(FUNDING_RATE_V2, symbol=symbol)

    async def get_futures_funding_rate_history(
        self,
        symbol: str,
        *,
        limit: int | None = None,
    ) -> FundingRateHistory:
        """Past settlements, newest first; older than the newest 100 cannot be read.

        Args:
            symbol: Contract, like BTCUSDT.
            limit: Rows, 1 to 100, 100 when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, TransportError when nothing
        answers.

        Source: futures V2 docs, "Get Funding Rate History". 12 calls per 2 s per IP.
        """
        return await self._call(FUNDING_RATE_HISTORY, symbol=symbol, limit=limit)

    async def get_futures_klines(
        self,
        symbol: str,
        *,
        start_time: int,
        end_time: int,
        step: FuturesKlineStep | int | None = None,
    ) -> list[FuturesCandle]:
        """Candles of the last price, at most 500.

        Args:
            symbol: Contract, like BTCUSDT.
            start_time: Unix SECONDS.
            end_time: Unix SECONDS.
            step: Candle length in minutes, 1 when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, TransportError when nothing
        answers.

        Source: futures V2 docs, "Get K-line". 12 calls per 2 s per IP.
        """
        return await self._call(KLINES, symbol=symbol, step=step, start_time=start_time, end_time=end_time)

    def iter_futures_klines(
        self,
        symbol: str,
        *,
        start_time: int | None = None,
        end_time: int | None = None,
        step: FuturesKlineStep | int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[FuturesCandle]:
        """Candles of the last price of any span, oldest first, each once.

        Args:
            symbol: Contract, like BTCUSDT.
            start_time: Unix SECONDS, included; 500 candles back when not given.
            end_time: Unix SECONDS, included; now when not given.
            step: Candle length in minutes, 1 when not given.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: futures V2 docs, "Get K-line".
        """
        return self._iter(
            KLINE_WINDOWS, start_time, end_time, max_requests, incomplete, symbol=symbol, step=step
        )

    async def get_futures_mark_price_klines(
        self,
        symbol: str,
        *,
        start_time: int,
        end_time: int,
        step: FuturesKlineStep | int | None = None,
    ) -> list[FuturesCandle]:
        """Candles of the mark price, at most 500.

        Args:
            symbol: Contract, like BTCUSDT.
            start_time: Unix SECONDS.
            end_time: Unix SECONDS.
            step: Candle length in minutes, 1 when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, TransportError when nothing
        answers.

        Source: futures V2 docs, "Get MarkPrice K-line". 12 calls per 2 s per IP.
        """
        return await self._call(
            MARK_PRICE_KLINES, symbol=symbol, step=step, start_time=start_time, end_time=end_time
        )

    def iter_futures_mark_price_klines(
        self,
        symbol: str,
        *,
        start_time: int | None = None,
        end_time: int | None = None,
        step: FuturesKlineStep | int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[FuturesCandle]:
        """Candles of the mark price of any span, oldest first, each once.

        Args:
            symbol: Contract, like BTCUSDT.
            start_time: Unix SECONDS, included; 500 candles back when not given.
            end_time: Unix SECONDS, included; now when not given.
            step: Candle length in minutes, 1 when not given.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: futures V2 docs, "Get MarkPrice K-line".
        """
        return self._iter(
            MARK_PRICE_KLINE_WINDOWS, start_time, end_time, max_requests, incomplete, symbol=symbol, step=step
        )

    async def get_futures_leverage_bracket(self, symbol: str | None = None) -> LeverageBrackets:
        """Leverage and maintenance-margin tiers; of every contract when no symbol is given.

        Args:
            symbol: Contract, like BTCUSDT.

        A read: repeated when its answer is lost. Raises ApiError when refused, TransportError when nothing
        answers.

        Source: futures V2 docs, "Get Current Leverage Risk Limit". 12 calls per 2 s per IP.
        """
        return await self._call(LEVERAGE_BRACKET, symbol=symbol)
