"""The replies of the newer futures calls, in every form that was seen or documented."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from bitmart_async.decoding import DecodeError
from bitmart_async.models.enums import (
    AffiliateCopyTrade,
    AffiliateMarginMode,
    AffiliateUserType,
    FuturesSide,
    PlanOrderState,
    RebateStatus,
)
from bitmart_async.rest import ENDPOINTS
from bitmart_async.rest.envelope import EnvelopeReader, Refusal
from tests.kept import SHARED, assert_kept, needs_shared

CODE_AS_TEXT = sorted(name for name in ENDPOINTS if "affiliate" in name)
ERRNO = ("futures.get_auto_repayment", "futures.get_cross_collateral_interest_log")
NOTHING = sorted(name for name, endpoint in ENDPOINTS.items() if endpoint.returns is type(None))


def _read(catalog_id: str, reply: object) -> Any:
    endpoint = ENDPOINTS[catalog_id]
    raw = reply.encode() if isinstance(reply, str) else json.dumps(reply).encode()
    return EnvelopeReader(endpoint.returns, inner=endpoint.inner, bare=endpoint.bare).read(raw)


def _sample(catalog_id: str) -> dict[str, Any]:
    rows = json.loads((SHARED / "rest-futures.json").read_text())
    return next(row["sample"] for row in rows if row["id"] == catalog_id)


@needs_shared
@pytest.mark.parametrize("catalog_id", CODE_AS_TEXT)
@pytest.mark.parametrize("form", ["text", "number", "bare"])
def test_affiliate_replies_in_three_forms(catalog_id: str, form: str) -> None:
    """The code may be text or a number, and the whole envelope may be missing."""
    data = _sample(catalog_id)["data"]
    reply = {
        "text": {"code": "1000", "message": "OK", "data": data},
        "number": {"code": 1000, "message": "OK", "trace": "t", "data": data},
        "bare": data,
    }[form]
    read, _, _ = _read(catalog_id, reply)
    assert_kept(data, read)


@pytest.mark.parametrize("catalog_id", CODE_AS_TEXT)
@pytest.mark.parametrize("code", ["30012", 30012])
def test_an_affiliate_refusal(catalog_id: str, code: object) -> None:
    """A refusal is one whatever the type of its code, with or without data."""
    for reply in (
        {"code": code, "message": "no"},
        {"code": code, "message": "no", "data": None},
        {"code": code, "msg": "no", "trace": "t"},
    ):
        with pytest.raises(Refusal) as caught:
            _read(catalog_id, reply)
        assert (caught.value.code, caught.value.message) == (30012, "no")


@needs_shared
@pytest.mark.parametrize("catalog_id", ERRNO)
def test_errno_replies(catalog_id: str) -> None:
    """The family without code succeeds by errno; a code would be heard as well."""
    sample = _sample(catalog_id)
    for reply in (
        sample,
        {**sample, "errno": "ok"},
        {"errno": 0, "data": sample["data"]},
        {**sample, "code": 1000, "trace": "t"},
    ):
        assert_kept(sample["data"], _read(catalog_id, reply)[0])


@pytest.mark.parametrize("catalog_id", ERRNO)
@pytest.mark.parametrize(
    "reply",
    [
        {"errno": "SYSTEM_ERROR", "message": "no", "data": None, "success": False},
        {"errno": "OK", "message": "no", "data": {}, "success": False},
        {"message": "no", "success": False},
    ],
)
def test_errno_refusals(catalog_id: str, reply: dict[str, object]) -> None:
    """Success has to be said by both; the exchange's text is kept."""
    with pytest.raises(Refusal, match="no"):
        _read(catalog_id, reply)


def test_a_code_overrules_errno() -> None:
    """Seen by others: errno OK beside a code that is not."""
    with pytest.raises(Refusal) as caught:
        _read(
            ERRNO[0],
            {"errno": "OK", "message": "INVALID_PARAMETER", "code": 49998, "trace": "t", "data": None},
        )
    assert caught.value.code == 49998


@pytest.mark.parametrize("catalog_id", NOTHING)
def test_done_needs_a_code(catalog_id: str) -> None:
    """A call without data is done when a code says so, never because nothing contradicts."""
    for reply in (
        {"code": 1000, "message": "Ok", "data": {}},
        {"code": 1000, "message": "Ok"},
        {"code": "1000", "message": "OK", "data": None},
    ):
        assert _read(catalog_id, reply)[0] is None
    for stray in ({}, {"data": {}}, {"status": 500, "error": "Internal Server Error", "path": "/x"}):
        with pytest.raises(DecodeError):
            _read(catalog_id, stray)


@pytest.mark.parametrize("catalog_id", [*CODE_AS_TEXT, *ERRNO])
def test_a_stray_object_is_no_reply(catalog_id: str) -> None:
    """A gateway's own JSON is not taken for a reply without envelope."""
    for stray in ({}, {"status": 500, "error": "Internal Server Error"}, {"message": "oops"}):
        with pytest.raises(DecodeError):
            _read(catalog_id, stray)


@pytest.mark.parametrize("wire", ["220609666322019", 220609666322019])
@pytest.mark.parametrize(
    "catalog_id",
    [
        "futures.submit_plan_order",
        "futures.modify_plan_order",
        "futures.submit_tp_sl_order",
        "futures.modify_tp_sl_order",
        "futures.modify_preset_plan_order",
        "futures.submit_trail_order",
    ],
)
def test_order_ids_are_text(catalog_id: str, wire: object) -> None:
    """Number or text on the wire, one and the same text here."""
    ack = _read(catalog_id, {"code": 1000, "message": "Ok", "data": {"order_id": wire}})[0]
    assert ack.order_id == "220609666322019"


def test_affiliate_amounts_keep_their_digits() -> None:
    """JSON numbers become the Decimal that was printed."""
    reply = (
        '{"code":"1000","message":"OK","data":{"total":1,"btc_rebate_sum":0,"size":10,"page":1,'
        '"usdt_rebate_sum":448.96975071480000001,"eth_rebate_sum":1e-8,"rebate_detail_page_data":[]}}'
    )
    rebates = _read("futures.get_affiliate_rebate_list", reply)[0]
    assert str(rebates.usdt_rebate_sum) == "448.96975071480000001"
    assert rebates.eth_rebate_sum == Decimal("1e-8")
    number = reply.replace('"1000"', "1000")
    assert _read("futures.get_affiliate_rebate_list", number)[0] == rebates


PLAN_ROW: dict[str, object] = {
    "order_id": "220908185908509",
    "client_order_id": "BM123",
    "executive_price": "14277",
    "trigger_price": "14277",
    "size": "7216",
    "symbol": "BTCUSDT",
    "state": 2,
    "side": 3,
    "mode": 1,
    "position_mode": "hedge_mode",
    "price_way": 2,
    "price_type": 1,
    "plan_category": 2,
    "type": "stop_loss",
    "leverage": "0",
    "open_type": "isolated",
    "create_time": 1662368173000,
    "update_time": 1662368173000,
}


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("14277", Decimal(14277)),
        ("0", None),
        ("", None),
        ("market price", None),
        ("-", None),
        (0, None),
        (14277.5, Decimal("14277.5")),
        ("NaN", None),
        (None, None),
    ],
)
def test_the_price_of_a_plan_order(text: object, price: Decimal | None) -> None:
    """Numbers, zero, blanks and words: the list decodes, and limit_price says what it means."""
    row = {**PLAN_ROW, "executive_price": text}
    (order,) = _read("futures.get_plan_orders", {"code": 1000, "message": "Ok", "data": [row]})[0]
    assert order.limit_price == price


def test_a_plan_order_with_words_for_numbers() -> None:
    """One source shows the state as the word active and the type as market."""
    row = {**PLAN_ROW, "state": "active", "type": "market", "order_id": 5}
    for name in ("client_order_id", "position_mode", "plan_category"):
        del row[name]
    (order,) = _read("futures.get_plan_orders", {"code": 1000, "message": "Ok", "data": [row]})[0]
    assert order.state.value == "active"
    assert not order.state.known
    assert order.state != PlanOrderState.WORKING
    assert (order.order_id, order.type, order.client_order_id) == ("5", "market", "")
    for empty in (None, [], {}):
        assert _read("futures.get_plan_orders", {"code": 1000, "message": "Ok", "data": empty})[0] == []


@needs_shared
def test_affiliate_numbers_have_names() -> None:
    """The figures of affiliate rows are enums; figures nobody knows stay what they are."""
    data = _sample("futures.get_affiliate_trade_list")["data"]
    trade = _read("futures.get_affiliate_trade_list", data)[0].trades[0]
    assert trade.open_type is AffiliateMarginMode.CROSS
    assert trade.way is FuturesSide.BUY_OPEN_LONG
    assert trade.select_copy_trade is AffiliateCopyTrade.YES
    assert trade.user_type is AffiliateUserType.DIRECT
    data["list"][0]["open_type"] = 9
    assert not _read("futures.get_affiliate_trade_list", data)[0].trades[0].open_type.known
    invitees = _sample("futures.get_affiliate_invited_users")["data"]
    del invitees["list"][0]["accountAssetTotal"]
    user = _read("futures.get_affiliate_invited_users", invitees)[0].users[0]
    assert (user.status, user.account_asset_total) == (RebateStatus.PAID, None)
