"""For all tests."""

from __future__ import annotations

import asyncio


def pytest_configure() -> None:
    """Say that there is no event loop yet.

    Otherwise the looptime plugin, looking for one before the first plain test, makes the policy create a
    loop that nobody closes, and some later test fails for it.
    """
    asyncio.set_event_loop(None)
