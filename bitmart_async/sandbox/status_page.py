"""The status page: the sandbox at a glance, for people. Rendered here, one page, no script, no asset.

It shows no key and no secret, and of what clients said on streams only what is no login.
"""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Final

import msgspec

from .futures_views import mark_text
from .journal import Request, SessionClosed, SessionOpened, StreamMessage
from .matching import Side
from .numbers import fixed, short
from .premium import PLACES
from .truth import AccountTruth

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from .accounts import Account
    from .exchange import Exchange
    from .futures import ContractMarket, PublicDeal
    from .hub import Hub
    from .journal import Entry, Journal
    from .spot import PublicTrade, SpotMarket

__all__ = ["StatusPage"]

_LEVELS: Final = 10
_TRADES: Final = 12
_ORDERS: Final = 20
_ENTRIES: Final = 30
_TEXT: Final = 120
_LOGINS: Final = ("login", "access")
_STYLE: Final = """
:root{color-scheme:light;--ink:#1c2430;--soft:#64707f;--line:#e3e7ec;--up:#0a7d4f;--down:#b3261e;--bg:#f6f7f9}
*{box-sizing:border-box}
body{margin:0;font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:var(--ink);background:var(--bg)}
header{padding:16px 24px;background:#fff;border-bottom:1px solid var(--line)}
h1{font-size:18px;margin:0 12px 0 0;display:inline}
h2{font-size:15px;margin:0 0 8px}
h3{font-size:13px;margin:14px 0 4px;color:var(--soft);font-weight:600}
main{display:grid;grid-template-columns:repeat(auto-fit,minmax(560px,1fr));gap:16px;padding:16px 24px;align-items:start}
section{background:#fff;border:1px solid var(--line);border-radius:8px;padding:14px 16px;overflow-x:auto}
section.wide{grid-column:1/-1}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{font-weight:500;color:var(--soft);text-align:left;white-space:nowrap}
th{padding:2px 12px 4px 0;border-bottom:1px solid var(--line)}
td{padding:2px 12px 2px 0;white-space:nowrap}
.n{text-align:right}
.buy{color:var(--up)}.sell{color:var(--down)}.soft{color:var(--soft)}
.tag{display:inline-block;padding:0 8px;margin-right:6px;border-radius:10px}
.tag{background:var(--bg);border:1px solid var(--line)}
a{color:inherit}
.two{display:grid;grid-template-columns:1fr 1fr;gap:20px}
"""


class _Said(msgspec.Struct):
    """What a message on a stream says, in either dialect."""

    op: str = ""
    action: str = ""
    args: list[str] = []


class StatusPage:
    def __init__(self, exchange: Exchange, hubs: Sequence[Hub], journal: Journal, settings: str) -> None:
        self._exchange = exchange
        self._hubs = hubs
        self._journal = journal
        self._settings = settings

    def render(self, symbol: str = "") -> str:
        """The page, with the book of this market, or of the first one."""
        exchange = self._exchange
        markets: dict[str, SpotMarket | ContractMarket] = {
            **exchange.spot.markets,
            **exchange.futures.markets,
        }
        chosen = markets.get(symbol) or next(iter(markets.values()))
        tags = [exchange.phase.replace("_", " "), *self._settings.split("\n"), _moment(exchange.now_ms())]
        return (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            '<meta http-equiv="refresh" content="10"><title>BitMart sandbox</title>'
            f"<style>{_STYLE}</style></head><body><header><h1>BitMart sandbox</h1>"
            + "".join(f'<span class="tag">{escape(tag)}</span>' for tag in tags)
            + '<div class="soft">A simulation on this machine. Its money is not real.</div></header><main>'
            + self._markets(list(markets.values()), chosen)
            + _book(chosen)
            + "".join(self._account(account) for account in exchange.accounts.customers())
            + self._connections()
            + self._tail()
            + "</main></body></html>"
        )

    def _markets(
        self, markets: list[SpotMarket | ContractMarket], chosen: SpotMarket | ContractMarket
    ) -> str:
        rows: list[list[str]] = []
        for market in markets:
            rules, day = market.rules, market.candles.day(self._exchange.now_ms() // 1_000)
            bid, ask = market.book.best(Side.BUY), market.book.best(Side.SELL)
            change = (day.close - day.open) * 10_000 // day.open
            futures = self._exchange.futures.markets.get(rules.symbol)
            name = escape(rules.symbol)
            rows.append(
                [
                    f'<a href="?symbol={name}">{f"<b>{name}</b>" if market is chosen else name}</a>',
                    *(
                        fixed(price, rules.price_decimals) if price else "-"
                        for price in (day.close, bid, ask)
                    ),
                    f'<span class="{"buy" if change >= 0 else "sell"}">{fixed(change, 2)} %</span>',
                    mark_text(futures) if futures else "",
                    f"{fixed(futures.funding.expected, PLACES - 2, 4)} %" if futures else "",
                ]
            )
        heads = ["Market", "Last", "Bid", "Ask", "24 h", "Mark", "Funding"]
        return f"<section><h2>Markets</h2>{_table(heads, rows, numbers=1)}</section>"

    def _account(self, account: Account) -> str:
        truth = AccountTruth(self._exchange, account.uid)
        balances = [
            [
                escape(wallet),
                escape(coin),
                *(_plain(amount) for amount in (held.available, held.frozen, held.margin)),
            ]
            for (wallet, coin), held in truth.balances.items()
            if held.available or held.frozen or held.margin
        ]
        positions = [
            [
                escape(row.symbol),
                f'<span class="{"buy" if row.is_long else "sell"}">{"long" if row.is_long else "short"}</span>',
                str(row.volume),
                _plain(row.margin),
                _plain(row.realised),
            ]
            for row in truth.positions
        ]
        orders = [
            [
                escape(row.symbol),
                f'<span class="{row.side}">{row.side}</span>',
                escape(row.type),
                _plain(row.price),
                f"{_plain(row.filled)} / {_plain(row.size)}",
            ]
            for row in truth.open_orders
        ]
        parts = [f"<section><h2>{escape(account.name)} <span class='soft'>{account.uid}</span></h2>"]
        parts.append(_table(["Wallet", "Coin", "Available", "Frozen", "Margin"], balances, numbers=2))
        if positions:
            parts.append("<h3>Positions</h3>")
            parts.append(_table(["Contract", "", "Volume", "Margin", "Realised"], positions, numbers=2))
        if orders:
            parts.append(f"<h3>{len(orders)} open orders</h3>")
            heads = ["Market", "", "Type", "Price", "Filled / size"]
            parts.append(_table(heads, orders[-_ORDERS:][::-1], numbers=3))
        return "".join([*parts, "</section>"])

    def _connections(self) -> str:
        rows = [
            [
                escape(session.name),
                escape(session.account.name) if session.account else "",
                _moment(session.opened_ms, date=False),
                str(len(session.topics)),
                "" if session.held is None else "deaf" if session.deaf else "stalled",
                f'<span class="soft">{escape(", ".join(session.topics))[:_TEXT]}</span>',
            ]
            for hub in self._hubs
            for session in hub.sessions.values()
        ]
        heads = ["Socket", "Account", "Since", "Topics", "Fault", ""]
        return f'<section class="wide"><h2>{len(rows)} connections</h2>{_table(heads, rows)}</section>'

    def _tail(self) -> str:
        entries = self._journal.newest(_ENTRIES)
        rows = [[_moment(entry.at_ms, date=False), *_told(entry)] for entry in entries]
        table = _table(["Time", "Where", "What"], rows)
        return f'<section class="wide"><h2>Journal, newest first</h2>{table}</section>'


def _newest_trades(market: SpotMarket | ContractMarket) -> list[PublicTrade | PublicDeal]:
    trades: list[PublicTrade | PublicDeal] = list(market.trades)
    return trades[: -_TRADES - 1 : -1]


def _book(market: SpotMarket | ContractMarket) -> str:
    rules = market.rules
    places = getattr(rules, "size_decimals", 0)
    rows = [
        [f'<span class="{name}">{fixed(price, rules.price_decimals)}</span>', fixed(lots, places)]
        for name, levels in (
            ("sell", market.book.levels(Side.SELL, _LEVELS)[::-1]),
            ("buy", market.book.levels(Side.BUY, _LEVELS)),
        )
        for price, lots in levels
    ]
    trades = [
        [
            _moment(trade.at_ms, date=False),
            f'<span class="{"sell" if trade.buyer_made else "buy"}">{fixed(trade.price, rules.price_decimals)}</span>',
            short(trade.size, places),
        ]
        for trade in _newest_trades(market)
    ]
    return (
        f'<section><h2>{escape(rules.symbol)}</h2><div class="two">'
        f"<div>{_table(['Price', 'Size'], rows, numbers=0)}</div>"
        f"<div>{_table(['Last trades', 'Price', 'Size'], trades, numbers=1)}</div></div></section>"
    )


def _table(heads: list[str], rows: Iterable[list[str]], numbers: int = 99) -> str:
    """A table of cells that are HTML already; columns from ``numbers`` on stand right."""

    def cells(row: list[str], tag: str) -> str:
        return "".join(
            f'<{tag} class="n">{cell}</{tag}>' if number >= numbers else f"<{tag}>{cell}</{tag}>"
            for number, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    empty = "" if body else '<div class="soft">none</div>'
    return f"<table><tr>{cells(heads, 'th')}</tr>{body}</table>{empty}"


def _told(entry: Entry) -> list[str]:
    if isinstance(entry, Request):
        return [f"{entry.host}_rest", f"{escape(entry.method)} {escape(entry.path)}"]
    if isinstance(entry, StreamMessage):
        return [f"{entry.socket} {entry.session}", escape(_harmless(entry.text)[:_TEXT])]
    if isinstance(entry, SessionOpened):
        return [f"{entry.socket} {entry.session}", "opened"]
    assert isinstance(entry, SessionClosed), "there are four kinds of entries"
    return [f"{entry.socket} {entry.session}", "closed"]


def _harmless(text: str) -> str:
    """What a client said, unless it might hold a key."""
    if text == "ping":
        return text
    try:
        message = msgspec.json.decode(text, type=_Said)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return "(unreadable)"
    said = message.op or message.action
    return f"({said})" if said in _LOGINS else f"{said} {', '.join(message.args)}"


def _moment(ms: int, *, date: bool = True) -> str:
    """UTC."""
    return datetime.fromtimestamp(ms // 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S" if date else "%H:%M:%S")


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
