"""Fixtures for tests of programs that use BitMart: a sandbox, and clients that are pointed at it.

Put ``pytest_plugins = ["bitmart_async.pytest_plugin"]`` into the top ``conftest.py``. Needs pytest-asyncio,
in either of its modes. ``sandbox`` and ``sandbox_options`` are those of ``bitmart_async.sandbox.pytest_plugin``;
the clients are those of its default account and are closed after the test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from . import FuturesClientV2, RestClient, WebsocketClient
from .sandbox.pytest_plugin import SandboxOptions, sandbox, sandbox_options

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .sandbox import Sandbox

__all__ = [
    "SandboxOptions",
    "sandbox",
    "sandbox_futures",
    "sandbox_options",
    "sandbox_rest",
    "sandbox_ws",
]


@pytest_asyncio.fixture
async def sandbox_rest(sandbox: Sandbox) -> AsyncIterator[RestClient]:
    """A spot client of the sandbox's default account."""
    async with RestClient(**sandbox.client_options) as client:
        yield client


@pytest_asyncio.fixture
async def sandbox_futures(sandbox: Sandbox) -> AsyncIterator[FuturesClientV2]:
    """A futures client of the sandbox's default account."""
    async with FuturesClientV2(**sandbox.client_options) as client:
        yield client


@pytest_asyncio.fixture
async def sandbox_ws(sandbox: Sandbox) -> AsyncIterator[WebsocketClient]:
    """A streams client of the sandbox's default account."""
    async with WebsocketClient(**sandbox.client_options) as client:
        yield client
