"""The two wire languages: bytes to meaning and back. No I/O, no state.

===============  ================================  ===============================================
                 spot                              futures
===============  ================================  ===============================================
request          ``{"op":...,"args":[...]}``       ``{"action":...,"args":[...]}``
login            op ``login``                      action ``access``, fourth argument ``web``
login refused    event ``login`` WITH errorCode    ``"success":false``
ack              ``{"event":op,"topic":t}``        ``{"action":op,"group":t,"success":true}``
error            any frame with errorCode; often   ``"success":false``, the group names the topic
                 without a topic
data             ``table`` is the channel          ``group`` is the topic, maybe with an @100ms
ping             text ``ping``                     ``{"action":"ping"}``
pong             text ``pong``                     group ``System``, data ``pong+<uuid>``
===============  ================================  ===============================================

A data frame is recognised without decoding it: its key is the first or the last member of the outer
object, whatever the order. Everything else is small and rare, and decoded in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, cast

import msgspec

from bitmart_async.codes import (
    ALREADY_LOGGED_IN,
    ALREADY_SUBSCRIBED,
    LEGACY_SPOT_STREAM_CODES,
    SPOT_STREAM_CODES,
    Category,
    futures_login_verdict,
    futures_stream_category,
    login_verdict,
)
from bitmart_async.decoding import DecodeError, untyped
from bitmart_async.text import one_line
from bitmart_async.websocket.topics import Market

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bitmart_async.codes import LoginVerdict
    from bitmart_async.signing import Signer

__all__ = [
    "FUTURES",
    "SPOT",
    "Ack",
    "Control",
    "Dialect",
    "LoggedIn",
    "LoginFailed",
    "Ping",
    "Pong",
    "Refusal",
    "Strange",
]


@dataclass(frozen=True, slots=True)
class Pong:
    """A sign of life."""


@dataclass(frozen=True, slots=True)
class Ping:
    """The server asks for a sign of life."""


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """The login is accepted."""


@dataclass(frozen=True, slots=True)
class LoginFailed:
    """The login is refused."""

    code: int | None
    text: str
    verdict: LoginVerdict
    """final, clock (measure it and try again) or passing (try again later)."""


@dataclass(frozen=True, slots=True)
class Ack:
    """A subscribe or unsubscribe is done."""

    operation: str
    topic: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error about a request."""

    operation: str
    """Empty when the frame does not say."""
    topic: str
    """Empty when the frame does not say: then it is blamed on nobody."""
    code: int | None
    text: str
    category: Category


@dataclass(frozen=True, slots=True)
class Strange:
    """A frame that is JSON and nothing we know."""


Control: TypeAlias = Ping | Pong | LoggedIn | LoginFailed | Ack | Refusal | Strange

_encode = msgspec.json.Encoder().encode
_PINGS: Final = frozenset({b"ping", b'"ping"'})
_HEARTBEATS: Final = _PINGS | {b"pong", b'"pong"', b""}
_LONGEST_CODE = 9
_BEFORE_MASKING = 2000
"""Characters of an error's text kept here: it is masked before it is cut to a line."""


class Dialect(Protocol):
    """One market's wire language."""

    @property
    def market(self) -> Market:
        """Whose language it is."""
        ...

    @property
    def ping(self) -> bytes:
        """The heartbeat."""
        ...

    @property
    def pong(self) -> bytes | None:
        """The answer to a server's heartbeat; None where none is documented."""
        ...

    @property
    def most_bytes(self) -> int:
        """Largest message the server takes."""
        ...

    @property
    def heads(self) -> tuple[bytes, bytes]:
        """How a data frame names its key: at the start, and at the end."""
        ...

    def login(self, signer: Signer, timestamp_ms: int) -> bytes:
        """The login message."""
        ...

    def request(self, operation: str, topics: Sequence[str]) -> bytes:
        """A subscribe, unsubscribe or request message."""
        ...

    def control(self, frame: bytes) -> Control | None:
        """What a frame that is no plain data frame says; None: it is data after all.

        Raises:
            DecodeError: It is no JSON object.
        """
        ...


def data_key(frame: bytes, heads: tuple[bytes, bytes]) -> bytes | None:
    """The channel or topic a data frame names, without decoding it; None when it is no plain one."""
    head, tail = heads
    if frame.startswith(head):
        start = len(head)
        end = frame.find(b'"', start)
        return frame[start:end] if frame.startswith(b'","data":', end) else None
    if frame.startswith(b'{"data":') and frame.endswith(b'"}'):
        start = frame.rfind(tail)
        if start > 0:
            key = frame[start + len(tail) : -2]
            return key if b'"' not in key else None
    return None


def unusual_key(frame: bytes) -> bytes | None:
    """The key of a data frame whose members stand in an unusual order. Raises DecodeError."""
    body = _object(frame)
    key = body.get("table") or body.get("group")
    return key.encode() if isinstance(key, str) else None


def heartbeat(frame: bytes) -> Ping | Pong | None:
    """The sign of life that a frame, which is no JSON object, is in one of its forms."""
    word = frame.strip().lower()
    if word not in _HEARTBEATS:
        return None
    return Ping() if word in _PINGS else Pong()


def _object(frame: bytes) -> dict[str, object]:
    body = untyped(frame)
    if not isinstance(body, dict):
        raise DecodeError("not a JSON object")
    return cast("dict[str, object]", body)


def _text(value: object) -> str:
    return one_line(value, _BEFORE_MASKING) if isinstance(value, str) else ""


def _code(value: object) -> int | None:
    digits = value if isinstance(value, str) else str(value) if type(value) is int else ""
    return int(digits) if digits.isdecimal() and len(digits) <= _LONGEST_CODE else None


class _Spot:
    market = Market.SPOT
    ping = b"ping"
    pong = b"pong"
    most_bytes = 4096
    heads = (b'{"table":"', b',"table":"')

    def login(self, signer: Signer, timestamp_ms: int) -> bytes:
        timestamp = str(timestamp_ms)
        return _encode({"op": "login", "args": [signer.api_key, timestamp, signer.stream(timestamp)]})

    def request(self, operation: str, topics: Sequence[str]) -> bytes:
        return _encode({"op": operation, "args": topics})

    def control(self, frame: bytes) -> Control | None:
        body = _object(frame)
        event = _text(body.get("event"))
        if "errorCode" in body:  # looked at first: a refused login still says event "login"
            return self._error(body, event)
        if event == "login":
            return LoggedIn()
        if event in ("subscribe", "unsubscribe"):
            return Ack(event, _text(body.get("topic")))
        if event in ("pong", "ping"):
            return Ping() if event == "ping" else Pong()
        return None if isinstance(body.get("table"), str) and "data" in body else Strange()

    def _error(self, body: dict[str, object], event: str) -> Control:
        code = _code(body.get("errorCode"))
        text = _text(body.get("errorMessage")) or _text(body.get("message"))
        table = LEGACY_SPOT_STREAM_CODES if event == "error" else SPOT_STREAM_CODES
        fact = table.get(code) if code is not None else None
        category = fact.category if fact is not None else Category.BAD_REQUEST
        if code == ALREADY_LOGGED_IN:
            return LoggedIn()
        about_login = code is not None and 91001 <= code <= 91029 and code != 91006
        if event == "login" or (about_login and not event):
            return LoginFailed(code, text, login_verdict(code) if code is not None else "final")
        if event == "error" and category is Category.AUTH:
            return LoginFailed(code, text, "final")
        topic = _text(body.get("topic"))
        if code == ALREADY_SUBSCRIBED and topic:
            return Ack("subscribe", topic)
        return Refusal("" if event == "error" else event, topic, code, text, category)


class _Futures:
    market = Market.FUTURES
    ping = b'{"action":"ping"}'
    pong = None
    most_bytes = 2000  # the server closes with 1009 above 2048
    heads = (b'{"group":"', b',"group":"')

    def login(self, signer: Signer, timestamp_ms: int) -> bytes:
        timestamp = str(timestamp_ms)
        return _encode(
            {"action": "access", "args": [signer.api_key, timestamp, signer.stream(timestamp), "web"]}
        )

    def request(self, operation: str, topics: Sequence[str]) -> bytes:
        return _encode({"action": operation, "args": topics})

    def control(self, frame: bytes) -> Control | None:
        body = _object(frame)
        action, group = _text(body.get("action")), _text(body.get("group"))
        if group == "System" or action in ("pong", "ping"):
            return Ping() if action == "ping" else Pong()
        if "success" not in body:
            return None if group and "data" in body else Strange()
        text = _text(body.get("error"))
        if action == "access":
            if body["success"] is True:
                return LoggedIn()
            return LoginFailed(None, text, futures_login_verdict(text))
        if body["success"] is True:
            return Ack(action, group) if action in ("subscribe", "unsubscribe") else Strange()
        return Refusal(action, group, None, text, futures_stream_category(text))


SPOT: Final[Dialect] = _Spot()
FUTURES: Final[Dialect] = _Futures()
