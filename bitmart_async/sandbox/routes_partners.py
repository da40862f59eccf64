"""Affiliate, broker and cross-collateral reports: the exchange's shapes with a little data of our own.

No customer of the sandbox ever signed up through anybody, so there is nothing to report on. Two invited
customers who never change, with round figures, stand in for them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, NamedTuple

from .calls import Call, Form, Handler, Json, Route
from .quotas import Quota
from .refusals import Refusal
from .signatures import Auth

__all__ = ["FUTURES_ROUTES", "SPOT_ROUTES"]

_QUOTA: Final = Quota(24, 2, "KEY")
_LONGEST_S: Final = 60 * 86_400
_DAY_MS: Final = 86_400_000


class _Invited(NamedTuple):
    """Money in whole USDT; fees are 0.06 % of the volume, the rebate 30 % of the fees."""

    cid: int
    volume: int
    assets: int

    @property
    def fee(self) -> float:
        return self.volume * 6 / 10_000

    @property
    def rebate(self) -> float:
        return self.volume * 18 / 100_000


_INVITED: Final = (_Invited(20_001, 10_000, 250), _Invited(20_002, 50_000, 1_000))


def _day_before(call: Call) -> int:
    """When everything happened: at the start of yesterday, ms."""
    return call.now_ms // _DAY_MS * _DAY_MS - _DAY_MS


def _paging(call: Call, most: int = 1_000) -> tuple[int, int]:
    page, size = call.whole("page", 40007), call.whole("size", 40007)
    if page is None or size is None or page < 1 or not 1 <= size <= most:
        raise Refusal(40007, "page, size")
    return page, size


def _paged(call: Call, name: str, rows: list[Json], most: int = 1_000) -> dict[str, Json]:
    page, size = _paging(call, most)
    return {"total": len(rows), "page": page, "size": size, name: rows[(page - 1) * size : page * size]}


def _happened(call: Call, start: str = "start_time", end: str = "end_time", *, needed: bool = True) -> bool:
    """Whether the window asked for, in seconds, holds the day when everything happened."""
    since, until = call.whole(start, 40039), call.whole(end, 40039)
    if needed and (since is None or until is None or not 0 <= until - since <= _LONGEST_S):
        raise Refusal(40039)
    at_s = _day_before(call) // 1_000
    return (since or 0) <= at_s <= (call.now_ms // 1_000 if until is None else until)


def _customer(call: Call, name: str) -> _Invited | None:
    wanted = call.whole(name, 40007)
    if wanted is None:
        raise Refusal(40007, name)
    return next((row for row in _INVITED if row.cid == wanted), None)


def _rebate_list(call: Call) -> Json:
    if not call.text("currency"):
        raise Refusal(40007, "currency")
    wanted = call.whole("user_id", 40007)
    happened = _happened(call, "rebate_start_time", "rebate_end_time", needed=False)
    kept = [
        row for row in _INVITED if happened and wanted in (None, row.cid) and call.text("currency") == "USDT"
    ]
    rows: list[Json] = [
        {"rebate_coin": "USDT", "trade_user_id": row.cid, "total_rebate_amount": row.rebate, "user_type": 1}
        for row in kept
    ]
    return {
        **_paged(call, "rebate_detail_page_data", rows),
        "btc_rebate_sum": 0.0,
        "eth_rebate_sum": 0.0,
        "usdt_rebate_sum": sum((row.rebate for row in kept), 0.0),
    }


def _trade_list(call: Call) -> Json:
    customer, kind = _customer(call, "user_id"), call.whole("type", 40007)
    if kind not in (1, 2):
        raise Refusal(40007, "type")
    rows: list[Json] = []
    if customer is not None and kind == 1 and _happened(call, needed=False):
        rows.append(
            {
                "user_id": customer.cid,
                "user_type": 1,
                "create_time": _day_before(call),
                "symbol": "BTCUSDT",
                "leverage": 20,
                "open_type": 2,
                "way": 1,
                "category": 2,
                "select_copy_trade": 2,
                "deal_price": 50_000.0,
                "deal_vol": customer.volume / 50.0,
                "fee": customer.fee,
                "realised_profit": 0.0,
            }
        )
    return _paged(call, "list", rows)


def _rebate_user(call: Call) -> Json:
    customer, happened = _customer(call, "cid"), _happened(call)
    if customer is None:
        raise Refusal(40007, "cid")
    volume, fee, rebate = str(customer.volume), f"{customer.fee:.2f}", f"{customer.rebate:.2f}"
    return {
        "cid": customer.cid,
        "back_rate": "0.3",
        "trading_vol_total": volume,
        "trading_fee_total": fee,
        "rebate_total": rebate,
        "trading_vol": volume if happened else "0",
        "trading_fee": fee if happened else "0",
        "rebate": rebate if happened else "0",
    }


def _rebate_api(call: Call) -> Json:
    customer, happened = _customer(call, "cid"), _happened(call)
    if customer is None or not happened:
        return {"api_trading_fee_total": "0", "api_rebate_total": "0"}
    return {"api_trading_fee_total": f"{customer.fee:.2f}", "api_rebate_total": f"{customer.rebate:.2f}"}


def _invite_check(call: Call) -> Json:
    return {"isInviteUser": _customer(call, "cid") is not None}


def _rebate_invited(call: Call) -> Json:
    happened, wanted = _happened(call), call.whole("cid", 40007)
    rows: list[Json] = [
        {
            "cid": row.cid,
            "rebateTotal": f"{row.rebate:.2f}",
            "tradingVolTotal": str(row.volume),
            "cashbackRate": "0.1",
            "tradingFeeTotal": f"{row.fee:.2f}",
            "backRate": "0.3",
            "status": 1,
            "accountAssetTotal": str(row.assets),
        }
        for row in _INVITED
        if happened and wanted in (None, row.cid)
    ]
    return _paged(call, "list", rows, most=50)


def _customer_info(call: Call) -> Json:
    customer = _customer(call, "userId")
    assets = "0" if customer is None else str(customer.assets)
    return {"futuresAccountAssetTotalUsdt": assets, "futuresAccountRightUsdt": assets}


def _moves(call: Call) -> Json:
    customer, happened, kind = _customer(call, "cid"), _happened(call), call.whole("type", 40007)
    rows: list[Json] = []
    if customer is not None and happened and kind in (None, 1):
        rows.append(
            {
                "dateTime": _day_before(call),
                "cid": customer.cid,
                "remark": "",
                "parentCid": call.uid,
                "userType": 1,
                "type": 1,
                "method": 1,
                "amount": str(customer.assets),
                "coin": "USDT",
            }
        )
    return _paged(call, "list", rows, most=50)


def _nothing_repaid(call: Call) -> Json:
    """Nothing is lent against collateral here."""
    return {"list": [], "total": 0}


def _no_interest(call: Call) -> Json:
    return {"items": [], "total": 0}


def _broker_rebate(call: Call) -> Json:
    """Keyed by day; seconds in the query."""
    if not _happened(call, needed=False):
        return {"rebates": {}}
    day = f"{datetime.fromtimestamp(_day_before(call) // 1_000, UTC):%Y-%m-%d}"
    return {"rebates": {day: [{"currency": "USDT", "rebate_amount": "0.1"}]}}


def _affiliate(name: str, handler: Handler, *, quota: Quota | None = _QUOTA) -> Route:
    return Route(
        method="GET",
        path=f"/contract/private/affiliate/{name}",
        auth=Auth.KEYED,
        quota=quota,
        handler=handler,
        form=Form.STRING_CODE,
    )


FUTURES_ROUTES = (
    _affiliate("rebate-list", _rebate_list),
    _affiliate("trade-list", _trade_list),
    _affiliate("rebate-user", _rebate_user),
    _affiliate("rebate-api", _rebate_api),
    _affiliate("invite-check", _invite_check),
    _affiliate("rebate-inviteUser", _rebate_invited),
    _affiliate("aff-customer-info", _customer_info, quota=None),
    _affiliate("deposit-withdrawal-list", _moves, quota=None),
    Route(
        method="GET",
        path="/contract/private/auto_repayment",
        auth=Auth.KEYED,
        quota=None,
        handler=_nothing_repaid,
        form=Form.ERRNO,
    ),
    Route(
        method="GET",
        path="/contract/private/cross_collateral/interest_log",
        auth=Auth.KEYED,
        quota=None,
        handler=_no_interest,
        form=Form.ERRNO,
    ),
)
SPOT_ROUTES = (
    Route(method="GET", path="/spot/v1/broker/rebate", auth=Auth.KEYED, quota=None, handler=_broker_rebate),
)
