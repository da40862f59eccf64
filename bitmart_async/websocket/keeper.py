"""What keeps a socket: it sends what the session says is due, and does the chores beside the conversation.

Each socket has a keeper of its own, a task that ends with it. Only the keeper of the socket in use does the
chores: to notice a sleep of the machine and silent topics, to let go of a socket nobody wants, and to have
one replaced whose time is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from bitmart_async.text import first_few
from bitmart_async.websocket.events import Gap
from bitmart_async.websocket.intake import TRACE
from bitmart_async.websocket.link import Chores, loop_runs
from bitmart_async.websocket.sleep import LOOK_SECONDS
from bitmart_async.websocket.state import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitmart_async.websocket.intake import Intake
    from bitmart_async.websocket.link import Link
    from bitmart_async.websocket.login import Login
    from bitmart_async.websocket.outcomes import Outcomes
    from bitmart_async.websocket.session import Session
    from bitmart_async.websocket.standing import Standing

__all__ = ["Keeper"]

_PROBE_SECONDS = 2.5
"""For an answer to the ping after a sleep of the machine."""
_REFUSED_LOOK = 0.05
"""Between two looks for refused topics to ask for, at least."""
_ROTATE_AGAIN = 60.0
"""Seconds until a planned rotation that failed is tried again."""


class Keeper:
    """See the module's text.

    Args:
        rotate_after: Seconds after which a socket is to be replaced; None: never.
        rotate: Begins to replace the socket in use; takes why.
    """

    def __init__(
        self,
        standing: Standing,
        intake: Intake,
        outcomes: Outcomes,
        login: Login,
        *,
        rotate_after: float | None,
        rotate: Callable[[str], object],
    ) -> None:
        self._standing = standing
        self._intake = intake
        self._outcomes = outcomes
        self._login = login
        self._rotate_after = rotate_after
        self._rotate = rotate
        self.errand: asyncio.Task[None] | None = None
        """Measures the clock."""

    def start(self, link: Link) -> None:
        """Keep a socket from now on."""
        loop = asyncio.get_running_loop()
        link.keeper = loop.create_task(self._keep(link), name=f"bitmart {self._standing.name} keeper")

    async def _keep(self, link: Link) -> None:
        """Send what is due, until the socket is of no more use; then drop it and say why."""
        loop = asyncio.get_running_loop()
        standing, intake = self._standing, self._intake
        session, transport = link.session, link.transport
        chores = Chores(link.opened, time.time_ns(), self._rotate_after)
        wake = asyncio.Event()
        try:
            with standing.wake.heard_by(wake):
                while True:
                    wake.clear()
                    messages, outcomes = session.poll(loop.time())
                    if session.expecting:
                        intake.readable.set()
                    for message in messages:
                        if intake.tracing:
                            shown = standing.hooks.mask(message.decode())
                            standing.hooks.log.log(TRACE, "%s > %s", standing.name, shown)
                        await transport.send(message)
                    self._outcomes.heed(outcomes, session)
                    due = session.deadline(loop.time())
                    if standing.link is link:
                        due = min(due, self._do_chores(chores, link, loop.time()))
                        if link.parting:
                            await transport.close()
                            return
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(max(0.001, due - loop.time())):
                            await wake.wait()
        except BaseException:  # whatever it is: the reader ends with the socket, and finds it here
            if loop_runs():
                transport.abort()
            raise

    def _do_chores(self, chores: Chores, link: Link, now: float) -> float:
        """What a socket in use needs beside its conversation; when to look again."""
        standing, session = self._standing, link.session
        slept = chores.sleep.slept(now, time.time_ns())
        if slept is not None:
            self._woke(Gap(*slept), session, now)
        due = now + LOOK_SECONDS
        chores.idle_since = None if standing.needed or session.held else chores.idle_since or now
        if chores.idle_since is not None:
            ends = chores.idle_since + standing.timings.linger
            link.parting = now >= ends
            due = min(due, ends)
        if standing.state is State.LIVE:
            due = min(due, self._look_for_silence(session, now), self._ask_refused(now))
            if now >= chores.rotate_at:
                chores.rotate_at = now + _ROTATE_AGAIN
                self._rotate("its time is over")
            due = min(due, chores.rotate_at)
        return due if due > now else now

    def _ask_refused(self, now: float) -> float:
        """Ask for refused topics whose time has come; when to look again.

        Not while two sockets overlap: both would ask, and one refusal would count twice.
        """
        standing = self._standing
        if self._intake.handover is None:
            for text in standing.refused.pop_due(now, standing.wanted):
                route = standing.routes.get(text)
                assert route is not None, text
                standing.hooks.log.info("%s: %s was refused, and is asked for again", standing.name, text)
                standing.wanted[text] = route.topic
                standing.wake.set()
        return max(standing.refused.next_due(standing.wanted), now + _REFUSED_LOOK)

    def _woke(self, gap: Gap, session: Session, now: float) -> None:
        """The machine slept: nobody knows what was missed, whether the socket lives, and what time it is."""
        standing = self._standing
        standing.hooks.log.warning("%s: this machine slept for %.0f s", standing.name, gap.seconds)
        session.probe(now, min(_PROBE_SECONDS, standing.timings.pong_timeout))
        standing.tell_gap(tuple(standing.wanted), gap)
        if self._login.needed and (self.errand is None or self.errand.done()):
            self.errand = asyncio.get_running_loop().create_task(
                self._measure_clock(), name=f"bitmart {standing.name} clock"
            )

    async def _measure_clock(self) -> None:
        await self._standing.hooks.resync()

    def _look_for_silence(self, session: Session, now: float) -> float:
        """Topics without data for longer than they may be; when to look again."""
        standing, silence = self._standing, self._standing.silence
        if session.paused:
            silence.begin(now)
        elif now >= silence.due():
            found = silence.look(standing.routes.all(), now, time.time_ns())
            if found.renew:
                standing.hooks.log.warning(
                    "%s: no data within the limit on %s; asked for anew",
                    standing.name,
                    first_few(found.renew),
                )
                standing.emit("stale", topics=found.renew)
                for text in found.renew:
                    if session.renew(text):
                        standing.wake.set()
            if found.replace:
                self._rotate(f"no data on {first_few(found.replace)}")
        return silence.due()
