"""What the tests of this lane share: a running sandbox, and the moment a peer has subscribed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bitmart_async.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A market that only the test moves. Without rate limits, so that a client need not wait for its own."""
    async with Sandbox(seed=1, lively=False, rate_limits=False) as running:
        yield running


@pytest.fixture
def subscribed(sandbox: Sandbox) -> Callable[[str], Awaitable[None]]:
    """Waits until somebody has asked a stream for a topic."""

    async def wait(topic: str) -> None:
        await sandbox.until(
            lambda _: any(f'"{topic}"' in message.text for message in sandbox.journal.messages()), timeout=15
        )

    return wait
