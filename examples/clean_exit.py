"""Ctrl-C and SIGTERM: cancel the orders, find out what became of lost ones, check, save the cursor, leave."""

import asyncio
import json
import os
import signal
from pathlib import Path
from tempfile import TemporaryDirectory

from bitmart_async import AccountTracker, BitMartError, Market, RestClient, WebsocketClient
from bitmart_async.sandbox import Sandbox

SYMBOL = "BTC_USDT"


def stop_event() -> asyncio.Event:
    """Set by the first Ctrl-C or SIGTERM; a second one ends the program at once, as usual."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def stopped(number: signal.Signals) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped, number)  # on Windows: signal.signal()
    return stop


def load(saved: Path) -> dict[str, object] | None:
    """Where the last run stood."""
    return json.loads(saved.read_text()) if saved.exists() else None


def save(saved: Path, tracker: AccountTracker) -> None:
    """Where this run stands."""
    saved.write_text(json.dumps(tracker.cursor()))


async def leave(rest: RestClient, tracker: AccountTracker, saved: Path) -> None:
    """No order stays, nothing is left unknown, and the next start goes on from here."""
    for _ in range(3):
        try:
            await rest.cancel_all_spot_orders(symbol=SYMBOL)
            for pending in rest.pending_orders:  # sent, and the answer never came
                order = await rest.resolve_order(
                    symbol=pending.symbol, client_order_id=pending.client_order_id
                )
                print("a lost order:", order.order_id if order is not None else "was never accepted")
            await tracker.resync(timeout=30)
        except (BitMartError, TimeoutError) as error:
            print("once more:", error)
        else:
            if not [order for order in tracker.orders if order.symbol == SYMBOL]:
                break
    print("open orders left:", len(tracker.orders))
    save(saved, tracker)


async def bot(sandbox: Sandbox, saved: Path) -> None:
    where = sandbox.client_options
    stop = stop_event()
    since = load(saved)
    async with (
        RestClient(**where) as rest,
        WebsocketClient(**where) as ws,
        AccountTracker(ws=ws, rest=rest, since=since) as tracker,
    ):
        try:
            await tracker.ready(timeout=30)
            await rest.submit_spot_order_v2(SYMBOL, side="buy", type="limit", size="0.01", price="50000")
            await tracker.resync()
            print("open orders:", len(tracker.orders), "at", tracker.orders[0].price)
            os.kill(os.getpid(), signal.SIGTERM)  # stands for the operator here
            await stop.wait()
        finally:
            await leave(rest, tracker, saved)
        print("usdt frozen:", tracker.balances[Market.SPOT, "USDT"].frozen)


async def main() -> None:
    with TemporaryDirectory() as folder:
        async with Sandbox(seed=1, lively=False) as sandbox:
            await bot(sandbox, Path(folder) / "cursor.json")


asyncio.run(main())
