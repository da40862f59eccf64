"""How a test talks to another client, which is a process of its own; where they live says ``benchmarks.peers``."""

from __future__ import annotations

import asyncio
import json
import os
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from benchmarks.peers import node_folder, python

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

DRIVERS = Path(__file__).resolve().parent / "drivers"
_PATIENCE = 20.0


class PeerError(Exception):
    """The client raised. ``kind`` is the name of its error, ``kinds`` also those it derives from."""

    def __init__(self, kind: str, text: str, kinds: Sequence[str]) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.kinds = kinds
        self.text = text


class Remote:
    """An object inside a peer: ``await exchange.fetch_ticker("BTC/USDT")`` calls it there."""

    def __init__(self, peer: Peer, name: str, *, inline: bool) -> None:
        self._peer = peer
        self._name = name
        self._inline = inline

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        def call(*args: object, **kwargs: object) -> Awaitable[Any]:
            return self._peer.ask(
                {"on": self._name, "call": method, "args": args, "kwargs": kwargs, "inline": self._inline}
            )

        return call


class Peer:
    """A process with somebody else's client in it; use it as ``async with Peer.python() as peer:``."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.events: list[tuple[str, Any]] = []
        """What the client's callbacks were given, oldest first, under the name asked for."""
        self._news = asyncio.Event()

    @classmethod
    def python(cls) -> Self:
        return cls([str(python()), "-I", str(DRIVERS / "python_peer.py")])

    @classmethod
    def node(cls) -> Self:
        return cls(["node", str(DRIVERS / "npm_peer.mjs"), str(node_folder())])

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL if not os.environ.get("BITMART_PEERS_TALK") else None,
            limit=2**24,
        )
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 3)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reader

    async def make(self, what: str, name: str, *args: object, **more: object) -> None:
        """Make an object of ``module:Class`` and remember it under a name."""
        await self.ask({"make": what, "as": name, "args": args, **more})

    def remote(self, name: str, *, inline: bool = False) -> Remote:
        """The object of that name, its methods to be called as if it were here.

        Args:
            inline: Call plain functions in the client's event loop, not in a thread: ccxt has plain functions
                that hand back coroutines.
        """
        return Remote(self, name, inline=inline)

    async def follow(self, on: str, method: str, *args: object, name: str) -> None:
        """Have a method called again and again in the client's process; what it returns becomes events."""
        await self.ask({"on": on, "call": method, "args": args, "follow": name, "inline": True})

    async def ask(self, question: dict[str, object]) -> Any:
        """Send one question to the process and wait for its answer.

        Raises:
            PeerError: The client raised.
            TimeoutError: No answer for twenty seconds.
        """
        number = next(self._numbers)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        stdin = self._process.stdin
        assert stdin is not None
        stdin.write(json.dumps({"id": number, **question}).encode() + b"\n")
        try:
            return await asyncio.wait_for(future, _PATIENCE)
        except TimeoutError:
            raise TimeoutError(f"no answer to {question}; the last events: {self.events[-5:]}") from None
        finally:
            self._waiting.pop(number, None)

    async def event(self, name: str, fits: Callable[[Any], bool] = lambda _: True) -> Any:
        """The first event of that name that fits, come or to come.

        Raises:
            PeerError: The method that is followed raised.
            TimeoutError: None came.
        """
        seen = 0
        try:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    for kind, value in self.events[seen:]:
                        seen += 1
                        if kind == name and isinstance(value, PeerError):
                            raise value
                        if kind == name and fits(value):
                            return value
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise TimeoutError(f"no such event of {name}; the last: {self.events[-8:]}") from None

    async def _read(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        async for line in stdout:
            message = json.loads(line)
            if "event" in message:
                if "error" in message:
                    message["value"] = PeerError(message["event"], message["error"], ())
                self.events.append((message["event"], message["value"]))
                self._news.set()
                continue
            future = self._waiting.get(message["id"])
            if future is None or future.done():
                continue
            if "error" in message:
                future.set_exception(PeerError(message["error"], message["text"], message["kinds"]))
            else:
                future.set_result(message["value"])
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionError("the client's process is over"))
