"""The one path of every call: check, limit, sign, send once, decode, raise.

What a lost answer means depends on the endpoint's :class:`~bitmart_async.rest.endpoint.Effect`:

=========  ==================  ===================================  ==============================
effect     nothing was sent    answer lost or not proof             refused
=========  ==================  ===================================  ==============================
READ       repeated            repeated                             raised (system faults repeated)
CHANGE     raised, NOT_SENT    OutcomeUnknown, never repeated       raised, NOT_ACCEPTED
ORDER      raised, NOT_SENT    OrderFateUnknown, never repeated     raised, NOT_ACCEPTED
=========  ==================  ===================================  ==============================

"Repeated" is up to ``max_retries`` times with full jitter, inside the call's deadline; an answer that
cannot be read is asked for once more only. Two refusals prove that the exchange did not take the
call, and are followed by one more send whatever the effect: 30007 after the clock was measured again,
and 429/30013 after the pause. 418 stops the whole host. A change takes at most twice the timeout:
one for the first send and the clock, one for the second send.

An order is entered in ``pending`` just before its first byte leaves and taken out when its fate is
known: whatever interrupts the call, the id is not lost. Three cases keep it there although an answer
came: a refusal as duplicate that may speak of an earlier send of the same call; a refusal while
another call under the same id is open; the orders of a batch whose answer does not say what became of
them.
"""

from __future__ import annotations

import asyncio
import random
import traceback
from asyncio import get_running_loop
from functools import partial
from logging import DEBUG
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import urlsplit

import msgspec

from bitmart_async.codes import UNPROVEN, Category, fact_of
from bitmart_async.decoding import DecodeError
from bitmart_async.errors import (
    ApiError,
    BadResponse,
    BitMartError,
    ClientClosed,
    ConfigurationError,
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
from bitmart_async.ratelimit import BAN_SECONDS, RateLimitState, SentAway
from bitmart_async.rest.batch import all_alike, read_results
from bitmart_async.rest.call import Call, prepare
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.envelope import NO_CODE, Envelope, EnvelopeReader, Refusal
from bitmart_async.rest.pending import Pending
from bitmart_async.text import one_line

if TYPE_CHECKING:
    import logging
    from collections.abc import Awaitable, Callable, Mapping

    from bitmart_async.clock import Clock
    from bitmart_async.errors import OrderResult
    from bitmart_async.ratelimit import Gate, RateLimits
    from bitmart_async.rest.wire import Answer, Wire
    from bitmart_async.signing import Signer

__all__ = ["Transport"]

T = TypeVar("T")

_FIRST_BACKOFF = 0.25
_EXCERPT = 4096
"""Bytes of a body that are searched for secrets; far more than are shown, so that none is cut in two."""
_PAUSE_JITTER = 0.1
"""Part of a pause that is added to it at random, so that programs with one key do not all come back at once."""
_CLOCK_REFUSED = 30007
_TOO_MANY = 30013
_BANNED = 30017
_MOST_ROUTES = 500
"""Routes kept: ``client.request`` makes an endpoint per call."""


class _Route:
    """What all calls of one endpoint from one client have in common, found out once."""

    __slots__ = ("gate", "headers", "reader", "reader_of_refusals", "url")

    def __init__(
        self,
        url: str,
        gate: Gate,
        headers: dict[str, str],
        reader: EnvelopeReader[object],
        reader_of_refusals: EnvelopeReader[object],
    ) -> None:
        self.url = url
        self.gate = gate
        """May have been dropped."""
        self.headers = headers
        """All but key, time and signature."""
        self.reader = reader
        """For HTTP 200 to 299."""
        self.reader_of_refusals = reader_of_refusals


class Transport:
    """Sends the calls of one client to one host."""

    def __init__(
        self,
        base_url: str,
        wire: Wire,
        *,
        signer: Signer | None,
        clock: Clock,
        limits: RateLimits,
        timeout: float,
        max_retries: int,
        recv_window: int,
        strict: bool,
        parse_exceptions: bool,
        broker_id: str | None,
        logger: logging.Logger,
        server_time: Callable[[Transport], Awaitable[int]],
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
        self._readers: dict[tuple[object, bool, bool], EnvelopeReader[object]] = {}
        self._routes: dict[Endpoint[object], _Route] = {}
        self._line: set[asyncio.Future[None]] = set()  # calls of this client that queue at a gate
        self._mask: Callable[[str], str] = signer.mask if signer is not None else str
        self._measuring: asyncio.Task[float] | None = None
        self._at_the_clock = 0  # calls that wait for it
        self.pending = Pending()

    @property
    def log(self) -> logging.Logger:
        """The client's logger."""
        return self._log

    def call(self, endpoint: Endpoint[T], given: Mapping[str, object]) -> Awaitable[Envelope[T]]:
        """Make one call, to be awaited. Raises as the module's table says, what is checked here at once."""
        plain = cast("Endpoint[object]", endpoint)
        if endpoint.auth is not Auth.NONE and self.signer is None:
            raise CredentialsMissing(
                f"{endpoint.label} is private and this client has no keys. Nothing was sent. Pass "
                f"api_key=, api_secret= and api_memo=, or credentials=Credentials.from_env().",
                endpoint=endpoint.label,
                fate=Fate.NOT_SENT,
            )
        call = prepare(plain, given, recv_window=self.recv_window, strict=self.strict)
        if self.wire.closed:
            raise _closed(endpoint)
        route = self._routes.get(plain) or self._find_route(plain)
        way = self._read if endpoint.effect is Effect.READ else self._change
        return cast("Awaitable[Envelope[T]]", way(call, route))

    def _find_route(self, endpoint: Endpoint[object]) -> _Route:
        headers: dict[str, str] = {}
        if endpoint.method in ("POST", "PUT"):
            headers["Content-Type"] = "application/json"
        if self._broker_id is not None:
            headers["X-BM-BROKER-ID"] = self._broker_id
        route = _Route(
            self.base_url + endpoint.path,
            self._gate(endpoint),
            headers,
            self._reader(endpoint, bare=endpoint.bare),
            self._reader(endpoint, bare=False),
        )
        if len(self._routes) >= _MOST_ROUTES:
            self._routes.clear()
        self._routes[endpoint] = route
        return route

    def _gate(self, endpoint: Endpoint[object]) -> Gate:
        keyed = self.signer is not None and endpoint.auth is not Auth.NONE
        # No variable for the key: tools show those of a traceback's frames.
        return self.limits.gate(
            endpoint.label,
            endpoint.quota,
            host=self._host,
            key=self.signer.api_key if keyed and self.signer is not None else "",
        )

    def _reader(self, endpoint: Endpoint[object], *, bare: bool) -> EnvelopeReader[object]:
        kind = endpoint.returns, endpoint.inner, bare  # not the endpoint: client.request makes one per call
        reader = self._readers.get(kind)
        if reader is None:
            reader = self._readers[kind] = EnvelopeReader(endpoint.returns, inner=endpoint.inner, bare=bare)
        return reader

    async def aclose(self) -> None:
        """Send nothing more: what queues for the rate limit ends at once, unsent; idempotent."""
        self.wire.closed = True
        for turn in self._line:
            if not turn.done():
                turn.set_exception(SentAway)
        await self.wire.close()

    # One send ---------------------------------------------------------------------------------

    async def _once(self, call: Call, route: _Route, timeout: float) -> Envelope[object]:
        endpoint = call.endpoint
        self.limits.check_ban(self._host, endpoint.label)
        gate = route.gate
        if gate.dropped:
            gate = route.gate = self._gate(endpoint)
        queued = not gate.enter_at_once(get_running_loop().time())
        if queued:
            await self._queue(call, gate)
        sent = False
        headers: dict[str, str] = {}
        try:
            if queued:
                self.limits.check_ban(self._host, endpoint.label)
            call.measured = self.clock.measurements
            now_ms = self.clock.now_ms()
            headers = self._headers(endpoint, route, call.body or b"", now_ms)
            if endpoint.effect is not Effect.READ:
                self.pending.enter(call, now_ms)
            sent = True
            call.sends += 1
            answer = await self.wire.send(
                endpoint.method,
                route.url,
                call.query,
                headers,
                call.body,
                label=endpoint.label,
                timeout=timeout,
            )
            if self._log.isEnabledFor(DEBUG):
                self._log.debug("%s: HTTP %d, %d bytes", endpoint.label, answer.status, len(answer.body))
            return self._understand(call, route, answer, gate)
        except (ConnectFailed, ClientClosed):
            call.sends -= sent
            sent = False
            raise
        except BitMartError:
            raise
        except Exception as error:  # whatever goes wrong here, an order must get its fate
            failure = self._unexpected(endpoint, error, sent=sent)
        finally:
            gate.leave(sent=sent)
            headers.clear()  # tools that show the variables of a traceback's frames would show the key
        raise failure  # outside of the except: the other one's words may hold secrets

    async def _queue(self, call: Call, gate: Gate) -> None:
        now = get_running_loop().time
        since = now()
        try:
            await gate.enter(self._line)
        except SentAway:
            raise _closed(call.endpoint) from None
        finally:
            call.queued += now() - since
        if self.wire.closed:  # closed in the same turn of the loop that granted the place
            gate.leave(sent=False)
            raise _closed(call.endpoint)

    def _unexpected(self, endpoint: Endpoint[object], error: Exception, *, sent: bool) -> TransportError:
        """An exception nobody foresaw as one of the tree; the log tells where it came from."""
        last = traceback.extract_tb(error.__traceback__)[-1:]
        where = "".join(f"{frame.filename}:{frame.lineno}" for frame in last)
        what = one_line(self._mask(f"{type(error).__name__}: {error}"))
        self._log.error("%s: unexpected %s at %s", endpoint.label, what, where)
        if sent:
            return BadResponse(
                f"{endpoint.label}: the call ended in an unexpected {what}.",
                endpoint=endpoint.label,
                fate=Fate.UNKNOWN,
            )
        return ConnectFailed(
            f"{endpoint.label}: could not be sent: unexpected {what}. Nothing was sent.",
            endpoint=endpoint.label,
            fate=Fate.NOT_SENT,
        )

    def _headers(self, endpoint: Endpoint[object], route: _Route, body: bytes, now_ms: int) -> dict[str, str]:
        """Exactly what the auth level wants: nothing, the key, or key, time and signature."""
        headers = route.headers.copy()
        if endpoint.auth is Auth.NONE or self.signer is None:
            return headers
        if endpoint.auth is Auth.SIGNED:
            timestamp = str(now_ms)
            try:
                headers["X-BM-SIGN"] = self.signer.rest(timestamp, body)
            except ConfigurationError as error:
                error.endpoint = endpoint.label
                raise
            headers["X-BM-TIMESTAMP"] = timestamp
        headers["X-BM-KEY"] = self.signer.api_key  # last: no frame of an error above holds it
        return headers

    def _understand(self, call: Call, route: _Route, answer: Answer, gate: Gate) -> Envelope[object]:
        """A reply as an Envelope, or the error it is."""
        endpoint = call.endpoint
        state = RateLimitState.of(answer.headers)
        if state is not None:
            gate.window.correct(state, get_running_loop().time())
        if 300 <= answer.status < 400:
            target = one_line(self._mask(answer.headers.get("Location", "nowhere")))
            raise RedirectRefused(
                f"{endpoint.label}: the host redirects to {target}; that is not followed, "
                f"because it could carry the key elsewhere. Check that this host is BitMart's.",
                endpoint=endpoint.label,
                http_status=answer.status,
                raw=answer.body,
                fate=Fate.UNKNOWN,
            )
        try:
            reader = route.reader if 200 <= answer.status < 300 else route.reader_of_refusals
            data, message, trace = reader.read(answer.body)
            if endpoint.effect is Effect.ORDER and getattr(data, "order_id", None) == "":
                raise DecodeError("the order's id is blank")
        except Refusal as refusal:
            raise self._refusal(call, refusal, answer, state, gate) from None
        except DecodeError as error:
            raise self._unreadable(call, answer, gate, state, str(error)) from None
        return Envelope(
            data=data,
            code=1000,
            message=message,
            trace=trace,
            http_status=answer.status,
            headers=answer.headers,
            rate_limit=state,
            raw=answer.body,
        )

    def _refusal(
        self, call: Call, refusal: Refusal, answer: Answer, state: RateLimitState | None, gate: Gate
    ) -> ApiError:
        endpoint = call.endpoint
        code, status = refusal.code, answer.status
        retry_after: float | None = None
        if status == 418 or code == _BANNED:
            retry_after = BAN_SECONDS
            self.limits.ban(self._host, retry_after)
        elif status == 429 or code == _TOO_MANY:
            retry_after = state.window if state is not None else gate.window.per
            jitter = random.uniform(0.0, min(1.0, _PAUSE_JITTER * retry_after))  # noqa: S311
            gate.window.pause(get_running_loop().time() + retry_after + jitter)
        kind = api_error_class(code, status) if self._parse else ApiError
        return kind(
            f"{endpoint.label}: code {code}",
            endpoint=endpoint.label,
            code=code,
            message=self._mask(refusal.message),
            trace=self._mask(refusal.trace),
            http_status=status,
            retry_after=retry_after,
            raw=answer.body,
            fate=_fate(call, code, status),
        )

    def _unreadable(
        self,
        call: Call,
        answer: Answer,
        gate: Gate,
        state: RateLimitState | None,
        why: str,
    ) -> BitMartError:
        """Not an envelope: the edge network's page, a rate limit without JSON, or damage."""
        endpoint, status = call.endpoint, answer.status
        if status in (418, 429):
            return self._refusal(
                call,
                Refusal(_BANNED if status == 418 else _TOO_MANY, "an answer without a code", ""),
                answer,
                state,
                gate,
            )
        shown = one_line(self._mask(answer.body[:_EXCERPT].decode("utf-8", "replace")))
        body = answer.body.strip()
        html = body[:1] == b"<" or (bool(body) and "html" in answer.headers.get("Content-Type", ""))
        if html or status in (403, 503, 520, 521, 522, 523, 524, 525, 526):
            ray = one_line(self._mask(answer.headers.get("CF-RAY", "none")), 60)
            return EdgeBlocked(
                f"{endpoint.label}: HTTP {status} with a page instead of JSON (ray {ray}): "
                f"the network edge answered, not BitMart. Wait 30 to 60 seconds before "
                f"another try; if it stays, this address may be blocked. It begins: {shown}",
                endpoint=endpoint.label,
                http_status=status,
                raw=answer.body,
                retry_after=30.0,
                fate=Fate.UNKNOWN,
            )
        return BadResponse(
            f"{endpoint.label}: HTTP {status} with an answer that cannot be read ({why}). It begins: {shown}",
            endpoint=endpoint.label,
            http_status=status,
            raw=answer.body,
            fate=Fate.UNKNOWN,
        )

    # Reads: repeated --------------------------------------------------------------------------

    async def _read(self, call: Call, route: _Route) -> Envelope[object]:
        loop = get_running_loop()
        deadline = loop.time() + self._timeout
        resynced = unreadable = False
        repeats = 0
        while True:
            failure: BitMartError
            try:
                left = (
                    self._timeout if repeats == 0 and not resynced else deadline + call.queued - loop.time()
                )
                return await self._once(call, route, max(0.001, left))
            except ApiError as error:
                failure = error
                if _wrong_clock(call, error) and not resynced and self._retries > 0:
                    resynced = True
                    if await self._resync(call, deadline + call.queued - loop.time()):
                        continue
            except TransportError as error:
                failure = error
                if _undamaged(error):
                    if unreadable:
                        raise
                    unreadable = True
            wait = None if self.wire.closed else _wait_before_repeat(failure, repeats)
            if wait is None or repeats >= self._retries or loop.time() + wait >= deadline + call.queued:
                raise failure
            repeats += 1
            await asyncio.sleep(wait)

    # Changes: sent at most once ------------------------------------------------------------------

    async def _change(self, call: Call, route: _Route) -> Envelope[object]:
        deadline = get_running_loop().time() + self._timeout
        try:
            try:
                envelope = await self._once(call, route, self._timeout)
            except ApiError as refused:
                if not await self._proven_untaken(call, refused, deadline):
                    raise
                envelope = await self._once(call, route, self._timeout)
        except BitMartError as error:
            if error.fate is Fate.UNKNOWN:
                self.pending.keep(call, self.clock.now_ms())
                lost = self._lost(call, error)
                if call.endpoint.is_batch:
                    lost.results = all_alike(call.orders, Fate.UNKNOWN, error.code, error.message)
                raise lost from error
            self.pending.refused(call, call.entered)
            if call.endpoint.is_batch and error.fate is not None:
                error.results = all_alike(call.orders, error.fate, error.code, error.message)
            raise
        # A cancelled call passes here without settling: its order may be live.
        if call.endpoint.is_batch:
            return self._settle_batch(call, envelope)
        for own, _ in call.orders:
            self.pending.pop(own, None)
        return envelope

    def _settle_batch(self, call: Call, envelope: Envelope[object]) -> Envelope[object]:
        """Give each order its fate; what nothing was said about stays pending."""
        data = read_results(
            envelope.data,
            call.orders,
            lambda code: _fate(call, code, envelope.http_status) or Fate.UNKNOWN,
            self._mask,
        )
        results = cast("tuple[OrderResult, ...]", getattr(data, "results", ()))
        if len(results) != len(call.orders):
            results = all_alike(call.orders, Fate.UNKNOWN)  # an answer in a type nobody can read
        open_ids = {result.client_order_id for result in results if result.fate is Fate.UNKNOWN}
        for result in results:
            if result.fate is Fate.ACCEPTED and result.client_order_id not in open_ids:
                self.pending.pop(result.client_order_id, None)
        self.pending.refused(
            call,
            {result.client_order_id for result in results if result.fate is Fate.NOT_ACCEPTED} - open_ids,
        )
        if open_ids:
            self._log.warning(
                "%s: the answer does not say what became of %d of %d orders; they stay in pending_orders",
                call.endpoint.label,
                len(open_ids),
                len(call.orders),
            )
        return msgspec.structs.replace(envelope, data=data)

    async def _proven_untaken(self, call: Call, refused: ApiError, deadline: float) -> bool:
        """Whether to send once more: only after a refusal that proves nothing was taken."""
        if self._retries == 0 or refused.http_status == 418 or refused.fate is not Fate.NOT_ACCEPTED:
            return False
        wrong_clock = _wrong_clock(call, refused)
        if (
            not wrong_clock
            and fact_of(refused.code or 0, refused.http_status).category is not Category.RATE_LIMIT
        ):
            return False
        # Nothing was taken: who cancels the call while it waits for its second send leaves no order.
        self.pending.refused(call, call.entered)
        call.entered.clear()
        within = deadline + call.queued - get_running_loop().time()
        return await self._resync(call, within) if wrong_clock else True

    def _lost(self, call: Call, error: BitMartError) -> OutcomeUnknown:
        endpoint = call.endpoint
        if endpoint.effect is Effect.ORDER:
            own = call.orders[0][0] if len(call.orders) == 1 else _text(call.arguments.get("client_order_id"))
            order_id = _text(call.arguments.get("order_id"))
            named = (
                f"client_order_id {own}" if own else f"order_id {order_id}" if order_id else "no single id"
            )
            return OrderFateUnknown(
                f"{endpoint.label}: the request was sent and no proof of its outcome came back; the order "
                f"may be live. It is not sent again. Ask resolve_order(error) before doing anything else "
                f"({named}). Cause: {type(error).__name__}",
                client_order_id=own,
                order_id=order_id,
                symbol=call.symbol,
                endpoint=endpoint.label,
                code=error.code,
                message=error.message,
                trace=error.trace,
                http_status=error.http_status,
                raw=error.raw,
                sent_ms=call.sent_ms,
            )
        return OutcomeUnknown(
            f"{endpoint.label}: the request was sent and no proof of its outcome came back; it may have been "
            f"carried out. It is not sent again. Look at the account's records before repeating it. "
            f"Cause: {type(error).__name__}",
            endpoint=endpoint.label,
            code=error.code,
            message=error.message,
            trace=error.trace,
            http_status=error.http_status,
            raw=error.raw,
            fate=Fate.UNKNOWN,
        )

    async def _resync(self, call: Call, within: float) -> bool:
        """See that the clock is measured after ``call`` was signed; calls refused together share one measuring.

        False when it fails or takes longer than ``within`` seconds.
        """
        if self.clock.measurements > call.measured:
            return True
        task = self._measuring
        if task is None or task.done():
            task = self._measuring = asyncio.create_task(self.clock.sync(partial(self._server_time, self)))
            self._at_the_clock = 0
        self._at_the_clock += 1
        try:
            async with asyncio.timeout(within):
                offset = await asyncio.shield(task)
        except (BitMartError, TimeoutError) as error:
            self._log.warning("the clock could not be measured: %s", type(error).__name__)
            return False
        finally:
            if task is self._measuring:
                self._at_the_clock -= 1
                if not self._at_the_clock and not task.done():  # nobody waits for it any more
                    task.cancel()
                    self._measuring = None
        self._log.info("clock measured again: the exchange is %+.0f ms from this machine", offset)
        return True


def _closed(endpoint: Endpoint[object]) -> ClientClosed:
    return ClientClosed(
        f"{endpoint.label}: this client is closed. Nothing was sent; make a new one.",
        endpoint=endpoint.label,
        fate=Fate.NOT_SENT,
    )


def _undamaged(error: TransportError) -> bool:
    """Whether a whole answer came and nobody can read it: what a host says twice it will say again."""
    return isinstance(error, BadResponse) and error.http_status is not None and error.http_status < 500


def _wrong_clock(call: Call, error: ApiError) -> bool:
    """Whether measuring the clock may help: only a signed call carries a time, /system/time does not."""
    return error.code == _CLOCK_REFUSED and call.endpoint.auth is Auth.SIGNED


def _fate(call: Call, code: int, status: int) -> Fate | None:
    """What a refusal says about a change. None for reads."""
    if call.endpoint.effect is Effect.READ:
        return None
    category = fact_of(code, status).category
    if code in UNPROVEN or category is Category.SYSTEM or code == NO_CODE:
        return Fate.UNKNOWN
    # "Used before" by an earlier send of this very call: that one was taken.
    if category is Category.DUPLICATE and (call.sends > 1 or call.ids_made):
        return Fate.UNKNOWN
    return Fate.NOT_ACCEPTED


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
