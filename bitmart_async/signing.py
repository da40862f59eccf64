"""The one signer that REST calls and streams share.

Both sign a line of three parts joined by ``#`` with HMAC-SHA256 and send it as lower-case hex:

    REST     {timestamp}#{memo}#{body}                 body: the very bytes sent, empty for GET
    stream   {timestamp}#{memo}#bitmart.WebSocket

``timestamp`` is Unix milliseconds as decimal text, the same text that goes into the header or the
login frame. A user may bring an HMAC of their own (a hardware module, a signing service) as
``sign(message: bytes, secret: str) -> str``; it replaces :func:`hmac_sha256` and nothing else.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitmart_async.credentials import Credentials

__all__ = ["Signer", "hmac_sha256"]

_STREAM = b"bitmart.WebSocket"


def hmac_sha256(message: bytes, secret: str) -> str:
    """Lower-case hex HMAC-SHA256 of ``message`` under ``secret``."""
    return hmac.digest(secret.encode(), message, "sha256").hex()


class Signer:
    """Signs for one account. Holds the secret and never shows it."""

    __slots__ = ("_credentials", "_memo", "_sign")

    def __init__(self, credentials: Credentials, sign: Callable[[bytes, str], str] | None = None) -> None:
        self._credentials = credentials
        self._memo = b"#" + credentials.api_memo.encode() + b"#"
        self._sign = sign or hmac_sha256

    @property
    def api_key(self) -> str:
        """The public part, sent as X-BM-KEY and in the stream login."""
        return self._credentials.api_key

    def rest(self, timestamp: str, body: bytes) -> str:
        """Signature of a REST call.

        Args:
            timestamp: Unix ms as decimal text, exactly as in X-BM-TIMESTAMP.
            body: The bytes that will be sent; empty for GET.
        """
        return self._sign(timestamp.encode() + self._memo + body, self._credentials.api_secret)

    def stream(self, timestamp: str) -> str:
        """Signature of a stream login. ``timestamp`` is Unix ms as decimal text."""
        return self._sign(timestamp.encode() + self._memo + _STREAM, self._credentials.api_secret)

    def secrets(self) -> tuple[str, str, str]:
        """What must never be shown, for the masks of logs and errors."""
        return self._credentials.api_secret, self._credentials.api_memo, self._credentials.api_key

    def __repr__(self) -> str:
        return "Signer(***)"
