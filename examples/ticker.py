"""Prices over REST: one pair, all pairs, one contract. No keys needed."""

import asyncio

from bitmart_async import FuturesClientV2, RestClient
from bitmart_async.sandbox import Sandbox


async def main() -> None:
    async with (
        Sandbox(seed=1) as sandbox,
        RestClient(environment=sandbox.environment) as rest,
        FuturesClientV2(environment=sandbox.environment) as futures,
    ):
        ticker = await rest.get_spot_ticker_v3("BTC_USDT")
        print(f"{ticker.symbol}: {ticker.last}, spread {ticker.ask_px - ticker.bid_px}")
        for row in await rest.get_spot_tickers_v3():
            print(f"{row.symbol}: volume {row.v_24h}")
        contract = (await futures.get_futures_contract_details("BTCUSDT")).symbols[0]
        print(f"{contract.symbol}: funding {contract.funding_rate}, {contract.contract_size} per contract")


asyncio.run(main())
