"""One connection's life: connect, log in, subscribe, live, wait, and again.

Here its parts are put together. They share a ``Standing`` and know of each other what they are given:

* ``opening.py`` and ``login.py`` get a socket and the keys' place on it;
* ``intake.py`` reads it, ``keeper.py`` sends what is due on it, a task each;
* ``outcomes.py`` acts on what its session found out;
* ``rotation.py`` replaces it as planned.

Each socket (a ``Link``) has a generation number; a frame, an ack or a failure can only belong to the socket
its own reader reads from. Whatever ends a socket (the peer, a timeout, silence, an unreadable stream) ends in
the same place, and only a final refusal of the keys, of the certificate or of this address ends the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from bitmart_async.errors import BitMartError, IpBanned, StreamUnavailable
from bitmart_async.websocket.handlers import being_cancelled
from bitmart_async.websocket.intake import TRACE, Intake
from bitmart_async.websocket.keeper import Keeper
from bitmart_async.websocket.link import Final, SocketEnded, loop_runs, outcome_of
from bitmart_async.websocket.login import Login
from bitmart_async.websocket.opening import Opener
from bitmart_async.websocket.outcomes import Outcomes
from bitmart_async.websocket.pacing import EDGE_REFUSALS, EDGE_WAIT, Backoff
from bitmart_async.websocket.rotation import Rotation
from bitmart_async.websocket.sleep import LOOK_SECONDS, SleepWatch
from bitmart_async.websocket.standing import Standing
from bitmart_async.websocket.state import State
from bitmart_async.websocket.transport import SocketClosed, TlsRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitmart_async.signing import Signer
    from bitmart_async.websocket.dialects import Dialect
    from bitmart_async.websocket.events import Update
    from bitmart_async.websocket.health import ConnectionHealth
    from bitmart_async.websocket.hooks import Hooks
    from bitmart_async.websocket.link import Link
    from bitmart_async.websocket.mailbox import Mailbox
    from bitmart_async.websocket.pacing import Pacer
    from bitmart_async.websocket.routes import Routes
    from bitmart_async.websocket.session import Timings
    from bitmart_async.websocket.topics import Topic

__all__ = ["Connection"]


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
        self.host = url.split("/")[2]
        self.capacity = capacity
        self._timings = timings
        self._hooks = hooks
        self._standing = standing = Standing(name, dialect, timings, hooks)
        self._backoff = Backoff(timings)
        self._login = Login(standing, signer, self._backoff)
        self._opener = Opener(standing, url, pacer, self._login)
        self._outcomes = Outcomes(standing, self._login)
        self._intake = Intake(standing, self._outcomes.heed)
        self._keeper = Keeper(
            standing,
            self._intake,
            self._outcomes,
            self._login,
            rotate_after=rotate_after,
            rotate=self._begin_rotation,
        )
        self._rotation = Rotation(standing, self._intake, self._outcomes, self._keeper, self._opener)
        self._task: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        """Ends the wait before the next connect."""
        self._stopped: BitMartError | None = None
        """Why it is to end, found out by another connection."""

    @property
    def state(self) -> State:
        """Where it is in its life."""
        return self._standing.state

    @property
    def generation(self) -> int:
        """The number of the socket in use, or of the last one."""
        return self._standing.generation

    @property
    def routes(self) -> Routes:
        """From a frame to its topic's subscribers."""
        return self._standing.routes

    def health(self, load: Callable[[str], tuple[int, int, int | None]]) -> ConnectionHealth:
        """How it is now.

        Args:
            load: Of a topic: updates waiting and updates dropped at its consumers.
        """
        return self._standing.health(load)

    # What the client asks ------------------------------------------------------------------------

    def want(self, topic: Topic[object]) -> asyncio.Future[None]:
        """Want a topic; the future ends when the exchange has answered for it."""
        standing = self._standing
        text = topic.text
        known = standing.waiting.known(text)
        if known is not None:
            return known
        standing.wanted[text] = topic
        standing.waiting.left(
            text
        )  # who left it is rid of it; that somebody else wants it is not his concern
        session = standing.session
        if session is not None and session.holds(text):
            answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            answered.set_result(None)
            return answered
        answered = standing.waiting.join(text)
        self._stir()
        return answered

    def unwant(self, text: str) -> asyncio.Future[None]:
        """No longer want a topic; the future ends when the exchange has confirmed, or has no socket."""
        standing = self._standing
        standing.wanted.pop(text, None)
        standing.forget(text)
        standing.waiting.give_up(text)
        session = standing.session
        left = standing.waiting.leave(text)
        if session is None or not session.may_hold(text):
            standing.waiting.left(text)
        self._stir()
        return left

    def request(self, text: str) -> None:
        """Ask for a topic's present state; without a socket that holds it, subscribing brings it anyway."""
        standing = self._standing
        if standing.session is not None and standing.session.request(text):
            standing.wake.set()

    def renew(self, text: str) -> None:
        """Leave a topic on the wire and take it again, for all who have it."""
        standing = self._standing
        if standing.session is not None and standing.session.renew(text):
            standing.wake.set()

    def keep(self) -> asyncio.Future[None]:
        """Want a socket even without topics; the future ends when it is live, or will not be soon."""
        kept = self._standing.kept
        future = kept.begin()
        if self._standing.state is State.LIVE:
            kept.live()
        elif self._standing.state is not State.CLOSED:
            self._stir()
            kept.limit(future)
        return future

    def unkeep(self) -> None:
        """No longer want a socket without topics."""
        self._standing.kept.give_up()
        self._stir()

    def limit_silence(self, text: str, seconds: float | None) -> None:
        """How long a topic may be without data before it is told as stale; None: for ever."""
        self._standing.limit_silence(text, seconds)

    def block(self, mailbox: Mailbox[Update[object]]) -> None:
        """A consumer's queue is full and wants the reader to wait for it after this frame."""
        self._intake.block(mailbox)

    def _begin_rotation(self, why: str) -> None:
        self._rotation.start(why)

    def look_again(self) -> None:
        """A tap came or went."""
        self._intake.look_again()

    async def rotate(self) -> None:
        """Replace the socket by a new one without losing or repeating an update.

        Returns at once when there is no live socket: one that is being made is new anyway.

        Raises:
            StreamUnavailable: The new socket did not become live; the present one goes on.
            IpBanned: The host answered 418.
        """
        await self._rotation.rotate()

    def stop(self, error: BitMartError) -> None:
        """End as after a final refusal: another connection has found out that the host refuses all."""
        standing = self._standing
        if standing.state in (State.IDLE, State.CLOSED):
            return
        self._stopped = error
        self._hurry.set()
        if standing.link is not None:
            standing.link.transport.abort()

    def _stir(self) -> None:
        """Something changed: start when idle, else let the keepers look."""
        standing = self._standing
        if standing.state is State.CLOSED:
            return
        if standing.needed and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._run(), name=f"bitmart {self.name}")
        standing.wake.set()

    async def aclose(self) -> None:
        """End for good; idempotent, quick from every state."""
        standing = self._standing
        task, was = self._task, standing.state
        if was is not State.CLOSED:
            standing.enter(State.CLOSED, "closed by the program")
        standing.waiting.cancel()  # before the first wait: a close that is cancelled has told them all the same
        standing.kept.cancel()
        others = {one for one in (self._rotation.task, self._keeper.errand) if one is not None}
        for other in others:
            other.cancel()
        link = standing.link
        try:
            if link is not None:
                await link.transport.close()
        finally:
            if task is not None:
                task.cancel()
            if was not in (State.CLOSED, State.IDLE) and standing.generation:
                standing.emit("close")
        if task is not None:
            others.add(task)
        if others:
            await asyncio.wait(others)

    def abandon(self) -> None:
        """The program ended without closing, which is told once: asyncio need not add a line per task."""
        links = [link for link in (self._standing.link, self._standing.next) if link is not None]
        tasks = [self._task, self._rotation.task, self._keeper.errand]
        for task in (*tasks, *(link.keeper for link in links), *(link.reader for link in links)):
            if task is not None:
                task._log_destroy_pending = False  # type: ignore[attr-defined]

    # The life ------------------------------------------------------------------------------------

    async def _run(self) -> None:
        standing = self._standing
        self._stopped = None
        try:
            await self._live_and_reconnect()
        finally:  # whatever ended it, the next subscribe must be able to begin again
            if loop_runs() and standing.state not in (State.IDLE, State.CLOSED):
                standing.enter(State.IDLE, "its task was ended from outside")
                standing.emit("close", topics=standing.every_topic())  # nobody is to believe that it goes on

    async def _live_and_reconnect(self) -> None:
        standing = self._standing
        why = "topics are wanted"
        while standing.needed:
            standing.enter(State.CONNECTING, why)
            error: StreamUnavailable | None = None
            try:
                await self._opener.turn()
                await self._one_socket()
            except SocketEnded as end:
                why = str(end)
                self._login.trusted = not end.login_lost
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
                if standing.closed:
                    return
                why = "nothing is wanted any more"
                standing.enter(State.IDLE, why)
                standing.emit("close")
                continue
            if standing.closed or not loop_runs():
                return
            if error is not None:
                self._stopped = self._opener.ban(error) or self._stopped
            stopped, self._stopped = self._stopped, None
            if stopped is not None or isinstance(error, TlsRefused):
                self._end_for(stopped or error)  # type: ignore[arg-type]
                return
            await self._wait(why, error)
        if standing.state is State.WAITING:
            standing.enter(State.IDLE, "nothing is wanted any more")
            standing.emit("close")

    async def _wait(self, why: str, error: StreamUnavailable | None) -> None:
        standing = self._standing
        delay = self._backoff.next_delay(error.http_status if error is not None else None)
        standing.enter(State.WAITING, why)
        standing.tell_outage(standing.said(str(error or why)), delay)
        standing.last_error = error or StreamUnavailable(f"{self.name}: {why}", endpoint=self.name)
        if self._backoff.seems_blocked:
            self._tell_blocked(standing.last_error.http_status)
        for name in ("reconnecting", "reconnect"):
            standing.emit(name, topics=tuple(standing.wanted), error=standing.last_error, delay=delay)
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
        self._standing.emit(
            "exception",
            topics=tuple(self._standing.wanted),
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
        standing = self._standing
        standing.enter(State.IDLE, type(error).__name__)
        lost = standing.every_topic()
        standing.wanted.clear()
        for text in lost:
            self._hooks.topic_lost(text, error)
            standing.forget(text)
        standing.waiting.refuse_all(error)
        standing.kept.refuse(error)
        standing.waiting.all_left()
        self._backoff.reset()
        standing.emit("exception", topics=lost, error=error)
        standing.emit("close", topics=lost, error=error)

    # One socket ----------------------------------------------------------------------------------

    async def _one_socket(self) -> None:
        """Open a socket and live on it. Returns when nothing is wanted; raises when it is lost."""
        standing = self._standing
        if self._login.clock_doubted and self._backoff.failures == 1:
            await self._hooks.resync()
        link = await self._opener.open()
        try:
            self._begin(link)
            while True:
                try:
                    await self._read_to_the_end(link)
                except Exception as error:
                    if standing.link is link:
                        raise
                    self._hooks.log.debug(
                        "%s: the replaced socket ended (%s)", self.name, type(error).__name__
                    )
                else:
                    return
                await link.drop()
                assert standing.link is not None
                link = standing.link
        finally:
            lost, standing.link = standing.link or link, None
            if loop_runs():
                self._lost(lost)
                await link.drop()
                if lost is not link:
                    await lost.drop()
                standing.waiting.all_left()

    def _begin(self, link: Link) -> None:
        """A socket is open: from now on it is the connection's."""
        standing = self._standing
        standing.link, standing.generation = link, link.generation
        self._backoff.opened()
        self._intake.tracing = self._hooks.log.isEnabledFor(TRACE)
        self._intake.look_again()
        for route in standing.routes.all():
            route.held = False
        standing.emit("open")
        if standing.returning:
            standing.counters.reconnects += 1
            standing.emit("reconnected")
        ready = link.session.logged_in
        standing.enter(State.SUBSCRIBING if ready else State.LOGGING_IN, "socket open")
        self._keeper.start(link)
        if self._stopped is not None:
            raise SocketEnded("stopped")
        self._outcomes.heed([], link.session)  # without topics it is live already

    async def _read_to_the_end(self, link: Link) -> None:
        """Returns when nothing is wanted; raises when the socket is lost."""
        try:
            if link.reader is not None:
                await link.reader
            else:
                await self._intake.read(link.session, link.transport)
        except SocketClosed as closed:
            ended = outcome_of(link.keeper)
            if ended is not None and not isinstance(ended, SocketClosed):
                raise ended from None
            if link.parting and self._standing.link is link:
                return  # the keeper closes it: nothing is wanted
            raise SocketEnded(self._standing.said(str(closed))) from None

    def _lost(self, link: Link) -> None:
        """The connection's socket is gone."""
        standing = self._standing
        now = asyncio.get_running_loop().time()
        self._rotation.cancel()
        standing.waiting.socket_lost(now)
        standing.returning = True
        if standing.lost_ns is None and self._intake.last_byte_ns is not None:
            standing.lost_ns = min(self._intake.last_byte_ns, link.heard_ns())
        self._backoff.lived(now - link.opened, logged_in=link.session.logged_in)
