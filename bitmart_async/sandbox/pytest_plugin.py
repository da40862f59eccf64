"""A ``sandbox`` fixture for tests of programs that use BitMart.

Put ``pytest_plugins = ["bitmart_async.sandbox.pytest_plugin"]`` into the top ``conftest.py``. Needs
pytest-asyncio, in either of its modes. The market stands still unless a test makes it move; a module or
directory that wants other options overrides the fixture ``sandbox_options``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import pytest
import pytest_asyncio

from .server import Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["SandboxOptions", "sandbox", "sandbox_options"]


class SandboxOptions(TypedDict, total=False):
    """The options of a Sandbox that tests may want to choose."""

    seed: int
    symbols: list[str] | str
    speed: float
    stepped: bool
    begins_ms: int | None
    replay: bool
    lively: bool
    rate_limits: bool
    compress: bool


@pytest.fixture
def sandbox_options() -> SandboxOptions:
    """Options for the ``sandbox`` fixture; override it to choose others."""
    return {"lively": False}


@pytest_asyncio.fixture
async def sandbox(sandbox_options: SandboxOptions) -> AsyncIterator[Sandbox]:
    """A fresh sandbox, closed after the test."""
    async with Sandbox(**sandbox_options) as running:
        yield running
