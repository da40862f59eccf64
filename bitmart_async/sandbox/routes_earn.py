"""Savings: products, positions, subscriptions, redemptions, records, and the automatic switches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from .calls import Call, Handler, Json, Route
from .earn import REINVESTMENTS, EarnPosition, EarnRecord, product_of
from .earn_products import FIXED, FLEXIBLE, Product
from .numbers import ATOM_PLACES, short
from .refusals import Refusal
from .signatures import Auth

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ROUTES"]

_MOST_ROWS: Final = 100
_KINDS: Final = ("subscribe", "redeem", "interest")
_Row = TypeVar("_Row", Product, EarnPosition, EarnRecord)


def _money(atoms: int) -> str:
    return short(atoms, ATOM_PLACES)


def _page(
    call: Call,
    rows: list[_Row],
    show: Callable[[_Row], Json],
    coin_of: Callable[[_Row], str],
) -> Json:
    """One page of the rows of the coin asked for."""
    page, size = call.whole("currentPage", 60000), call.whole("sizePage", 60000)
    if page is None or size is None or page < 1 or not 1 <= size <= _MOST_ROWS:
        raise Refusal(60000, "currentPage, sizePage")
    coin = call.text("coinName")
    kept = [row for row in rows if coin in ("", coin_of(row))]
    return {"total": len(kept), "list": [show(row) for row in kept[(page - 1) * size : page * size]]}


def _rates(product: Product) -> dict[str, Json]:
    """What products and positions say about their interest."""
    rates: dict[str, Json] = {
        "productTag": product.tag,
        "apy": short(product.apy_ppm, 6),
        "additionalApy": "0",
    }
    if product.lock_days:
        return {**rates, "lockDay": product.lock_days}
    rates["hasTierRate"] = bool(product.bonus_upto)
    if product.bonus_upto:
        rates["tierRate"] = [
            {
                "minPurchaseAmount": "0",
                "maxPurchaseAmount": _money(product.bonus_upto),
                "apy": short(product.bonus_ppm, 6),
            }
        ]
    return rates


def _product_row(product: Product) -> Json:
    return {
        "productId": product.product_id,
        "coinName": product.coin,
        **_rates(product),
        "minPurchaseAmount": _money(product.least),
        "maxPurchaseAmount": _money(product.most),
    }


def _flexible_products(call: Call) -> Json:
    return _page(call, list(FLEXIBLE.values()), _product_row, lambda row: row.coin)


def _fixed_products(call: Call) -> Json:
    return _page(call, list(FIXED.values()), _product_row, lambda row: row.coin)


def _overview(call: Call) -> Json:
    """One row per coin, over both kinds of savings."""
    earn = call.exchange.earn
    sums: dict[str, list[int]] = {}
    for row in (*earn.positions(call.uid, fixed=False), *earn.positions(call.uid, fixed=True)):
        coin = sums.setdefault(row.product.coin, [0, 0, 0])
        for index, amount in enumerate((row.amount, row.profit, row.latest_profit)):
            coin[index] += amount
    return [
        {
            "coinName": coin,
            "totalUserSum": _money(held),
            "totalProfit": _money(profit),
            "previousProfit": _money(latest),
        }
        for coin, (held, profit, latest) in sorted(sums.items())
    ]


def _positions(call: Call, *, fixed: bool) -> list[EarnPosition]:
    wanted = call.text("productId")
    return [
        row
        for row in call.exchange.earn.positions(call.uid, fixed=fixed)
        if wanted in ("", row.product.product_id)
    ]


def _identity(row: EarnPosition) -> dict[str, Json]:
    product = row.product
    return {
        "earnId": row.earn_id,
        "productId": product.product_id,
        "coinId": product.coin_id,
        "coinName": product.coin,
        "totalProfit": _money(row.profit),
        **_rates(product),
    }


def _flexible_positions(call: Call) -> Json:
    def show(row: EarnPosition) -> Json:
        switched = call.exchange.earn.automatic(call.uid, row.product.product_id)
        return {**_identity(row), "autoSubscribe": switched}

    return _page(call, _positions(call, fixed=False), show, lambda row: row.product.coin)


def _fixed_positions(call: Call) -> Json:
    def show(row: EarnPosition) -> Json:
        return {
            **_identity(row),
            "amount": _money(row.amount),
            "expiredDate": row.matures,
            "estimatedInterest": _money(row.product.interest(row.amount, row.product.lock_days)),
            "subscribeType": row.reinvest,
        }

    return _page(call, _positions(call, fixed=True), show, lambda row: row.product.coin)


def _records(call: Call, *, fixed: bool) -> Json:
    kind = call.text("type")
    if kind not in _KINDS:
        raise Refusal(60000, "type")
    start, end = call.whole("startTime", 60000), call.whole("endTime", 60000)
    since, until = start or 0, call.now_ms if end is None else end
    rows = [
        row
        for row in call.exchange.earn.records(call.uid, fixed=fixed)
        if row.kind == kind and since <= row.at_ms <= until
    ]

    def show(row: EarnRecord) -> Json:
        shown: dict[str, Json] = {
            "type": row.kind,
            "recordId": row.record_id,
            "productId": row.product.product_id,
            "coinName": row.product.coin,
            "amount": _money(row.amount),
            "productTag": row.product.tag,
            "time": row.at_ms,
            "subscribeType": "MANUAL",
            "requestNo": row.request_no,
            "status": "SUCCESS",
        }
        return {**shown, "lockDay": row.product.lock_days} if fixed else shown

    return _page(call, rows, show, lambda row: row.product.coin)


def _flexible_records(call: Call) -> Json:
    return _records(call, fixed=False)


def _fixed_records(call: Call) -> Json:
    return _records(call, fixed=True)


def _subscribe(call: Call, *, fixed: bool, reinvest: str = "OFF") -> Json:
    product = product_of(call.text("productId", refuse=60000), fixed=fixed)
    call.exchange.earn.subscribe(
        call.uid,
        product,
        call.amount("amount", 60000, positive=61000),
        now_ms=call.now_ms,
        request_no=call.text("requestNo", refuse=60000),
        reinvest=reinvest,
    )
    return True


def _subscribe_flexible(call: Call) -> Json:
    return _subscribe(call, fixed=False)


def _reinvestment(call: Call) -> str:
    wish = call.text("autoSubscribe")
    if wish not in REINVESTMENTS:
        raise Refusal(60000, "autoSubscribe")
    return wish


def _subscribe_fixed(call: Call) -> Json:
    return _subscribe(call, fixed=True, reinvest=_reinvestment(call))


def _redeem_flexible(call: Call) -> Json:
    position = call.exchange.earn.position(call.uid, call.text("earnId", refuse=60000), fixed=False)
    call.exchange.earn.redeem(
        position,
        call.amount("amount", 60000, positive=61000),
        now_ms=call.now_ms,
        request_no=call.text("requestNo", refuse=60000),
    )
    return True


def _redeem_fixed(call: Call) -> Json:
    """The whole position, without its interest."""
    position = call.exchange.earn.position(call.uid, call.text("earnId", refuse=60000), fixed=True)
    call.exchange.earn.redeem(
        position, None, now_ms=call.now_ms, request_no=call.text("requestNo", refuse=60000)
    )
    return True


def _set_reinvestment(call: Call) -> Json:
    position = call.exchange.earn.position(call.uid, call.text("earnId", refuse=60000), fixed=True)
    position.reinvest = _reinvestment(call)
    return True


def _switch(call: Call) -> bool:
    wish = call.text("autoSubscribe")
    if wish not in ("open", "close"):
        raise Refusal(60000, "autoSubscribe")
    return wish == "open"


def _switch_all(call: Call) -> Json:
    call.exchange.earn.set_automatic(call.uid, FLEXIBLE, on=_switch(call))
    return True


def _switch_one(call: Call) -> Json:
    product = product_of(call.text("productId", refuse=60000), fixed=False)
    call.exchange.earn.set_automatic(call.uid, [product.product_id], on=_switch(call))
    return True


def _all_switched(call: Call) -> Json:
    on = all(call.exchange.earn.automatic(call.uid, product_id) for product_id in FLEXIBLE)
    return {"batchSubscribeStatus": "ON" if on else "OFF"}


def _one_switched(call: Call) -> Json:
    product = product_of(call.text("productId", refuse=60000), fixed=False)
    return {"subscribeStatus": "ON" if call.exchange.earn.automatic(call.uid, product.product_id) else "OFF"}


def _get(name: str, handler: Handler) -> Route:
    return Route(method="GET", path=f"/newearn/cloud/v1/{name}", auth=Auth.KEYED, quota=None, handler=handler)


def _post(name: str, handler: Handler) -> Route:
    return Route(
        method="POST", path=f"/newearn/cloud/v1/{name}", auth=Auth.SIGNED, quota=None, handler=handler
    )


ROUTES = (
    _get("earn", _overview),
    _get("saving/product", _flexible_products),
    _get("saving/earn", _flexible_positions),
    _get("saving/record", _flexible_records),
    _post("saving/subscribe", _subscribe_flexible),
    _post("saving/redeem", _redeem_flexible),
    _get("saving/fixed/product", _fixed_products),
    _get("saving/fixed/earn", _fixed_positions),
    _get("saving/fixed/record", _fixed_records),
    _post("saving/fixed/subscribe", _subscribe_fixed),
    _post("saving/fixed/redeem", _redeem_fixed),
    _post("saving/fixed/subscribe/operate", _set_reinvestment),
    _post("saving/subscribe/batch/operate", _switch_all),
    _get("saving/subscribe/batch", _all_switched),
    _post("saving/subscribe/operate", _switch_one),
    _get("saving/subscribe/status", _one_switched),
)
