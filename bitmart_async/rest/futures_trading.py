"""Futures orders: submit, change, cancel, close, query."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from bitmart_async.errors import ParameterError
from bitmart_async.models.enums import (
    AccountKind,
    CloseContractType,
    FuturesOrderMode,
    FuturesOrderType,
    FuturesSide,
    FuturesStpMode,
    Leg,
    MarginMode,
    OpenOrderState,
    OpenOrderType,
    PriceType,
)
from bitmart_async.models.futures import (
    CancelAllAfterAck,
    FuturesOrder,
    FuturesOrderAck,
    FuturesOrderHistoryRow,
    FuturesTrade,
    ModifyOrderAck,
)
from bitmart_async.ratelimit import Quota, Scope
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.futures_market import contract
from bitmart_async.rest.history import MAX_REQUESTS, Incomplete, Windowed, as_is, days
from bitmart_async.rest.pages import Capped
from bitmart_async.rest.params import Amount, Choice, NumberId, Text, Whole, client_order_id, order_size
from bitmart_async.rest.section import Section
from bitmart_async.rest.windows import seconds_window_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from bitmart_async.rest.iterate import History

    Money: TypeAlias = Decimal | int | str

__all__ = ["FuturesTrading"]


def _order_rules(given: Mapping[str, object]) -> None:
    """Price and leverage as type and side want them."""
    kind = str(given.get("type", "limit"))
    if kind == "limit" and "price" not in given:
        raise ParameterError("a limit order needs price=")
    if kind == "market" and "price" in given:
        raise ParameterError(
            "a market order has no price=; use type='limit' with mode IOC to bound the price"
        )
    if kind == "market" and given.get("mode") == FuturesOrderMode.MAKER_ONLY:
        raise ParameterError("mode MAKER_ONLY is for limit orders")
    presets = [name for name in ("preset_take_profit_price", "preset_stop_loss_price") if name in given]
    if presets and given.get("side") in (FuturesSide.BUY_CLOSE_SHORT, FuturesSide.SELL_CLOSE_LONG):
        raise ParameterError(f"{presets[0]}= is for orders that open a position")


def _names_one_order(given: Mapping[str, object]) -> None:
    """Without an id the exchange cancels every order of the symbol: never let that happen by accident."""
    order_id, own_id = (str(given.get(name) or "").strip() for name in ("order_id", "client_order_id"))
    if not order_id and not own_id:
        raise ParameterError(
            "give order_id= or client_order_id=: without one the exchange would cancel every "
            "order of the symbol. If that is what you want, call cancel_all_futures_orders."
        )
    if order_id and own_id:
        raise ParameterError("give one of order_id= and client_order_id=, not both")


def _something_to_change(given: Mapping[str, object]) -> None:
    if "price" not in given and "size" not in given:
        raise ParameterError("give price= or size=, or both")


def _timeout_rules(given: Mapping[str, object]) -> None:
    timeout = given.get("timeout")
    if isinstance(timeout, int) and 0 < timeout < 5:
        raise ParameterError(f"timeout={timeout}: must be 5 or more seconds, or 0 to switch it off")


_KEY_24 = Quota(24, scope=Scope.KEY)
_HISTORY = Quota(6, scope=Scope.KEY)
_QUERY = Quota(50, scope=Scope.KEY)

SUBMIT_ORDER = Endpoint(
    "futures.submit_order",
    "POST",
    "/contract/private/submit-order",
    Auth.SIGNED,
    _KEY_24,
    returns=FuturesOrderAck,
    effect=Effect.ORDER,
    own_id="client_order_id",
    rules=_order_rules,
    params=(
        contract(required=True),
        client_order_id(),
        Choice("type", FuturesOrderType),
        Choice("side", FuturesSide, required=True),
        Amount("leverage"),
        Choice("open_type", MarginMode),
        Choice("mode", FuturesOrderMode),
        Amount("price"),
        order_size(required=True),
        Choice("preset_take_profit_price_type", PriceType),
        Choice("preset_stop_loss_price_type", PriceType),
        Amount("preset_take_profit_price"),
        Amount("preset_stop_loss_price"),
        Choice("stp_mode", FuturesStpMode),
    ),
)
MODIFY_LIMIT_ORDER = Endpoint(
    "futures.modify_limit_order",
    "POST",
    "/contract/private/modify-limit-order",
    Auth.SIGNED,
    Quota(24, scope=Scope.UID),
    returns=ModifyOrderAck,
    effect=Effect.ORDER,
    guard=_names_one_order,
    rules=_something_to_change,
    params=(contract(required=True), NumberId("order_id"), client_order_id(), Amount("price"), order_size()),
)
CANCEL_ORDER = Endpoint(
    "futures.cancel_order",
    "POST",
    "/contract/private/cancel-order",
    Auth.SIGNED,
    Quota(40, scope=Scope.KEY),
    returns=type(None),
    effect=Effect.ORDER,
    guard=_names_one_order,
    params=(contract(required=True), Text("order_id"), client_order_id()),
)
CANCEL_ORDERS = Endpoint(
    "futures.cancel_orders",
    "POST",
    "/contract/private/cancel-orders",
    Auth.SIGNED,
    Quota(2, scope=Scope.KEY),
    returns=type(None),
    effect=Effect.ORDER,
    params=(contract(required=True),),
)
CANCEL_ALL_AFTER = Endpoint(
    "futures.cancel_all_after",
    "POST",
    "/contract/private/cancel-all-after",
    Auth.SIGNED,
    Quota(4, scope=Scope.UID),
    returns=CancelAllAfterAck,
    effect=Effect.CHANGE,
    rules=_timeout_rules,
    params=(contract(required=True), Whole("timeout", required=True, low=0)),
)
CLOSE_ALL_POSITIONS = Endpoint(
    "futures.close_all_positions",
    "POST",
    "/contract/private/close-all-position",
    Auth.SIGNED,
    None,
    returns=type(None),
    effect=Effect.ORDER,
    params=(
        Choice("contractType", CloseContractType, required=True),
        contract(),
        Choice("position_side", Leg),
    ),
)
GET_ORDER = Endpoint(
    "futures.get_order",
    "GET",
    "/contract/private/order",
    Auth.KEYED,
    _QUERY,
    returns=FuturesOrder,
    params=(contract(required=True), Text("order_id", required=True), Choice("account", AccountKind)),
)
ORDER_HISTORY = Endpoint(
    "futures.get_order_history",
    "GET",
    "/contract/private/order-history",
    Auth.KEYED,
    _HISTORY,
    returns=list[FuturesOrderHistoryRow],
    rules=seconds_window_of(most_days=90),
    params=(
        contract(required=True),
        Text("order_id"),
        client_order_id(),
        Choice("account", AccountKind),
        Whole("start_time", low=0),
        Whole("end_time", low=0),
    ),
)
OPEN_ORDERS = Endpoint(
    "futures.get_open_orders",
    "GET",
    "/contract/private/get-open-orders",
    Auth.KEYED,
    _QUERY,
    returns=list[FuturesOrder],
    params=(
        contract(),
        Choice("type", OpenOrderType),
        Choice("order_state", OpenOrderState),
        Whole("limit", low=1, high=100),
    ),
)
USER_TRADES = Endpoint(
    "futures.get_user_trades",
    "GET",
    "/contract/private/trades",
    Auth.KEYED,
    _HISTORY,
    returns=list[FuturesTrade],
    rules=seconds_window_of(most_days=90),
    params=(
        contract(),
        Choice("account", AccountKind),
        Whole("start_time", low=0),
        Whole("end_time", low=0),
        NumberId("order_id"),
        client_order_id(),
    ),
)

_WIDE = frozenset({40039})
ORDER_HISTORY_WINDOWS: Windowed[list[FuturesOrderHistoryRow], FuturesOrderHistoryRow] = Windowed(
    endpoint=ORDER_HISTORY,
    rows=as_is,
    at=lambda row: row.create_time,
    key=lambda row: row.order_id,
    unit=1000,
    cap=200,
    span=days(90),
    lookback=days(7),
    equal_bounds=False,
    too_wide=_WIDE,
)
USER_TRADE_WINDOWS: Windowed[list[FuturesTrade], FuturesTrade] = Windowed(
    endpoint=USER_TRADES,
    rows=as_is,
    at=lambda row: row.create_time,
    key=lambda row: (row.trade_id, row.order_id),  # both sides of a self-trade may share one trade id
    unit=1000,
    cap=200,
    span=days(90),
    lookback=days(7),
    equal_bounds=False,
    too_wide=_WIDE,
)
OPEN_ORDER_ROWS: Capped[list[FuturesOrder], FuturesOrder] = Capped(
    endpoint=OPEN_ORDERS,
    rows=as_is,
    cap=100,
    size="limit",
)


class FuturesTrading(Section):
    """Futures orders.

    Calls that place, change or cancel are sent at most once. When their answer is lost they raise
    :class:`OrderFateUnknown`: ask ``resolve_order(error)``. There is no batch submit. All calls raise
    CredentialsMissing without keys.
    """

    async def submit_futures_order(
        self,
        symbol: str,
        *,
        side: FuturesSide | int,
        size: int,
        type: FuturesOrderType | str | None = None,
        price: Money | None = None,
        mode: FuturesOrderMode | int | None = None,
        leverage: Money | None = None,
        open_type: MarginMode | str | None = None,
        client_order_id: str | None = None,
        preset_take_profit_price_type: PriceType | int | None = None,
        preset_stop_loss_price_type: PriceType | int | None = None,
        preset_take_profit_price: Money | None = None,
        preset_stop_loss_price: Money | None = None,
        stp_mode: FuturesStpMode | int | None = None,
    ) -> FuturesOrderAck:
        """Open, reduce or close a position. Never repeated: a lost answer may hide a live order.

        Args:
            symbol: Contract, like BTCUSDT.
            side: 1 open long, 2 close short, 3 close long, 4 open short (hedge mode). In one-way mode:
                1 buy, 2 buy reduce-only, 3 sell reduce-only, 4 sell.
            size: Whole contracts, not coins; coins = size * Contract.contract_size.
            type: limit (when not given) or market.
            price: Quote per coin. Limit orders need it.
            mode: 1 GTC (when not given), 2 FOK, 3 IOC, 4 maker only.
            leverage: For orders that open; must equal an open position's. Sources call it needed there, none
                shows what happens without it. It is not demanded here: in one-way mode sides 1 and 4 also
                reduce, and the client does not know the mode.
            open_type: cross or isolated. As leverage (one source says it is needed to close instead).
            client_order_id: Your own id, 1 to 32 letters and digits; made when not given.
            preset_take_profit_price_type: 1 last price (when not given), 2 mark price.
            preset_stop_loss_price_type: 1 last price (when not given), 2 mark price.
            preset_take_profit_price: For orders that open, quote.
            preset_stop_loss_price: For orders that open, quote.
            stp_mode: Self-trade prevention: 1 cancel maker (when not given), 2 taker, 3 both.

        Raises:
            ParameterError: The order is refused here; nothing was sent.
            InsufficientFunds: Not enough margin (40027, 42000).
            OrderRejected: A trading rule refuses it (40016, 40029, 40040, 40043, 40044 and others).
            PositionConflict: The position to close is missing or too small (40020, 40021).
            AlreadyExists: The client order id was used before (40050).
            OrderFateUnknown: The answer was lost.

        Source: futures V2 docs, "Submit Order". 24 calls per 2 s per key.
        """
        return await self._call(
            SUBMIT_ORDER,
            symbol=symbol,
            client_order_id=client_order_id,
            type=type,
            side=side,
            leverage=leverage,
            open_type=open_type,
            mode=mode,
            price=price,
            size=size,
            preset_take_profit_price_type=preset_take_profit_price_type,
            preset_stop_loss_price_type=preset_stop_loss_price_type,
            preset_take_profit_price=preset_take_profit_price,
            preset_stop_loss_price=preset_stop_loss_price,
            stp_mode=stp_mode,
        )

    async def update_futures_limit_order(
        self,
        symbol: str,
        *,
        order_id: str | None = None,
        client_order_id: str | None = None,
        price: Money | None = None,
        size: int | None = None,
    ) -> ModifyOrderAck:
        """Change price or size of a resting limit order. Never repeated.

        Args:
            symbol: Contract, like BTCUSDT.
            order_id: The exchange's id; this or client_order_id.
            client_order_id: Your own id; this or order_id.
            price: New price, quote.
            size: New size, whole contracts.

        Raises:
            ParameterError: No id, or nothing to change; nothing was sent.
            OrderNotFound: No such order (40035, 40037).
            OrderStateConflict: It is no longer open (40036).
            OrderFateUnknown: The answer was lost.

        Source: futures V2 docs, "Modify Limit Order". 24 calls per 2 s per account.
        """
        return await self._call(
            MODIFY_LIMIT_ORDER,
            symbol=symbol,
            order_id=order_id,
            client_order_id=client_order_id,
            price=price,
            size=size,
        )

    async def cancel_futures_order(
        self,
        symbol: str,
        *,
        order_id: str | None = None,
        client_order_id: str | None = None,
    ) -> None:
        """Cancel one order. Accepted is not cancelled yet: the outcome comes on the private stream.

        Without an id the exchange would cancel every order of the symbol; that is refused here.

        Args:
            symbol: Contract, like BTCUSDT.
            order_id: The exchange's id; this or client_order_id.
            client_order_id: Your own id; this or order_id.

        Raises:
            ParameterError: No id; nothing was sent.
            OrderNotFound: No such open order (40035, 40037).
            OrderStateConflict: It is no longer open (40036).
            OrderFateUnknown: The answer was lost; the order may or may not be cancelled.

        Sent at most once.

        Source: futures V2 docs, "Cancel Order". 40 calls per 2 s per key.
        """
        return await self._call(
            CANCEL_ORDER, symbol=symbol, order_id=order_id, client_order_id=client_order_id
        )

    async def cancel_all_futures_orders(self, symbol: str) -> None:
        """Cancel every open order of a contract. Whether plan orders are included is unverified.

        Args:
            symbol: Contract, like BTCUSDT.

        Raises:
            OrderFateUnknown: The answer was lost. A repeat would also hit orders placed since.

        Sent at most once.

        Source: futures V2 docs, "Cancel All Orders". 2 calls per 2 s per key.
        """
        return await self._call(CANCEL_ORDERS, symbol=symbol)

    async def cancel_all_futures_orders_after(self, symbol: str, *, timeout: int) -> CancelAllAfterAck:
        """Dead man's switch: cancel every order of a contract unless called again in time.

        Args:
            symbol: Contract, like BTCUSDT.
            timeout: Seconds, 5 or more; 0 switches it off.

        Raises:
            OutcomeUnknown: The answer was lost; setting it again is harmless.

        Sent at most once.

        Source: futures V2 docs, "Cancel All After". 4 calls per 2 s per account.
        """
        return await self._call(CANCEL_ALL_AFTER, symbol=symbol, timeout=timeout)

    async def close_all_futures_positions(
        self,
        *,
        contract_type: CloseContractType | int,
        symbol: str | None = None,
        position_side: Leg | str | None = None,
    ) -> None:
        """Close positions at market. Never repeated.

        Args:
            contract_type: 1 USDT-margined, 2 coin-margined.
            symbol: Contract; every one when not given.
            position_side: long or short; both when not given.

        Raises:
            OrderFateUnknown: The answer was lost. Read the positions before repeating.

        Source: other clients of 2026. Quota unknown: the client's default applies.
        """
        return await self._call(
            CLOSE_ALL_POSITIONS, contract_type=contract_type, symbol=symbol, position_side=position_side
        )

    async def get_futures_account_order(
        self,
        symbol: str,
        *,
        order_id: str,
        account: AccountKind | str | None = None,
    ) -> FuturesOrder:
        """One order by the exchange's id. By your own id ask get_futures_account_order_history.

        Args:
            symbol: Contract, like BTCUSDT.
            order_id: The exchange's id.
            account: futures or copy_trading; futures when not given.

        Raises:
            OrderNotFound: No such order (40035, 40037).

        A read: repeated when its answer is lost.

        Source: futures V2 docs, "Get Order Detail". 50 calls per 2 s per key.
        """
        return await self._call(GET_ORDER, symbol=symbol, order_id=order_id, account=account)

    async def get_futures_account_order_history(
        self,
        symbol: str,
        *,
        order_id: str | None = None,
        client_order_id: str | None = None,
        account: AccountKind | str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
    ) -> list[FuturesOrderHistoryRow]:
        """Finished orders of a contract, at most 200; the last 7 days when no time is given.

        Args:
            symbol: Contract, like BTCUSDT.
            order_id: Only this order.
            client_order_id: Only this order.
            account: futures or copy_trading; futures when not given.
            start_time: Unix SECONDS, although the rows carry milliseconds.
            end_time: Unix SECONDS. The window may span 90 days.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: futures V2 docs, "Get Order History". 6 calls per 2 s per key.
        """
        return await self._call(
            ORDER_HISTORY,
            symbol=symbol,
            order_id=order_id,
            client_order_id=client_order_id,
            account=account,
            start_time=start_time,
            end_time=end_time,
        )

    def iter_futures_account_order_history(
        self,
        symbol: str,
        *,
        order_id: str | None = None,
        client_order_id: str | None = None,
        account: AccountKind | str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[FuturesOrderHistoryRow]:
        """Finished orders of a contract of any span, oldest first by ``create_time``, each once.

        Args:
            symbol: Contract, like BTCUSDT.
            order_id: Only this order.
            client_order_id: Only this order.
            account: futures or copy_trading; futures when not given.
            start_time: Unix SECONDS, included; 7 days back when not given, 0 for all there is.
            end_time: Unix SECONDS, included as a whole; now when not given.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: futures V2 docs, "Get Order History".
        """
        return self._iter(
            ORDER_HISTORY_WINDOWS,
            start_time,
            end_time,
            max_requests,
            incomplete,
            symbol=symbol,
            order_id=order_id,
            client_order_id=client_order_id,
            account=account,
        )

    async def get_futures_account_open_orders(
        self,
        symbol: str | None = None,
        *,
        type: OpenOrderType | str | None = None,
        order_state: OpenOrderState | str | None = None,
        limit: int | None = None,
    ) -> list[FuturesOrder]:
        """Open orders, at most 100 and no cursor: with more, ask symbol by symbol. No plan orders.

        Args:
            symbol: Contract; all when not given.
            type: limit, market or trailing; all when not given.
            order_state: all (when not given) or partially_filled.
            limit: Rows, 1 to 100, 100 when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: futures V2 docs, "Get All Open Orders". 50 calls per 2 s per key.
        """
        return await self._call(OPEN_ORDERS, symbol=symbol, type=type, order_state=order_state, limit=limit)

    def iter_futures_account_open_orders(
        self,
        symbol: str | None = None,
        *,
        type: OpenOrderType | str | None = None,
        order_state: OpenOrderState | str | None = None,
        limit: int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[FuturesOrder]:
        """Open orders, oldest first. With 100 or more it raises, as only 100 are shown: ask symbol by symbol.

        Args:
            symbol: Contract; all when not given.
            type: limit, market or trailing; all when not given.
            order_state: all (when not given) or partially_filled.
            limit: Rows that are enough to raise, 1 to 100, 100 when not given.
            max_requests: As everywhere; one is made here.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: futures V2 docs, "Get All Open Orders".
        """
        return self._iter(
            OPEN_ORDER_ROWS,
            None,
            None,
            max_requests,
            incomplete,
            symbol=symbol,
            type=type,
            order_state=order_state,
            limit=limit,
        )

    async def get_futures_account_trades(
        self,
        symbol: str | None = None,
        *,
        account: AccountKind | str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        order_id: str | None = None,
        client_order_id: str | None = None,
    ) -> list[FuturesTrade]:
        """The account's fills, at most 200; the last 7 days when no time is given.

        Args:
            symbol: Contract; all when not given.
            account: futures or copy_trading; futures when not given.
            start_time: Unix SECONDS, although the rows carry milliseconds.
            end_time: Unix SECONDS. The window may span 90 days.
            order_id: Only fills of this order.
            client_order_id: Only fills of this order.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: futures V2 docs, "Get Order Trade". 6 calls per 2 s per key.
        """
        return await self._call(
            USER_TRADES,
            symbol=symbol,
            account=account,
            start_time=start_time,
            end_time=end_time,
            order_id=order_id,
            client_order_id=client_order_id,
        )

    def iter_futures_account_trades(
        self,
        symbol: str | None = None,
        *,
        account: AccountKind | str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        order_id: str | None = None,
        client_order_id: str | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[FuturesTrade]:
        """The account's fills of any span, oldest first, each once.

        Args:
            symbol: Contract; all when not given.
            account: futures or copy_trading; futures when not given.
            start_time: Unix SECONDS, included; 7 days back when not given, 0 for all there is.
            end_time: Unix SECONDS, included as a whole; now when not given.
            order_id: Only fills of this order.
            client_order_id: Only fills of this order.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: futures V2 docs, "Get Order Trade".
        """
        return self._iter(
            USER_TRADE_WINDOWS,
            start_time,
            end_time,
            max_requests,
            incomplete,
            symbol=symbol,
            account=account,
            order_id=order_id,
            client_order_id=client_order_id,
        )
