"""resolve_order looks where orders that wait for a trigger are kept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from bitmart_async import FuturesClientV2, OrderFateUnknown, OrderNotFound, ParameterError
from bitmart_async.models.futures import FuturesOrder
from bitmart_async.models.futures_plan import PlanOrder
from bitmart_async.rest import ENDPOINTS, proof
from bitmart_async.rest.envelope import EnvelopeReader
from bitmart_async.rest.pending import PendingOrder

if TYPE_CHECKING:
    from bitmart_async.rest.endpoint import Endpoint

_ORDER = {
    "order_id": "7",
    "client_order_id": "mine1",
    "symbol": "BTCUSDT",
    "price": "1",
    "size": "1",
    "state": 4,
    "side": 3,
    "type": "planorder",
    "leverage": "0",
    "open_type": "cross",
    "deal_avg_price": "0",
    "deal_size": "0",
    "create_time": 1,
    "update_time": 1,
}
_PLAN = {
    "order_id": "7",
    "client_order_id": "mine1",
    "symbol": "BTCUSDT",
    "side": 3,
    "type": "stop_loss",
    "mode": 1,
    "price_way": 2,
    "price_type": 1,
    "size": "1",
    "leverage": "0",
    "open_type": "cross",
    "trigger_price": "1",
    "state": 2,
    "create_time": 1,
    "update_time": 1,
}


class _Exchange:
    """Stands for the transport: answers queries from lists, and time flies."""

    recv_window = 5000

    def __init__(self, **rows: list[dict[str, Any]]) -> None:
        self.rows = rows
        self.asked: list[str] = []
        self.pending: dict[str, PendingOrder] = {}
        self.now = 0
        self.clock = SimpleNamespace(now_ms=self._later)

    def _later(self) -> int:
        self.now += 70_000
        return self.now

    async def call(self, endpoint: Endpoint[Any], given: dict[str, object]) -> Any:
        name = endpoint.id.removeprefix("futures.")
        endpoint.encode(given, strict=True)
        self.asked.append(name)
        if name == "get_order":
            raise OrderNotFound("none", endpoint=endpoint.label, code=40035)
        raw = msgspec.json.encode({"code": 1000, "message": "Ok", "data": self.rows.get(name, [])})
        return SimpleNamespace(data=EnvelopeReader(endpoint.returns).read(raw)[0])


def _client(exchange: _Exchange) -> FuturesClientV2:
    client = FuturesClientV2.__new__(FuturesClientV2)
    client._transport = exchange  # type: ignore[assignment]
    return client


def _lost(catalog_id: str, **facts: Any) -> OrderFateUnknown:
    return OrderFateUnknown(
        "lost", symbol="BTCUSDT", endpoint=ENDPOINTS[f"futures.{catalog_id}"].label, **facts
    )


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "LOOKING_SECONDS", 0.0)
    monkeypatch.setattr(proof, "LOOKS", 1)


async def test_a_lost_stop_loss_that_waits_is_found() -> None:
    """It is in no list of open orders; to call it absent would leave a position twice guarded."""
    exchange = _Exchange(get_plan_orders=[{**_PLAN, "client_order_id": "other"}, _PLAN])
    exchange.pending["mine1"] = PendingOrder("mine1", "BTCUSDT", "x", 0)
    found = await _client(exchange).resolve_order(_lost("submit_tp_sl_order", client_order_id="mine1"))
    assert isinstance(found, PlanOrder)
    assert found.order_id == "7"
    assert not exchange.pending


async def test_without_an_error_all_lists_are_asked() -> None:
    """After a restart only the id is known: it may be a TP/SL order's."""
    exchange = _Exchange(get_plan_orders=[_PLAN])
    found = await _client(exchange).resolve_order(symbol="BTCUSDT", client_order_id="mine1")
    assert isinstance(found, PlanOrder)


async def test_a_plain_order_needs_no_look_at_plan_orders() -> None:
    """The calls of an ordinary order stay what they were."""
    exchange = _Exchange(get_open_orders=[_ORDER])
    found = await _client(exchange).resolve_order(_lost("submit_order", client_order_id="mine1"))
    assert isinstance(found, FuturesOrder)
    assert "get_plan_orders" not in exchange.asked


async def test_a_triggered_stop_loss_is_found_in_the_history() -> None:
    """Once triggered it is an order like others."""
    exchange = _Exchange(get_order_history=[_ORDER])
    found = await _client(exchange).resolve_order(_lost("submit_tp_sl_order", client_order_id="mine1"))
    assert isinstance(found, FuturesOrder)


async def test_a_stop_loss_that_never_arrived() -> None:
    """Absence is proven over all lists."""
    exchange = _Exchange()
    assert await _client(exchange).resolve_order(_lost("submit_tp_sl_order", client_order_id="mine1")) is None
    assert {"get_plan_orders", "get_open_orders", "get_order_history", "get_user_trades"} <= set(
        exchange.asked
    )


async def test_a_full_list_proves_nothing() -> None:
    """The exchange lists 100 plan orders and no second page: the order may be the next one."""
    rows = [{**_PLAN, "order_id": str(number), "client_order_id": ""} for number in range(100)]
    exchange = _Exchange(get_plan_orders=rows)
    exchange.pending["mine1"] = PendingOrder("mine1", "BTCUSDT", "x", 0)
    with pytest.raises(OrderFateUnknown, match="cannot be proven"):
        await _client(exchange).resolve_order(_lost("submit_tp_sl_order", client_order_id="mine1"))
    assert "mine1" in exchange.pending


@pytest.mark.parametrize("catalog_id", ["cancel_plan_order", "modify_plan_order", "modify_tp_sl_order"])
async def test_by_the_exchanges_id(catalog_id: str) -> None:
    """A plan order that still waits was not cancelled; one that ended is in the history."""
    waiting = await _client(_Exchange(get_plan_orders=[_PLAN])).resolve_order(_lost(catalog_id, order_id="7"))
    assert isinstance(waiting, PlanOrder)
    ended = await _client(_Exchange(get_order_history=[_ORDER])).resolve_order(
        _lost(catalog_id, order_id="7")
    )
    assert isinstance(ended, FuturesOrder)
    assert await _client(_Exchange()).resolve_order(_lost(catalog_id, order_id="7")) is None


async def test_a_lost_cancel_of_a_trailing_order() -> None:
    """Trailing orders are among the open ones."""
    exchange = _Exchange(get_open_orders=[{**_ORDER, "state": 2, "type": "trailing"}])
    found = await _client(exchange).resolve_order(_lost("cancel_trail_order", order_id="7"))
    assert isinstance(found, FuturesOrder)
    assert found.type == "trailing"


@pytest.mark.parametrize(
    ("catalog_id", "says"),
    [
        ("submit_plan_order", "get_futures_account_plan_orders"),
        ("submit_trail_order", "get_futures_account_open_orders with type='trailing'"),
    ],
)
async def test_an_order_without_any_id(catalog_id: str, says: str) -> None:
    """It cannot be looked up; the text names the list to compare."""
    with pytest.raises(ParameterError, match=says):
        await _client(_Exchange()).resolve_order(_lost(catalog_id))
