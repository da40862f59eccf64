"""What is probably wrong with a topic the exchange refused: by its parts, without asking anybody. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bitmart_async.errors import TopicError
from bitmart_async.websocket.topics import Market, model_of, parse

if TYPE_CHECKING:
    from bitmart_async.websocket.topics import Topic

__all__ = ["advice"]

_INTERVALS: Final = ("1m", "5m", "15m", "30m", "1H", "2H", "4H", "1D", "1W")
_SPOT_INTERVALS: Final = (*_INTERVALS, "1M")
_LEVELS: Final = ("5", "20", "50")
_SPEEDS: Final = ("100ms", "200ms")

_CHOICES: Final = tuple(
    (market, re.compile(pattern), what, choices)
    for market, pattern, what, choices in (
        (Market.SPOT, r"kline(\w+)", "interval", _SPOT_INTERVALS),
        (Market.SPOT, r"depth/increase(\d+)", "number of levels", ("100",)),
        (Market.SPOT, r"depth(\d+)", "number of levels", _LEVELS),
        (Market.FUTURES, r"(?:klineBin|markPriceKlineBin)(\w+)", "interval", _INTERVALS),
        (Market.FUTURES, r"(?:depth|depthAll|depthIncrease)(\d+)", "number of levels", _LEVELS),
    )
)
_FILTERS: Final = {"user/orders": "ALL_SYMBOLS", "user/balance": "BALANCE_UPDATE"}
_ALL_CONTRACTS: Final = frozenset({"order", "position"})
_WITHOUT_FILTER: Final = frozenset({"ticker", "order", "position"})


def advice(text: str) -> str:
    """One sentence about the part of a refused topic that looks wrong, or that none does."""
    try:
        topic = parse(text)
    except TopicError as error:
        return str(error)
    return (
        _about_choice(topic)
        or _about_channel(topic)
        or _about_speed(topic)
        or _about_filter(topic)
        or (
            f"Channel and form of {text} are known here, so the exchange may not list {topic.symbol or 'it'} "
            f"(now), or may not offer it to this account."
        )
    )


def _about_choice(topic: Topic[object]) -> str:
    for market, pattern, what, choices in _CHOICES:
        match = pattern.fullmatch(topic.channel)
        if match is not None and market is topic.market and match[1] not in choices:
            channel = topic.channel[: match.start(1)]
            return f"{match[1]!r} is no {what} of {channel}; there are {', '.join(choices)}."
    return ""


def _about_channel(topic: Topic[object]) -> str:
    if model_of(topic.market, topic.channel) is not None:
        return ""
    other = "klineBin1m, bookticker" if topic.market is Market.FUTURES else "kline1m, bookTicker"
    return (
        f"{topic.market.value} has no channel {topic.channel!r} that is known here; case matters "
        f"({other}), and the builders in bitmart_async.topics spell them right."
    )


def _about_speed(topic: Topic[object]) -> str:
    if not topic.speed or topic.speed in _SPEEDS:
        return ""
    return f"@{topic.speed} is no known speed; there are {' and '.join('@' + speed for speed in _SPEEDS)}."


def _about_filter(topic: Topic[object]) -> str:
    channel, symbol = topic.channel, topic.symbol
    wanted = _FILTERS.get(channel) if topic.market is Market.SPOT else None
    if wanted is not None:
        return (
            ""
            if symbol == wanted
            else f"{channel} takes {wanted} after the colon, not {symbol or 'nothing'}."
        )
    if not symbol:
        if topic.market is Market.FUTURES and channel in _WITHOUT_FILTER:
            return ""
        if topic.market is Market.FUTURES and channel == "asset":
            return "asset needs a coin after a colon: futures/asset:USDT."
        example = "BTC_USDT" if topic.market is Market.SPOT else "BTCUSDT"
        return f"{channel} needs a symbol after a colon: {topic.text}:{example}."
    if topic.market is Market.FUTURES and channel in _ALL_CONTRACTS:
        return f"{channel} is of all contracts and takes no symbol: futures/{channel}."
    if symbol != symbol.upper():
        return f"Symbols are written in upper case: {topic.text.replace(symbol, symbol.upper())}."
    if topic.market is Market.FUTURES and channel == "asset":
        return ""
    if topic.market is Market.SPOT and "_" not in symbol:
        return f"Spot writes symbols with an underscore, BTC_USDT, not {symbol}."
    if topic.market is Market.FUTURES and "_" in symbol:
        return f"Futures writes symbols without an underscore, BTCUSDT, not {symbol}."
    return ""
