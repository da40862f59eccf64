"""The REST face: bytes in, bytes out. Both hosts are one handler over two route tables.

``/`` and ``/status`` show the status page, ``/sandbox/faults`` leads to the faults. These are no calls:
nothing counts or journals them.

The order of checks: the path, the method, the caller, the quota, the body, the call itself. An unknown
path is answered by the gateway, whose envelope says ``msg`` instead of ``message``.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, cast

import msgspec
from aiohttp import web

from .calls import Call, Form, Json, Route
from .journal import Journal, Request, Watch
from .phases import reached
from .quotas import Quota, QuotaKeeper, Usage
from .refusals import Refusal
from .signatures import Auth, identify

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .accounts import Account
    from .exchange import Exchange
    from .fault_door import FaultDoor
    from .fault_script import FaultScript, RestFault
    from .status_page import StatusPage

__all__ = ["RestFace"]

_UNPUBLISHED = Quota(600, 60, "IP")
_DEFAULT_WINDOW_MS = 5_000
_LONGEST_WINDOW_MS = 60_000
_PAGES = ("/", "/status")
_PAGE_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
_encode = msgspec.json.encode


class RestFace:
    """One REST host."""

    def __init__(
        self,
        host: str,
        routes: Iterable[Route],
        exchange: Exchange,
        faults: FaultScript,
        *,
        journal: Journal,
        watch: Watch,
        page: StatusPage,
        door: FaultDoor,
        rate_limits: bool,
    ) -> None:
        self._host = host
        self._routes = {route.path: route for route in routes}
        self._exchange = exchange
        self._faults = faults
        self._journal = journal
        self._watch = watch
        self._page = page
        self._door = door
        self._keeper = QuotaKeeper(enforced=rate_limits)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve one HTTP request."""
        if request.method == "GET" and request.path in _PAGES:
            html = self._page.render(request.query.get("symbol", ""))
            return web.Response(text=html, content_type="text/html", headers=_PAGE_HEADERS)
        if self._door.leads(request.path):
            return await self._door.handle(request)
        body = await request.read()
        now_ms = self._exchange.now_ms()
        headers = {name.upper(): value for name, value in request.headers.items()}
        self._journal.add(
            Request(
                host=self._host,
                method=request.method,
                path=request.path,
                query=dict(request.query),
                headers=dict(request.headers),
                body=body,
                at_ms=now_ms,
            )
        )
        self._watch.seen.requests += 1
        self._watch.changed()
        if self._faults.maintenance:
            return self._refused(Refusal(30016), Usage(0, _UNPUBLISHED))
        fault = self._faults.take_rest(request.path)
        if fault is not None and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault is not None and not fault.after and (fault.drop or fault.status is not None):
            return _scripted(fault, request)
        response = self._answer(request, headers, body)
        if fault is not None and (fault.drop or fault.status is not None):
            return _scripted(fault, request)
        return response

    def _answer(
        self,
        request: web.BaseRequest,
        headers: Mapping[str, str],
        body: bytes,
    ) -> web.Response:
        if reached(self._exchange.phase, "closed"):
            return self._refused(Refusal(30014), Usage(0, _UNPUBLISHED))
        now_ms = self._exchange.now_ms()
        route = self._routes.get(request.path)
        if route is None:
            refusal = Refusal(30000)
            return _json({"msg": refusal.text, "code": refusal.code, "trace": _trace()}, refusal.status)
        usage = Usage(0, route.quota or _UNPUBLISHED)
        try:
            if request.method != route.method:
                raise Refusal(57001)
            params, account, usage = self._admit(route, request, headers, body)
            self._exchange.advance(now_ms)  # so that a caller sees what is due by now
            data = route.handler(Call(params, self._exchange, account, now_ms))
        except Refusal as refusal:
            return self._refused(refusal, usage)
        return _json(_envelope(route, data), 200, usage.headers())

    def _admit(
        self,
        route: Route,
        request: web.BaseRequest,
        headers: Mapping[str, str],
        body: bytes,
    ) -> tuple[dict[str, Json], Account | None, Usage]:
        """Who calls, with what; raises a Refusal for whoever may not."""
        gate_ms = self._exchange.clock.gate_ms()
        params, fault = _params(route, request, headers, body)
        window = _window(params) if route.recv_window and route.auth is Auth.SIGNED else None
        account = identify(self._exchange.accounts, route.auth, headers, body, gate_ms, window=window)
        if account is not None and (held := self._exchange.accounts.restrictions.get(account.uid)):
            code = held.refusal(route.method, route.path, request.remote or "")
            if code is not None:
                raise Refusal(code)
        usage = self._count(route, request, account, gate_ms)
        if fault is not None:
            raise fault
        return params, account, usage

    def _count(
        self,
        route: Route,
        request: web.BaseRequest,
        account: Account | None,
        now_ms: int,
    ) -> Usage:
        if route.quota is None:
            return Usage(0, _UNPUBLISHED)
        address = request.remote or ""
        caller = address
        if account is not None and route.quota.scope != "IP":
            caller = account.key if route.quota.scope == "KEY" else str(account.uid)
        usage, refusal = self._keeper.count(
            f"{route.method} {route.path}", route.quota, caller, address, now_ms
        )
        if refusal is not None:
            raise _OverLimit(refusal, usage)
        return usage

    def _refused(self, refusal: Refusal, usage: Usage) -> web.Response:
        if isinstance(refusal, _OverLimit):
            usage = refusal.usage
            self._watch.seen.over_limit += 1
            self._watch.changed()
        envelope: dict[str, Json] = {"message": refusal.text, "code": refusal.code, "trace": _trace()}
        if self._host == "spot":
            envelope["data"] = {}
        return _json(envelope, refusal.status, usage.headers())


class _OverLimit(Refusal):
    """A refusal that knows what its headers say."""

    def __init__(self, refusal: Refusal, usage: Usage) -> None:
        super().__init__(refusal.code)
        self.usage = usage


def _params(
    route: Route,
    request: web.BaseRequest,
    headers: Mapping[str, str],
    body: bytes,
) -> tuple[dict[str, Json], Refusal | None]:
    """The parameters, and what is wrong with the body: who calls is looked at before that is told."""
    if route.method == "GET":
        return dict[str, Json](request.query), None
    if not headers.get("CONTENT-TYPE", "").lower().startswith("application/json"):
        return {}, Refusal(30018)
    try:
        content = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return {}, Refusal(30018)
    if not isinstance(content, dict):
        return {}, Refusal(30018)
    return cast("dict[str, Json]", content), None


def _window(params: Mapping[str, Json]) -> int:
    value = params.get("recvWindow", _DEFAULT_WINDOW_MS)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _LONGEST_WINDOW_MS:
        raise Refusal(30007, "recvWindow")
    return value


def _scripted(fault: RestFault, request: web.BaseRequest) -> web.StreamResponse:
    if fault.drop:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)  # goes nowhere: the connection is gone
    status = 200 if fault.status is None else fault.status
    headers = dict(fault.headers)
    if "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = "application/json" if fault.body[:1] in (b"{", b"[") else "text/html"
    return web.Response(status=status, body=fault.body, headers=headers)


def _envelope(route: Route, data: Json) -> Json:
    if route.form is Form.STRING_CODE:
        return {
            "code": "1000",
            "message": route.message,
            "data": data,
            "success": True,
            "requestId": _trace(),
            "trace": None,
        }
    if route.form is Form.ERRNO:
        return {"errno": "OK", "message": "Success", "data": data, "success": True}
    if route.form is Form.UAPI:
        return {"code": 1000, "msg": "success", "data": data, "errorData": None, "success": True}
    return {"code": 1000, "message": route.message, "trace": _trace(), "data": data}


def _json(envelope: Json, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        body=_encode(envelope), status=status, headers=dict(headers or {}), content_type="application/json"
    )


def _trace() -> str:
    return str(uuid.uuid4())
