"""Data frames to elements: one typed decoder per channel, over the whole frame in one pass.

Spot frames carry a list of elements; futures frames one object, except trades, positions and orders,
which are lists, and candles, which come as an object with ``items`` or as a flat one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec

from bitmart_async.decoding import Reader
from bitmart_async.models.base import Number, Seconds
from bitmart_async.models.streams_futures import (
    FuturesKline,
    FuturesOrderUpdate,
    FuturesPositionUpdate,
    FuturesStreamTrade,
)
from bitmart_async.websocket.topics import Market, model_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

__all__ = ["Elements", "elements_of", "symbol_of"]

T = TypeVar("T")


class _Frame(msgspec.Struct, Generic[T]):
    data: T


_ABSENT = cast("Decimal", None)  # the flat fields of a frame that has items, or a blank: see models/base.py


class _Candles(msgspec.Struct):
    """Both shapes of the futures candle."""

    symbol: str
    items: list[_Candle] | None = None
    ts: Seconds = cast("int", None)
    o: Number = _ABSENT
    h: Number = _ABSENT
    l: Number = _ABSENT  # noqa: E741 - the wire's name
    c: Number = _ABSENT
    v: Number = _ABSENT

    def candles(self) -> Sequence[FuturesKline]:
        rows: Sequence[_Candle | _Candles] = [self] if self.items is None else self.items
        return [
            FuturesKline(
                symbol=self.symbol,
                ts=row.ts,
                open=row.o,
                high=row.h,
                low=row.l,
                close=row.c,
                volume=row.v,
            )
            for row in rows
        ]


class _Candle(msgspec.Struct):
    ts: Seconds
    o: Number
    h: Number
    l: Number  # noqa: E741 - the wire's name
    c: Number
    v: Number


class Elements:
    """Reads the elements of one channel's frames."""

    __slots__ = ("read",)

    def __init__(self, read: Callable[[bytes], Sequence[object]]) -> None:
        self.read = read
        """Frame to elements. Raises DecodeError."""


_IN_LISTS = (FuturesStreamTrade, FuturesPositionUpdate, FuturesOrderUpdate)
_known: dict[tuple[Market, object], Elements] = {}


def elements_of(market: Market, channel: str) -> Elements:
    """The reader of a channel; plain JSON for one nobody has described."""
    model = model_of(market, channel)
    key = (market, model)
    elements = _known.get(key)
    if elements is None:
        elements = _known[key] = Elements(_make(market, model))
    return elements


def _make(market: Market, model: type[msgspec.Struct] | None) -> Callable[[bytes], Sequence[object]]:
    if model is None:
        plain = Reader[_Frame[object]](_Frame[Any])

        def read_plain(frame: bytes) -> Sequence[object]:
            data = plain.read(frame).data
            return cast("list[object]", data) if isinstance(data, list) else [data]

        return read_plain
    if model is FuturesKline:
        klines = Reader[_Frame[_Candles]](_Frame[_Candles])
        return lambda frame: klines.read(frame).data.candles()
    if market is Market.SPOT or model in _IN_LISTS:
        many = Reader[_Frame[list[object]]](_Frame[list[model]])  # type: ignore[valid-type]
        return lambda frame: many.read(frame).data
    one = Reader[_Frame[object]](_Frame[model])  # type: ignore[valid-type]
    return lambda frame: (one.read(frame).data,)


def symbol_of(element: object) -> str | None:
    """The symbol inside an element; None when it names none."""
    if isinstance(element, FuturesOrderUpdate):
        return element.order.symbol
    if isinstance(element, dict):
        symbol = cast("dict[object, object]", element).get("symbol")
        return symbol if isinstance(symbol, str) else None
    return getattr(element, "symbol", None)
