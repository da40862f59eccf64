"""Why a socket could not be opened, in words that say what to do. The same for every library. Pure."""

from __future__ import annotations

import ssl

from bitmart_async.errors import StreamUnavailable
from bitmart_async.text import excerpt, one_line
from bitmart_async.websocket.transport import HandshakeRefused, TlsRefused

__all__ = ["handshake_refused", "not_opened"]


def handshake_refused(host: str, status: int, target: str | None, body: bytes) -> HandshakeRefused:
    """The host answered the upgrade with an HTTP status; ``target`` is where it redirects to."""
    if 300 <= status < 400 and target is not None:
        what = (
            f"the host answered HTTP {status}, a redirect to {one_line(target)}, which is not followed. "
            f"Check the environment's URLs."
        )
    else:
        what = f"the host answered HTTP {status} instead of opening a stream: {excerpt(body)}"
    return HandshakeRefused(f"{host}: {what}", endpoint=host, http_status=status, raw=body)


def not_opened(host: str, error: Exception, timeout: float) -> StreamUnavailable:
    """Connecting ended with an error of the network, of TLS or of the library, or took too long."""
    if isinstance(error, ssl.SSLError):
        return TlsRefused(
            f"{host}: the TLS certificate of the host is not acceptable "
            f"({one_line(str(error))}). Check the host name, this machine's clock and "
            f"certificates; pass ssl_context= if you run a host of your own.",
            endpoint=host,
        )
    if isinstance(error, TimeoutError):
        return StreamUnavailable(
            f"{host}: no stream within {timeout:g} s. Check the network and the environment's URLs.",
            endpoint=host,
        )
    what = one_line(str(error) or type(error).__name__)
    return StreamUnavailable(
        f"{host}: no connection ({what}). Check the network, the host name and the environment's URLs.",
        endpoint=host,
    )
