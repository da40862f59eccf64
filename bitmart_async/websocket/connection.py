"""One connection's life: connect, log in, subscribe, live, wait, and again.

Every change of state goes through one setter. Each socket (a ``Link``) has a generation number; a frame,
an ack or a failure can only belong to the socket its own loop reads from. Two tasks serve a connection:
``_run`` opens sockets and reads them, ``_keep`` sends what the session says is due. Whatever ends a socket
(the peer, a timeout, silence, an unreadable stream) ends in the same place, and only a final refusal of
the keys, of the certificate or of this address ends the connection.

A planned replacement (``rotate``) is the one time with two sockets: the next one has its own reader and
keeper, and takes the place of the present one when it has every topic; see ``handover.py``.

The hot path is ``_taker``: every frame, from the socket to its handlers.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from typing import TYPE_CHECKING

from bitmart_async.decoding import DecodeError, NotJSON
from bitmart_async.errors import (
    BitMartError,
    ConfigurationError,
    FrameUnreadable,
    IpBanned,
    LoginRefused,
    StreamError,
    StreamUnavailable,
    SubscriptionRefused,
)
from bitmart_async.text import one_line
from bitmart_async.websocket.dialects import (
    LoginFailed,
    Pong,
    Refusal,
    data_key,
    data_mark,
    is_mark,
)
from bitmart_async.websocket.events import Event, Gap
from bitmart_async.websocket.frames import Bomb, open_frame
from bitmart_async.websocket.handlers import being_cancelled
from bitmart_async.websocket.handover import Handover
from bitmart_async.websocket.health import ConnectionHealth, Counters, TopicHealth
from bitmart_async.websocket.link import Bell, Chores, Final, Link, SocketEnded, loop_runs, outcome_of
from bitmart_async.websocket.pacing import EDGE_REFUSALS, EDGE_WAIT, Backoff
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
from bitmart_async.websocket.sleep import LOOK_SECONDS, SleepWatch
from bitmart_async.websocket.staleness import Silence
from bitmart_async.websocket.state import TRANSITIONS, State
from bitmart_async.websocket.transport import SocketClosed, TlsRefused
from bitmart_async.websocket.waiting import Waiting, patience

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitmart_async.signing import Signer
    from bitmart_async.websocket.dialects import Control, Dialect
    from bitmart_async.websocket.events import Update
    from bitmart_async.websocket.hooks import Hooks
    from bitmart_async.websocket.mailbox import Mailbox
    from bitmart_async.websocket.pacing import Pacer
    from bitmart_async.websocket.routes import Route
    from bitmart_async.websocket.session import Outcome, Timings
    from bitmart_async.websocket.topics import Topic
    from bitmart_async.websocket.transport import Transport

__all__ = ["Connection"]

TRACE = 5
_UNREADABLE_FRAMES = 3
_UNREADABLE_SECONDS = 60.0
_SLOW_FRAME = 0.25
_MOST_TRACED = 2000
_JSON_OBJECT = 0x7B  # "{"
_PROBE_SECONDS = 2.5
"""For an answer to the ping after a sleep of the machine."""
_ROTATE_AGAIN = 60.0
"""Seconds until a planned rotation that failed is tried again."""


class Connection:
    """See the module's text.

    Args:
        name: spot_public, spot_private, futures_public or futures_private, numbered from the second.
        signer: None on public connections.
        capacity: Topics the exchange allows on one socket.
        rotate_after: Seconds after which a socket is replaced by a new one; None: never.
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
        rotate_after: float | None = None,
    ) -> None:
        self.name = name
        self._url = url
        self._dialect = dialect
        self._signer = signer
        self._timings = timings
        self._pacer = pacer
        self._hooks = hooks
        self.capacity = capacity
        self._rotate_after = rotate_after
        self.state = State.IDLE
        self.generation = 0
        self._generations = 0
        self.routes = Routes(dialect.market)
        self.wanted: dict[str, Topic[object]] = {}
        self._kept = False
        """Wanted even without topics, until the client is closed."""
        self._kept_live: asyncio.Future[None] | None = None
        self._link: Link | None = None
        self._next: Link | None = None
        self._handover: Handover | None = None
        self._rotation: asyncio.Task[None] | None = None
        self._errand: asyncio.Task[None] | None = None
        """Measures the clock."""
        self._ponged = asyncio.Event()
        """A pong came while two sockets overlap."""
        self._waiting = Waiting(
            name, timings, session=lambda: self._session, last_error=lambda: self._last_error
        )
        self._silence = Silence()
        self._task: asyncio.Task[None] | None = None
        self._wake = Bell()
        self._hurry = asyncio.Event()
        """Ends the wait before the next connect."""
        self._readable = asyncio.Event()
        """Tells a reader that waits for a consumer to read on."""
        self._backoff = Backoff(timings)
        self._counters = Counters()
        self._down_since: float | None = None
        self._stopped: BitMartError | None = None
        """Why it is to end, found out by another connection."""
        self._last_error: StreamUnavailable | None = None
        self._trust_login = True
        self._clock_doubted = False
        self._last_byte_ns: int | None = None
        self._lost_ns: int | None = None
        self._unreadable: deque[float] = deque()
        self._blocked: list[Mailbox[Update[object]]] = []
        self._attentive = False
        """Frames are looked at before they are read: for the log, for a tap, or because two sockets overlap."""
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

    @property
    def host(self) -> str:
        """Where it connects to."""
        return self._url.split("/")[2]

    @property
    def _session(self) -> Session | None:
        return self._link.session if self._link is not None else None

    @property
    def _needed(self) -> bool:
        return bool(self.wanted) or self._kept

    # What the client asks ------------------------------------------------------------------------

    def want(self, topic: Topic[object]) -> asyncio.Future[None]:
        """Want a topic; the future ends when the exchange has answered for it."""
        text = topic.text
        known = self._waiting.known(text)
        if known is not None:
            return known
        self.wanted[text] = topic
        self._waiting.left(text)  # who left it is rid of it; that somebody else wants it is not his concern
        session = self._session
        if session is not None and session.holds(text):
            answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            answered.set_result(None)
            return answered
        answered = self._waiting.join(text)
        self._stir()
        return answered

    def unwant(self, text: str) -> asyncio.Future[None]:
        """No longer want a topic; the future ends when the exchange has confirmed, or has no socket."""
        self.wanted.pop(text, None)
        self._forget_route(text)
        self._waiting.give_up(text)
        session = self._session
        left = self._waiting.leave(text)
        if session is None or not session.may_hold(text):
            self._waiting.left(text)
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

    def keep(self) -> asyncio.Future[None]:
        """Want a socket even without topics; the future ends when it is live, or will not be soon."""
        loop = asyncio.get_running_loop()
        self._kept = True
        if self._kept_live is None or self._kept_live.done():
            self._kept_live = loop.create_future()
        future = self._kept_live
        if self.state is State.LIVE:
            future.set_result(None)
        elif self.state is not State.CLOSED:
            self._stir()
            self._judge_kept(future, loop.time())
        return future

    def _judge_kept(self, future: asyncio.Future[None], since: float) -> None:
        """Nobody waits longer than connect_timeout for a socket, nor longer than all timeouts for a live one."""
        if future.done():
            return
        loop = future.get_loop()
        ends = since + patience(self._timings)
        if self._session is None:
            ends = since + self._timings.connect_timeout
        if loop.time() < ends:
            timer = loop.call_at(ends, self._judge_kept, future, since)
            future.add_done_callback(lambda _: timer.cancel())
        else:
            future.set_exception(
                StreamUnavailable(
                    f"{self.name}: not live within {ends - since:g} s. "
                    f"{self._last_error or 'The host does not answer'}",
                    endpoint=self.name,
                )
            )

    def unkeep(self) -> None:
        """No longer want a socket without topics."""
        self._kept = False
        if self._kept_live is not None:
            self._kept_live.cancel()
        self._stir()

    def limit_silence(self, text: str, seconds: float | None) -> None:
        """How long a topic may be without data before it is told as stale; None: for ever."""
        route = self.routes.get(text)
        if route is not None:
            self._silence.limit(route, seconds, asyncio.get_running_loop().time())
            self._wake.set()

    def block(self, mailbox: Mailbox[Update[object]]) -> None:
        """A consumer's queue is full and wants the reader to wait for it after this frame."""
        self._blocked.append(mailbox)
        self._hooks.pressure.high = True

    def stop(self, error: BitMartError) -> None:
        """End as after a final refusal: another connection has found out that the host refuses all."""
        if self.state in (State.IDLE, State.CLOSED):
            return
        self._stopped = error
        self._hurry.set()
        if self._link is not None:
            self._link.transport.abort()

    def _stir(self) -> None:
        """Something changed: start when idle, else let the keepers look."""
        if self.state is State.CLOSED:
            return
        if self._needed and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._run(), name=f"bitmart {self.name}")
        self._wake.set()

    def _forget_route(self, text: str) -> None:
        self.routes.remove(text)
        self._silence.forget(text)

    async def aclose(self) -> None:
        """End for good; idempotent, quick from every state."""
        task, was = self._task, self.state
        if was is not State.CLOSED:
            self._enter(State.CLOSED, "closed by the program")
        self._waiting.cancel()  # before the first wait: a close that is cancelled has told them all the same
        if self._kept_live is not None:
            self._kept_live.cancel()
        others = {one for one in (self._rotation, self._errand) if one is not None}
        for other in others:
            other.cancel()
        link = self._link
        try:
            if link is not None:
                await link.transport.close()
        finally:
            if task is not None:
                task.cancel()
            if was not in (State.CLOSED, State.IDLE) and self.generation:
                self._emit("close")
        if task is not None:
            others.add(task)
        if others:
            await asyncio.wait(others)

    def abandon(self) -> None:
        """The program ended without closing, which is told once: asyncio need not add a line per task."""
        links = [link for link in (self._link, self._next) if link is not None]
        tasks = [self._task, self._rotation, self._errand]
        for task in (*tasks, *(link.keeper for link in links), *(link.reader for link in links)):
            if task is not None:
                task._log_destroy_pending = False  # type: ignore[attr-defined]

    # The life ------------------------------------------------------------------------------------

    def _enter(self, state: State, why: str) -> None:
        """Change state. The only line that does."""
        if state is State.IDLE:  # what follows is a new beginning, not a return
            self._returning, self._lost_ns = False, None
        assert state in TRANSITIONS[self.state], f"{self.state} -> {state}: {why}"
        self._hooks.log.info("%s: %s -> %s (%s)", self.name, self.state.value, state.value, why)
        self.state = state
        if state in (State.IDLE, State.CLOSED, State.LIVE):
            self._down_since = None
        elif self._down_since is None:
            self._down_since = asyncio.get_running_loop().time()

    async def _run(self) -> None:
        self._stopped = None
        try:
            await self._live_and_reconnect()
        finally:  # whatever ended it, the next subscribe must be able to begin again
            if loop_runs() and self.state not in (State.IDLE, State.CLOSED):
                self._enter(State.IDLE, "its task was ended from outside")
                self._emit("close", topics=tuple(self.wanted))  # nobody is to believe that it goes on

    async def _live_and_reconnect(self) -> None:
        why = "topics are wanted"
        while self._needed:
            self._enter(State.CONNECTING, why)
            error: StreamUnavailable | None = None
            try:
                await self._pacer.turn()
                await self._one_socket()
            except SocketEnded as end:
                why = str(end)
                self._trust_login = not end.login_lost
            except IpBanned as banned:
                self._stopped = banned
            except StreamUnavailable as refused:
                why, error = "no socket", refused
            except Final as final:
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
            if error is not None:
                self._stopped = self._ban(error) or self._stopped
            stopped, self._stopped = self._stopped, None
            if stopped is not None or isinstance(error, TlsRefused):
                self._end_for(stopped or error)  # type: ignore[arg-type]
                return
            await self._wait(why, error)
        if self.state is State.WAITING:
            self._enter(State.IDLE, "nothing is wanted any more")
            self._emit("close")

    def _ban(self, error: Exception) -> IpBanned | None:
        """Stop all connections to the host when it refuses this address altogether."""
        if isinstance(error, IpBanned):
            return error
        if not isinstance(error, StreamUnavailable) or error.http_status != 418:
            return None
        banned = self._pacer.ban(asyncio.get_running_loop().time(), error)
        self._hooks.banned(banned)
        return banned

    async def _wait(self, why: str, error: StreamUnavailable | None) -> None:
        delay = self._backoff.next_delay(error.http_status if error is not None else None)
        self._enter(State.WAITING, why)
        self._last_error = error or StreamUnavailable(f"{self.name}: {why}", endpoint=self.name)
        if self._backoff.seems_blocked:
            self._tell_blocked(self._last_error.http_status)
        for name in ("reconnecting", "reconnect"):
            self._emit(name, topics=tuple(self.wanted), error=self._last_error, delay=delay)
        await self._sleep(delay)

    async def _sleep(self, delay: float) -> None:
        """Wait; a machine that wakes, or a connection that is stopped, does not wait on."""
        loop = asyncio.get_running_loop()
        watch = SleepWatch(loop.time(), time.time_ns())
        ends = loop.time() + delay
        self._hurry.clear()
        while loop.time() < ends and not self._hurry.is_set() and self._stopped is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(LOOK_SECONDS, ends - loop.time())):
                    await self._hurry.wait()
            if watch.slept(loop.time(), time.time_ns()) is not None:
                return

    def _tell_blocked(self, status: int | None) -> None:
        """Say once that the edge seems to block this address; it is asked on, a try or two a minute."""
        self._emit(
            "exception",
            topics=tuple(self.wanted),
            error=StreamUnavailable(
                f"{self.name}: the host has answered HTTP {status} {EDGE_REFUSALS} times in a row, so this "
                f"address seems to be blocked. Trying goes on every {EDGE_WAIT[0]:g} to {EDGE_WAIT[1]:g} "
                f"s; check from where this machine connects.",
                endpoint=self.name,
                http_status=status,
            ),
        )

    def _end_for(self, error: BitMartError) -> None:
        """A final refusal: told to whoever waits, and once to everybody."""
        self._enter(State.IDLE, type(error).__name__)
        lost = tuple(self.wanted)
        self.wanted.clear()
        self._kept = False
        for text in lost:
            self._hooks.topic_lost(text, error)
            self._forget_route(text)
        self._waiting.refuse_all(error)
        if self._kept_live is not None and not self._kept_live.done():
            self._kept_live.set_exception(error)
        self._waiting.all_left()
        self._backoff.reset()
        self._emit("exception", topics=lost, error=error)
        self._emit("close", topics=lost, error=error)

    # One socket ----------------------------------------------------------------------------------

    async def _open(self) -> Link:
        """Open a socket; what is said on it is the session's business."""
        transport = await self._hooks.open_socket(self._url, self._timings.connect_timeout)
        now = asyncio.get_running_loop().time()
        self._generations += 1
        login = None if self._signer is None else self._login_message
        session = Session(
            self._dialect, self.wanted, self._timings, now, login, trust_login=self._trust_login
        )
        return Link(self._generations, transport, session, now)

    async def _one_socket(self) -> None:
        """Open a socket and live on it. Returns when nothing is wanted; raises when it is lost."""
        if self._clock_doubted and self._backoff.failures == 1:
            await self._hooks.resync()
        link = await self._open()
        try:
            self._begin(link)
            while True:
                try:
                    await self._read_to_the_end(link)
                except Exception as error:
                    if self._link is link:
                        raise
                    self._hooks.log.debug(
                        "%s: the replaced socket ended (%s)", self.name, type(error).__name__
                    )
                else:
                    return
                await self._drop(link)
                assert self._link is not None
                link = self._link
        finally:
            lost, self._link = self._link or link, None
            if loop_runs():
                self._lost(lost)
                await self._drop(link)
                if lost is not link:
                    await self._drop(lost)
                self._waiting.all_left()

    def _begin(self, link: Link) -> None:
        """A socket is open: from now on it is the connection's."""
        self._link, self.generation = link, link.generation
        self._backoff.opened()
        self._trace = self._hooks.log.isEnabledFor(TRACE)
        self.look_again()
        self._parting = False
        for route in self.routes.all():
            route.held = False
        self._emit("open")
        if self._returning:
            self._counters.reconnects += 1
            self._emit("reconnected")
        ready = link.session.logged_in
        self._enter(State.SUBSCRIBING if ready else State.LOGGING_IN, "socket open")
        self._start_keeper(link)
        if self._stopped is not None:
            raise SocketEnded("stopped")
        self._heed([], link.session)  # without topics it is live already

    def _start_keeper(self, link: Link) -> None:
        loop = asyncio.get_running_loop()
        link.keeper = loop.create_task(self._keep(link), name=f"bitmart {self.name} keeper")

    async def _read_to_the_end(self, link: Link) -> None:
        """Returns when nothing is wanted; raises when the socket is lost."""
        try:
            if link.reader is not None:
                await link.reader
            else:
                await self._read(link.session, link.transport)
        except SocketClosed as closed:
            ended = outcome_of(link.keeper)
            if ended is not None and not isinstance(ended, SocketClosed):
                raise ended from None
            if self._parting and self._link is link:
                return  # the keeper closes it: nothing is wanted
            raise SocketEnded(self._said(str(closed))) from None

    def _lost(self, link: Link) -> None:
        """The connection's socket is gone."""
        now = asyncio.get_running_loop().time()
        if self._rotation is not None:
            self._rotation.cancel()
        self._waiting.socket_lost(now)
        self._returning = True
        if self._lost_ns is None and self._last_byte_ns is not None:
            self._lost_ns = min(self._last_byte_ns, self._heard_ns(link))
        self._backoff.lived(now - link.opened, logged_in=link.session.logged_in)

    def _heard_ns(self, link: Link) -> int:
        """When the last byte came on a socket."""
        ago = asyncio.get_running_loop().time() - link.session.heard
        return time.time_ns() - int(ago * 1e9)

    async def _drop(self, link: Link) -> None:
        """End a socket and its tasks; what they ended with has been told where it matters."""
        link.transport.abort()
        tasks = {task for task in (link.keeper, link.reader) if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for task in tasks:
            outcome_of(task)

    def _login_message(self) -> bytes:
        assert self._signer is not None
        try:
            return self._dialect.login(self._signer, self._hooks.now_ms())
        except ConfigurationError as error:  # the signer's own words about the user's sign function
            why = str(error)
        except (Exception, asyncio.CancelledError) as error:  # whose words may hold the secret
            why = f"the sign function raised {type(error).__name__}"
        raise Final(StreamError(f"{self.name}: no login is possible: {why}", endpoint=self.name))

    async def _keep(self, link: Link) -> None:
        """Send what is due, until the socket is of no more use; then drop it and say why."""
        loop = asyncio.get_running_loop()
        session, transport = link.session, link.transport
        chores = Chores(link.opened, time.time_ns(), self._rotate_after)
        wake = asyncio.Event()
        try:
            with self._wake.heard_by(wake):
                while True:
                    wake.clear()
                    messages, outcomes = session.poll(loop.time())
                    if session.expecting:
                        self._readable.set()
                    for message in messages:
                        if self._trace:
                            self._hooks.log.log(
                                TRACE, "%s > %s", self.name, self._hooks.mask(message.decode())
                            )
                        await transport.send(message)
                    self._heed(outcomes, session)
                    due = session.deadline(loop.time())
                    if self._link is link:
                        due = min(due, self._do_chores(chores, session, loop.time()))
                        if self._parting:
                            await transport.close()
                            return
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(max(0.001, due - loop.time())):
                            await wake.wait()
        except BaseException:  # whatever it is: the reader ends with the socket, and finds it here
            if loop_runs():
                transport.abort()
            raise

    def _do_chores(self, chores: Chores, session: Session, now: float) -> float:
        """What a socket in use needs beside its conversation; when to look again."""
        slept = chores.sleep.slept(now, time.time_ns())
        if slept is not None:
            self._woke(Gap(*slept), session, now)
        due = now + LOOK_SECONDS
        chores.idle_since = None if self._needed or session.held else chores.idle_since or now
        if chores.idle_since is not None:
            ends = chores.idle_since + self._timings.linger
            self._parting = now >= ends
            due = min(due, ends)
        if self.state is State.LIVE:
            due = min(due, self._look_for_silence(session, now))
            if now >= chores.rotate_at:
                chores.rotate_at = now + _ROTATE_AGAIN
                self._start_rotation("its time is over")
            due = min(due, chores.rotate_at)
        return due if due > now else now

    def _woke(self, gap: Gap, session: Session, now: float) -> None:
        """The machine slept: nobody knows what was missed, whether the socket lives, and what time it is."""
        self._hooks.log.warning("%s: this machine slept for %.0f s", self.name, gap.seconds)
        session.probe(now, min(_PROBE_SECONDS, self._timings.pong_timeout))
        self._tell_gap(tuple(self.wanted), gap)
        if self._signer is not None and (self._errand is None or self._errand.done()):
            self._errand = asyncio.get_running_loop().create_task(
                self._measure_clock(), name=f"bitmart {self.name} clock"
            )

    async def _measure_clock(self) -> None:
        await self._hooks.resync()

    def _look_for_silence(self, session: Session, now: float) -> float:
        """Topics without data for longer than they may be."""
        if session.paused:
            self._silence.begin(now)
        elif now >= self._silence.due():
            found = self._silence.look(self.routes.all(), now, time.time_ns())
            if found.renew:
                self._hooks.log.warning(
                    "%s: no data within the limit on %s; asked for anew", self.name, ", ".join(found.renew)
                )
                self._emit("stale", topics=found.renew)
                for text in found.renew:
                    self.renew(text)
            if found.replace:
                self._start_rotation(f"no data on {', '.join(found.replace)}")
        return self._silence.due()

    # A planned replacement ---------------------------------------------------------------------------

    async def rotate(self) -> None:
        """Replace the socket by a new one without losing or repeating an update.

        Returns at once when there is no live socket: one that is being made is new anyway.

        Raises:
            StreamUnavailable: The new socket did not become live; the present one goes on.
            IpBanned: The host answered 418.
        """
        if self.state is not State.LIVE:
            return
        rotation = self._start_rotation("asked for by the program")
        await asyncio.wait({rotation})
        if rotation.cancelled():
            raise StreamUnavailable(
                f"{self.name}: the connection was lost or closed while its socket was being replaced",
                endpoint=self.name,
            )
        rotation.result()

    def _start_rotation(self, why: str) -> asyncio.Task[None]:
        rotation = self._rotation
        if rotation is None or rotation.done():
            self._hooks.log.info("%s: the socket is to be replaced (%s)", self.name, why)
            rotation = asyncio.get_running_loop().create_task(
                self._rotate(), name=f"bitmart {self.name} rotation"
            )
            rotation.add_done_callback(outcome_of)  # told as an event, and to whoever waits
            self._rotation = rotation
        return rotation

    async def _rotate(self) -> None:
        try:
            await self._replace()
        except (SocketClosed, TimeoutError, SocketEnded, Final, StreamUnavailable) as error:
            banned = self._ban(error)
            if banned is not None:
                raise banned from None
            why = "not live in time" if isinstance(error, TimeoutError) else self._said(str(error))
            failed = StreamUnavailable(
                f"{self.name}: the socket could not be replaced ({why}); the present one goes on",
                endpoint=self.name,
            )
            self._emit("exception", error=failed)
            raise failed from None

    async def _replace(self) -> None:
        loop = asyncio.get_running_loop()
        old = self._link
        assert old is not None
        await self._pacer.turn()
        link = await self._open()
        try:
            self._handover = Handover(self._dialect, old.session, link.session)
            self._attentive, self._next = True, link
            self._emit("open", generation=link.generation)
            link.reader = loop.create_task(
                self._read(link.session, link.transport), name=f"bitmart {self.name} next"
            )
            link.reader.add_done_callback(lambda _: self._ponged.set())
            self._start_keeper(link)
            async with asyncio.timeout(patience(self._timings)):
                await self._settled(link)
            drained = await self._echo(old.session, besides=link)
            link.check()  # nobody moves to a socket that was lost meanwhile
            self._take_over(old, link, drained=drained)
            await old.transport.close()
            if not self._handover.caught_up:
                await self._echo(link.session)
        finally:
            self._handover, self._next = None, None
            self.look_again()
            if self._link is not link:
                await self._drop(link)
            else:
                old.transport.abort()

    async def _settled(self, link: Link) -> None:
        """Wait until the next socket has every topic; raises what ended it before."""
        assert link.reader is not None
        assert link.keeper is not None
        self._heed([], link.session)
        settled = asyncio.create_task(link.settled.wait(), name=f"bitmart {self.name} settled")
        try:
            await asyncio.wait({settled, link.reader, link.keeper}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            settled.cancel()
        link.check()

    async def _echo(self, session: Session, *, besides: Link | None = None) -> bool:
        """Wait until what a socket has brought so far is read: until it answers a ping sent now.

        In vain when another link ends meanwhile.
        """
        loop = asyncio.get_running_loop()
        ping = session.probe(loop.time())
        self._wake.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timings.pong_timeout):
                while not session.echoed(ping) and (besides is None or not besides.ended):
                    self._ponged.clear()
                    await self._ponged.wait()
        return session.echoed(ping)

    def _take_over(self, old: Link, link: Link, *, drained: bool) -> None:
        """The next socket becomes the connection's, from one frame to the next."""
        handover = self._handover
        assert handover is not None
        self._link, self._next, self.generation = link, None, link.generation
        self._counters.rotations += 1
        session = link.session
        for route in self.routes.all():
            route.held = session.holds(route.text)
            if route.held:
                route.ever_held = True
                self._waiting.joined(route.text)
        self._waiting.all_left(but=session.may_hold)
        self._silence.begin(asyncio.get_running_loop().time())
        gap = None
        if not drained:  # it fell silent before it had said everything
            gap = Gap(self._heard_ns(old), time.time_ns())
        try:
            for frame in handover.finish():
                self._on_frame(frame, session, time.time_ns())
        except SocketEnded:
            link.transport.abort()
        if gap is not None:
            self._counters.gaps += 1
        self._emit("live", topics=tuple(self.wanted), gap=gap)
        self._wake.set()  # the keeper has more to do from now on

    def _admit(self, frame: bytes, session: Session) -> bool:
        """Whether a frame is to be read now; asked only while frames are looked at."""
        if self._trace:
            shown = one_line(self._hooks.mask(repr(frame[: 2 * _MOST_TRACED])), _MOST_TRACED)
            self._hooks.log.log(TRACE, "%s < %s", self.name, shown)
        handover = self._handover
        if handover is None:
            return session is self._session  # or left over from a socket that has been replaced
        if handover.overfull and session is not self._session:  # the present socket goes on
            raise SocketEnded("too much came while two sockets overlapped")
        return handover.admit(frame, session)

    def look_again(self) -> None:
        """Frames are to be looked at from now on, or no more: a tap came or went."""
        self._attentive = self._trace or bool(self._hooks.taps) or self._handover is not None

    def _generation_of(self, session: Session) -> int:
        link = self._next
        return link.generation if link is not None and link.session is session else self.generation

    # The hot path --------------------------------------------------------------------------------

    async def _read(self, session: Session, transport: Transport) -> None:
        """Read until the socket ends; between two reads whoever fell behind gets his turn."""
        take = self._taker(session)
        while True:
            await transport.read(take)
            if self._blocked:
                await self._wait_for_room(session)
            else:
                await asyncio.sleep(0)  # a burst is read without a wait: let its consumers run

    def _taker(self, session: Session) -> Callable[[list[bytes]], int | None]:
        """What takes the batches of a socket: the loop every frame goes through."""
        now, pressure, clock = asyncio.get_running_loop().time, self._hooks.pressure, time.monotonic
        marked = self.routes.marked

        def take(frames: list[bytes]) -> int | None:
            session.heard = now()
            received_ns = self._last_byte_ns = time.time_ns()
            plain = not (self._attentive or session.asking)
            if plain and session is not self._session:
                return None  # left over from a socket that has been replaced
            began = clock()
            for taken, frame in enumerate(frames, 1):
                feed = marked.get(data_mark(frame)) if plain else None
                if feed is None:
                    received_ns += 1  # tells the frames of a batch apart
                    self._on_frame(frame, session, received_ns)
                    plain = not (self._attentive or session.asking)
                else:
                    try:
                        feed.deliver(frame, received_ns)
                    except DecodeError as error:
                        self._cannot_read(frame, error)
                ended = clock()
                if ended - began > _SLOW_FRAME:
                    session.heard = now()  # the frames behind it have long come
                    self._name_slow(ended - began, frame)
                    ended = clock()
                began = ended
                if pressure.high:  # also when somebody blocks
                    pressure.high = False
                    return taken
            return None

        return take

    def _on_frame(self, frame: bytes, session: Session, received_ns: int) -> None:
        """A frame that is not plain data for a known feed, or whose coming may mean something."""
        if self._attentive:
            if not self._admit(frame, session):
                return
            for tap in self._hooks.taps:
                tap(self.name, self._generation_of(session), frame, received_ns)
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
        feed = self.routes.feed(key)
        if feed is None:
            return
        mark = data_mark(frame)
        if is_mark(mark, key, self._dialect.heads):
            self.routes.mark(mark, feed)
        try:
            feed.deliver(frame, received_ns)
        except DecodeError as error:
            self._cannot_read(frame, error)
        if session.asking:
            fed = [route.text for route in feed.routes if route.data_ns == received_ns]
            if len(fed) == 1:  # with several candidates it may be the data of either
                self._heed(session.confirm(fed[0], asyncio.get_running_loop().time()), session)

    def _heard(self, control: Control, session: Session) -> None:
        if isinstance(control, Pong):
            session.ponged(asyncio.get_running_loop().time())
            self._ponged.set()
        else:
            self._heed(session.receive(control, asyncio.get_running_loop().time()), session)
            self._wake.set()  # even what tells nobody anything may free the next message, or move a deadline

    def _cannot_read(self, frame: bytes, error: DecodeError) -> None:
        """Report a frame and whose updates it may have held; three damaged ones in a minute end the socket."""
        self._counters.unreadable += 1
        concerned = self._concerned(frame)
        unreadable = FrameUnreadable(
            f"{self.name}: a frame of {len(frame)} bytes cannot be read ({error}); it was skipped",
            endpoint=self.name,
            raw=frame,
        )
        self._emit("exception", topics=concerned, error=unreadable)
        at = self._last_byte_ns or time.time_ns()
        self._tell_gap(concerned, Gap(at, at), unreadable)
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
        feed = self.routes.feed(key) if key is not None else None
        return tuple(route.text for route in feed.routes) if feed is not None else tuple(self.wanted)

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
        if session is not self._session:
            self._heed_next(outcomes, session)
            return
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
                raise SocketEnded(self._said(outcome.why), login_lost=outcome.login_lost)
            else:
                self._stray(outcome)
        if outcomes:
            self._wake.set()
        if self.state is State.SUBSCRIBING and session.settled and self._needed:
            self._live()

    def _heed_next(self, outcomes: list[Outcome], session: Session) -> None:
        """Act on what the session of the next socket found out: it settles, or it is of no use."""
        link = self._next
        if link is None or session is not link.session:
            return  # of a socket that has been replaced
        for outcome in outcomes:
            if isinstance(outcome, LoginAccepted):
                self._emit("authenticated", generation=link.generation)
            elif isinstance(outcome, LoginRejected):
                raise SocketEnded(f"the login was refused: {self._said(outcome.failure.text)}")
            elif isinstance(outcome, Dead):
                raise SocketEnded(self._said(outcome.why))
            elif isinstance(outcome, Rejected | GaveUp):
                route = self.routes.get(outcome.topic)
                if route is not None and route.ever_held:  # a new topic is judged on the present socket
                    raise SocketEnded(f"{outcome.topic} is not served there")
            elif isinstance(outcome, Stray):
                self._stray(outcome)
        if outcomes:
            self._wake.set()
        if session.settled:
            link.settled.set()

    def _said(self, text: str) -> str:
        """Words of the exchange: masked before they are cut, or a piece of a secret would be left."""
        return one_line(self._hooks.mask(text))

    def _answered(self, text: str) -> None:
        route = self.routes.get(text)
        if route is not None:
            route.held = route.ever_held = True
        self._waiting.joined(text)
        self._emit("response", topics=(text,), operation="subscribe")

    def _left(self, text: str) -> None:
        self._waiting.left(text)
        self._emit("response", topics=(text,), operation="unsubscribe")

    def _login_rejected(self, failure: LoginFailed) -> None:
        code = f" {failure.code}" if failure.code is not None else ""
        if failure.verdict == "passing":
            raise SocketEnded(f"the login is not possible now:{code} {self._said(failure.text)}")
        if failure.verdict == "clock" and not self._clock_doubted:
            self._clock_doubted = True
            self._backoff.reset()
            raise SocketEnded(f"the login's timestamp was refused{code}; the clock is measured again")
        self._clock_doubted = False
        said = self._said(failure.text)
        raise Final(
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
        self._hooks.topic_lost(text, error)
        self._forget_route(text)
        if not self._waiting.refuse(text, error):
            self._emit("exception", topics=(text,), error=error)

    def _gave_up(self, text: str, doubtful: Refusal | None) -> None:
        route = self.routes.get(text)
        if route is not None and route.ever_held:  # the exchange serves it, this socket does not
            raise SocketEnded(f"{text} was asked for twice again and never answered")
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
            self._counters.gaps += 1
        self._last_error = None
        self._trust_login = True
        self._silence.begin(asyncio.get_running_loop().time())
        if self._kept_live is not None and not self._kept_live.done():
            self._kept_live.set_result(None)
        self._emit("live", topics=tuple(self.wanted), gap=gap)

    def _tell_gap(self, texts: tuple[str, ...], gap: Gap, error: Exception | None = None) -> None:
        """Updates of topics may be missing although the socket stays."""
        self._counters.gaps += 1
        if texts:
            self._emit("gap", topics=texts, gap=gap, error=error)

    # Reports -------------------------------------------------------------------------------------

    def health(self, load: Callable[[str], tuple[int, int]]) -> ConnectionHealth:
        """How it is now.

        Args:
            load: Of a topic: updates waiting and updates dropped at its consumers.
        """
        wall_ns, session = time.time_ns(), self._session
        now = asyncio.get_running_loop().time()
        return ConnectionHealth(
            name=self.name,
            state=self.state.value,
            down_for=None if self._down_since is None else now - self._down_since,
            generation=self.generation,
            frame_age=None if session is None else now - session.heard,
            round_trip=None if session is None else session.round_trip,
            reconnects=self._counters.reconnects,
            rotations=self._counters.rotations,
            gaps=self._counters.gaps,
            unreadable=self._counters.unreadable,
            last_error=str(self._last_error or ""),
            topics=tuple(self._topic_health(route, load, wall_ns) for route in self.routes.all()),
        )

    def _topic_health(
        self, route: Route, load: Callable[[str], tuple[int, int]], wall_ns: int
    ) -> TopicHealth:
        queued, dropped = load(route.text)
        session = self._session
        return TopicHealth(
            topic=route.text,
            held=session is not None and session.holds(route.text),
            stale=self._silence.is_stale(route),
            data_age=None if route.data_ns is None else max(0.0, (wall_ns - route.data_ns) / 1e9),
            updates=route.updates,
            queued=queued,
            dropped=dropped,
        )

    def _emit(
        self,
        name: str,
        *,
        topics: tuple[str, ...] = (),
        error: Exception | None = None,
        gap: Gap | None = None,
        operation: str = "",
        delay: float | None = None,
        generation: int | None = None,
    ) -> None:
        self._hooks.emit(
            Event(
                name=name,
                connection=self.name,
                generation=self.generation if generation is None else generation,
                topics=topics,
                error=error,
                gap=gap,
                operation=operation,
                delay=delay,
            )
        )
