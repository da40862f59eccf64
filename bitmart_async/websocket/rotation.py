"""The planned replacement of a connection's socket, without a gap: the one time with two sockets.

The next socket is opened beside the present one, with its own reader and keeper. It takes the place of the
present one when it has every topic and all the present one has to say is read; ``handover.py`` sees to it
that nothing comes twice. A replacement that fails leaves the present socket as it is, and says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from bitmart_async.errors import StreamUnavailable
from bitmart_async.websocket.events import Gap
from bitmart_async.websocket.handover import Handover
from bitmart_async.websocket.link import Final, SocketEnded, outcome_of
from bitmart_async.websocket.state import State
from bitmart_async.websocket.transport import SocketClosed
from bitmart_async.websocket.waiting import patience

if TYPE_CHECKING:
    from bitmart_async.websocket.intake import Intake
    from bitmart_async.websocket.keeper import Keeper
    from bitmart_async.websocket.link import Link
    from bitmart_async.websocket.opening import Opener
    from bitmart_async.websocket.outcomes import Outcomes
    from bitmart_async.websocket.session import Session
    from bitmart_async.websocket.standing import Standing

__all__ = ["Rotation"]


class Rotation:
    """See the module's text."""

    def __init__(
        self, standing: Standing, intake: Intake, outcomes: Outcomes, keeper: Keeper, opener: Opener
    ) -> None:
        self._standing = standing
        self._intake = intake
        self._outcomes = outcomes
        self._keeper = keeper
        self._opener = opener
        self.task: asyncio.Task[None] | None = None
        """The last one begun."""

    async def rotate(self) -> None:
        """Replace the socket by a new one without losing or repeating an update.

        Returns at once when there is no live socket: one that is being made is new anyway.

        Raises:
            StreamUnavailable: The new socket did not become live; the present one goes on.
            IpBanned: The host answered 418.
        """
        if self._standing.state is not State.LIVE:
            return
        task = self.start("asked for by the program")
        await asyncio.wait({task})
        if task.cancelled():
            name = self._standing.name
            raise StreamUnavailable(
                f"{name}: the connection was lost or closed while its socket was being replaced",
                endpoint=name,
            )
        task.result()

    def start(self, why: str) -> asyncio.Task[None]:
        """Begin one, unless one is under way."""
        standing, task = self._standing, self.task
        if task is None or task.done():
            standing.hooks.log.info("%s: the socket is to be replaced (%s)", standing.name, why)
            task = asyncio.get_running_loop().create_task(
                self._rotate(), name=f"bitmart {standing.name} rotation"
            )
            task.add_done_callback(outcome_of)  # told as an event, and to whoever waits
            self.task = task
        return task

    def cancel(self) -> None:
        """The socket it is about is gone."""
        if self.task is not None:
            self.task.cancel()

    async def _rotate(self) -> None:
        standing = self._standing
        try:
            await self._replace()
        except (SocketClosed, TimeoutError, SocketEnded, Final, StreamUnavailable) as error:
            banned = self._opener.ban(error)
            if banned is not None:
                raise banned from None
            why = "not live in time" if isinstance(error, TimeoutError) else standing.said(str(error))
            failed = StreamUnavailable(
                f"{standing.name}: the socket could not be replaced ({why}); the present one goes on",
                endpoint=standing.name,
            )
            standing.emit("exception", error=failed)
            raise failed from None

    async def _replace(self) -> None:
        loop = asyncio.get_running_loop()
        standing, intake = self._standing, self._intake
        old = standing.link
        assert old is not None
        await self._opener.turn()
        link = await self._opener.open()
        try:
            handover = Handover(standing.dialect, old.session, link.session)
            intake.handover, standing.next = handover, link
            intake.look_again()
            standing.emit("open", generation=link.generation)
            link.reader = loop.create_task(
                intake.read(link.session, link.transport), name=f"bitmart {standing.name} next"
            )
            link.reader.add_done_callback(lambda _: intake.ponged.set())
            self._keeper.start(link)
            async with asyncio.timeout(patience(standing.timings)):
                await self._settled(link)
            drained = await self._echo(old.session, besides=link)
            link.check()  # nobody moves to a socket that was lost meanwhile
            self._take_over(old, link, handover, drained=drained)
            await old.transport.close()
            if not handover.caught_up:
                await self._echo(link.session)
        finally:
            intake.handover, standing.next = None, None
            intake.look_again()
            if standing.link is not link:
                await link.drop()
            else:
                old.transport.abort()

    async def _settled(self, link: Link) -> None:
        """Wait until the next socket has every topic; raises what ended it before."""
        assert link.reader is not None
        assert link.keeper is not None
        self._outcomes.heed([], link.session)
        settled = asyncio.create_task(link.settled.wait(), name=f"bitmart {self._standing.name} settled")
        try:
            await asyncio.wait({settled, link.reader, link.keeper}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            settled.cancel()
        link.check()

    async def _echo(self, session: Session, *, besides: Link | None = None) -> bool:
        """Wait until what a socket has brought so far is read: until it answers a ping sent now.

        In vain when another link ends meanwhile.
        """
        ponged = self._intake.ponged
        ping = session.probe(asyncio.get_running_loop().time())
        self._standing.wake.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._standing.timings.pong_timeout):
                while not session.echoed(ping) and (besides is None or not besides.ended):
                    ponged.clear()
                    await ponged.wait()
        return session.echoed(ping)

    def _take_over(self, old: Link, link: Link, handover: Handover, *, drained: bool) -> None:
        """The next socket becomes the connection's, from one frame to the next."""
        standing, session = self._standing, link.session
        standing.link, standing.next, standing.generation = link, None, link.generation
        standing.counters.rotations += 1
        for route in standing.routes.all():
            route.held = session.holds(route.text)
            if route.held:
                was_refused = route.text in standing.refused
                standing.served(route.text)
                if was_refused:
                    standing.emit("response", topics=(route.text,), operation="subscribe")
        standing.waiting.all_left(but=session.may_hold)
        standing.silence.begin(asyncio.get_running_loop().time())
        gap = None
        if not drained:  # it fell silent before it had said everything
            gap = Gap(old.heard_ns(), time.time_ns())
        try:
            for frame in handover.finish():
                self._intake.on_frame(frame, session, time.time_ns())
        except SocketEnded:
            link.transport.abort()
        if gap is not None:
            standing.counters.gaps += 1
        standing.emit("live", topics=tuple(standing.wanted), gap=gap)
        standing.wake.set()  # the keeper has more to do from now on
