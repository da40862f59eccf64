"""Plan, take-profit, stop-loss and trailing orders: kept, changed, cancelled, fired, told on the stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .life import PLAN, PRIVATE, STOP, TRAIL
from .wire import stream

if TYPE_CHECKING:
    from .wire import Frame, Wire

CONTRACT: Frame = {"symbol": "BTCUSDT"}


async def plan(wire: Wire, **changed: object) -> str:
    return str((await wire.data(PRIVATE + "submit-plan-order", {**PLAN, **changed}))["order_id"])


async def stop(wire: Wire, **changed: object) -> str:
    return (await wire.data(PRIVATE + "submit-tp-sl-order", {**STOP, **changed}))["order_id"]


async def trail(wire: Wire, **changed: object) -> str:
    return str((await wire.data(PRIVATE + "submit-trail-order", {**TRAIL, **changed}))["order_id"])


async def waiting(wire: Wire, **query: object) -> list[str]:
    return [row["order_id"] for row in await wire.data(PRIVATE + "current-plan-order", **query)]


async def past(wire: Wire, order_id: str) -> Frame:
    (row,) = await wire.data(PRIVATE + "order-history", **CONTRACT, order_id=order_id)
    return row


def volume(wire: Wire) -> int:
    return sum(p.volume if p.is_long else -p.volume for p in wire.sandbox.account().positions)


@pytest.mark.asyncio
async def test_a_plan_fires_and_sends_its_order(wire: Wire) -> None:
    """It waits without holding money, fires at its price, and the order it sends names it."""
    wanted = await plan(wire, type="market", size=5)
    before = wire.sandbox.account().balances["futures", "USDT"]
    assert (before.available, before.frozen) == (50_000, 0)
    wire.sandbox.tick("BTCUSDT", last="60000.1")
    assert (volume(wire), await waiting(wire)) == (0, [wanted])
    wire.sandbox.tick("BTCUSDT", last="60000.0")
    assert (volume(wire), await waiting(wire)) == (5, [])
    row = await past(wire, wanted)
    assert (row["type"], row["state"], row["trigger_price"], row["execution_price"]) == (
        "planorder",
        4,
        "60000",
        "Market price",
    )
    child = await wire.data(PRIVATE + "order", **CONTRACT, order_id=row["executive_order_id"])
    assert (child["client_order_id"], child["deal_size"], child["leverage"]) == (f"PLAN_{wanted}", "5", "10")


@pytest.mark.asyncio
async def test_directions_and_prices_watched(wire: Wire) -> None:
    """price_way says whether to rise or fall there; price_type which price is watched."""
    rising = await plan(wire, price_way=1, trigger_price="65000", executive_price="65100", side=4)
    assert await waiting(wire, plan_type="plan", type="limit") == [rising]
    assert await waiting(wire, plan_type="profit_loss") == []
    at_mark = await plan(wire, price_way=1, trigger_price="64000", price_type=2)
    wire.sandbox.tick("BTCUSDT", last="64100.0")
    assert await waiting(wire) == [rising]
    assert (await past(wire, at_mark))["executive_order_id"]
    wire.sandbox.tick("BTCUSDT", last="65000.0")
    orders = wire.sandbox.account().orders
    assert [(order.side, int(order.price)) for order in orders] == [("buy", 60_001), ("sell", 65_100)]


@pytest.mark.asyncio
async def test_a_stop_closes_its_position(wire: Wire) -> None:
    """A stop-loss for the whole position takes the contracts back from resting orders and closes all."""
    await wire.contract(1, 10)
    resting = await wire.contract(3, 4, price="70000")
    wanted = await stop(wire, plan_category=2, trigger_price="63000", client_order_id="Stop1")
    (row,) = await wire.data(PRIVATE + "current-plan-order")
    assert (row["type"], row["size"], row["plan_category"], row["client_order_id"]) == (
        "stop_loss",
        "10",
        2,
        "Stop1",
    )
    wire.sandbox.tick("BTCUSDT", last="62999.0")
    assert volume(wire) == 0
    assert (await wire.data(PRIVATE + "order", **CONTRACT, order_id=resting))["deal_size"] == "0"
    assert (await past(wire, wanted))["executive_order_id"]


@pytest.mark.asyncio
async def test_take_profit_of_a_short_in_hedge_mode(wire: Wire) -> None:
    """Closing a short takes profit when the price has fallen, by the size asked for."""
    await wire.data(PRIVATE + "set-position-mode", {"position_mode": "hedge_mode"})
    await wire.contract(4, 10)
    await wire.contract(1, 3)
    await stop(wire, type="take_profit", side=2, size=6, trigger_price="63000", executive_price="63500")
    wire.sandbox.tick("BTCUSDT", last="62900.0")
    assert {(p.leg, p.volume) for p in wire.sandbox.account().positions} == {("short", 4), ("long", 3)}


@pytest.mark.asyncio
async def test_stops_go_with_their_position(wire: Wire) -> None:
    """When the position is closed by hand, what would have closed it is cancelled."""
    await wire.contract(1, 2)
    await stop(wire)
    wanted = await stop(wire, type="take_profit", trigger_price="70000")
    await wire.contract(3, 2)
    assert await waiting(wire) == []
    assert (await past(wire, wanted))["executive_order_id"] == ""


@pytest.mark.asyncio
async def test_presets_become_stops(wire: Wire) -> None:
    """The presets of an opening order, changed before it fills, wait as take-profit and stop-loss."""
    order = await wire.contract(1, 3, price="63900", preset_take_profit_price="65000")
    await wire.data(
        PRIVATE + "modify-preset-plan-order",
        {**CONTRACT, "order_id": order, "preset_stop_loss_price": "63000", "preset_stop_loss_price_type": 2},
    )
    shown = await wire.data(PRIVATE + "order", **CONTRACT, order_id=order)
    assert (shown["preset_take_profit_price"], shown["preset_stop_loss_price"]) == ("65000", "63000")
    assert (shown["preset_take_profit_price_type"], shown["preset_stop_loss_price_type"]) == (1, 2)
    wire.sandbox.tick("BTCUSDT", last="63890.0")
    rows = await wire.data(PRIVATE + "current-plan-order", plan_type="profit_loss")
    assert [(row["type"], row["size"], row["side"]) for row in rows] == [
        ("stop_loss", "3", 3),
        ("take_profit", "3", 3),
    ]
    wire.sandbox.tick("BTCUSDT", last="65000.0")
    assert (volume(wire), await waiting(wire)) == (0, [])


@pytest.mark.asyncio
async def test_a_trailing_order_follows(wire: Wire) -> None:
    """It becomes active at its price, follows the best one, and fires one percent back from there."""
    await wire.contract(1, 5)
    wanted = await trail(wire, side=3, size=5, activation_price="65000", callback_rate="1")
    (row,) = await wire.data(PRIVATE + "get-open-orders", type="trailing")
    assert (row["order_id"], row["activation_price"], row["callback_rate"]) == (wanted, "65000", "1")
    for last, held in (
        ("64900.0", 5),
        ("64000.0", 5),
        ("65000.0", 5),
        ("66000.0", 5),
        ("65340.1", 5),
        ("65340.0", 0),
    ):
        wire.sandbox.tick("BTCUSDT", last=last)
        assert volume(wire) == held, last
    assert (await past(wire, wanted))["type"] == "trailing"


@pytest.mark.asyncio
async def test_modify_and_cancel(wire: Wire) -> None:
    """New prices hold; a cancel without an id takes all of the symbol, trailing orders apart."""
    await wire.contract(1, 5)
    first, second, third, loose = await plan(wire), await plan(wire), await stop(wire), await trail(wire)
    path, body = PRIVATE + "modify-plan-order", {**CONTRACT, "order_id": first, "type": "limit"}
    await wire.data(path, {**body, "trigger_price": "61000", "executive_price": "61001.5", "price_type": 2})
    await wire.data(
        PRIVATE + "modify-tp-sl-order",
        {**CONTRACT, "order_id": third, "trigger_price": "52000", "executive_price": "0", "price_type": 1},
    )
    rows = {row["order_id"]: row for row in await wire.data(PRIVATE + "current-plan-order")}
    assert (rows[first]["trigger_price"], rows[first]["executive_price"]) == ("61000", "61001.5")
    shown = rows[third]
    assert (shown["trigger_price"], shown["executive_price"], shown["size"]) == ("52000", "0", "1")
    await wire.data(
        PRIVATE + "modify-tp-sl-order",
        {**CONTRACT, "order_id": third, "trigger_price": "52000", "price_type": 1, "plan_category": 2},
    )
    (row,) = await wire.data(PRIVATE + "current-plan-order", plan_type="profit_loss")
    assert (row["size"], row["plan_category"]) == ("5", 2)
    await wire.data(PRIVATE + "cancel-plan-order", {**CONTRACT, "order_id": second})
    for order_id, code in ((second, 40036), (loose, 40035), ("7", 40035), ("x", 40037)):
        assert await wire.refused(PRIVATE + "cancel-plan-order", {**CONTRACT, "order_id": order_id}) == (
            400,
            code,
        )
    assert await wire.refused(path, {**body, "order_id": third, "trigger_price": "1"}) == (400, 40035)
    await wire.data(PRIVATE + "cancel-plan-order", CONTRACT)
    assert await waiting(wire) == []
    await wire.data(PRIVATE + "cancel-trail-order", {**CONTRACT, "order_id": loose})
    assert await wire.data(PRIVATE + "get-open-orders", type="trailing") == []


@pytest.mark.asyncio
async def test_one_that_is_refused_when_it_fires(wire: Wire) -> None:
    """A plan that cannot be paid ends as cancelled and sends nothing."""
    wanted = await plan(wire, size=100_000, type="market")
    wire.sandbox.tick("BTCUSDT", last="59990.0")
    assert not wire.sandbox.account().orders
    assert ((await past(wire, wanted))["executive_order_id"], await waiting(wire)) == ("", [])


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "changed", "code"),
    [
        ("plan", {"symbol": "NOPE"}, 40034),
        ("plan", {"type": "wish"}, 40042),
        ("plan", {"side": 5}, 40041),
        ("plan", {"size": 0}, 40044),
        ("plan", {"leverage": ""}, 40040),
        ("plan", {"leverage": "101"}, 40029),
        ("plan", {"leverage": "0"}, 40030),
        ("plan", {"open_type": ""}, 40045),
        ("plan", {"price_way": 3}, 40007),
        ("plan", {"price_type": None}, 40007),
        ("plan", {"trigger_price": "60000.01"}, 40043),
        ("plan", {"executive_price": ""}, 40007),
        ("plan", {"mode": 9}, 40007),
        ("tp-sl", {"type": "limit"}, 40042),
        ("tp-sl", {"side": 1}, 40041),
        ("tp-sl", {"side": 2}, 40021),
        ("tp-sl", {"size": 3}, 40020),
        ("tp-sl", {"client_order_id": "a-b"}, 40048),
        ("tp-sl", {"category": "limit"}, 40007),
        ("trail", {"callback_rate": "0.09"}, 40007),
        ("trail", {"callback_rate": "5.1"}, 40007),
        ("trail", {"activation_price": "x"}, 40007),
        ("trail", {"activation_price_type": 0}, 40007),
    ],
)
async def test_refusals(wire: Wire, name: str, changed: dict[str, Any], code: int) -> None:
    """Each broken rule has its code and nothing is kept."""
    await wire.contract(1, 2)
    body = {"plan": PLAN, "tp-sl": STOP, "trail": TRAIL}[name]
    status = 403 if code == 40048 else 400
    assert await wire.refused(f"{PRIVATE}submit-{name}-order", {**body, **changed}) == (status, code)
    assert await waiting(wire) == []


@pytest.mark.asyncio
async def test_own_ids_serve_once(wire: Wire) -> None:
    """Plans and orders share one space of own ids; the own id finds a stop as well as the exchange's."""
    await wire.contract(1, 2, client_order_id="Taken1")
    assert await wire.refused(PRIVATE + "submit-tp-sl-order", {**STOP, "client_order_id": "Taken1"}) == (
        403,
        40050,
    )
    await stop(wire, client_order_id="Stop1")
    assert await wire.refused(PRIVATE + "submit-tp-sl-order", {**STOP, "client_order_id": "Stop1"}) == (
        403,
        40050,
    )
    await wire.data(PRIVATE + "cancel-plan-order", {**CONTRACT, "client_order_id": "Stop1"})
    assert await waiting(wire) == []


@pytest.mark.asyncio
async def test_the_stream_tells(wire: Wire) -> None:
    """Submitted, fired, cancelled: each is pushed with its kind, and the child carries the plan's id."""
    sandbox = wire.sandbox
    async with stream(sandbox.environment.futures_private) as socket:
        await socket.login(sandbox)
        await socket.send({"action": "subscribe", "args": ["futures/order"]})
        await socket.read()
        fired = await plan(wire, executive_price="59000")
        await trail(wire)
        await wire.data(PRIVATE + "cancel-trail-order", CONTRACT)
        sandbox.tick("BTCUSDT", last="59999.0")
        pushes = [(await socket.data("futures/order"))[0] for _ in range(5)]
    seen = [(push["action"], push["order"]["type"], push["order"]["state"]) for push in pushes]
    assert seen == [
        (2, "plan_order", 2),
        (2, "trailing_order", 2),
        (3, "trailing_order", 4),
        (1, "plan_order", 4),
        (2, "limit", 2),
    ]
    first, second = pushes[0]["order"], pushes[1]["order"]
    assert (first["trigger_price"], first["trigger_price_type"], first["execution_price"]) == (
        "60000",
        "last_price",
        "59000",
    )
    assert (second["activation_price"], second["callback_rate"], second["trigger_price"]) == (
        "50000",
        "1",
        "-",
    )
    assert pushes[4]["order"]["plan_order_id"] == fired
