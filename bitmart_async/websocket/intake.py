"""The hot path: every frame, from a socket to its handlers.

``read`` reads a socket to its end. A frame of a known feed costs one look at its head and its delivery; all
others, and every frame while frames are looked at (a log of level 5, a tap, two sockets that overlap), take
the long way. A frame that cannot be read is reported and skipped; three damaged ones in a minute end the
socket. A reader waits only for consumers that asked for it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

from bitmart_async.decoding import DecodeError, NotJSON
from bitmart_async.errors import FrameUnreadable
from bitmart_async.text import first_few, one_line
from bitmart_async.websocket.dialects import Pong, data_key
from bitmart_async.websocket.events import Gap
from bitmart_async.websocket.frames import Bomb, open_frame
from bitmart_async.websocket.link import SocketEnded
from bitmart_async.websocket.marks import BEFORE_KEY, DATA_FIRST, HEAD_SIZE, TAIL_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitmart_async.websocket.dialects import Control
    from bitmart_async.websocket.events import Update
    from bitmart_async.websocket.feeds import Feed
    from bitmart_async.websocket.handover import Handover
    from bitmart_async.websocket.mailbox import Mailbox
    from bitmart_async.websocket.session import Outcome, Session
    from bitmart_async.websocket.standing import Standing
    from bitmart_async.websocket.transport import Transport

__all__ = ["TRACE", "Intake"]

TRACE = 5
_UNREADABLE_FRAMES = 3
_UNREADABLE_SECONDS = 60.0
_SLOW_BATCH = 0.25
_HELD_SECONDS = 10.0
_MOST_TRACED = 2000


class Intake:
    """See the module's text.

    Args:
        heed: Acts on what a session found out.
    """

    def __init__(self, standing: Standing, heed: Callable[[list[Outcome], Session], None]) -> None:
        self._standing = standing
        self._hooks = standing.hooks
        self._dialect = standing.dialect
        self._routes = standing.routes
        self._heed = heed
        self.last_byte_ns: int | None = None
        self.tracing = False
        """Frames are logged."""
        self.handover: Handover | None = None
        """Between two sockets that overlap."""
        self._attentive = False
        """Frames are looked at before they are read: for the log, for a tap, or because two sockets overlap."""
        self.ponged = asyncio.Event()
        """A pong came while two sockets overlap."""
        self.readable = asyncio.Event()
        """Tells a reader that waits for a consumer to read on."""
        self._blocked: list[Mailbox[Update[object]]] = []
        self._unreadable: deque[float] = deque()
        self._slow_named: set[str] = set()

    def look_again(self) -> None:
        """Frames are to be looked at from now on, or no more: a tap, a log or an overlap came or went."""
        self._attentive = self.tracing or bool(self._hooks.taps) or self.handover is not None

    def block(self, mailbox: Mailbox[Update[object]]) -> None:
        """A consumer's queue is full and wants the reader to wait for it after this frame."""
        self._blocked.append(mailbox)
        self._hooks.pressure.high = True

    # Every frame ---------------------------------------------------------------------------------

    async def read(self, session: Session, transport: Transport) -> None:
        """Read until the socket ends; between two reads whoever fell behind gets his turn."""
        take = self._taker(session)
        while True:
            await transport.read(take)
            if self._blocked:
                await self._wait_for_room(session)
            else:
                await asyncio.sleep(0)  # a burst is read without a wait: let its consumers run

    def _taker(self, session: Session) -> Callable[[list[bytes]], int | None]:
        """What takes the batches of a socket, and looks how long that holds the event loop."""
        run, now, standing = self._runner(session), asyncio.get_running_loop().time, self._standing

        def take(frames: list[bytes]) -> int | None:
            session.heard = began = now()
            self.last_byte_ns = time.time_ns()
            if session is not standing.session and not (self._attentive or session.asking):
                return None  # left over from a socket that has been replaced
            if self._slow_named:
                return one_by_one(frames)
            taken = run(frames)
            took = now() - began
            if took > _SLOW_BATCH:
                session.heard = now()  # whatever else was sent meanwhile has long come
                self._name_slow(took, frames[:taken])
            return taken

        def one_by_one(frames: list[bytes]) -> int | None:
            """Somebody is slow: the next time it is known who."""
            for taken, frame in enumerate(frames, 1):
                began, self.last_byte_ns = now(), time.time_ns()
                stop = run([frame])
                took = now() - began
                if took > _SLOW_BATCH:
                    session.heard = now()
                    self._name_slow(took, [frame])
                if stop is not None:
                    return taken
            return None

        return take

    def _runner(self, session: Session) -> Callable[[list[bytes]], int | None]:
        """The loop every frame goes through."""
        pressure, marks = self._hooks.pressure, self._routes.marks
        feeds, sizes = marks.feeds, marks.sizes

        def run(frames: list[bytes]) -> int | None:
            plain = not (self._attentive or session.asking)
            received_ns = self.last_byte_ns or 0
            feed: Feed | None
            for taken, frame in enumerate(frames, 1):
                if not plain:
                    feed = None
                elif frame[:8] == DATA_FIRST:  # what follows is mark_of(), written out
                    size = sizes.get(frame[-TAIL_SIZE:])
                    feed = feeds.get(frame[-size if size else frame.rfind(b'"', 0, -2) - BEFORE_KEY :])
                else:
                    feed = feeds.get(frame[: frame.find(b'"', HEAD_SIZE) + BEFORE_KEY])
                if feed is None:
                    received_ns += 1  # tells the frames of a batch apart
                    self.on_frame(frame, session, received_ns)
                    plain = not (self._attentive or session.asking)
                else:
                    try:
                        feed.deliver(frame, received_ns)
                    except DecodeError as error:
                        self._cannot_read(frame, error)
                if pressure.high:  # also when somebody blocks
                    pressure.high = False
                    return taken
            return None

        return run

    def on_frame(self, frame: bytes, session: Session, received_ns: int) -> None:
        """A frame that is not plain data for a known feed, or whose coming may mean something."""
        if self._attentive:
            if not self._admit(frame, session):
                return
            for tap in self._hooks.taps:
                tap(self._standing.name, self._standing.generation_of(session), frame, received_ns)
        try:
            frame, key = open_frame(frame, self._dialect)
        except Bomb as bomb:
            raise SocketEnded(str(bomb)) from None
        except DecodeError as error:
            self._cannot_read(frame, error)
            return
        if not isinstance(key, bytes):
            if key is not None:
                self._heard(key, session)
            return
        feed = self._routes.feed(key)
        if feed is None:
            return
        self._routes.marks.learn(frame, key, self._dialect.heads, feed)
        try:
            feed.deliver(frame, received_ns)
        except DecodeError as error:
            self._cannot_read(frame, error)
        if session.asking:
            fed = [route.text for route in feed.routes if route.data_ns == received_ns]
            if len(fed) == 1:  # with several candidates it may be the data of either
                self._heed(session.confirm(fed[0], asyncio.get_running_loop().time()), session)

    def _admit(self, frame: bytes, session: Session) -> bool:
        """Whether a frame is to be read now; asked only while frames are looked at."""
        if self.tracing:
            shown = one_line(self._hooks.mask(repr(frame[: 2 * _MOST_TRACED])), _MOST_TRACED)
            self._hooks.log.log(TRACE, "%s < %s", self._standing.name, shown)
        handover, present = self.handover, self._standing.session
        if handover is None:
            return session is present  # or left over from a socket that has been replaced
        if handover.overfull and session is not present:  # the present socket goes on
            raise SocketEnded("too much came while two sockets overlapped")
        return handover.admit(frame, session)

    def _heard(self, control: Control, session: Session) -> None:
        if isinstance(control, Pong):
            session.ponged(asyncio.get_running_loop().time())
            self.ponged.set()
        else:
            self._heed(session.receive(control, asyncio.get_running_loop().time()), session)
            self._standing.wake.set()  # even what tells nobody anything may free the next message, or move a deadline

    # What goes wrong -----------------------------------------------------------------------------

    def _cannot_read(self, frame: bytes, error: DecodeError) -> None:
        """Report a frame and whose updates it may have held; three damaged ones in a minute end the socket."""
        standing = self._standing
        standing.counters.unreadable += 1
        concerned = self._concerned(frame)
        unreadable = FrameUnreadable(
            f"{standing.name}: a frame of {len(frame)} bytes cannot be read ({error}); it was skipped",
            endpoint=standing.name,
            raw=frame,
        )
        standing.emit("exception", topics=concerned, error=unreadable)
        at = self.last_byte_ns or time.time_ns()
        standing.tell_gap(concerned, Gap(at, at), unreadable)
        if not isinstance(error, NotJSON):
            return
        now = asyncio.get_running_loop().time()
        self._unreadable.append(now)
        while self._unreadable[0] < now - _UNREADABLE_SECONDS:
            self._unreadable.popleft()
        if len(self._unreadable) >= _UNREADABLE_FRAMES:
            self._unreadable.clear()
            raise SocketEnded(f"{_UNREADABLE_FRAMES} damaged frames within {_UNREADABLE_SECONDS:g} s")

    def _concerned(self, frame: bytes) -> tuple[str, ...]:
        """Topics whose updates an unreadable frame may have held: every one, when it does not say."""
        key = data_key(frame, self._dialect.heads)
        feed = self._routes.feed(key) if key is not None else None
        return (
            tuple(route.text for route in feed.routes) if feed is not None else tuple(self._standing.wanted)
        )

    def _name_slow(self, seconds: float, frames: list[bytes]) -> None:
        """One warning for each who holds the event loop, or for all of whom it may have been one."""
        keys = dict.fromkeys(data_key(frame, self._dialect.heads) or b"an event" for frame in frames)
        names = [one_line(key.decode("utf-8", "replace")) for key in keys]
        who = (
            f"the handlers of {names[0]}"
            if len(names) == 1
            else f"handlers among those of {first_few(names)}"
        )
        if who not in self._slow_named:
            self._slow_named.add(who)
            self._hooks.log.warning(
                "%s: %s held the event loop for %.2f s; nothing else ran meanwhile. Make them async, or hand the "
                "work to a thread.",
                self._standing.name,
                who,
                seconds,
            )

    async def _wait_for_room(self, session: Session) -> None:
        """Hold the reader for consumers that asked for it; silence meanwhile is our own.

        While an answer is due the reader goes on: the consumer itself may be waiting for it.
        """
        loop = asyncio.get_running_loop()
        blocked, self._blocked = set(self._blocked), []
        session.pause(loop.time())
        try:
            for mailbox in blocked:
                if mailbox.overfull or (mailbox.full and not session.expecting):
                    self.readable.clear()
                    mailbox.tell_room(self.readable)
                    await self._room()
        finally:
            session.resume(loop.time())
            self._standing.wake.set()

    async def _room(self) -> None:
        """Wait for it; a consumer that takes nothing has stopped the whole connection, and the log says so once."""
        try:
            async with asyncio.timeout(_HELD_SECONDS):
                await self.readable.wait()
        except TimeoutError:
            self._hooks.log.warning(
                "%s: nothing has been read for %g s, because a consumer with overflow='block' takes nothing. "
                "Iterate on, unsubscribe, or choose another overflow=.",
                self._standing.name,
                _HELD_SECONDS,
            )
            await self.readable.wait()
