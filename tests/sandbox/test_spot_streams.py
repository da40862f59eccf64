"""The spot streams, frame by frame."""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import ConnectionClosed

from bitmart_async.sandbox import Sandbox

from .wire import Stream, Wire, stream


async def subscribe(socket: Stream, *topics: str) -> None:
    """Subscribe and wait for the last acknowledgement."""
    await socket.send({"op": "subscribe", "args": list(topics)})
    await socket.until(lambda f: f == {"event": "subscribe", "topic": topics[-1]})


@pytest.mark.asyncio
async def test_control_frames(sandbox: Sandbox) -> None:
    """Acknowledgements, errors and the heartbeat are the documented texts."""
    async with stream(sandbox.environment.spot_public) as socket:
        for sent, answer in (
            ("ping", "pong"),
            (
                {"op": "subscribe", "args": ["spot/trade:BTC_USDT"]},
                {"event": "subscribe", "topic": "spot/trade:BTC_USDT"},
            ),
            (
                {"op": "unsubscribe", "args": ["spot/trade:BTC_USDT"]},
                {"event": "unsubscribe", "topic": "spot/trade:BTC_USDT"},
            ),
            (
                {"op": "subscribe", "args": ["spot/nothing:BTC_USDT"]},
                {"event": "subscribe", "errorCode": "90004", "errorMessage": "Invalid channel param"},
            ),
            (
                {"op": "subscribe", "args": ["spot/ticker:NOPE_USDT"]},
                {"errorMessage": "Invalid symbol param", "errorCode": "92001"},
            ),
        ):
            await socket.send(sent)
            assert await socket.read() == answer


@pytest.mark.asyncio
async def test_error_codes(sandbox: Sandbox) -> None:
    """Each misuse has its code, as text."""
    async with stream(sandbox.environment.spot_public) as socket:
        await subscribe(socket, "spot/trade:BTC_USDT")
        for sent, code in (
            ("no json", "90001"),
            ("[]", "90001"),
            ({"op": "jump", "args": ["x"]}, "90002"),
            ({"op": "subscribe"}, "90003"),
            ({"op": "subscribe", "args": [1]}, "90003"),
            ({"op": "subscribe", "args": ["spot/trade:BTC_USDT"] * 21}, "90005"),
            ({"op": "subscribe", "args": ["spot/trade:BTC_USDT"]}, "90008"),
            ({"op": "subscribe", "args": ["spot/user/orders:ALL_SYMBOLS"]}, "91006"),
        ):
            await socket.send(sent)
            assert (await socket.read())["errorCode"] == code


@pytest.mark.asyncio
async def test_login(sandbox: Sandbox) -> None:
    """A good login is answered by its event alone; a second one is 91005."""
    async with stream(sandbox.environment.spot_private) as socket:
        assert await socket.login(sandbox) == {"event": "login"}
        assert (await socket.login(sandbox))["errorCode"] == "91005"
        await sandbox.until(lambda seen: seen.sockets["spot_private"].logins == 1)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"key": "nobody"}, "91002"),
        ({"key": ""}, "91001"),
        ({"sign": "0" * 64}, "91011"),
        ({"sign": ""}, "91010"),
        ({"timestamp": "1589267764859"}, "91022"),
        ({"timestamp": "now"}, "91023"),
        ({"timestamp": ""}, "91021"),
    ],
)
async def test_a_refused_login_ends_the_socket(sandbox: Sandbox, changed: dict[str, str], code: str) -> None:
    """A bad login is answered with its code, then the server closes."""
    async with stream(sandbox.environment.spot_private) as socket:
        frame = await socket.login(sandbox, **changed)
        assert (frame["event"], frame["errorCode"]) == ("login", code)
        with pytest.raises(ConnectionClosed):
            await socket.read()


@pytest.mark.asyncio
async def test_snapshots_come_at_once(sandbox: Sandbox) -> None:
    """Ticker, best prices, candle and depth answer at once; trades do not."""
    keys = {
        "ticker": {
            "symbol",
            "last_price",
            "open_24h",
            "high_24h",
            "low_24h",
            "base_volume_24h",
            "quote_volume_24h",
            "fluctuation",
            "bid_px",
            "bid_sz",
            "ask_px",
            "ask_sz",
            "ms_t",
            "s_t",
        },
        "bookTicker": {"symbol", "bid_px", "bid_sz", "ask_px", "ask_sz", "ms_t"},
        "depth5": {"symbol", "asks", "bids", "ms_t"},
        "depth50": {"symbol", "asks", "bids", "ms_t"},
        "depth/increase100": {"symbol", "asks", "bids", "ms_t", "type", "version"},
        "kline1m": {"symbol", "candle"},
        "kline1M": {"symbol", "candle"},
        "kline1W": {"symbol", "candle"},
    }
    async with stream(sandbox.environment.spot_public) as socket:
        for channel, wanted in keys.items():
            await subscribe(socket, f"spot/{channel}:BTC_USDT")
            frame = await socket.read()
            assert frame["table"] == f"spot/{channel}"
            assert set(frame["data"][0]) == wanted
            if channel.startswith("kline"):
                assert [type(value) for value in frame["data"][0]["candle"]] == [int] + [str] * 5
        await subscribe(socket, "spot/trade:BTC_USDT")
        await socket.send("ping")
        assert await socket.read() == "pong"


@pytest.mark.asyncio
async def test_a_tick_moves_the_ticker(sandbox: Sandbox) -> None:
    """A forced print shows up as a trade and in the ticker at once."""
    async with stream(sandbox.environment.spot_public) as socket:
        await subscribe(socket, "spot/ticker:BTC_USDT", "spot/trade:BTC_USDT")
        sandbox.tick("BTC_USDT", last="64321.09")
        trade = (await socket.data("spot/trade"))[0]
        assert (trade["price"], set(trade)) == (
            "64321.09",
            {"symbol", "price", "side", "size", "s_t", "ms_t"},
        )
        assert (await socket.data("spot/ticker"))[0]["last_price"] == "64321.09"


@pytest.mark.asyncio
async def test_the_life_of_an_order_is_pushed(sandbox: Sandbox, wire: Wire) -> None:
    """Every state and every fill of an order is pushed apart, on both topics, all values as text."""
    async with stream(sandbox.environment.spot_private) as socket:
        await socket.login(sandbox)
        await subscribe(socket, "spot/user/order:BTC_USDT", "spot/user/orders:ALL_SYMBOLS")
        book = await wire.data("/spot/quotation/v3/books", symbol="BTC_USDT", limit=2)
        sizes = [row[1] for row in book["asks"]]
        order_id = await wire.spot("buy", size="1", price=book["asks"][1][0], client_order_id="Life1")
        await wire.data("/spot/v3/cancel_order", {"symbol": "BTC_USDT", "order_id": order_id})
        rows = []
        for _ in range(4):
            one, many = await socket.data("spot/user/order"), await socket.data("spot/user/orders")
            assert one == many
            assert all(isinstance(value, str) for value in one[0].values())
            rows.append(one[0])
        assert [row["order_state"] for row in rows] == [
            "new",
            "partially_filled",
            "partially_filled",
            "partially_canceled",
        ]
        assert [row["state"] for row in rows] == ["4", "5", "5", "12"]
        assert [row["last_fill_count"] for row in rows] == ["0", *sizes, "0"]
        assert {row["client_order_id"] for row in rows} == {"Life1"}
        assert rows[1]["exec_type"] == "T"
        assert set(rows[0]) == {
            "symbol",
            "side",
            "type",
            "notional",
            "size",
            "ms_t",
            "price",
            "filled_notional",
            "filled_size",
            "margin_trading",
            "state",
            "order_id",
            "order_type",
            "last_fill_time",
            "last_fill_price",
            "last_fill_count",
            "exec_type",
            "detail_id",
            "client_order_id",
            "create_time",
            "update_time",
            "order_mode",
            "entrust_type",
            "order_state",
            "dealFee",
            "deal_fee_coin_name",
        }


@pytest.mark.asyncio
async def test_balances_follow(sandbox: Sandbox, wire: Wire) -> None:
    """Freezing, trading and freeing each push the balances as they then are."""
    async with stream(sandbox.environment.spot_private) as socket:
        await socket.login(sandbox)
        await subscribe(socket, "spot/user/balance:BALANCE_UPDATE")
        order_id = await wire.spot("sell", size="0.5", price="70000")
        await wire.data("/spot/v3/cancel_order", {"symbol": "BTC_USDT", "order_id": order_id})
        for available, frozen in (("1.50000000", "0.50000000"), ("2.00000000", "0.00000000")):
            row = (await socket.data("spot/user/balance"))[0]
            assert row["event_type"] == "TRANSACTION_COMPLETED"
            assert row["balance_details"][0] == {"ccy": "BTC", "av_bal": available, "fz_bal": frozen}


@pytest.mark.asyncio
async def test_raw_deflate() -> None:
    """With compression on, data frames are binary raw DEFLATE and control frames stay text."""
    async with (
        Sandbox(lively=False, compress=True) as sandbox,
        stream(sandbox.environment.spot_public) as socket,
    ):
        await socket.send({"op": "subscribe", "args": ["spot/depth50:BTC_USDT"]})
        assert isinstance(await socket.connection.recv(), str)
        raw = await socket.connection.recv()
        assert isinstance(raw, bytes)
        import zlib

        unpacker = zlib.decompressobj(-15)
        frame = json.loads(unpacker.decompress(raw))
        assert unpacker.eof
        assert frame["table"] == "spot/depth50"


@pytest.mark.asyncio
async def test_limits_of_a_socket() -> None:
    """Too many topics is 90006; the 101st message within ten seconds 90007 and the end."""
    async with Sandbox(lively=False) as sandbox, stream(sandbox.environment.spot_public) as socket:
        for number in range(101):
            await socket.send("ping" if number else {"op": "subscribe", "args": ["spot/trade:BTC_USDT"]})
        frame = await socket.until(lambda f: isinstance(f, dict) and "errorCode" in f)
        assert frame["errorCode"] == "90007"
        with pytest.raises(ConnectionClosed):
            await socket.read()


@pytest.mark.asyncio
async def test_too_many_connections() -> None:
    """The eleventh private socket of an address is refused with 94002 and closed."""
    async with Sandbox(lively=False) as sandbox:
        import contextlib

        async with contextlib.AsyncExitStack() as stack:
            for _ in range(10):
                socket = await stack.enter_async_context(stream(sandbox.environment.spot_private))
                await socket.send("ping")
                assert await socket.read() == "pong"
            last = await stack.enter_async_context(stream(sandbox.environment.spot_private))
            assert (await last.read())["errorCode"] == "94002"
            with pytest.raises(ConnectionClosed):
                await last.read()


@pytest.mark.asyncio
async def test_a_message_too_long(sandbox: Sandbox) -> None:
    """More than 4096 bytes end the socket with 1009."""
    async with stream(sandbox.environment.spot_public) as socket:
        await socket.send("x" * 4_097)
        with pytest.raises(ConnectionClosed) as caught:
            await socket.read()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009


@pytest.mark.asyncio
async def test_silence_ends_the_socket(sandbox: Sandbox) -> None:
    """Twenty seconds without a byte either way, and the socket is cut."""
    async with stream(sandbox.environment.spot_public) as socket:
        await socket.send("ping")
        assert await socket.read() == "pong"
        sandbox.faults.skew(21_000)
        with pytest.raises(ConnectionClosed):
            await socket.read()
        await sandbox.until(lambda seen: seen.open_sessions == 0)
