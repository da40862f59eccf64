"""The public surface as text: names, methods, signatures. ``python -m tests.surface`` prints it."""

from __future__ import annotations

import importlib
import inspect
import typing

_CLASSES = (
    "RestClient",
    "FuturesClientV2",
    "WebsocketClient",
    "Subscription",
    "Credentials",
    "Environment",
    "Clock",
    "RateLimits",
    "History",
    "Asked",
    "DeadMansSwitch",
    "AccountTracker",
    "OrderHandle",
    "Archive",
    "OrderBook",
    "LiveOrderBook",
    "Recorder",
    "Recording",
)
_MODULES = (
    "models.enums",
    "models.spot",
    "models.futures",
    "models.futures_plan",
    "models.futures_wallet",
    "models.futures_affiliate",
    "models.system",
    "models.streams_spot",
    "models.streams_futures",
    "models.account",
    "models.margin",
    "models.subaccount",
    "models.earn",
    "models.broker",
    "models.spot_legacy",
    "sandbox",
    "topics",
    "trading",
    "rest",
    "archive",
    "recording",
    "numbers",
    "book",
)


def lines() -> list[str]:
    """One line per public name."""
    package = importlib.import_module("bitmart_async")
    found = [f"bitmart_async.{name}" for name in sorted(package.__all__)]
    for name in _CLASSES:
        found += _members(getattr(package, name))
    for module in _MODULES:
        loaded = importlib.import_module(f"bitmart_async.{module}")
        found += [f"bitmart_async.{module}.{name}" for name in sorted(loaded.__all__)]
    return found


def _members(kind: type) -> list[str]:
    found = []
    for name, member in inspect.getmembers(kind):
        if name.startswith("_") and name != "__init__":
            continue
        if inspect.isfunction(member) or inspect.ismethod(member):
            prefix = "async " if inspect.iscoroutinefunction(member) else ""
            found.append(f"{kind.__name__}.{name}: {prefix}{_signature(member)}")
        else:
            found.append(f"{kind.__name__}.{name}")
    return found


def _signature(function: typing.Callable[..., object]) -> str:
    parts = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "self":
            continue
        star = "*" if parameter.kind is inspect.Parameter.KEYWORD_ONLY else ""
        default = "" if parameter.default is inspect.Parameter.empty else f"={parameter.default!r}"
        parts.append(f"{star}{parameter.name}{default}")
    return f"({', '.join(parts)})"


if __name__ == "__main__":
    print("\n".join(lines()))
