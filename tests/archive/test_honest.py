"""An archive claims no more than it holds: what was lost, refused, unknown or not asked is said."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import pytest

from bitmart_async import AuthError, Credentials
from bitmart_async.archive import Archive, verify_archive
from bitmart_async.archive.journal import FORMAT, Done, Head, Journal
from bitmart_async.archive.plan import ASKS, NAMED_BY
from bitmart_async.archive.raw import RawFile, record
from bitmart_async.archive.replay import plain
from bitmart_async.archive.tables import Source, write_table
from bitmart_async.archive.units import lines
from bitmart_async.archive.unknown import unknown_fields
from bitmart_async.errors import ConfigurationError
from bitmart_async.models.spot import SpotTrade, SpotWalletRow
from bitmart_async.rest.spot_trading import ACCOUNT_TRADE_WINDOWS
from bitmart_async.sandbox import Sandbox
from tests.archive.account import DAY, Unlimited, rows
from tests.cli.running import bitmart, where

if TYPE_CHECKING:
    from pathlib import Path

    from bitmart_async.archive import ArchiveProgress, ArchiveReport

REFUSED = b'{"code":30012,"message":"no permission","trace":"t","data":{}}'


def _archive(folder: Path, sandbox: Sandbox, **options: object) -> Archive:
    return Archive(
        folder,
        credentials=Credentials(**sandbox.keys),
        environment=sandbox.environment,
        symbols="touched",
        rate_limits=Unlimited(),
        **options,  # type: ignore[arg-type]
    )


def _states(report: ArchiveReport) -> dict[str, str]:
    return {table.name: table.state for table in report.tables}


async def test_what_is_lost_unknown_or_unnamed_is_said(tmp_path: Path) -> None:
    """A field no model has is named. Lists that a refused list would have named are not called whole.
    A Parquet file of rubbish is found. Raw replies that are gone or cut are asked for again; one that was
    changed ends the command with one line."""
    wallet = (
        b'{"code":1000,"message":"","trace":"","data":{"more":1,"wallet":[{"id":"X","name":"X",'
        b'"available":"1","frozen":"0","bonus":"7"}]}}'
    )
    out = tmp_path / "out"
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        sandbox.faults.reply("/spot/v1/wallet", 200, wallet)
        sandbox.faults.reply("/account/sub-account/main/v1/subaccount-list", 200, REFUSED)
        report = await _archive(out, sandbox, since=sandbox.now_ms() - 2 * DAY).run()
        told = {table.name: table for table in report.tables}
        assert told["spot_wallet"].unknown_fields == ["more", "wallet.bonus"]
        assert "spot_wallet: more, wallet.bonus" in (out / "REPORT.md").read_text()
        for name in ("sub_wallets", "futures_sub_wallets", "futures_sub_transfers"):
            assert told[name].state == "refused"
            (gap,) = told[name].gaps
            assert (gap.kind, gap.code) == ("refused", 30012)
            assert "sub_accounts" in gap.reason
        assert (await asyncio.to_thread(verify_archive, out)).ok
        parquet = out / "parquet" / "spot_wallet.parquet"
        parquet.write_bytes(b"rubbish")
        found = await asyncio.to_thread(verify_archive, out)
        assert any("parquet/spot_wallet.parquet does not hold" in problem for problem in found.problems)
        raw = out / "raw"
        (raw / "spot_wallet.ndjson.zst").unlink()
        cut = raw / "spot_symbols.ndjson.zst"
        cut.write_bytes(cut.read_bytes()[:-20])
        asked = sandbox.seen.requests
        report = await _archive(out, sandbox).run()
        assert sandbox.seen.requests - asked == 3, "the account, and the two lists that were lost"
        assert _states(report)["spot_wallet"] == "whole"
        assert {row["id"] for row in rows(out, "spot_wallet")} != {"X"}
        assert (await asyncio.to_thread(verify_archive, out)).ok
        content = bytearray(cut.read_bytes())
        content[len(content) // 2] ^= 0x10
        cut.write_bytes(content)
        done = await bitmart("archive", "--out", str(out), *where(tmp_path, sandbox))
        assert done.code == 1
        assert "Move that one file away" in done.err
        assert "Traceback" not in done.err


async def test_a_key_that_ends_on_the_way_is_no_refusal(tmp_path: Path) -> None:
    """When the exchange does not take the key any more, the run ends with that error and goes on later with
    nothing noted as refused; one endpoint that says so while others answer is a refusal of that one."""
    expired = b'{"code":30011,"message":"expired","trace":"t","data":{}}'
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        since = sandbox.now_ms() - 2 * DAY
        sandbox.faults.reply("/newearn/cloud/v1/earn", 200, expired)
        report = await _archive(tmp_path / "one", sandbox, since=since).run()
        assert _states(report)["earn_wallet"] == "refused"
        assert _states(report)["spot_wallet"] == "whole"

        def end(progress: ArchiveProgress) -> None:
            if progress.requests == 30:  # the wallet, which the key is tried with, was read by then
                for path in ("/spot/v4/query/trades", "/spot/v1/wallet"):
                    sandbox.faults.reply(path, 200, expired, times=99)

        with pytest.raises(AuthError):
            await _archive(tmp_path / "two", sandbox, since=since, on_progress=end).run()
        assert (tmp_path / "two" / "raw" / "spot_wallet.ndjson.zst").stat().st_size
        assert not (tmp_path / "two" / "report.json").exists()
        await sandbox.faults.clear()
        report = await _archive(tmp_path / "two", sandbox).run()
        assert _states(report)["spot_trades"] == "whole"
        assert "refused" not in _states(report).values()


async def test_another_key_is_refused_where_the_account_is_not_told(tmp_path: Path) -> None:
    """Without the account's number nobody knows whether two keys belong together: one archive, one key."""
    async with Sandbox(lively=False, rate_limits=False) as sandbox:
        path = "/uapi-key/v1/account/info"
        sandbox.faults.reply(path, 200, REFUSED, times=99)
        await _archive(tmp_path, sandbox, since=sandbox.now_ms() - 2 * DAY).run()
        head = (tmp_path / "archive.json").read_text()
        assert sandbox.keys["api_key"] not in head
        assert json.loads(head)["account"] == ""
        (tmp_path / "journal.ndjson").write_bytes(b"")
        other = Archive(
            tmp_path, credentials=Credentials(**sandbox.sub_accounts["sub1"]), environment=sandbox.environment
        )
        with pytest.raises(ConfigurationError, match="another key"):
            await other.run()


def test_both_sides_of_a_self_trade_are_kept() -> None:
    """Two fills under one trade id, of two orders, are two rows."""
    reading = ACCOUNT_TRADE_WINDOWS.begin({}, 1_700_000_000_000, 1_700_000_001_000, now_ms=1_700_000_002_000,
                                          incomplete="raise")  # fmt: skip
    common = {
        "tradeId": "7", "clientOrderId": "", "symbol": "BTC_USDT", "orderMode": "spot", "type": "limit",
        "price": "1", "size": "1", "notional": "1", "fee": "0", "feeCoinName": "USDT", "tradeRole": "taker",
        "createTime": 1_700_000_000_500, "updateTime": 1_700_000_000_500,
    }  # fmt: skip
    sides = [
        msgspec.convert({**common, "orderId": number, "side": side}, SpotTrade, strict=False)
        for number, side in (("12", "sell"), ("9", "buy"))
    ]
    assert [(row.trade_id, row.order_id) for row in reading.take(sides)] == [("7", "9"), ("7", "12")]


def test_rows_without_ids_at_the_seam_of_two_spans_stand_once(tmp_path: Path) -> None:
    """Both spans are asked for the second between them. A row that both show stands once; two equal rows of
    one reply stay two."""
    ask = next(ask for ask in ASKS if ask.table == "affiliate_movements")
    now = 1_795_000_000_000
    head = Head(
        format=FORMAT, library="0", environment="live", hosts=[], account="", began_ms=now,
        since_ms=now - 70 * DAY, symbols="all", clients=["spot", "futures"],
    )  # fmt: skip
    found = {"customer": {"7"}}
    young, old = lines(ask, found, head)[0].units[:2]
    assert young.first_ms is not None
    seam = {
        "dateTime": young.first_ms // 1000 - 1, "cid": 7, "remark": "", "parentCid": 1, "userType": 1, "type": 1,
        "method": 1, "amount": "5", "coin": "USDT",
    }  # fmt: skip
    raw = RawFile(tmp_path / "raw.zst", writable=True)
    journal = Journal(tmp_path / "journal.ndjson")
    for unit, replied in ((young, [seam]), (old, [seam, seam])):
        data = {"total": len(replied), "page": 1, "size": 100, "list": replied}
        body = {"code": 1000, "message": "Ok", "trace": "t", "data": data}
        raw.add(
            record(
                unit=unit.id, endpoint=ask.endpoint.id, method="GET", path=ask.endpoint.path,
                request=plain(unit.begin(head).params), received_ms=now, http_status=200,
                raw=json.dumps(body).encode(),
            )
        )  # fmt: skip
        journal.add(Done(unit=unit.id, state="done", requests=1, rows=len(replied)))
    table = write_table(
        ask, Source(head=head, found=found, journal=journal, raw=raw), tmp_path, durable=False
    )
    raw.close()
    journal.close()
    assert (table.rows, table.twice) == (2, 1)


def test_unknown_fields_are_found_wherever_they_stand() -> None:
    """In an object, in a row of a list, and nothing where all is known."""
    row = SpotWalletRow(id="X", name="X", available=Decimal(1), frozen=Decimal(0))
    known = {"id": "X", "name": "X", "available": "1", "frozen": "0"}
    assert list(unknown_fields([known], [row])) == []
    assert list(unknown_fields([known, {**known, "new": {"a": 1}}], [row, row])) == ["new"]


def test_lists_that_name_others_are_tables() -> None:
    """Every list that is repeated for something found names the tables that tell it."""
    tables = {ask.table for ask in ASKS}
    assert set(NAMED_BY) == {ask.table for ask in ASKS if ask.over is not None}
    assert {name for names in NAMED_BY.values() for name in names} <= tables
