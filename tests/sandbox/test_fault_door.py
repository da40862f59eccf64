"""Faults ordered over HTTP, as a program in another process does."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from websockets.exceptions import ConnectionClosed

from bitmart_async.sandbox.faults import Faults

from .wire import stream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitmart_async.sandbox import Sandbox

_ELSEWHERE = """
import json, sys, urllib.request
request = urllib.request.Request(sys.argv[1], sys.argv[2].encode(), {"Content-Type": "application/json"})
with urllib.request.urlopen(request, timeout=20) as answer:
    print(answer.read().decode())
"""


async def order(
    sandbox: Sandbox, name: str, body: str = "{}", *, futures: bool = False, kind: str = "application/json"
) -> tuple[int, Mapping[str, Any]]:
    """POST one fault; the status and the answer."""
    base = sandbox.environment.futures_rest if futures else sandbox.environment.spot_rest
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{base}/sandbox/faults/{name}", data=body, headers={"Content-Type": kind}) as answer,
    ):
        return answer.status, await answer.json()


@pytest.mark.asyncio
async def test_another_process_cuts_the_sockets(sandbox: Sandbox) -> None:
    """A program that only knows the URL resets this program's socket, and is told how many it were."""
    async with stream(sandbox.environment.spot_public) as socket:
        await socket.send("ping")
        assert await socket.read() == "pong"
        url = f"{sandbox.environment.spot_rest}/sandbox/faults/cut"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _ELSEWHERE, url, '{"sockets": "spot"}', stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        assert json.loads(said) == {"ok": True, "result": 1}
        with pytest.raises(ConnectionClosed):
            await socket.read()


@pytest.mark.asyncio
async def test_a_scripted_answer_and_the_way_back(sandbox: Sandbox) -> None:
    """A body is given as text and comes as it is; maintenance shuts the exchange, but not the door."""
    path = "/spot/quotation/v3/ticker"
    body = json.dumps({"path": path, "status": 500, "body": "<html>", "headers": {"X-Edge": "yes"}})
    assert await order(sandbox, "reply", body, futures=True) == (200, {"ok": True, "result": None})
    url = f"{sandbox.environment.spot_rest}{path}?symbol=BTC_USDT"
    async with aiohttp.ClientSession() as http:
        async with http.get(url) as answer:
            assert (answer.status, await answer.text()) == (500, "<html>")
            assert answer.headers["X-Edge"] == "yes"
        assert (await order(sandbox, "maintenance"))[0] == 200
        async with http.get(url) as answer:
            assert (await answer.json())["code"] == 30016
        assert (await order(sandbox, "clear"))[0] == 200
        async with http.get(url) as answer:
            assert (await answer.json())["code"] == 1000
    assert [request.path for request in sandbox.journal.requests()] == [path] * 3, "the door is no call"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "body", "status", "said"),
    [
        ("cutt", "{}", 404, "there is no fault 'cutt'"),
        ("spoil", "{}", 404, "there is no fault"),
        ("cut", '{"sockets": "spot_publc"}', 400, "spot_publc"),
        ("cut", '{"socket": "spot"}', 400, "no argument 'socket'"),
        ("cut", '{"return": "spot"}', 400, "no argument 'return'"),
        ("cut", '["spot"]', 400, "JSON object"),
        ("cut", "sockets=spot", 400, "JSON object"),
        ("mute", '{"topic": "spot/tickr:BTC_USDT"}', 400, "tickr"),
        ("mute", "{}", 400, "missing a required argument: 'topic'"),
        ("limit", '{"path": "/nowhere"}', 400, "/nowhere"),
        ("limit", '{"times": "many"}', 400, "times"),
        ("refuse_login", '{"market": "spt"}', 400, "spt"),
        ("lag", '{"topic": "spot/trade:BTC_USDT", "seconds": -1}', 400, "seconds=-1.0: give 0 or more"),
        ("delay", '{"path": "*", "seconds": -0.5}', 400, "seconds=-0.5: give 0 or more"),
        ("limit", '{"times": 0}', 400, "times=0: give 1 to 1000000"),
        ("lose", '{"topic": "spot/trade:BTC_USDT", "times": 1000000000000}', 400, "give 1 to 1000000"),
        ("lose_one_in", '{"topic": "spot/trade:BTC_USDT", "number": -3}', 400, "number=-3: one in 2"),
        ("reply", '{"path": "*", "status": 7}', 400, "status=7: an HTTP status"),
        ("refuse_sockets", '{"status": 101}', 400, "status=101: an HTTP status"),
        ("refuse_topic", '{"topic": "spot/trade:BTC_USDT", "times": -1}', 400, "times=-1"),
        ("skew", '{"ms": 99999999999999999}', 400, "a century"),
    ],
)
async def test_what_is_wrong_is_said(sandbox: Sandbox, name: str, body: str, status: int, said: str) -> None:
    """A misspelt name and a number that makes no sense are refused with what is wrong, and nothing happens."""
    got, answer = await order(sandbox, name, body)
    assert got == status
    assert not answer["ok"]
    assert said in answer["error"]


@pytest.mark.asyncio
async def test_a_web_page_cannot_order_faults(sandbox: Sandbox) -> None:
    """A form on a page in a browser sends no JSON, and asking beforehand (OPTIONS) is not answered."""
    status, answer = await order(sandbox, "cut", kind="text/plain")
    assert (status, answer["ok"]) == (400, False)
    async with (
        aiohttp.ClientSession() as http,
        http.options(f"{sandbox.environment.spot_rest}/sandbox/faults/cut") as reply,
    ):
        assert reply.status == 405
        assert "Access-Control-Allow-Origin" not in reply.headers


@pytest.mark.asyncio
async def test_the_list_is_whole(sandbox: Sandbox) -> None:
    """GET tells every fault with its arguments; only what cannot be said in JSON is missing."""
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{sandbox.environment.spot_rest}/sandbox/faults") as answer,
    ):
        told = (await answer.json())["faults"]
    there = {name for name in vars(Faults) if not name.startswith("_")}
    assert set(told) == there - {"spoil", "storm"}
    assert told["cut"].startswith('cut(sockets=""): Reset every open socket')
    assert told["stall"].endswith("until resume; says how many.")
    assert "`" not in "".join(told.values()), "plain text, no markup"
    assert told["refuse_topic"].startswith('refuse_topic(topic, code="90004", text="", times=null): ')
