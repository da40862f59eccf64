"""Rate limits as the exchange counts them: a sliding window per endpoint and caller.

Calls over the limit are refused with 30013. They count too: a caller who has made more than twice the
allowed calls within a window is shut out of the host for a while with 30017.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Final

from .refusals import Refusal

__all__ = ["BAN_MS", "Quota", "QuotaKeeper", "Usage"]

BAN_MS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Quota:
    """So many calls per so many seconds, counted per ``IP``, ``KEY`` or ``UID``."""

    calls: int
    seconds: int
    scope: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What the answer's headers say: calls used (the header is called Remaining), limit, window length."""

    used: int
    quota: Quota

    def headers(self) -> dict[str, str]:
        return {
            "X-BM-RateLimit-Mode": self.quota.scope,
            "X-BM-RateLimit-Remaining": str(self.used),
            "X-BM-RateLimit-Limit": str(self.quota.calls),
            "X-BM-RateLimit-Reset": str(self.quota.seconds),
        }


class QuotaKeeper:
    def __init__(self, *, enforced: bool) -> None:
        self._enforced = enforced
        self._calls: defaultdict[tuple[str, str], deque[int]] = defaultdict(deque)
        self._banned: dict[str, int] = {}

    def count(
        self, endpoint: str, quota: Quota, caller: str, address: str, now_ms: int
    ) -> tuple[Usage, Refusal | None]:
        """Note a call; say what is used and whether the call must be refused.

        Args:
            caller: Whose calls these are: an address, a key or an account, as the quota's scope says.
        """
        calls = self._calls[endpoint, caller]
        while calls and calls[0] <= now_ms - quota.seconds * 1_000:
            calls.popleft()
        calls.append(now_ms)
        usage = Usage(min(len(calls), quota.calls), quota)
        if not self._enforced:
            return usage, None
        if self._banned.get(address, 0) > now_ms:
            return usage, Refusal(30017)
        if len(calls) > 2 * quota.calls:
            self._banned[address] = now_ms + BAN_MS
            return usage, Refusal(30017)
        return usage, Refusal(30013) if len(calls) > quota.calls else None
