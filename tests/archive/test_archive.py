"""An account archived from a sandbox: what is read is what is true, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from bitmart_async import AuthError, Credentials
from bitmart_async.archive import Archive, verify_archive
from bitmart_async.archive.columns import iso
from bitmart_async.archive.raw import RawFile
from bitmart_async.errors import ConfigurationError
from bitmart_async.sandbox import Sandbox
from tests.archive.account import DAY, Unlimited, check_truth, dense, misbehave, rows
from tests.fast_time import fast_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bitmart_async.archive import ArchiveProgress, ArchiveReport

CHANGES = ("account_info", "contracts", "affiliate_rebates", "affiliate_customers")
"""Tables that hold the present moment: the exchange writes it into its answer, or sums up to it."""


def _archive(
    folder: Path,
    sandbox: Sandbox,
    since: int,
    on_progress: Callable[[ArchiveProgress], None] | None = None,
    **options: object,
) -> Archive:
    return Archive(
        folder,
        credentials=Credentials(**sandbox.keys),
        environment=sandbox.environment,
        since=since,
        rate_limits=Unlimited(),
        on_progress=on_progress,
        **options,  # type: ignore[arg-type]
    )


def _tables(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for kind in ("csv", "parquet")
        for path in (folder / kind).iterdir()
        if path.stem not in CHANGES
    }


@fast_time(20)
async def test_all_of_a_crowded_account_in_spite_of_faults_and_interruptions(tmp_path: Path) -> None:
    """Crowds in one instant, random faults, a stop in the middle, and again: exactly the truth, and the
    tables of a second archive are the same to the byte."""
    rng = random.Random(3)
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        since = dense(sandbox, 400)
        seen = 0
        enough = asyncio.Event()

        def disturb(progress: ArchiveProgress) -> None:
            nonlocal seen
            seen += 1
            if seen in (30, 90):
                enough.set()
            if progress.phase == "reading" and rng.random() < 0.15:
                misbehave(sandbox, rng)

        for _ in range(2):
            enough.clear()
            task = asyncio.create_task(_archive(tmp_path / "one", sandbox, since, disturb).run())
            stop = asyncio.create_task(enough.wait())
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            stop.cancel()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        report = await _archive(tmp_path / "one", sandbox, since, disturb).run()
        assert report.finished
        assert report.proven
        check_truth(tmp_path / "one", sandbox)
        before = _tables(tmp_path / "one")
        asked = sandbox.seen.requests
        again = await _archive(tmp_path / "one", sandbox, since).run()
        assert sandbox.seen.requests == asked, "a finished archive asks for nothing"
        assert again == report
        assert _tables(tmp_path / "one") == before
        await _archive(tmp_path / "two", sandbox, since).run()
        assert _tables(tmp_path / "two") == before
    table = {row.name: row for row in report.tables}
    assert table["spot_trades"].splits > 3
    assert table["spot_trades"].oldest is not None
    verified = await asyncio.to_thread(verify_archive, tmp_path / "one")
    assert verified.ok, verified.problems
    assert verified.rows == report.rows
    _parquet_is_the_csv(tmp_path / "one")
    _no_secret(tmp_path, sandbox)


def _parquet_is_the_csv(folder: Path) -> None:
    table = pq.read_table(folder / "parquet" / "spot_trades.parquet")
    assert str(table.schema.field("price").type) == "decimal128(38, 18)"
    assert str(table.schema.field("create_time").type) == "timestamp[ms, tz=UTC]"
    plain = rows(folder, "spot_trades")
    assert [str(value) for value in table["trade_id"].to_pylist()] == [row["trade_id"] for row in plain]
    assert [value.normalize() for value in table["notional"].to_pylist()] == [
        type(value)(row["notional"]).normalize()
        for value, row in zip(table["notional"].to_pylist(), plain, strict=True)
    ]


def _no_secret(folder: Path, sandbox: Sandbox) -> None:
    for path in (path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        if path.suffix == ".zst":
            file = RawFile(path, writable=False)
            content = b"".join(one.raw for unit in file.units for one in file.records(unit))
            file.close()
        for secret in sandbox.keys.values():
            assert str(secret).encode() not in content, path.name


async def test_verify_finds_what_was_changed(tmp_path: Path) -> None:
    """A cell of a table, a missing file, a journal line, a raw reply, a figure of the report: each is told."""
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        since = sandbox.now_ms() - 10 * DAY
        await _archive(tmp_path, sandbox, since).run()

    async def problems() -> str:
        found = await asyncio.to_thread(verify_archive, tmp_path)
        assert not found.ok
        return " ".join(found.problems)

    wallet = tmp_path / "csv" / "spot_wallet.csv"
    true = wallet.read_bytes()
    wallet.write_bytes(true.replace(b"100000", b"900000"))
    told = await problems()
    assert "csv/spot_wallet.csv is not the file that was written" in told
    assert "does not hold the rows that the raw replies hold" in told
    wallet.unlink()
    assert "csv/spot_wallet.csv is missing" in await problems()
    wallet.write_bytes(true)
    raw = tmp_path / "raw" / "spot_trades.ndjson.zst"
    whole = raw.read_bytes()
    file = RawFile(raw, writable=False)
    ends = sorted(end for places in file._places.values() for _, end in places)
    file.close()
    raw.write_bytes(whole[: -ends[0]])
    told = await problems()
    assert "spot_trades: report.json does not say" in told
    raw.write_bytes(whole)
    report = tmp_path / "report.json"
    figures = json.loads(report.read_bytes())
    figures["tables"][0]["rows"] += 1
    report.write_text(json.dumps(figures))
    assert "spot_wallet: report.json does not say" in await problems()


@fast_time(20)
async def test_what_is_refused_is_told_and_stops_nothing(tmp_path: Path) -> None:
    """A refused wallet, a list whose old windows are refused, a reply nobody can read: all in the report,
    and every other list is whole. With retry_refused the wallet is asked for again."""
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        since = sandbox.now_ms() - 200 * DAY
        for path, body in (
            ("/newearn/cloud/v1/earn", b'{"code":30012,"message":"no permission","trace":"t","data":{}}'),
            ("/account/v1/withdraw/address/list", b'{"what":'),
        ):
            sandbox.faults.reply(path, 200, body, times=9 if b"what" in body else 1)
        report = await _archive(tmp_path, sandbox, since).run()
        state = {table.name: table for table in report.tables}
        assert state["earn_wallet"].state == "refused"
        (gap,) = state["earn_wallet"].gaps
        assert (gap.code, gap.kind) == (30012, "refused")
        assert state["withdraw_addresses"].gaps[0].kind == "unreadable"
        assert report.finished
        assert not report.proven
        others = [t for t in report.tables if t.name not in ("earn_wallet", "withdraw_addresses")]
        assert {table.state for table in others if table.name != "deposit_addresses"} <= {
            "whole",
            "nothing to ask",
        }
        text = (tmp_path / "REPORT.md").read_text()
        assert "Code 30012" in text
        assert (await asyncio.to_thread(verify_archive, tmp_path)).ok
        await sandbox.faults.clear()
        again = await _archive(tmp_path, sandbox, since, retry_refused=True).run()
        state = {table.name: table for table in again.tables}
        assert state["earn_wallet"].state == "whole"
        assert state["withdraw_addresses"].rows == 3
        assert (await asyncio.to_thread(verify_archive, tmp_path)).ok


async def test_a_list_that_does_not_reach_far_back_ends_with_the_refusal(tmp_path: Path) -> None:
    """The exchange refuses what is too old: what is younger is whole, and the report says from when on."""
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        since = dense(sandbox, 320) - 300 * DAY
        path = "/spot/v4/query/trades"
        refused = b'{"code":50021,"message":"too old","trace":"t","data":{}}'

        refusing = False
        boundary = sandbox.now_ms() // (89 * DAY) * 89 * DAY

        def age(progress: ArchiveProgress) -> None:
            nonlocal refusing
            seen = sandbox.journal.requests(path)[-1:] if "spot_trades" in progress.doing else []
            if not refusing and seen and json.loads(seen[0].body)["startTime"] < boundary - 100 * DAY:
                refusing = True
                sandbox.faults.reply(path, 200, refused, times=50)

        report = await _archive(tmp_path, sandbox, since, age).run()
        table = {table.name: table for table in report.tables}["spot_trades"]
        assert table.state == "gaps"
        (gap,) = table.gaps
        assert (gap.kind, gap.code) == ("refused", 50021)
        assert table.read_back_to == iso(boundary - 89 * DAY)
        assert gap.last == iso(boundary - 89 * DAY - 1)
        assert (await asyncio.to_thread(verify_archive, tmp_path)).ok


@fast_time(50)
async def test_no_answer_leaves_the_archive_unfinished_and_the_next_run_finishes_it(tmp_path: Path) -> None:
    """A list that gets no answer in spite of all patience is no refusal: the report says to run again."""
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        since = sandbox.now_ms() - 3 * DAY
        sandbox.faults.drop_answer("/spot/v1/wallet", times=1000)
        report = await _archive(tmp_path, sandbox, since).run()
        assert not report.finished
        assert {t.name: t.state for t in report.tables}["spot_wallet"] == "gaps"
        assert not (await asyncio.to_thread(verify_archive, tmp_path)).ok
        await sandbox.faults.clear()
        report = await _archive(tmp_path, sandbox, since).run()
        assert report.finished
        assert {t.name: t.rows for t in report.tables}["spot_wallet"] == 2


async def test_a_number_beyond_parquet_is_kept_whole(tmp_path: Path) -> None:
    """More digits than a decimal128 takes: CSV has them all, Parquet has the column as text, the report says
    so, and verify agrees."""
    digits = "123456789012345678901234567890.0000000000000000000000001"
    body = f'{{"code":1000,"message":"","trace":"","data":{{"wallet":[{{"id":"X","name":"X","available":"{digits}",'
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        sandbox.faults.reply("/spot/v1/wallet", 200, (body + '"frozen":"1.5"}]}}').encode())
        report = await _archive(tmp_path, sandbox, sandbox.now_ms() - DAY).run()
    assert rows(tmp_path, "spot_wallet")[0]["available"] == digits
    table = pq.read_table(tmp_path / "parquet" / "spot_wallet.parquet")
    assert table["available"].to_pylist() == [digits]
    assert str(table.schema.field("frozen").type) == "decimal128(38, 18)"
    assert {t.name: t.text_columns for t in report.tables}["spot_wallet"] == ["available"]
    assert (await asyncio.to_thread(verify_archive, tmp_path)).ok


async def test_the_demo_has_futures_alone(tmp_path: Path) -> None:
    """Spot has no demo: nothing of it is asked, and such an archive is whole too."""
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        demo = replace(sandbox.environment, name="demo")
        archive = Archive(
            tmp_path, credentials=Credentials(**sandbox.keys), environment=demo, since=sandbox.now_ms() - DAY,
            rate_limits=Unlimited(),
        )  # fmt: skip
        report = await archive.run()
        assert {request.host for request in sandbox.journal.requests()} == {"futures"}
    assert report.finished
    assert report.proven
    assert {table.name for table in report.tables} >= {"futures_wallet", "futures_trades", "contracts"}
    assert (await asyncio.to_thread(verify_archive, tmp_path)).ok


async def test_a_wrong_key_ends_it_at_once(tmp_path: Path) -> None:
    """Nothing is taken for refused when the exchange does not know the key at all."""
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        archive = Archive(
            tmp_path, credentials=Credentials("a" * 40, "b" * 40, "memo"), environment=sandbox.environment
        )
        with pytest.raises(AuthError):
            await archive.run()
        keys = {**sandbox.keys, "api_secret": "b" * 64}  # what is not signed answers all the same
        with pytest.raises(AuthError, match="30005"):
            await Archive(
                tmp_path / "two",
                credentials=Credentials(**keys),
                environment=sandbox.environment,
                since=sandbox.now_ms() - DAY,
            ).run()
        assert not (tmp_path / "two" / "report.json").exists()
        assert not (tmp_path / "report.json").exists()
    assert not (await asyncio.to_thread(verify_archive, tmp_path)).ok


async def test_an_archive_is_continued_as_it_was_begun(tmp_path: Path) -> None:
    """Another horizon, another choice of symbols, another account or exchange is refused with what to do; the same
    goes on."""
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        since = sandbox.now_ms() - 3 * DAY
        report: ArchiveReport = await _archive(tmp_path, sandbox, since, symbols="touched").run()
        assert report.symbols == "touched"
        with pytest.raises(ConfigurationError, match="begun with since"):
            await _archive(tmp_path, sandbox, since - DAY).run()
        with pytest.raises(ConfigurationError, match="begun with since"):
            await _archive(tmp_path, sandbox, since, symbols="all").run()
        other = Credentials(**sandbox.sub_accounts["sub1"])
        (tmp_path / "journal.ndjson").write_bytes(b"")  # so that something is left to ask
        stranger = Archive(tmp_path, credentials=other, environment=sandbox.environment)
        with pytest.raises(ConfigurationError, match="this key belongs to"):
            await stranger.run()
        live = Archive(tmp_path, credentials=Credentials("a", "b", "c"))
        with pytest.raises(ConfigurationError, match="give another folder"):
            await live.run()
