"""The code in README and docs runs as written."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bitmart_async
from bitmart_async.cli.app import app
from bitmart_async.sandbox import Sandbox
from bitmart_async.sandbox.faults import Faults

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _blocks() -> list[tuple[str, str]]:
    found = []
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for number, match in enumerate(_BLOCK.finditer(path.read_text()), 1):
            found.append((f"{path.relative_to(ROOT)}:{number}", match[1]))
    return found


@pytest.mark.parametrize(
    ("place", "code"), _blocks(), ids=lambda value: value if value.endswith(tuple("0123456789")) else ""
)
def test_a_block_runs(place: str, code: str) -> None:
    """A newcomer who copies a block gets what the page promises: it ends without error or warning."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, f"{place}:\n{done.stdout}\n{done.stderr}"
    assert not done.stderr, f"{place}:\n{done.stderr}"


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed (extra `check`)")
def test_the_blocks_are_typed(tmp_path: Path) -> None:
    """Whoever copies a block into a strictly typed program gets no finding of mypy."""
    for place, code in _blocks():
        (tmp_path / f"{re.sub(r'[^a-zA-Z0-9]+', '_', place)}.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_the_readme_has_two_set_up_lines() -> None:
    """Exactly the two commands the project promises, each one line."""
    text = (ROOT / "README.md").read_text().splitlines()
    lines = [line for line in text if line.startswith("python3 -m venv .venv && ")]
    assert lines == [
        "python3 -m venv .venv && .venv/bin/pip install '.[cli]' && .venv/bin/bitmart demo",
        "python3 -m venv .venv && .venv/bin/pip install '.[test]' && .venv/bin/python -m pytest",
    ]


def test_links_inside_the_project_lead_somewhere() -> None:
    """Every relative link of README and docs points to a file that is there."""
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))):
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target} is not there"


def test_every_page_can_be_found() -> None:
    """README, the first page and the navigation know every page, in one order."""
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    orders = [
        re.findall(r"^- \[[^]]+\]\(docs/(\w+\.md)\)", (ROOT / "README.md").read_text(), re.MULTILINE),
        re.findall(r"^- \[[^]]+\]\((\w+\.md)\)", (ROOT / "docs" / "index.md").read_text(), re.MULTILINE),
        re.findall(r"^  - [^:]+: (\w+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)[1:],
    ]
    assert set(orders[0]) == pages
    assert orders[0] == orders[1] == orders[2]


def test_the_sandbox_page_knows_the_whole_sandbox() -> None:
    """Every public name of a sandbox and every fault is on its page, and so is each option."""
    text = (ROOT / "docs" / "sandbox.md").read_text()
    names = {name for name in vars(Sandbox) if not name.startswith("_")} - {"aclose"}
    names |= {"journal", "faults"} | {name for name in vars(Faults) if not name.startswith("_")}
    options = set(inspect.signature(Sandbox).parameters)
    names |= {name for name in options if not name.endswith(("_rest", "_streams"))}
    missing = sorted(name for name in names if not re.search(rf"\b{name}\b", text))
    assert not missing


def test_every_command_is_in_the_readme() -> None:
    """Whoever reads the README's table meets each command of the shell."""
    text = (ROOT / "README.md").read_text()
    for name in app:
        assert name.startswith("-") or re.search(rf"`(bitmart )?{name}\b", text), (
            f"bitmart {name} is not there"
        )


def test_every_public_name_is_in_the_reference() -> None:
    """Each name of the package, and each module of models, has its place in docs/reference.md."""
    shown = set(re.findall(r"^::: (\S+)", (ROOT / "docs" / "reference.md").read_text(), re.MULTILINE))
    for name in bitmart_async.__all__:
        value = getattr(bitmart_async, name)
        home = getattr(value, "__module__", None)
        if isinstance(home, str):
            assert shown & {home, f"{home}.{name}"}, f"{home}.{name} is not in docs/reference.md"
    models = {
        f"bitmart_async.models.{file.stem}" for file in (ROOT / "bitmart_async" / "models").glob("[a-z]*.py")
    }
    assert models <= shown
    for place in shown:
        module, _, last = place.rpartition(".")
        assert find_module(place) or hasattr(importlib.import_module(module), last), f"{place} is not there"


def find_module(name: str) -> bool:
    """Whether there is a module of that name."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
