"""The envelope in every form the exchange uses."""

from __future__ import annotations

import json

import pytest

from bitmart_async.decoding import DecodeError
from bitmart_async.models.base import Model
from bitmart_async.rest.envelope import EnvelopeReader, Refusal


class Row(Model, frozen=True, kw_only=True):
    """Something to read."""

    a: int


PLAIN = EnvelopeReader(Row)
NOTHING: EnvelopeReader[None] = EnvelopeReader(type(None))
INNER = EnvelopeReader(Row, inner=True)
LIST = EnvelopeReader(list[Row])


def raw(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def test_the_usual_form() -> None:
    """Code, message, trace and data."""
    assert PLAIN.read(raw(code=1000, message="OK", trace="t1", data={"a": 5})) == (Row(a=5), "OK", "t1")


def test_the_code_as_text() -> None:
    """ "1000" is success; another text is the refusal of its number."""
    assert PLAIN.read(raw(code="1000", message="OK", data={"a": "5"}))[0] == Row(a=5)
    with pytest.raises(Refusal) as caught:
        PLAIN.read(raw(code="50020", message="low", trace="t"))
    assert (caught.value.code, caught.value.message, caught.value.trace) == (50020, "low", "t")


def test_no_data_key() -> None:
    """Where code 1000 is the whole answer a list may be missing, an object may not."""
    assert NOTHING.read(raw(code=1000, message="OK", trace="t")) == (None, "OK", "t")
    assert NOTHING.read(raw(code=1000, data={"ignored": 1})) == (None, "", "")
    assert LIST.read(raw(code=1000, data=None))[0] == []
    assert LIST.read(raw(code=1000))[0] == []
    with pytest.raises(DecodeError):
        PLAIN.read(raw(code=1000, message="OK"))


def test_the_text_under_msg() -> None:
    """Gateway errors say it under msg; a null message counts as none."""
    with pytest.raises(Refusal) as caught:
        PLAIN.read(raw(code=30000, msg="not found", trace=None))
    assert (caught.value.code, caught.value.message, caught.value.trace) == (30000, "not found", "")
    assert PLAIN.read(raw(code=1000, message=None, msg="fine", data={"a": 1}))[1] == "fine"


@pytest.mark.parametrize("errno", ["OK", "ok", "0", 0, "success"])
def test_errno_instead_of_a_code(errno: object) -> None:
    """errno OK is success."""
    assert PLAIN.read(raw(errno=errno, message="fine", data={"a": 1})) == (Row(a=1), "fine", "")


@pytest.mark.parametrize(
    "reply", [{"errno": "FAILED"}, {"errno": "OK", "success": False}, {"success": False}]
)
def test_errno_and_success_refuse(reply: dict[str, object]) -> None:
    """Any other errno, and success false, refuse; there is no number then: -1."""
    with pytest.raises(Refusal) as caught:
        PLAIN.read(raw(**reply, message="why", data={"a": 1}))
    assert (caught.value.code, caught.value.message) == (-1, "why")


@pytest.mark.parametrize("code", [0, 200, "200"])
def test_success_true_beside_an_unverified_code(code: object) -> None:
    """Account info: the flag decides over 0 and 200, and over nothing else."""
    assert PLAIN.read(raw(code=code, success=True, data={"a": 1}))[0] == Row(a=1)
    with pytest.raises(Refusal):
        PLAIN.read(raw(code=code, data={"a": 1}))
    with pytest.raises(Refusal):
        PLAIN.read(raw(code=50020, success=True, data={"a": 1}))


def test_a_second_envelope_inside() -> None:
    """Batch orders: both codes must agree."""
    assert INNER.read(
        raw(code=1000, message="OK", trace="t", data={"code": 0, "msg": "success", "data": {"a": 3}})
    ) == (Row(a=3), "OK", "t")
    assert INNER.read(raw(code=1000, data={"code": "0", "data": {"a": 3}}))[0] == Row(a=3)


@pytest.mark.parametrize("data", [{"data": None}, {"data": {}}, {}, {"data": {"a": 3}}, {"data": "x"}])
def test_an_inner_refusal_needs_no_data(data: dict[str, object]) -> None:
    """The inner code refuses, whatever stands where the ids would be."""
    with pytest.raises(Refusal) as caught:
        INNER.read(raw(code=1000, message="OK", trace="t", data={"code": 50020, "msg": "low", **data}))
    assert (caught.value.code, caught.value.message, caught.value.trace) == (50020, "low", "t")


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        [],
        "x",
        {"data": {"a": 3}},
        {"code": None, "data": {"a": 3}},
        {"code": "x", "data": {"a": 3}},
    ],
)
def test_a_missing_inner_code_is_no_refusal(data: object) -> None:
    """Without an inner code nobody said no: unreadable, so that an order's fate stays unknown."""
    with pytest.raises(DecodeError):
        INNER.read(raw(code=1000, message="OK", data=data))


def test_no_envelope_at_all() -> None:
    """Affiliate replies are the data itself; refusals of theirs come in an envelope like others."""
    bare = EnvelopeReader(Row, bare=True)
    assert bare.read(raw(a=9, other="x")) == (Row(a=9), "", "")
    assert bare.read(raw(code=1000, message="OK", data={"a": 9})) == (Row(a=9), "OK", "")
    assert bare.read(raw(data={"a": 9})) == (Row(a=9), "", "")
    with pytest.raises(Refusal):
        bare.read(raw(code=30005, message="no"))


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"data": {"a": 1}},
        {"a": 1},
        {"success": True, "data": {"a": 1}},
        {"timestamp": 1, "status": 500, "error": "Internal Server Error"},
        {"error": {"code": 30014}},
    ],
)
@pytest.mark.parametrize("reader", [PLAIN, LIST, NOTHING, INNER, EnvelopeReader(object)])
def test_without_a_code_nothing_is_success(reader: EnvelopeReader[object], reply: dict[str, object]) -> None:
    """What gateways answer when they fail is neither success nor refusal, whatever the endpoint returns."""
    with pytest.raises(DecodeError):
        reader.read(raw(**reply))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"5",
        b'"text"',
        b"null",
        b"<html></html>",
        b"\xef\xbb\xbf" + b'{"code":1000,"data":{"a":1}}',
        b"{'code':1000}",
        raw(message="only words"),
        raw(code="many", data={"a": 1}),
        raw(code=None, data={"a": 1}),
        raw(code=True, data={"a": 1}),
        raw(code="--5"),
        raw(code="9" * 5000),
        raw(code=1000.5),
        raw(code=[1000]),
    ],
)
def test_what_is_no_envelope(body: bytes) -> None:
    """Everything else is unreadable: neither success nor refusal."""
    with pytest.raises(DecodeError):
        PLAIN.read(body)
