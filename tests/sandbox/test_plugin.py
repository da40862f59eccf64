"""The pytest plugin serves users' tests in either mode of pytest-asyncio."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

TEST = """
import pytest

@pytest.fixture
def sandbox_options():
    return {"lively": False, "seed": 9}

@pytest.mark.asyncio
async def test_it(sandbox):
    assert sandbox.environment.name == "sandbox"
    assert sandbox.now_ms() > 0
"""


@pytest.mark.asyncio
@pytest.mark.parametrize("mode", ["strict", "auto"])
async def test_the_fixture(tmp_path: Path, mode: str) -> None:
    """A project that names the plugin gets a running sandbox with its own options."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["bitmart_async.sandbox.pytest_plugin"]')
    (tmp_path / "test_it.py").write_text(TEST)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-W",
        "error",
        "-o",
        f"asyncio_mode={mode}",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
