"""Attacks on the money paths of REST: bodies, codes, clocks, closings and numbers that lied once."""

from __future__ import annotations

import asyncio
from traceback import TracebackException
from typing import TYPE_CHECKING, Any

import pytest

from bitmart_async.errors import (
    AlreadyExists,
    ApiError,
    BadResponse,
    BitMartError,
    ClientClosed,
    ConnectFailed,
    Fate,
    OrderFateUnknown,
    OutcomeUnknown,
    ParameterError,
    TimestampRejected,
)
from bitmart_async.ratelimit import MOST_GATES, Quota, RateLimits, Scope
from bitmart_async.rest import ENDPOINTS
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.wire import MOST_URLS
from tests.conftest import CANARIES, CANARY_KEY
from tests.fast_time import fast_time
from tests.faults.rest_world import (
    BATCH,
    BY_ID,
    BY_OWN_ID,
    CANCEL,
    CHANGE,
    FUTURES_ORDER,
    FUTURES_SUBMIT,
    HISTORY,
    NOT_FOUND,
    OPEN,
    ORDER,
    PING,
    SUBMIT,
    TAKEN,
    TIME,
    TRADES,
    futures,
    script_absent,
    spot,
    spot_order,
    spot_trade,
)
from tests.faults.test_rest_orders import ROWS, steady
from tests.scripted_http import HTML, JSON, answer, drop, head, late, never, ok, redirect, refusal, reply

if TYPE_CHECKING:
    from tests.scripted_http import Behaviour, Exchange

AT = ("GET", "/test/ping")
FUTURES_CANCEL = ("POST", "/contract/private/cancel-order")
SPRING = b'{"timestamp":"2026-08-01T00:00:00Z","status":500,"error":"Internal Server Error"}'
NO_CODE = {
    "500": answer(SPRING, 500),
    "403": answer(b'{"error":"forbidden"}', 403),
    "502": answer(b'{"status":"error"}', 502),
    "200 empty object": answer(b"{}"),
    "200 data null": answer(b'{"data":null}'),
    "200 data": answer(b'{"data":{"order_id":"1"}}'),
    "503 nested": answer(b'{"error":{"code":30014}}', 503),
}


def limited(code: int, status: int = 429, reset: str = "0.2", body: bytes | None = None) -> Behaviour:
    """A refusal with a short window in its headers, so that the pause is short."""
    told = {"X-BM-RateLimit-Remaining": "1", "X-BM-RateLimit-Limit": "40", "X-BM-RateLimit-Reset": reset}
    return answer(refusal(code) if body is None else body, status, {**JSON, **told})


# A reply without a code ---------------------------------------------------------------------------


@pytest.mark.parametrize("behaviour", NO_CODE.values(), ids=NO_CODE)
async def test_O2_an_object_without_a_code_is_no_success(behaviour: Behaviour) -> None:
    """Cancels, submits and changes answered by a gateway's JSON: unknown, whatever the status."""
    async with futures() as (server, client):
        for at in (FUTURES_CANCEL, FUTURES_SUBMIT, ("POST", "/contract/private/cancel-orders"), CHANGE_AT):
            server.on(*at, behaviour)
        with pytest.raises(OrderFateUnknown):
            await client.cancel_futures_order("ABCUSDT", order_id="1")
        with pytest.raises(OrderFateUnknown):
            await client.submit_futures_order(**FUTURES_ORDER, client_order_id="mine")
        with pytest.raises(OrderFateUnknown):
            await client.cancel_all_futures_orders("ABCUSDT")
        with pytest.raises(OutcomeUnknown):
            await client.call(CHANGE)
        assert [order.client_order_id for order in client.pending_orders] == ["mine"]


CHANGE_AT = ("POST", "/test/change")


@pytest.mark.parametrize("behaviour", NO_CODE.values(), ids=NO_CODE)
async def test_request_never_makes_success_of_it(behaviour: Behaviour) -> None:
    """A path nobody modelled: HTTP 500 without a code is no Envelope, for a change or a read."""
    async with spot(max_retries=0) as (server, client):
        server.on("POST", "/x", behaviour)
        server.on("GET", "/x", behaviour)
        with pytest.raises(OutcomeUnknown):
            await client.request("POST", "/x", auth="SIGNED", params={"a": "1"})
        with pytest.raises(BitMartError):
            await client.request("GET", "/x")


@pytest.mark.parametrize("status", [200, 500])
async def test_a_bare_reply_is_read_with_2xx_only(status: int) -> None:
    """Affiliate endpoints may leave the envelope out; what an error status brings is no data."""
    bare: Endpoint[object] = Endpoint(
        "t", "GET", "/test/ping", Auth.NONE, Quota(1000), returns=object, bare=True
    )
    async with spot(max_retries=0) as (server, client):
        server.on(*AT, answer(b'{"rows":[]}', status))
        if status == 200:
            assert (await client.call(bare)).data == {"rows": []}
        else:
            with pytest.raises(BadResponse):
                await client.call(bare)


@pytest.mark.parametrize("body", [b'{"errno":"FAILED","message":"x"}', b'{"success":false}'])
async def test_O2_a_refusal_without_a_number_proves_nothing(body: bytes) -> None:
    """Nobody knows what such a refusal means for a change: unknown."""
    async with spot() as (server, client):
        server.on(*SUBMIT, answer(body))
        with pytest.raises(OrderFateUnknown):
            await client.submit_spot_order_v2(**ORDER)
        assert len(client.pending_orders) == 1


async def test_resolve_order_takes_only_what_was_lost() -> None:
    """Another error in its place is told at once, in a sentence."""
    async with spot() as (_, client):
        with pytest.raises(ParameterError, match="OrderFateUnknown"):
            await client.resolve_order(ValueError("x"))  # type: ignore[arg-type]


async def test_O2_an_order_id_of_null_is_no_id() -> None:
    """Code 1000 and no id: the order may live, and without its id nobody can find it."""
    async with spot() as (server, client):
        server.on(*SUBMIT, answer(ok({"order_id": None})))
        with pytest.raises(OrderFateUnknown):
            await client.submit_spot_order_v2(**ORDER)
        assert len(client.pending_orders) == 1


# Closing ------------------------------------------------------------------------------------------


async def test_X1_what_queues_when_the_client_closes_is_never_sent() -> None:
    """26 orders, 24 go at once: the two in the queue end at once, unsent, and no session is opened anew."""
    async with futures(timeout=5) as (server, client):
        server.on(*FUTURES_SUBMIT, answer(ok({"order_id": 1})))
        tasks = [asyncio.create_task(client.submit_futures_order(**FUTURES_ORDER)) for _ in range(26)]
        async with asyncio.timeout(5):
            while sum(task.done() for task in tasks) < 24:
                await asyncio.wait(
                    [task for task in tasks if not task.done()], return_when=asyncio.FIRST_COMPLETED
                )
        await client.aclose()
        async with asyncio.timeout(1):
            results = await asyncio.gather(*tasks, return_exceptions=True)
        unsent = [result for result in results if isinstance(result, ClientClosed)]
        assert [error.fate for error in unsent] == [Fate.NOT_SENT] * 2
        assert server.count(*FUTURES_SUBMIT) == 24
        assert client.pending_orders == ()
        assert client._transport.wire._session is None


async def test_X1_a_read_is_not_repeated_by_a_closed_client() -> None:
    """The retry of a read ends with the client; no session is left behind."""
    async with spot(timeout=3) as (server, client):
        server.on(*AT, late(0.05, drop()))
        task = asyncio.create_task(client.call(PING))
        await server.until(lambda: server.count(*AT))
        await client.aclose()
        with pytest.raises(BitMartError):
            await task
        assert server.count(*AT) == 1
        assert client._transport.wire._session is None


async def test_X1_closing_leaves_another_client_of_the_same_limits_alone() -> None:
    """Two clients share the limits: the other's place in the queue stays."""
    limits = RateLimits()
    slow: Endpoint[object] = Endpoint("t", "GET", "/test/ping", Auth.NONE, Quota(1, 0.3), returns=object)
    async with (
        spot(timeout=5, rate_limits=limits) as (server, one),
        spot(timeout=5, rate_limits=limits, base_url=server.url) as (_, other),
    ):
        server.on(*AT, answer(ok(1)))
        await one.call(slow)
        tasks = [asyncio.create_task(client.call(slow)) for client in (one, other)]
        gate = limits.gate(slow.label, slow.quota, host=one._transport._host, key="")
        async with asyncio.timeout(5):
            while gate.waiting < 2:  # noqa: ASYNC110 - gates have no such event
                await asyncio.sleep(0)
        await one.aclose()
        with pytest.raises(ClientClosed):
            await tasks[0]
        assert (await tasks[1]).data == 1


# Resending ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [50022, 30014, 40012, 59011])
async def test_O3_429_with_a_system_code_is_not_sent_again(code: int) -> None:
    """The code says that something broke behind the door: no proof, so no second send."""
    async with spot() as (server, client):
        server.on(*SUBMIT, limited(code))
        with pytest.raises(OrderFateUnknown):
            await client.submit_spot_order_v2(**ORDER)
        assert server.count(*SUBMIT) == 1
        assert len(client.pending_orders) == 1


@pytest.mark.parametrize("ids", [{}, {"client_order_id": "mine"}])
async def test_O7_a_duplicate_after_a_resend_may_be_our_own_first_send(ids: dict[str, str]) -> None:
    """429, sent again, "used before": by the first send of this call. Unknown, and pending."""
    async with spot(timeout=2) as (server, client):
        server.on(*SUBMIT, limited(0, body=b"slow down"), answer(refusal(50042)))
        with pytest.raises(OrderFateUnknown) as caught:
            await client.submit_spot_order_v2(**ORDER, **ids)
        assert isinstance(caught.value.__cause__, AlreadyExists)
        assert server.count(*SUBMIT) == 2
        assert [order.client_order_id for order in client.pending_orders] == [caught.value.client_order_id]


async def test_O7_a_duplicate_of_an_id_we_made_is_our_own_order() -> None:
    """Nobody else can have used it: something on the way sent it twice."""
    async with spot() as (server, client):
        server.on(*SUBMIT, answer(refusal(50042)))
        with pytest.raises(OrderFateUnknown):
            await client.submit_spot_order_v2(**ORDER)
        assert len(client.pending_orders) == 1


@pytest.mark.parametrize("first_ends", ["lost", "cancelled"])
async def test_O7_the_refusal_of_a_second_call_does_not_settle_the_first(first_ends: str) -> None:
    """Two calls under one id at a time: the second is refused while the first is under way, then lost."""
    async with spot(timeout=5) as (server, client):
        release = asyncio.Event()

        async def held(exchange: Exchange) -> None:
            await release.wait()
            exchange.cut()

        server.on(*SUBMIT, held, answer(refusal(50042)))
        first = asyncio.create_task(client.submit_spot_order_v2(**ORDER, client_order_id="same"))
        await server.until(lambda: server.count(*SUBMIT) == 1)
        with pytest.raises(AlreadyExists):
            await client.submit_spot_order_v2(**ORDER, client_order_id="same")
        assert [order.client_order_id for order in client.pending_orders] == ["same"]
        if first_ends == "cancelled":
            first.cancel()
        release.set()
        with pytest.raises((OrderFateUnknown, asyncio.CancelledError)):
            await first
        assert [order.client_order_id for order in client.pending_orders] == ["same"]


async def test_O7_the_refusal_of_the_first_call_does_not_settle_the_second() -> None:
    """The other way round: the first is refused while the second is under way."""
    async with spot(timeout=5) as (server, client):
        release = asyncio.Event()

        async def refused_late(exchange: Exchange) -> None:
            await release.wait()
            await answer(refusal(50020))(exchange)

        server.on(*SUBMIT, refused_late, never())
        first = asyncio.create_task(client.submit_spot_order_v2(**ORDER, client_order_id="same"))
        await server.until(lambda: server.count(*SUBMIT) == 1)
        second = asyncio.create_task(client.submit_spot_order_v2(**ORDER, client_order_id="same"))
        await server.until(lambda: server.count(*SUBMIT) == 2)
        release.set()
        with pytest.raises(ApiError):
            await first
        assert [order.client_order_id for order in client.pending_orders] == ["same"]
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        assert [order.client_order_id for order in client.pending_orders] == ["same"]


# Proof of absence ---------------------------------------------------------------------------------


@fast_time(20)
async def test_O8_a_cancel_by_order_id_is_looked_up_more_than_once() -> None:
    """'Not found' once is lag; three looks over five seconds are proof for an id the exchange gave."""
    loop = asyncio.get_running_loop()
    async with spot(timeout=15) as (server, client):
        server.on(*CANCEL, drop())
        server.on(*BY_ID, answer(NOT_FOUND), answer(ok(spot_order("own", state="canceled"))))
        with pytest.raises(OrderFateUnknown) as caught:
            await client.cancel_spot_order_v3("ABC_USDT", order_id="991")
        assert await client.resolve_order(caught.value) is not None
        assert server.count(*BY_ID) == 2
        server.on(*BY_ID, answer(NOT_FOUND))
        began = loop.time()
        assert await client.resolve_order(caught.value) is None
        assert 5 <= loop.time() - began < 30
        assert server.count(*BY_ID) >= 5


@fast_time(60)
async def test_O6_a_batch_with_a_window_of_its_own_is_bound_by_that() -> None:
    """recv_window=60000 in the call, 5000 in the client: absence is proven after a minute, no sooner."""
    loop = asyncio.get_running_loop()
    async with spot(timeout=15, clock=steady(loop.time)) as (server, client):
        server.on(*BATCH, drop())
        script_absent(server)
        with pytest.raises(OrderFateUnknown):
            await client.submit_spot_batch_orders_v4("ABC_USDT", order_params=ROWS[:1], recv_window=60_000)
        sent = server.seen[0].at
        (pending,) = client.pending_orders
        assert pending.recv_window == 60_000
        assert await client.resolve_order(symbol="ABC_USDT", client_order_id="row0") is None
        assert loop.time() - sent >= 60


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        (OPEN, [spot_order(f"o{number}", str(number)) for number in range(200)]),
        (HISTORY, [spot_order(f"o{number}", str(number)) for number in range(200)]),
        (TRADES, [spot_trade(f"o{number}", str(number)) for number in range(200)]),
        (TRADES, [spot_trade("mine", "991")]),
    ],
    ids=["open", "history", "trades", "a trade whose order is not found"],
)
@fast_time(60)
async def test_O6_a_full_spot_list_proves_nothing(where: tuple[str, str], rows: list[Any]) -> None:
    """The order may be the 201st row, and an order with trades is no absent one: unknown, and pending."""
    loop = asyncio.get_running_loop()
    async with spot(timeout=15, clock=steady(loop.time)) as (server, client):
        server.on(*SUBMIT, drop())
        script_absent(server)
        server.on(*where, answer(ok(rows)))
        with pytest.raises(OrderFateUnknown) as caught:
            await client.submit_spot_order_v2(**ORDER, client_order_id="mine")
        with pytest.raises(OrderFateUnknown, match="cannot be proven"):
            await client.resolve_order(caught.value)
        assert [order.client_order_id for order in client.pending_orders] == ["mine"]


@fast_time(60)
async def test_O6_a_full_list_of_open_futures_orders_proves_nothing() -> None:
    """100 rows of others: the live order is the 101st."""
    loop = asyncio.get_running_loop()
    row = {
        "order_id": "1",
        "client_order_id": "other",
        "price": "7",
        "size": "2",
        "symbol": "ABCUSDT",
        "state": 2,
        "side": 1,
        "type": "limit",
        "leverage": "1",
        "open_type": "isolated",
        "deal_avg_price": "0",
        "deal_size": "0",
        "create_time": 1,
        "update_time": 1,
        "account": "futures",
    }
    async with futures(timeout=15, clock=steady(loop.time)) as (server, client):
        server.on(*FUTURES_SUBMIT, drop())
        server.on("GET", "/contract/private/get-open-orders", answer(ok([row] * 100)))
        for path in ("order-history", "trades"):
            server.on("GET", f"/contract/private/{path}", answer(ok([])))
        with pytest.raises(OrderFateUnknown) as caught:
            await client.submit_futures_order(**FUTURES_ORDER, client_order_id="mine")
        with pytest.raises(OrderFateUnknown, match="open orders came back full"):
            await client.resolve_order(caught.value)
        assert [order.client_order_id for order in client.pending_orders] == ["mine"]


async def test_O9_a_batch_answer_that_names_fewer_orders_leaves_all_open() -> None:
    """Three sent, two ids back: nobody says which is missing. As many ids as orders: all are known."""
    async with spot() as (server, client):
        for ids in (["1", "2"], ["1", "2", ""], ["1", "2", "0"], ["1", "2", "2"]):
            server.on(*BATCH, answer(ok({"code": 0, "data": {"orderIds": ids}})))
            await client.submit_spot_batch_orders_v4("ABC_USDT", order_params=ROWS)
            assert [order.client_order_id for order in client.pending_orders] == ["row0", "row1", "row2"]
        server.on(*BATCH, answer(ok({"code": 0, "data": {"orderIds": ["1", "2", "3"]}})))
        await client.submit_spot_batch_orders_v4("ABC_USDT", order_params=ROWS)
        assert client.pending_orders == ()


# The clock ----------------------------------------------------------------------------------------


async def test_C1_a_host_that_refuses_every_time_is_asked_once() -> None:
    """30007 from everything, /system/time included: no loop, one look at the clock, the 30007 comes out."""
    async with spot(timeout=2) as (server, client):
        for at in (SUBMIT, BY_OWN_ID, TIME):
            server.on(*at, answer(refusal(30007)))
        with pytest.raises(TimestampRejected) as caught:
            await client.submit_spot_order_v2(**ORDER)
        assert caught.value.fate is Fate.NOT_ACCEPTED
        assert (server.count(*TIME), server.count(*SUBMIT), client.pending_orders) == (1, 1, ())
        with pytest.raises(TimestampRejected):
            await client.get_spot_order_by_client_order_id_v4("x")
        assert (server.count(*TIME), server.count(*BY_OWN_ID)) == (2, 1)
        with pytest.raises(TimestampRejected):
            await client.get_system_time()
        assert server.count(*TIME) == 3


async def test_C2_measuring_the_clock_is_inside_the_deadline() -> None:
    """Five slow looks at the clock would take long: a read ends on time, a change within twice the time."""
    loop = asyncio.get_running_loop()
    async with spot(timeout=0.5) as (server, client):
        server.on(*TIME, late(0.3, answer(ok({"server_time": 1}))))
        for at in (SUBMIT, BY_OWN_ID):
            server.on(*at, answer(refusal(30007)))
        began = loop.time()
        with pytest.raises(TimestampRejected):
            await client.get_spot_order_by_client_order_id_v4("x")
        assert loop.time() - began < 0.9
        began = loop.time()
        with pytest.raises(TimestampRejected):
            await client.submit_spot_order_v2(**ORDER)
        assert loop.time() - began < 1.0
        assert client.pending_orders == ()


@pytest.mark.parametrize("told", [b"9" * 400, b"-5", b"1e300"])
async def test_C2_a_time_that_is_none_moves_no_clock(told: bytes) -> None:
    """Hundreds of digits, a negative time: the clock stays, the order's own error comes out."""
    async with spot(timeout=2) as (server, client):
        server.on(*TIME, answer(b'{"code":1000,"data":{"server_time":' + told + b"}}"))
        server.on(*SUBMIT, answer(refusal(30007)))
        with pytest.raises(TimestampRejected):
            await client.submit_spot_order_v2(**ORDER)
        assert client.clock.offset_ms == 0


# Nothing foreign escapes --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Remaining", "Limit", "Reset"])
@pytest.mark.parametrize("number", ["9" * 400, "9" * 5000, "-1", "nan"])
async def test_O2_no_number_in_a_header_disturbs_an_order(name: str, number: str) -> None:
    """Hundreds of digits fit into no float: the order was taken, and that is what is told."""
    told = {"X-BM-RateLimit-Remaining": "1", "X-BM-RateLimit-Limit": "24", "X-BM-RateLimit-Reset": "2"}
    async with spot() as (server, client):
        server.on(*SUBMIT, answer(TAKEN, 200, {**JSON, **told, f"X-BM-RateLimit-{name}": number}))
        assert (await client.submit_spot_order_v2(**ORDER)).order_id == "991"
        assert client.pending_orders == ()


async def test_O2_a_length_of_thousands_of_digits() -> None:
    """Leading zeros in Content-Length: read in chunks, no ValueError."""

    async def padded(exchange: Exchange) -> None:
        length = "0" * 5000 + str(len(TAKEN))
        await exchange.send(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode() + TAKEN)

    async with spot() as (server, client):
        server.on(*SUBMIT, padded)
        assert (await client.submit_spot_order_v2(**ORDER)).order_id == "991"


@pytest.mark.parametrize("when", ["before", "after"])
async def test_O2_an_exception_nobody_foresaw_becomes_the_orders_fate(
    when: str, monkeypatch: pytest.MonkeyPatch, log_lines: list[str]
) -> None:
    """Before the send: NOT_SENT, nothing pending. After it: unknown and pending. Logged, without secrets."""

    def broken(*_: object) -> Any:
        raise ZeroDivisionError(f"odd {CANARY_KEY}")

    async with spot() as (server, client):
        server.on(*SUBMIT, answer(TAKEN))
        monkeypatch.setattr(client._transport, "_headers" if when == "before" else "_understand", broken)
        expected = ConnectFailed if when == "before" else OrderFateUnknown
        with pytest.raises(expected) as caught:
            await client.submit_spot_order_v2(**ORDER)
        assert caught.value.fate is (Fate.NOT_SENT if when == "before" else Fate.UNKNOWN)
        assert len(client.pending_orders) == (when == "after")
        assert server.count(*SUBMIT) == (when == "after")
        assert "ZeroDivisionError" in str(caught.value.__cause__ or caught.value)
        assert any("ZeroDivisionError" in line and __file__ in line for line in log_lines)


@pytest.mark.parametrize("params", [{"a": object()}, {"a": "\ud800"}, {1: 2}])
async def test_what_no_json_can_hold_is_refused_here(params: dict[Any, Any]) -> None:
    """Objects, lone surrogates, keys that are no text: ParameterError, nothing sent."""
    async with spot() as (server, client):
        with pytest.raises(ParameterError):
            await client.request("POST", "/x", params=params)
        assert server.connections == 0


@pytest.mark.parametrize(
    "order_id", ["9" * 31, "٣", 10**5000, "-1", True], ids=["31", "arabic", "int", "sign", "bool"]
)
async def test_an_id_of_thousands_of_digits_is_refused_here(order_id: Any) -> None:
    """Also digits of other scripts."""
    async with futures(strict_param_validation=False) as (server, client):
        with pytest.raises(ParameterError):
            await client.update_futures_limit_order("ABCUSDT", order_id=order_id, price="1")
        assert server.connections == 0


# Secrets ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["json", "trace", "html", "ray", "garbage", "location", "percent"])
async def test_Z1_secrets_the_server_echoes_are_masked(how: str, log_lines: list[str]) -> None:
    """Message, trace, page, ray id, garbage, redirect: whatever the server repeats, errors do not."""

    def echo(exchange: Exchange) -> bytes:
        return f"bad key {exchange.seen.headers['x-bm-key']}".encode()

    async def behave(exchange: Exchange) -> None:
        text = echo(exchange).decode()
        body, status, headers = refusal(30002, text), 200, dict(JSON)
        if how == "trace":
            body = refusal(30002, "no").replace(b"trace-no", text.encode())
        elif how == "html":
            body, status, headers = f"<html>{text}".encode(), 403, dict(HTML)
        elif how == "ray":
            body, status, headers = b"<html>", 403, {**HTML, "CF-RAY": text}
        elif how == "garbage":
            body = f"{'x' * 150} {text} {'y' * 5000}".encode()
        elif how in ("location", "percent"):
            key = exchange.seen.headers["x-bm-key"]
            body, status = b"", 302
            headers["Location"] = f"http://x/?key={key}" if how == "location" else f"http://x/%20{key}%20"
        await exchange.send(head(status, headers, len(body)) + body)

    async with spot() as (server, client):
        server.on(*SUBMIT, behave)
        server.on(*BY_OWN_ID, behave)
        for call in (
            client.submit_spot_order_v2(**ORDER),
            client.get_spot_order_by_client_order_id_v4("x"),
        ):
            with pytest.raises(BitMartError) as caught:
                await call
            error = caught.value
            cause = error.__cause__
            told = [str(error), error.message, error.trace, str(cause), *log_lines]
            assert not [canary for canary in CANARIES if any(canary in text for text in told)]


@pytest.mark.parametrize("behaviour", [drop(), answer(refusal(50020)), answer(b"x"), redirect("http://x/")])
async def test_Z1_the_variables_of_a_traceback_hold_no_secret(behaviour: Behaviour) -> None:
    """Tools that show the variables of every frame: the headers are gone when the error leaves."""
    async with spot(max_retries=0) as (server, client):
        server.on(*SUBMIT, behaviour)
        server.on(*BY_OWN_ID, behaviour)
        for call in (
            client.submit_spot_order_v2(**ORDER),
            client.get_spot_order_by_client_order_id_v4("x"),
        ):
            with pytest.raises(BitMartError) as caught:
                await call
            told = "".join(TracebackException.from_exception(caught.value, capture_locals=True).format())
            assert not [canary for canary in CANARIES if canary in told]


# Memory -------------------------------------------------------------------------------------------


async def test_L4_any_number_of_paths_keeps_few_windows_and_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    """client.request takes any path: idle windows and parsed URLs go, busy windows stay."""
    monkeypatch.setattr("bitmart_async.ratelimit.MOST_GATES", 5)
    monkeypatch.setattr("bitmart_async.rest.wire.MOST_URLS", 5)
    assert MOST_GATES == MOST_URLS == 1_000
    limits = RateLimits(Quota(8, 0.01))
    async with spot(rate_limits=limits, timeout=5) as (server, client):
        busy = limits.gate("GET /busy", None, host="h", key="")
        busy.window.take()
        for number in range(20):
            server.on("GET", f"/o/{number}", late(0.003, answer(ok(1))))
            await client.request("GET", f"/o/{number}")
        assert len(limits._gates) < 15
        assert len(client._transport.wire._urls) <= 5
        assert limits.gate("GET /busy", None, host="h", key="") is busy
        busy.leave(sent=False)


async def test_R14_a_forgotten_window_is_not_kept_by_a_client() -> None:
    """When an idle window was forgotten, two clients that had used it share the one made anew."""
    limits = RateLimits()
    wallet = ENDPOINTS["account.spot_wallet"]
    async with (
        spot(rate_limits=limits) as (server, one),
        spot(rate_limits=limits, base_url=server.url) as (_, two),
    ):
        server.on("GET", wallet.path, answer(ok({"wallet": []})))
        for client in (one, two):
            await client.call(wallet)
        (gate,) = limits._gates.values()
        gate.window._done.clear()  # as if its two seconds had passed
        limits._drop_idle()
        assert limits.use() == {}
        for client in (one, two):
            await client.call(wallet)
        (use,) = limits.use().values()
        assert use.used == 2


def test_windows_of_two_keys_are_two_rows_and_tell_no_key() -> None:
    """rate_limit_use: rows are told apart by the last characters of the key, short keys by number."""
    limits = RateLimits()
    for key in ("first-key-aaaa", "second-key-bbbb", "third-key-bbbb", "abc", "xyz", ""):
        limits.gate("GET /a", Quota(2, scope=Scope.KEY), host="h", key=key)
    rows = limits.use()
    assert len(rows) == 6
    assert "h GET /a" in rows
    assert not [row for row in rows if "key-" in row or "abc" in row or "xyz" in row]


async def test_R2_changes_are_never_repeated_for_an_unreadable_answer() -> None:
    """The one repeat of an unreadable answer is for reads."""
    change: Endpoint[object] = Endpoint(
        "t", "POST", "/test/change", Auth.SIGNED, Quota(99), returns=object, effect=Effect.CHANGE
    )
    async with spot() as (server, client):
        server.on(*CHANGE_AT, reply(lambda _: b"what"))
        with pytest.raises(OutcomeUnknown):
            await client.call(change)
        assert server.count(*CHANGE_AT) == 1
