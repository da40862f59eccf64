"""Where one connection stands: its state, its sockets, its topics; and how that is told.

The parts of a connection share this and little else. They are put together in ``connection.py``.

Every change of state goes through ``enter``. What the exchange says is masked before it is shown (``said``).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bitmart_async.text import one_line
from bitmart_async.websocket.events import Event, Gap
from bitmart_async.websocket.health import ConnectionHealth, Counters, TopicHealth
from bitmart_async.websocket.link import Bell
from bitmart_async.websocket.refused import RefusedTopics
from bitmart_async.websocket.routes import Routes
from bitmart_async.websocket.staleness import Silence
from bitmart_async.websocket.state import TRANSITIONS, State
from bitmart_async.websocket.waiting import Bounds, Kept, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitmart_async.errors import StreamUnavailable
    from bitmart_async.websocket.dialects import Dialect
    from bitmart_async.websocket.feeds import Route
    from bitmart_async.websocket.hooks import Hooks
    from bitmart_async.websocket.link import Link
    from bitmart_async.websocket.session import Session, Timings
    from bitmart_async.websocket.topics import Topic

__all__ = ["Standing"]


class Standing:
    """See the module's text.

    Args:
        name: spot_public, spot_private, futures_public or futures_private, numbered from the second.
    """

    def __init__(self, name: str, dialect: Dialect, timings: Timings, hooks: Hooks) -> None:
        self.name = name
        self.dialect = dialect
        self.timings = timings
        self.hooks = hooks
        self.state = State.IDLE
        self.link: Link | None = None
        """The socket in use."""
        self.next: Link | None = None
        """The one that is to replace it."""
        self.generation = 0
        self.wanted: dict[str, Topic[object]] = {}
        """What is asked for now; what was refused after it had been held is set aside for a while."""
        self.refused = RefusedTopics()
        self.routes = Routes(dialect.market)
        self.silence = Silence()
        bounds = Bounds(name, timings, lambda: self.session, lambda: self.last_error)
        self.waiting = Waiting(bounds)
        self.kept = Kept(bounds)
        self.wake = Bell()
        self.counters = Counters()
        self.last_error: StreamUnavailable | None = None
        self.down_since: float | None = None
        self._tries = 0
        """Times a socket was lost or not got, since the connection was last live."""
        self.lost_ns: int | None = None
        """When the last byte came before the socket in use was lost; None: nothing was lost since."""
        self.returning = False
        """A socket that was in use has been lost: the next one is its replacement."""

    @property
    def closed(self) -> bool:
        """Whether it has ended for good."""
        return self.state is State.CLOSED

    @property
    def session(self) -> Session | None:
        """The conversation on the socket in use."""
        return self.link.session if self.link is not None else None

    @property
    def needed(self) -> bool:
        """Whether a socket is wanted."""
        return bool(self.wanted) or bool(self.refused) or self.kept.wanted

    def every_topic(self) -> tuple[str, ...]:
        """What somebody has subscribed, set aside or not."""
        return tuple(dict.fromkeys((*self.wanted, *self.refused.texts())))

    def enter(self, state: State, why: str) -> None:
        """Change state. The only line that does."""
        if state is State.IDLE:  # what follows is a new beginning, not a return
            self.returning, self.lost_ns = False, None
        assert state in TRANSITIONS[self.state], f"{self.state} -> {state}: {why}"
        self.hooks.log.info("%s: %s -> %s (%s)", self.name, self.state.value, state.value, why)
        self.state = state
        if state in (State.IDLE, State.CLOSED, State.LIVE):
            if self._tries and state is State.LIVE and self.down_since is not None:
                away = asyncio.get_running_loop().time() - self.down_since
                self.hooks.log.warning("%s: live again after %.1f s", self.name, away)
            self._tries, self.down_since = 0, None
        elif self.down_since is None:
            self.down_since = asyncio.get_running_loop().time()

    def tell_outage(self, why: str, delay: float) -> None:
        """Log a socket that was lost or not got: the first of an outage, the second, fourth, eighth."""
        self._tries += 1
        if self._tries & (self._tries - 1) == 0:
            self.hooks.log.warning(
                "%s: no connection: %s; next try in %.1f s (try %d)", self.name, why, delay, self._tries
            )

    def forget(self, text: str) -> None:
        """A topic is gone: nothing of it is routed or missed any more."""
        self.routes.remove(text)
        self.refused.admit(text)
        self.silence.forget(text)

    def limit_silence(self, text: str, seconds: float | None) -> None:
        """How long a topic may be without data; of a refused one it counts from when it is served again."""
        route, refused = self.routes.get(text), self.refused.get(text)
        if refused is not None:
            refused.stale_after = seconds
        elif route is not None:
            self.silence.limit(route, seconds, asyncio.get_running_loop().time())
            self.wake.set()

    def served(self, text: str) -> None:
        """A topic is held. Where it had been refused, what came in between is missing, which is told."""
        route = self.routes.get(text)
        if route is not None:
            route.held = route.ever_held = True
        self.waiting.joined(text)
        back = self.refused.admit(text)
        if back is not None:
            gap = Gap(back.since_ns, time.time_ns())
            self.hooks.log.warning(
                "%s: %s is served again, after %.0f s without it", self.name, text, gap.seconds
            )
            self.limit_silence(text, back.stale_after)
            self.tell_gap((text,), gap, back.error)

    def generation_of(self, session: Session) -> int:
        """The number of the socket of a conversation."""
        link = self.next
        return link.generation if link is not None and link.session is session else self.generation

    # To tell -------------------------------------------------------------------------------------

    def said(self, text: str) -> str:
        """Words of the exchange: masked before they are cut, or a piece of a secret would be left."""
        return one_line(self.hooks.mask(text))

    def emit(
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
        """Tell an event of this connection; without a generation: of the socket in use."""
        self.hooks.emit(
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

    def tell_gap(self, texts: tuple[str, ...], gap: Gap, error: Exception | None = None) -> None:
        """Updates of topics may be missing although the socket stays."""
        self.counters.gaps += 1
        if texts:
            self.emit("gap", topics=texts, gap=gap, error=error)

    def health(self, load: Callable[[str], tuple[int, int, int | None]]) -> ConnectionHealth:
        """How it is now.

        Args:
            load: Of a topic: updates waiting and updates dropped at its consumers, and when the oldest
                waiting one was received (Unix ns; None: none waits).
        """
        wall_ns, session = time.time_ns(), self.session
        now = asyncio.get_running_loop().time()
        return ConnectionHealth(
            name=self.name,
            state=self.state.value,
            down_for=None if self.down_since is None else now - self.down_since,
            generation=self.generation,
            frame_age=None if session is None else now - session.heard,
            round_trip=None if session is None else session.round_trip,
            reconnects=self.counters.reconnects,
            rotations=self.counters.rotations,
            gaps=self.counters.gaps,
            unreadable=self.counters.unreadable,
            last_error=str(self.last_error or ""),
            held_up=None if session is None else session.paused_for(now),
            topics=tuple(self._topic_health(route, load, wall_ns) for route in self.routes.all()),
        )

    def _topic_health(
        self, route: Route, load: Callable[[str], tuple[int, int, int | None]], wall_ns: int
    ) -> TopicHealth:
        queued, dropped, oldest_ns = load(route.text)
        session, refused = self.session, self.refused.get(route.text)
        return TopicHealth(
            topic=route.text,
            held=session is not None and session.holds(route.text),
            stale=self.silence.is_stale(route),
            data_age=None if route.data_ns is None else max(0.0, (wall_ns - route.data_ns) / 1e9),
            updates=route.updates,
            queued=queued,
            dropped=dropped,
            behind=None if oldest_ns is None else max(0.0, (wall_ns - oldest_ns) / 1e9),
            refused=refused.error.refused.get(route.text, "") if refused is not None else "",
            refused_code=refused.error.code if refused is not None else None,
        )
