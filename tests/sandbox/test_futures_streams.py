"""The futures streams, frame by frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from bitmart_async.sandbox.contract_orders import ContractTicket

from .wire import Frame, Stream, Wire, stream

if TYPE_CHECKING:
    from bitmart_async.sandbox import Sandbox


async def subscribe(socket: Stream, *topics: str) -> None:
    """Subscribe and wait for the last acknowledgement."""
    await socket.send({"action": "subscribe", "args": list(topics)})
    await socket.until(lambda f: f.get("success") and f["group"] == topics[-1])


@pytest.mark.asyncio
async def test_control_frames(sandbox: Sandbox) -> None:
    """Acknowledgements repeat the request, errors are the documented texts, spelled as they are."""
    async with stream(sandbox.environment.futures_public) as socket:
        good = {"action": "subscribe", "args": ["futures/klineBin1m:BTCUSDT"]}
        bad = {"action": "subscribe", "args": ["futures/depthIncrease50:NOPEUSDT@100ms"]}
        odd = {"action": "", "args": ["futures/trade:BTCUSDT"]}
        ack = {"action": "subscribe", "group": "futures/klineBin1m:BTCUSDT", "success": True, "request": good}
        for sent, answer in (
            (good, ack),
            (good, ack),
            (
                good | {"action": "unsubscribe"},
                ack | {"action": "unsubscribe", "request": good | {"action": "unsubscribe"}},
            ),
            (
                bad,
                {
                    "action": "subscribe",
                    "group": bad["args"][0],
                    "success": False,
                    "error": f"Invalid channel: not found {bad['args'][0]}",
                    "request": bad,
                },
            ),
            ("ping", {"success": False, "error": "Invalid message: message must be JSON: ping"}),
            (
                odd,
                {
                    "action": "",
                    "group": "futures/trade:BTCUSDT",
                    "success": False,
                    "request": odd,
                    "error": "Invalid action [] for group [futures/trade:BTCUSDT]",
                },
            ),
            (
                {"action": "subscribe", "args": ["futures/order"]},
                {
                    "action": "subscribe",
                    "group": "futures/order",
                    "success": False,
                    "error": "futures/order need authenication",
                },
            ),
        ):
            await socket.send(sent)
            assert await socket.read() == answer


@pytest.mark.asyncio
async def test_the_heartbeat(sandbox: Sandbox) -> None:
    """The JSON ping is answered by a System frame; the spot form is ignored."""
    async with stream(sandbox.environment.futures_public) as socket:
        await socket.send({"op": "subscribe", "args": ["futures/trade:BTCUSDT"]})
        await socket.send({"action": "ping"})
        frame = await socket.read()
        assert frame["group"] == "System"
        assert frame["data"].startswith("pong+")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "topic",
    [
        "futures/depth7:BTCUSDT",
        "futures/depth5:BTCUSDT@50ms",
        "futures/klineBin3m:BTCUSDT",
        "futures/klineBin1h:BTCUSDT",
        "futures/bookTicker:BTCUSDT",
        "futures/ticker:",
        "futures/asset:XRP",
        "spot/ticker:BTCUSDT",
        "futures/order:BTCUSDT",
        "",
        "futures/v2/depthAll5:BTCUSDT@100ms",
    ],
)
async def test_unknown_topics(sandbox: Sandbox, topic: str) -> None:
    """A wrong level, speed, interval, case or symbol is no channel."""
    async with stream(sandbox.environment.futures_public) as socket:
        await socket.send({"action": "subscribe", "args": [topic]})
        frame = await socket.read()
        assert (frame["success"], frame["error"]) == (False, f"Invalid channel: not found {topic}")


@pytest.mark.asyncio
async def test_login(sandbox: Sandbox) -> None:
    """A good login is short; a bad one shows a masked key and ends the socket."""
    async with stream(sandbox.environment.futures_private) as socket:
        assert await socket.login(sandbox) == {"action": "access", "success": True}
    async with stream(sandbox.environment.futures_private) as socket:
        frame = await socket.login(sandbox, key="880d5edecs1234567")
        assert frame == {
            "action": "access",
            "success": False,
            "error": "access failed: openapi auth: apiKey 880d5edecs**** failed: openapi auth failed",
        }
        with pytest.raises(ConnectionClosed):
            await socket.read()


@pytest.mark.asyncio
async def test_frames_of_the_public_channels(sandbox: Sandbox) -> None:
    """Each channel's data has the documented keys; the group is the topic as it was asked for."""
    book = {"symbol", "asks", "bids", "ms_t"}
    keys: dict[str, set[str]] = {
        "depth5:BTCUSDT@100ms": {"symbol", "way", "depths", "ms_t"},
        "depthAll20:BTCUSDT@200ms": book,
        "depthIncrease50:BTCUSDT": book | {"version", "type"},
        "bookticker:BTCUSDT": {
            "symbol",
            "best_bid_price",
            "best_bid_vol",
            "best_ask_price",
            "best_ask_vol",
            "ms_t",
        },
        "fundingRate:BTCUSDT": {
            "symbol",
            "fundingRate",
            "fundingTime",
            "nextFundingRate",
            "nextFundingTime",
            "funding_upper_limit",
            "funding_lower_limit",
            "ts",
        },
    }
    async with stream(sandbox.environment.futures_public) as socket:
        for name, wanted in keys.items():
            await subscribe(socket, f"futures/{name}")
            assert set(await socket.data(f"futures/{name}")) == wanted


@pytest.mark.asyncio
async def test_depth_comes_side_by_side(sandbox: Sandbox) -> None:
    """The plain depth channel sends bids and asks in two frames."""
    async with stream(sandbox.environment.futures_public) as socket:
        await subscribe(socket, "futures/depth5:BTCUSDT")
        first = await socket.data("futures/depth5:BTCUSDT")
        second = await socket.data("futures/depth5:BTCUSDT")
        assert (first["way"], second["way"]) == (1, 2)
        assert first["depths"][0]["price"] == "64000"
        assert second["depths"][0]["price"] == "64000.5"


@pytest.mark.asyncio
async def test_a_tick_moves_ticker_trade_and_candle(sandbox: Sandbox) -> None:
    """A forced print is a trade, both tickers and a candle; nothing of these came before it."""
    async with stream(sandbox.environment.futures_public) as socket:
        await subscribe(
            socket,
            "futures/ticker:BTCUSDT",
            "futures/ticker",
            "futures/trade:BTCUSDT",
            "futures/klineBin1m:BTCUSDT",
            "futures/markPriceKlineBin1m:BTCUSDT",
        )
        sandbox.tick("BTCUSDT", last="64000.1")
        trade = (await socket.data("futures/trade:BTCUSDT"))[0]
        assert set(trade) == {"trade_id", "symbol", "deal_price", "deal_vol", "way", "m", "created_at"}
        assert (trade["deal_price"], isinstance(trade["trade_id"], int)) == ("64000.1", True)
        ticker = await socket.data("futures/ticker:BTCUSDT")
        assert ticker["last_price"] == "64000.1"
        assert set(ticker) == {
            "symbol",
            "last_price",
            "volume_24",
            "range",
            "mark_price",
            "index_price",
            "ask_price",
            "ask_vol",
            "bid_price",
            "bid_vol",
        }
        assert await socket.data("futures/ticker") == ticker
        candle = (await socket.data("futures/klineBin1m:BTCUSDT"))["items"][0]
        assert (candle["c"], set(candle)) == ("64000.1", {"o", "h", "l", "c", "v", "ts"})
        assert len([f for f in socket.frames if "data" in f]) == 4


@pytest.mark.asyncio
async def test_a_missed_change_reaches_who_comes_back(sandbox: Sandbox) -> None:
    """A print while nobody listens is told to the next subscriber of that ticker."""
    for first in (True, False):
        async with stream(sandbox.environment.futures_public) as socket:
            await subscribe(socket, "futures/ticker:BTCUSDT")
            if not first:
                assert (await socket.data("futures/ticker:BTCUSDT"))["last_price"] == "64111.1"
        await sandbox.until(lambda seen: seen.open_sessions == 0)
        sandbox.tick("BTCUSDT", last="64111.1")


@pytest.mark.asyncio
async def test_private_pushes(sandbox: Sandbox, wire: Wire) -> None:
    """Submission, each fill and the cancel are pushed apart; position and asset follow each fill."""
    async with stream(sandbox.environment.futures_private) as socket:
        await socket.login(sandbox)
        await subscribe(socket, "futures/order", "futures/position", "futures/asset:USDT")
        depth = await wire.data("/contract/public/depth", symbol="BTCUSDT")
        sizes = [row[1] for row in depth["asks"][:2]]
        total = int(sizes[0]) + int(sizes[1]) + 7
        order_id = await wire.contract(
            1, total, price=depth["asks"][1][0], leverage="50", client_order_id="Push1"
        )
        await wire.data("/contract/private/cancel-order", {"symbol": "BTCUSDT", "order_id": order_id})
        rows: list[Frame] = []
        while len(rows) < 4:
            rows += await socket.data("futures/order")
        assert [row["action"] for row in rows] == [2, 1, 1, 3]
        assert [row["order"]["state"] for row in rows] == [2, 2, 2, 4]
        assert [row["order"]["deal_size"] for row in rows] == ["0", sizes[0], str(total - 7), str(total - 7)]
        fills = [row["order"]["last_trade"] for row in rows]
        assert (fills[0], fills[3]) == (None, None)
        assert [fill["fillQty"] for fill in fills[1:3]] == sizes
        assert set(fills[1]) == {"lastTradeID", "fillQty", "fillPrice", "fee", "feeCcy"}
        assert rows[0]["order"]["trigger_price"] == "-"
        assert rows[0]["order"]["order_id"] == order_id
        positions = [
            frame["data"][0]
            for frame in socket.frames
            if frame.get("group") == "futures/position" and "data" in frame
        ]
        assert [row["hold_volume"] for row in positions] == [sizes[0], str(total - 7)]
        assert (positions[0]["position_type"], positions[0]["open_type"]) == (1, 2)
        asset = await socket.data("futures/asset:USDT")
        assert set(asset) == {"currency", "available_balance", "position_deposit", "frozen_balance"}
        truth = sandbox.account().balances["futures", "USDT"]
        assert float(asset["available_balance"]) == float(truth.available)


@pytest.mark.asyncio
async def test_others_do_not_see_it(sandbox: Sandbox, wire: Wire) -> None:
    """Who is not logged in gets no private frame."""
    async with stream(sandbox.environment.futures_private) as socket:
        await socket.send({"action": "subscribe", "args": ["futures/order"]})
        assert not (await socket.read())["success"]
        await wire.contract(1, 1)
        await socket.send({"action": "ping"})
        assert (await socket.read())["group"] == "System"


@pytest.mark.asyncio
async def test_request(sandbox: Sandbox) -> None:
    """A request is answered with one data frame and no acknowledgement."""
    async with stream(sandbox.environment.futures_public) as socket:
        for topic in ("futures/fundingRate:BTCUSDT", "futures/depthIncrease5:BTCUSDT@100ms"):
            await socket.send({"action": "request", "args": [topic]})
            frame = await socket.read()
            assert (frame["group"], "action" in frame) == (topic, False)


@pytest.mark.asyncio
async def test_a_message_too_long(sandbox: Sandbox) -> None:
    """More than 2048 bytes end the socket with 1009."""
    async with stream(sandbox.environment.futures_public) as socket:
        await socket.send("x" * 2_049)
        with pytest.raises(ConnectionClosed) as caught:
            await socket.read()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009


@pytest.mark.asyncio
async def test_what_comes_by_the_clock(sandbox: Sandbox, wire: Wire) -> None:
    """Positions are repeated every ten seconds, the funding rate every minute."""
    environment = sandbox.environment
    async with stream(environment.futures_private) as private, stream(environment.futures_public) as public:
        await wire.contract(1, 3)
        await private.login(sandbox)
        await subscribe(private, "futures/position")
        await subscribe(public, "futures/fundingRate:BTCUSDT")
        first = await public.data("futures/fundingRate:BTCUSDT")
        sandbox.faults.skew(61_000)
        assert (await private.data("futures/position"))[0]["hold_volume"] == "3"
        second = await public.data("futures/fundingRate:BTCUSDT")
        assert second["ts"] - first["ts"] >= 60_000


@pytest.mark.asyncio
async def test_permessage_deflate_is_agreed_to_on_futures_only(sandbox: Sandbox) -> None:
    """Offered on a futures socket it is in force, every message on its own; spot does not answer the offer."""
    urls = sandbox.environment
    async with connect(urls.futures_public) as futures, connect(urls.spot_public) as spot:
        assert futures.response is not None
        agreed = futures.response.headers["Sec-WebSocket-Extensions"]
        assert agreed.startswith("permessage-deflate; server_no_context_takeover; client_no_context_takeover")
        socket = Stream(futures)
        await subscribe(socket, "futures/depthAll50:BTCUSDT")
        assert len((await socket.data("futures/depthAll50:BTCUSDT"))["asks"]) == 50
        assert spot.response is not None
        assert "Sec-WebSocket-Extensions" not in spot.response.headers


@pytest.mark.asyncio
async def test_a_closed_position_is_shown_once_more(sandbox: Sandbox, wire: Wire) -> None:
    """With nothing in it, however late the exchange gets round to telling."""
    exchange = sandbox._exchange
    async with stream(sandbox.environment.futures_private) as socket:
        await socket.login(sandbox)
        await subscribe(socket, "futures/position")
        await wire.contract(1, 2)
        assert [row["hold_volume"] for row in await socket.data("futures/position")] == ["2"]
        close = ContractTicket(symbol="BTCUSDT", side=3, type="market", size=2)
        exchange.futures.submit(exchange.default, close, sandbox.now_ms() - 50)
        assert [row["hold_volume"] for row in await socket.data("futures/position")] == ["0"]
