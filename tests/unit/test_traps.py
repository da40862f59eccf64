"""Traps of single endpoints, each as the sources warn of it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from bitmart_async import OrderState, trading
from bitmart_async.rest import ENDPOINTS, Auth, Effect
from bitmart_async.rest.envelope import EnvelopeReader
from tests.contract.catalog import REPLIES


def _read(catalog_id: str, data: object) -> Any:
    endpoint = ENDPOINTS[catalog_id]
    reply = json.dumps({"code": 1000, "message": "Ok", "trace": "t", "data": data}).encode()
    return EnvelopeReader(endpoint.returns, inner=endpoint.inner, bare=endpoint.bare).read(reply)[0]


def _contract(**fields: object) -> Any:
    row = REPLIES["futures.get_contract_details"]["data"]["symbols"][0]
    return _read("futures.get_contract_details", {"symbols": [{**row, **fields}]}).symbols[0]


def test_details_list_inverse_and_usdc_contracts_too() -> None:
    """Dollars per contract and coins per contract are told apart, although both are contract_size."""
    inverse = _contract(symbol="BTCUSD", quote_currency="USD", contract_size="1")
    usdc = _contract(symbol="BTCUSDC", quote_currency="USDC")
    assert (inverse.inverse, usdc.inverse) == (True, False)
    assert trading.contracts_to_coins(100, inverse, price=50_000) == Decimal("0.002")
    assert trading.contracts_to_coins(100, usdc) == Decimal("0.1")


def test_the_delisting_is_in_seconds_among_milliseconds() -> None:
    """delist_time has ten digits where its neighbours have thirteen; both become the same moment."""
    gone = _contract(status="Delisted", delist_time=1_719_000_000, expire_timestamp=1_719_000_000_000)
    assert trading.seconds_to_datetime(gone.delist_time) == trading.ms_to_datetime(gone.expire_timestamp)
    assert trading.check_order(gone, side=1, type="market", size=1) == ["BTCUSDT is delisted"]


def test_a_filled_market_buy_may_end_as_partially_canceled() -> None:
    """The unspent rest is what was cancelled: the state is kept as sent, the figures tell the fill."""
    row = REPLIES["spot.query_order"]["data"]
    order = _read("spot.query_order", {**row, "state": "partially_canceled", "filledSize": "0.5"})
    assert order.state is OrderState.PARTIALLY_CANCELED
    assert order.filled_size == Decimal("0.5")
    failed = _read("spot.query_order", {**row, "state": "failed", "cancelSource": None})
    assert failed.state is OrderState.FAILED


def test_the_transfer_list_is_a_post_that_reads() -> None:
    """Signed and sent as POST, repeated as a read."""
    endpoint = ENDPOINTS["futures.get_transfer_list"]
    assert (endpoint.method, endpoint.auth, endpoint.effect) == ("POST", Auth.SIGNED, Effect.READ)


@pytest.mark.parametrize("data", [None, [], {}])
def test_no_open_orders_in_any_form(data: object) -> None:
    """An empty list, null and an empty object all mean none."""
    for catalog_id in (
        "spot.open_orders",
        "spot.trades",
        "futures.get_open_orders",
        "futures.get_positions_v2",
    ):
        assert _read(catalog_id, data) == []


@pytest.mark.parametrize("data", [None, {}, ""])
def test_cancel_replies_without_data(data: object) -> None:
    """The code is the whole answer of a futures cancel."""
    for catalog_id in ("futures.cancel_order", "futures.cancel_orders", "futures.cancel_plan_order"):
        assert _read(catalog_id, data) is None


def test_the_rate_about_to_be_charged_is_not_the_one_called_rate() -> None:
    """rate_value is the past rate, expected_rate the coming one: both are there, under their wire names."""
    row = REPLIES["futures.get_funding_rate"]["data"]
    rate = _read("futures.get_funding_rate", {**row, "rate_value": "0.0001", "expected_rate": "-0.0002"})
    assert (rate.rate_value, rate.expected_rate) == (Decimal("0.0001"), Decimal("-0.0002"))
