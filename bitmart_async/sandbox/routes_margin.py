"""Isolated margin: accounts, transfers, loans, and orders out of the margin wallet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from .calls import Call, Handler, Json, Route
from .margin import HOURLY, LIQUIDATION_RATIO, MAX_LEVERAGE, MIN_BORROW, Loan, Repayment, most_lent
from .numbers import ATOM_PLACES, fixed
from .quotas import Quota
from .refusals import Refusal
from .signatures import Auth
from .spot_orders import SpotTicket
from .wallets import margin_wallet

if TYPE_CHECKING:
    from .rules import SpotRules

__all__ = ["ROUTES"]

_MOST_ROWS: Final = 100
_Row = TypeVar("_Row", Loan, Repayment)


def _rules(call: Call, symbol: str) -> SpotRules:
    market = call.exchange.spot.market(symbol)
    if market is None:
        raise Refusal(50001)
    return market.rules


def _asked(call: Call) -> tuple[SpotRules, str, int]:
    """The pair, the coin and the amount of a call that moves money."""
    rules = _rules(call, call.text("symbol", refuse=50028))
    coin = call.text("currency", refuse=50028)
    if coin not in (rules.base, rules.quote):
        raise Refusal(51000)
    return rules, coin, call.amount("amount", 50021, positive=50021)


def _pairs_asked(call: Call) -> list[SpotRules]:
    wanted = [symbol for symbol in call.text("symbol").split(",") if symbol]
    return [_rules(call, symbol) for symbol in wanted or list(call.exchange.spot.markets)]


def _money(atoms: int) -> str:
    return fixed(atoms, ATOM_PLACES)


def _account(call: Call) -> Json:
    return {"symbols": [_account_row(call, rules) for rules in _pairs_asked(call)]}


def _account_row(call: Call, rules: SpotRules) -> Json:
    """The risk rate is assets over debts; without debts it is 999."""
    assets, debts = call.exchange.margin.worth(call.uid, rules.symbol, call.now_ms)
    percent = assets * 100 // debts if debts else 999_00
    top, bottom = LIQUIDATION_RATIO
    return {
        "symbol": rules.symbol,
        "risk_rate": fixed(percent, 2),
        "risk_level": "1" if percent >= 200 else "2" if percent >= 130 else "3",
        "buy_enabled": True,
        "sell_enabled": True,
        "liquidate_price": _liquidation_price(call, rules),
        "liquidate_rate": fixed(top * 10 // bottom, 1),
        "base": _coin_row(call, rules, rules.base),
        "quote": _coin_row(call, rules, rules.quote),
    }


def _liquidation_price(call: Call, rules: SpotRules) -> str | None:
    """Where assets would be down to the liquidation ratio times the debts; null without debt."""
    margin, wallet = call.exchange.margin, margin_wallet(rules.symbol)
    top, bottom = LIQUIDATION_RATIO
    sums: list[int] = []
    for coin in (rules.base, rules.quote):
        held = call.exchange.ledger.balance(call.uid, wallet, coin)
        owed = margin.debt(call.uid, rules.symbol, coin, call.now_ms).total
        sums += [bottom * (held.available + held.frozen) - top * owed, owed]
    base, base_owed, quote, quote_owed = sums
    if not (base_owed or quote_owed) or not base:
        return None
    return _money(-quote * 10**ATOM_PLACES // base)


def _coin_row(call: Call, rules: SpotRules, coin: str) -> Json:
    held = call.exchange.ledger.balance(call.uid, margin_wallet(rules.symbol), coin)
    debt = call.exchange.margin.debt(call.uid, rules.symbol, coin, call.now_ms)
    total = held.available + held.frozen
    net = total - debt.total
    return {
        "currency": coin,
        "borrow_enabled": True,
        "borrowed": _money(debt.borrowed),
        "borrow_unpaid": _money(debt.principal),
        "interest_unpaid": _money(debt.interest),
        "available": _money(held.available),
        "frozen": _money(held.frozen),
        "net_asset": _money(net),
        "net_assetBTC": _money(call.exchange.in_btc(coin, net)),
        "total_asset": _money(total),
    }


def _pairs(call: Call) -> Json:
    return {
        "symbols": [
            {
                "symbol": rules.symbol,
                "max_leverage": str(MAX_LEVERAGE),
                "symbol_enabled": True,
                "base": _terms(call, rules, rules.base),
                "quote": _terms(call, rules, rules.quote),
            }
            for rules in _pairs_asked(call)
        ]
    }


def _terms(call: Call, rules: SpotRules, coin: str) -> Json:
    return {
        "currency": coin,
        "daily_interest": _money(HOURLY * 24),
        "hourly_interest": _money(HOURLY),
        "max_borrow_amount": _money(most_lent(coin)),
        "min_borrow_amount": _money(MIN_BORROW),
        "borrowable_amount": _money(
            call.exchange.margin.borrowable(call.uid, rules.symbol, coin, call.now_ms)
        ),
    }


def _transfer(call: Call) -> Json:
    rules, coin, amount = _asked(call)
    side = call.text("side")
    if side not in ("in", "out"):
        raise Refusal(50021, "side")
    return {
        "transfer_id": call.exchange.margin.transfer(
            call.uid, rules.symbol, coin, amount, inwards=side == "in", now_ms=call.now_ms
        )
    }


def _borrow(call: Call) -> Json:
    wanted = call.number("amount", 50021)
    if wanted is not None and 0 < wanted.scaleb(ATOM_PLACES) < MIN_BORROW:
        raise Refusal(51005)
    rules, coin, amount = _asked(call)
    return {"borrow_id": call.exchange.margin.borrow(call.uid, rules.symbol, coin, amount, call.now_ms)}


def _repay(call: Call) -> Json:
    rules, coin, amount = _asked(call)
    return {"repay_id": call.exchange.margin.repay(call.uid, rules.symbol, coin, amount, call.now_ms)}


def _recent(call: Call, rows: list[_Row], number: str) -> list[_Row]:
    """Newest first, within the time asked for."""
    start, end = call.whole("start_time", 50021), call.whole("end_time", 50021)
    since, until = start or 0, call.now_ms if end is None else end
    if since > until:
        raise Refusal(52004)
    coin = call.text("currency")
    kept = [
        row
        for row in reversed(rows)
        if since <= row.at_ms <= until and number in ("", row.number) and coin in ("", row.coin)
    ]
    return kept[: call.within("N", 50, 1, _MOST_ROWS, 50021)]


def _borrow_record(call: Call) -> Json:
    rules = _rules(call, call.text("symbol", refuse=50028))
    loans = call.exchange.margin.loans(call.uid, rules.symbol, call.now_ms)
    return {
        "records": [
            {
                "borrow_id": loan.number,
                "symbol": loan.symbol,
                "currency": loan.coin,
                "borrow_amount": _money(loan.borrowed),
                "daily_interest": _money(HOURLY * 24),
                "hourly_interest": _money(HOURLY),
                "interest_amount": _money(loan.interest_total),
                "create_time": loan.at_ms,
            }
            for loan in _recent(call, loans, call.text("borrow_id"))
        ]
    }


def _repay_record(call: Call) -> Json:
    rules = _rules(call, call.text("symbol", refuse=50028))
    rows = call.exchange.margin.repayments(call.uid, rules.symbol)
    return {
        "records": [
            {
                "repay_id": row.number,
                "repay_time": row.at_ms,
                "symbol": row.symbol,
                "currency": row.coin,
                "repaid_amount": _money(row.principal + row.interest),
                "repaid_principal": _money(row.principal),
                "repaid_interest": _money(row.interest),
            }
            for row in _recent(call, rows, call.text("repay_id"))
        ]
    }


def _submit(call: Call) -> Json:
    """Paid out of the margin wallet; read and cancelled with the ordinary spot calls."""
    symbol, side, kind = call.text("symbol"), call.text("side"), call.text("type")
    if not (symbol and side and kind):
        raise Refusal(50028)
    order = call.exchange.spot.submit(
        call.account,
        SpotTicket(
            symbol=symbol,
            side=side,
            type=kind,
            price=call.number("price", 50021),
            size=call.number("size", 50021),
            notional=call.number("notional", 50021),
            client_order_id=call.text("clientOrderId"),
            wallet=margin_wallet(symbol),
        ),
        call.now_ms,
    )
    return {"order_id": str(order.order_id)}


def _get(name: str, calls: int, handler: Handler) -> Route:
    return Route(
        method="GET",
        path=f"/spot/v1/margin/isolated/{name}",
        auth=Auth.KEYED,
        quota=Quota(calls, 2, "KEY"),
        handler=handler,
    )


def _post(name: str, handler: Handler) -> Route:
    return Route(
        method="POST",
        path=f"/spot/v1/margin/isolated/{name}",
        auth=Auth.SIGNED,
        quota=Quota(2, 2, "KEY"),
        handler=handler,
    )


ROUTES = (
    _get("account", 12, _account),
    _get("pairs", 2, _pairs),
    _get("borrow_record", 150, _borrow_record),
    _get("repay_record", 150, _repay_record),
    _post("transfer", _transfer),
    _post("borrow", _borrow),
    _post("repay", _repay),
    Route(
        method="POST",
        path="/spot/v1/margin/submit_order",
        auth=Auth.SIGNED,
        quota=Quota(20, 1, "UID"),
        handler=_submit,
    ),
)
