"""Raw replies, journal, columns: what survives a kill, and what is exact."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitmart_async.archive.columns import PLACES, columns_of, exact_text, fits, iso
from bitmart_async.archive.journal import Done, Journal
from bitmart_async.archive.lock import Lock
from bitmart_async.archive.raw import Damaged, RawFile, record
from bitmart_async.errors import ConfigurationError
from bitmart_async.models.base import Ms, Number, Seconds
from bitmart_async.models.margin import MarginAccount

if TYPE_CHECKING:
    from pathlib import Path

    from bitmart_async.archive.raw import Record


def _record(number: int, raw: bytes = b'{"code":1000}', secrets: tuple[str, ...] = ()) -> Record:
    return record(
        unit=f"unit{number % 3}", endpoint="e", method="GET", path="/p", request={"n": number, "none": None},
        received_ms=number, http_status=200, raw=raw, secrets=secrets,
    )  # fmt: skip


def test_half_a_record_at_the_end_is_cut_off_wherever_the_kill_came(tmp_path: Path) -> None:
    """Whatever byte the writing stopped at, all whole records are there and new ones can be added."""
    path = tmp_path / "a.zst"
    file = RawFile(path, writable=True)
    lengths = [0]
    for number in range(6):
        file.add(_record(number, json.dumps({"rows": list(range(number * 40))}).encode()))
        lengths.append(path.stat().st_size)
    file.close()
    whole = path.read_bytes()
    for length in range(0, len(whole) + 1, 7):
        path.write_bytes(whole[:length])
        kept = max(count for count, end in enumerate(lengths) if end <= length)
        again = RawFile(path, writable=True)
        assert sum(again.count(unit) for unit in again.units) == kept
        assert again.torn == length - lengths[kept]
        again.add(_record(99))
        again.close()
        last = RawFile(path, writable=False)
        assert sorted(r.request["n"] for unit in last.units for r in last.records(unit)) == [*range(kept), 99]
        last.close()


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    """A byte that is not as it was written is told, or harmless: it never changes what is read."""
    path = tmp_path / "a.zst"
    file = RawFile(path, writable=True)
    for number in range(3):
        file.add(_record(number))
    true = [one for unit in file.units for one in file.records(unit)]
    file.close()
    whole = path.read_bytes()
    for place in range(0, len(whole), 5):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            damaged = RawFile(path, writable=False)
        except Damaged:
            continue
        records = [one for unit in damaged.units for one in damaged.records(unit)]
        told = damaged.torn or not all(one.intact() for one in records)
        damaged.close()
        assert told or records == true


def test_a_changed_byte_costs_no_later_reply(tmp_path: Path) -> None:
    """A record whose damage looks like a kill in its middle is not cut off together with the whole ones behind it."""
    path = tmp_path / "a.zst"
    file = RawFile(path, writable=True)
    file.add(_record(0, random.Random(1).randbytes(40_000).hex().encode()))
    for number in range(1, 4):
        file.add(_record(number))
    file.close()
    whole = path.read_bytes()
    endless = 0
    for place in range(20):  # heads of the frame and of its block
        for bit in range(8):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            try:
                RawFile(path, writable=True).close()
            except Damaged as damage:
                endless += "has no end" in str(damage)
            assert path.stat().st_size == len(whole), f"byte {place}: something was cut off"
    assert endless


def test_Z1_a_reply_that_echoes_the_secrets_is_kept_without_them(tmp_path: Path) -> None:
    """Three stars stand where the key was, the record says so, and its hash is of what is kept."""
    path = tmp_path / "a.zst"
    file = RawFile(path, writable=True)
    echo = b'{"message":"key abc123key is unknown","label":"20240101","id":12024010123}'
    file.add(_record(1, echo, secrets=("abc123key", '"20240101"')))
    (kept,) = file.records("unit1")
    file.close()
    assert kept.raw == b'{"message":"key *** is unknown","label":"***","id":12024010123}'
    assert kept.masked
    assert kept.intact()


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_kept(raw: bytes) -> None:
    """What is no text is kept too, byte for byte."""
    kept = msgspec.json.decode(msgspec.json.encode(_record(1, raw)), type=type(_record(1)))
    assert kept.raw == raw
    assert kept.intact()


def test_the_journal_drops_a_line_that_was_cut_off(tmp_path: Path) -> None:
    """A torn last line costs the piece it was about, no other; the next line begins on a line of its own."""
    path = tmp_path / "journal.ndjson"
    journal = Journal(path)
    for number in range(3):
        journal.add(Done(unit=f"u{number}", state="done", requests=1, rows=number, found={"coin": ["BTC"]}))
    journal.close()
    path.write_bytes(path.read_bytes()[:-5])
    again = Journal(path)
    assert list(again.done) == ["u0", "u1"]
    again.add(Done(unit="u2", state="refused", requests=1, rows=0, code=30012))
    again.close()
    assert [json.loads(line)["unit"] for line in path.read_text().splitlines()] == ["u0", "u1", "u2"]
    assert Journal(path).found() == {"coin": {"BTC"}}


def test_a_folder_has_one_writer(tmp_path: Path) -> None:
    """Two runs in one folder would spoil it: the second is refused, and free when the first has ended."""
    first = Lock(tmp_path)
    with pytest.raises(ConfigurationError, match="another process"):
        Lock(tmp_path)
    first.close()
    Lock(tmp_path).close()


@given(st.decimals(allow_nan=False, allow_infinity=False, places=None))
@settings(max_examples=300, deadline=None)
def test_a_number_is_exact_in_both_forms(number: Decimal) -> None:
    """CSV text gives the same number back; what fits a Parquet column comes back equal from it."""
    if abs(number.adjusted()) < 400:
        assert Decimal(exact_text(number)) == number
    if fits(number):
        stepped = number.quantize(Decimal(1).scaleb(-PLACES), context=__import__("decimal").Context(prec=38))
        assert pa.array([stepped], type=pa.decimal128(38, PLACES))[0].as_py() == number


@pytest.mark.parametrize(
    ("text", "fit"),
    [("1.5", True), ("0.000000000000000001", True), ("0.0000000000000000001", False), ("1" * 20, True),
     ("1" * 21, False), ("1.50000000000000000000000", True), ("1E+19", True), ("1E+20", False)],
)  # fmt: skip
def test_what_fits_a_parquet_number(text: str, fit: bool) -> None:
    """Twenty digits before the point and eighteen behind it; trailing zeros do not count."""
    assert fits(Decimal(text)) is fit


class _Row(msgspec.Struct, kw_only=True):
    at: Ms
    since: Seconds
    amount: Number
    names: list[str]


def test_times_are_utc_and_lists_are_json() -> None:
    """Seconds and milliseconds become the same kind of moment; a list stays readable."""
    row = _Row(at=1_700_000_000_123, since=1_700_000_000, amount=Decimal("1.20"), names=["a", "b"])
    columns = {column.name: column.text(column.pick(({}, row))) for column in columns_of(_Row)}
    assert columns == {
        "at": "2023-11-14T22:13:20.123Z",
        "since": "2023-11-14T22:13:20.000Z",
        "amount": "1.20",
        "names": '["a","b"]',
    }
    assert iso(10**18) == str(10**18)


def test_objects_inside_a_row_become_columns() -> None:
    """A margin account's two coins have columns of their own, in the order of the model."""
    names = [column.name for column in columns_of(MarginAccount, ["symbol", "sub_account"])]
    assert names[:2] == ["sub_account", "symbol"]
    assert {"base_available", "quote_borrowed"} <= set(names)
