"""Futures trailing orders: a market order that follows the price and fires when it turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from bitmart_async.errors import ParameterError
from bitmart_async.models.enums import FuturesSide, MarginMode, PriceType
from bitmart_async.models.futures_plan import TrailingOrderAck
from bitmart_async.ratelimit import Quota, Scope
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.futures_market import contract
from bitmart_async.rest.futures_plan import named
from bitmart_async.rest.params import Amount, Choice, Text, order_size
from bitmart_async.rest.section import Section

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    Money: TypeAlias = Decimal | int | str

__all__ = ["FuturesTrailing"]


def _one_order(given: Mapping[str, object]) -> None:
    """What the exchange does without an id is documented nowhere; its siblings then cancel all."""
    if not named(given, "order_id"):
        raise ParameterError(
            "give order_id=: without it the exchange might cancel every trailing order of the symbol. To "
            "cancel them all, do it for each row of get_futures_account_open_orders(symbol, type='trailing')."
        )


_UID_24 = Quota(24, scope=Scope.UID)

SUBMIT_TRAIL_ORDER = Endpoint(
    "futures.submit_trail_order",
    "POST",
    "/contract/private/submit-trail-order",
    Auth.SIGNED,
    _UID_24,
    returns=TrailingOrderAck,
    effect=Effect.ORDER,
    params=(
        contract(required=True),
        Choice("side", FuturesSide, required=True),
        Amount("leverage", required=True),
        Choice("open_type", MarginMode, required=True),
        order_size(required=True),
        Amount("activation_price", required=True),
        Amount("callback_rate", required=True, low="0.1", high="5"),
        Choice("activation_price_type", PriceType, required=True),
    ),
)
CANCEL_TRAIL_ORDER = Endpoint(
    "futures.cancel_trail_order",
    "POST",
    "/contract/private/cancel-trail-order",
    Auth.SIGNED,
    _UID_24,
    returns=type(None),
    effect=Effect.ORDER,
    guard=_one_order,
    params=(contract(required=True), Text("order_id")),
)


class FuturesTrailing(Section):
    """Trailing orders; get_futures_account_open_orders with type trailing lists them.

    Both calls are sent at most once; when their answer is lost they raise :class:`OrderFateUnknown`.
    All calls raise CredentialsMissing without keys.
    """

    async def submit_futures_trail_order(
        self,
        symbol: str,
        *,
        side: FuturesSide | int,
        leverage: Money,
        open_type: MarginMode | str,
        size: int,
        activation_price: Money,
        callback_rate: Money,
        activation_price_type: PriceType | int,
    ) -> TrailingOrderAck:
        """Follow the price once it was reached, and trade at market when it turns. Never repeated.

        Args:
            symbol: Contract, like BTCUSDT.
            side: 1 open long, 2 close short, 3 close long, 4 open short (hedge mode). In one-way mode:
                1 buy, 2 buy reduce-only, 3 sell reduce-only, 4 sell.
            leverage: How many times; closing orders need it too.
            open_type: cross or isolated; closing orders need it too.
            size: Whole contracts, not coins; coins = size * Contract.contract_size.
            activation_price: From here on the order follows, quote per coin.
            callback_rate: How far the price must turn, PERCENT from 0.1 to 5: 1 is 1 %.
            activation_price_type: What is watched: 1 last price, 2 mark price.

        Raises:
            ParameterError: The order is refused here; nothing was sent.
            InsufficientFunds: Not enough margin (40027, 42000).
            OrderRejected: A trading rule refuses it (40028, 40031, 40040, 40043, 40044 and others).
            PositionConflict: The position to close is missing or too small (40020, 40021).
            OrderFateUnknown: The answer was lost; there is no own id to look for.

        Source: futures V2 docs, "Submit Trail Order". 24 calls per 2 s per account.
        """
        return await self._call(
            SUBMIT_TRAIL_ORDER,
            symbol=symbol,
            side=side,
            leverage=leverage,
            open_type=open_type,
            size=size,
            activation_price=activation_price,
            callback_rate=callback_rate,
            activation_price_type=activation_price_type,
        )

    async def cancel_futures_trail_order(self, symbol: str, *, order_id: str) -> None:
        """Cancel one trailing order. Accepted is not cancelled yet: the outcome comes on the stream.

        Args:
            symbol: Contract, like BTCUSDT.
            order_id: The exchange's id; trailing orders have no other.

        Raises:
            ParameterError: No id; nothing was sent.
            OrderNotFound: No such trailing order (40035, 40037).
            OrderStateConflict: It is no longer open (40036).
            OrderFateUnknown: The answer was lost; the order may or may not be cancelled.

        Sent at most once.

        Source: futures V2 docs, "Cancel Trail Order". 24 calls per 2 s per account.
        """
        return await self._call(CANCEL_TRAIL_ORDER, symbol=symbol, order_id=order_id)
