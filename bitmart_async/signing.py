"""The one signer that REST calls and streams share.

Both sign a line of three parts joined by ``#`` with HMAC-SHA256 and send it as lower-case hex:

    REST     {timestamp}#{memo}#{body}                 body: the very bytes sent, empty for GET
    stream   {timestamp}#{memo}#bitmart.WebSocket

``timestamp`` is Unix milliseconds as decimal text, the same text that goes into the header or the
login frame. A user may bring an HMAC of their own (a hardware module, a signing service) as
``sign(message: bytes, secret: str) -> str``; it replaces :func:`hmac_sha256` and nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from bitmart_async.errors import ConfigurationError, Fate

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitmart_async.credentials import Credentials

__all__ = ["Signer", "hmac_sha256"]

_STREAM = b"bitmart.WebSocket"
_SIGNATURE = re.compile(r"[!-~]{1,1024}")
_HEX = re.compile(r"\b[0-9a-f]{64}\b")  # what a signature looks like
_SHORTEST_MASKED = 4
"""Characters: to mask shorter secrets would blacken every text."""


def hmac_sha256(message: bytes, secret: str) -> str:
    """Lower-case hex HMAC-SHA256 of ``message`` under ``secret``."""
    return hmac.digest(secret.encode(), message, "sha256").hex()


def _prepared(key: bytes) -> Callable[[bytes], str]:
    """:func:`hmac_sha256` under one key, at less than half of its cost.

    HMAC (RFC 2104) is two hashes that both begin with the key. That part is the same for every signature:
    it is done once, and copied.
    """
    block = 64
    padded = (key if len(key) <= block else hashlib.sha256(key).digest()).ljust(block, b"\0")
    inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in padded)) for pad in (0x36, 0x5C))

    def signed(message: bytes) -> str:
        inside, outside = inner.copy(), outer.copy()
        inside.update(message)
        outside.update(inside.digest())
        return outside.hexdigest()

    return signed


class Signer:
    """Signs for one account. Holds the secret and never shows it."""

    __slots__ = ("_credentials", "_masked", "_memo", "_quick", "_sign")

    def __init__(self, credentials: Credentials, sign: Callable[[bytes, str], str] | None = None) -> None:
        self._credentials = credentials
        self._memo = b"#" + credentials.api_memo.encode() + b"#"
        self._sign = sign or hmac_sha256
        self._quick = _prepared(credentials.api_secret.encode())
        plain = [secret for secret in self.secrets() if len(secret) >= _SHORTEST_MASKED]
        # Longest first: one secret may be a part of another.
        self._masked = sorted({*plain, *(quote(secret, safe="") for secret in plain)}, key=len, reverse=True)

    @property
    def api_key(self) -> str:
        """The public part, sent as X-BM-KEY and in the stream login."""
        return self._credentials.api_key

    def rest(self, timestamp: str, body: bytes) -> str:
        """Signature of a REST call.

        Args:
            timestamp: Unix ms as decimal text, exactly as in X-BM-TIMESTAMP.
            body: The bytes that will be sent; empty for GET.

        Raises:
            ConfigurationError: The user's own ``sign`` failed or returned what no header can hold.
        """
        return self._signed(timestamp.encode(), body)

    def stream(self, timestamp: str) -> str:
        """Signature of a stream login. ``timestamp`` is Unix ms as decimal text. Raises as :meth:`rest`."""
        return self._signed(timestamp.encode(), _STREAM)

    def _signed(self, timestamp: bytes, last: bytes) -> str:
        if self._sign is hmac_sha256:
            return self._quick(timestamp + self._memo + last)
        try:
            made = cast("object", self._sign(timestamp + self._memo + last, self._credentials.api_secret))
        except Exception as error:  # the user's function may raise anything
            wrong = f"raised {type(error).__name__}"
        else:
            wrong = f"returned {type(made).__name__}"
            if isinstance(made, str):
                if _SIGNATURE.fullmatch(made) and self._credentials.api_secret not in made:
                    return made
                wrong = "returned unfit text"
            del made
        # Outside of the except, and without its words: both may hold the secret.
        raise ConfigurationError(
            f"sign= {wrong}; it must return the signature as text: lower-case hex, without a line break, and "
            f"never the secret itself. Nothing was sent. Call your function by itself to see what is wrong.",
            fate=Fate.NOT_SENT,
        )

    def mask(self, text: str) -> str:
        """``text`` with every secret in it, also percent-encoded, and every signature replaced by ``***``."""
        for secret in self._masked:
            text = text.replace(secret, "***")
        return _HEX.sub("***", text)

    def secrets(self) -> tuple[str, str, str]:
        """What must never be shown, for the masks of logs and errors."""
        return self._credentials.api_secret, self._credentials.api_memo, self._credentials.api_key

    def __repr__(self) -> str:
        return "Signer(***)"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("A Signer is not pickled: a pickle would hold the secret in plain text.")
