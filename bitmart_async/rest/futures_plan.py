"""Futures plan orders: they wait for a trigger, then place an order."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from bitmart_async.errors import ParameterError
from bitmart_async.models.enums import (
    ExecutionType,
    FuturesOrderMode,
    FuturesSide,
    MarginMode,
    PlanCategory,
    PlanOrderType,
    PlanTypeFilter,
    PriceType,
    PriceWay,
)
from bitmart_async.models.futures_plan import PlanOrder, PlanOrderAck
from bitmart_async.ratelimit import Quota, Scope
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.futures_market import contract
from bitmart_async.rest.history import MAX_REQUESTS, Incomplete, as_is
from bitmart_async.rest.pages import Capped
from bitmart_async.rest.params import Amount, Choice, Text, Whole, client_order_id, order_size
from bitmart_async.rest.section import Section

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from bitmart_async.rest.iterate import History

    Money: TypeAlias = Decimal | int | str

__all__ = ["CLOSING", "PRESETS", "PRESET_PRICES", "FuturesPlan", "named", "need_order_id"]

CLOSING = (FuturesSide.BUY_CLOSE_SHORT, FuturesSide.SELL_CLOSE_LONG)
PRESET_PRICES = ("preset_take_profit_price", "preset_stop_loss_price")


def named(given: Mapping[str, object], name: str) -> bool:
    """Whether an id is there that the exchange would not take for a missing one."""
    value = given.get(name)
    return value is not None and bool(str(value).strip())


def _plan_rules(given: Mapping[str, object]) -> None:
    kind = str(given.get("type", "limit"))
    if kind == "limit" and "executive_price" not in given:
        raise ParameterError("a plan order of type limit needs executive_price=")
    if kind == "market" and "executive_price" in given:
        raise ParameterError(
            "a plan order of type market has no executive_price=; to bound the price use type='limit'"
        )
    if kind == "market" and given.get("mode") == FuturesOrderMode.MAKER_ONLY:
        raise ParameterError("mode MAKER_ONLY is for limit orders")
    presets = [name for name in PRESET_PRICES if name in given]
    if presets and given.get("side") in CLOSING:
        raise ParameterError(f"{presets[0]}= is for orders that open a position")


def need_order_id(given: Mapping[str, object]) -> None:
    """The exchange's texts leave open what a change without an id would change."""
    if not named(given, "order_id"):
        raise ParameterError("give order_id=: which order is meant")


def _new_price(given: Mapping[str, object]) -> None:
    kind = str(given.get("type"))
    if kind == "limit" and "executive_price" not in given:
        raise ParameterError("a plan order of type limit needs executive_price=")
    if kind == "market" and "executive_price" in given:
        raise ParameterError("a plan order of type market has no executive_price=")


def _one_to_cancel(given: Mapping[str, object]) -> None:
    """Without an id the exchange cancels every plan order of the symbol, stop-losses included."""
    order_id, own_id = named(given, "order_id"), named(given, "client_order_id")
    if not order_id and not own_id:
        raise ParameterError(
            "give order_id= or client_order_id=: without one the exchange would cancel every plan order of "
            "the symbol, stop-losses included. To cancel them all, do it for each row of "
            "get_futures_account_plan_orders."
        )
    if order_id and own_id:
        raise ParameterError("give one of order_id= and client_order_id=, not both")


_UID_24 = Quota(24, scope=Scope.UID)
PRESETS = (
    Choice("preset_take_profit_price_type", PriceType),
    Choice("preset_stop_loss_price_type", PriceType),
    Amount("preset_take_profit_price"),
    Amount("preset_stop_loss_price"),
)

SUBMIT_PLAN_ORDER = Endpoint(
    "futures.submit_plan_order",
    "POST",
    "/contract/private/submit-plan-order",
    Auth.SIGNED,
    _UID_24,
    returns=PlanOrderAck,
    effect=Effect.ORDER,
    rules=_plan_rules,
    params=(
        contract(required=True),
        Choice("type", PlanOrderType),
        Choice("side", FuturesSide, required=True),
        Amount("leverage", required=True),
        Choice("open_type", MarginMode, required=True),
        Choice("mode", FuturesOrderMode),
        order_size(required=True),
        Amount("trigger_price", required=True),
        Amount("executive_price"),
        Choice("price_way", PriceWay, required=True),
        Choice("price_type", PriceType, required=True),
        Choice("plan_category", PlanCategory),
        *PRESETS,
    ),
)
MODIFY_PLAN_ORDER = Endpoint(
    "futures.modify_plan_order",
    "POST",
    "/contract/private/modify-plan-order",
    Auth.SIGNED,
    _UID_24,
    returns=PlanOrderAck,
    effect=Effect.ORDER,
    guard=need_order_id,
    rules=_new_price,
    params=(
        contract(required=True),
        Text("order_id"),
        Choice("type", ExecutionType, required=True),
        Amount("trigger_price", required=True),
        Amount("executive_price"),
        Choice("price_type", PriceType, required=True),
    ),
)
CANCEL_PLAN_ORDER = Endpoint(
    "futures.cancel_plan_order",
    "POST",
    "/contract/private/cancel-plan-order",
    Auth.SIGNED,
    Quota(40, scope=Scope.UID),
    returns=type(None),
    effect=Effect.ORDER,
    guard=_one_to_cancel,
    params=(contract(required=True), Text("order_id"), client_order_id()),
)
PLAN_ORDERS = Endpoint(
    "futures.get_plan_orders",
    "GET",
    "/contract/private/current-plan-order",
    Auth.KEYED,
    Quota(50, scope=Scope.KEY),
    returns=list[PlanOrder],
    params=(
        contract(),
        Choice("type", ExecutionType),
        Whole("limit", low=1, high=100),
        Choice("plan_type", PlanTypeFilter),
    ),
)

PLAN_ORDER_ROWS: Capped[list[PlanOrder], PlanOrder] = Capped(
    endpoint=PLAN_ORDERS, rows=as_is, cap=100, size="limit"
)


class FuturesPlan(Section):
    """Plan orders: set, change, cancel, list.

    Calls that place, change or cancel are sent at most once; when their answer is lost they raise
    :class:`OrderFateUnknown`. Only TP/SL orders carry a client order id: after a lost
    submit_futures_plan_order compare the rows of get_futures_account_plan_orders.
    All calls raise CredentialsMissing without keys.
    """

    async def submit_futures_plan_order(
        self,
        symbol: str,
        *,
        side: FuturesSide | int,
        leverage: Money,
        open_type: MarginMode | str,
        size: int,
        trigger_price: Money,
        price_way: PriceWay | int,
        price_type: PriceType | int,
        type: PlanOrderType | str | None = None,
        mode: FuturesOrderMode | int | None = None,
        executive_price: Money | None = None,
        plan_category: PlanCategory | int | None = None,
        preset_take_profit_price_type: PriceType | int | None = None,
        preset_stop_loss_price_type: PriceType | int | None = None,
        preset_take_profit_price: Money | None = None,
        preset_stop_loss_price: Money | None = None,
    ) -> PlanOrderAck:
        """Place an order when a price is reached. Never repeated: a lost answer may hide a live order.

        Args:
            symbol: Contract, like BTCUSDT.
            side: 1 open long, 2 close short, 3 close long, 4 open short (hedge mode). In one-way mode:
                1 buy, 2 buy reduce-only, 3 sell reduce-only, 4 sell.
            leverage: How many times; closing orders need it too.
            open_type: cross or isolated; closing orders need it too.
            size: Whole contracts, not coins; coins = size * Contract.contract_size.
            trigger_price: Quote per coin.
            price_way: 1 fires when the price rises to the trigger, 2 when it falls to it. It does not
                follow from side: buying a dip is 2, buying a breakout is 1.
            price_type: What the trigger watches: 1 last price, 2 mark price.
            type: limit (when not given), market, take_profit or stop_loss.
            mode: 1 GTC (when not given), 2 FOK, 3 IOC, 4 maker only.
            executive_price: Price of the order that is placed, quote per coin. Type limit needs it.
            plan_category: For the types take_profit and stop_loss: 1 a quantity, 2 the whole position.
            preset_take_profit_price_type: 1 last price (when not given), 2 mark price.
            preset_stop_loss_price_type: 1 last price (when not given), 2 mark price.
            preset_take_profit_price: For orders that open, quote.
            preset_stop_loss_price: For orders that open, quote.

        Raises:
            ParameterError: The order is refused here; nothing was sent.
            InsufficientFunds: Not enough margin (40027, 42000).
            OrderRejected: Too many plan orders (40028), the trigger is too far away (40031), or another
                trading rule refuses it (40029, 40040, 40043, 40044 and others).
            PositionConflict: The position to close is missing or too small (40020, 40021).
            OrderFateUnknown: The answer was lost; there is no own id to look for.

        Source: futures V2 docs, "Submit Plan Order". 24 calls per 2 s per account.
        """
        return await self._call(
            SUBMIT_PLAN_ORDER,
            symbol=symbol,
            type=type,
            side=side,
            leverage=leverage,
            open_type=open_type,
            mode=mode,
            size=size,
            trigger_price=trigger_price,
            executive_price=executive_price,
            price_way=price_way,
            price_type=price_type,
            plan_category=plan_category,
            preset_take_profit_price_type=preset_take_profit_price_type,
            preset_stop_loss_price_type=preset_stop_loss_price_type,
            preset_take_profit_price=preset_take_profit_price,
            preset_stop_loss_price=preset_stop_loss_price,
        )

    async def update_futures_plan_order(
        self,
        symbol: str,
        *,
        order_id: str,
        type: ExecutionType | str,
        trigger_price: Money,
        price_type: PriceType | int,
        executive_price: Money | None = None,
    ) -> PlanOrderAck:
        """Change trigger and price of a working plan order; its size stays. Never repeated.

        Args:
            symbol: Contract, like BTCUSDT.
            order_id: The exchange's id; plan orders have no other.
            type: limit or market.
            trigger_price: Quote per coin.
            price_type: What the trigger watches: 1 last price, 2 mark price.
            executive_price: Price of the order that is placed, quote per coin. Type limit needs it.

        Raises:
            ParameterError: No id, or the price does not go with the type; nothing was sent.
            OrderNotFound: No such plan order (40035, 40037).
            OrderStateConflict: It no longer waits (40036).
            OrderRejected: The trigger is too far away, or off the steps (40031, 40043, 40044).
            OrderFateUnknown: The answer was lost.

        Source: futures V2 docs, "Modify Plan Order". 24 calls per 2 s per account.
        """
        return await self._call(
            MODIFY_PLAN_ORDER,
            symbol=symbol,
            order_id=order_id,
            type=type,
            trigger_price=trigger_price,
            executive_price=executive_price,
            price_type=price_type,
        )

    async def cancel_futures_plan_order(
        self,
        symbol: str,
        *,
        order_id: str | None = None,
        client_order_id: str | None = None,
    ) -> None:
        """Cancel one plan or TP/SL order. Accepted is not cancelled yet: the outcome comes on the stream.

        Without an id the exchange would cancel every plan order of the symbol; that is refused here.

        Args:
            symbol: Contract, like BTCUSDT.
            order_id: The exchange's id; this or client_order_id.
            client_order_id: Your own id, of a TP/SL order; this or order_id.

        Raises:
            ParameterError: No id, or both; nothing was sent.
            OrderNotFound: No such plan order (40035, 40037).
            OrderStateConflict: It no longer waits (40036).
            OrderFateUnknown: The answer was lost; the order may or may not be cancelled.

        Sent at most once.

        Source: futures V2 docs, "Cancel Plan Order". 40 calls per 2 s per account.
        """
        return await self._call(
            CANCEL_PLAN_ORDER, symbol=symbol, order_id=order_id, client_order_id=client_order_id
        )

    async def get_futures_account_plan_orders(
        self,
        symbol: str | None = None,
        *,
        type: ExecutionType | str | None = None,
        limit: int | None = None,
        plan_type: PlanTypeFilter | str | None = None,
    ) -> list[PlanOrder]:
        """Plan and TP/SL orders that wait, at most 100 and no cursor: with more, ask symbol by symbol.

        Triggered and cancelled ones are in get_futures_account_order_history. Trailing orders are in
        get_futures_account_open_orders with type trailing.

        Args:
            symbol: Contract; all when not given.
            type: limit or market, how they execute; both when not given.
            limit: Rows, 1 to 100, 100 when not given.
            plan_type: plan or profit_loss (TP/SL); both when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: futures V2 docs, "Get All Current Plan Orders". 50 calls per 2 s per key.
        """
        return await self._call(PLAN_ORDERS, symbol=symbol, type=type, limit=limit, plan_type=plan_type)

    def iter_futures_account_plan_orders(
        self,
        symbol: str | None = None,
        *,
        type: ExecutionType | str | None = None,
        limit: int | None = None,
        plan_type: PlanTypeFilter | str | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[PlanOrder]:
        """Waiting plan and TP/SL orders, oldest first. With 100 or more it raises, as only 100 are shown.

        Then ask symbol by symbol.

        Args:
            symbol: Contract; all when not given.
            type: limit or market, how they execute; both when not given.
            limit: Rows that are enough to raise, 1 to 100, 100 when not given.
            plan_type: plan or profit_loss (TP/SL); both when not given.
            max_requests: As everywhere; one is made here.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: futures V2 docs, "Get All Current Plan Orders".
        """
        return self._iter(
            PLAN_ORDER_ROWS,
            None,
            None,
            max_requests,
            incomplete,
            symbol=symbol,
            type=type,
            limit=limit,
            plan_type=plan_type,
        )
