"""What a login is answered with on a stream, held against the frames that were published."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.kept import SHARED, needs_shared

if TYPE_CHECKING:
    from bitmart_async.sandbox import Sandbox

_ROW = re.compile(r"^\| (success|failure) \| `([^`]+)` \| `([^`]+)` \|$", re.MULTILINE)
_KEY = "880d5edecs0123456789abcdef"
"""Begins like the key of the published refusal."""


def _login(sandbox: Sandbox, market: str, *, key: str | None = None, sign: str | None = None) -> str:
    keys = sandbox.keys
    timestamp = str(sandbox.now_ms())
    text = f"{timestamp}#{keys['api_memo']}#bitmart.WebSocket"
    good = hmac.new(keys["api_secret"].encode(), text.encode(), hashlib.sha256).hexdigest()
    args = [keys["api_key"] if key is None else key, timestamp, good if sign is None else sign]
    if market == "spot":
        return json.dumps({"op": "login", "args": args})
    return json.dumps({"action": "access", "args": [*args, "web"]})


async def _answer(sandbox: Sandbox, market: str, login: str) -> tuple[str, bool]:
    """The frame that answers, as it came, and whether the server then closes the socket."""
    async with connect(getattr(sandbox.environment, f"{market}_private"), proxy=None) as socket:
        await socket.send(login)
        answer = await socket.recv(decode=True)
        assert isinstance(answer, str)
        if '"success":true' in answer or answer == '{"event":"login"}':
            return answer, False
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        return answer, True


@needs_shared
async def test_a_login_is_answered_byte_for_byte_as_published(sandbox: Sandbox) -> None:
    """Success and an unknown key, on both markets: the documents' very bytes, and a refusal is followed by a close."""
    rows = {
        what: (spot, futures) for what, spot, futures in _ROW.findall((SHARED / "websocket.md").read_text())
    }
    assert set(rows) == {"success", "failure"}, "the table of logins has another form now"
    for place, market in enumerate(("spot", "futures")):
        assert await _answer(sandbox, market, _login(sandbox, market)) == (rows["success"][place], False)
        refused = await _answer(sandbox, market, _login(sandbox, market, key=_KEY))
        assert refused == (rows["failure"][place], True)


@needs_shared
async def test_a_wrong_signature_is_answered_as_recorded(sandbox: Sandbox) -> None:
    """Spot: the recorded frame but for the order of its keys, which varies. Futures has one text for every refusal."""
    frames = json.loads((SHARED / "ws-samples" / "spot-login.json").read_text())["frames"]
    (recorded,) = (json.loads(frame) for frame in frames if "91011" in frame)
    answer, closed = await _answer(sandbox, "spot", _login(sandbox, "spot", sign="0" * 64))
    assert (json.loads(answer), closed) == (recorded, True)
    shown = sandbox.keys["api_key"][:10]
    answer, closed = await _answer(sandbox, "futures", _login(sandbox, "futures", sign="0" * 64))
    published = json.loads((SHARED / "ws-samples" / "futures-login.json").read_text())["frames"][1]
    assert (answer, closed) == (published.replace("880d5edecs", shown), True)
