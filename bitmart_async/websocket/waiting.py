"""Who waits for the exchange's answer about a topic, or for a live socket, and how long at most.

Nobody waits longer than connect_timeout for a socket, nor longer than all timeouts together for one that
serves: of sockets that come and go, none may last until the topic's turn.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bitmart_async.errors import StreamUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from bitmart_async.websocket.session import Session, Timings

__all__ = ["Bounds", "Kept", "Waiting", "patience"]


def patience(times: Timings) -> float:
    """How long anybody waits for a topic whose turn does not come."""
    return times.connect_timeout + times.login_timeout + 2 * times.ack_timeout


@dataclass(frozen=True, slots=True)
class Bounds:
    """What every wait of a connection is judged by."""

    name: str
    timings: Timings
    session: Callable[[], Session | None]
    """The present socket's session, None without a socket."""
    last_error: Callable[[], StreamUnavailable | None]
    """Why there is no socket."""


class _Pending:
    """A topic somebody waits for."""

    __slots__ = ("answered", "lost", "since", "timer")

    def __init__(self, answered: asyncio.Future[None]) -> None:
        self.answered = answered
        self.since = answered.get_loop().time()
        self.lost = 0
        """Sockets lost meanwhile."""
        self.timer: asyncio.TimerHandle | None = None
        answered.add_done_callback(self._done)

    def _done(self, answered: asyncio.Future[None]) -> None:
        if self.timer is not None:
            self.timer.cancel()
        if not answered.cancelled():
            answered.exception()  # retrieved, whether or not somebody still waits


class Waiting:
    """The waits of one connection."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._joining: dict[str, _Pending] = {}
        self._leaving: dict[str, asyncio.Future[None]] = {}
        self._lost_at = 0.0

    # To join ----------------------------------------------------------------------------------------

    def known(self, text: str) -> asyncio.Future[None] | None:
        """The wait for a topic that has begun already."""
        pending = self._joining.get(text)
        return pending.answered if pending is not None else None

    def join(self, text: str) -> asyncio.Future[None]:
        """Begin to wait for a topic."""
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        pending = self._joining[text] = _Pending(answered)
        self._limit(text, pending)
        return answered

    def joined(self, text: str) -> None:
        """The exchange has answered for it."""
        pending = self._joining.pop(text, None)
        if pending is not None and not pending.answered.done():
            pending.answered.set_result(None)

    def refuse(self, text: str, error: Exception) -> bool:
        """It will not come; whether somebody was waiting to be told."""
        pending = self._joining.pop(text, None)
        if pending is None or pending.answered.done():
            return False
        pending.answered.set_exception(error)
        return True

    def refuse_all(self, error: Exception) -> None:
        """None will come."""
        for text in tuple(self._joining):
            self.refuse(text, error)

    def give_up(self, text: str) -> None:
        """It is no longer wanted."""
        pending = self._joining.pop(text, None)
        if pending is not None:
            pending.answered.cancel()

    def socket_lost(self, now: float) -> None:
        """Whoever waits now waits for another socket, and not for ever."""
        self._lost_at = now
        for text, pending in self._joining.items():
            pending.lost += 1
            self._limit(text, pending)

    def _limit(self, text: str, pending: _Pending) -> None:
        """Look again when the wait for a topic may be over."""
        if pending.timer is not None:
            pending.timer.cancel()
        loop = pending.answered.get_loop()
        due = pending.since + patience(self._bounds.timings)
        if self._bounds.session() is None:
            due = min(due, max(pending.since, self._lost_at) + self._bounds.timings.connect_timeout)
        if due <= loop.time():
            due = loop.time() + self._bounds.timings.ack_timeout
        pending.timer = loop.call_at(due, self._judge, text, pending)

    def _judge(self, text: str, pending: _Pending) -> None:
        """Go on waiting, or give up with an error."""
        now, session = pending.answered.get_loop().time(), self._bounds.session()
        timeout = self._bounds.timings.connect_timeout
        if session is not None or now < max(pending.since, self._lost_at) + timeout:
            timeout = patience(self._bounds.timings)
            working = session is not None and session.logged_in and not session.paused and pending.lost < 2
            if working or now < pending.since + timeout:
                self._limit(text, pending)
                return
        error = self._bounds.last_error()
        self.refuse(
            text,
            StreamUnavailable(
                f"{self._bounds.name}: no stream within {timeout:g} s, so {text} is not subscribed. "
                f"{error or 'The host does not answer'}",
                endpoint=self._bounds.name,
                http_status=error.http_status if error is not None else None,
            ),
        )

    # To leave ---------------------------------------------------------------------------------------

    def leave(self, text: str) -> asyncio.Future[None]:
        """Begin to wait until the exchange has confirmed that a topic is left."""
        left = self._leaving[text] = asyncio.get_running_loop().create_future()
        return left

    def left(self, text: str) -> None:
        """It is left, or wanted again by somebody, which is no concern of who left it."""
        left = self._leaving.pop(text, None)
        if left is not None and not left.done():
            left.set_result(None)

    def all_left(self, but: Callable[[str], bool] = lambda _: False) -> None:
        """Without a socket nothing is held: whoever waits to leave has left."""
        for text in [text for text in self._leaving if not but(text)]:
            self.left(text)

    def cancel(self) -> None:
        """The connection is closed: nobody waits any longer."""
        waiting: Collection[asyncio.Future[None]] = [pending.answered for pending in self._joining.values()]
        for future in (*waiting, *self._leaving.values()):
            future.cancel()
        self._joining.clear()
        self._leaving.clear()


class Kept:
    """A socket that is wanted even without topics, until the client is closed, and who waits for it."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._live: asyncio.Future[None] | None = None
        self.wanted = False

    def begin(self) -> asyncio.Future[None]:
        """Want it from now on; the future of all who wait until it is live."""
        self.wanted = True
        if self._live is None or self._live.done():
            self._live = asyncio.get_running_loop().create_future()
        return self._live

    def limit(self, future: asyncio.Future[None]) -> None:
        """From now on, nobody waits longer than connect_timeout for a socket, nor all timeouts for a live one."""
        self._judge(future, future.get_loop().time())

    def _judge(self, future: asyncio.Future[None], since: float) -> None:
        if future.done():
            return
        loop = future.get_loop()
        ends = since + patience(self._bounds.timings)
        if self._bounds.session() is None:
            ends = since + self._bounds.timings.connect_timeout
        if loop.time() < ends:
            timer = loop.call_at(ends, self._judge, future, since)
            future.add_done_callback(lambda _: timer.cancel())
        else:
            future.set_exception(
                StreamUnavailable(
                    f"{self._bounds.name}: not live within {ends - since:g} s. "
                    f"{self._bounds.last_error() or 'The host does not answer'}",
                    endpoint=self._bounds.name,
                )
            )

    def live(self) -> None:
        """It is live."""
        if self._live is not None and not self._live.done():
            self._live.set_result(None)

    def refuse(self, error: Exception) -> None:
        """It will not be, and is no longer wanted."""
        self.wanted = False
        if self._live is not None and not self._live.done():
            self._live.set_exception(error)

    def give_up(self) -> None:
        """It is no longer wanted."""
        self.wanted = False
        self.cancel()

    def cancel(self) -> None:
        """Nobody waits any longer."""
        if self._live is not None:
            self._live.cancel()
