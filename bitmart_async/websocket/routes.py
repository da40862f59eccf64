"""From the key of a frame to its subscribers, by a memo.

The key of a frame (spot's ``table``, futures' ``group``) leads through one dict lookup to a feed; no subscriber,
no decode. The memo is thrown away whenever a route or a subscriber comes or goes.

Who subscribes the orders of one pair and those of all gets each push twice from the exchange, under two
tables by one record and under the singular one alone by the documents. Until the plural table has been
seen, a push under the singular one therefore goes to both: a repeated push does less harm than a lost one.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import msgspec

from bitmart_async.websocket.channels import elements_of
from bitmart_async.websocket.feeds import Feed, Route
from bitmart_async.websocket.marks import LONGEST_KEY, Marks
from bitmart_async.websocket.topics import Market

if TYPE_CHECKING:
    from bitmart_async.websocket.feeds import RawSink, Sink
    from bitmart_async.websocket.topics import Topic

__all__ = ["Routes"]

_MOST_KEYS = 4096
"""Keys remembered; a server that makes up new ones for ever must not fill the memory."""


def _plain(key: bytes) -> str:
    """A key without the escapes JSON allows in it (``spot\\/ticker``)."""
    if b"\\" in key:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            return msgspec.json.decode(b'"' + key + b'"', type=str)
    return key.decode("utf-8", "replace")


class Routes:
    """The routes of one connection, and the memo from keys to feeds."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._by_text: dict[str, Route] = {}
        self._memo: dict[bytes, Feed | None] = {}
        self.marks = Marks()
        """The same for frames known at a glance."""
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
            if len(key) > LONGEST_KEY:
                return self._find(_plain(key))
            if len(self._memo) >= _MOST_KEYS:
                self._forget()
            feed = self._memo[key] = self._find(_plain(key))
            return feed

    def _forget(self) -> None:
        self._memo.clear()
        self.marks.clear()

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
