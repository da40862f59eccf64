"""What frames of one key lead to: decoded once, and handed to each subscriber.

A feed's ``deliver`` is put together when the feed is, from what is known then: how the channel is decoded, and
whose elements are whose. Raw subscribers alone cost no decode, but for the symbols in the frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from bitmart_async.decoding import REFUSED
from bitmart_async.websocket.channels import symbol_of, symbols_in
from bitmart_async.websocket.events import Update

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bitmart_async.websocket.channels import Elements
    from bitmart_async.websocket.topics import Market, Topic

__all__ = ["Feed", "RawSink", "Route", "Sink"]

Sink: TypeAlias = "Callable[[Update[object]], None]"
RawSink: TypeAlias = "Callable[[str, bytes], None]"
"""Gets the topic and the frame."""
_Deliver: TypeAlias = "Callable[[bytes, int], None]"

_NO_SYMBOL = frozenset({"", "ALL_SYMBOLS", "BALANCE_UPDATE"})
_SYMBOL = b'"symbol":"'
_SYMBOL_SIZE = len(_SYMBOL)


class Route:
    """One subscribed topic and who gets its updates."""

    __slots__ = (
        "channel",
        "data_ns",
        "ever_held",
        "held",
        "raw_sinks",
        "sinks",
        "symbol",
        "text",
        "topic",
        "updates",
    )

    def __init__(self, topic: Topic[object]) -> None:
        self.topic = topic
        self.text = topic.text
        self.channel = topic.channel
        self.symbol = "" if topic.symbol in _NO_SYMBOL else topic.symbol
        self.sinks: tuple[Sink, ...] = ()
        self.raw_sinks: tuple[RawSink, ...] = ()
        self.held = False
        """Whether the server has confirmed it on the present socket."""
        self.ever_held = False
        """Whether it has been confirmed on any socket: then the exchange serves it."""
        self.data_ns: int | None = None
        """When its last data came, Unix nanoseconds."""
        self.updates = 0
        """Updates handed over."""


class Feed:
    """What one key leads to.

    Args:
        by_symbol: The key does not say the symbol; the elements do.
    """

    __slots__ = ("deliver", "routes")

    def __init__(self, elements: Elements, routes: list[Route], *, by_symbol: bool) -> None:
        self.routes = routes
        """Every route behind this key."""
        audiences = _Audiences(routes, by_symbol=by_symbol)
        deliver = _typed_delivery(elements, audiences, routes[0].topic.market)
        if any(route.raw_sinks for route in routes):
            typed = deliver if any(route.sinks for route in routes) else None
            deliver = _raw_delivery(audiences, typed)
        self.deliver = deliver
        """Hands a frame, received at so many Unix ns, to whoever it is for. Raises DecodeError."""


class _Audiences:
    """Which routes an element or a frame is for."""

    def __init__(self, routes: list[Route], *, by_symbol: bool) -> None:
        unnamed = [route for route in routes if route.topic.symbol in _NO_SYMBOL]
        self.all: Sequence[Route] = routes
        """For an element without a symbol, which cannot be told apart."""
        self.others: Sequence[Route] = unnamed if by_symbol else routes
        """For every symbol that is not in ``by_symbol``."""
        self.by_symbol: dict[str, Sequence[Route]] = {}
        if by_symbol:
            named = [route for route in routes if route.topic.symbol not in _NO_SYMBOL]
            self.by_symbol = {route.topic.symbol: (route, *unnamed) for route in named}
        self._by_bytes = {symbol.encode(): routes for symbol, routes in self.by_symbol.items()}

    def of_frame(self, frame: bytes) -> Sequence[Route]:
        """The routes a frame is for, found without reading its numbers. Raises DecodeError."""
        if not self.by_symbol:
            return self.others
        inside = frame.find(b"{", 1)
        last = frame.rfind(_SYMBOL)
        if last > inside > 0:
            stop = frame.find(b'"', last + _SYMBOL_SIZE)
            routes = self._by_bytes.get(frame[last + _SYMBOL_SIZE : stop])
            # quotes within texts are escaped, so what looks like a symbol is one, and an element's when the list ends
            # behind it; a single object has no other, and of several all say it when it is there as often as they are
            if (
                routes is not None
                and frame.find(b"}]", stop) > 0
                and (
                    frame.find(b"{", inside + 1) < 0
                    or frame.count(b"{", inside) == frame.count(frame[last : stop + 1], inside)
                )
            ):
                return routes
        names = symbols_in(frame)
        if None in names:
            return self.all
        found = [self.by_symbol.get(name or "", self.others) for name in names]
        if len(found) == 1:
            return found[0]
        return list({route.text: route for routes in found for route in routes}.values())


def _raw_delivery(audiences: _Audiences, typed: _Deliver | None) -> _Deliver:
    """The frame itself to raw sinks, then decoded to the others, where there are any."""
    concerned = audiences.of_frame

    def deliver(frame: bytes, received_ns: int) -> None:
        for route in concerned(frame):
            route.data_ns = received_ns
            if typed is None:
                route.updates += 1
            for raw_sink in route.raw_sinks:
                raw_sink(route.text, frame)
        if typed is not None:
            typed(frame, received_ns)

    return deliver


def _typed_delivery(elements: Elements, audiences: _Audiences, market: Market) -> _Deliver:
    """One typed pass; what it cannot read is read again, tolerantly."""
    decode, unfold, finite = elements.decode, elements.unfold, elements.finite
    read, named = elements.read, elements.named
    by_symbol, others, everyone = audiences.by_symbol.get, audiences.others, audiences.all

    def deliver(frame: bytes, received_ns: int) -> None:
        found: Sequence[Any]
        try:
            data = decode(frame).data
            found = data if unfold is None else unfold(data)
        except REFUSED:
            found = read(frame)
        else:
            if finite is not None:
                for element in found:
                    if not finite(element):
                        found = read(frame)
                        break
        for element in found:
            symbol = element.symbol if named else symbol_of(element)
            for route in everyone if symbol is None else by_symbol(symbol, others):
                route.data_ns = received_ns
                route.updates += 1
                update = Update(
                    route.text,
                    route.channel,
                    market,
                    route.symbol if symbol is None else symbol,
                    element,
                    received_ns,
                    frame,
                )
                for sink in route.sinks:
                    sink(update)

    return deliver
