"""The one path of every call: check, limit, sign, send once, decode, raise.

What a lost answer means depends on the endpoint's :class:`~bitmart_async.rest.endpoint.Effect`:

=========  ==================  ===================================  ==============================
effect     nothing was sent    answer lost or not proof             refused
=========  ==================  ===================================  ==============================
READ       repeated            repeated                             raised (system faults repeated)
CHANGE     raised, NOT_SENT    OutcomeUnknown, never repeated       raised, NOT_ACCEPTED
ORDER      raised, NOT_SENT    OrderFateUnknown, never repeated     raised, NOT_ACCEPTED
=========  ==================  ===================================  ==============================

"Repeated" is up to ``max_retries`` times with full jitter, inside the call's deadline. Two refusals
prove that the exchange did not take the call, and are followed by one more send whatever the effect:
30007 after the clock was measured again, and 429/30013 after the pause. 418 stops the whole host.

An order is entered in ``pending`` just before its first byte leaves and taken out when its fate is
known: whatever interrupts the call, the id is not lost.
"""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import urlencode, urlsplit

import msgspec

from bitmart_async.codes import UNPROVEN, Category, fact_of
from bitmart_async.decoding import DecodeError
from bitmart_async.errors import (
    ApiError,
    BadResponse,
    BitMartError,
    ConnectFailed,
    CredentialsMissing,
    EdgeBlocked,
    Fate,
    OrderFateUnknown,
    OutcomeUnknown,
    RedirectRefused,
    TlsError,
    TransportError,
    api_error_class,
)
from bitmart_async.ratelimit import BAN_SECONDS, RateLimitState
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.envelope import Envelope, EnvelopeReader, Refusal
from bitmart_async.text import excerpt, one_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bitmart_async.clock import Clock
    from bitmart_async.ratelimit import Gate, RateLimits
    from bitmart_async.rest.wire import Answer, Wire
    from bitmart_async.signing import Signer

__all__ = ["PendingOrder", "Transport"]

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode
_FIRST_BACKOFF = 0.25
_CLOCK_REFUSED = 30007
_TOO_MANY = 30013
_BANNED = 30017


@dataclass(frozen=True, slots=True)
class PendingOrder:
    """An order that was sent and whose fate is open."""

    client_order_id: str | None
    """None where the endpoint has no such id; then only ``symbol`` narrows the search."""
    symbol: str
    endpoint: str
    sent_ms: int
    """Exchange time just before it was sent, Unix ms."""


@dataclass(slots=True)
class _Call:
    """One call on its way."""

    endpoint: Endpoint[object]
    arguments: dict[str, object]
    query: str
    body: bytes | None
    own_ids: tuple[str, ...]
    queued: float = 0.0
    """Seconds spent waiting for the rate limit; they do not count against the deadline."""

    @property
    def symbol(self) -> str:
        return str(self.arguments.get("symbol", ""))


class Transport:
    """Sends the calls of one client to one host."""

    def __init__(
        self, base_url: str, wire: Wire, *, signer: Signer | None, clock: Clock, limits: RateLimits,
        timeout: float, max_retries: int, recv_window: int, strict: bool, parse_exceptions: bool,
        broker_id: str | None, logger: logging.Logger, server_time: Callable[[], Awaitable[int]],
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._host = urlsplit(base_url).netloc
        self.wire = wire
        self.signer = signer
        self.clock = clock
        self.limits = limits
        self._timeout = timeout
        self._retries = max_retries
        self.recv_window = recv_window
        self.strict = strict
        self._parse = parse_exceptions
        self._broker_id = broker_id
        self._log = logger
        self._server_time = server_time
        self._readers: dict[tuple[object, bool], EnvelopeReader[object]] = {}
        self.pending: dict[str, PendingOrder] = {}

    async def call(self, endpoint: Endpoint[T], given: Mapping[str, object]) -> Envelope[T]:
        """Make one call. Raises as the module's table says."""
        plain = cast("Endpoint[object]", endpoint)
        if endpoint.auth is not Auth.NONE and self.signer is None:
            raise CredentialsMissing(
                f"{endpoint.label} is private and this client has no keys. Nothing was sent. Pass "
                f"api_key=, api_secret= and api_memo=, or credentials=Credentials.from_env().",
                endpoint=endpoint.label, fate=Fate.NOT_SENT)
        call = self._prepare(plain, given)
        if self.wire.closed:
            raise ConnectFailed(f"{endpoint.label}: this client is closed. Nothing was sent; make a new one.",
                                endpoint=endpoint.label, fate=Fate.NOT_SENT)
        key = self.signer.api_key if self.signer is not None and endpoint.auth is not Auth.NONE else ""
        gate = self.limits.gate(endpoint.label, endpoint.quota, host=self._host, key=key)
        if endpoint.effect is Effect.READ:
            return cast("Envelope[T]", await self._read(call, gate))
        return cast("Envelope[T]", await self._change(call, gate))

    def _prepare(self, endpoint: Endpoint[object], given: Mapping[str, object]) -> _Call:
        """Checks and encodes; the body made here is the one that is signed and sent."""
        filled = dict(given)
        if endpoint.takes_recv_window and filled.get("recv_window") is None:
            filled["recv_window"] = self.recv_window
        own_ids = _give_ids(endpoint, filled)
        arguments = endpoint.encode(filled, strict=self.strict)
        if endpoint.method in ("GET", "DELETE"):
            query = urlencode({name: _in_query(value) for name, value in arguments.items()})
            return _Call(endpoint, arguments, query, None, own_ids)
        return _Call(endpoint, arguments, "", _encode(arguments), own_ids)

    # One send ---------------------------------------------------------------------------------

    async def _once(self, call: _Call, gate: Gate, timeout: float) -> Envelope[object]:
        endpoint = call.endpoint
        self.limits.check_ban(self._host, endpoint.label)
        now = asyncio.get_running_loop().time
        queued_at = now()
        await gate.enter()
        call.queued += now() - queued_at
        sent = False
        try:
            self.limits.check_ban(self._host, endpoint.label)
            headers = self._headers(endpoint, call.body or b"")
            self._enter_pending(call)
            sent = True
            answer = await self.wire.send(endpoint.method, self.base_url + endpoint.path, call.query, headers,
                                          call.body, label=endpoint.label, timeout=timeout)
        except ConnectFailed:
            sent = False
            raise
        finally:
            gate.leave(sent=sent)
        self._log.debug("%s: HTTP %d, %d bytes", endpoint.label, answer.status, len(answer.body))
        return self._understand(call, answer, gate)

    def _headers(self, endpoint: Endpoint[object], body: bytes) -> dict[str, str]:
        """Exactly what the auth level wants: nothing, the key, or key, time and signature."""
        headers: dict[str, str] = {}
        if endpoint.method in ("POST", "PUT"):
            headers["Content-Type"] = "application/json"
        if self._broker_id is not None:
            headers["X-BM-BROKER-ID"] = self._broker_id
        if endpoint.auth is Auth.NONE or self.signer is None:
            return headers
        headers["X-BM-KEY"] = self.signer.api_key
        if endpoint.auth is Auth.SIGNED:
            timestamp = str(self.clock.now_ms())
            headers["X-BM-TIMESTAMP"] = timestamp
            headers["X-BM-SIGN"] = self.signer.rest(timestamp, body)
        return headers

    def _understand(self, call: _Call, answer: Answer, gate: Gate) -> Envelope[object]:
        """A reply as an Envelope, or the error it is."""
        endpoint = call.endpoint
        state = RateLimitState.of(answer.headers)
        if state is not None:
            gate.window.correct(state, asyncio.get_running_loop().time())
        if 300 <= answer.status < 400:
            target = one_line(answer.headers.get("Location", "nowhere"))
            raise RedirectRefused(f"{endpoint.label}: the host redirects to {target}; that is not followed, "
                                  f"because it could carry the key elsewhere. Check base_url=.",
                                  endpoint=endpoint.label, http_status=answer.status, raw=answer.body,
                                  fate=Fate.UNKNOWN)
        try:
            data, message, trace = self._reader(endpoint).read(answer.body)
        except Refusal as refusal:
            raise self._refusal(endpoint, refusal, answer, state, gate) from None
        except DecodeError as error:
            raise self._unreadable(endpoint, answer, gate, state, str(error)) from None
        return Envelope(data=data, code=1000, message=message, trace=trace, http_status=answer.status,
                        headers=answer.headers, rate_limit=state, raw=answer.body)

    def _reader(self, endpoint: Endpoint[object]) -> EnvelopeReader[object]:
        kind = endpoint.returns, endpoint.inner  # not the endpoint: client.request makes one per call
        reader = self._readers.get(kind)
        if reader is None:
            reader = self._readers[kind] = EnvelopeReader(endpoint.returns, inner=endpoint.inner)
        return reader

    def _refusal(self, endpoint: Endpoint[object], refusal: Refusal, answer: Answer,
                 state: RateLimitState | None, gate: Gate) -> ApiError:
        code, status = refusal.code, answer.status
        retry_after: float | None = None
        if status == 418 or code == _BANNED:
            retry_after = BAN_SECONDS
            self.limits.ban(self._host, retry_after)
        elif status == 429 or code == _TOO_MANY:
            retry_after = state.window if state is not None else gate.window.per
            gate.window.pause(asyncio.get_running_loop().time() + retry_after)
        fate = None
        if endpoint.effect is not Effect.READ:
            unproven = code in UNPROVEN or fact_of(code, status).category is Category.SYSTEM
            fate = Fate.UNKNOWN if unproven else Fate.NOT_ACCEPTED
        kind = api_error_class(code, status) if self._parse else ApiError
        return kind(f"{endpoint.label}: code {code}", endpoint=endpoint.label, code=code,
                    message=refusal.message, trace=refusal.trace, http_status=status,
                    retry_after=retry_after, raw=answer.body, fate=fate)

    def _unreadable(self, endpoint: Endpoint[object], answer: Answer, gate: Gate,
                    state: RateLimitState | None, why: str) -> BitMartError:
        """Not an envelope: the edge network's page, a rate limit without JSON, or damage."""
        status = answer.status
        if status in (418, 429):
            return self._refusal(endpoint, Refusal(_BANNED if status == 418 else _TOO_MANY,
                                                   "an answer without JSON", ""), answer, state, gate)
        shown = excerpt(answer.body)
        html = answer.body.lstrip()[:1] == b"<" or "html" in answer.headers.get("Content-Type", "")
        if html or status in (403, 503, 520, 521, 522, 523, 524, 525, 526):
            ray = one_line(answer.headers.get("CF-RAY", "none"), 60)
            return EdgeBlocked(f"{endpoint.label}: HTTP {status} with a page instead of JSON (ray {ray}): the "
                               f"network edge answered, not BitMart. Wait 30 to 60 seconds before another "
                               f"try; if it stays, this address may be blocked. It begins: {shown}",
                               endpoint=endpoint.label, http_status=status, raw=answer.body,
                               retry_after=30.0, fate=Fate.UNKNOWN)
        return BadResponse(f"{endpoint.label}: HTTP {status} with an answer that cannot be read ({why}). "
                           f"It begins: {shown}", endpoint=endpoint.label, http_status=status,
                           raw=answer.body, fate=Fate.UNKNOWN)

    # Reads: repeated --------------------------------------------------------------------------

    async def _read(self, call: _Call, gate: Gate) -> Envelope[object]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout
        resynced = False
        repeats = 0
        while True:
            failure: BitMartError
            try:
                return await self._once(call, gate, max(0.001, deadline + call.queued - loop.time()))
            except ApiError as error:
                failure = error
                if error.code == _CLOCK_REFUSED and not resynced and self._retries > 0:
                    resynced = True
                    if await self._resync():
                        continue
            except TransportError as error:
                failure = error
            wait = _wait_before_repeat(failure, repeats)
            if wait is None or repeats >= self._retries or loop.time() + wait >= deadline + call.queued:
                raise failure
            repeats += 1
            await asyncio.sleep(wait)

    # Changes: sent at most once ------------------------------------------------------------------

    async def _change(self, call: _Call, gate: Gate) -> Envelope[object]:
        # An id that is open already stays open when this call is refused: the other one may live.
        fresh = tuple(own for own in call.own_ids if own not in self.pending)
        try:
            envelope = await self._change_once_or_proven(call, gate)
        except BitMartError as error:
            if error.fate is Fate.UNKNOWN:
                raise self._lost(call, error) from error
            self._settle(fresh)
            raise
        # A cancelled call passes here without settling: its order may be live.
        self._settle(call.own_ids)
        return envelope

    async def _change_once_or_proven(self, call: _Call, gate: Gate) -> Envelope[object]:
        """Send; send once more only after a refusal that proves nothing was taken."""
        try:
            return await self._once(call, gate, self._timeout)
        except ApiError as error:
            if self._retries == 0 or error.http_status == 418:
                raise
            if error.code == _CLOCK_REFUSED:
                if not await self._resync():
                    raise
            elif error.code != _TOO_MANY and error.http_status != 429:
                raise
        return await self._once(call, gate, self._timeout)

    def _lost(self, call: _Call, error: BitMartError) -> OutcomeUnknown:
        endpoint = call.endpoint
        if endpoint.effect is Effect.ORDER:
            own = call.own_ids[0] if len(call.own_ids) == 1 else _text(call.arguments.get("client_order_id"))
            order_id = call.arguments.get("order_id")
            return OrderFateUnknown(
                f"{endpoint.label}: the request was sent and no proof of its outcome came back; the order may "
                f"be live. It is not sent again. Ask resolve_order(error) before doing anything else "
                f"(client_order_id {own or 'none'}). Cause: {type(error).__name__}",
                client_order_id=own, order_id=_text(order_id),
                symbol=call.symbol, endpoint=endpoint.label, code=error.code, message=error.message,
                trace=error.trace, http_status=error.http_status, raw=error.raw)
        return OutcomeUnknown(
            f"{endpoint.label}: the request was sent and no proof of its outcome came back; it may have been "
            f"carried out. It is not sent again. Look at the account's records before repeating it. "
            f"Cause: {type(error).__name__}",
            endpoint=endpoint.label, code=error.code, message=error.message, trace=error.trace,
            http_status=error.http_status, raw=error.raw, fate=Fate.UNKNOWN)

    def _enter_pending(self, call: _Call) -> None:
        """Record the orders about to be sent, with the time of this send: proof of absence counts from it."""
        for own in call.own_ids:
            self.pending.pop(own, None)  # so that the oldest stays first
            self.pending[own] = PendingOrder(own, call.symbol, call.endpoint.label, self.clock.now_ms())

    def _settle(self, own_ids: tuple[str, ...]) -> None:
        for own in own_ids:
            self.pending.pop(own, None)

    async def _resync(self) -> bool:
        """Measure the clock again; False when that fails."""
        try:
            offset = await self.clock.sync(self._server_time)
        except BitMartError as error:
            self._log.warning("the clock could not be measured: %s", type(error).__name__)
            return False
        self._log.info("clock measured again: the exchange is %+.0f ms from this machine", offset)
        return True


def _wait_before_repeat(error: BitMartError, repeats: int) -> float | None:
    """Seconds before a read is repeated after ``error``; None: it is not."""
    if isinstance(error, EdgeBlocked | RedirectRefused | TlsError):
        return None  # repeating at once makes it worse, or cannot help
    if isinstance(error, ApiError):
        if error.http_status == 418 or error.code == _BANNED:
            return None
        if error.http_status == 429 or error.code == _TOO_MANY:
            return 0.0  # the gate is paused: the call waits there, in its turn
        if fact_of(error.code or 0, error.http_status).category is not Category.SYSTEM:
            return None
    return random.uniform(0.0, _FIRST_BACKOFF * 2.0**repeats)  # noqa: S311 - jitter, not a secret


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _in_query(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _give_ids(endpoint: Endpoint[object], given: dict[str, object]) -> tuple[str, ...]:
    """Make sure every order of a submit has an id of our own, and return them.

    ``own_id`` is a parameter's name, or ``rows.field`` for one inside each row of a batch.
    """
    if not endpoint.own_id:
        return ()
    outer, _, inner = endpoint.own_id.partition(".")
    if not inner:
        if given.get(outer) is None:
            given[outer] = new_order_id()
        return (str(given[outer]),)
    rows = given.get(outer)
    if isinstance(rows, str | bytes) or not hasattr(rows, "__iter__"):
        return ()  # the check of the parameters says what is wrong
    filled: list[object] = []
    ids: list[str] = []
    for row in cast("list[object]", rows):
        fields: object = msgspec.structs.asdict(row) if isinstance(row, msgspec.Struct) else row
        if isinstance(fields, Mapping):
            named = cast("Mapping[str, object]", fields)
            own = named.get(inner) or new_order_id()
            ids.append(str(own))
            filled.append({**named, inner: own})
        else:
            filled.append(row)
    given[outer] = filled
    return tuple(ids)


def new_order_id() -> str:
    """A fresh client order id: 32 letters and digits."""
    return uuid.uuid4().hex
