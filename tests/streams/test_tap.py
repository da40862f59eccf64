"""``ws.tap()``: every frame as it came."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import pytest

from bitmart_async import ParameterError, WebsocketClient
from tests.scripted_ws import ScriptedServer, streams, until

if TYPE_CHECKING:
    from bitmart_async import Event

_TOPIC = "spot/ticker:BTC_USDT"


def _frame(text: str) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(text.encode()) + packer.flush()


async def test_every_frame_comes_as_it_was_sent_between_the_events_around_it() -> None:
    """Acknowledgements, data of any kind, binary frames and nonsense reach a tap byte for byte, after the event
    of their socket; one that raises harms nothing; after its end a tap hears no more."""
    packed = _frame('{"table":"spot/other","data":[]}')
    async with ScriptedServer() as server, streams(server) as ws:
        heard: list[tuple[str, int, bytes] | str] = []
        seen: list[int] = []

        def frame(connection: str, generation: int, frame: bytes, received_ns: int) -> None:
            heard.append((connection, generation, frame))
            seen.append(received_ns)
            raise ValueError("a mistake in a tap")

        def event(event: Event) -> None:
            heard.append(event.name)

        end = ws.tap(frame, events=event)
        await ws.subscribe(_TOPIC, handler=lambda _: None)
        session = server.sessions[0]
        await session.send('{"table" : "spot/ticker","data":[]}')
        await session.send(packed)
        await session.send(b"\xff\x00\xfe")
        await until(lambda: ("spot_public", 1, b"\xff\x00\xfe") in heard)
        frames = [one[2] for one in heard if isinstance(one, tuple)]
        assert frames[0] == b'{"event":"subscribe","topic":"spot/ticker:BTC_USDT"}'
        assert frames[1:] == [b'{"table" : "spot/ticker","data":[]}', packed, b"\xff\x00\xfe"]
        assert heard[0] == "open"
        assert seen == sorted(set(seen))
        end()
        end()
        before = len(heard)
        updates = await ws.subscribe("spot/trade:BTC_USDT")
        await session.send(
            '{"table":"spot/trade","data":[{"symbol":"BTC_USDT","side":"buy","price":"1","size":"1","ms_t":1}]}'
        )
        assert (await anext(updates)).data
        assert len(heard) == before


async def test_a_tap_is_a_plain_function() -> None:
    """An async one would make a task per frame: refused."""

    async def frame(*_: object) -> None: ...

    async with WebsocketClient() as ws:
        with pytest.raises(ParameterError, match="plain"):
            ws.tap(frame)
