"""A still sandbox without rate limits for the tests of the streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bitmart_async.sandbox.pytest_plugin import sandbox  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from bitmart_async.sandbox.pytest_plugin import SandboxOptions


@pytest.fixture
def sandbox_options() -> SandboxOptions:
    return {"lively": False, "rate_limits": False}
