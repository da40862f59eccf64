"""One socket's life: connect, log in, subscribe, live, wait, and again.

Every change of state goes through one setter. Each socket has a generation number; a frame, an ack or
a failure can only belong to the socket its own loop reads from. Two tasks serve a connection: ``_run``
opens sockets and reads them, ``_keep`` sends what the session says is due. Whatever ends a socket
(the peer, a timeout, silence, an unreadable stream) ends in the same place, and only a final refusal
of the keys or of the certificate ends the connection.

The hot path is ``_on_frame``: one frame, from the socket to its handlers.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import random
import time
import zlib
from collections import deque
from typing import TYPE_CHECKING

from bitmart_async.decoding import DecodeError, NotJSON
from bitmart_async.errors import (
    ConfigurationError,
    FrameUnreadable,
    LoginRefused,
    StreamError,
    StreamUnavailable,
    SubscriptionRefused,
)
from bitmart_async.text import one_line
from bitmart_async.websocket.dialects import LoginFailed, Pong, Refusal, data_key, heartbeat, unusual_key
from bitmart_async.websocket.events import Event, Gap
from bitmart_async.websocket.handlers import being_cancelled
from bitmart_async.websocket.routes import Routes
from bitmart_async.websocket.session import (
    Answered,
    Dead,
    GaveUp,
    Left,
    LoginAccepted,
    LoginRejected,
    Rejected,
    Session,
    Stray,
)
from bitmart_async.websocket.transport import SocketClosed, TlsRefused

if TYPE_CHECKING:
    import logging
    from collections.abc import Awaitable, Callable

    from bitmart_async.signing import Signer
    from bitmart_async.websocket.dialects import Control, Dialect
    from bitmart_async.websocket.events import Update
    from bitmart_async.websocket.mailbox import Mailbox, Pressure
    from bitmart_async.websocket.session import Outcome, Timings
    from bitmart_async.websocket.topics import Topic
    from bitmart_async.websocket.transport import Transport

__all__ = ["Connection", "Hooks", "Pacer", "State"]

TRACE = 5
MOST_INFLATED = 8 * 1024 * 1024
_HEALTHY_SECONDS = 30.0
_UNREADABLE_FRAMES = 3
_UNREADABLE_SECONDS = 60.0
_SLOW_FRAME = 0.25
_RATE_LIMITED_WAIT = 60.0
_EDGE_WAIT = (30.0, 60.0)
_EDGE_STATUSES = (403, 503)
_EDGE_REFUSALS = 3
_MOST_TRACED = 2000
_JSON_OBJECT = 0x7B  # "{"


class State(enum.Enum):
    """Where a connection is in its life."""

    IDLE = "idle"
    CONNECTING = "connecting"
    LOGGING_IN = "logging in"
    SUBSCRIBING = "subscribing"
    LIVE = "live"
    WAITING = "waiting"
    CLOSED = "closed"


_TRANSITIONS: dict[State, frozenset[State]] = {
    State.IDLE: frozenset({State.CONNECTING, State.CLOSED}),
    State.CONNECTING: frozenset(
        {State.LOGGING_IN, State.SUBSCRIBING, State.WAITING, State.IDLE, State.CLOSED}
    ),
    State.LOGGING_IN: frozenset({State.SUBSCRIBING, State.WAITING, State.IDLE, State.CLOSED}),
    State.SUBSCRIBING: frozenset({State.LIVE, State.WAITING, State.IDLE, State.CLOSED}),
    State.LIVE: frozenset({State.WAITING, State.IDLE, State.CLOSED}),
    State.WAITING: frozenset({State.CONNECTING, State.IDLE, State.CLOSED}),
    State.CLOSED: frozenset(),
}


class Pacer:
    """At most 30 connects a minute to one host, over all connections of a client."""

    CONNECTS = 30
    SECONDS = 60.0

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    async def turn(self) -> None:
        """Wait until one more connect is allowed, and take it."""
        loop = asyncio.get_running_loop()
        while len(self._times) >= self.CONNECTS:
            wait = self._times[0] + self.SECONDS - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            elif self._times:
                self._times.popleft()
        self._times.append(loop.time())


class Hooks:
    """What a connection needs from its client.

    Args:
        open_socket: Opens a URL within some seconds.
        emit: Passes an event on.
        topic_lost: The exchange no longer serves a topic; tells its subscriptions.
        resync: Measures the clock again; False when that failed.
        pressure: Set when a consumer's queue is filling up.
    """

    def __init__(
        self,
        *,
        open_socket: Callable[[str, float], Awaitable[Transport]],
        emit: Callable[[Event], None],
        topic_lost: Callable[[str, StreamError], None],
        resync: Callable[[], Awaitable[bool]],
        now_ms: Callable[[], int],
        logger: logging.Logger,
        mask: Callable[[str], str],
        pressure: Pressure,
    ) -> None:
        self.open_socket = open_socket
        self.emit = emit
        self.topic_lost = topic_lost
        self.resync = resync
        self.now_ms = now_ms
        self.log = logger
        self.mask = mask
        self.pressure = pressure


class _SocketEnded(Exception):
    def __init__(self, why: str, *, login_lost: bool = False) -> None:
        super().__init__(why)
        self.login_lost = login_lost


class _Final(Exception):
    """Trying again cannot help."""

    def __init__(self, error: StreamError) -> None:
        super().__init__(str(error))
        self.error = error


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


class Connection:
    """See the module's text.

    Args:
        name: spot_public, spot_private, futures_public or futures_private, numbered from the second.
        signer: None on public connections.
        capacity: Topics the exchange allows on one socket.
    """

    def __init__(
        self,
        name: str,
        url: str,
        dialect: Dialect,
        *,
        signer: Signer | None,
        timings: Timings,
        pacer: Pacer,
        hooks: Hooks,
        capacity: int,
    ) -> None:
        self.name = name
        self._url = url
        self._dialect = dialect
        self._signer = signer
        self._timings = timings
        self._pacer = pacer
        self._hooks = hooks
        self.capacity = capacity
        self.state = State.IDLE
        self.generation = 0
        self.routes = Routes(dialect.market)
        self.wanted: dict[str, Topic[object]] = {}
        self._subscribing: dict[str, _Pending] = {}
        self._leaving: dict[str, asyncio.Future[None]] = {}
        self._session: Session | None = None
        self._transport: Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._readable = asyncio.Event()
        """Tells a reader that waits for a consumer to read on."""
        self._failures = 0
        self._edge_refusals = 0
        self._lost_at = 0.0
        self._last_error: StreamUnavailable | None = None
        self._trust_login = True
        self._clock_doubted = False
        self._last_byte_ns: int | None = None
        self._lost_ns: int | None = None
        self._unreadable: deque[float] = deque()
        self._blocked: list[Mailbox[Update[object]]] = []
        self._trace = False
        self._parting = False
        """The socket is being closed because nothing is wanted."""
        self._returning = False
        """A socket that was in use has been lost: the next one is its replacement."""
        self._slow_named: set[str] = set()

    @property
    def closed(self) -> bool:
        """Whether it has ended for good."""
        return self.state is State.CLOSED

    # What the client asks ------------------------------------------------------------------------

    def want(self, topic: Topic[object]) -> asyncio.Future[None]:
        """Want a topic; the future ends when the exchange has answered for it."""
        text = topic.text
        known = self._subscribing.get(text)
        if known is not None:
            return known.answered
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.wanted[text] = topic
        left = self._leaving.pop(text, None)
        if left is not None and not left.done():
            left.set_result(None)  # who left it is rid of it; that somebody else wants it is not his concern
        if self._session is not None and self._session.holds(text):
            answered.set_result(None)
            return answered
        pending = self._subscribing[text] = _Pending(answered)
        self._limit(text, pending)
        self._stir()
        return answered

    def _limit(self, text: str, pending: _Pending) -> None:
        """Look again when the wait for a topic may be over."""
        if pending.timer is not None:
            pending.timer.cancel()
        loop = pending.answered.get_loop()
        due = pending.since + self._patience
        if self._session is None:
            due = min(due, max(pending.since, self._lost_at) + self._timings.connect_timeout)
        if due <= loop.time():
            due = loop.time() + self._timings.ack_timeout
        pending.timer = loop.call_at(due, self._judge, text, pending)

    @property
    def _patience(self) -> float:
        """How long anybody waits for a topic whose turn does not come."""
        times = self._timings
        return times.connect_timeout + times.login_timeout + 2 * times.ack_timeout

    def _judge(self, text: str, pending: _Pending) -> None:
        """Nobody waits longer than connect_timeout for a socket, nor longer than all timeouts together for
        one that serves: of sockets that come and go, none may last until the topic's turn."""
        now, session = pending.answered.get_loop().time(), self._session
        timeout = self._timings.connect_timeout
        if session is not None or now < max(pending.since, self._lost_at) + timeout:
            timeout = self._patience
            working = session is not None and session.logged_in and not session.paused and pending.lost < 2
            if working or now < pending.since + timeout:
                self._limit(text, pending)
                return
        self._subscribing.pop(text, None)
        pending.answered.set_exception(
            StreamUnavailable(
                f"{self.name}: no stream within {timeout:g} s, so {text} is not subscribed. "
                f"{self._last_error or 'The host does not answer'}",
                endpoint=self.name,
                http_status=self._last_error.http_status if self._last_error is not None else None,
            )
        )

    def unwant(self, text: str) -> asyncio.Future[None]:
        """No longer want a topic; the future ends when the exchange has confirmed, or has no socket."""
        left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.wanted.pop(text, None)
        self.routes.remove(text)
        waiting = self._subscribing.pop(text, None)
        if waiting is not None:
            waiting.answered.cancel()
        session = self._session
        if session is None or not session.may_hold(text):
            left.set_result(None)
        else:
            self._leaving[text] = left
        self._stir()
        return left

    def request(self, text: str) -> None:
        """Ask for a topic's present state; without a socket that holds it, subscribing brings it anyway."""
        if self._session is not None and self._session.request(text):
            self._wake.set()

    def renew(self, text: str) -> None:
        """Leave a topic on the wire and take it again, for all who have it."""
        if self._session is not None and self._session.renew(text):
            self._wake.set()

    def block(self, mailbox: Mailbox[Update[object]]) -> None:
        """A consumer's queue is full and wants the reader to wait for it after this frame."""
        self._blocked.append(mailbox)

    def _stir(self) -> None:
        """Something changed: start when idle, else let the keeper look."""
        if self.state is State.CLOSED:
            return
        if self.wanted and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._run(), name=f"bitmart {self.name}")
        self._wake.set()

    async def aclose(self) -> None:
        """End for good; idempotent, quick from every state."""
        task, was = self._task, self.state
        if was is not State.CLOSED:
            self._enter(State.CLOSED, "closed by the program")
        waiting = [pending.answered for pending in self._subscribing.values()]
        for future in (*waiting, *self._leaving.values()):
            future.cancel()  # before the first wait: a close that is cancelled has told them all the same
        self._subscribing.clear()
        self._leaving.clear()
        transport = self._transport
        try:
            if transport is not None:
                await transport.close()
        finally:
            if task is not None:
                task.cancel()
            if was not in (State.CLOSED, State.IDLE) and self.generation:
                self._emit("close")
        if task is not None:
            await asyncio.wait({task})

    # The life ------------------------------------------------------------------------------------

    def _enter(self, state: State, why: str) -> None:
        """Change state. The only line that does."""
        if state is State.IDLE:  # what follows is a new beginning, not a return
            self._returning, self._lost_ns = False, None
        assert state in _TRANSITIONS[self.state], f"{self.state} -> {state}: {why}"
        self._hooks.log.info("%s: %s -> %s (%s)", self.name, self.state.value, state.value, why)
        self.state = state

    async def _run(self) -> None:
        try:
            await self._live_and_reconnect()
        finally:  # whatever ended it, the next subscribe must be able to begin again
            if self.state not in (State.IDLE, State.CLOSED):
                self._enter(State.IDLE, "its task was ended from outside")

    async def _live_and_reconnect(self) -> None:
        why = "topics are wanted"
        while self.wanted:
            self._enter(State.CONNECTING, why)
            error: StreamUnavailable | None = None
            try:
                await self._pacer.turn()
                await self._one_socket()
            except _SocketEnded as end:
                why = str(end)
                self._trust_login = not end.login_lost
            except StreamUnavailable as refused:
                why, error = "no socket", refused
            except _Final as final:
                self._end_for(final.error)
                return
            except (Exception, asyncio.CancelledError) as bug:
                if isinstance(bug, asyncio.CancelledError) and being_cancelled():
                    raise
                self._hooks.log.exception("%s: unexpected failure, reconnecting", self.name)
                why = f"unexpected {type(bug).__name__}"
            else:
                if self.closed:
                    return
                why = "nothing is wanted any more"
                self._enter(State.IDLE, why)
                self._emit("close")
                continue
            if self.closed:
                return
            if isinstance(error, TlsRefused) or (error is not None and error.http_status == 418):
                self._end_for(error)
                return
            await self._wait(why, error)
        if self.state is State.WAITING:
            self._enter(State.IDLE, "nothing is wanted any more")
            self._emit("close")

    async def _wait(self, why: str, error: StreamUnavailable | None) -> None:
        delay = self._next_delay(error)
        self._enter(State.WAITING, why)
        shown = self._last_error = error or StreamUnavailable(f"{self.name}: {why}", endpoint=self.name)
        self._count_edge_refusals(error)
        for name in ("reconnecting", "reconnect"):
            self._emit(name, topics=tuple(self.wanted), error=shown, delay=delay)
        await asyncio.sleep(delay)

    def _count_edge_refusals(self, error: StreamUnavailable | None) -> None:
        """Say once that the edge seems to block this address; it is asked on, a try or two a minute."""
        status = error.http_status if error is not None else None
        self._edge_refusals = self._edge_refusals + 1 if status in _EDGE_STATUSES else 0
        if self._edge_refusals == _EDGE_REFUSALS:
            self._emit(
                "exception",
                topics=tuple(self.wanted),
                error=StreamUnavailable(
                    f"{self.name}: the host has answered HTTP {status} {_EDGE_REFUSALS} times in a row, so this "
                    f"address seems to be blocked. Trying goes on every {_EDGE_WAIT[0]:g} to {_EDGE_WAIT[1]:g} "
                    f"s; check from where this machine connects.",
                    endpoint=self.name,
                    http_status=status,
                ),
            )

    def _next_delay(self, error: StreamUnavailable | None) -> float:
        """Full jitter; what the host's status asks for comes first."""
        status = error.http_status if error is not None else None
        if status == 429:
            return _RATE_LIMITED_WAIT
        if status in _EDGE_STATUSES:
            return random.uniform(*_EDGE_WAIT)  # noqa: S311 - jitter, not a secret
        ceiling = min(self._timings.reconnect_cap, self._timings.reconnect_first * 2.0**self._failures)
        self._failures += 1
        return random.uniform(0.0, ceiling)  # noqa: S311 - jitter, not a secret

    def _end_for(self, error: StreamError) -> None:
        """A final refusal: told to whoever waits, and once to everybody."""
        self._enter(State.IDLE, type(error).__name__)
        lost = tuple(self.wanted)
        self.wanted.clear()
        for text in lost:
            self._hooks.topic_lost(text, error)
            self.routes.remove(text)
        waiting, self._subscribing = self._subscribing, {}
        for pending in waiting.values():
            if not pending.answered.done():
                pending.answered.set_exception(error)
        self._resolve_leaving()
        self._failures = 0
        self._emit("exception", topics=lost, error=error)
        self._emit("close", topics=lost, error=error)

    async def _one_socket(self) -> None:
        """Open a socket and live on it. Returns when nothing is wanted; raises when it is lost."""
        if self._clock_doubted and self._failures == 1:
            await self._hooks.resync()
        transport = await self._hooks.open_socket(self._url, self._timings.connect_timeout)
        loop = asyncio.get_running_loop()
        self.generation += 1
        self._edge_refusals = 0
        opened = loop.time()
        self._transport = transport
        self._trace = self._hooks.log.isEnabledFor(TRACE)
        login = None if self._signer is None else self._login_message
        session = Session(
            self._dialect, self.wanted, self._timings, opened, login, trust_login=self._trust_login
        )
        self._session = session
        self._parting = False
        for route in self.routes.all():
            route.held = False
        self._emit("open")
        if self._returning:
            self._emit("reconnected")
        self._enter(State.SUBSCRIBING if login is None else State.LOGGING_IN, "socket open")
        keeper = loop.create_task(self._keep(session, transport), name=f"bitmart {self.name} keeper")
        self._wake.set()
        try:
            await self._read(session, transport)
        except SocketClosed as closed:
            ended = keeper.exception() if keeper.done() and not keeper.cancelled() else None
            if ended is not None and not isinstance(ended, SocketClosed):
                raise ended from None
            if self._parting:
                return  # the keeper closes it: nothing is wanted
            raise _SocketEnded(self._said(str(closed))) from None
        finally:
            self._session = self._transport = None
            self._lost_at = loop.time()
            for text, pending in self._subscribing.items():
                pending.lost += 1
                self._limit(text, pending)
            self._returning = True
            if self._lost_ns is None:
                self._lost_ns = self._last_byte_ns
            if loop.time() - opened >= _HEALTHY_SECONDS and session.logged_in:
                self._failures = 0
            keeper.cancel()
            transport.abort()
            await asyncio.wait({keeper})
            if not keeper.cancelled():
                keeper.exception()  # told above where it matters
            self._resolve_leaving()

    def _login_message(self) -> bytes:
        assert self._signer is not None
        try:
            return self._dialect.login(self._signer, self._hooks.now_ms())
        except ConfigurationError as error:  # the signer's own words about the user's sign function
            why = str(error)
        except (Exception, asyncio.CancelledError) as error:  # whose words may hold the secret
            why = f"the sign function raised {type(error).__name__}"
        raise _Final(StreamError(f"{self.name}: no login is possible: {why}", endpoint=self.name))

    async def _keep(self, session: Session, transport: Transport) -> None:
        """Send what is due, until the socket is of no more use; then drop it and say why."""
        loop = asyncio.get_running_loop()
        idle_since: float | None = None
        try:
            while True:
                self._wake.clear()
                messages, outcomes = session.poll(loop.time())
                if session.expecting:
                    self._readable.set()
                for message in messages:
                    if self._trace:
                        self._hooks.log.log(TRACE, "%s > %s", self.name, self._hooks.mask(message.decode()))
                    await transport.send(message)
                self._heed(outcomes, session)
                idle_since = None if self.wanted or session.held else idle_since or loop.time()
                due = session.deadline(loop.time())
                if idle_since is not None:
                    if loop.time() >= idle_since + self._timings.linger:
                        self._parting = True
                        await transport.close()
                        return
                    due = min(due, idle_since + self._timings.linger)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(0.001, due - loop.time())):
                        await self._wake.wait()
        except BaseException:  # whatever it is: the reader ends with the socket, and finds it here
            transport.abort()
            raise

    # The hot path --------------------------------------------------------------------------------

    async def _read(self, session: Session, transport: Transport) -> None:
        loop = asyncio.get_running_loop()
        recv, now, pressure = transport.recv, loop.time, self._hooks.pressure
        while True:
            frame = await recv()
            began = now()
            session.heard = began
            self._on_frame(frame, session)
            if now() - began > _SLOW_FRAME:
                self._name_slow(now() - began, frame)
            if self._blocked:
                await self._wait_for_room(session)
            if pressure.high:
                pressure.high = False
                await asyncio.sleep(0)  # a burst is read without a wait: let its consumers run

    def _on_frame(self, frame: bytes, session: Session) -> None:
        """One frame, from the socket to its handlers."""
        received_ns = self._last_byte_ns = time.time_ns()
        if self._trace:
            shown = one_line(self._hooks.mask(repr(frame[: 2 * _MOST_TRACED])), _MOST_TRACED)
            self._hooks.log.log(TRACE, "%s < %s", self.name, shown)
        if not frame or frame[0] != _JSON_OBJECT:
            sign_of_life = heartbeat(frame)
            if sign_of_life is None:
                inflated = self._inflate(frame)
                if inflated is None:
                    return
                frame = inflated
                sign_of_life = heartbeat(frame)
            if sign_of_life is not None:
                self._heard(sign_of_life, session)
                return
        key = data_key(frame, self._dialect.heads)
        if key is None or key == b"System":
            key = self._control(frame, session)
            if key is None:
                return
        feed = self.routes.feed(key)
        if feed is None:
            return
        try:
            feed.deliver(frame, received_ns)
        except DecodeError as error:
            self._cannot_read(frame, error)
        if session.asking:
            fed = [route.text for route in feed.routes if route.data_ns == received_ns]
            if len(fed) == 1:  # with several candidates it may be the data of either
                self._heed(session.confirm(fed[0], asyncio.get_running_loop().time()), session)

    def _inflate(self, frame: bytes) -> bytes | None:
        """A binary frame is one raw deflate stream; a damaged one is reported, a bomb ends the socket.

        JSON objects begin with a byte no deflate stream of a JSON object can begin with, which is why
        text and binary need not be told apart before.
        """
        text = frame.lstrip()
        if text[:1] == b"{":
            return text
        inflater = zlib.decompressobj(-15)
        try:
            inflated = inflater.decompress(frame, MOST_INFLATED)
        except zlib.error:
            self._cannot_read(frame, NotJSON("neither JSON nor raw deflate"))
            return None
        if inflater.unconsumed_tail:
            raise _SocketEnded(f"a frame inflates to more than {MOST_INFLATED >> 20} MiB")
        if not inflater.eof:
            self._cannot_read(frame, NotJSON("the deflate stream is cut"))
            return None
        return inflated

    def _control(self, frame: bytes, session: Session) -> bytes | None:
        """Heed a control frame; or the key of a data frame in an unusual form."""
        try:
            control = self._dialect.control(frame)
            if control is None:
                return unusual_key(frame)
        except DecodeError as error:
            self._cannot_read(frame, error)
            return None
        self._heard(control, session)
        return None

    def _heard(self, control: Control, session: Session) -> None:
        if not isinstance(control, Pong):
            self._heed(session.receive(control, asyncio.get_running_loop().time()), session)
            self._wake.set()  # even what tells nobody anything may free the next message, or move a deadline

    def _cannot_read(self, frame: bytes, error: DecodeError) -> None:
        """Report a frame; damaged ones, three in a minute, mean that the stream is."""
        self._emit(
            "exception",
            error=FrameUnreadable(
                f"{self.name}: a frame of {len(frame)} bytes cannot be read ({error}); it was skipped",
                endpoint=self.name,
                raw=frame,
            ),
        )
        if not isinstance(error, NotJSON):
            return
        now = asyncio.get_running_loop().time()
        self._unreadable.append(now)
        while self._unreadable[0] < now - _UNREADABLE_SECONDS:
            self._unreadable.popleft()
        if len(self._unreadable) >= _UNREADABLE_FRAMES:
            self._unreadable.clear()
            raise _SocketEnded(f"{_UNREADABLE_FRAMES} damaged frames within {_UNREADABLE_SECONDS:g} s")

    def _name_slow(self, seconds: float, frame: bytes) -> None:
        """One warning per key for handlers that hold the event loop."""
        key = data_key(frame, self._dialect.heads) or b"an event"
        name = key.decode("utf-8", "replace")
        if name not in self._slow_named:
            self._slow_named.add(name)
            self._hooks.log.warning(
                "%s: the handlers of %s held the event loop for %.2f s; nothing else ran meanwhile. Make "
                "them async, or hand the work to a thread.",
                self.name,
                one_line(name),
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
                    self._readable.clear()
                    mailbox.tell_room(self._readable)
                    await self._readable.wait()
        finally:
            session.resume(loop.time())
            self._wake.set()

    # What frames and time mean ---------------------------------------------------------------------

    def _heed(self, outcomes: list[Outcome], session: Session) -> None:
        """Act on what a session found out."""
        if self.closed:
            return  # frames still under way while the socket says goodbye
        for outcome in outcomes:
            if isinstance(outcome, Answered):
                self._answered(outcome.topic)
            elif isinstance(outcome, Left):
                self._left(outcome.topic)
            elif isinstance(outcome, LoginAccepted):
                self._clock_doubted = False
                self._enter(State.SUBSCRIBING, "logged in")
                self._emit("authenticated")
            elif isinstance(outcome, LoginRejected):
                self._login_rejected(outcome.failure)
            elif isinstance(outcome, Rejected):
                self._rejected(
                    outcome.topic,
                    outcome.refusal.text or f"code {outcome.refusal.code}",
                    outcome.refusal.code,
                )
            elif isinstance(outcome, GaveUp):
                self._gave_up(outcome.topic, outcome.doubtful)
            elif isinstance(outcome, Dead):
                raise _SocketEnded(self._said(outcome.why), login_lost=outcome.login_lost)
            else:
                self._stray(outcome)
        if outcomes:
            self._wake.set()
        if self.state is State.SUBSCRIBING and session.settled and self.wanted:
            self._live()

    def _said(self, text: str) -> str:
        """Words of the exchange: masked before they are cut, or a piece of a secret would be left."""
        return one_line(self._hooks.mask(text))

    def _answered(self, text: str) -> None:
        route = self.routes.get(text)
        if route is not None:
            route.held = route.ever_held = True
        waiting = self._subscribing.pop(text, None)
        if waiting is not None and not waiting.answered.done():
            waiting.answered.set_result(None)
        self._emit("response", topics=(text,), operation="subscribe")

    def _left(self, text: str) -> None:
        left = self._leaving.pop(text, None)
        if left is not None and not left.done():
            left.set_result(None)
        self._emit("response", topics=(text,), operation="unsubscribe")

    def _resolve_leaving(self) -> None:
        """Without a socket nothing is held: whoever waits to leave has left."""
        leaving, self._leaving = self._leaving, {}
        for left in leaving.values():
            if not left.done():
                left.set_result(None)

    def _login_rejected(self, failure: LoginFailed) -> None:
        code = f" {failure.code}" if failure.code is not None else ""
        if failure.verdict == "passing":
            raise _SocketEnded(f"the login is not possible now:{code} {self._said(failure.text)}")
        if failure.verdict == "clock" and not self._clock_doubted:
            self._clock_doubted = True
            self._failures = 0
            raise _SocketEnded(f"the login's timestamp was refused{code}; the clock is measured again")
        self._clock_doubted = False
        said = self._said(failure.text)
        raise _Final(
            LoginRefused(
                f"{self.name}: BitMart refused the login:{code} {said}. Check api_key, api_secret and api_memo, "
                f"the key's address list and expiry, and this machine's clock. Private topics are off until the "
                f"next subscribe; public ones go on.",
                endpoint=self.name,
                code=failure.code,
                message=said,
            )
        )

    def _rejected(self, text: str, why: str, code: int | None) -> None:
        """A refused topic is never asked for again; its owner is told, or everybody when it had been held."""
        why = self._said(why)
        error = SubscriptionRefused(
            f"{self.name}: {text} was refused: {why}", refused={text: why}, endpoint=self.name, code=code
        )
        self.wanted.pop(text, None)
        waiting = self._subscribing.pop(text, None)
        self._hooks.topic_lost(text, error)
        self.routes.remove(text)
        if waiting is not None and not waiting.answered.done():
            waiting.answered.set_exception(error)
        else:
            self._emit("exception", topics=(text,), error=error)

    def _gave_up(self, text: str, doubtful: Refusal | None) -> None:
        route = self.routes.get(text)
        if route is not None and route.ever_held:  # the exchange serves it, this socket does not
            raise _SocketEnded(f"{text} was asked for twice again and never answered")
        if doubtful is not None:
            self._rejected(text, doubtful.text or f"code {doubtful.code}", doubtful.code)
        else:
            self._rejected(text, f"no answer within {2 * self._timings.ack_timeout:g} s, asked twice", None)

    def _stray(self, stray: Stray) -> None:
        what = stray.what
        if isinstance(what, Refusal | LoginFailed):
            said = self._said(what.text)
            self._emit(
                "exception",
                error=StreamError(
                    f"{self.name}: the exchange reports an error that answers no request: {said or 'no text'}",
                    endpoint=self.name,
                    code=what.code,
                    message=said,
                ),
            )
        else:
            self._hooks.log.debug("%s: a frame of no known kind", self.name)

    def _live(self) -> None:
        self._enter(State.LIVE, "every topic acknowledged")
        gap = None
        if self._lost_ns is not None:
            gap = Gap(self._lost_ns, time.time_ns())
            self._lost_ns = None
        self._last_error = None
        self._trust_login = True
        self._emit("live", topics=tuple(self.wanted), gap=gap)

    def _emit(
        self,
        name: str,
        *,
        topics: tuple[str, ...] = (),
        error: Exception | None = None,
        gap: Gap | None = None,
        operation: str = "",
        delay: float | None = None,
    ) -> None:
        self._hooks.emit(
            Event(
                name=name,
                connection=self.name,
                generation=self.generation,
                topics=topics,
                error=error,
                gap=gap,
                operation=operation,
                delay=delay,
            )
        )
