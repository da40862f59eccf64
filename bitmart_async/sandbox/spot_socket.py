"""The spot dialect: what a client may say on a spot stream and what it is answered.

An error names its operation, never its topic; an unknown symbol not even that. A refused login, a
message too many within ten seconds: the answer is followed by a close.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import msgspec

from .signatures import stream_fault
from .spot_feed import INCREASE, SpotFeed, SpotTopic

if TYPE_CHECKING:
    from .accounts import Account
    from .calls import Json
    from .exchange import Exchange
    from .fault_script import FaultScript
    from .hub import Hub, Session
    from .journal import Watch

__all__ = ["SpotSocket"]

_TOPICS_PER_MESSAGE: Final = 20
_TOPICS_PER_SOCKET: Final = {"spot_public": 115, "spot_private": 100}
_DEFAULT_REFUSAL: Final = "API KEY not found"
_OPERATIONS: Final = ("login", "subscribe", "unsubscribe", "request")


class SpotSocket:
    def __init__(
        self, exchange: Exchange, hub: Hub, feed: SpotFeed, faults: FaultScript, watch: Watch
    ) -> None:
        self._exchange = exchange
        self._hub = hub
        self._feed = feed
        self._faults = faults
        self._watch = watch

    def receive(self, session: Session, text: str) -> bool:
        """Answer one message; False when the server must close the socket."""
        if text == "ping":
            session.send_text("pong")
            return True
        try:
            message = msgspec.json.decode(text)
        except msgspec.DecodeError:
            return self._error(session, "", "90001", "Invalid message format")
        if not isinstance(message, dict):
            return self._error(session, "", "90001", "Invalid message format")
        fields = cast("dict[str, Json]", message)
        operation, args = fields.get("op"), fields.get("args")
        if operation == "ping" or fields.get("action") == "ping":
            return True  # pings in JSON are ignored, whoever relies on them is closed as idle
        if not isinstance(operation, str) or operation not in _OPERATIONS:
            return self._error(session, "", "90002", "Invalid op param")
        if not isinstance(args, list) or not args or not all(isinstance(arg, str) for arg in args):
            return self._error(session, operation, "90003", "Invalid args param")
        topics = [str(arg) for arg in args]
        if operation == "login":
            return self._login(session, topics)
        if len(topics) > _TOPICS_PER_MESSAGE:
            return self._error(session, operation, "90005", "Too many args")
        for topic in topics:
            self._one(session, operation, topic)
        return True

    def topic_fault(self, topic: str) -> str:
        """What is wrong with a topic's name; empty when nothing is."""
        parts = SpotTopic.parse(topic)
        if not parts.known:
            return f"there is no channel {parts.table}"
        return "" if self._feed.has_symbol(parts) else f"there is no symbol {parts.symbol or '(none)'}"

    def too_frequent(self, session: Session) -> None:
        self._error(session, "", "90007", "Message frequency too high")

    def refuse_connection(self, session: Session, code: str) -> None:
        self._error(session, "", code, "Too many connections")

    def _login(self, session: Session, args: list[str]) -> bool:
        if self._faults.swallows_login("spot"):
            return True
        if session.account is not None:
            return self._error(session, "login", "91005", "Already logged in")
        scripted = self._faults.take_login_refusal("spot")
        result: tuple[str, str] | Account
        if scripted is not None:
            result = scripted.code, scripted.text or _DEFAULT_REFUSAL
        else:
            result = stream_fault(self._exchange.accounts, args, self._exchange.clock.gate_ms())
        if isinstance(result, tuple):
            self._error(session, "login", *result)
            return False
        session.account = result
        session.send({"event": "login"})
        self._watch.seen.sockets[session.name].logins += 1
        self._watch.changed()
        return True

    def _one(self, session: Session, operation: str, text: str) -> None:
        """One topic of a message."""
        topic = SpotTopic.parse(text)
        scripted = self._faults.take_topic_refusal(text) if operation == "subscribe" else None
        if scripted is not None:
            self._error(session, operation, scripted.code, scripted.text or "Invalid channel param")
        elif not topic.known:
            self._error(session, operation, "90004", "Invalid channel param")
        elif not self._feed.has_symbol(topic):
            session.send({"errorMessage": "Invalid symbol param", "errorCode": "92001"})
        elif topic.private and session.account is None:
            self._error(session, operation, "91006", "Please login")
        elif operation == "subscribe":
            self._subscribe(session, text)
        elif operation == "unsubscribe":
            self._hub.leave(session, text)
            session.send({"event": "unsubscribe", "topic": text})
        elif topic.table == INCREASE:
            self._feed.snapshot(session, text)
        else:
            self._error(session, operation, "90004", "Invalid channel param")

    def _subscribe(self, session: Session, text: str) -> None:
        if text in session.topics:
            self._error(session, "subscribe", "90008", "Repeat subscription")
            return
        if len(session.topics) >= _TOPICS_PER_SOCKET[session.name]:
            self._error(session, "subscribe", "90006", "Too many topics")
            return
        first = not self._hub.listens(text)
        self._hub.join(session, text)
        if not self._faults.swallows_ack(text):
            session.send({"event": "subscribe", "topic": text})
        self._feed.welcome(session, text, first=first)

    def _error(self, session: Session, operation: str, code: str, text: str) -> bool:
        frame: dict[str, Json] = {"event": operation} if operation else {}
        session.send(frame | {"errorCode": code, "errorMessage": text})
        return True
