"""What all tests share."""

from __future__ import annotations

import asyncio


def pytest_configure() -> None:
    """No event loop outside async tests: looptime would make one for plain tests and leave it open."""
    asyncio.set_event_loop(None)
