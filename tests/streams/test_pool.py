"""The pool alone: real connections, whose sockets are a PaperExchange's."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from bitmart_async.environments import LIVE
from bitmart_async.errors import ClientClosed, IpBanned, ParameterError, StreamUnavailable
from bitmart_async.websocket.connection import Connection
from bitmart_async.websocket.dialects import SPOT
from bitmart_async.websocket.hooks import Hooks
from bitmart_async.websocket.mailbox import Pressure
from bitmart_async.websocket.pool import Kind, Pool
from bitmart_async.websocket.session import Timings
from bitmart_async.websocket.state import State
from bitmart_async.websocket.topics import Market, parse
from tests.fast_time import virtual_time
from tests.paper_exchange import PaperExchange

if TYPE_CHECKING:
    from bitmart_async.websocket.pacing import Pacer

SPOT_PUBLIC = Kind(Market.SPOT, private=False)
FUTURES_PUBLIC = Kind(Market.FUTURES, private=False)


class _Made:
    """A pool, and what it asked for."""

    def __init__(self, exchange: PaperExchange) -> None:
        self.pacers: list[Pacer] = []
        self.pool = Pool(LIVE, self._make)
        self._exchange = exchange

    def _make(self, kind: Kind, name: str, pacer: Pacer) -> Connection:
        self.pacers.append(pacer)
        return Connection(
            name,
            kind.url(LIVE),
            SPOT,
            signer=None,
            timings=Timings(),
            pacer=pacer,
            capacity=kind.capacity,
            hooks=Hooks(
                open_socket=self._exchange.open,
                emit=lambda event: None,
                topic_lost=lambda text, error: None,
                banned=self.pool.stop,
                resync=_never,
                now_ms=lambda: 0,
                logger=logging.getLogger("bitmart_async"),
                mask=str,
                pressure=Pressure(),
                taps=[],
            ),
        )


async def _never() -> bool:
    raise AssertionError("no clock is measured without keys")


@pytest.fixture
def made() -> _Made:
    return _Made(PaperExchange())


@pytest.mark.parametrize(
    ("kind", "name", "capacity"),
    [
        (SPOT_PUBLIC, "spot_public", 115),
        (Kind(Market.SPOT, private=True), "spot_private", 100),
        (FUTURES_PUBLIC, "futures_public", 100),
        (Kind(Market.FUTURES, private=True), "futures_private", 100),
    ],
)
def test_a_kind_fills_one_socket_before_the_next(made: _Made, kind: Kind, name: str, capacity: int) -> None:
    """A connection takes as many topics as a socket may have; the next topic gets a numbered one, and a
    place that is free again is taken first."""
    for number in range(capacity):
        connection = made.pool.with_room(kind)
        connection.routes.add(parse(f"{kind.market.value}/ticker:X{number}"))
        assert connection.name == name
    second = made.pool.with_room(kind)
    assert second.name == f"{name}_2"
    assert [connection.name for connection in made.pool] == [name, f"{name}_2"]
    first = next(iter(made.pool))
    first.routes.remove(f"{kind.market.value}/ticker:X7")
    assert made.pool.with_room(kind) is first


def test_a_topic_leads_to_its_connection(made: _Made) -> None:
    """Whoever has a topic is found; of one that nobody has there is none."""
    topic = parse("futures/ticker:BTCUSDT")
    assert made.pool.holding(topic.text) is None
    made.pool.with_room(SPOT_PUBLIC)
    connection = made.pool.with_room(FUTURES_PUBLIC)
    connection.routes.add(topic)
    assert made.pool.holding(topic.text) is connection
    assert made.pool.holding("futures/ticker:ETHUSDT") is None


def test_connections_to_one_host_share_its_limit_on_connects(made: _Made) -> None:
    """Public and private connections of a market lead to one host, and those of the other to another."""
    for kind in (SPOT_PUBLIC, Kind(Market.SPOT, private=True), FUTURES_PUBLIC):
        made.pool.with_room(kind)
    public, private, futures = made.pacers
    assert public is private
    assert futures is not public


@virtual_time
async def test_a_ban_ends_the_connections_to_its_host_only() -> None:
    """Those to the other host go on."""
    pool = _Made(PaperExchange()).pool
    await pool.keep([SPOT_PUBLIC, FUTURES_PUBLIC])
    spot, futures = pool
    pool.stop(spot.host, IpBanned("banned"))
    await asyncio.sleep(1)
    assert (spot.state, futures.state) == (State.IDLE, State.LIVE)
    await pool.aclose()


@virtual_time
async def test_what_was_live_is_kept_when_another_host_is_down() -> None:
    """keep() raises what refused one, and the one that is live stays open without topics."""
    exchange = PaperExchange()
    pool = _Made(exchange).pool
    await pool.keep([SPOT_PUBLIC])
    exchange.refused = "maintenance"
    with pytest.raises(StreamUnavailable, match="maintenance"):
        await pool.keep([SPOT_PUBLIC, FUTURES_PUBLIC])
    await asyncio.sleep(60)  # longer than a socket without topics lingers
    spot, futures = pool
    assert (spot.state, futures.state) == (State.LIVE, State.IDLE)
    await pool.aclose()


@virtual_time
async def test_a_pool_closed_meanwhile_keeps_nothing() -> None:
    """Whoever waits for it to be live is told that it was closed."""
    pool = _Made(PaperExchange()).pool
    keeping = asyncio.create_task(pool.keep([SPOT_PUBLIC]))
    await asyncio.sleep(0)
    await pool.aclose()
    with pytest.raises(ClientClosed):
        await keeping
    assert pool.closed
    assert [connection.state for connection in pool] == [State.CLOSED]


@virtual_time
async def test_rotation_is_by_name() -> None:
    """One is replaced by its name, all without one; a name that is none lists those there are."""
    exchange = PaperExchange()
    pool = _Made(exchange).pool
    with pytest.raises(ParameterError, match="none yet"):
        await pool.rotate("spot_public")
    await pool.keep([SPOT_PUBLIC, FUTURES_PUBLIC])
    with pytest.raises(ParameterError, match="there are: spot_public, futures_public"):
        await pool.rotate("spot")
    await pool.rotate("spot_public")
    assert [connection.generation for connection in pool] == [2, 1]
    await pool.rotate(None)
    assert [connection.generation for connection in pool] == [3, 2]
    await pool.aclose()
