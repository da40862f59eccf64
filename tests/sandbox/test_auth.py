"""Who may call: headers, signatures, time, bodies, paths, quotas."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from bitmart_async.sandbox import Sandbox

from .wire import Wire, signature

QUERY = "/spot/v4/query/open-orders"
SUBMIT = "/spot/v2/submit_order"


@pytest.mark.asyncio
async def test_the_documented_signature() -> None:
    """The worked example of the documentation is what the sandbox would compute."""
    from bitmart_async.sandbox.accounts import Account
    from bitmart_async.sandbox.signatures import matches

    account = Account(
        uid=1,
        name="docs",
        memo="test001",
        secret="6c6c98544461bbe71db2bca4c6d7fd0021e0ba9efc215f9c6ad41852df9d9df9",
    )
    body = b'{"symbol":"BTC_USDT","price":"8600","count":"100"}'
    assert matches(
        account, "1589793796145", body, "c31dc326bf87f38bfb49a3f8494961abfa291bd549d0d98d9578e87516cee46d"
    )
    assert matches(
        account,
        "1589267764859",
        b"bitmart.WebSocket",
        "3ceeb7e1b8cb165a975e28a2e2dfaca4d30b358873c0351c1a071d8c83314556",
    )


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"X_BM_KEY": None}, 401, 30001),
        ({"X_BM_KEY": "nobody"}, 401, 30002),
        ({"X_BM_SIGN": None}, 401, 30004),
        ({"X_BM_SIGN": "0" * 64}, 401, 30005),
        ({"X_BM_SIGN": "äöü"}, 401, 30005),
        ({"X_BM_TIMESTAMP": None}, 401, 30006),
        ({"X_BM_TIMESTAMP": "soon"}, 401, 30006),
        ({"X_BM_TIMESTAMP": "1589793796"}, 401, 30008),
        ({"X_BM_TIMESTAMP": "1589793796145"}, 401, 30007),
        ({"Content_Type": "text/plain"}, 503, 30018),
    ],
)
async def test_each_fault_of_a_signed_call(
    wire: Wire,
    changed: dict[str, str | None],
    status: int,
    code: int,
) -> None:
    """Every header fault has the code and HTTP status of the catalog."""
    got, envelope = await wire.post(QUERY, {}, **changed)
    assert (got, envelope["code"]) == (status, code)
    assert set(envelope) == {"message", "code", "trace", "data"}


@pytest.mark.asyncio
async def test_the_signature_covers_the_very_bytes(wire: Wire) -> None:
    """A body that differs from the signed one by a blank is refused."""
    stamp, keys = str(wire.sandbox.now_ms()), wire.sandbox.keys
    sign = signature(keys["api_secret"], stamp, keys["api_memo"], "{}")
    _, envelope = await wire.post(QUERY, "{ }", X_BM_TIMESTAMP=stamp, X_BM_SIGN=sign)
    assert envelope["code"] == 30005
    _, envelope = await wire.post(QUERY, "{}", X_BM_TIMESTAMP=stamp, X_BM_SIGN=sign)
    assert envelope["code"] == 1000


@pytest.mark.asyncio
@pytest.mark.parametrize("body", ["", "nonsense", "[]", '{"a":'])
async def test_a_body_that_is_no_object(wire: Wire, body: str) -> None:
    """What is not a JSON object is 30018, with the odd status 503."""
    status, envelope = await wire.post(QUERY, body)
    assert (status, envelope["code"]) == (503, 30018)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("ahead_ms", "window", "code"),
    [
        (-4_000, None, 1000),
        (-7_000, None, 30007),
        (-7_000, 9_000, 1000),
        (900, None, 1000),
        (2_500, None, 30007),
        (0, 60_001, 30007),
        (0, 0, 30007),
        (0, "x", 30007),
    ],
)
async def test_the_receive_window(wire: Wire, ahead_ms: int, window: object, code: int) -> None:
    """Where recvWindow counts: not older than the window, not a second ahead."""
    body = {} if window is None else {"recvWindow": window}
    stamp = str(wire.sandbox.now_ms() + ahead_ms)
    _, envelope = await wire.post(QUERY, body, X_BM_TIMESTAMP=stamp)
    assert envelope["code"] == code


@pytest.mark.asyncio
async def test_without_a_window_a_minute_counts(wire: Wire) -> None:
    """Elsewhere the timestamp may be up to a minute off."""
    order = {"symbol": "BTC_USDT", "side": "buy", "type": "limit", "size": "0.01", "price": "1000"}
    for ahead_ms, code in ((-50_000, 1000), (50_000, 1000), (-61_000, 30007), (62_000, 30007)):
        stamp = str(wire.sandbox.now_ms() + ahead_ms)
        assert (await wire.post(SUBMIT, order, X_BM_TIMESTAMP=stamp))[1]["code"] == code


@pytest.mark.asyncio
async def test_a_skewed_clock(wire: Wire) -> None:
    """With a skew the exchange's own time is the one that counts."""
    stamp = str(wire.sandbox.now_ms())
    wire.sandbox.faults.skew(90_000)
    assert (await wire.post(QUERY, {}, X_BM_TIMESTAMP=stamp))[1]["code"] == 30007
    told = (await wire.data("/system/time"))["server_time"]
    assert abs(told - int(stamp) - 90_000) < 5_000
    assert (await wire.post(QUERY, {}, X_BM_TIMESTAMP=str(told)))[1]["code"] == 1000


@pytest.mark.asyncio
async def test_keyed_calls_need_the_key_alone(wire: Wire) -> None:
    """A keyed call is served without a signature and refused without a key."""
    assert (await wire.get("/spot/v1/wallet"))[0] == 200
    status, envelope = await wire.get("/spot/v1/wallet", key=False)
    assert (status, envelope["code"]) == (401, 30001)
    status, envelope = await wire.get("/contract/private/position", key=False)
    assert (status, envelope["code"], "data" in envelope) == (401, 30001, False)


@pytest.mark.asyncio
async def test_unknown_paths_and_wrong_methods(wire: Wire) -> None:
    """The gateway answers an unknown path in its own envelope, a wrong method is 57001."""
    status, envelope = await wire.get("/spot/v9/nothing")
    assert (status, envelope["code"], set(envelope)) == (404, 30000, {"msg", "code", "trace"})
    status, envelope = await wire.get(SUBMIT)
    assert (status, envelope["code"]) == (405, 57001)


@pytest.mark.asyncio
async def test_quotas() -> None:
    """Headers count calls used; the next call over the limit is 429, past twice the limit 418."""
    async with Sandbox(lively=False) as sandbox, aiohttp.ClientSession() as http:
        url = sandbox.environment.futures_rest + "/contract/public/open-interest?symbol=BTCUSDT"
        seen: list[tuple[int, int, str]] = []
        for _ in range(6):
            async with http.get(url) as answer:
                code = json.loads(await answer.read())["code"]
                seen.append((answer.status, code, answer.headers["X-BM-RateLimit-Remaining"]))
                assert answer.headers["X-BM-RateLimit-Limit"] == "2"
                assert answer.headers["X-BM-RateLimit-Reset"] == "2"
                assert answer.headers["X-BM-RateLimit-Mode"] == "IP"
        assert seen == [
            (200, 1000, "1"),
            (200, 1000, "2"),
            (429, 30013, "2"),
            (429, 30013, "2"),
            (418, 30017, "2"),
            (418, 30017, "2"),
        ]
        assert (sandbox.seen.requests, sandbox.seen.over_limit) == (6, 4)


@pytest.mark.asyncio
async def test_many_at_once_get_no_more_than_the_quota() -> None:
    """Calls sent together share the window."""
    async with Sandbox(lively=False) as sandbox, aiohttp.ClientSession() as http:
        url = sandbox.environment.spot_rest + "/system/time"

        async def call() -> int:
            async with http.get(url) as answer:
                return answer.status

        statuses = await asyncio.gather(*(call() for _ in range(15)))
        assert statuses.count(200) == 10
        assert statuses.count(429) == 5
