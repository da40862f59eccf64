"""Where the other BitMart clients live, and which versions they are.

Nothing of theirs is installed into this project's environment: they live in a folder of their own
(``BITMART_PEERS``, or ``bitmart-async-peers`` in the user's cache) and run as processes of their own.
``python -m tests.fidelity.install`` fills the folder; the tests of that lane and the stream benchmark use it.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

PYTHON_PEERS = {"ccxt": "4.5.70", "bitmart-python-sdk-api": "2.8.0"}
NPM_PEERS = {"bitmart-api": "2.5.1"}


def folder() -> Path:
    """Where the peers are, or are to be, installed."""
    chosen = os.environ.get("BITMART_PEERS")
    if chosen:
        return Path(chosen).resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bitmart-async-peers"


def python() -> Path:
    """The interpreter the Python peers run in."""
    return folder() / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def node_folder() -> Path:
    """The folder whose ``node_modules`` holds the npm peers."""
    return folder() / "node"


def python_missing(package: str) -> str:
    """Why a Python peer cannot run here, "" when it can."""
    version = PYTHON_PEERS[package]
    name = package.replace("-", "_")
    found = python().exists() and any(folder().glob(f"venv/lib/*/site-packages/{name}-{version}.dist-info"))
    return "" if found else f"{package} {version} is not in {folder()}: python -m tests.fidelity.install"


def npm_missing(package: str) -> str:
    """Why an npm peer cannot run here, "" when it can."""
    if shutil.which("node") is None:
        return "node is not installed"
    described = node_folder() / "node_modules" / package / "package.json"
    version = NPM_PEERS[package]
    if described.exists() and json.loads(described.read_text())["version"] == version:
        return ""
    return f"{package} {version} is not in {folder()}: python -m tests.fidelity.install"
