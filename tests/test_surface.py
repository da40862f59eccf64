"""The public surface is what is written down, no more and no less."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import bitmart_async
from tests.surface import lines

WRITTEN = Path(__file__).parent / "data" / "surface.txt"


def test_the_surface_is_as_written() -> None:
    """A public name, method or default changes only together with tests/data/surface.txt."""
    written = WRITTEN.read_text().splitlines()
    now = lines()
    gone = sorted(set(written) - set(now))
    new = sorted(set(now) - set(written))
    assert not gone, f"no longer there: {gone}. Others' programs may use it."
    assert not new, f"not written down: {new}. If meant: python -m tests.surface > tests/data/surface.txt"


def test_every_listed_name_exists() -> None:
    """``__all__`` holds only names that can be imported, and ``dir`` shows them."""
    for name in bitmart_async.__all__:
        assert getattr(bitmart_async, name) is not None
    assert set(dir(bitmart_async)) == set(bitmart_async.__all__)


def test_errors_are_exported_completely() -> None:
    """Every class of the error tree can be imported from the package itself."""
    errors = importlib.import_module("bitmart_async.errors")
    assert set(errors.__all__) <= set(bitmart_async.__all__)


def test_importing_the_package_loads_no_network_library() -> None:
    """Heavy libraries are loaded when their side is first touched."""
    code = (
        "import sys, bitmart_async; "
        "heavy = {'aiohttp', 'websockets', 'asyncio', 'msgspec'} & set(sys.modules); "
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"loaded at import: {done.stderr}"
