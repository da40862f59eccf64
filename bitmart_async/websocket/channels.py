"""Data frames to elements: one typed decoder per channel, over the whole frame in one pass.

Spot frames carry a list of elements; futures frames one object, except trades, positions and orders,
which are lists, and candles, which come as an object with ``items`` or as a flat one.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec
from msgspec import inspect

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

__all__ = ["Elements", "elements_of", "symbol_of", "symbols_in"]

T = TypeVar("T")


class _Frame(msgspec.Struct, Generic[T], gc=False):
    data: T


_ABSENT = cast("Decimal", None)  # the flat fields of a frame that has items, or a blank: see models/base.py


class _Candles(msgspec.Struct, gc=False):
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


class _Candle(msgspec.Struct, gc=False):
    ts: Seconds
    o: Number
    h: Number
    l: Number  # noqa: E741 - the wire's name
    c: Number
    v: Number


class Elements:
    """How the elements of one channel's frames are read.

    The quick way: ``decode`` (one typed pass over the frame), ``unfold``, and ``finite`` on each element. What it
    refuses, :meth:`read` may still be able to read.
    """

    __slots__ = ("decode", "finite", "named", "read", "unfold")

    def __init__(
        self,
        read: Callable[[bytes], Sequence[Any]],
        *,
        decode: Callable[[bytes], _Frame[Any]] | None = None,
        unfold: Callable[[Any], Sequence[Any]] | None = None,
        finite: Callable[[object], bool] | None = None,
        named: bool = False,
    ) -> None:
        self.read = read
        """Frame to elements, mended where necessary. Raises DecodeError."""
        self.decode: Callable[[bytes], _Frame[Any]] = decode or _unhurried(read)
        """Frame to an object with ``data``. Raises REFUSED, or DecodeError where there is no quicker way than read."""
        self.unfold = unfold
        """``data`` to elements; None: it is the list of them."""
        self.finite = finite
        """Whether an element's Decimals are numbers: msgspec also takes the texts NaN and Infinity for them.
        None: it has no Decimals, and its floats refuse these by themselves."""
        self.named = named
        """Whether every element has its symbol in ``symbol``."""


def _unhurried(read: Callable[[bytes], Sequence[object]]) -> Callable[[bytes], _Frame[Any]]:
    return lambda frame: _Frame(read(frame))


_IN_LISTS = (FuturesStreamTrade, FuturesPositionUpdate, FuturesOrderUpdate)
_known: dict[tuple[Market, object], Elements] = {}


def elements_of(market: Market, channel: str) -> Elements:
    """The reader of a channel; plain JSON for one nobody has described."""
    model = model_of(market, channel)
    key = (market, model)
    elements = _known.get(key)
    if elements is None:
        elements = _known[key] = _plain() if model is None else _typed(market, model)
    return elements


def _plain() -> Elements:
    plain = Reader[_Frame[object]](_Frame[Any])

    def read(frame: bytes) -> Sequence[object]:
        data = plain.read(frame).data
        return cast("list[object]", data) if isinstance(data, list) else [data]

    return Elements(read)


def _typed(market: Market, model: type[msgspec.Struct]) -> Elements:
    kind: Any = _Frame[model]  # type: ignore[valid-type]
    unfold: Callable[[Any], Sequence[object]] | None = _alone
    if model is FuturesKline:
        kind, unfold = _Frame[_Candles], _Candles.candles
    elif market is Market.SPOT or model in _IN_LISTS:
        kind, unfold = _Frame[list[model]], None  # type: ignore[valid-type]
    reader = Reader[_Frame[Any]](kind)

    def read(frame: bytes) -> Sequence[object]:
        data = reader.read(frame).data
        return cast("Sequence[object]", data) if unfold is None else unfold(data)

    places = _decimals(inspect.type_info(model))
    if places is None:
        return Elements(read)
    return Elements(
        read,
        decode=reader.typed,
        unfold=unfold,
        finite=_finite(places) if places else None,
        named="symbol" in model.__struct_fields__,
    )


def _alone(data: object) -> Sequence[object]:
    return (data,)


def _decimals(shape: inspect.Type) -> list[str] | None:
    """Where a type holds Decimals, as dotted names; None: where no name leads, or unbounded floats."""
    if isinstance(shape, inspect.DecimalType):
        return [""]
    if isinstance(shape, inspect.FloatType):
        return [] if shape.ge is not None and shape.le is not None else None
    if isinstance(shape, inspect.StructType):
        found: list[str] = []
        for field in shape.fields:
            inner = _decimals(field.type)
            if inner is None:
                return None
            found += [f"{field.name}.{name}".rstrip(".") for name in inner]
        return found
    inside: list[inspect.Type] = []
    if isinstance(shape, inspect.UnionType):
        kinds = [kind for kind in shape.types if not isinstance(kind, inspect.NoneType)]
        if len(kinds) == 1 and isinstance(kinds[0], inspect.DecimalType):
            return [""]
        inside = kinds
    elif isinstance(shape, inspect.ListType | inspect.VarTupleType | inspect.SetType | inspect.FrozenSetType):
        inside = [shape.item_type]
    elif isinstance(shape, inspect.TupleType):
        inside = list(shape.item_types)
    elif isinstance(shape, inspect.DictType):
        inside = [shape.key_type, shape.value_type]
    return [] if all(_decimals(kind) == [] for kind in inside) else None


def _finite(places: list[str]) -> Callable[[object], bool]:
    """A check of these Decimals, written out: it runs once per element."""
    get = attrgetter(*places, places[0])  # one name alone would give no tuple

    def blanks_aside(element: object) -> bool:
        return all(number is None or number.is_finite() for number in get(element))

    checks = " and ".join(f"element.{place}.is_finite()" for place in places)
    source = f"""
def finite(element):
    try:
        return {checks}
    except AttributeError:
        return blanks_aside(element)
"""
    names: dict[str, Any] = {"blanks_aside": blanks_aside}
    exec(source, names)  # noqa: S102 - of the names of our own fields
    return cast("Callable[[object], bool]", names["finite"])


class _Named(msgspec.Struct):
    symbol: str | None = None


_names = Reader[_Frame[list[_Named]]](_Frame[list[_Named]])


def symbols_in(frame: bytes) -> set[str | None]:
    """The symbols in a spot frame, its numbers unread; None: an element names none. Raises DecodeError."""
    return {element.symbol for element in _names.read(frame).data}


def symbol_of(element: object) -> str | None:
    """The symbol inside an element; None when it names none."""
    if isinstance(element, FuturesOrderUpdate):
        return element.order.symbol
    if isinstance(element, dict):
        symbol = cast("dict[object, object]", element).get("symbol")
        return symbol if isinstance(symbol, str) else None
    return getattr(element, "symbol", None)
