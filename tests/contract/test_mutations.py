"""A reply that is not as documented is read as far as it can be, or told; nothing else escapes.

Every field of every reply is made blank, null, missing, of another type and of a value nobody knows, one
at a time. A number that is not there is None, an unknown enum value keeps its raw text, an id stays text;
what cannot be read raises DecodeError with the place.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import inspect

from bitmart_async.decoding import DecodeError
from bitmart_async.models.base import OpenInt
from bitmart_async.rest import ENDPOINTS
from bitmart_async.rest.envelope import EnvelopeReader, Refusal
from tests.contract.catalog import REPLIES
from tests.kept import SHARED

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBERS = (inspect.DecimalType, inspect.IntType, inspect.FloatType)
LISTS = (inspect.ListType, inspect.VarTupleType)
UNKNOWN_TEXT = "brand_new"
UNKNOWN_NUMBER = 987_654
VALUES: tuple[Any, ...] = ("", "-", None, UNKNOWN_TEXT, UNKNOWN_NUMBER, [], {}, [7], {"brand": "new"})
REMOVED = object()
FAILS = object()
ANY = object()


def samples() -> Iterator[tuple[str, str, Any]]:
    """(Where from, endpoint, reply)."""
    for name, reply in REPLIES.items():
        yield "own", name, reply
    for file in ("rest-spot.json", "rest-futures.json") if SHARED.is_dir() else ():
        for row in json.loads((SHARED / file).read_text()):
            if row["sample"] is not None:
                yield "collected", row["id"], row["sample"]


SAMPLES = list(samples())
each_sample = pytest.mark.parametrize(
    ("name", "reply"),
    [(name, reply) for _, name, reply in SAMPLES],
    ids=[f"{origin}-{name}" for origin, name, _ in SAMPLES],
)


@dataclass
class Site:
    """One field of a reply: where it is on the wire, and the way to it in the model."""

    place: str
    holder: Any
    key: Any
    way: list[str | int]
    shape: inspect.Type
    required: bool


def plain(shape: inspect.Type) -> tuple[inspect.Type, bool]:
    """The type without None, and whether None is among its values."""
    if not isinstance(shape, inspect.UnionType):
        return shape, False
    kinds = [kind for kind in shape.types if not isinstance(kind, inspect.NoneType)]
    assert len(kinds) == 1, "a field is of one type"
    return kinds[0], len(kinds) < len(shape.types)


def sites(value: Any, shape: inspect.Type, place: str, way: list[str | int]) -> Iterator[Site]:
    """Every field of the value; of a list, those of its first row."""
    shape, _ = plain(shape)
    if isinstance(shape, LISTS) and isinstance(value, list) and value:
        yield from sites(value[0], shape.item_type, f"{place}[0]", [*way, 0])
    elif isinstance(shape, inspect.DictType) and isinstance(value, dict) and value:
        key = next(iter(value))
        yield from sites(value[key], shape.value_type, f"{place}[...]", [*way, key])
    elif isinstance(shape, inspect.StructType):
        for number, field in enumerate(shape.fields):
            key: Any = number if shape.array_like else field.encode_name
            if (number < len(value)) if shape.array_like else (key in value):
                at, on = f"{place}.{field.encode_name}", [*way, field.name]
                yield Site(at, value, key, on, field.type, field.required)
                yield from sites(value[key], field.type, at, on)


def expected(shape: inspect.Type, value: Any) -> Any:
    """What a field of this type must read; FAILS for DecodeError, ANY where the rest decides."""
    kind, optional = plain(shape)
    blank = value is None or value == ""
    if isinstance(kind, NUMBERS):
        if blank or value == "-":
            return None
        return value if isinstance(value, int) else FAILS
    if isinstance(kind, LISTS):
        if optional and blank:
            return None
        return [] if blank or value in ([], {}) else FAILS if not isinstance(value, list) else ANY
    if isinstance(kind, inspect.StructType):
        if optional and blank:
            return None
        return ANY if isinstance(value, list | dict) or blank else FAILS
    if isinstance(kind, inspect.DictType):
        return ANY if isinstance(value, dict) else FAILS
    if isinstance(value, list | dict):
        return FAILS
    if isinstance(kind, inspect.BoolType):
        return None if optional and (blank or value == "-") else FAILS
    if isinstance(kind, inspect.EnumType):
        return expected_member(kind, value, optional=optional)
    if value is None:
        return None if optional else ""
    return str(value)


def expected_member(kind: inspect.EnumType, value: Any, *, optional: bool) -> Any:
    number = issubclass(kind.cls, OpenInt)
    if optional and (value is None or (number and value == "")):
        return None
    if value is None:
        return FAILS if number else ""
    return value if issubclass(kind.cls, OpenInt) else str(value)


def payload_of(endpoint: Any, reply: Any) -> Any:
    """The data on the wire: in its envelope, in a second one, or all of the reply."""
    if endpoint.inner:
        return reply["data"]["data"]
    return reply.get("data", reply)


def at(data: Any, way: list[str | int]) -> Any:
    for step in way:
        data = getattr(data, step) if isinstance(step, str) and hasattr(data, step) else data[step]
    return data


def told(reader: EnvelopeReader[Any], reply: Any) -> Any:
    """What the reader returns, or its DecodeError; anything else escapes and fails the test.

    Where the fast way reads it, the slow one must read the same: a blank elsewhere in the reply decides
    which of them is taken.
    """
    raw = json.dumps(reply).encode()
    try:
        data = reader.read(raw)[0]
    except DecodeError as error:
        return error
    assert reader._read_slowly(raw)[0] == data
    return data


class Changed:
    """One value of a reply is another one for a while."""

    def __init__(self, holder: Any, key: Any, value: Any) -> None:
        self._holder, self._key, self._value = holder, key, value

    def __enter__(self) -> None:
        self._old = list(self._holder) if isinstance(self._holder, list) else dict(self._holder)
        if self._value is REMOVED:
            del self._holder[self._key]
        else:
            self._holder[self._key] = self._value

    def __exit__(self, *_: object) -> None:
        self._holder.clear()
        if isinstance(self._holder, list):
            self._holder.extend(self._old)
        else:
            self._holder.update(self._old)


def same(read: Any, wanted: Any) -> bool:
    raw = getattr(read, "value", read)  # of a member: its raw text
    return type(raw) is not bool and raw == wanted and (wanted is None) == (read is None)


def wrong(reader: EnvelopeReader[Any], reply: Any, site: Site, value: Any) -> str | None:
    """What is wrong with how this value of the field is read, if anything."""
    with Changed(site.holder, site.key, value):
        data = told(reader, reply)
    wanted = expected(site.shape, value)
    if isinstance(data, DecodeError):
        if wanted is FAILS or wanted is ANY:
            return None
        return f"{site.place}={value!r}: {data}, not {wanted!r}"
    if wanted is ANY:
        return None
    read = at(data, site.way)
    if wanted is FAILS:
        return f"{site.place}={value!r}: read as {read!r}, must fail"
    return None if same(read, wanted) else f"{site.place}={value!r}: read as {read!r}, not {wanted!r}"


def all_sites(name: str, reply: Any) -> tuple[EnvelopeReader[Any], list[Site]]:
    endpoint = ENDPOINTS[name]
    reader: EnvelopeReader[Any] = EnvelopeReader(endpoint.returns, inner=endpoint.inner)
    if endpoint.returns in (object, type(None), bool):
        return reader, []
    shape = inspect.type_info(endpoint.returns)
    return reader, list(sites(payload_of(endpoint, reply), shape, "$", []))


@each_sample
def test_every_field_in_every_other_form(name: str, reply: Any) -> None:
    """Blank, null, unknown, of another type: each field reads as promised or is told."""
    reader, fields = all_sites(name, reply)
    faults = [wrong(reader, reply, site, value) for site in fields for value in VALUES]
    assert [fault for fault in faults if fault] == []


@each_sample
def test_not_a_number_is_told(name: str, reply: Any) -> None:
    """NaN, Infinity and numbers beyond all bounds never become money."""
    reader, fields = all_sites(name, reply)
    for site in fields:
        if isinstance(plain(site.shape)[0], NUMBERS):
            for value in ("NaN", "Infinity", "-inf", float("nan"), float("inf"), "12,5", "0x10"):
                with Changed(site.holder, site.key, value):
                    assert isinstance(told(reader, reply), DecodeError), f"{site.place}={value!r}"


@each_sample
def test_a_missing_field(name: str, reply: Any) -> None:
    """An optional one is None (or what it stands for), a required one is named in the error."""
    reader, fields = all_sites(name, reply)
    for site in fields:
        if isinstance(site.key, int):
            continue  # a column that is missing moves the others: nobody can tell which
        with Changed(site.holder, site.key, REMOVED):
            data = told(reader, reply)
        if site.required:
            assert isinstance(data, DecodeError), f"{site.place}: missing, and read as {data!r}"
            assert f"`{site.key}`" in str(data), f"{site.place}: {data}"
            holder = site.place.rpartition(".")[0]
            assert holder == "$" or str(data).endswith(f"at `{holder}`"), str(data)
        else:
            assert not isinstance(data, DecodeError), f"{site.place}: {data}"
            assert at(data, site.way) in (None, [], ""), site.place


@each_sample
def test_a_row_that_is_too_short(name: str, reply: Any) -> None:
    """Rows of columns: a short one is told, unless what is missing is optional; a longer one is read."""
    reader, fields = all_sites(name, reply)
    rows = {id(site.holder): (site.holder, site) for site in fields if isinstance(site.key, int)}
    for row, last in rows.values():
        with Changed(row, len(row) - 1, REMOVED):
            data = told(reader, reply)
        assert isinstance(data, DecodeError) == last.required, last.place
        row.append("brand_new")
        try:
            assert not isinstance(told(reader, reply), DecodeError), last.place
        finally:
            row.pop()


@each_sample
def test_an_unknown_field_changes_nothing(name: str, reply: Any) -> None:
    """Whatever the exchange adds, in the envelope or in any object, the rest reads as before."""
    reader, fields = all_sites(name, reply)
    before = told(reader, reply)
    assert not isinstance(before, DecodeError)
    holders = {id(site.holder): site.holder for site in fields if isinstance(site.holder, dict)}
    for holder in [reply, *holders.values()]:
        for value in ("1", 1, None, {"deep": [1, {}]}, [["x"]]):
            with Changed(holder, "brand_new_field", value):
                assert told(reader, reply) == before


@each_sample
def test_any_envelope(name: str, reply: Any) -> None:
    """Code, message, trace and data in every other form: read, refused with the code, or told."""
    reader, _ = all_sites(name, reply)
    for key in ("code", "errno", "message", "msg", "trace", "success", "data"):
        for value in (REMOVED, *VALUES, True, False, 50_020, "50020", 1000, "1000", float("nan"), 1e400):
            if value is REMOVED and key not in reply:
                continue
            with Changed(reply, key, value):
                assert refusal_code(reader, reply) != 1000, f"{key}={value!r}"


def refusal_code(reader: EnvelopeReader[Any], reply: Any) -> int | None:
    """The code of the Refusal, None without one."""
    try:
        told(reader, reply)
    except Refusal as refusal:
        return refusal.code
    return None


@each_sample
def test_a_refusal_is_a_refusal_whatever_the_data(name: str, reply: Any) -> None:
    """Another code than success never becomes a result."""
    reader, _ = all_sites(name, reply)
    for code in (50_020, "40012", 30_000, 0, -1):
        with Changed(reply, "code", code), Changed(reply, "success", False):
            assert refusal_code(reader, reply) == int(code)
    if "errno" in reply:
        for word in ("FAILED", "", None, 7):
            with Changed(reply, "errno", word):
                assert refusal_code(reader, reply) == -1, f"errno={word!r}"


@each_sample
def test_a_reply_cut_short_is_told(name: str, reply: Any) -> None:
    """Bytes that end early, or are no JSON, or no object."""
    reader, _ = all_sites(name, reply)
    raw = json.dumps(reply).encode()
    cut = (b"", raw[:1], raw[: len(raw) // 2], raw[:-1], raw + b"}")
    for part in (*cut, b"[]", b"null", b"1000", b'"OK"', b"\xff", b"<html>", b"[" * 5_000):
        with pytest.raises(DecodeError):
            reader.read(part)
