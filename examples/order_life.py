"""An order from submit to cancel, with everything that can go wrong told apart."""

import asyncio
from decimal import Decimal

from bitmart_async import (
    ApiError,
    ConnectFailed,
    InsufficientFunds,
    OrderFateUnknown,
    OrderType,
    RestClient,
    Side,
)
from bitmart_async.sandbox import Sandbox


async def buy(rest: RestClient, price: Decimal) -> str | None:
    """Place a limit order; the id of the order that is live, None when there is none."""
    try:
        ack = await rest.submit_spot_order_v2(
            "BTC_USDT", side=Side.BUY, type=OrderType.LIMIT, size="0.01", price=price
        )
    except ConnectFailed:
        print("nothing was sent: try again when the network is back")
    except InsufficientFunds:
        print("refused: the balance is too low")
    except ApiError as refusal:
        print("refused:", refusal.code, refusal.message)
    except OrderFateUnknown as lost:
        order = await rest.resolve_order(lost)  # never send it again: look what became of it
        return order.order_id if order is not None else None
    else:
        return ack.order_id
    return None


async def main() -> None:
    async with (
        Sandbox(seed=1, lively=False) as sandbox,
        RestClient(**sandbox.client_options) as rest,
    ):
        ticker = await rest.get_spot_ticker_v3("BTC_USDT")
        order_id = await buy(rest, ticker.bid_px - 100)
        assert order_id is not None
        order = await rest.get_spot_order_by_id_v4(order_id)
        print(f"resting: {order.size} at {order.price}, {order.state}")
        ack = await rest.cancel_spot_order_v3("BTC_USDT", order_id=order_id)
        order = await rest.get_spot_order_by_id_v4(order_id)
        print(f"cancel accepted: {ack.result}; now {order.state}")
        await buy(rest, Decimal(100_000_000))


asyncio.run(main())
