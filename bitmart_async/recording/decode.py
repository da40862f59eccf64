"""Recorded frames to updates, by the very code that reads them from a socket. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitmart_async.decoding import DecodeError
from bitmart_async.websocket.dialects import FUTURES, SPOT
from bitmart_async.websocket.frames import Bomb, open_frame
from bitmart_async.websocket.routes import Routes
from bitmart_async.websocket.topics import Market, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bitmart_async.recording.format import RecordedFrame
    from bitmart_async.websocket.dialects import Dialect
    from bitmart_async.websocket.events import StreamData, Update

__all__ = ["FrameDecoder", "data_text"]


def data_text(record: RecordedFrame) -> str | None:
    """A data frame's text, inflated; None of anything else, and of what cannot be read."""
    try:
        frame, key = open_frame(record.frame, _dialect(record))
        return frame.decode() if isinstance(key, bytes) else None
    except (Bomb, DecodeError, UnicodeDecodeError):
        return None


def _dialect(record: RecordedFrame) -> Dialect:
    return FUTURES if record.connection.startswith("futures") else SPOT


class FrameDecoder:
    """Turns frames into updates of some topics.

    Args:
        topics: Those whose updates are wanted.
    """

    def __init__(self, topics: Iterable[str]) -> None:
        self._out: list[Update[object]] = []
        self._routes = {market: Routes(market) for market in Market}
        for text in topics:
            topic = parse(text)
            routes = self._routes[topic.market]
            routes.add(topic)
            routes.serve(topic.text, (self._out.append,), ())

    def read(self, record: RecordedFrame) -> list[Update[StreamData]]:
        """The updates in a frame: none in an acknowledgement, a sign of life, or of other topics.

        Raises:
            DecodeError: It cannot be read.
        """
        dialect = _dialect(record)
        try:
            frame, key = open_frame(record.frame, dialect)
        except Bomb as bomb:
            raise DecodeError(str(bomb)) from None
        if not isinstance(key, bytes):
            return []
        feed = self._routes[dialect.market].feed(key)
        if feed is None:
            return []
        self._out.clear()
        feed.deliver(frame, record.received_ns)
        return list(self._out)  # type: ignore[arg-type]
