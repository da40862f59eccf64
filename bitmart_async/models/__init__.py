"""Typed data of replies, requests and streams. Money is Decimal, times are int, ids are str.

Every class of the modules here can be imported from the package itself, ``from bitmart_async.models import
SpotStreamTrade``; a module is loaded when a class is looked for in it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

_MODULES = (
    "enums",
    "streams_spot",
    "streams_futures",
    "spot",
    "futures",
    "futures_plan",
    "futures_wallet",
    "futures_affiliate",
    "account",
    "margin",
    "subaccount",
    "earn",
    "broker",
    "system",
    "spot_legacy",
)
"""In the order in which a name is looked for; no two have the same name."""

if TYPE_CHECKING:
    from bitmart_async.models.account import *
    from bitmart_async.models.broker import *
    from bitmart_async.models.earn import *
    from bitmart_async.models.enums import *
    from bitmart_async.models.futures import *
    from bitmart_async.models.futures_affiliate import *
    from bitmart_async.models.futures_plan import *
    from bitmart_async.models.futures_wallet import *
    from bitmart_async.models.margin import *
    from bitmart_async.models.spot import *
    from bitmart_async.models.spot_legacy import *
    from bitmart_async.models.streams_futures import *
    from bitmart_async.models.streams_spot import *
    from bitmart_async.models.subaccount import *
    from bitmart_async.models.system import *
else:  # hidden from type checkers: to them a module with __getattr__ has every name there could be

    def __getattr__(name: str) -> object:
        if name == "__all__":
            return sorted(one for module in _MODULES for one in _load(module).__all__)
        if name[:1].isupper():  # classes; a module of the package is imported, not looked for
            for module in _MODULES:
                loaded = _load(module)
                if name in loaded.__all__:
                    value: object = getattr(loaded, name)
                    globals()[name] = value
                    return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return __getattr__("__all__")

    def _load(module):
        return importlib.import_module(f"{__name__}.{module}")
