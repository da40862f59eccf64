"""Reads under every fault of HTTP: repeated where that can help, bounded, never a half-read model."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest

from bitmart_async.errors import (
    AnswerTimeout,
    ApiError,
    BadResponse,
    BitMartError,
    ConnectFailed,
    ConnectionLost,
    EdgeBlocked,
    EndpointRetired,
    IpBanned,
    Maintenance,
    RateLimited,
    RedirectRefused,
    SystemFault,
    TimestampRejected,
    TransportError,
    Unavailable,
)
from bitmart_async.ratelimit import Quota, RateLimits
from bitmart_async.rest import ENDPOINTS, Auth
from bitmart_async.rest.clients import RestClient
from bitmart_async.rest.endpoint import Endpoint
from bitmart_async.rest.transport import _wait_before_repeat
from tests.conftest import KEYS
from tests.fast_time import fast_time
from tests.faults.rest_world import BY_OWN_ID, HTML_PAGE, PING, TIME, futures, spot, spot_order, tight
from tests.scripted_http import (
    HTML,
    ScriptedServer,
    answer,
    bad_chunk,
    bad_gzip,
    chunked,
    cut_chunk,
    drip,
    drop,
    gzip_bomb,
    gzipped,
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

AT = ("GET", "/test/ping")


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between repeats are a tenth, for tests of what is repeated rather than when."""
    monkeypatch.setattr("bitmart_async.rest.transport._FIRST_BACKOFF", 0.025)


GOOD = answer(ok({"fine": True}))


@pytest.mark.parametrize("status", [403, 503, 520, 521, 525])
async def test_R1_a_page_of_the_edge_is_named_so(status: int) -> None:
    """HTML from the edge is EdgeBlocked with its ray id, status and a safe excerpt; it is not tried again."""
    async with spot() as (server, client):
        server.on(*AT, answer(HTML_PAGE, status, {**HTML, "CF-RAY": "8fab-TPE"}))
        with pytest.raises(EdgeBlocked) as caught:
            await client.call(PING)
        error = caught.value
        assert (error.http_status, error.raw, error.endpoint) == (status, HTML_PAGE, "GET /test/ping")
        assert "8fab-TPE" in str(error)
        assert "<!DOCTYPE html>" in str(error)
        assert error.retry_after == 30.0
        assert server.count(*AT) == 1


async def test_R1_a_json_body_stays_an_api_error() -> None:
    """30018 comes with HTTP 503: the code decides, not the status."""
    async with spot() as (server, client):
        server.on(*AT, answer(refusal(30018, "content type"), 503))
        with pytest.raises(ApiError) as caught:
            await client.call(PING)
        assert (caught.value.code, caught.value.http_status) == (30018, 503)


BROKEN_BODIES = {
    "empty": b"",
    "bom": b"\xef\xbb\xbf" + ok({"fine": True}),
    "single quotes": b"{'code': 1000, 'data': {}}",
    "cut": ok({"fine": True})[:-9],
    "words": b"Service temporarily fine",
    "binary": bytes(range(256)),
    "wrong shape": b'[{"code":1000}]',
    "no code": b'{"message":"?"}',
}


@pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
@pytest.mark.usefixtures("short_pauses")
async def test_R2_an_unreadable_body_is_a_bad_response(body: bytes) -> None:
    """HTTP 200 without the envelope: read again once, then BadResponse with at most 200 safe characters."""
    async with spot(timeout=5) as (server, client):
        server.on(*AT, answer(body), GOOD)
        assert (await client.call(PING)).data == {"fine": True}
        assert server.count(*AT) == 2
    async with spot(timeout=5) as (server, client):
        server.on(*AT, answer(body))
        with pytest.raises(BadResponse) as caught:
            await client.call(PING)
        assert caught.value.raw == body
        assert str(caught.value).isprintable()
        assert len(str(caught.value).partition("It begins: ")[2]) <= 200
        assert server.count(*AT) == 2


async def test_R2_a_page_with_status_200_is_the_edge_too() -> None:
    """HTML with HTTP 200 is a page, not BitMart."""
    async with spot() as (server, client):
        server.on(*AT, answer(HTML_PAGE, 200, HTML))
        with pytest.raises(EdgeBlocked):
            await client.call(PING)


BODY = ok({"fine": True, "fill": "x" * 500})
DAMAGE: dict[str, Behaviour] = {
    "cut body": half_body(BODY),
    "rst in the body": half_body(BODY, rst=True),
    "length too long": wrong_length(BODY, 9999),
    "length too short": wrong_length(BODY, 40),
    "bad gzip": bad_gzip(BODY),
    "cut chunk": cut_chunk(BODY),
    "bad chunk": bad_chunk(BODY),
    "drop": drop(),
    "reset": reset(),
    "not gzip at all": answer(BODY, headers={"Content-Encoding": "gzip"}),
    "not http": lambda exchange: exchange.send(b"hello\r\n\r\n"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.usefixtures("short_pauses")
async def test_R3_damage_is_a_transport_error_and_reads_are_repeated(damage: Behaviour) -> None:
    """Whatever breaks: the read is repeated at most twice, and what comes out is whole or an error."""
    async with spot(timeout=5) as (server, client):
        server.on(*AT, damage, damage, answer(BODY))
        envelope = await client.call(PING)
        assert envelope.raw == BODY
        assert server.count(*AT) == 3
        server.on(*AT, damage)
        with pytest.raises(TransportError) as caught:
            await client.call(PING)
        assert not isinstance(caught.value, ConnectFailed)
        assert server.count(*AT) == 6
        server.on(*AT, GOOD)
        assert (await client.call(PING)).data == {"fine": True}  # the pool is not poisoned


@pytest.mark.parametrize("whole", [gzipped(BODY), chunked(BODY), then_close(answer(BODY))])
async def test_R3_every_correct_framing_is_read(whole: Behaviour) -> None:
    """Compressed, chunked, closed after: the same bytes."""
    async with spot() as (server, client):
        server.on(*AT, whole)
        assert (await client.call(PING)).raw == BODY
        assert server.count(*AT) == 1


_BOMBED = """
    import asyncio, gc, resource
    from bitmart_async import BadResponse, RestClient

    def peak_kib():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    async def main():
        async with RestClient(base_url={url!r}, timeout=10, max_retries=0) as client:
            await client.request("GET", "/small")
            gc.collect()
            before = peak_kib()
            try:
                await client.request("GET", "/bomb")
            except BadResponse as error:
                assert "larger than 16 MiB" in str(error)
            else:
                raise AssertionError("the bomb was read")
            print(peak_kib() - before)
            await client.request("GET", "/small")

    asyncio.run(main())
"""


async def test_R4_a_gzip_bomb_is_not_inflated() -> None:
    """300 MiB of blanks in 300 kB: refused after 16 MiB; a process's memory peaks less than 24 MiB higher."""
    async with ScriptedServer() as server:
        server.on("GET", "/small", GOOD)
        server.on("GET", "/bomb", gzip_bomb(300))
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", textwrap.dedent(_BOMBED).format(url=server.url)],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) <= 24 * 1024


async def test_R4_a_long_body_without_a_length_is_not_read_to_its_end() -> None:
    """The same bound for plain bodies, announced or not."""
    huge = b'{"x":"' + b"x" * (17 * 2**20) + b'"}'
    for behaviour in (answer(huge), chunked(huge)):
        async with spot(timeout=10, max_retries=0) as (server, client):
            server.on(*AT, behaviour)
            with pytest.raises(BadResponse, match="larger than 16 MiB"):
                await client.call(PING)


LIMITED = {"X-BM-RateLimit-Remaining": "13", "X-BM-RateLimit-Limit": "12", "X-BM-RateLimit-Reset": "2"}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, refusal(30013)),
        (200, refusal(30013)),
        (429, HTML_PAGE),
        (429, b""),
    ],
)
@fast_time(20)
async def test_R5_after_429_nothing_is_sent_for_a_window(status: int, body: bytes) -> None:
    """The pause holds for everyone at that window; waiters pass afterwards in their order; nobody starves."""
    endpoint = Endpoint("t", "GET", "/test/ping", Auth.NONE, Quota(12), returns=object, params=PING.params)
    async with spot(timeout=15) as (server, client):
        server.on(*AT, answer(body, status, LIMITED), GOOD)
        await asyncio.gather(
            client.call(endpoint, n=0),
            *(_after_refusal(server, client, endpoint, number) for number in range(1, 6)),
        )
        first, *rest = server.to(*AT)
        assert all(seen.at - first.at >= 1.9 for seen in rest)
        assert sorted(seen.query["n"] for seen in rest) == list("012345")
        assert [seen.query["n"] for seen in rest if seen.query["n"] != "0"] == list("12345")


async def _after_refusal(
    server: ScriptedServer, client: RestClient, endpoint: Endpoint[object], n: int
) -> None:
    await server.until(lambda: server.count(*AT))
    while not next(iter(client.rate_limit_use().values())).paused_for:  # noqa: ASYNC110 - no such event
        await asyncio.sleep(0.01)
    await client.call(endpoint, n=n)


async def test_R5_programs_with_one_key_do_not_all_come_back_at_once() -> None:
    """To the pause a part of it is added at random, a second at most; the error tells the exchange's figure."""
    for window, longest in (("2", 2.2), ("40", 41.0)):
        paused: set[float] = set()
        for _ in range(12):
            async with spot(max_retries=0, rate_limits=tight(8)) as (server, client):
                server.on(*AT, answer(refusal(30013), 429, {**LIMITED, "X-BM-RateLimit-Reset": window}))
                with pytest.raises(RateLimited) as caught:
                    await client.call(PING)
                assert caught.value.retry_after == float(window)
                paused.add(next(iter(client.rate_limit_use().values())).paused_for)
        assert all(0 < pause <= longest for pause in paused)
        assert max(paused) - min(paused) > (longest - float(window)) / 10


async def test_R5_the_error_tells_how_long() -> None:
    """Without repeats the caller gets RateLimited with the window's length, by header or table."""
    async with spot(max_retries=0, rate_limits=tight(8)) as (server, client):
        server.on(*AT, answer(refusal(30013), 429, {**LIMITED, "X-BM-RateLimit-Reset": "7"}))
        with pytest.raises(RateLimited) as caught:
            await client.call(PING)
        assert caught.value.retry_after == 7.0
    async with spot(max_retries=0, rate_limits=tight(8, 3.0)) as (server, client):
        server.on("GET", "/other", answer(refusal(30013), 429))
        with pytest.raises(RateLimited) as caught:
            await client.request("GET", "/other")
        assert caught.value.retry_after == 3.0


@pytest.mark.parametrize(
    ("status", "body"), [(418, refusal(30017)), (418, HTML_PAGE), (418, b""), (200, refusal(30017))]
)
async def test_R6_after_418_the_host_is_left_alone(status: int, body: bytes) -> None:
    """One 418 and every call to the host fails unsent, for all clients that share the limits."""
    limits = RateLimits()
    async with spot(rate_limits=limits) as (server, client):
        server.on(*AT, answer(body, status))
        server.on(*TIME, answer(ok({"server_time": 1})))
        with pytest.raises(IpBanned) as caught:
            await client.call(PING)
        assert caught.value.retry_after
        async with RestClient(base_url=server.url, rate_limits=limits) as other:
            for call in (client.call(PING), client.get_system_time(), other.get_system_time()):
                with pytest.raises(IpBanned, match="not sent"):
                    await call
        assert len(server.seen) == 1


async def test_R6_waiters_of_a_banned_host_are_not_sent() -> None:
    """Who queued before the ban does not slip through after it."""
    endpoint = Endpoint("t", "GET", "/test/ping", Auth.NONE, Quota(1, 0.2), returns=object)
    async with spot() as (server, client):
        server.on(*AT, answer(refusal(30017), 418))
        results = await asyncio.gather(*(client.call(endpoint) for _ in range(4)), return_exceptions=True)
        assert all(isinstance(result, IpBanned) for result in results)
        assert len(server.seen) == 1


@pytest.mark.parametrize(
    "failure",
    [
        answer(refusal(50022, "busy"), 500),
        answer(refusal(59999), 502),
        answer(b"oops", 500),
        reset(),
        drop(),
    ],
    ids=["code", "unknown code", "no json", "reset", "drop"],
)
async def test_R7_two_failures_then_an_answer(failure: Behaviour) -> None:
    """5xx and breaks on a read: two repeats with growing jitter, and the answer comes; no third repeat."""
    async with spot(timeout=5) as (server, client):
        server.on(*AT, failure, failure, GOOD)
        assert (await client.call(PING)).data == {"fine": True}
        server.on(*AT, failure)
        began = asyncio.get_running_loop().time()
        with pytest.raises(BitMartError):
            await client.call(PING)
        assert asyncio.get_running_loop().time() - began < 0.25 + 0.5 + 0.5
        assert server.count(*AT) == 6


async def test_R7_posts_that_read_are_repeated_too() -> None:
    """A v4 query is a read although it is a POST; each repeat is signed anew."""
    async with spot(timeout=5) as (server, client):
        server.on(*BY_OWN_ID, drop(), answer(ok(spot_order("mine"))))
        assert (await client.get_spot_order_by_client_order_id_v4("mine")).order_id == "991"
        assert server.count(*BY_OWN_ID) == 2


def test_R7_pauses_between_repeats_are_full_jitter() -> None:
    """Anything from nothing to a bound that doubles: 0.25 s, 0.5 s, 1 s."""
    lost = ConnectionLost("gone")
    for repeats, longest in enumerate((0.25, 0.5, 1.0)):
        waits = [_wait_before_repeat(lost, repeats) or 0.0 for _ in range(400)]
        assert 0.0 <= min(waits) < 0.1 * longest
        assert 0.9 * longest < max(waits) <= longest


@pytest.mark.parametrize("max_retries", [0, 1, 2, 4])
@pytest.mark.usefixtures("short_pauses")
async def test_R7_max_retries_is_exact(max_retries: int) -> None:
    """So many repeats and one first send: the HTTP library adds none of its own."""
    async with spot(max_retries=max_retries, timeout=30) as (server, client):
        server.on(*AT, drop())
        with pytest.raises(ConnectionLost):
            await client.call(PING)
        assert server.count(*AT) == max_retries + 1


async def test_R7_repeats_end_with_the_deadline() -> None:
    """Slow failures do not add up: the whole call ends in time."""
    async with spot(timeout=0.4, max_retries=9) as (server, client):
        server.on(*AT, late(0.15, drop()))
        began = asyncio.get_running_loop().time()
        with pytest.raises(TransportError):
            await client.call(PING)
        assert asyncio.get_running_loop().time() - began < 0.7
        assert server.count(*AT) <= 3


@pytest.mark.parametrize("final", [refusal(50020), refusal(30002), refusal(40034)])
async def test_R7_a_clear_refusal_is_not_repeated(final: bytes) -> None:
    """What would be refused again is asked once."""
    async with spot() as (server, client):
        server.on(*AT, answer(final))
        with pytest.raises(ApiError):
            await client.call(PING)
        assert server.count(*AT) == 1


async def test_R8_a_stale_connection_costs_a_read_nothing_but_time() -> None:
    """The server closed the kept-alive connection: the read is repeated on a new one."""
    async with spot(timeout=5) as (server, client):
        server.on(*AT, then_close(GOOD), GOOD)
        await client.call(PING)
        server.on(*AT, drop(), GOOD)
        assert (await client.call(PING)).data == {"fine": True}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
async def test_R8_a_change_by_any_method_is_sent_at_most_once(method: str) -> None:
    """aiohttp would repeat PUT and DELETE by itself; over our session it does not."""
    async with spot() as (server, client):
        server.on(*AT, GOOD)
        await client.call(PING)
        server.on(method, "/change", drop())
        with pytest.raises(BitMartError):
            await client.request(method, "/change", auth="SIGNED")
        assert server.count(method, "/change") == 1


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


async def test_R9_cancels_return_every_slot() -> None:
    """1 000 of 2 000 calls are cancelled under way: the rest end, the next is quick, nothing stays open."""
    async with spot(timeout=20) as (server, client):
        files = open_files()
        server.on(*AT, late(0.02, GOOD))
        tasks = [asyncio.create_task(client.call(PING, n=number)) for number in range(2000)]
        await server.until(lambda: len(server.seen) >= 150)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert not [result for result in results[1::2] if isinstance(result, BaseException)]
        began = asyncio.get_running_loop().time()
        await client.call(PING)
        assert asyncio.get_running_loop().time() - began < 1.0
        assert server.open <= 100
        assert next(iter(client.rate_limit_use().values())).waiting == 0
        await client.aclose()
        await server.until(lambda: server.open == 0)
        async with asyncio.timeout(5):
            while open_files() > files:  # noqa: ASYNC110 - descriptors have no such event
                await asyncio.sleep(0.01)


@fast_time(20)
async def test_R10_a_drip_feed_ends_at_the_total_deadline() -> None:
    """One byte a second: the call ends after its 15 seconds, although bytes keep coming."""
    async with spot(timeout=15) as (server, client):
        server.on(*AT, drip(ok({"fine": "x" * 200}), 1.0))
        began = asyncio.get_running_loop().time()
        with pytest.raises(AnswerTimeout, match="15 s") as caught:
            await client.call(PING)
        assert isinstance(caught.value, TimeoutError)
        assert 14.9 <= asyncio.get_running_loop().time() - began <= 17


async def test_R10_no_answer_ends_at_the_total_deadline() -> None:
    """The same for silence."""
    async with spot(timeout=0.3) as (server, client):
        server.on(*AT, never())
        with pytest.raises(AnswerTimeout, match=r"0\.3 s"):
            await client.call(PING)
        assert server.count(*AT) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_R11_a_redirect_is_never_followed(status: int) -> None:
    """The other server hears nothing, the error names it, and the call is not repeated."""
    async with ScriptedServer() as other, spot() as (server, client):
        target = f"{other.url}/steal"
        server.on("GET", "/spot/v1/wallet", redirect(target, status))
        with pytest.raises(RedirectRefused) as caught:
            await client.get_spot_wallet_balance_v1()
        assert target in str(caught.value)
        assert caught.value.http_status == status
        assert other.connections == 0
        assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("code", "kinds"),
    [
        (30014, (SystemFault,)),
        (30016, (Maintenance,)),
        (30019, (ApiError,)),
        (30031, (EndpointRetired, ApiError)),
        (60000, (ApiError, Unavailable)),
    ],
)
async def test_R12_a_maintenance_code_is_typed_and_harmless(
    code: int, kinds: tuple[type[ApiError], ...]
) -> None:
    """With HTTP 200: a typed error with advice, and the next call works."""
    async with spot(max_retries=0) as (server, client):
        server.on(*AT, answer(refusal(code, "closed for now")), GOOD)
        with pytest.raises(ApiError) as caught:
            await client.call(PING)
        assert isinstance(caught.value, kinds)
        assert "closed for now" in str(caught.value)
        assert (await client.call(PING)).data == {"fine": True}


def most_in_a_window(times: list[float], window: float) -> int:
    """The fullest window of that length, as a server counts."""
    return max(sum(1 for time in times if begin <= time < begin + window) for begin in times)


@fast_time(20)
async def test_R13_forty_calls_at_once_keep_the_limit() -> None:
    """12 per 2 s: the server never counts more in any 2 s, all 40 are answered, in the order they came."""
    endpoint = Endpoint("t", "GET", "/test/ping", Auth.NONE, Quota(12), returns=object, params=PING.params)
    async with spot(timeout=15) as (server, client):
        server.on(*AT, GOOD)
        await asyncio.gather(*(client.call(endpoint, n=number) for number in range(40)))
        assert most_in_a_window([seen.at for seen in server.seen], 2.0) <= 12
        groups = [
            sorted(int(seen.query["n"]) for seen in server.seen[at : at + 12]) for at in range(0, 40, 12)
        ]
        assert [number for group in groups for number in group] == list(range(40))


@fast_time(20)
async def test_R13_waiting_for_a_place_does_not_use_up_the_deadline() -> None:
    """A call that queued longer than its timeout still has all of its time, and its repeats."""
    endpoint = Endpoint("t", "GET", "/test/ping", Auth.NONE, Quota(1), returns=object, params=PING.params)
    async with spot(timeout=3, rate_limits=tight(1)) as (server, client):
        server.on(*AT, GOOD, GOOD, drop(), GOOD)
        await asyncio.gather(*(client.call(endpoint, n=number) for number in range(3)))
        assert server.count(*AT) == 4


@fast_time(20)
async def test_R14_two_clients_with_one_key_share_a_limiter() -> None:
    """Given one RateLimits, both together keep the limit of the key."""
    limits = RateLimits()
    wallet = ENDPOINTS["account.spot_wallet"]
    async with (
        spot(timeout=15, rate_limits=limits) as (server, one),
        RestClient(**KEYS, base_url=server.url, timeout=15, rate_limits=limits) as two,
    ):
        server.on("GET", wallet.path, answer(ok({"wallet": []})))
        await asyncio.gather(*(client.call(wallet) for client in (one, two) for _ in range(15)))
        assert len(server.seen) == 30
        assert most_in_a_window([seen.at for seen in server.seen], 2.0) <= 12


@fast_time(20)
async def test_R14_without_a_shared_limiter_the_headers_warn() -> None:
    """The reply says that somebody else used the window up: the next call waits."""
    endpoint = Endpoint("t", "GET", "/test/ping", Auth.NONE, Quota(12), returns=object, params=PING.params)
    async with spot(timeout=15) as (server, client):
        server.on(*AT, answer(ok(), 200, {**LIMITED, "X-BM-RateLimit-Remaining": "12"}), GOOD)
        await client.call(endpoint)
        await client.call(endpoint)
        assert server.seen[1].at - server.seen[0].at >= 1.9


async def test_C1_a_skewed_clock_is_measured_and_the_call_repeated_once() -> None:
    """30007: five looks at the exchange's clock, then the same call with its time, successful; once only."""
    skew = -90_000
    async with spot(timeout=5) as (server, client):
        real = client.clock.now_ms
        server.on(*TIME, reply(lambda _: ok({"server_time": real() + skew - int(client.clock.offset_ms)})))
        server.on(*BY_OWN_ID, answer(refusal(30007)), answer(ok(spot_order("mine"))))
        before = real()
        assert (await client.get_spot_order_by_client_order_id_v4("mine")).order_id == "991"
        first, second = (int(seen.headers["x-bm-timestamp"]) for seen in server.to(*BY_OWN_ID))
        assert abs(first - before) < 500
        assert -91_000 < second - first < -89_000
        assert server.count(*TIME) == 5
        server.on(*BY_OWN_ID, answer(refusal(30007)))
        with pytest.raises(TimestampRejected):
            await client.get_spot_order_by_client_order_id_v4("mine")
        assert server.count(*BY_OWN_ID) == 4


async def test_C1_with_max_retries_0_nothing_is_sent_twice() -> None:
    """Not even after 30007."""
    async with spot(max_retries=0) as (server, client):
        server.on(*BY_OWN_ID, answer(refusal(30007)))
        with pytest.raises(TimestampRejected):
            await client.get_spot_order_by_client_order_id_v4("mine")
        assert len(server.seen) == 1


@pytest.mark.parametrize("time_answer", [answer(ok({"server_time": ""})), answer(b"oops", 500), drop()])
@pytest.mark.usefixtures("short_pauses")
async def test_C1_a_clock_that_cannot_be_measured_leaves_the_refusal(time_answer: Behaviour) -> None:
    """The caller gets the 30007, not the trouble of the measurement."""
    async with spot(timeout=2) as (server, client):
        server.on(*TIME, time_answer)
        server.on(*BY_OWN_ID, answer(refusal(30007)))
        with pytest.raises(TimestampRejected):
            await client.get_spot_order_by_client_order_id_v4("mine")
        assert server.count(*BY_OWN_ID) == 1
        with pytest.raises(TransportError):
            await client.sync_clock()


@pytest.mark.parametrize("status", [200, 400, 500])
async def test_parse_exceptions_off_gives_the_plain_error(status: int) -> None:
    """One ApiError, never a subclass, with code, status and the untouched reply."""
    body = refusal(50020, "low")
    async with spot(parse_exceptions=False, max_retries=0) as (server, client):
        server.on(*AT, answer(body, status))
        with pytest.raises(ApiError) as caught:
            await client.call(PING)
        assert type(caught.value) is ApiError
        assert (caught.value.code, caught.value.http_status, caught.value.raw) == (50020, status, body)
        assert (caught.value.message, caught.value.trace) == ("low", "trace-no")


async def test_the_envelope_carries_everything_around_the_data() -> None:
    """Code, message, trace, status, headers in any letter case, limit state, raw bytes."""
    body = ok({"fine": True})
    async with spot() as (server, client):
        server.on(
            *AT, answer(body, 200, {**LIMITED, "X-BM-RateLimit-Remaining": "3", "X-BM-RateLimit-Mode": "IP"})
        )
        envelope = await client.call(PING)
        assert (envelope.code, envelope.message, envelope.trace) == (1000, "OK", "trace-ok")
        assert (envelope.http_status, envelope.raw) == (200, body)
        assert envelope.headers["x-bm-ratelimit-mode"] == "IP"
        assert envelope.rate_limit is not None
        assert (envelope.rate_limit.used, envelope.rate_limit.limit, envelope.rate_limit.window) == (
            3,
            12,
            2.0,
        )


async def test_an_unreachable_host_is_explained() -> None:
    """ConnectFailed names the address, says that nothing was sent and what to look at; reads try thrice."""
    async with ScriptedServer() as gone:
        url = gone.url
    async with RestClient(base_url=url, timeout=5) as client:
        with pytest.raises(ConnectFailed) as caught:
            await client.get_system_time()
        for words in (url.partition("://")[2], "Nothing was sent", "the host's address"):
            assert words in str(caught.value)


async def test_a_closed_session_of_the_user_is_explained() -> None:
    """A sentence instead of aiohttp's RuntimeError."""
    session = aiohttp.ClientSession()
    await session.close()
    async with futures(session=session) as (server, client):
        with pytest.raises(ConnectFailed, match="session is closed"):
            await client.get_system_time()
        assert server.connections == 0
