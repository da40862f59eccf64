"""Futures take-profit and stop-loss: orders that guard a position, and presets of orders that open one."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, cast

from bitmart_async.errors import ParameterError
from bitmart_async.models.enums import ExecutionType, FuturesSide, PlanCategory, PriceType, TpSlType
from bitmart_async.models.futures_plan import PlanOrderAck, TpSlOrderAck
from bitmart_async.numbers import exact
from bitmart_async.ratelimit import Quota, Scope
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.futures_market import contract
from bitmart_async.rest.futures_plan import CLOSING, PRESET_PRICES, PRESETS, named, need_order_id
from bitmart_async.rest.params import Amount, Choice, Text, client_order_id, order_size
from bitmart_async.rest.section import Section

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    Money: TypeAlias = Decimal | int | str

__all__ = ["FuturesTpSl"]


def _price(given: Mapping[str, object], name: str) -> Decimal:
    return exact(cast("Decimal | int | str", given[name]), name)


def _one_to_change(given: Mapping[str, object]) -> None:
    if named(given, "order_id") == named(given, "client_order_id"):
        raise ParameterError("give exactly one of order_id= and client_order_id=")


def _market_or_limit(given: Mapping[str, object]) -> None:
    if "executive_price" not in given:
        return
    at_market = _price(given, "executive_price") == 0
    if at_market and given.get("category") == ExecutionType.LIMIT:
        raise ParameterError("category 'limit' needs executive_price= above 0; 0 means a market execution")


def _tpsl_rules(given: Mapping[str, object]) -> None:
    if given.get("side") not in CLOSING:
        raise ParameterError("side= must close: 2 (closes a short) or 3 (closes a long)")
    category = given.get("plan_category")
    if category == PlanCategory.QUANTITY and "size" not in given:
        raise ParameterError("plan_category 1 closes a given quantity: it needs size=")
    if category == PlanCategory.POSITION and "size" in given:
        raise ParameterError(
            "plan_category 2 closes the whole position and size= says otherwise; leave one of them out"
        )
    if category is None and "size" in given:
        raise ParameterError(
            "size= needs plan_category=1: left out, the exchange takes 2, the whole position"
        )
    _market_or_limit(given)


def _tpsl_change_rules(given: Mapping[str, object]) -> None:
    if given.get("plan_category") == PlanCategory.QUANTITY and "executive_price" not in given:
        raise ParameterError("plan_category 1 needs executive_price=")
    _market_or_limit(given)


def _preset_rules(given: Mapping[str, object]) -> None:
    if not any(name in given for name in PRESET_PRICES):
        raise ParameterError("give preset_take_profit_price= or preset_stop_loss_price=, or both")


_UID_24 = Quota(24, scope=Scope.UID)

SUBMIT_TPSL_ORDER = Endpoint(
    "futures.submit_tp_sl_order",
    "POST",
    "/contract/private/submit-tp-sl-order",
    Auth.SIGNED,
    _UID_24,
    returns=TpSlOrderAck,
    effect=Effect.ORDER,
    own_id="client_order_id",
    rules=_tpsl_rules,
    params=(
        contract(required=True),
        Choice("type", TpSlType, required=True),
        Choice("side", FuturesSide, required=True),
        order_size(),
        Amount("trigger_price", required=True),
        Amount("executive_price", required=True, low="0"),
        Choice("price_type", PriceType, required=True),
        Choice("plan_category", PlanCategory),
        client_order_id(),
        Choice("category", ExecutionType),
    ),
)
MODIFY_TPSL_ORDER = Endpoint(
    "futures.modify_tp_sl_order",
    "POST",
    "/contract/private/modify-tp-sl-order",
    Auth.SIGNED,
    _UID_24,
    returns=PlanOrderAck,
    effect=Effect.ORDER,
    guard=_one_to_change,
    rules=_tpsl_change_rules,
    params=(
        contract(required=True),
        Text("order_id"),
        client_order_id(),
        Amount("trigger_price", required=True),
        Amount("executive_price", low="0"),
        Choice("price_type", PriceType, required=True),
        Choice("plan_category", PlanCategory),
        Choice("category", ExecutionType),
    ),
)
MODIFY_PRESET_PLAN_ORDER = Endpoint(
    "futures.modify_preset_plan_order",
    "POST",
    "/contract/private/modify-preset-plan-order",
    Auth.SIGNED,
    _UID_24,
    returns=PlanOrderAck,
    effect=Effect.ORDER,
    guard=need_order_id,
    rules=_preset_rules,
    params=(contract(required=True), Text("order_id", required=True), *PRESETS),
)


class FuturesTpSl(Section):
    """Take-profit and stop-loss.

    get_futures_account_plan_orders lists them, cancel_futures_plan_order cancels them. All calls are sent
    at most once; when their answer is lost they raise :class:`OrderFateUnknown`: ask
    ``resolve_order(error)``. All calls raise CredentialsMissing without keys.
    """

    async def submit_futures_tpsl_order(
        self,
        symbol: str,
        *,
        type: TpSlType | str,
        side: FuturesSide | int,
        trigger_price: Money,
        executive_price: Money,
        price_type: PriceType | int,
        size: int | None = None,
        plan_category: PlanCategory | int | None = None,
        client_order_id: str | None = None,
        category: ExecutionType | str | None = None,
    ) -> TpSlOrderAck:
        """Guard a position with one leg: take-profit and stop-loss are two calls. Never repeated.

        Args:
            symbol: Contract, like BTCUSDT.
            type: take_profit or stop_loss.
            side: 2 closes a short, 3 closes a long (one-way mode: reduce-only buy, reduce-only sell).
            trigger_price: Quote per coin.
            executive_price: Price of the closing order, quote per coin; 0 for a market execution.
            price_type: What the trigger watches: 1 last price, 2 mark price.
            size: Whole contracts; the whole position when not given.
            plan_category: 1 for size contracts, 2 for the whole position. Always sent, because the
                exchange's own default has changed: 1 when size is given, otherwise 2.
            client_order_id: Your own id, 1 to 32 letters and digits; made when not given.
            category: limit or market execution. A leg for the whole position is a market order
                when this is not given, whatever executive_price says.

        Raises:
            ParameterError: The order is refused here; nothing was sent.
            OrderRejected: Too many plan orders (40028), the trigger is too far away (40031), or another
                trading rule refuses it (40043, 40044 and others).
            PositionConflict: The position to close is missing or too small (40020, 40021).
            AlreadyExists: The client order id was used before (40050).
            OrderFateUnknown: The answer was lost.

        Source: futures V2 docs, "Submit TP or SL Order". 24 calls per 2 s per account.
        """
        if plan_category is None:
            plan_category = PlanCategory.POSITION if size is None else PlanCategory.QUANTITY
        return await self._call(
            SUBMIT_TPSL_ORDER,
            symbol=symbol,
            type=type,
            side=side,
            size=size,
            trigger_price=trigger_price,
            executive_price=executive_price,
            price_type=price_type,
            plan_category=plan_category,
            client_order_id=client_order_id,
            category=category,
        )

    async def update_futures_tpsl_order(
        self,
        symbol: str,
        *,
        trigger_price: Money,
        price_type: PriceType | int,
        order_id: str | None = None,
        client_order_id: str | None = None,
        executive_price: Money | None = None,
        plan_category: PlanCategory | int | None = None,
        category: ExecutionType | str | None = None,
    ) -> PlanOrderAck:
        """Change trigger and price of a working TP/SL order. Never repeated.

        Args:
            symbol: Contract, like BTCUSDT.
            trigger_price: Quote per coin.
            price_type: What the trigger watches: 1 last price, 2 mark price.
            order_id: The exchange's id; this or client_order_id.
            client_order_id: Your own id; this or order_id.
            executive_price: Price of the closing order, quote per coin; 0 for a market execution.
                Needed with plan_category 1.
            plan_category: What the order is: 1 for a quantity, 2 for the whole position.
            category: limit or market execution; market for the whole position when not given.

        Raises:
            ParameterError: No id, both, or a price is missing; nothing was sent.
            OrderNotFound: No such TP/SL order (40035, 40037).
            OrderStateConflict: It no longer waits (40036).
            OrderRejected: The trigger is too far away, or off the steps (40031, 40043, 40044).
            OrderFateUnknown: The answer was lost.

        Source: futures V2 docs, "Modify TP or SL Order". 24 calls per 2 s per account.
        """
        return await self._call(
            MODIFY_TPSL_ORDER,
            symbol=symbol,
            order_id=order_id,
            client_order_id=client_order_id,
            trigger_price=trigger_price,
            executive_price=executive_price,
            price_type=price_type,
            plan_category=plan_category,
            category=category,
        )

    async def update_futures_preset_plan_order(
        self,
        symbol: str,
        *,
        order_id: str,
        preset_take_profit_price_type: PriceType | int | None = None,
        preset_stop_loss_price_type: PriceType | int | None = None,
        preset_take_profit_price: Money | None = None,
        preset_stop_loss_price: Money | None = None,
    ) -> PlanOrderAck:
        """Change the take-profit and stop-loss a working order will set. Never repeated.

        How a preset is taken away again is documented nowhere.

        Args:
            symbol: Contract, like BTCUSDT.
            order_id: The exchange's id of the order that carries the presets.
            preset_take_profit_price_type: 1 last price (when not given), 2 mark price.
            preset_stop_loss_price_type: 1 last price (when not given), 2 mark price.
            preset_take_profit_price: Quote per coin.
            preset_stop_loss_price: Quote per coin.

        Raises:
            ParameterError: No id, or no price; nothing was sent.
            OrderNotFound: No such order (40035, 40037).
            OrderStateConflict: It is no longer open (40036).
            OrderFateUnknown: The answer was lost.

        Source: futures V2 docs, "Modify Preset Plan Order". 24 calls per 2 s per account.
        """
        return await self._call(
            MODIFY_PRESET_PLAN_ORDER,
            symbol=symbol,
            order_id=order_id,
            preset_take_profit_price_type=preset_take_profit_price_type,
            preset_stop_loss_price_type=preset_stop_loss_price_type,
            preset_take_profit_price=preset_take_profit_price,
            preset_stop_loss_price=preset_stop_loss_price,
        )
