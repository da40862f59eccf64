"""``bitmart record``: topics into files, with a footer while it runs and the rates at its end."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.live import Live
from rich.table import Table
from rich.text import Text

from bitmart_async import (
    ConfigurationError,
    ContractStatus,
    CredentialsMissing,
    Recorder,
    topics,
)
from bitmart_async.cli import INTERRUPTED
from bitmart_async.cli.log import Log, whoever_reads
from bitmart_async.cli.stopping import opened, stopping
from bitmart_async.cli.troubles import Troubles
from bitmart_async.cli.where import the_place

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path

    from rich.console import Console, RenderableType

    from bitmart_async import RecorderStats, StreamHealth
    from bitmart_async.cli.where import Place, Where

__all__ = ["record"]

_EVERY = 0.5
_NEWS_EVERY = 600.0
"""Seconds between two lines about how far it is, where nobody looks at a terminal."""
_MOST_SPOT = 20 * 115
"""Spot allows 20 public connections per address, of 115 topics each."""
_ALL_SPOT = ("spot/ticker:*", "spot/trade:*")
_ALL_FUTURES = ("futures/ticker:*", "futures/trade:*")


async def record(
    console: Console,
    where: Where,
    wanted: Sequence[str],
    out: Path,
    *,
    all_spot: bool,
    all_futures: bool,
    seconds: float | None,
    rotate_mb: float,
    rotate_minutes: float,
    as_json: bool,
) -> int:
    """Record until the time is over or somebody stops it; returns the exit code."""
    given = [*wanted, *(_ALL_SPOT if all_spot else ()), *(_ALL_FUTURES if all_futures else ())]
    if not given:
        raise ConfigurationError(
            "give at least one topic, like spot/trade:BTC_USDT or 'spot/ticker:*', or --all-spot or --all-futures"
        )
    if seconds is not None and not seconds > 0:
        raise ConfigurationError(f"--for {seconds:g}: must be more than 0 seconds")
    for option, value in (("--rotate-mb", rotate_mb), ("--rotate-minutes", rotate_minutes)):
        if not 0 < value < float("inf"):
            raise ConfigurationError(f"{option} {value:g}: must be more than 0")
    parsed = [topics.parse(text) for text in given]
    private = any(topic.private for topic in parsed)
    async with the_place(where, console, keys=private, lively=True) as place:
        if private and place.credentials is None:
            raise CredentialsMissing("a private topic needs credentials")
        texts = await _written_out(place, given)
        stopped = False
        with stopping() as stop:
            async with place.streams() as ws:
                recorder = Recorder(
                    ws, texts, path=out,
                    rotate_bytes=int(rotate_mb * 1_000_000), rotate_seconds=rotate_minutes * 60,
                )  # fmt: skip
                log = Log(console, quiet=as_json)
                count = "1 topic" if len(texts) == 1 else f"{len(texts):,} topics"
                log.say(f"recording {count} of {place.environment.name} into {out}")
                Troubles(ws, log.say)
                async with _disk_told(recorder, log), opened(recorder, stop):
                    for topic, why in recorder.stats.refused.items():
                        log.say(f"refused: {topic}: {why}")
                    news = _News(recorder, log)
                    ends = None if seconds is None else time.monotonic() + seconds
                    quiet = as_json or not console.is_terminal
                    with (
                        Live(console=console, auto_refresh=False, transient=True, screen=False)
                        if not quiet
                        else _NoScreen() as live
                    ):
                        while not stop.is_set() and (ends is None or time.monotonic() < ends):
                            recorder.check()
                            news.tell(told=quiet)
                            if not quiet:
                                live.update(_footer(recorder.stats, ws.health(), ends), refresh=True)
                            left = _EVERY if ends is None else min(_EVERY, ends - time.monotonic())
                            try:
                                await asyncio.wait_for(stop.wait(), max(0.001, left))
                            except TimeoutError:
                                continue
                    stopped = stop.is_set()
    stats = recorder.stats
    if as_json:
        console.file.write(json.dumps(asdict(stats)) + "\n")
    else:
        with whoever_reads():
            _summary(console, stats, out)
    return INTERRUPTED if stopped else 0


@asynccontextmanager
async def _disk_told(recorder: Recorder, log: Log) -> AsyncGenerator[None, None]:
    """When the disk refuses, say what is kept and what is not."""
    try:
        yield
    except OSError as error:
        stats = recorder.stats
        if not stats.files or isinstance(error, TimeoutError | BrokenPipeError):
            raise
        if isinstance(error, FileNotFoundError):
            log.say(f"{stats.frames:,} frames were written, the last of them into a file that is gone")
            raise
        log.say(
            f"{stats.frames:,} frames in {stats.files} files are kept in {recorder.path}, {stats.lost:,} that came "
            f"after them are lost. When the disk takes more, the same command goes on in the same folder."
        )
        raise


class _News:
    """What is worth a line while it records: losses at once, and now and then how far it is."""

    def __init__(self, recorder: Recorder, log: Log) -> None:
        self._recorder = recorder
        self._log = log
        self._lost = 0
        self._next = time.monotonic() + _NEWS_EVERY

    def tell(self, *, told: bool) -> None:
        """Say what is new; with ``told`` how far it is too, where no footer shows it."""
        stats = self._recorder.stats
        if stats.lost > self._lost and (not self._lost or stats.lost >= 2 * self._lost):
            self._lost = stats.lost
            self._log.say(f"{stats.lost:,} frames were left out so far: the disk is too slow")
        if told and time.monotonic() >= self._next:
            self._next = time.monotonic() + _NEWS_EVERY
            self._log.say(
                f"{stats.frames:,} frames, {_size(stats.written)} in {stats.files} files, {stats.gaps} gaps, "
                f"{stats.lost:,} left out"
            )


class _NoScreen:
    """Where nobody looks."""

    def __enter__(self) -> _NoScreen:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def update(self, _: RenderableType, *, refresh: bool = False) -> None:
        """Show nothing."""


async def _written_out(place: Place, given: Sequence[str]) -> list[str]:
    """Topics with ``*`` as symbol become one per symbol that trades."""
    spot: list[str] = []
    contracts: list[str] = []
    if any(text.startswith("spot/") and text.endswith(":*") for text in given):
        if place.is_demo:
            raise ConfigurationError("the demo has futures alone: there are no spot symbols to list")
        async with place.rest() as rest:
            pairs = await rest.get_spot_trading_pair_details_v1()
        spot = [pair.symbol for pair in pairs.symbols if pair.trade_status == "trading"]
    if any(text.startswith("futures/") and text.endswith(":*") for text in given):
        async with place.futures() as futures:
            details = await futures.get_futures_contract_details()
        contracts = [one.symbol for one in details.symbols if one.status in (None, ContractStatus.TRADING)]
    found: dict[str, None] = {}
    for text in given:
        if text.endswith(":*"):
            symbols = spot if text.startswith("spot/") else contracts
            found |= {f"{text[:-1]}{symbol}": None for symbol in symbols}
        else:
            found[text] = None
    count = sum(text.startswith("spot/") and not topics.parse(text).private for text in found)
    if count > _MOST_SPOT:
        raise ConfigurationError(
            f"{count:,} spot topics are too many: the exchange allows 20 connections per address with 115 topics "
            f"each, {_MOST_SPOT:,} in all. Record fewer channels, 'spot/trade:*' alone say, or the rest from "
            f"another address."
        )
    return list(found)


def _footer(stats: RecorderStats, health: StreamHealth, ends: float | None) -> RenderableType:
    age = None if stats.last_frame_ns is None else max(0.0, (time.time_ns() - stats.last_frame_ns) / 1e9)
    live = sum(connection.state == "live" for connection in health.connections)
    left = "" if ends is None else f"   {max(0.0, ends - time.monotonic()):.0f} s left"
    line = Text.assemble(
        (f"{stats.seconds:6.0f} s", "bold"),
        f"  {stats.frames:,} frames  {_rate(stats):,.0f}/s  last {'-' if age is None else f'{age:.1f} s ago'}  ",
        f"{_size(stats.written)}  {live}/{len(health.connections)} sockets  {stats.gaps} gaps",
    )
    if stats.lost:
        line.append(f"  {stats.lost:,} LOST: the disk is too slow", style="bold red")
    elif stats.waiting > 4_000_000:
        line.append(f"  {_size(stats.waiting)} wait for the disk", style="yellow")
    line.append(f"{left}  Ctrl-C ends", style="dim")
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _summary(console: Console, stats: RecorderStats, out: Path) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("channel", no_wrap=True)
    table.add_column("frames", justify="right")
    table.add_column("per second", justify="right")
    seconds = max(stats.seconds, 0.001)
    for channel, frames in stats.channels.items():
        table.add_row(channel, f"{frames:,}", f"{frames / seconds:,.1f}")
    console.print(table)
    console.print(
        f"{stats.frames:,} frames ({_size(stats.bytes)}) in {stats.seconds:.1f} s, {_rate(stats):,.1f} per second; "
        f"{stats.files} files, {_size(stats.written)} on disk; {stats.gaps} gaps",
        soft_wrap=True,
    )
    if stats.lost:
        console.print(
            f"[bold red]{stats.lost:,} frames were left out:[/] the disk was too slow (slowest write "
            f"{stats.longest_write:.1f} s). The places are marked.",
            soft_wrap=True,
        )
    console.print(
        f"Look at it: bitmart replay {out}\nTables: bitmart export {out} --out TABLES", soft_wrap=True
    )


def _rate(stats: RecorderStats) -> float:
    return stats.frames / max(stats.seconds, 0.001)


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"
