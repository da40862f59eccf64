"""Topic builders: ``topics.spot.ticker("BTC_USDT")``, ``topics.futures.order()``."""

from __future__ import annotations

from bitmart_async.websocket.topics import Market, Topic, futures, parse, spot

__all__ = ["Market", "Topic", "futures", "parse", "spot"]
