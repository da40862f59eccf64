"""What a session found out, and what follows from it: for the socket in use, and for its replacement.

A topic refused at its first time is never asked for again; one that had been served is set aside, and asked
for again for some minutes (``refused.py``). One the exchange has served before is not refused by silence: then the
socket is at fault. On a replacement nothing is final: it settles with every topic, or it is of no use.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bitmart_async.errors import StreamError, SubscriptionRefused
from bitmart_async.websocket.dialects import LoginFailed, Refusal
from bitmart_async.websocket.events import Gap
from bitmart_async.websocket.link import SocketEnded
from bitmart_async.websocket.session import (
    Answered,
    Dead,
    GaveUp,
    Left,
    LoginAccepted,
    LoginRejected,
    Rejected,
    Stray,
)
from bitmart_async.websocket.state import State

if TYPE_CHECKING:
    from bitmart_async.websocket.login import Login
    from bitmart_async.websocket.session import Outcome, Session
    from bitmart_async.websocket.standing import Standing

__all__ = ["Outcomes"]


class Outcomes:
    """See the module's text."""

    def __init__(self, standing: Standing, login: Login) -> None:
        self._standing = standing
        self._login = login

    def heed(self, outcomes: list[Outcome], session: Session) -> None:
        """Act on what a session found out. Raises SocketEnded or Final when that ends its socket."""
        standing = self._standing
        if standing.closed:
            return  # frames still under way while the socket says goodbye
        if session is not standing.session:
            self._heed_next(outcomes, session)
            return
        for outcome in outcomes:
            if isinstance(outcome, Answered):
                self._answered(outcome.topic)
            elif isinstance(outcome, Left):
                self._left(outcome.topic)
            elif isinstance(outcome, LoginAccepted):
                self._login.accepted()
                standing.enter(State.SUBSCRIBING, "logged in")
                standing.emit("authenticated")
            elif isinstance(outcome, LoginRejected):
                self._login.rejected(outcome.failure)
            elif isinstance(outcome, Rejected):
                refusal = outcome.refusal
                self.rejected(outcome.topic, refusal.text or f"code {refusal.code}", refusal.code)
            elif isinstance(outcome, GaveUp):
                self._gave_up(outcome.topic, outcome.doubtful)
            elif isinstance(outcome, Dead):
                raise SocketEnded(standing.said(outcome.why), login_lost=outcome.login_lost)
            else:
                self._stray(outcome)
        if outcomes:
            standing.wake.set()
        refused = any(isinstance(outcome, Rejected | GaveUp) for outcome in outcomes)
        needed = standing.needed or refused
        if standing.state is State.SUBSCRIBING and session.settled and needed:
            self._live()

    def _heed_next(self, outcomes: list[Outcome], session: Session) -> None:
        """Act on what the session of the next socket found out: it settles, or it is of no use."""
        standing = self._standing
        link = standing.next
        if link is None or session is not link.session:
            return  # of a socket that has been replaced
        for outcome in outcomes:
            if isinstance(outcome, LoginAccepted):
                standing.emit("authenticated", generation=link.generation)
            elif isinstance(outcome, LoginRejected):
                raise SocketEnded(f"the login was refused: {standing.said(outcome.failure.text)}")
            elif isinstance(outcome, Dead):
                raise SocketEnded(standing.said(outcome.why))
            elif isinstance(outcome, Rejected | GaveUp):
                route = standing.routes.get(outcome.topic)
                known = route is not None and route.ever_held and outcome.topic not in standing.refused
                if known:  # a new topic, and a refused one, is judged on the present socket
                    raise SocketEnded(f"{outcome.topic} is not served there")
            elif isinstance(outcome, Stray):
                self._stray(outcome)
        if outcomes:
            standing.wake.set()
        if session.settled:
            link.settled.set()

    def _answered(self, text: str) -> None:
        self._standing.served(text)
        self._standing.emit("response", topics=(text,), operation="subscribe")

    def _left(self, text: str) -> None:
        self._standing.waiting.left(text)
        self._standing.emit("response", topics=(text,), operation="unsubscribe")

    def rejected(self, text: str, why: str, code: int | None) -> None:
        """A topic is refused: at its first time for good, later it is set aside and asked for again."""
        standing = self._standing
        why = standing.said(why)
        error = SubscriptionRefused(
            f"{standing.name}: {text} was refused: {why}",
            refused={text: why},
            endpoint=standing.name,
            code=code,
        )
        standing.wanted.pop(text, None)
        route, was_refused = standing.routes.get(text), text in standing.refused
        if route is not None and route.ever_held:
            route.held = False
            if self._set_aside(text, error):
                return
            error = SubscriptionRefused(
                f"{standing.name}: {text} was refused again and again and is given up: {why}. Subscribe it "
                f"anew to go on",
                refused={text: why},
                endpoint=standing.name,
                code=code,
            )
        standing.hooks.topic_lost(text, error)
        standing.forget(text)
        if not standing.waiting.refuse(text, error) or was_refused:
            standing.emit("exception", topics=(text,), error=error)

    def _set_aside(self, text: str, error: SubscriptionRefused) -> bool:
        """A topic that was served before is refused; False when it has been refused too often."""
        standing, was_refused = self._standing, text in self._standing.refused
        stale_after = standing.silence.limit_of(text)
        now, since_ns = asyncio.get_running_loop().time(), standing.lost_ns or time.time_ns()
        if not standing.refused.refuse(text, error, now, since_ns):
            return False
        standing.waiting.refuse(text, error)
        if not was_refused:
            standing.limit_silence(text, stale_after)
            standing.silence.forget(text)
            standing.emit(
                "exception",
                topics=(text,),
                error=SubscriptionRefused(
                    f"{error}. It was served before, so it is asked for again for some minutes",
                    refused=error.refused,
                    endpoint=standing.name,
                    code=error.code,
                ),
            )
        return True

    def _gave_up(self, text: str, doubtful: Refusal | None) -> None:
        standing = self._standing
        route = standing.routes.get(text)
        known = route is not None and route.ever_held and text not in standing.refused
        if known:  # the exchange serves it, this socket does not
            raise SocketEnded(f"{text} was asked for twice again and never answered")
        if doubtful is not None:
            self.rejected(text, doubtful.text or f"code {doubtful.code}", doubtful.code)
        else:
            self.rejected(text, f"no answer within {2 * standing.timings.ack_timeout:g} s, asked twice", None)

    def _stray(self, stray: Stray) -> None:
        standing, what = self._standing, stray.what
        if isinstance(what, Refusal | LoginFailed):
            said = standing.said(what.text)
            standing.emit(
                "exception",
                error=StreamError(
                    f"{standing.name}: the exchange reports an error that answers no request: "
                    f"{said or 'no text'}",
                    endpoint=standing.name,
                    code=what.code,
                    message=said,
                ),
            )
        else:
            standing.hooks.log.debug("%s: a frame of no known kind", standing.name)

    def _live(self) -> None:
        standing = self._standing
        standing.enter(State.LIVE, "every topic acknowledged")
        gap = None
        if standing.lost_ns is not None:
            gap = Gap(standing.lost_ns, time.time_ns())
            standing.lost_ns = None
            standing.counters.gaps += 1
        standing.last_error = None
        self._login.trusted = True
        standing.silence.begin(asyncio.get_running_loop().time())
        standing.kept.live()
        standing.emit("live", topics=tuple(standing.wanted), gap=gap)
