"""What a connection needs from its client."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Awaitable, Callable, Sequence

    from bitmart_async.errors import BitMartError, IpBanned
    from bitmart_async.websocket.events import Event
    from bitmart_async.websocket.mailbox import Pressure
    from bitmart_async.websocket.transport import Transport

__all__ = ["Hooks"]


class Hooks:
    """See the module's text.

    Args:
        open_socket: Opens a URL within some seconds.
        emit: Passes an event on.
        topic_lost: The exchange no longer serves a topic; tells its subscriptions.
        banned: A host answered 418; stops every connection to it.
        resync: Measures the clock again; False when that failed.
        pressure: Set when a consumer's queue is filling up.
        taps: Called with connection, generation, frame and time of receipt (Unix ns) for every frame taken.
    """

    def __init__(
        self,
        *,
        open_socket: Callable[[str, float], Awaitable[Transport]],
        emit: Callable[[Event], None],
        topic_lost: Callable[[str, BitMartError], None],
        banned: Callable[[str, IpBanned], None],
        resync: Callable[[], Awaitable[bool]],
        now_ms: Callable[[], int],
        logger: logging.Logger,
        mask: Callable[[str], str],
        pressure: Pressure,
        taps: Sequence[Callable[[str, int, bytes, int], None]],
    ) -> None:
        self.open_socket = open_socket
        self.emit = emit
        self.topic_lost = topic_lost
        self.banned = banned
        self.resync = resync
        self.now_ms = now_ms
        self.log = logger
        self.mask = mask
        self.pressure = pressure
        self.taps = taps
