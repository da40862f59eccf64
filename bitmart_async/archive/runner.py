"""Reading an account until nothing is left: order, patience, what is kept when, and how long it takes.

Every table is read by one worker, a few at once: their endpoints have rate limits of their own, which
the clients keep. A reply is on its way to the disk before it is used; a piece that is finished is noted
in the journal. Whatever kills the program, the next run reads the journal, feeds the kept replies of
the pieces that were under way to the same plans, and asks for what comes next.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar, cast

from bitmart_async._version import __version__
from bitmart_async.archive.columns import iso
from bitmart_async.archive.journal import FORMAT, Done, Head, Journal, read_head, write_file, write_head
from bitmart_async.archive.lock import Lock
from bitmart_async.archive.parquet import arrow
from bitmart_async.archive.plan import ASKS, OMITTED
from bitmart_async.archive.progress import WORKERS, Course
from bitmart_async.archive.raw import RawFile, record
from bitmart_async.archive.replay import Decoder, Replay, plain
from bitmart_async.archive.report import ArchiveReport, TableReport, as_json, as_markdown, table_report
from bitmart_async.archive.tables import Source, digest, write_table
from bitmart_async.archive.units import lines, windows_left
from bitmart_async.credentials import key_print
from bitmart_async.environments import LIVE
from bitmart_async.errors import (
    ApiError,
    AuthError,
    BadResponse,
    BitMartError,
    ConfigurationError,
    ConnectFailed,
    EdgeBlocked,
    IpBanned,
    Maintenance,
    PermissionDenied,
    RateLimited,
    SystemFault,
    TimestampRejected,
    TlsError,
    TransportError,
)
from bitmart_async.ratelimit import RateLimits
from bitmart_async.rest.clients import FuturesClientV2, RestClient
from bitmart_async.rest.endpoint import Auth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date

    from bitmart_async.archive.plan import Ask, Found
    from bitmart_async.archive.progress import ArchiveProgress
    from bitmart_async.archive.raw import Record
    from bitmart_async.archive.units import Line, Unit
    from bitmart_async.credentials import Credentials
    from bitmart_async.environments import Environment

    Clients: TypeAlias = dict[str, RestClient | FuturesClientV2]

__all__ = ["SINCE", "Archive", "archive_account"]

T = TypeVar("T")

SINCE: Final = 1_514_764_800_000
"""2018-01-01 UTC, Unix ms: the exchange opened in March of that year."""
_SHORTER_DAYS: Final = 1
_TRIES: Final = 6
"""Of one request that gets no usable answer, each with the client's own repeats inside."""
_BACKOFF: Final = 0.5
_BACKOFF_MOST: Final = 30.0
_SYNC_SECONDS: Final = 1.0
_KEY_ENDED: Final = frozenset({30002, 30003, 30005, 30010, 30011})
"""Unknown, frozen or expired key, wrong signature, address not on its list: of the key as a whole, as a rule."""
_SIGNATURE: Final = 30005
_MEMO_LENGTH: Final = 8
"""A shorter memo may be any word of a reply; it is looked for only where the exchange names its keys."""


class _Failed(Exception):
    """No usable answer, although it was tried again and again."""


class Archive:
    """Everything an account can read, in a folder. See :func:`archive_account`."""

    def __init__(
        self,
        out: str | Path,
        *,
        credentials: Credentials,
        environment: Environment = LIVE,
        since: date | int | None = None,
        symbols: Literal["all", "touched"] | None = None,
        retry_refused: bool = False,
        rate_limits: RateLimits | None = None,
        on_progress: Callable[[ArchiveProgress], None] | None = None,
    ) -> None:
        """Nothing is read or written before :meth:`run`.

        Args:
            out: The folder. An archive that was begun there is continued, whatever interrupted it.
            credentials: A key that may read; no other right is used.
            environment: DEMO reads the futures demo alone, since spot has no demo.
            since: How far back to ask: a UTC date or Unix ms; 2018-01-01 when not given.
            symbols: Finished futures orders must be asked for contract by contract. ``"all"``: every
                contract there is. ``"touched"``: those that a trade, a movement, a position or an open
                order names; faster, and an order that was cancelled unfilled may be missed.
            retry_refused: Ask again for what was refused in an earlier run.
            rate_limits: To share with clients of the same key.
            on_progress: Called after every reply, when a list begins and ends, before a wait, and for every table
                that is written.
        """
        self._out = Path(out)
        self._credentials = credentials
        self._environment = environment
        self._since = _ms(since)
        self._symbols: Literal["all", "touched"] | None = symbols
        self._again = retry_refused
        self._limits = rate_limits or RateLimits()
        self._tell = on_progress

    async def run(self) -> ArchiveReport:
        """Read what is left, write the tables and the report.

        Raises:
            ConfigurationError: The folder holds another archive, is in use, or a library is missing.
            AuthError: The exchange does not take the key at all.
            ConnectFailed: The exchange cannot be reached at all.
            Damaged: A kept reply is not as it was received.
        """
        arrow("pyarrow")
        self._out.mkdir(parents=True, exist_ok=True)
        lock = Lock(self._out)
        try:
            async with AsyncExitStack() as stack:
                clients = await self._clients(stack)
                known = read_head(self._out)
                head = await self._begin(clients) if known is None else self._same(known)
                run = _Run(
                    self._out,
                    head,
                    secrets=self._secrets(),
                    memo=self._credentials.api_memo,
                    again=self._again,
                    tell=self._tell,
                )
                stack.callback(run.close)
                if known is not None and run.left():
                    await self._same_account(head, clients)
                await run.read(clients)
                return await run.write()
        finally:
            lock.close()

    async def _clients(self, stack: AsyncExitStack) -> Clients:
        futures = FuturesClientV2(
            credentials=self._credentials, environment=self._environment, rate_limits=self._limits
        )
        clients: Clients = {"futures": await stack.enter_async_context(futures)}
        if self._environment.name != "demo":
            rest = RestClient(
                credentials=self._credentials, environment=self._environment, rate_limits=self._limits
            )
            clients["spot"] = await stack.enter_async_context(rest)
        return clients

    async def _begin(self, clients: Clients) -> Head:
        """Freeze what is asked for, and write it down."""
        if (self._out / "journal.ndjson").exists():
            raise ConfigurationError(
                f"{self._out} holds parts of an archive whose archive.json is missing, so that nobody knows of which "
                f"account it is: give another folder"
            )
        head = Head(
            format=FORMAT,
            library=__version__,
            environment=self._environment.name,
            hosts=[self._environment.spot_rest, self._environment.futures_rest],
            account=await _whose(clients),
            key_print=self._key_print(),
            began_ms=int(time.time() * 1000),
            since_ms=SINCE if self._since is None else self._since,
            symbols="all" if self._symbols is None else self._symbols,
            clients=sorted(clients, reverse=True),
            shorter_days=_SHORTER_DAYS,
        )
        if head.since_ms >= head.began_ms:
            raise ConfigurationError(f"since {iso(head.since_ms)} lies in the future")
        write_head(self._out, head)
        return head

    def _same(self, known: Head) -> Head:
        """An archive that was begun, if it is the one that is meant."""
        if known.environment != self._environment.name:
            raise ConfigurationError(
                f"{self._out} holds an archive of {known.environment}; give another folder for "
                f"{self._environment.name}"
            )
        other_since = self._since is not None and self._since != known.since_ms
        if other_since or (self._symbols is not None and self._symbols != known.symbols):
            raise ConfigurationError(
                f"the archive in {self._out} was begun with since {iso(known.since_ms)[:10]} and symbols "
                f"{known.symbols}: continue it with the same, or begin another one in another folder"
            )
        return known

    async def _same_account(self, head: Head, clients: Clients) -> None:
        """Two accounts in one archive would be worse than none."""
        now = await _whose(clients)
        if head.account and now and head.account != now:
            raise ConfigurationError(
                f"the archive in {self._out} is of account {head.account}, this key belongs to {now}: give "
                f"another folder"
            )
        if not (head.account and now) and head.key_print not in ("", self._key_print()):
            raise ConfigurationError(
                f"the archive in {self._out} was begun with another key, and the exchange does not tell whether "
                f"both belong to one account: use that key, or give another folder"
            )

    def _key_print(self) -> str:
        return key_print(self._credentials.api_key, b"bitmart archive")

    def _secrets(self) -> tuple[str, ...]:
        return self._credentials.api_key, self._credentials.api_secret


async def _whose(clients: Clients) -> str:
    """The account's number; empty where the exchange does not tell it."""
    rest = clients.get("spot")
    if not isinstance(rest, RestClient):
        return ""
    try:
        return (await rest.get_account_info_v1()).cid
    except (AuthError, ConnectFailed):
        raise
    except (ApiError, TransportError):
        return ""


async def _still_taken(client: RestClient | FuturesClientV2, code: int) -> None:
    """Whether a key that one endpoint refused as a whole still works elsewhere. Raises when it does not.

    Otherwise all that is left would be noted as refused, and the archive called finished.
    """
    try:
        if isinstance(client, RestClient):
            if code == _SIGNATURE:
                await client.get_spot_open_orders_v4(limit=1)
            else:
                await client.get_spot_wallet_balance_v1()
        elif code == _SIGNATURE:
            await client.get_futures_transfers(page=1, limit=10)
        else:
            await client.get_futures_account_assets()
    except (AuthError, PermissionDenied) as error:
        if error.code in _KEY_ENDED:
            raise
    except (ApiError, TransportError):
        return


async def archive_account(
    out: str | Path,
    *,
    credentials: Credentials,
    environment: Environment = LIVE,
    since: date | int | None = None,
    symbols: Literal["all", "touched"] | None = None,
    retry_refused: bool = False,
    on_progress: Callable[[ArchiveProgress], None] | None = None,
) -> ArchiveReport:
    """Read everything the account can read into a folder; go on where an earlier run stopped.

    Raw replies, tables as CSV and Parquet, ``REPORT.md`` and ``report.json`` come to lie there. Only
    reading calls are made. What the exchange refuses is noted in the report and stops nothing.

    Args and errors: as for :class:`Archive`.
    """
    return await Archive(
        out,
        credentials=credentials,
        environment=environment,
        since=since,
        symbols=symbols,
        retry_refused=retry_refused,
        on_progress=on_progress,
    ).run()


def _ms(since: date | int | None) -> int | None:
    if since is None or isinstance(since, int):
        return since
    import calendar

    return calendar.timegm((since.year, since.month, since.day, 0, 0, 0)) * 1000


class _Run:
    """One run over one folder."""

    def __init__(
        self,
        out: Path,
        head: Head,
        *,
        secrets: tuple[str, ...],
        memo: str,
        again: bool,
        tell: Callable[[ArchiveProgress], None] | None,
    ) -> None:
        self._out = out
        self._head = head
        self._secrets = secrets
        self._memo = memo
        self._again = again
        self._journal = Journal(out / "journal.ndjson")
        self._raw: dict[str, RawFile] = {}
        self._found: Found = self._journal.found()
        self._decoder = Decoder()
        self._asks = [ask for ask in ASKS if ask.host in head.clients and _wanted(ask, head)]
        self._answered: set[str] = set()  # hosts that have taken the key
        self._failed: set[str] = set()  # units that got no answer in this run
        self._refused: set[str] = set()  # units that were refused in this run
        self._course = Course(self._asks, tell)
        self._synced = time.monotonic()
        (out / "raw").mkdir(exist_ok=True)
        try:
            self._forget_what_is_gone()
        except BaseException:
            self.close()
            raise

    def _forget_what_is_gone(self) -> None:
        """A piece that was finished and whose replies were lost since is asked for again."""
        for ask in self._asks:
            path = self._out / "raw" / f"{ask.table}.ndjson.zst"
            mine = [
                done
                for name, done in self._journal.done.items()
                if done.state == "done" and name.partition("?")[0] == ask.table
            ]
            if not mine:
                continue
            raw = self._open(ask) if path.exists() else None
            for done in mine:
                if raw is None or raw.count(done.unit) < done.requests:
                    del self._journal.done[done.unit]

    # Reading

    def left(self) -> int:
        """Requests that are left at least."""
        self._estimate()
        return self._course.left

    async def read(self, clients: Clients) -> None:
        """All stages, and once more what got no answer."""
        for stage in sorted({ask.stage for ask in self._asks}):
            asks = [ask for ask in self._asks if ask.stage == stage]
            for _ in range(2):
                self._estimate()
                self._failed.clear()
                await self._stage(asks, clients)
                if not self._failed:
                    break

    async def _stage(self, asks: Sequence[Ask], clients: Clients) -> None:
        places = asyncio.Semaphore(WORKERS)

        async def work(ask: Ask) -> None:
            async with places:
                self._course.begun(ask.table)
                try:
                    for line in lines(ask, self._found, self._head):
                        await self._line(clients[ask.host], line)
                except BaseException:
                    self._course.dropped(ask.table)
                    raise
                self._course.ended(ask.table)

        try:
            async with asyncio.TaskGroup() as group:
                for ask in asks:
                    group.create_task(work(ask), name=f"archive {ask.table}")
        except BaseExceptionGroup as errors:
            raise _first(errors) from None

    async def _line(self, client: RestClient | FuturesClientV2, line: Line) -> None:
        for unit in line.units:
            if not await self._unit(client, unit):
                return

    async def _unit(self, client: RestClient | FuturesClientV2, unit: Unit) -> bool:
        """Read one unit to its end; whether older ones of its line are to be asked for."""
        done = self._journal.done.get(unit.id)
        if done is not None and (done.state == "done" or not self._open_again(done)):
            return done.state == "done"
        if unit.id in self._failed:
            return False
        raw = self._open(unit.ask)
        replay = Replay(unit, self._head, self._decoder)
        tally = _Tally(unit.ask)
        tally.add(replay.rows(raw.records(unit.id)))
        if replay.ended is not None and done is None:  # the end was kept, and the kill came before the note
            return self._end(unit, replay, tally)
        scale: int = getattr(unit.ask.plan, "unit", 1)
        table = unit.ask.table
        others = max(0, self._course.left_of(table) - windows_left(unit))
        while (params := replay.reading.params) is not None:
            self._course.set_left(table, others + windows_left(unit, replay.reading.place[0] * scale))
            try:
                reply, data = await self._request(client, unit, plain(params))
            except _Failed as failure:
                self._failed.add(unit.id)
                self._finish(unit, "failed", replay, tally, reason=str(failure))
                return False
            raw.add(reply)
            self._sync()
            self._course.replied(table, tally.add(replay.feed(reply, data)))
            if replay.ended is not None:
                return self._end(unit, replay, tally)
        self._course.set_left(table, others)
        self._finish(unit, "done", replay, tally)
        return True

    def _open_again(self, done: Done) -> bool:
        """Whether a piece that did not end well is asked for again by this run."""
        return done.state == "failed" or (self._again and done.unit not in self._refused)

    def _end(self, unit: Unit, replay: Replay, tally: _Tally) -> bool:
        """A refusal, or a reply nobody can read."""
        assert replay.ended is not None, "called when it has ended"
        self._refused.add(unit.id)
        self._finish(
            unit,
            "unreadable" if replay.ended.unreadable else "refused",
            replay,
            tally,
            code=replay.ended.code,
            reason=replay.ended.reason,
        )
        self._course.set_left(unit.ask.table, self._units_left(unit.ask))
        return False

    def _finish(
        self,
        unit: Unit,
        state: Literal["done", "refused", "failed", "unreadable"],
        replay: Replay,
        tally: _Tally,
        *,
        code: int | None = None,
        reason: str = "",
    ) -> None:
        self._open(unit.ask).sync()
        if state != "done":
            self._course.missed(
                unit.ask.table,
                "failed" if state == "failed" else "refused",
                reason if code is None else f"code {code}: {reason}",
            )
        self._journal.add(
            Done(
                unit=unit.id,
                state=state,
                requests=len(replay.reading.asked),
                rows=tally.rows,
                found={kind: sorted(values) for kind, values in sorted(tally.found.items())},
                code=code,
                reason=reason,
            )
        )
        self._note_found((kind, value) for kind, values in tally.found.items() for value in values)

    def _note_found(self, pairs: Iterable[tuple[str, str]]) -> None:
        for kind, value in pairs:
            self._found[kind].add(value)

    async def _request(
        self, client: RestClient | FuturesClientV2, unit: Unit, params: dict[str, object]
    ) -> tuple[Record, object]:
        """One request until it has an outcome that can be kept, and its typed data. Raises _Failed, AuthError."""
        ask = unit.ask
        tries = 0
        while True:
            began = time.monotonic()
            try:
                envelope = await client.call(ask.endpoint, **params)
            except IpBanned as banned:
                tries += 1
                if tries >= _TRIES:
                    raise _Failed(str(banned)) from None
                pause = banned.retry_after or _BACKOFF_MOST
                self._course.waits(ask.table, f"blocked by the exchange, asking again in {pause:.0f} s")
                await asyncio.sleep(pause)
                continue
            except (TransportError, RateLimited, SystemFault, Maintenance, TimestampRejected) as error:
                tries += 1
                if isinstance(error, BadResponse) and tries >= 3 and error.raw:
                    return self._record(unit, params, error, unreadable=True), None
                if tries >= _TRIES or isinstance(error, TlsError):
                    raise _Failed(str(error)) from None
                pause = _pause(error, tries)
                self._course.waits(ask.table, f"asking again in {pause:.1f} s: {error}")
                await asyncio.sleep(pause)
                continue
            except (AuthError, PermissionDenied) as error:
                if isinstance(error, AuthError) and ask.host not in self._answered:
                    raise
                if error.code is not None and error.code in _KEY_ENDED:
                    await _still_taken(client, error.code)
                return self._record(unit, params, error), None
            except ApiError as error:
                return self._record(unit, params, error), None
            except BitMartError as error:  # refused here: nothing was sent, and nothing would change that
                raise _Failed(str(error)) from None
            if ask.endpoint.auth is not Auth.NONE:
                self._answered.add(ask.host)
            self._course.timed(ask.table, time.monotonic() - began)
            kept = record(
                unit=unit.id,
                endpoint=ask.endpoint.id,
                method=ask.endpoint.method,
                path=ask.endpoint.path,
                request=params,
                received_ms=int(time.time() * 1000),
                http_status=envelope.http_status,
                raw=envelope.raw,
                secrets=self._hidden(ask),
            )
            return kept, None if kept.masked else envelope.data

    def _record(
        self, unit: Unit, params: dict[str, object], error: BitMartError, *, unreadable: bool = False
    ) -> Record:
        """A refusal, or a reply nobody can read, as it is kept."""
        endpoint = unit.ask.endpoint
        refused = isinstance(error, ApiError)
        return record(
            unit=unit.id,
            endpoint=endpoint.id,
            method=endpoint.method,
            path=endpoint.path,
            request=params,
            received_ms=int(time.time() * 1000),
            http_status=error.http_status or 0,
            raw=error.raw or b"",
            secrets=self._hidden(unit.ask),
            code=(error.code if error.code is not None else -1) if refused else None,
            message=error.message if isinstance(error, ApiError) else str(error),
            unreadable=unreadable,
        )

    def _hidden(self, ask: Ask) -> tuple[str, ...]:
        """What must not stand in a reply that is kept. The memo only as a whole value: it may be a number."""
        if len(self._memo) >= _MEMO_LENGTH or ask.table == "account_info":
            return (*self._secrets, f'"{self._memo}"')
        return self._secrets

    def _open(self, ask: Ask) -> RawFile:
        raw = self._raw.get(ask.table)
        if raw is None:
            path = self._out / "raw" / f"{ask.table}.ndjson.zst"
            raw = self._raw[ask.table] = RawFile(path, writable=True)
        return raw

    def _sync(self) -> None:
        """A machine that loses its power loses about the last second, which is asked for again."""
        now = time.monotonic()
        if now - self._synced >= _SYNC_SECONDS:
            self._synced = now
            for raw in self._raw.values():
                raw.sync()

    # How long

    def _estimate(self) -> None:
        for ask in self._asks:
            self._course.set_left(ask.table, self._units_left(ask))

    def _units_left(self, ask: Ask) -> int:
        left = 0
        for line in lines(ask, self._found, self._head):
            for unit in line.units:
                done = self._journal.done.get(unit.id)
                if done is not None and done.state != "done" and not self._open_again(done):
                    break
                if done is None or done.state != "done":
                    left += windows_left(unit)
        return left

    # Writing

    async def write(self) -> ArchiveReport:
        """Tables and report, from the raw replies alone."""
        for raw in self._raw.values():
            raw.sync()
        tables: list[TableReport] = []
        for ask in self._asks:
            self._course.writes(ask.table)
            path = self._out / "raw" / f"{ask.table}.ndjson.zst"
            source = Source(
                head=self._head,
                found=self._found,
                journal=self._journal,
                raw=self._open(ask) if path.exists() else None,
            )
            table = await _in_thread(partial(write_table, ask, source, self._out))
            tables.append(table_report(ask, table, source))
        report = await _in_thread(partial(_report, self._head, tables, self._out))
        write_file(self._out / "REPORT.md", as_markdown(report).encode())
        write_file(self._out / "report.json", as_json(report))
        return report

    def close(self) -> None:
        """Close every file; idempotent."""
        for raw in self._raw.values():
            raw.close()
        self._journal.close()


class _Tally:
    """What the rows of a unit amount to."""

    def __init__(self, ask: Ask) -> None:
        self._tells = ask.tells
        self.rows = 0
        self.found: Found = defaultdict(set)

    def add(self, rows: Iterable[object]) -> int:
        """Count rows and note what they name; how many."""
        before = self.rows
        for row in rows:
            self.rows += 1
            if self._tells is not None:
                for kind, value in self._tells(row):
                    if value:
                        self.found[kind].add(value)
        return self.rows - before


async def _in_thread(work: Callable[[], T]) -> T:
    """Do slow work beside the loop; when it is cancelled, the work is waited for before anything is closed."""
    task = asyncio.create_task(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _report(head: Head, tables: list[TableReport], out: Path) -> ArchiveReport:
    """The report about tables that were just written."""
    gaps = [gap for table in tables for gap in table.gaps]
    return ArchiveReport(
        format=head.format,
        library=head.library,
        environment=head.environment,
        began=iso(head.began_ms),
        since=iso(head.since_ms),
        symbols=head.symbols,
        finished=not any(gap.kind == "failed" for gap in gaps),
        proven=not any(gap.kind in ("failed", "unproven", "unreadable") for gap in gaps),
        rows=sum(table.rows for table in tables),
        requests=sum(table.windows for table in tables),
        tables=tables,
        omitted=dict(OMITTED),
        files={name: digest(out / name) for name in _files(out)},
    )


def _files(out: Path) -> list[str]:
    """Every file that does not change any more, by its path inside."""
    named = [out / "archive.json", out / "journal.ndjson"]
    for folder in ("raw", "csv", "parquet"):
        named += sorted((out / folder).iterdir())
    return [path.relative_to(out).as_posix() for path in named if path.is_file() and path.suffix != ".part"]


def _wanted(ask: Ask, head: Head) -> bool:
    return ask.stage < 3 or head.symbols == "all"


def _pause(error: BitMartError, tries: int) -> float:
    """Seconds until the next try."""
    if isinstance(error, RateLimited | EdgeBlocked) and error.retry_after is not None:
        return error.retry_after if isinstance(error, RateLimited) else min(error.retry_after, 4.0**tries)
    return min(_BACKOFF * 2.0 ** (tries - 1), _BACKOFF_MOST)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    while isinstance(first, BaseExceptionGroup):
        first = cast("BaseExceptionGroup[BaseException]", first).exceptions[0]
    return first
