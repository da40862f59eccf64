"""A neutral HTTP server for the benchmarks: constant answers, true signature checks, nothing else.

``python -m benchmarks.server`` prints its port and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import sys

KEY, SECRET, MEMO = "benchmark-key", "benchmark-secret", "benchmark-memo"

TICKER = (
    b'{"code":1000,"message":"success","trace":"886fb6ae-456b-4654-b4e0-1231","data":{"symbol":"BTC_USDT",'
    b'"last":"30000.00","v_24h":"582.08066","qv_24h":"4793098.48","open_24h":"28596.30","high_24h":"31012.44",'
    b'"low_24h":"12.44","fluctuation":"0.04909","bid_px":"30000","bid_sz":"1","ask_px":"31012.44",'
    b'"ask_sz":"69994.75267","ts":"1691671091933"}}'
)
ACK = (
    b'{"code":1000,"trace":"886fb6ae-456b-4654-b4e0-d681ac05cea1","message":"OK",'
    b'"data":{"order_id":"125213058731346056"}}'
)
_HEAD = (
    b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nDate: Fri, 20 Nov 2026 00:00:00 GMT\r\n"
    b"X-BM-RateLimit-Remaining: 1\r\nX-BM-RateLimit-Limit: 1000000\r\nX-BM-RateLimit-Reset: 2\r\n"
    b"X-BM-RateLimit-Mode: IP\r\nContent-Length: %d\r\n\r\n"
)


def _answer(status: bytes, body: bytes) -> bytes:
    return _HEAD % (status, len(body)) + body


_TICKER = _answer(b"200 OK", TICKER)
_ACK = _answer(b"200 OK", ACK)
_REFUSED = _answer(b"401 Unauthorized", b'{"code":30005,"message":"signature","trace":"","data":{}}')
_LOST = _answer(b"404 Not Found", b'{"code":30000,"message":"no such path","trace":"","data":{}}')


class Server(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._bytes = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._bytes += data
        while True:
            head, found, rest = self._bytes.partition(b"\r\n\r\n")
            if not found:
                return
            line, *lines = head.split(b"\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(b": ") for line in lines)}
            length = int(headers.get(b"content-length", b"0"))
            if len(rest) < length:
                return
            self._bytes = rest[length:]
            assert self._transport is not None
            self._transport.write(self._handle(line, headers, rest[:length]))

    def _handle(self, line: bytes, headers: dict[bytes, bytes], body: bytes) -> bytes:
        if line.startswith(b"GET /spot/quotation/v3/ticker?"):
            return _TICKER
        if not line.startswith(b"POST /spot/v2/submit_order "):
            return _LOST
        message = headers[b"x-bm-timestamp"] + b"#" + MEMO.encode() + b"#" + body
        sign = hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest().encode()
        fine = headers[b"x-bm-key"] == KEY.encode() and headers[b"x-bm-sign"] == sign
        return _ACK if fine else _REFUSED


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Server, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
