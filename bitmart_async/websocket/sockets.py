"""Which transport a connection gets."""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING

from bitmart_async.errors import ConfigurationError
from bitmart_async.text import install_extra
from bitmart_async.websocket.over_websockets import open_with_websockets

if TYPE_CHECKING:
    import ssl

    from bitmart_async.websocket.transport import Transport

__all__ = ["chosen_transport", "open_websocket"]

_VARIABLE = "BITMART_ASYNC_TRANSPORT"
"""Names another transport than ``fast``."""


def chosen_transport() -> str:
    """The transport the environment asks for, or the default. Raises ConfigurationError for any other."""
    name = os.environ.get(_VARIABLE, "") or "fast"
    if name not in ("fast", "plain", "picows"):
        raise ConfigurationError(f"{_VARIABLE}={name!r}: must be fast, plain or picows")
    if name == "picows" and importlib.util.find_spec("picows") is None:
        raise ConfigurationError(f"{_VARIABLE}=picows needs picows: {install_extra('fast')}")
    return name


async def open_websocket(
    url: str,
    timeout: float,
    *,
    transport: str = "fast",
    ssl_context: ssl.SSLContext | None = None,
    proxy: str | None = None,
) -> Transport:
    """Connect, upgrade and hand over the socket, all within ``timeout`` seconds."""
    if transport == "picows":
        from bitmart_async.websocket.over_picows import open_with_picows

        return await open_with_picows(url, timeout, ssl_context=ssl_context, proxy=proxy)
    return await open_with_websockets(
        url, timeout, ssl_context=ssl_context, proxy=proxy, fast=transport == "fast"
    )
