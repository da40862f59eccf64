"""What the tests of this lane share: a running sandbox, and the moment a peer has subscribed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bitmart_async.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


plain_and_packed = pytest.mark.parametrize(
    "sandbox", [{"compress": False}, {"compress": True}], ids=["text", "raw deflate"], indirect=True
)
"""A test that runs with spot data as text, and again as binary frames that the client has to inflate."""


@pytest.fixture
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """A market that only the test moves. Without rate limits, so that a client need not wait for its own.

    A test may ask for more options, see ``plain_and_packed``.
    """
    options: dict[str, bool] = getattr(request, "param", {})
    async with Sandbox(seed=1, lively=False, rate_limits=False, **options) as running:
        yield running


@pytest.fixture
def subscribed(sandbox: Sandbox) -> Callable[[str], Awaitable[None]]:
    """Waits until somebody has asked a stream for a topic."""

    async def wait(topic: str) -> None:
        await sandbox.until(
            lambda _: any(f'"{topic}"' in message.text for message in sandbox.journal.messages()), timeout=15
        )

    return wait
