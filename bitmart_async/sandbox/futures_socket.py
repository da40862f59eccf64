"""The futures dialect: what a client may say on a futures stream and what it is answered.

Every topic is acknowledged by itself, with the whole request repeated. There are no codes, only texts,
spelled as the exchange spells them.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final, cast

import msgspec

from .signatures import stream_fault

if TYPE_CHECKING:
    from .accounts import Account
    from .calls import Json
    from .exchange import Exchange
    from .fault_script import FaultScript
    from .futures_feed import FuturesFeed
    from .hub import Hub, Session
    from .journal import Watch

__all__ = ["FuturesSocket"]

_ACTIONS: Final = ("subscribe", "unsubscribe", "request")
_SHOWN_KEY: Final = 10


class FuturesSocket:
    def __init__(
        self,
        exchange: Exchange,
        hub: Hub,
        feed: FuturesFeed,
        faults: FaultScript,
        watch: Watch,
    ) -> None:
        self._exchange = exchange
        self._hub = hub
        self._feed = feed
        self._faults = faults
        self._watch = watch

    def receive(self, session: Session, text: str) -> bool:
        """Answer one message; False when the server must close the socket."""
        try:
            message = msgspec.json.decode(text)
        except msgspec.DecodeError:
            message = None
        if not isinstance(message, dict):
            session.send({"success": False, "error": f"Invalid message: message must be JSON: {text}"})
            return True
        fields = cast("dict[str, Json]", message)
        action, args = fields.get("action"), fields.get("args", [])
        if not isinstance(action, str):
            return True  # the spot form, with op, is ignored
        if action == "ping":
            session.send({"group": "System", "data": f"pong+{uuid.uuid4()}"})
            return True
        topics = [str(arg) for arg in args] if isinstance(args, list) else []
        if action == "access":
            return self._login(session, topics)
        request: dict[str, Json] = {"action": action, "args": args}
        for topic in topics:
            self._one(session, action, topic, request)
        return True

    def topic_fault(self, topic: str) -> str:
        """What is wrong with a topic's name; empty when nothing is."""
        return "" if self._feed.find(topic) is not None else "there is no such channel or symbol"

    def too_frequent(self, session: Session) -> None:
        """No such limit is known on futures."""

    def refuse_connection(self, session: Session, code: str) -> None:
        """No code for this is known on futures: the socket is closed in silence."""

    def _login(self, session: Session, args: list[str]) -> bool:
        if self._faults.swallows_login("futures"):
            return True
        key = args[0] if args else ""
        refusal = f"access failed: openapi auth: apiKey {key[:_SHOWN_KEY]}**** failed: openapi auth failed"
        scripted = self._faults.take_login_refusal("futures")
        result: tuple[str, str] | Account
        if scripted is not None:
            result = scripted.code, scripted.text or refusal
        else:
            result = stream_fault(self._exchange.accounts, args, self._exchange.clock.gate_ms())
        if isinstance(result, tuple):
            error = result[1] if scripted is not None else refusal
            session.send({"action": "access", "success": False, "error": error})
            return False
        session.account = result
        session.send({"action": "access", "success": True})
        self._watch.seen.sockets[session.name].logins += 1
        self._watch.changed()
        return True

    def _one(self, session: Session, action: str, text: str, request: Json) -> None:
        """One topic of a message."""
        if action not in _ACTIONS:
            session.send(
                {
                    "action": action,
                    "group": text,
                    "success": False,
                    "request": request,
                    "error": f"Invalid action [{action}] for group [{text}]",
                }
            )
            return
        topic = self._feed.find(text)
        scripted = self._faults.take_topic_refusal(text) if action == "subscribe" else None
        if topic is None or scripted is not None:
            error = scripted.text if scripted is not None else ""
            session.send(
                {
                    "action": action,
                    "group": text,
                    "success": False,
                    "error": error or f"Invalid channel: not found {text}",
                    "request": request,
                }
            )
        elif topic.private and session.account is None:
            session.send(
                {"action": action, "group": text, "success": False, "error": f"{text} need authenication"}
            )
        elif action == "request":
            if topic.channel in ("depthIncrease", "fundingRate"):
                self._feed.snapshot(session, text)
        elif action == "unsubscribe":
            self._hub.leave(session, text)
            self._acknowledge(session, action, text, request)
        else:
            self._subscribe(session, text, request)

    def _subscribe(self, session: Session, text: str, request: Json) -> None:
        held, first = text in session.topics, not self._hub.listens(text)
        self._hub.join(session, text)
        if not self._faults.swallows_ack(text):
            self._acknowledge(session, "subscribe", text, request)
        if not held:
            self._feed.welcome(session, text, first=first)

    @staticmethod
    def _acknowledge(session: Session, action: str, text: str, request: Json) -> None:
        session.send({"action": action, "group": text, "success": True, "request": request})
