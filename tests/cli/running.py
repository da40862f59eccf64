"""The real command in a subprocess, against a sandbox that runs in the test."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from bitmart_async.sandbox import Sandbox

__all__ = ["Done", "bitmart", "where"]


class Done:
    """How a command ended and what it said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def __repr__(self) -> str:
        return f"code {self.code}\n{self.out}\n{self.err}"


async def bitmart(*arguments: str, **env: str) -> Done:
    """Run ``bitmart`` to its end; nobody sits at its keyboard."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BITMART_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-m", "bitmart_async", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**clean, "COLUMNS": "100", **env},
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


def where(folder: Path, sandbox: Sandbox) -> list[str]:
    """The options that lead a command to a running sandbox."""
    path = folder / "sandbox.json"
    told = {"environment": asdict(sandbox.environment), **sandbox.keys, "rate_limits": False}
    path.write_text(json.dumps(told))
    return ["--environment", str(path)]
