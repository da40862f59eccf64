"""A still sandbox without rate limits, and a raw client for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio

from bitmart_async.sandbox.pytest_plugin import sandbox  # noqa: F401 - a fixture

from .wire import Wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bitmart_async.sandbox import Sandbox
    from bitmart_async.sandbox.pytest_plugin import SandboxOptions


@pytest.fixture
def sandbox_options() -> SandboxOptions:
    return {"lively": False, "rate_limits": False}


@pytest_asyncio.fixture
async def wire(sandbox: Sandbox) -> AsyncIterator[Wire]:  # noqa: F811
    async with aiohttp.ClientSession() as http:
        yield Wire(sandbox, http)
