"""The public surface is what is written down, no more and no less."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import bitmart_async
from tests.surface import lines

if TYPE_CHECKING:
    from types import ModuleType

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


def test_type_checkers_see_the_same_names() -> None:
    """What ``__init__`` imports for type checkers is what it has at run time: no name more, none less."""
    tree = ast.parse(Path(bitmart_async.__file__).read_text())
    seen = {"__version__"}
    for block in (node for node in tree.body if isinstance(node, ast.If)):
        for line in block.body:
            assert isinstance(line, ast.ImportFrom), ast.unparse(line)
            module = importlib.import_module(line.module or "")
            for alias in line.names:
                seen |= set(module.__all__) if alias.name == "*" else {alias.asname or ""}
    assert seen == set(bitmart_async.__all__)


def test_every_model_can_be_imported_from_models() -> None:
    """Each class of the modules of models is in bitmart_async.models, under a name of its own."""
    models = importlib.import_module("bitmart_async.models")
    found: dict[str, object] = {}
    for file in sorted(Path(models.__path__[0]).glob("[a-z]*.py")):
        module = importlib.import_module(f"bitmart_async.models.{file.stem}")
        if file.stem != "base":
            assert not found.keys() & set(module.__all__), "one name, two classes"
            found |= {name: getattr(module, name) for name in module.__all__}
    assert found == {name: getattr(models, name) for name in models.__all__}
    assert dir(models) == models.__all__
    seen = re.findall(r"^    from bitmart_async\.models\.(\w+) import \*", _text(models), re.MULTILINE)
    assert sorted(seen) == sorted(models._MODULES), "what type checkers see"
    with pytest.raises(AttributeError, match="SpotStreamTrad'"):
        models.SpotStreamTrad  # noqa: B018 - looking it up is what is tried
    with pytest.raises(ImportError):
        exec("from bitmart_async.models import spott", {})


def _text(module: ModuleType) -> str:
    return Path(str(module.__file__)).read_text()


def test_errors_are_exported_completely() -> None:
    """Every class of the error tree can be imported from the package itself."""
    errors = importlib.import_module("bitmart_async.errors")
    assert set(errors.__all__) <= set(bitmart_async.__all__)


_HEAVY = "aiohttp websockets asyncio msgspec ssl"
_OTHER_SIDES = "bitmart_async.sandbox bitmart_async.cli"


@pytest.mark.parametrize(
    ("touched", "absent"),
    [
        ("", _HEAVY),
        ("BitMartError, bitmart_async.Credentials, bitmart_async.LIVE", _HEAVY),
        ("models", _HEAVY),
        ("models.SpotStreamTrade", "aiohttp websockets asyncio bitmart_async.models.spot"),
        ("RateLimits", "aiohttp websockets msgspec"),
        ("RestClient, bitmart_async.FuturesClientV2", "aiohttp websockets bitmart_async.websocket"),
        ("WebsocketClient", "aiohttp websockets"),
    ],
    ids=["nothing", "errors and keys", "models", "a model", "limits", "REST clients", "stream client"],
)
def test_each_name_loads_its_own_side_only(touched: str, absent: str) -> None:
    """Heavy libraries are loaded when their side is first touched; network ones at the first call."""
    absent = f"{absent} {_OTHER_SIDES}"
    code = (
        f"import sys, bitmart_async; {f'bitmart_async.{touched}' if touched else ''}\n"
        f"heavy = set({absent.split()!r}) & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"loaded too early: {done.stderr}"
