"""The commands about recorded streams and their options: record, export and replay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from bitmart_async import ConfigurationError
from bitmart_async.cli.task import run_task
from bitmart_async.cli.where import Where

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["register"]

_LIVE = Where()
_Flag = Annotated[bool, Parameter(negative="")]


def record(
    *topics: str,
    out: Path,
    for_: Annotated[float | None, Parameter(name="--for")] = None,
    all_spot: _Flag = False,
    all_futures: _Flag = False,
    rotate_mb: float = 256.0,
    rotate_minutes: float = 60.0,
    json: _Flag = False,
    where: Where = _LIVE,
) -> int:
    """Record streams into a folder until Ctrl-C: every frame as it came, with its time of receipt.

    The files are compressed, survive a kill of the recorder and are read by bitmart replay and export. A
    lost connection comes back by itself; the gap is marked. Run it again to go on in the same folder.

    Parameters
    ----------
    topics
        Like spot/trade:BTC_USDT or futures/order; 'spot/ticker:*' is one topic for every symbol that trades.
    out
        The folder; it is made when it is not there.
    for_
        Seconds after which it ends; until Ctrl-C when not given.
    all_spot
        Tickers and trades of every spot pair, over as many sockets as it takes.
    all_futures
        Tickers and trades of every contract.
    rotate_mb
        A file of so many megabytes is followed by a new one.
    rotate_minutes
        A file that is so old is followed by a new one.
    json
        Print the final figures as JSON, and nothing else.
    """
    from bitmart_async.cli.record import record as run

    return run_task(
        lambda console: run(
            console, where, topics, out, all_spot=all_spot, all_futures=all_futures, seconds=for_,
            rotate_mb=rotate_mb, rotate_minutes=rotate_minutes, as_json=json,
        )
    )  # fmt: skip


def export(
    path: Path, *topics: str, out: Path, csv: _Flag = False, salvage: _Flag = False, json: _Flag = False
) -> int:
    """Write a recording as tables: one Parquet file per channel, numbers exact, times UTC.

    Parameters
    ----------
    path
        The folder a recorder wrote.
    topics
        Only these; all that were recorded when not given.
    out
        The folder for the tables; tables of the same name are replaced.
    csv
        Write every table as CSV too.
    salvage
        Read past places that cannot be read; each is told, and the exit code is 1.
    json
        Print the result as JSON, and nothing else.
    """
    from bitmart_async.cli.export import export as run

    return run_task(
        lambda console: run(console, path, out, topics=topics, csv=csv, salvage=salvage, as_json=json)
    )


def replay(
    path: Path,
    *topics: str,
    speed: float = 1.0,
    fast: _Flag = False,
    serve: _Flag = False,
    host: str = "127.0.0.1",
    port: int = 0,
    summary: _Flag = False,
    salvage: _Flag = False,
    json: _Flag = False,
) -> int:
    """Play a recording back: as updates on the terminal, or served so that any client can connect to the past.

    Parameters
    ----------
    path
        The folder a recorder wrote, or one of its files.
    topics
        Only these; all that were recorded when not given.
    speed
        1 is the recorded pace, 10 ten times as fast.
    fast
        As fast as possible.
    serve
        Serve it as the streams of a sandbox; it begins with the first subscribe and ends with the recording.
    host
        With --serve: the address to listen on.
    port
        With --serve: TCP port of the spot streams, the futures streams have the next one; 0 takes free ones.
    summary
        Tell what the recording holds and what of it is damaged or missing, and play nothing.
    salvage
        Read past places that cannot be read; each is told, and the exit code is 1.
    json
        One JSON object per line, and nothing else.
    """
    from bitmart_async.cli import replay as player

    pace = None if fast else speed
    if serve and topics:

        async def refuse(_: Console) -> int:
            raise ConfigurationError("--serve serves every recorded topic; the client chooses")

        return run_task(refuse)
    if summary:
        return run_task(lambda console: player.summary(console, path, as_json=json))
    if serve:
        return run_task(
            lambda console: player.serve(
                console, path, speed=pace, host=host, port=port, salvage=salvage, as_json=json
            )
        )
    return run_task(
        lambda console: player.replay(console, path, topics=topics, speed=pace, salvage=salvage, as_json=json)
    )


def register(app: App) -> None:
    """Add the commands."""
    for command in (record, export, replay):
        app.command(command)
