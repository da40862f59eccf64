"""What one frame costs the client, and how late it arrives; see benchmarks/README.md and docs/performance.md."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from benchmarks.stream_server import scripts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from benchmarks.frames import Script

FLOOR = "floor"
PICOWS = importlib.util.find_spec("picows") is not None
LIMITS = {
    "handler": 0.60,
    "book": 0.90,
    "iterator": 0.70,
    "raw": 0.25,
    "handler (picows)": 0.55,
}
"""Aims of the project: CPU per frame, as a part of the plain loop's."""


class Process:
    """A child that takes JSON lines and answers with such."""

    def __init__(self, *command: str) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def line(self) -> str:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._child.args} ended with {self._child.wait()}")
        return line.strip()

    def say(self, **command: Any) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(command) + "\n")
        self._child.stdin.flush()

    def end(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        try:
            self._child.wait(3)
        except subprocess.TimeoutExpired:
            self._child.terminate()
            self._child.wait()


class Arena:
    """The server and the contenders, each in a process of its own."""

    def __init__(self, kinds: Sequence[str], count: int) -> None:
        self.scripts = scripts(count)
        self._server = Process("benchmarks.stream_server", str(count))
        port = self._server.line()
        self._clients: dict[str, Process] = {}
        try:
            for kind in kinds:
                self._clients[kind] = client = Process("benchmarks.stream_client", kind, port)
                assert client.line() == "up"
        except BaseException:
            self.end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        for client in self._clients.values():
            client.end()
        self._server.end()

    def _round(self, kind: str, what: str, content: Script, **order: Any) -> tuple[Any, Any]:
        client = self._clients[kind]
        client.say(do=what, market=content.market, frames=len(content.frames), elements=content.elements)
        assert client.line() == "ready"
        who = kind.replace(" ", "_").replace("(", "").replace(")", "")
        self._server.say(who=f"{who}_{content.market}", **order)
        told = json.loads(self._server.line())
        return told, json.loads(client.line())

    def cost(self, kind: str, name: str) -> float:
        """CPU microseconds per frame."""
        script = self.scripts[name]
        _, measured = self._round(kind, "count", script, do="flood", script=name)
        return float(measured["cpu"]) / len(script.frames) * 1e6

    def delays(self, kind: str, name: str, burst: int, gap: float) -> list[float]:
        """Microseconds from the server's write to the handler, frame by frame."""
        script = self.scripts[name]
        written, measured = self._round(kind, "clock", script, do="pace", script=name, burst=burst, gap=gap)
        return [(got - sent) / 1e3 for sent, got in zip(written, measured["stamps"], strict=True)]
