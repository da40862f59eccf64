"""``bitmart replay``: a recording as updates on the terminal, or served to any client."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import msgspec
from rich.table import Table
from rich.text import Text

from bitmart_async import Recording
from bitmart_async.archive.raw import Damaged
from bitmart_async.cli import INTERRUPTED, USAGE
from bitmart_async.cli.stopping import in_thread, stopping
from bitmart_async.decoding import DecodeError
from bitmart_async.recording import RecordedEvent
from bitmart_async.recording.decode import FrameDecoder
from bitmart_async.text import first_few

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Sequence
    from pathlib import Path
    from typing import TypeVar

    from rich.console import Console

    from bitmart_async import StreamData, Update
    from bitmart_async.recording import Record

    T = TypeVar("T")

__all__ = ["SALVAGE", "replay", "serve", "summary", "tell_damage"]

SALVAGE = "Read past it with --salvage: what cannot be read is told then."
_AMISS = frozenset({"lost", "slow", "refused", "missing", "damaged", "stale"})
_DAMAGE_SHOWN = 20

_SETTLE = 0.5
"""Seconds after a first subscribe: time for the others of the same client."""


async def replay(
    console: Console, path: Path, *, topics: Sequence[str], speed: float | None, salvage: bool, as_json: bool
) -> int:
    """Print every update; returns the exit code."""
    with _salvage_told():
        return await _replay(console, Recording(path, salvage=salvage), topics, speed, as_json=as_json)


async def _replay(
    console: Console, recording: Recording, topics: Sequence[str], speed: float | None, *, as_json: bool
) -> int:
    chosen = recording.chosen(list(topics) or None)
    decoder, unreadable, count, began = FrameDecoder(chosen), 0, 0, time.monotonic()
    damaged: list[str] = []
    day = ""
    with stopping() as stop:
        async for record in _until(stop, recording.paced(speed=speed)):
            if not as_json and (today := _day(record)) != day:
                day = today
                console.print(Text(f"-- {day} UTC", style="dim"))
            if isinstance(record, RecordedEvent):
                if record.name in ("missing", "damaged"):
                    damaged.append(record.error)
                if as_json:
                    console.file.write(_event_json(record))
                else:
                    console.print(_event_line(record), soft_wrap=True)
                continue
            try:
                updates = decoder.read(record)
            except DecodeError as error:
                unreadable += 1
                if not as_json:
                    console.print(Text(f"a frame of {len(record.frame)} bytes: {error}", style="yellow"))
                continue
            for update in updates:
                count += 1
                if as_json:
                    console.file.write(_update_json(update))
                else:
                    console.print(_update_line(update), soft_wrap=True)
        stopped = stop.is_set()
    if not as_json:
        took = max(0.001, time.monotonic() - began)
        odd = f"; {unreadable} frames cannot be read" if unreadable else ""
        console.print(f"{count:,} updates in {took:.1f} s{odd}", style="bold")
        tell_damage(console, damaged)
    return INTERRUPTED if stopped else 1 if damaged else 0


@contextmanager
def _salvage_told() -> Generator[None, None, None]:
    try:
        yield
    except Damaged as damage:
        raise Damaged(f"{damage}. {SALVAGE}") from None


def tell_damage(console: Console, damaged: Sequence[str]) -> None:
    """Say what cannot be read and what is missing."""
    for one in damaged[:_DAMAGE_SHOWN]:
        console.print(Text(one, style="bold red"), soft_wrap=True)
    if len(damaged) > _DAMAGE_SHOWN:
        console.print(f"and {len(damaged) - _DAMAGE_SHOWN} more", style="bold red")


def _day(record: Record) -> str:
    ns = record.at_ns if isinstance(record, RecordedEvent) else record.received_ns
    return f"{datetime.fromtimestamp(ns // 1_000_000_000, UTC):%Y-%m-%d}"


async def _until(stop: asyncio.Event, records: AsyncIterator[T]) -> AsyncIterator[T]:
    """The records until somebody stops it, also in the middle of a long wait."""
    stopped = asyncio.ensure_future(stop.wait())
    try:
        while True:
            step = asyncio.ensure_future(anext(records))
            await asyncio.wait({step, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                step.cancel()
                await asyncio.wait({step})
                return
            try:
                yield step.result()
            except StopAsyncIteration:
                return
    finally:
        stopped.cancel()


def _moment(ns: int) -> str:
    moment = datetime.fromtimestamp(ns // 1_000_000_000, UTC)
    return f"{moment:%H:%M:%S}.{ns // 1_000_000 % 1000:03d}"


def _update_line(update: Update[StreamData]) -> Text:
    data = msgspec.to_builtins(update.data, enc_hook=str)
    said = json.dumps(data, default=str, separators=(",", ":"))
    if isinstance(data, dict):
        said = "  ".join(
            f"{name} {json.dumps(value, separators=(',', ':')) if isinstance(value, list | dict) else value}"
            for name, value in cast("dict[str, object]", data).items()
            if name != "symbol" and value is not None
        )
    shown = said if len(said) <= 160 else said[:157] + "..."
    return Text.assemble((_moment(update.received_ns), "dim"), " ", (update.topic, "cyan"), " ", shown)


def _event_line(event: RecordedEvent) -> Text:
    said = " ".join(
        part
        for part in (
            event.connection,
            first_few(event.topics) if event.name in ("refused", "stale", "gap") else "",
            f"gap of {event.gap.seconds:.2f} s" if event.gap is not None else "",
            f"{event.frames:,} frames" if event.frames else "",
            event.error,
        )
        if part
    )
    style = "yellow" if event.gap is not None or event.name in _AMISS else "dim"
    return Text(f"{_moment(event.at_ns)} -- {event.name} {said}".rstrip(), style=style)


def _update_json(update: Update[StreamData]) -> str:
    row = {
        "topic": update.topic,
        "symbol": update.symbol,
        "received_ns": update.received_ns,
        "data": update.data,
    }
    return msgspec.json.encode(row, enc_hook=str).decode() + "\n"


def _event_json(event: RecordedEvent) -> str:
    return msgspec.json.encode({"event": event}).decode() + "\n"


async def summary(console: Console, path: Path, *, as_json: bool) -> int:
    """Print what a recording holds, whatever of it can be read; returns the exit code."""
    recording = Recording(path, salvage=True)
    found = await in_thread(lambda go_on: recording.summary(on_progress=lambda _: go_on()))
    code = 1 if found.damaged else 0
    if as_json:
        console.file.write(json.dumps({**asdict(found), "environment": recording.environment}) + "\n")
        return code
    table = Table(box=None, pad_edge=False, show_header=False)
    begun = (
        "-"
        if found.first_ns is None
        else f"{datetime.fromtimestamp(found.first_ns // 1_000_000_000, UTC):%F %T} UTC"
    )
    shown = " ".join(found.topics[:12])
    if len(found.topics) > 12:
        shown += f" and {len(found.topics) - 12} more"
    unfinished = f", {found.unfinished} without an end" if found.unfinished else ""
    for name, value in (
        ("recorded in", recording.environment),
        ("from", f"{begun}, {found.seconds:,.1f} s"),
        ("frames", f"{found.frames:,} ({found.bytes / 1e6:,.1f} MB)"),
        ("files", f"{found.files} of {found.runs} runs{unfinished}"),
        ("gaps", f"{found.gaps}"),
        ("left out", f"{found.lost:,} frames, because the disk was too slow"),
        ("topics", shown),
    ):
        table.add_row(Text(name, style="bold"), value)
    console.print(table)
    tell_damage(console, found.damaged)
    return code


async def serve(
    console: Console, path: Path, *, speed: float | None, host: str, port: int, salvage: bool, as_json: bool
) -> int:
    """Serve a recording as a sandbox's streams, from the first subscribe on; returns the exit code."""
    from bitmart_async.sandbox import Sandbox

    with _salvage_told():
        recording = Recording(path, salvage=salvage)
    ports = {"spot_streams": port, "futures_streams": port + 1 if port else 0}
    try:
        async with Sandbox(replay=True, lively=False, rate_limits=False, host=host, **ports) as sandbox:  # type: ignore[arg-type]
            if as_json:
                told = {"environment": asdict(sandbox.environment), **sandbox.keys, "rate_limits": False}
                console.file.write(json.dumps(told) + "\n")
                console.file.flush()
            else:
                console.print("[bold]The past, for any client.[/] It begins with the first subscribe.\n")
                for name in ("spot_public", "futures_public"):
                    console.print(
                        f"  {name:<16} [cyan]{getattr(sandbox.environment, name)}[/]", soft_wrap=True
                    )
                console.print("\nTopics: " + " ".join(recording.topics[:12]), soft_wrap=True)
                console.print("Ctrl-C stops it.")
            with stopping() as stop:
                played = asyncio.ensure_future(_play(recording, sandbox, speed))
                halted = asyncio.ensure_future(stop.wait())
                try:
                    await asyncio.wait({played, halted}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    halted.cancel()
                    played.cancel()
                    await asyncio.wait({played, halted})
                if stop.is_set():
                    return INTERRUPTED
                with _salvage_told():
                    frames, reached = played.result()
    except OSError as error:
        console.print(f"[red]It cannot listen on {host}:[/] {error.strerror or error}")
        return 1
    except (OverflowError, ValueError) as error:
        console.print(f"[red]It cannot start:[/] {error}.")
        return USAGE
    if not as_json:
        console.print(f"The end: {frames:,} frames, {reached:,} of them to somebody.")
    return 0


async def _play(recording: Recording, sandbox: object, speed: float | None) -> tuple[int, int]:
    from bitmart_async.sandbox import Sandbox

    assert isinstance(sandbox, Sandbox)
    await sandbox.until(lambda seen: seen.messages > 0, timeout=float("inf"))
    await asyncio.sleep(_SETTLE)
    frames = reached = 0
    async for text in recording.data_frames(speed=speed):
        frames += 1
        reached += sandbox.feed([text])
        if frames % 100 == 0:
            await asyncio.sleep(0)  # as fast as possible is no faster than the sockets
    await asyncio.sleep(_SETTLE)  # what was written last is on its way
    return frames, reached
