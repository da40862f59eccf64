"""A model's fields as columns: which kind each is, and its value as exact text. Pure.

Numbers are written with the digits they came with, never through a float. Times are UTC. An object
inside a row becomes columns of its own (``base_available``), a list becomes JSON.
"""

from __future__ import annotations

import enum
import inspect
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Final, Literal, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Column", "columns_of", "exact_text", "fits", "iso"]

Kind = Literal["text", "number", "whole", "flag", "time"]

PLACES: Final = 18
"""Decimals of a number's column in Parquet, out of 38 digits."""
_ENOUGH: Final = Context(prec=100)
_ENCODER: Final = msgspec.json.Encoder(enc_hook=str, decimal_format="string")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS: Final = 253_402_300_799_999  # the end of the year 9999


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table."""

    name: str
    kind: Kind
    pick: Callable[[object], object]
    """Its value in a row: Decimal, int, bool, text or None; times are Unix ms."""

    def text(self, value: object) -> str:
        """The value as CSV shows it; None is empty."""
        if value is None:
            return ""
        if self.kind == "time" and isinstance(value, int):
            return iso(value)
        if isinstance(value, Decimal):
            return exact_text(value)
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)


def iso(ms: int) -> str:
    """A moment in UTC, to the millisecond; a number that is no moment stays a number."""
    if not 0 <= ms <= _LAST_MS:
        return str(ms)
    moment = _EPOCH + timedelta(milliseconds=ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def exact_text(number: Decimal) -> str:
    """Plain digits, as many as the number came with."""
    return format(number, "f")


def fits(number: Decimal) -> bool:
    """Whether a number fits a Parquet column of 38 digits, 18 of them decimals, without loss."""
    if not number.is_finite():
        return False
    exponent = cast("int", number.normalize(_ENOUGH).as_tuple().exponent)
    return number.adjusted() < 38 - PLACES and exponent >= -PLACES and len(number.as_tuple().digits) < 100


def columns_of(row: type[msgspec.Struct], asked: Sequence[str] = ()) -> list[Column]:
    """The columns of a row type, and before them what was asked for and no field tells.

    Rows are pairs: what was asked, and the struct.
    """
    made = _columns(row, "", lambda pair: cast("tuple[object, object]", pair)[1])
    names = {column.name for column in made}
    before = [Column(name=name, kind="text", pick=_asked(name)) for name in asked if name not in names]
    return [*before, *made]


def _asked(name: str) -> Callable[[object], object]:
    def pick(pair: object) -> object:
        given = cast("tuple[dict[str, object], object]", pair)[0].get(name)
        return None if given is None else str(given)

    return pick


def _columns(row: type[msgspec.Struct], prefix: str, whole: Callable[[object], object]) -> list[Column]:
    made: list[Column] = []
    for name in row.__struct_fields__:
        written = _written(row, name)
        inside = _struct(row, written)
        if inside is not None:
            made += _columns(inside, f"{prefix}{name}_", _field(whole, name, _as_is))
            continue
        kind, convert = _kind(written)
        made.append(Column(name=prefix + name, kind=kind, pick=_field(whole, name, convert)))
    return made


def _written(row: type[msgspec.Struct], name: str) -> str:
    """A field's annotation as its author wrote it: the names say more than the types they stand for."""
    for base in row.__mro__:
        annotation = cast("dict[str, object]", inspect.get_annotations(base)).get(name)
        if annotation is not None:
            return str(annotation)
    raise AssertionError(f"{row.__name__}.{name} has no annotation")


def _struct(row: type[msgspec.Struct], written: str) -> type[msgspec.Struct] | None:
    name = written.removesuffix("| None").strip()
    for base in row.__mro__:
        value: object = getattr(sys.modules[base.__module__], name, None)
        if isinstance(value, type) and issubclass(value, msgspec.Struct):
            return value
    return None


def _field(
    whole: Callable[[object], object], name: str, convert: Callable[[object], object]
) -> Callable[[object], object]:
    def pick(pair: object) -> object:
        outer = whole(pair)
        value: object = None if outer is None else getattr(outer, name)
        return None if value is None else convert(value)

    return pick


def _as_is(value: object) -> object:
    return value


def _seconds(value: object) -> object:
    return cast("int", value) * 1000


def _text(value: object) -> object:
    if isinstance(value, enum.Enum):
        return str(cast("object", value.value))
    if isinstance(value, str):
        return value
    return _ENCODER.encode(value).decode()


_KINDS: Final[dict[str, tuple[Kind, Callable[[object], object]]]] = {
    "Number": ("number", _as_is),
    "Blank": ("number", _as_is),
    "Decimal": ("number", _as_is),
    "Ms": ("time", _as_is),
    "Seconds": ("time", _seconds),
    "Whole": ("whole", _as_is),
    "int": ("whole", _as_is),
    "bool": ("flag", _as_is),
}


def _kind(written: str) -> tuple[Kind, Callable[[object], object]]:
    return _KINDS.get(written.removesuffix("| None").strip(), ("text", _text))
