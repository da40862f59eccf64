"""Spot calls of v1 and v2 that the exchange has announced as switched off after 2024-06-30.

They are here because the catalog has them and programs still name them. Expect EndpointRetired
(30031, HTTP 200). The first use of each warns and names the replacement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitmart_async.errors import ParameterError
from bitmart_async.models.enums import OrderType, Side, StpMode
from bitmart_async.models.spot_legacy import (
    BatchOrderResults,
    KlineSteps,
    LegacyBook,
    LegacyCandles,
    LegacyTicker,
    LegacyTickers,
)
from bitmart_async.ratelimit import Quota, Scope
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.params import Amount, Choice, Rows, Whole, client_order_id, spot_symbol
from bitmart_async.rest.section import Section
from bitmart_async.rest.spot_trading import order_rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bitmart_async.models.enums import SpotKlineStep
    from bitmart_async.models.spot_legacy import SpotOrderRequestV2

__all__ = ["SpotLegacy"]

_MOST_CANDLES = 500


def _candle_window(given: Mapping[str, object]) -> None:
    """Start before end, in seconds, and no more candles than one reply holds."""
    start, end, step = given.get("from_"), given.get("to"), given.get("step", 1)
    if not (isinstance(start, int) and isinstance(end, int) and isinstance(step, int)):
        return
    for name, value in (("from_", start), ("to", end)):
        if value > 100_000_000_000:
            raise ParameterError(f"{name}={value} looks like milliseconds; this endpoint takes Unix seconds")
    if start >= end:
        raise ParameterError(f"from_={start} must be earlier than to={end}")
    if end - start > _MOST_CANDLES * step * 60:
        raise ParameterError(
            f"the window holds more than {_MOST_CANDLES} candles of {step} min: the exchange "
            f"would refuse it or answer with an empty list; ask for smaller windows"
        )


def _not_everything(given: Mapping[str, object]) -> None:
    """Nothing in this call's name says that without arguments it cancels all there is."""
    if given.get("symbol") is None and given.get("side") is None:
        raise ParameterError(
            "give symbol= or side=: without them every order of the account would be "
            "cancelled. If that is what you want, call cancel_all_spot_orders."
        )


TICKERS_V2 = Endpoint(
    "market.tickers_v2",
    "GET",
    "/spot/v2/ticker",
    Auth.NONE,
    Quota(2),
    returns=LegacyTickers,
    deprecated="get_spot_tickers_v3",
)
TICKER_V1 = Endpoint(
    "market.ticker_detail_v1",
    "GET",
    "/spot/v1/ticker_detail",
    Auth.NONE,
    Quota(12),
    returns=LegacyTicker,
    deprecated="get_spot_ticker_v3",
    params=(spot_symbol(required=True),),
)
KLINE_STEPS_V1 = Endpoint(
    "market.kline_steps_v1",
    "GET",
    "/spot/v1/steps",
    Auth.NONE,
    Quota(2),
    returns=KlineSteps,
    deprecated="the members of SpotKlineStep",
)
KLINES_V1 = Endpoint(
    "market.klines_v1",
    "GET",
    "/spot/v1/symbols/kline",
    Auth.NONE,
    Quota(12),
    returns=LegacyCandles,
    deprecated="get_spot_history_kline_v3 or get_spot_latest_kline_v3",
    rules=_candle_window,
    params=(
        spot_symbol(required=True),
        Whole("from", required=True, low=0),
        Whole("to", required=True, low=0),
        Whole("step", low=1),
    ),
)
BOOK_V1 = Endpoint(
    "market.book_v1",
    "GET",
    "/spot/v1/symbols/book",
    Auth.NONE,
    Quota(12),
    returns=LegacyBook,
    deprecated="get_spot_order_book_depth_v3",
    params=(spot_symbol(required=True), Whole("precision"), Whole("size", low=1, high=200)),
)
BATCH_ORDERS_V2 = Endpoint(
    "spot.batch_orders_v2",
    "POST",
    "/spot/v2/batch_orders",
    Auth.SIGNED,
    None,
    returns=BatchOrderResults,
    deprecated="submit_spot_batch_orders_v4",
    effect=Effect.ORDER,
    own_id="order_params.client_order_id",
    params=(
        Rows(
            "order_params",
            (
                spot_symbol(required=True),
                Choice("side", Side, required=True),
                Choice("type", OrderType, required=True),
                client_order_id(),
                Amount("size"),
                Amount("price"),
                Amount("notional"),
                Choice("stpMode", StpMode),
            ),
            required=True,
            most=10,
            rules=order_rules,
        ),
    ),
)
CANCEL_ORDERS_V1 = Endpoint(
    "spot.cancel_orders_v1",
    "POST",
    "/spot/v1/cancel_orders",
    Auth.SIGNED,
    Quota(4, scope=Scope.KEY),
    returns=type(None),
    deprecated="cancel_spot_batch_orders_v4 or cancel_all_spot_orders",
    effect=Effect.ORDER,
    guard=_not_everything,
    params=(spot_symbol(), Choice("side", Side)),
)


class SpotLegacy(Section):
    """Deprecated spot calls. Each warns once with a DeprecationWarning that names its successor.

    All calls may raise EndpointRetired: the exchange has switched them off, or will.
    """

    async def get_spot_tickers_v2(self) -> LegacyTickers:
        """24-hour figures and best prices of all pairs. Deprecated: use get_spot_tickers_v3.

        Raises:
            EndpointRetired: It is switched off (30031).

        A read: repeated when its answer is lost.

        Source: node SDK 2.5.1, getSpotTickersV2. 2 calls per 2 s per IP, derived from another client.
        """
        return await self._call(TICKERS_V2)

    async def get_spot_ticker_v1(self, symbol: str) -> LegacyTicker:
        """24-hour figures and best prices of one pair. Deprecated: use get_spot_ticker_v3.

        Args:
            symbol: Pair, like BTC_USDT.

        Raises:
            EndpointRetired: It is switched off (30031).

        A read: repeated when its answer is lost.

        Source: node SDK 2.5.1, getSpotTickerV1. 12 calls per 2 s per IP, as another client has it.
        """
        return await self._call(TICKER_V1, symbol=symbol)

    async def get_spot_kline_steps_v1(self) -> KlineSteps:
        """Candle lengths. Deprecated: the members of SpotKlineStep are the ones of v3.

        Raises:
            EndpointRetired: It is switched off (30031).

        A read: repeated when its answer is lost.

        Source: spot docs of 2020, "Get All K-Line Step". 2 calls per 2 s per IP, derived from another client.
        """
        return await self._call(KLINE_STEPS_V1)

    async def get_spot_klines_v1(
        self, symbol: str, *, from_: int, to: int, step: SpotKlineStep | int | None = None
    ) -> LegacyCandles:
        """At most 500 candles. Deprecated: use get_spot_history_kline_v3 or get_spot_latest_kline_v3.

        Args:
            symbol: Pair, like BTC_USDT.
            from_: Start of the window, Unix SECONDS.
            to: End of the window, Unix SECONDS.
            step: Candle length in minutes, 1 when not given. Beside SpotKlineStep also 3, 45 and 180.

        Raises:
            BadRequest: The window does not fit (50002) or is too long (50004).
            EndpointRetired: It is switched off (30031).

        A read: repeated when its answer is lost.

        Source: spot docs of 2020, "Get K-Line". 12 calls per 2 s per IP, derived from another client.
        """
        return await self._call(KLINES_V1, symbol=symbol, from_=from_, to=to, step=step)

    async def get_spot_order_book_depth_v1(
        self, symbol: str, *, precision: int | None = None, size: int | None = None
    ) -> LegacyBook:
        """A snapshot of the book. Deprecated: use get_spot_order_book_depth_v3.

        Args:
            symbol: Pair, like BTC_USDT.
            precision: Decimals of prices, within Symbol.price_min_precision and price_max_precision.
            size: Levels a side, 1 to 200, 50 when not given.

        Raises:
            EndpointRetired: It is switched off (30031).

        A read: repeated when its answer is lost.

        Source: spot docs of 2020, "Get Depth". 12 calls per 2 s per IP, derived from another client.
        """
        return await self._call(BOOK_V1, symbol=symbol, precision=precision, size=size)

    async def submit_spot_batch_orders_v2(
        self, order_params: Sequence[SpotOrderRequestV2 | Mapping[str, object]]
    ) -> BatchOrderResults:
        """Place 1 to 10 orders of any pairs. Deprecated: use submit_spot_batch_orders_v4.

        Never repeated. Success of the call says nothing about an order: ``results`` has the fate of each, in
        the order given. UNKNOWN ones stay in ``pending_orders``; every error has ``results`` as well.

        Args:
            order_params: SpotOrderRequestV2 or mappings with the same keys.

        Raises:
            ParameterError: An order is refused here; nothing was sent.
            OrderFateUnknown: The answer was lost: each order of it is open in ``pending_orders``.
            EndpointRetired: It is switched off (30031).

        Source: node SDK 2.5.1, submitSpotBatchOrdersV2. Quota unknown: the client's default applies.
        """
        return await self._call(BATCH_ORDERS_V2, order_params=order_params)

    async def cancel_spot_orders_v1(
        self, *, symbol: str | None = None, side: Side | str | None = None
    ) -> None:
        """Cancel all orders of a pair, of a side, or both.

        Deprecated: use cancel_spot_batch_orders_v4 or cancel_all_spot_orders.

        Args:
            symbol: Pair; this or side, or both.
            side: buy or sell; this or symbol, or both.

        Raises:
            ParameterError: Neither is given; nothing was sent.
            OrderFateUnknown: The answer was lost. A repeat would also hit orders placed since.
            EndpointRetired: It is switched off (30031).

        Sent at most once.

        Source: node SDK 2.5.1, cancelSpotOrdersV1. 4 calls per 2 s per key, derived from another client.
        """
        return await self._call(CANCEL_ORDERS_V1, symbol=symbol, side=side)
