"""Bytes to values: the mending table row by row, and what never passes (D1, D2)."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from bitmart_async.decoding import DecodeError, Reader, takes_nan, untyped
from bitmart_async.models.base import Blank, Finite, Id, Model, Ms, Number, OpenInt, OpenStr


class Colour(OpenStr):
    """Texts."""

    RED = "red"


class Level(OpenInt):
    """Numbers."""

    ONE = 1


class Inside(Model, frozen=True, kw_only=True):
    """An object whose fields are all optional."""

    x: int = 7


class Pair(Model, frozen=True, kw_only=True, array_like=True):
    """An array with names."""

    price: Number
    size: Number


class Thing(Model, frozen=True, kw_only=True):
    """One field of each kind."""

    id: str
    number: Number = Decimal(0)
    when: Ms = 0
    count: int | None = None
    ratio: float | None = None
    maybe_text: str | None = None
    names: list[str] = []  # noqa: RUF012 - msgspec copies it
    pairs: list[Pair] = []  # noqa: RUF012 - msgspec copies it
    inside: Inside = Inside()
    maybe_inside: Inside | None = None
    table: dict[str, Number] = {}  # noqa: RUF012 - msgspec copies it
    colour: Colour = Colour.RED
    level: Level = Level.ONE
    maybe_level: Level | None = None
    flag: bool = False
    maybe_flag: bool | None = None


READ = Reader[Thing](Thing).read


def thing(field: str, wire: str) -> object:
    """The field's value when the wire holds this JSON for it."""
    return getattr(READ(f'{{"id":"a","{field}":{wire}}}'.encode()), field)


@pytest.mark.parametrize("field", ["number", "when", "count", "ratio"])
@pytest.mark.parametrize("wire", ['""', '"-"', '" "', '"market"', '"Market Price"', '"market_price"', "null"])
def test_D1_number_blanks_become_none(field: str, wire: str) -> None:
    """Row "number": blanks and the words for a market price are None, wherever they occur."""
    assert thing(field, wire) is None


@pytest.mark.parametrize(
    ("field", "wire", "value"),
    [
        ("number", '"0.10"', Decimal("0.10")),
        ("number", "0.1", Decimal("0.1")),
        ("number", "5", Decimal(5)),
        ("number", '" 5 "', Decimal(5)),
        ("number", '"1e-7"', Decimal("1e-7")),
        ("when", '"12"', 12),
        ("when", "12.0", 12),
        ("when", '"12.0"', 12),
        ("when", "1e3", 1000),
        ("ratio", '"0.25"', 0.25),
        ("ratio", "2", 2.0),
    ],
)
def test_D1_numbers_as_text_or_number(field: str, wire: str, value: object) -> None:
    """Both spellings are read, Decimals as printed."""
    found = thing(field, wire)
    assert found == value
    assert type(found) is type(value)
    if isinstance(value, Decimal):
        assert str(found) == str(value)


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        ("7", "7"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1.50", "1.50"),
        ("null", ""),
        ('"x"', "x"),
    ],
)
def test_D1_text_from_a_number_or_null(wire: str, value: str) -> None:
    """Row "text": a number becomes its text as printed, null becomes empty."""
    assert READ(f'{{"id":{wire}}}'.encode()).id == value


def test_D1_an_optional_text_keeps_none() -> None:
    """Null in an optional text is None, not empty."""
    assert thing("maybe_text", "null") is None
    assert thing("maybe_text", "5") == "5"


@pytest.mark.parametrize("field", ["names", "pairs"])
@pytest.mark.parametrize("wire", ["null", '""', "{}", "[]"])
def test_D1_lists_from_nothing(field: str, wire: str) -> None:
    """Row "list": null, empty text and empty object are the empty list."""
    assert thing(field, wire) == []


@pytest.mark.parametrize("wire", ["null", '""', "[]", "{}"])
def test_D1_objects_from_nothing(wire: str) -> None:
    """Row "object": null, empty text and empty list are the empty object."""
    assert thing("inside", wire) == Inside()


@pytest.mark.parametrize("wire", ["null", '""'])
def test_D1_an_optional_object_is_none(wire: str) -> None:
    """An optional object that is blank is None."""
    assert thing("maybe_inside", wire) is None


@pytest.mark.parametrize(
    ("wire", "raw"),
    [
        ('"blue"', "blue"),
        ('"--5"', "--5"),
        ('"٣"', "٣"),
        ('""', ""),
        ("99", 99),
        ("7.5", "7.5"),
        ("1e400", "1E+400"),
    ],
)
def test_D2_numbers_enum_keeps_a_text(wire: str, raw: object) -> None:
    """Row "enum of numbers": whatever came stays as the raw value of an unknown member."""
    found = thing("level", wire)
    assert isinstance(found, Level)
    assert not found.known
    assert found.value == raw
    assert found != Level.ONE


@pytest.mark.parametrize("wire", ["1", '"1"', "1.0"])
def test_D2_numbers_enum_in_other_spellings(wire: str) -> None:
    """The known number as text or with a fraction is the known member."""
    assert thing("level", wire) is Level.ONE


@pytest.mark.parametrize(("wire", "raw"), [('"blue"', "blue"), ("5", "5"), ("null", ""), ('""', "")])
def test_D2_text_enum_keeps_the_raw_text(wire: str, raw: str) -> None:
    """Unknown text: the message is delivered, the value is kept and differs from every member."""
    found = thing("colour", wire)
    assert isinstance(found, Colour)
    assert (found.known, found.value, str(found)) == (False, raw, raw)
    assert all(found != member for member in Colour)


@pytest.mark.parametrize(
    ("field", "wire"),
    [("maybe_level", "null"), ("maybe_level", '""'), ("maybe_flag", '""'), ("maybe_flag", '"-"')],
)
def test_D1_blank_optionals_are_none(field: str, wire: str) -> None:
    """Optional enums and flags too."""
    assert thing(field, wire) is None


def test_D1_mending_reaches_into_arrays_and_tables() -> None:
    """Rules hold at any depth; unknown fields and extra columns are ignored on the way."""
    found = READ(b'{"id":1,"new":{"deep":[1]},"pairs":[["1","",9],["-",2]],"table":{"a":"","b":"3"}}')
    assert found.pairs == [Pair(price=Decimal(1), size=None), Pair(price=None, size=Decimal(2))]  # type: ignore[arg-type]
    assert found.table == {"a": None, "b": Decimal(3)}


@pytest.mark.parametrize("field", ["number", "when", "ratio"])
@pytest.mark.parametrize(
    "word", ["NaN", "nan", "nAn", "sNaN", "Infinity", "-inf", "iNf", r"\u004eaN", r"\u0049nf"]
)
def test_D3_nan_and_infinity_never_pass(field: str, word: str) -> None:
    """In no case, spelling or escape."""
    with pytest.raises(DecodeError):
        thing(field, f'"{word}"')


@pytest.mark.parametrize(
    "kind", [Decimal, float, Finite, Number, Blank, object, dict[str, int], Pair, list[Thing]]
)
def test_D3_types_that_may_take_nan_are_known(kind: object) -> None:
    """Wherever a Decimal or a float may come of a text, and wherever nobody knows: it is searched for."""
    assert takes_nan(kind)
    assert takes_nan(msgspec.defstruct("Holder", [("deep", list[kind] | None)]))  # type: ignore[valid-type]


@pytest.mark.parametrize(
    "kind", [Id, str, Ms, Level, Colour, Inside, list[Inside], tuple[Id, ...], bool | None]
)
def test_D3_types_of_texts_and_whole_numbers_take_none(kind: object) -> None:
    """There the letters are read as what they are, or refused by the decoder: the search is saved."""
    assert not takes_nan(kind)
    read = Reader[object](kind).typed
    for word in (b'"nan"', b'"Infinity"', b'"-inf"', b"NaN"):
        try:
            value = read(word)
        except (msgspec.MsgspecError, ValueError):
            continue
        assert not isinstance(value, float | Decimal)


def test_D3_the_letters_of_nan_may_stand_in_texts() -> None:
    """Only numbers are refused: a coin may be called so."""
    found = READ(b'{"id":"NANO_USDT","maybe_text":"\\u0049nfinity","number":"1.10"}')
    assert (found.id, found.maybe_text, found.number) == ("NANO_USDT", "Infinity", Decimal("1.10"))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"null",
        b"5",
        b"[]",
        b"{}",
        b"\xef\xbb\xbf{}",
        b"{'id':'a'}",
        b'{"id":"\xff"}',
        b"[" * 100_000,
        b'{"id":"a","count":1e400}',
        b'{"id":"a","when":1e999999999}',
        b'{"id":"a","ratio":1e999999999}',
        b'{"id":"a","level":true}',
        b'{"id":"a","number":true}',
        b'{"id":{}}',
        b'{"id":"a","count":"x"}',
        b"9" * 5000,
        b'{"id":"a","number":1e999999999999999999999}',
        b'{"id":"a","when":' + b"9" * 5000 + b"}",
        b'{"id":"a","inside":5}',
        b'{"id":"a","names":{"a":1}}',
        b'{"id":"a","flag":"yes and no"}',
        b"<html>",
    ],
)
def test_D3_only_decode_error_escapes(raw: bytes) -> None:
    """Damaged and absurd input: DecodeError, at once, and the text does not repeat the content."""
    with pytest.raises(DecodeError) as caught:
        READ(raw)
    assert "yes and no" not in str(caught.value)


def test_a_missing_required_field_is_named_with_its_place() -> None:
    """The error says where."""
    with pytest.raises(DecodeError, match="id"):
        READ(b'{"number":"1"}')
    with pytest.raises(DecodeError, match=r"\$\.pairs\[0\]"):
        READ(b'{"id":"a","pairs":[["1"]]}')


def test_D3_duplicate_keys_take_the_last() -> None:
    """On the fast way and on the slow one alike."""
    assert READ(b'{"id":"a","id":"b"}').id == "b"
    assert READ(b'{"id":1,"id":2}').id == "2"


def test_untyped_keeps_digits() -> None:
    """Fractions stay as printed."""
    assert untyped(b'{"a":[0.10,1]}') == {"a": [Decimal("0.10"), 1]}
    assert str(untyped(b"0.10")) == "0.10"


def test_unknown_members_survive_json_round_trips() -> None:
    """What was unknown is sent on as it came."""
    assert msgspec.json.encode(Colour("blue")) == b'"blue"'
    assert Colour("blue") == Colour("blue")


class _Named(Model, frozen=True, kw_only=True):
    """Ids in every place."""

    one: Id
    more: list[Id]
    maybe: Id | None = None


def test_an_id_of_null_is_blank_text() -> None:
    """As for all text: null becomes "", where None is no value of the field."""
    read = Reader[_Named](_Named).read
    assert read(b'{"one":null,"more":[1,null],"maybe":null}') == _Named(one="", more=["1", ""], maybe=None)
