"""From a frame to its subscribers: found by a memo, decoded once, handed to each.

The key of a frame (spot's ``table``, futures' ``group``) leads through one dict lookup to a feed: the
channel's decoder and the routes that want it. No subscriber, no decode; raw subscribers
alone, no decode either, but for the symbols in it. The memo is thrown away whenever a route or a subscriber
comes or goes.

Who subscribes the orders of one pair and those of all gets each push twice from the exchange, under two
tables by one record and under the singular one alone by the documents. Until the plural table has been
seen, a push under the singular one therefore goes to both: a repeated push does less harm than a lost one.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from bitmart_async.decoding import REFUSED
from bitmart_async.websocket.channels import Elements, elements_of, symbol_of, symbols_in
from bitmart_async.websocket.events import Update
from bitmart_async.websocket.topics import Market

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bitmart_async.websocket.topics import Topic

__all__ = ["Feed", "RawSink", "Route", "Routes", "Sink"]

Sink: TypeAlias = "Callable[[Update[object]], None]"
RawSink: TypeAlias = "Callable[[str, bytes], None]"
"""Gets the topic and the frame."""

_NO_SYMBOL = frozenset({"", "ALL_SYMBOLS", "BALANCE_UPDATE"})
_SYMBOL = b'"symbol":"'
_SYMBOL_SIZE = len(_SYMBOL)
_MOST_KEYS = 4096
"""Keys remembered; a server that makes up new ones for ever must not fill the memory."""


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
    """What one key leads to."""

    __slots__ = (
        "_by_bytes",
        "_by_symbol",
        "_decode",
        "_finite",
        "_market",
        "_named",
        "_others",
        "_raw",
        "_raw_alone",
        "_read",
        "_single",
        "_unfold",
        "routes",
    )

    def __init__(self, elements: Elements, routes: list[Route], *, by_symbol: bool) -> None:
        self._decode, self._unfold = elements.decode, elements.unfold
        self._finite, self._named, self._read = elements.finite, elements.named, elements.read
        self._market = routes[0].topic.market
        self.routes = routes
        """Every route behind this key."""
        everything = [route for route in routes if route.topic.symbol in _NO_SYMBOL]
        self._by_symbol = (
            {
                route.topic.symbol: [route, *everything]
                for route in routes
                if route.topic.symbol not in _NO_SYMBOL
            }
            if by_symbol
            else {}
        )
        self._others = everything if by_symbol else routes
        self._single = routes if len(routes) == 1 and not by_symbol else None
        self._raw = any(route.raw_sinks for route in routes)
        self._raw_alone = self._raw and not any(route.sinks for route in routes)
        self._by_bytes = {symbol.encode(): routes for symbol, routes in self._by_symbol.items()}

    def _concerned(self, frame: bytes) -> list[Route]:
        """The routes a frame is about, found without reading its numbers. Raises DecodeError."""
        if not self._by_symbol:
            return self._others
        first = frame.find(b"{", 1)
        if first > 0 and frame.find(b"{", first + 1) < 0:  # a single element, without an object inside
            at = frame.rfind(_SYMBOL)
            if at >= first:
                start = at + _SYMBOL_SIZE
                routes = self._by_bytes.get(frame[start : frame.find(b'"', start)])
                if routes is not None:
                    return routes
        names = symbols_in(frame)
        if None in names:
            return self.routes
        found = [self._by_symbol.get(name or "", self._others) for name in names]
        if len(found) == 1:
            return found[0]
        return list({route.text: route for routes in found for route in routes}.values())

    def deliver(self, frame: bytes, received_ns: int) -> None:
        """Decode the frame and hand each element to its route's sinks. Raises DecodeError."""
        if self._raw:
            alone = self._raw_alone
            for route in self._concerned(frame):
                route.data_ns = received_ns
                if alone:
                    route.updates += 1
                for raw_sink in route.raw_sinks:
                    raw_sink(route.text, frame)
            if alone:
                return
        decode, unfold, finite = self._decode, self._unfold, self._finite
        try:
            data = decode(frame).data if decode is not None else None
        except REFUSED:
            data = None
        if data is None:
            elements: Sequence[Any] = self._read(frame)
        else:
            elements = data if unfold is None else unfold(data)
            if finite is not None:
                for element in elements:
                    if not finite(element):
                        elements = self._read(frame)
                        break
        single, named, market = self._single, self._named, self._market
        for element in elements:
            symbol: str | None = element.symbol if named else symbol_of(element)
            # an element without a symbol cannot be told apart: it is for every route of the key
            routes = single or (self.routes if symbol is None else self._by_symbol.get(symbol, self._others))
            for route in routes:
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


def _plain(key: bytes) -> str:
    """A key without the escapes JSON allows in it (``spot\\/ticker``)."""
    if b"\\" in key:
        with contextlib.suppress(msgspec.DecodeError):
            return msgspec.json.decode(b'"' + key + b'"', type=str)
    return key.decode("utf-8", "replace")


class Routes:
    """The routes of one connection, and the memo from keys to feeds."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._by_text: dict[str, Route] = {}
        self._memo: dict[bytes, Feed | None] = {}
        self.marked: dict[bytes, Feed] = {}
        """Feeds by the marks of their frames, see :meth:`mark`. Cleared, never replaced: readers hold it."""
        self._plural = False
        """Whether the orders of all pairs come under a table of their own."""

    def __contains__(self, text: str) -> bool:
        return text in self._by_text

    def __len__(self) -> int:
        return len(self._by_text)

    def get(self, text: str) -> Route | None:
        """The route of a subscribed topic."""
        return self._by_text.get(text)

    def all(self) -> list[Route]:
        """Every route, in the order of subscription."""
        return list(self._by_text.values())

    def add(self, topic: Topic[object]) -> Route:
        """The topic's route, made when it is new."""
        route = self._by_text.get(topic.text)
        if route is None:
            route = self._by_text[topic.text] = Route(topic)
            self._forget()
        return route

    def serve(self, text: str, sinks: tuple[Sink, ...], raw_sinks: tuple[RawSink, ...]) -> None:
        """Say who gets a topic's updates, and who its frames."""
        route = self._by_text.get(text)
        if route is not None:
            route.sinks, route.raw_sinks = sinks, raw_sinks
            self._forget()

    def remove(self, text: str) -> None:
        """Forget a topic."""
        self._by_text.pop(text, None)
        self._forget()

    def feed(self, key: bytes) -> Feed | None:
        """Where frames with this key go; None: nobody wants them."""
        try:
            return self._memo[key]
        except KeyError:
            if len(self._memo) >= _MOST_KEYS:
                self._forget()
            feed = self._memo[key] = self._find(_plain(key))
            return feed

    def mark(self, mark: bytes, feed: Feed) -> None:
        """Remember where frames with this mark go (:func:`~bitmart_async.websocket.dialects.data_mark`)."""
        if len(self.marked) >= _MOST_KEYS:
            self.marked.clear()
        self.marked[mark] = feed

    def _forget(self) -> None:
        self._memo.clear()
        self.marked.clear()

    def _find(self, key: str) -> Feed | None:
        if self._market is Market.SPOT:
            return self._find_spot(key)
        exact = self._by_text.get(key)
        plain = key.partition("@")[0]
        alike = [route for route in self._by_text.values() if route.text.partition("@")[0] == plain]
        if exact is not None:
            alike = [exact]
        routes = [route for route in alike if not route.topic.speed] or alike
        if not routes:
            return None
        return Feed(elements_of(self._market, routes[0].topic.channel), routes, by_symbol=False)

    def _find_spot(self, key: str) -> Feed | None:
        table = key.partition(":")[0]  # the documents print it with the symbol; the wire has none
        channel = table.partition("/")[2]
        if channel == "user/orders" and not self._plural:
            self._plural = True
            self._forget()
        channels = {channel, "user/orders"} if channel == "user/order" else {channel}
        routes = [route for route in self._by_text.values() if route.topic.channel in channels]
        single = [route for route in routes if route.topic.channel == channel]
        if self._plural and single:
            routes = single
        if not routes:
            return None
        return Feed(elements_of(self._market, channel), routes, by_symbol=True)
