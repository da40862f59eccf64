"""What is settled when: refused orders, lost cancels, shared measurements, clients nobody closed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from bitmart_async import BadResponse, EdgeBlocked, OrderFateUnknown, TimestampRejected
from bitmart_async.rest.clients import RestClient
from bitmart_async.sandbox import Sandbox
from tests.fast_time import fast_time
from tests.faults.rest_world import (
    BY_ID,
    BY_OWN_ID,
    CANCEL,
    NOT_FOUND,
    ORDER,
    PING,
    SUBMIT,
    TAKEN,
    TIME,
    futures,
    spot,
    spot_order,
)
from tests.faults.test_rest_orders import steady
from tests.scripted_http import answer, drop, late, never, ok, refusal, reply

if TYPE_CHECKING:
    from tests.scripted_http import Seen

LIMITED = {"X-BM-RateLimit-Remaining": "1", "X-BM-RateLimit-Limit": "40", "X-BM-RateLimit-Reset": "20"}


async def test_O5_cancelled_in_the_pause_after_429_no_order_is_open() -> None:
    """429 proves that it was not taken: who leaves during the pause leaves no record behind."""
    async with spot(timeout=5) as (server, client):
        server.on(*SUBMIT, answer(refusal(30013), 429, LIMITED))
        task = asyncio.create_task(client.submit_spot_order_v2(**ORDER, client_order_id="mine"))
        async with asyncio.timeout(5):
            while not any(use.waiting for use in client.rate_limit_use().values()):  # noqa: ASYNC110 - no event
                await asyncio.sleep(0)
        assert client.pending_orders == ()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert client.pending_orders == ()
        assert server.count(*SUBMIT) == 1


async def test_O5_cancelled_while_the_clock_is_measured_no_order_is_open() -> None:
    """The same for 30007; the measurement nobody waits for any more ends too."""
    async with spot(timeout=5) as (server, client):
        server.on(*SUBMIT, answer(refusal(30007)))
        server.on(*TIME, never())
        task = asyncio.create_task(client.submit_spot_order_v2(**ORDER, client_order_id="mine"))
        await server.until(lambda: server.count(*TIME))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert client.pending_orders == ()


@fast_time(20)
async def test_O5_cancelled_in_the_second_send_the_order_is_open() -> None:
    """After the pause it is under way once more, and recorded from before its first byte."""
    async with spot(timeout=15) as (server, client):
        server.on(*SUBMIT, answer(refusal(30013), 429, {**LIMITED, "X-BM-RateLimit-Reset": "2"}), never())
        task = asyncio.create_task(client.submit_spot_order_v2(**ORDER, client_order_id="mine"))
        await server.until(lambda: server.count(*SUBMIT) == 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [order.client_order_id for order in client.pending_orders] == ["mine"]


@fast_time(60)
async def test_O8_an_order_is_open_after_a_lost_cancel_only_when_that_cannot_arrive() -> None:
    """The cancel may still be under way: for a minute an open order is looked at again, then it is told."""
    loop = asyncio.get_running_loop()
    async with spot(timeout=15, clock=steady(loop.time)) as (server, client):
        server.on(*CANCEL, drop())
        server.on(*BY_OWN_ID, answer(ok(spot_order("mine"))))
        with pytest.raises(OrderFateUnknown) as caught:
            await client.cancel_spot_order_v3("ABC_USDT", client_order_id="mine")
        sent = server.seen[0].at
        assert caught.value.sent_ms is not None
        order = await client.resolve_order(caught.value)
        assert order is not None
        assert str(order.state) == "new"
        assert server.seen[-1].at - sent >= 60


@fast_time(60)
async def test_O8_a_cancel_that_arrives_late_is_seen() -> None:
    """Open at first, cancelled 20 s later: the truth is told as soon as it is there."""
    loop = asyncio.get_running_loop()
    async with spot(timeout=15, clock=steady(loop.time)) as (server, client):
        server.on(*CANCEL, drop())

        def state(seen: Seen) -> bytes:
            arrived = seen.at - server.seen[0].at > 20
            return ok(spot_order("mine", state="canceled" if arrived else "partially_filled"))

        server.on(*BY_ID, reply(state))
        with pytest.raises(OrderFateUnknown) as caught:
            await client.cancel_spot_order_v3("ABC_USDT", order_id="991")
        order = await client.resolve_order(caught.value)
        assert order is not None
        assert str(order.state) == "canceled"
        assert 20 < server.seen[-1].at - server.seen[0].at < 40


async def test_O8_a_lost_cancel_of_an_old_futures_order_looks_far_enough_back() -> None:
    """It was placed long before the cancel: the history is asked for a week, not for a minute."""
    async with futures() as (server, client):
        server.on("POST", "/contract/private/cancel-order", drop())
        row = {
            "order_id": "7", "client_order_id": "mine", "symbol": "ABCUSDT", "price": "1", "size": "1", "state": 4,
            "side": 1, "type": "limit", "leverage": "1", "open_type": "cross", "deal_avg_price": "0",
            "deal_size": "0", "create_time": 1, "update_time": 1,
        }  # fmt: skip
        server.on("GET", "/contract/private/get-open-orders", answer(ok([])))
        server.on("GET", "/contract/private/order-history", answer(ok([row])))
        with pytest.raises(OrderFateUnknown) as caught:
            await client.cancel_futures_order("ABCUSDT", client_order_id="mine")
        assert await client.resolve_order(caught.value) is not None
        (asked,) = server.to("GET", "/contract/private/order-history")
        assert int(asked.query["end_time"]) - int(asked.query["start_time"]) > 6 * 86_400


@pytest.mark.parametrize("skew", [-90_000, 1_200])
async def test_C1_success_on_the_second_call(skew: int) -> None:
    """The exchange judges every timestamp by its own clock: refused, measured, accepted."""
    async with spot(timeout=5) as (server, client):
        ours = client.clock.now_ms
        began = ours()

        def theirs() -> int:  # this machine's clock is ``skew`` ms off
            return ours() - int(client.clock.offset_ms) - skew

        def judge(seen: Seen) -> bytes:
            ahead = int(seen.headers["x-bm-timestamp"]) - theirs()
            return TAKEN if -60_000 < ahead < 1_000 else refusal(30007)

        server.on(*TIME, reply(lambda _: ok({"server_time": theirs()})))
        server.on(*SUBMIT, reply(judge))
        assert (await client.submit_spot_order_v2(**ORDER)).order_id == "991"
        assert server.count(*SUBMIT) == 2
        first, second = (int(seen.headers["x-bm-timestamp"]) for seen in server.to(*SUBMIT))
        assert abs(second - first + skew) < 1_000  # the offset, and nothing padded
        assert abs(first - began) < 1_000
        assert abs(client.clock.offset_ms + skew) < 500


async def test_C1_calls_refused_together_share_one_measurement() -> None:
    """Ten calls, ten times 30007: five looks at the exchange's clock, not fifty."""
    async with spot(timeout=5) as (server, client):
        seen: dict[str, int] = {}

        def once(one: Any) -> bytes:
            own = str(one.json["clientOrderId"])
            seen[own] = seen.get(own, 0) + 1
            return refusal(30007) if seen[own] == 1 else ok(spot_order(own))

        server.on(*BY_OWN_ID, reply(once))
        server.on(*TIME, late(0.02, answer(ok({"server_time": 1_700_000_000_000}))))
        async with asyncio.timeout(5):
            orders = await asyncio.gather(
                *(client.get_spot_order_by_client_order_id_v4(f"own{number}") for number in range(10))
            )
        assert len(orders) == 10
        assert server.count(*TIME) == 5
        assert set(seen.values()) == {2}
        assert client.clock.measurements == 1


async def test_C1_a_cancelled_call_does_not_take_the_measurement_from_the_others() -> None:
    """Who started it leaves; the other call still gets its clock."""
    async with spot(timeout=5) as (server, client):
        server.on(*BY_OWN_ID, answer(refusal(30007)), answer(refusal(30007)), answer(ok(spot_order("b"))))
        server.on(*TIME, late(0.05, answer(ok({"server_time": 1_700_000_000_000}))))
        first = asyncio.create_task(client.get_spot_order_by_client_order_id_v4("a"))
        await server.until(lambda: server.count(*TIME))
        second = asyncio.create_task(client.get_spot_order_by_client_order_id_v4("b"))
        await server.until(lambda: server.count(*BY_OWN_ID) == 2)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (await second).client_order_id == "b"
        assert client.clock.measurements == 1


async def test_C1_a_measurement_that_fails_fails_for_all_who_wait() -> None:
    """Each gets its own 30007."""
    async with spot(timeout=2, max_retries=1) as (server, client):
        server.on(*BY_OWN_ID, answer(refusal(30007)))
        server.on(*TIME, answer(NOT_FOUND))
        calls = (client.get_spot_order_by_client_order_id_v4(own) for own in "ab")
        ends = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(end) for end in ends] == [TimestampRejected, TimestampRejected]


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/html"}])
async def test_R2_an_empty_500_is_not_the_edge(headers: dict[str, str]) -> None:
    """Nobody knows who sent nothing; 503 without a body stays the edge's own."""
    async with spot(max_retries=0) as (server, client):
        server.on(PING.method, PING.path, answer(b"", 500, headers), answer(b"", 503, headers))
        with pytest.raises(BadResponse, match="HTTP 500"):
            await client.call(PING)
        with pytest.raises(EdgeBlocked):
            await client.call(PING)
        server.on(*SUBMIT, answer(b"", 500, headers))
        with pytest.raises(OrderFateUnknown) as caught:
            await client.submit_spot_order_v2(**ORDER)
        assert type(caught.value.__cause__) is BadResponse


_FORGOTTEN = """
    import asyncio, warnings
    warnings.simplefilter("always")
    from bitmart_async import RestClient
    kept = []

    async def main():
        client = RestClient(base_url={url!r}, api_key="k1", api_secret="s1", api_memo="m1")
        await asyncio.gather(*(client.get_system_time() for _ in range(3)))
        {then}

    asyncio.run(main())
    {after}
"""


@pytest.mark.parametrize(
    ("then", "after", "warned"),
    [
        ("del client; await asyncio.sleep(0.02)", "", 1),
        ("return", "", 1),
        ("kept.append(client); del client", "kept.clear()", 1),
        ("kept.append(client)", "", 1),
        ("await client.aclose()", "", 0),
        ("client = RestClient(); del client", "", 1),  # the first one: the second had nothing open
    ],
    ids=["in the loop", "with main", "after the loop", "with the interpreter", "closed", "never used"],
)
async def test_X4_a_client_nobody_closed_warns_once(then: str, after: str, warned: int) -> None:
    """One ResourceWarning that names the client and says what to do; nothing of aiohttp's or asyncio's.

    Where the interpreter itself collects it, no loop and no collector is left to close a socket cleanly:
    asyncio then adds a line per socket, after ours.
    """
    async with Sandbox(seed=1, lively=False) as sandbox:
        code = textwrap.dedent(_FORGOTTEN).format(url=sandbox.environment.spot_rest, then=then, after=after)
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-X", "dev", "-c", code],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if "Warning" in line and "tracemalloc" not in line]
    if then == "kept.append(client)" and not after:
        assert all("unclosed transport" in line for line in lines[1:])
        del lines[1:]
    assert len(lines) == warned, done.stderr
    for word in ("Unclosed", "Traceback", "never awaited", "destroyed", "s1"):
        assert word not in done.stderr
    if warned:
        assert "<RestClient http://127.0.0.1" in lines[0]
        assert "aclose()" in lines[0]


async def test_X4_a_session_of_the_users_is_theirs() -> None:
    """A collected client says nothing about it and leaves it open."""
    import aiohttp

    async with Sandbox(seed=1, lively=False) as sandbox, aiohttp.ClientSession() as session:
        client = RestClient(**sandbox.client_options, session=session)
        await client.get_system_time()
        del client  # warnings are errors here
        assert not session.closed
