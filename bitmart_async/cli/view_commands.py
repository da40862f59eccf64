"""The commands of the live views and their options: book, ticker, trades, orders and positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from bitmart_async.cli.task import run_task
from bitmart_async.cli.where import Where

if TYPE_CHECKING:
    from bitmart_async.cli.watch import Kind

__all__ = ["register"]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Show:
    """How a view is shown."""

    once: Annotated[bool, Parameter(negative="")] = False
    """Print it once and end."""
    json: Annotated[bool, Parameter(negative="")] = False
    """JSON, and nothing else: one line per change."""


_SHOW = Show()
_LIVE = Where()
_FORM = "BTC_USDT is a spot pair, BTCUSDT a contract"
_Symbol = Annotated[str, Parameter(help=f"{_FORM}.")]
_SymbolOrAll = Annotated[str, Parameter(help=f"{_FORM}; those of every symbol when not given.")]
_ContractOrAll = Annotated[str, Parameter(help="A contract, like BTCUSDT; all when not given.")]
_Market = Annotated[
    Literal["spot", "futures"] | None,
    Parameter(help="spot or futures, where the symbol's form does not say."),
]


def book(symbol: _Symbol, /, *, market: _Market = None, show: Show = _SHOW, where: Where = _LIVE) -> int:
    """The order book, live: best prices and sizes, kept exact from the incremental stream."""
    return _view("book", symbol, market, show, where)


def ticker(symbol: _Symbol, /, *, market: _Market = None, show: Show = _SHOW, where: Where = _LIVE) -> int:
    """Last price, best prices and 24-hour figures, live."""
    return _view("ticker", symbol, market, show, where)


def trades(symbol: _Symbol, /, *, market: _Market = None, show: Show = _SHOW, where: Where = _LIVE) -> int:
    """The trades of anybody, live, newest first."""
    return _view("trades", symbol, market, show, where)


def orders(
    symbol: _SymbolOrAll = "", /, *, market: _Market = None, show: Show = _SHOW, where: Where = _LIVE
) -> int:
    """The account's orders, live: open ones first. Needs keys, or a sandbox."""
    return _view("orders", symbol, market, show, where)


def positions(symbol: _ContractOrAll = "", /, *, show: Show = _SHOW, where: Where = _LIVE) -> int:
    """The account's futures positions, live. Needs keys, or a sandbox."""
    return _view("positions", symbol, None, show, where)


def _view(kind: Kind, symbol: str, market: str | None, show: Show, where: Where) -> int:
    from bitmart_async.cli.watch import watch

    return run_task(
        lambda console: watch(console, where, kind, symbol, market=market, once=show.once, as_json=show.json)
    )


def register(app: App) -> None:
    """Add the commands."""
    for command in (book, ticker, trades, orders, positions):
        app.command(command)
