"""A raw client for the sandbox's own tests: aiohttp and websockets, nothing of the library."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import zlib
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import aiohttp

    from bitmart_async.sandbox import Sandbox

Frame = dict[str, Any]
FUTURES_PATHS = ("/contract", "/account/contract", "/account/v1/transfer-contract")


def signature(secret: str, timestamp: str, memo: str, body: str) -> str:
    return hmac.new(secret.encode(), f"{timestamp}#{memo}#{body}".encode(), hashlib.sha256).hexdigest()


class Wire:
    """REST calls as a careful client makes them, each part replaceable."""

    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession, *, sub: str | None = None) -> None:
        self.sandbox = sandbox
        self.http = http
        self.keys = sandbox.keys if sub is None else sandbox.sub_accounts[sub]

    def base(self, path: str) -> str:
        environment = self.sandbox.environment
        return environment.futures_rest if path.startswith(FUTURES_PATHS) else environment.spot_rest

    def headers(self, body: str, **changed: str | None) -> dict[str, str]:
        keys, timestamp = self.keys, str(self.sandbox.gate_ms())
        given = {
            "X-BM-KEY": keys["api_key"],
            "X-BM-TIMESTAMP": timestamp,
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in changed.items()},
        }
        stamp = given["X-BM-TIMESTAMP"] or ""
        given.setdefault("X-BM-SIGN", signature(keys["api_secret"], stamp, keys["api_memo"], body))
        return {name: value for name, value in given.items() if value is not None}

    async def get(self, path: str, *, key: bool = True, **query: object) -> tuple[int, Frame]:
        headers = {"X-BM-KEY": self.keys["api_key"]} if key else {}
        params = {name: str(value) for name, value in query.items()}
        async with self.http.get(self.base(path) + path, params=params, headers=headers) as answer:
            return answer.status, await answer.json()

    async def post(self, path: str, body: Frame | str, **changed: str | None) -> tuple[int, Frame]:
        text = body if isinstance(body, str) else json.dumps(body)
        async with self.http.post(
            self.base(path) + path, data=text, headers=self.headers(text, **changed)
        ) as answer:
            return answer.status, await answer.json()

    async def data(self, path: str, body: Frame | None = None, **query: object) -> Any:
        """The data of a call that must succeed: a POST when there is a body."""
        status, envelope = await (self.post(path, body) if body is not None else self.get(path, **query))
        assert (status, envelope["code"]) == (200, 1000), envelope
        return envelope["data"]

    async def spot(self, side: str, type: str = "limit", **fields: str) -> str:
        """Submit a spot order; its id."""
        body = {"symbol": "BTC_USDT", "side": side, "type": type, **fields}
        return (await self.data("/spot/v2/submit_order", body))["order_id"]

    async def order(self, order_id: str) -> Frame:
        return await self.data("/spot/v4/query/order", {"orderId": order_id})

    async def refused(self, path: str, body: Frame | None = None, **query: object) -> tuple[int, int]:
        """(status, code) of a call that must not succeed."""
        status, envelope = await (self.post(path, body) if body is not None else self.get(path, **query))
        assert envelope["code"] != 1000, envelope
        return status, envelope["code"]

    async def contract(self, side: int, size: int, **fields: object) -> str:
        """Submit a futures order, at market without a price; its id as text."""
        kind = "limit" if "price" in fields else "market"
        body = {"symbol": "BTCUSDT", "side": side, "size": size, "type": kind, **fields}
        return str((await self.data("/contract/private/submit-order", body))["order_id"])


class Stream:
    """One socket whose frames can be waited for by what they say."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.frames: list[Any] = []

    async def send(self, message: Frame | str) -> None:
        await self.connection.send(message if isinstance(message, str) else json.dumps(message))

    async def read(self) -> Any:
        """The next frame: JSON taken apart, other text as it is."""
        raw = await asyncio.wait_for(self.connection.recv(), 5)
        if isinstance(raw, bytes):
            raw = zlib.decompressobj(-15).decompress(raw).decode()
        frame = json.loads(raw) if raw[:1] in "{[" else raw
        self.frames.append(frame)
        return frame

    async def until(self, condition: Callable[[Any], bool]) -> Any:
        """The first frame from now on of which the condition holds."""
        while True:
            frame = await self.read()
            if condition(frame):
                return frame

    async def data(self, name: str) -> Any:
        """The data of the next frame of a table or group."""
        frame = await self.until(
            lambda f: isinstance(f, dict) and name in (f.get("table"), f.get("group")) and "data" in f
        )
        return frame["data"]

    async def login(self, sandbox: Sandbox, **changed: str) -> Any:
        keys, timestamp = sandbox.keys, str(sandbox.gate_ms())
        args = {
            "key": keys["api_key"],
            "timestamp": timestamp,
            "sign": signature(keys["api_secret"], timestamp, keys["api_memo"], "bitmart.WebSocket"),
            **changed,
        }
        if f":{self.connection.remote_address[1]}/" in sandbox.environment.spot_private:
            await self.send({"op": "login", "args": list(args.values())})
        else:
            await self.send({"action": "access", "args": [*args.values(), "web"]})
        return await self.read()


@contextlib.asynccontextmanager
async def stream(url: str) -> AsyncIterator[Stream]:
    async with connect(url, ping_interval=None, compression=None, close_timeout=1) as connection:
        yield Stream(connection)
