"""What a key may do: the permission each path needs, and the restrictions a key can have.

The names are those of the exchange's key page. Where it is not known which permission a path needs, reading
is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["PERMISSIONS", "Restriction", "permission_for"]

READ: Final = "read-only"
PERMISSIONS: Final = (
    READ,
    "spot-trade",
    "margin-trade",
    "withdraw",
    "future-trade",
    "finance",
    "inter-account transfer",
)
_RULES: Final = (
    ("", "/account/v1/withdraw/charge", "withdraw"),
    ("", "/account/v1/withdraw/apply", "withdraw"),
    ("", "/account/sub-account/", "inter-account transfer"),
    ("", "/account/contract/sub-account/", "inter-account transfer"),
    ("", "/account/v1/transfer-contract", "future-trade"),
    ("POST", "/contract/private/account/", READ),
    ("POST", "/contract/private/claim", READ),
    ("POST", "/contract/private/", "future-trade"),
    ("POST", "/spot/v1/margin/", "margin-trade"),
    ("POST", "/newearn/", "finance"),
    ("POST", "/spot/v4/query/", READ),
    ("POST", "/spot/", "spot-trade"),
)
"""Method, beginning of the path, permission; the first that fits."""


def permission_for(method: str, path: str) -> str:
    """The permission a call needs."""
    for wanted, beginning, permission in _RULES:
        if wanted in ("", method) and path.startswith(beginning):
            return permission
    return READ


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """What is held against a key. None is no limit."""

    permissions: frozenset[str] | None = None
    addresses: frozenset[str] | None = None
    frozen: bool = False
    expired: bool = False

    def refusal(self, method: str, path: str, address: str) -> int | None:
        """The code a call is refused with, if it is."""
        if self.frozen:
            return 30003
        if self.expired:
            return 30011
        if self.addresses is not None and address not in self.addresses:
            return 30010
        needed = permission_for(method, path)
        if self.permissions is not None and needed != READ and needed not in self.permissions:
            return 30012
        return None
