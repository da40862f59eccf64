"""The fate of orders: never sent twice, never lost from the records, never declared dead too soon."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import trustme
from aiohttp.abc import AbstractResolver, ResolveResult

from bitmart_async.clock import Clock
from bitmart_async.environments import Environment
from bitmart_async.errors import (
    AlreadyExists,
    AnswerTimeout,
    ApiError,
    BadRequest,
    BitMartError,
    ConnectFailed,
    Fate,
    InsufficientFunds,
    IpBanned,
    Maintenance,
    OrderFateUnknown,
    OutcomeUnknown,
    ParameterError,
    RateLimited,
    TimestampRejected,
    TlsError,
    TransportError,
)
from bitmart_async.rest.clients import FuturesClientV2, RestClient
from bitmart_async.rest.spot_trading import SUBMIT_ORDER
from tests.conftest import KEYS
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
    HTML_PAGE,
    NOT_FOUND,
    OPEN,
    ORDER,
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
from tests.scripted_http import (
    HTML,
    ScriptedServer,
    answer,
    bad_gzip,
    cut_chunk,
    drip,
    drop,
    half_body,
    late,
    never,
    ok,
    redirect,
    refusal,
    reply,
    reset,
    then_close,
    wrong_length,
)

if TYPE_CHECKING:
    from tests.scripted_http import Behaviour

LOST: dict[str, Behaviour] = {
    "drop": drop(),
    "reset": reset(),
    "never": never(),
    "half": half_body(TAKEN),
    "half and reset": half_body(TAKEN, rst=True),
    "too long": wrong_length(TAKEN, 9999),
    "cut chunk": cut_chunk(TAKEN),
    "bad gzip": bad_gzip(TAKEN),
    "drip": drip(TAKEN, 0.2),
    "500 json": answer(refusal(59990), 500),
    "502 html": answer(HTML_PAGE, 502, HTML),
    "503 html": answer(HTML_PAGE, 503, HTML),
    "520": answer(b"", 520),
    "200 html": answer(HTML_PAGE, 200, HTML),
    "200 empty": answer(b""),
    "200 garbage": answer(b"\x00\xff{"),
    "200 no code": answer(b'{"message":"hm"}'),
    "200 no id": answer(ok({})),
    "redirect": redirect("http://127.0.0.1:9/x", 307),
    "30014": answer(refusal(30014)),
    "40012": answer(refusal(40012)),
    "50022": answer(refusal(50022)),
    "60051": answer(refusal(60051)),
    "30016": answer(refusal(30016)),
    "code is no number": answer(refusal(1)[:9] + b'"x"}'),
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
async def test_O1_O2_a_lost_answer_leaves_the_fate_unknown(lost: Behaviour) -> None:
    """However the answer is lost: OrderFateUnknown with id and symbol, one POST, the id stays pending."""
    async with spot() as (server, client):
        server.on(*SUBMIT, lost)
        with pytest.raises(OrderFateUnknown) as caught:
            await client.submit_spot_order_v2(**ORDER)
        error = caught.value
        assert server.count(*SUBMIT) == 1
        assert error.client_order_id == server.seen[0].json["client_order_id"]
        assert (error.symbol, error.fate) == ("ABC_USDT", Fate.UNKNOWN)
        assert "resolve_order" in str(error)
        assert isinstance(error.__cause__, BitMartError)
        (pending,) = client.pending_orders
        assert (pending.client_order_id, pending.symbol) == (error.client_order_id, "ABC_USDT")
        assert pending.endpoint == "POST /spot/v2/submit_order"


@pytest.mark.parametrize(
    "lost", [LOST[name] for name in ("drop", "never", "502 html", "40012", "200 garbage")]
)
async def test_O1_O2_the_same_for_futures(lost: Behaviour) -> None:
    """One POST, the id pending."""
    async with futures() as (server, client):
        server.on(*FUTURES_SUBMIT, lost)
        with pytest.raises(OrderFateUnknown) as caught:
            await client.submit_futures_order(**FUTURES_ORDER, client_order_id="mine7")
        assert caught.value.client_order_id == "mine7"
        assert server.count(*FUTURES_SUBMIT) == 1
        assert [pending.client_order_id for pending in client.pending_orders] == ["mine7"]


@pytest.mark.parametrize("lost", [LOST[name] for name in ("drop", "never", "500 json", "200 html")])
async def test_O1_another_change_raises_outcome_unknown(lost: Behaviour) -> None:
    """A transfer is no order: OutcomeUnknown, sent once, and not the subclass for orders."""
    async with spot() as (server, client):
        server.on("POST", "/test/change", lost)
        with pytest.raises(OutcomeUnknown) as caught:
            await client.call(CHANGE)
        assert not isinstance(caught.value, OrderFateUnknown)
        assert caught.value.fate is Fate.UNKNOWN
        assert server.count("POST", "/test/change") == 1
        assert client.pending_orders == ()


async def test_R8_a_post_on_a_stale_connection_is_not_repeated() -> None:
    """The kept-alive connection is dead when the order goes out: at most one POST at the server."""
    async with spot() as (server, client):
        server.on(*TIME, then_close(answer(ok({"server_time": 1}))))
        server.on(*SUBMIT, drop())
        await client.get_system_time()
        with pytest.raises((OrderFateUnknown, ConnectFailed)):
            await client.submit_spot_order_v2(**ORDER)
        assert server.count(*SUBMIT) <= 1
        server.on(*TIME, answer(ok({"server_time": 1})))
        await client.get_system_time()
        with pytest.raises(OrderFateUnknown):
            await client.submit_spot_order_v2(**ORDER)
        assert server.count(*SUBMIT) <= 2


FOUND_BY: dict[str, tuple[tuple[str, str], Any]] = {
    "query": (BY_OWN_ID, lambda own: spot_order(own)),
    "open": (OPEN, lambda own: [spot_order("x", "1"), spot_order(own)]),
    "history": (HISTORY, lambda own: [spot_order(own, state="canceled")]),
    "trades": (TRADES, lambda own: [spot_trade(own)]),
}


@pytest.mark.parametrize("parse_exceptions", [True, False])
@pytest.mark.parametrize(("where", "rows"), FOUND_BY.values(), ids=FOUND_BY)
async def test_O1_resolve_finds_the_order(where: tuple[str, str], rows: Any, parse_exceptions: bool) -> None:
    """Wherever the exchange shows it, with either way of raising errors; then the id is no longer pending."""
    async with spot(parse_exceptions=parse_exceptions) as (server, client):
        server.on(*SUBMIT, drop())
        with pytest.raises(OrderFateUnknown) as caught:
            await client.submit_spot_order_v2(**ORDER)
        own = str(caught.value.client_order_id)
        script_absent(server)
        server.on(*BY_ID, answer(ok(spot_order(own))))
        server.on(*where, answer(ok(rows(own))))
        order = await client.resolve_order(caught.value)
        assert order is not None
        assert (order.order_id, order.client_order_id) == ("991", own)
        assert client.pending_orders == ()
        assert server.count(*SUBMIT) == 1


def steady(loop_time: Any) -> Clock:
    """A clock that runs with the loop, so that fast loops age timestamps too."""
    return Clock(lambda: 1_700_000_000.0, loop_time)


@fast_time(60)
async def test_O6_absence_is_proven_only_after_the_window() -> None:
    """'Not found' counts once the request can no longer be accepted: a minute, never after a first look."""
    loop = asyncio.get_running_loop()
    async with spot(timeout=15, clock=steady(loop.time)) as (server, client):
        server.on(*SUBMIT, drop())
        script_absent(server)
        with pytest.raises(OrderFateUnknown) as caught:
            await client.submit_spot_order_v2(**ORDER)
        sent = server.seen[0].at
        assert await client.resolve_order(caught.value) is None
        assert loop.time() - sent >= 60
        assert server.seen[-1].at - sent >= 60
        assert server.count(*BY_OWN_ID) >= 3
        assert client.pending_orders == ()


@fast_time(60)
async def test_O6_an_order_that_shows_up_late_is_found() -> None:
    """The exchange denies it for 3 seconds, then shows it: no false verdict."""
    loop = asyncio.get_running_loop()
    async with spot(timeout=15, clock=steady(loop.time)) as (server, client):
        server.on(*SUBMIT, drop())
        script_absent(server)
        with pytest.raises(OrderFateUnknown) as caught:
            await client.submit_spot_order_v2(**ORDER)
        own, sent = str(caught.value.client_order_id), server.seen[0].at
        server.on(*BY_OWN_ID, reply(lambda seen: ok(spot_order(own)) if seen.at - sent > 3 else NOT_FOUND))
        order = await client.resolve_order(symbol="ABC_USDT", client_order_id=own)
        assert order is not None
        assert order.client_order_id == own


@fast_time(60)
async def test_O6_the_proof_counts_from_the_send_not_from_the_queue() -> None:
    """An order that waited 20 s for the rate limit was sent 20 s later: so much later it is proof."""
    loop = asyncio.get_running_loop()
    async with spot(timeout=15, clock=steady(loop.time)) as (server, client):
        limited = {
            "X-BM-RateLimit-Remaining": "1",
            "X-BM-RateLimit-Limit": "40",
            "X-BM-RateLimit-Reset": "20",
        }
        server.on(*SUBMIT, answer(refusal(30013), 429, limited), drop())
        script_absent(server)
        with pytest.raises(OrderFateUnknown) as caught:
            await client.submit_spot_order_v2(**ORDER)
        first, second = server.to(*SUBMIT)
        assert second.at - first.at >= 19.9
        assert await client.resolve_order(caught.value) is None
        assert server.seen[-1].at - second.at >= 60


@fast_time(60)
async def test_O6_a_batch_is_bound_by_its_recv_window() -> None:
    """Where recv_window limits the request, proof comes sooner: but never before 5 s and 3 looks."""
    loop = asyncio.get_running_loop()
    async with spot(timeout=15, clock=steady(loop.time), recv_window=2000) as (server, client):
        server.on(*BATCH, drop())
        script_absent(server)
        row = {"side": "sell", "type": "market", "size": 1, "client_order_id": "row1"}
        with pytest.raises(OrderFateUnknown):
            await client.submit_spot_batch_orders_v4("ABC_USDT", order_params=[row])
        sent = server.seen[0].at
        assert await client.resolve_order(symbol="ABC_USDT", client_order_id="row1") is None
        assert 5 <= loop.time() - sent < 30
        assert server.count(*BY_OWN_ID) >= 3


@fast_time(60)
async def test_O6_slow_looks_are_still_three() -> None:
    """Two looks that take six seconds each are no proof, although five seconds and the window have passed."""
    loop = asyncio.get_running_loop()
    async with spot(timeout=15, clock=steady(loop.time), recv_window=2000) as (server, client):
        server.on(*BATCH, drop())
        script_absent(server)
        server.on(*BY_OWN_ID, late(6, answer(NOT_FOUND, 400)))
        row = {"side": "sell", "type": "market", "size": 1, "client_order_id": "row1"}
        with pytest.raises(OrderFateUnknown):
            await client.submit_spot_batch_orders_v4("ABC_USDT", order_params=[row])
        assert await client.resolve_order(symbol="ABC_USDT", client_order_id="row1") is None
        assert server.count(*BY_OWN_ID) == 3


async def test_O1_a_lookup_that_fails_keeps_the_order_pending() -> None:
    """No verdict without a look: the error passes, the id stays."""
    async with spot() as (server, client):
        server.on(*SUBMIT, drop())
        with pytest.raises(OrderFateUnknown) as caught:
            await client.submit_spot_order_v2(**ORDER)
        server.on(*BY_OWN_ID, answer(refusal(50022), 500))
        with pytest.raises(BitMartError):
            await client.resolve_order(caught.value)
        assert len(client.pending_orders) == 1


async def test_O1_futures_resolve_finds_the_order_in_history() -> None:
    """Open orders first, then history by our id; rows of other orders are not believed."""
    async with futures() as (server, client):
        server.on(*FUTURES_SUBMIT, drop())
        with pytest.raises(OrderFateUnknown) as caught:
            await client.submit_futures_order(**FUTURES_ORDER, client_order_id="mine7")
        row = {
            "order_id": "44",
            "client_order_id": "mine7",
            "symbol": "ABCUSDT",
            "type": "limit",
            "side": 1,
            "price": "7",
            "size": "2",
            "state": 4,
            "leverage": "5",
            "open_type": "cross",
            "deal_avg_price": "0",
            "deal_size": "0",
            "create_time": 1,
            "update_time": 2,
            "account": "futures",
        }
        server.on(
            "GET", "/contract/private/get-open-orders", answer(ok([{**row, "client_order_id": "other"}]))
        )
        server.on(
            "GET", "/contract/private/order-history", answer(ok([{**row, "client_order_id": "x"}, row]))
        )
        order = await client.resolve_order(caught.value)
        assert order is not None
        assert (order.order_id, order.client_order_id) == ("44", "mine7")
        assert client.pending_orders == ()


async def test_resolve_needs_one_order() -> None:
    """Neither an error nor both names: refused with what to give; a batch names its ids in pending_orders."""
    async with spot() as (server, client):
        with pytest.raises(ParameterError, match="client_order_id="):
            await client.resolve_order(symbol="ABC_USDT")
        server.on("POST", "/spot/v4/cancel_all", drop())
        with pytest.raises(OrderFateUnknown) as caught:
            await client.cancel_all_spot_orders()
        with pytest.raises(ParameterError, match="no single order"):
            await client.resolve_order(caught.value)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (50020, InsufficientFunds),
        (30005, BitMartError),
        (50006, ApiError),
        (30000, ApiError),
        (50042, AlreadyExists),
        (50000, BadRequest),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
async def test_O3_a_clear_refusal_is_final(code: int, kind: type[ApiError], status: int) -> None:
    """Fate NOT_ACCEPTED, one POST, nothing pending."""
    async with spot() as (server, client):
        server.on(*SUBMIT, answer(refusal(code), status))
        with pytest.raises(kind) as caught:
            await client.submit_spot_order_v2(**ORDER, client_order_id="mine")
        assert caught.value.fate is Fate.NOT_ACCEPTED
        assert not isinstance(caught.value, OutcomeUnknown)
        assert server.count(*SUBMIT) == 1
        assert client.pending_orders == ()


@fast_time(20)
async def test_O3_a_rate_limited_order_is_sent_once_more_after_the_pause() -> None:
    """429 proves that it was not taken: one more send after the window, under the same id."""
    async with spot(timeout=15) as (server, client):
        server.on(*SUBMIT, answer(refusal(30013), 429), answer(TAKEN))
        assert (await client.submit_spot_order_v2(**ORDER)).order_id == "991"
        first, second = server.to(*SUBMIT)
        assert second.at - first.at >= 1.9
        assert first.json["client_order_id"] == second.json["client_order_id"]
        assert client.pending_orders == ()


@pytest.mark.parametrize("body", [b'{"success":false,"message":"slow down"}', b'{"errno":"BUSY"}'])
async def test_O2_a_429_that_says_no_in_words_without_a_code_is_no_proof(body: bytes) -> None:
    """The one 429 that is not followed by a second send: something spoke in JSON, and not as the exchange does."""
    async with spot(timeout=5) as (server, client):
        server.on(*SUBMIT, answer(body, 429))
        with pytest.raises(OrderFateUnknown):
            await client.submit_spot_order_v2(**ORDER)
        assert server.count(*SUBMIT) == 1
        assert len(client.pending_orders) == 1


@fast_time(20)
async def test_O3_a_second_send_that_never_leaves_settles_nobody_elses_order() -> None:
    """One call waits out a 429; another, under the same id, is sent and its answer lost; then the host bans
    us. The first was never taken, the second may be: the id stays in pending_orders."""
    async with spot(timeout=15) as (server, client):
        server.on(*SUBMIT, answer(refusal(30013), 429))
        server.on(*BATCH, drop())
        server.on(*OPEN, answer(refusal(30017), 418))
        waiting = asyncio.create_task(client.submit_spot_order_v2(**{**ORDER, "client_order_id": "mine"}))
        await server.until(lambda: server.count(*SUBMIT))
        row = {"side": "sell", "type": "market", "size": 1, "client_order_id": "mine"}
        with pytest.raises(OrderFateUnknown):
            await client.submit_spot_batch_orders_v4("ABC_USDT", order_params=[row])
        with pytest.raises(IpBanned):
            await client.get_spot_open_orders_v4()
        with pytest.raises(IpBanned) as caught:
            await waiting
        assert caught.value.fate is Fate.NOT_SENT
        assert [order.client_order_id for order in client.pending_orders] == ["mine"]


@fast_time(20)
async def test_O3_twice_rate_limited_is_refused() -> None:
    """Two sends and no more; nothing was taken."""
    async with spot(timeout=15) as (server, client):
        server.on(*SUBMIT, answer(refusal(30013), 429))
        with pytest.raises(RateLimited) as caught:
            await client.submit_spot_order_v2(**ORDER)
        assert caught.value.fate is Fate.NOT_ACCEPTED
        assert server.count(*SUBMIT) == 2
        assert client.pending_orders == ()


async def test_O3_30007_resyncs_and_resends_once() -> None:
    """The clock is measured, the order signed anew under the same id and sent once more."""
    async with spot(timeout=5) as (server, client):
        offset = 1_200
        real = client.clock.now_ms
        server.on(*TIME, reply(lambda _: ok({"server_time": real() - offset - int(client.clock.offset_ms)})))
        server.on(*SUBMIT, answer(refusal(30007)), answer(TAKEN))
        await client.submit_spot_order_v2(**ORDER)
        first, second = server.to(*SUBMIT)
        assert first.body == second.body
        assert first.headers["x-bm-sign"] != second.headers["x-bm-sign"]
        assert -1500 < int(second.headers["x-bm-timestamp"]) - int(first.headers["x-bm-timestamp"]) < 0
        server.on(*SUBMIT, answer(refusal(30007)))
        with pytest.raises(TimestampRejected) as caught:
            await client.submit_spot_order_v2(**ORDER)
        assert caught.value.fate is Fate.NOT_ACCEPTED
        assert server.count(*SUBMIT) == 4


@pytest.mark.parametrize("code", [30007, 30013])
async def test_O3_max_retries_0_never_resends(code: int) -> None:
    """One send means one send."""
    async with spot(max_retries=0) as (server, client):
        server.on(*SUBMIT, answer(refusal(code)))
        with pytest.raises(ApiError):
            await client.submit_spot_order_v2(**ORDER)
        assert len(server.seen) == 1


async def test_O3_a_resend_whose_answer_is_lost_is_unknown() -> None:
    """First refused, then lost: unknown and pending, two POSTs in all."""
    async with spot(timeout=2) as (server, client):
        server.on(*TIME, reply(lambda _: ok({"server_time": client.clock.now_ms()})))
        server.on(*SUBMIT, answer(refusal(30007)), drop())
        with pytest.raises(OrderFateUnknown):
            await client.submit_spot_order_v2(**ORDER)
        assert server.count(*SUBMIT) == 2
        assert len(client.pending_orders) == 1


async def never_sent(client: RestClient, kind: type[ConnectFailed] = ConnectFailed) -> str:
    """A submit that must fail before a byte leaves; returns the error's text."""
    with pytest.raises(ConnectFailed) as caught:
        await client.submit_spot_order_v2(**ORDER)
    assert type(caught.value) is kind
    assert caught.value.fate is Fate.NOT_SENT
    assert client.pending_orders == ()
    return str(caught.value)


async def test_O4_connection_refused() -> None:
    """Nobody listens: not sent, and the sentence says what to do."""
    async with ScriptedServer() as gone:
        url = gone.url
    async with RestClient(**KEYS, base_url=url) as client:
        text = await never_sent(client)
    assert "Nothing was sent" in text
    assert "repeating is safe" in text


class DeafResolver(AbstractResolver):
    """A resolver that knows no host."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        raise OSError(socket.EAI_NONAME, "Name or service not known")

    async def close(self) -> None:
        pass


async def test_O4_no_such_host() -> None:
    """The name cannot be resolved: not sent."""
    connector = aiohttp.TCPConnector(resolver=DeafResolver())
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        RestClient(**KEYS, session=session) as client,
    ):
        assert "api-cloud.bitmart.com" in await never_sent(client)


async def test_O4_a_host_that_never_accepts() -> None:
    """SYN dropped: the deadline passes while connecting, so nothing was sent, and that is known."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            async with RestClient(**KEYS, base_url=f"http://127.0.0.1:{port}", timeout=0.3) as client:
                await never_sent(client)
        finally:
            for filler in fillers:
                filler.close()


@pytest.mark.parametrize("wrong", ["unknown authority", "wrong host"])
async def test_O4_tls_that_does_not_fit(wrong: str) -> None:
    """A certificate nobody vouches for, or of another host: TlsError, not sent, exactly one attempt."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1" if wrong == "unknown authority" else "other.example").configure_cert(
        context
    )
    options: dict[str, Any] = {}
    if wrong == "wrong host":
        options["ssl_context"] = ssl.create_default_context()
        authority.configure_trust(options["ssl_context"])
    async with (
        ScriptedServer(tls=context) as server,
        RestClient(**KEYS, base_url=server.url, timeout=3, **options) as client,
    ):
        await never_sent(client, TlsError)
        assert server.seen == []
        with pytest.raises(TlsError):
            await client.get_system_time()
        assert server.seen == []


async def test_a_certificate_of_ones_own_authority_is_accepted() -> None:
    """ssl_context= is what the error advises, and it works."""
    authority = trustme.CA()
    context, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(trusting)
    async with (
        ScriptedServer(tls=context) as server,
        RestClient(**KEYS, base_url=server.url, timeout=3, ssl_context=trusting) as client,
    ):
        server.on(*SUBMIT, answer(TAKEN))
        assert (await client.submit_spot_order_v2(**ORDER)).order_id == "991"


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "http://u:pw-canary@127.0.0.1:9"])
async def test_O4_a_dead_proxy(proxy: str) -> None:
    """The proxy cannot be reached: not sent, and its password is not told."""
    environment = Environment(
        name="x",
        spot_rest="https://api-cloud.bitmart.com",
        futures_rest="https://bitmart.com",
        spot_public="wss://bitmart.com",
        spot_private="wss://bitmart.com",
        futures_public="wss://bitmart.com",
        futures_private="wss://bitmart.com",
    )
    async with RestClient(**KEYS, environment=environment, proxy=proxy) as client:
        text = await never_sent(client)
    assert "pw-canary" not in text


async def test_O5_cancelled_at_any_await_no_order_is_without_a_record() -> None:
    """Cancel the submit after 0, 1, 2, ... steps of the loop: it is pending, or was never sent."""
    outcomes: set[str] = set()
    for steps in range(60):
        async with spot(timeout=5) as (server, client):
            server.on(*SUBMIT, answer(TAKEN))
            task = asyncio.create_task(client.submit_spot_order_v2(**ORDER, client_order_id=f"mine{steps}"))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                outcomes.add("cancelled")
                pending = [order.client_order_id for order in client.pending_orders]
                await client.aclose()
                await server.until(lambda server=server: server.open == 0)  # type: ignore[misc]
                assert pending == [f"mine{steps}"] or server.count(*SUBMIT) == 0
                outcomes.add("pending" if pending else "unsent")
            else:
                outcomes.add("done")
                assert client.pending_orders == ()
    assert {"cancelled", "pending", "unsent"} <= outcomes


async def test_O5_cancelled_while_the_answer_is_awaited() -> None:
    """The order is at the exchange: CancelledError passes, the id stays, resolve_order finds it."""
    async with spot(timeout=5) as (server, client):
        server.on(*SUBMIT, never())
        task = asyncio.create_task(client.submit_spot_order_v2(**ORDER, client_order_id="mine"))
        await server.until(lambda: server.count(*SUBMIT))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [order.client_order_id for order in client.pending_orders] == ["mine"]
        server.on(*BY_OWN_ID, answer(ok(spot_order("mine"))))
        assert await client.resolve_order(symbol="ABC_USDT", client_order_id="mine") is not None
        assert client.pending_orders == ()


async def test_O5_cancelled_in_the_queue_was_never_sent() -> None:
    """An order that waits for the rate limit has not left: no record, no request, its place is free."""
    async with spot(timeout=5) as (server, client):
        server.on(*SUBMIT, never())
        first = asyncio.create_task(client.submit_spot_order_v2(**ORDER, client_order_id="first"))
        await server.until(lambda: server.count(*SUBMIT))
        gate = client._transport.limits.gate(
            SUBMIT_ORDER.label, SUBMIT_ORDER.quota, key=KEYS["api_key"], host=client._transport._host
        )
        gate.window.pause(asyncio.get_running_loop().time() + 60)
        second = asyncio.create_task(client.submit_spot_order_v2(**ORDER, client_order_id="second"))
        async with asyncio.timeout(5):
            while not gate.waiting:  # noqa: ASYNC110 - gates have no such event
                await asyncio.sleep(0)
        second.cancel()
        first.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        assert [order.client_order_id for order in client.pending_orders] == ["first"]
        assert gate.waiting == 0
        assert server.count(*SUBMIT) == 1


@pytest.mark.parametrize("code", [50042])
async def test_O7_a_repeat_under_the_same_id_is_told_apart(code: int) -> None:
    """Lost, sent again by the user, refused as duplicate: AlreadyExists, and the first one stays pending."""
    async with spot() as (server, client):
        server.on(*SUBMIT, drop(), answer(refusal(code)))
        with pytest.raises(OrderFateUnknown) as lost:
            await client.submit_spot_order_v2(**ORDER, client_order_id="mine")
        with pytest.raises(AlreadyExists):
            await client.submit_spot_order_v2(**ORDER, client_order_id="mine")
        assert [order.client_order_id for order in client.pending_orders] == ["mine"]
        server.on(*BY_OWN_ID, answer(ok(spot_order("mine"))))
        order = await client.resolve_order(lost.value)
        assert order is not None
        assert order.order_id == "991"
        assert client.pending_orders == ()


async def test_O8_a_lost_cancel_is_looked_up_not_assumed() -> None:
    """The cancel's answer is lost: the order's real state is asked for, by whichever id was given."""
    async with spot() as (server, client):
        server.on(*CANCEL, drop())
        for ids in ({"client_order_id": "mine"}, {"order_id": "991"}):
            with pytest.raises(OrderFateUnknown) as caught:
                await client.cancel_spot_order_v3("ABC_USDT", **ids)
            assert (caught.value.client_order_id, caught.value.order_id) == (
                ids.get("client_order_id"),
                ids.get("order_id"),
            )
            filled = answer(ok(spot_order("mine", state="filled")))
            server.on(*BY_OWN_ID, filled)
            server.on(*BY_ID, filled)
            order = await client.resolve_order(caught.value)
            assert order is not None
            assert str(order.state) == "filled"
        assert server.count(*CANCEL) == 2


ROWS = [
    {"side": "sell", "type": "limit", "size": "1", "price": "2", "client_order_id": f"row{number}"}
    for number in range(3)
]


@pytest.mark.parametrize(
    "lost",
    [LOST[name] for name in ("drop", "200 html", "50022")]
    + [
        answer(ok({"data": {"orderIds": ["1"]}})),
        answer(ok({"code": 50022, "msg": "busy"})),
        answer(ok({"code": 0})),
    ],
    ids=["drop", "html", "50022", "no inner code", "inner 50022", "no ids"],
)
async def test_O9_a_lost_batch_leaves_each_order_open(lost: Behaviour) -> None:
    """The whole call fails without proof: every row is pending under its own id."""
    async with spot() as (server, client):
        server.on(*BATCH, lost)
        with pytest.raises(OrderFateUnknown, match="no single id") as caught:
            await client.submit_spot_batch_orders_v4("ABC_USDT", order_params=ROWS)
        assert caught.value.client_order_id is None
        assert [order.client_order_id for order in client.pending_orders] == ["row0", "row1", "row2"]
        assert server.count(*BATCH) == 1
        server.on(*BY_OWN_ID, reply(lambda seen: ok(spot_order(str(seen.json["clientOrderId"])))))
        for order in client.pending_orders:
            assert (
                await client.resolve_order(symbol=order.symbol, client_order_id=order.client_order_id)
                is not None
            )
        assert client.pending_orders == ()


@pytest.mark.parametrize(
    "body",
    [refusal(50020), ok({"code": 50020, "msg": "low", "data": None}), ok({"code": 50020, "msg": "low"})],
    ids=["outer", "inner", "inner without data"],
)
async def test_O9_a_refused_batch_took_nothing(body: bytes) -> None:
    """Refused by either envelope: the typed error, nothing pending."""
    async with spot() as (server, client):
        server.on(*BATCH, answer(body))
        with pytest.raises(InsufficientFunds) as caught:
            await client.submit_spot_batch_orders_v4("ABC_USDT", order_params=ROWS)
        assert caught.value.fate is Fate.NOT_ACCEPTED
        assert client.pending_orders == ()


async def test_O9_a_refused_row_stops_the_batch_here() -> None:
    """A row that is refused locally names its place; nothing of the batch is sent or recorded."""
    async with spot() as (server, client):
        with pytest.raises(ParameterError, match=r"order_params\[1\]"):
            await client.submit_spot_batch_orders_v4(
                "ABC_USDT", order_params=[ROWS[0], {**ROWS[1], "price": 0.1}]
            )
        assert server.connections == 0
        assert client.pending_orders == ()


async def test_pending_orders_are_oldest_first_and_only_of_this_client() -> None:
    """What was sent last stands last."""
    async with spot() as (server, client), RestClient(**KEYS, base_url=server.url) as other:
        server.on(*SUBMIT, drop())
        for own in ("a", "b", "a"):
            with pytest.raises(OrderFateUnknown):
                await client.submit_spot_order_v2(**ORDER, client_order_id=own)
        assert [order.client_order_id for order in client.pending_orders] == ["b", "a"]
        assert other.pending_orders == ()


@pytest.mark.parametrize("code", [30014, 30016])
async def test_O2_maintenance_while_an_order_is_under_way_is_no_proof(code: int) -> None:
    """A system code may come after the order was taken; the code itself is told."""
    async with spot() as (server, client):
        server.on(*SUBMIT, answer(refusal(code, "later")))
        with pytest.raises(OrderFateUnknown) as caught:
            await client.submit_spot_order_v2(**ORDER)
        assert (caught.value.code, caught.value.message) == (code, "later")
        cause = caught.value.__cause__
        assert isinstance(cause, ApiError)
        assert isinstance(cause, Maintenance) == (code == 30016)


async def test_the_cause_of_a_lost_answer_is_kept() -> None:
    """__cause__ says how it was lost."""
    async with futures(timeout=0.3) as (server, client):
        server.on(*FUTURES_SUBMIT, never())
        with pytest.raises(OrderFateUnknown, match="AnswerTimeout") as caught:
            await client.submit_futures_order(**FUTURES_ORDER)
        assert isinstance(caught.value.__cause__, AnswerTimeout)
        assert isinstance(caught.value.__cause__, TransportError)


async def test_a_futures_client_speaks_to_futures_only() -> None:
    """The demo flag changes the host and nothing else."""
    assert "demo-api-cloud-v2.bitmart.com" in repr(FuturesClientV2(demo_trading=True))
