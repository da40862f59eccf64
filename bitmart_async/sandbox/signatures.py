"""Who signed this? The exchange's own check, written apart from the library's signing.

The signed text is ``{timestamp}#{memo}#{body}`` for REST, over the very bytes received, and
``{timestamp}#{memo}#bitmart.WebSocket`` for a login on a stream.
"""

from __future__ import annotations

import hashlib
import hmac
from enum import Enum
from typing import TYPE_CHECKING, Final

from .refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .accounts import Account, Accounts

__all__ = ["MINUTE_MS", "Auth", "identify", "matches", "stream_fault"]

MINUTE_MS: Final = 60_000
_AHEAD_MS: Final = 1_000
_MS_DIGITS: Final = 13


class Auth(Enum):
    NONE = "nothing"
    KEYED = "the key"
    SIGNED = "key, time and signature"


def matches(account: Account, timestamp: str, payload: bytes, sign: str) -> bool:
    """Whether the signature is this account's for the payload."""
    text = timestamp.encode() + b"#" + account.memo.encode() + b"#" + payload
    expected = hmac.digest(account.secret.encode(), text, hashlib.sha256).hex()
    return hmac.compare_digest(expected.encode(), sign.encode())


def identify(
    accounts: Accounts,
    auth: Auth,
    headers: Mapping[str, str],
    body: bytes,
    now_ms: int,
    *,
    window: int | None = None,
) -> Account | None:
    """The account behind a REST call, None for a public one.

    Args:
        window: The recvWindow in force; None means the plain rule, one minute either way.

    Raises:
        Refusal: Something is missing, late or wrong.
    """
    if auth is Auth.NONE:
        return None
    key = headers.get("X-BM-KEY", "")
    if not key:
        raise Refusal(30001)
    account = accounts.with_key(key)
    if account is None:
        raise Refusal(30002)
    if auth is Auth.KEYED:
        return account
    sign, timestamp = headers.get("X-BM-SIGN", ""), headers.get("X-BM-TIMESTAMP", "")
    if not sign:
        raise Refusal(30004)
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise Refusal(30006)
    if len(timestamp) != _MS_DIGITS:
        raise Refusal(30008)
    _check_time(int(timestamp), now_ms, window)
    if not matches(account, timestamp, body, sign):
        raise Refusal(30005)
    return account


def _check_time(sent_ms: int, now_ms: int, window: int | None) -> None:
    if window is None:
        if abs(now_ms - sent_ms) > MINUTE_MS:
            raise Refusal(30007)
    elif not (sent_ms < now_ms + _AHEAD_MS and now_ms - sent_ms <= window):
        raise Refusal(30007)


def stream_fault(accounts: Accounts, args: list[str], now_ms: int) -> tuple[str, str] | Account:
    """The account that logs in on a stream, or the code and text of what is wrong."""
    key, timestamp, sign = ([*args, "", "", ""])[:3]
    if not key:
        return "91001", "API KEY is empty"
    account = accounts.with_key(key)
    if account is None:
        return "91002", "API KEY not found"
    if not sign:
        return "91010", "SIGN is empty"
    if not timestamp:
        return "91021", "TIMESTAMP is empty"
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) == _MS_DIGITS):
        return "91023", "TIMESTAMP invalid format"
    if abs(now_ms - int(timestamp)) > MINUTE_MS:
        return "91022", "TIMESTAMP range"
    if not matches(account, timestamp, b"bitmart.WebSocket", sign):
        return "91011", "Param sign is wrong"
    held = accounts.restrictions.get(account.uid)
    if held is not None and held.frozen:
        return "91003", "API KEY frozen"
    if held is not None and held.expired:
        return "91004", "API KEY expired"
    return account
