"""The status page shows what is going on, and nothing that must stay secret."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from .wire import Wire, stream

if TYPE_CHECKING:
    from bitmart_async.sandbox import Sandbox


class _Checker(HTMLParser):
    """Collects the text and what the page would fetch; notes tags that do not close."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.fetched: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "srcset")]
        if tag in ("script", "link", "img", "iframe"):
            self.fetched.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data.strip())


async def page(wire: Wire, path: str = "/status") -> str:
    async with wire.http.get(wire.sandbox.environment.spot_rest + path) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        return await answer.text()


@pytest.mark.asyncio
async def test_it_shows_markets_accounts_connections_and_the_journal(wire: Wire) -> None:
    """Prices, open orders, positions, sockets with their topics, and the last calls are all there."""
    sandbox = wire.sandbox
    await wire.spot("buy", size="0.01", price="50123.45")
    await wire.contract(1, 17, leverage="10", open_type="cross")
    async with stream(sandbox.environment.futures_private) as socket:
        await socket.login(sandbox)
        await socket.send({"action": "subscribe", "args": ["futures/order"]})
        await socket.read()
        sandbox.faults.stall("futures_private")
        html = await page(wire, "/")
    checker = _Checker()
    checker.feed(html)
    assert not checker.open
    assert not checker.fetched
    words = " | ".join(checker.words)
    for expected in (
        "BTC_USDT", "BTCUSDT", "50123.45", "long | 17 |", "1 open orders", "futures_private", "stalled",
        "futures/order", "POST /spot/v2/submit_order", "(access)", "sub2", "speed 1", "seed 1", "1 connections",
    ):  # fmt: skip
        assert expected in words, expected
    assert "0 / 0.01" in words


@pytest.mark.asyncio
async def test_it_shows_no_secret_and_trusts_no_text(wire: Wire) -> None:
    """No key, secret, memo or signature is on it, and what a client sends is text, not HTML."""
    sandbox = wire.sandbox
    await wire.spot("buy", size="0.01", price="50000")
    async with stream(sandbox.environment.spot_private) as socket:
        await socket.login(sandbox)
        await socket.send({"op": "subscribe", "args": ["<script>alert(1)</script>"]})
        await socket.read()
        await socket.send('{"op":"login","args":["' + sandbox.keys["api_key"])
        await socket.read()
        html = await page(wire)
    for keys in (sandbox.keys, *sandbox.sub_accounts.values()):
        for value in (keys["api_key"], keys["api_secret"], keys["api_memo"]):
            assert value not in html
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert not re.search(r"\b[0-9a-f]{64}\b", html)


@pytest.mark.asyncio
async def test_a_book_can_be_chosen(wire: Wire) -> None:
    """``?symbol=`` shows that market's book; a name unknown shows the first one."""
    for symbol, title in (("BTCUSDT", "BTCUSDT"), ("<b>", "BTC_USDT"), ("", "BTC_USDT")):
        html = await page(wire, f"/status?symbol={symbol}")
        assert f"<h2>{title}</h2>" in html


@pytest.mark.asyncio
async def test_looking_is_no_call(sandbox: Sandbox, wire: Wire) -> None:
    """The page is neither counted nor journaled, and is served on both hosts."""
    await page(wire)
    async with wire.http.get(f"{sandbox.environment.futures_rest}/status") as answer:
        assert answer.status == 200
    assert sandbox.seen.requests == len(sandbox.journal) == 0
    assert sandbox.status_url.startswith(sandbox.environment.spot_rest)
