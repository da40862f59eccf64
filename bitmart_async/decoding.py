"""Bytes to typed values: fast when the message is as expected, tolerant when it is not.

The fast way is one pass of a typed msgspec decoder. When that fails (or the bytes hold the letters
of NaN or Infinity, which must not pass), the message is decoded without types, mended by the rules
below, and converted. The rules live here and nowhere else:

=====================  ===========================================================================
expected               mended
=====================  ===========================================================================
number                 ``""``, ``"-"`` and the words for a market price become None
text                   a number becomes its text (ids), null becomes ``""``
list                   null, ``""`` and ``{}`` become an empty list
object                 null, ``""`` and ``[]`` become an empty object
enum of numbers        a text stays as the raw value of an unknown member, so does a fraction
=====================  ===========================================================================

Whatever bytes come in, only :class:`DecodeError` comes out.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

import msgspec
from msgspec import inspect

from bitmart_async.models.base import Id, decode_custom, stand_in

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["REFUSED", "DecodeError", "NotJSON", "Reader", "may_hold_nan", "takes_nan", "untyped"]

T = TypeVar("T")

_BLANK = frozenset({"", "-"})
_MARKET_PRICE = frozenset({"market", "market price", "market_price"})
_NUMBERS = (inspect.DecimalType, inspect.IntType, inspect.FloatType)
_WITHOUT_NAN = (inspect.IntType, inspect.StrType, inspect.BoolType, inspect.NoneType, inspect.EnumType)
_WHOLE_TEXT = re.compile(r"-?[0-9]{1,18}")
_MOST_DIGITS = 60
"""Of a whole number with an exponent: 1e999999999 is short to write and would fill the memory."""


class DecodeError(Exception):
    """These bytes are not what was expected; the text names the place, never the content."""


class NotJSON(DecodeError):
    """These bytes are no JSON at all: damaged, not merely unexpected."""


def untyped(raw: bytes) -> object:
    """JSON without types; numbers with a fraction keep their printed digits as Decimal."""
    try:
        return cast("object", _UNTYPED.decode(raw))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InvalidOperation) as error:
        raise NotJSON(f"not JSON: {type(error).__name__}") from None


REFUSED: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError)
"""What a typed decoder raises for bytes that do not fit."""

_UNTYPED = msgspec.json.Decoder(float_hook=Decimal)


def may_hold_nan(raw: bytes) -> bool:
    """Whether NaN or Infinity may be in there, in any case or escaped: then the slow way must look."""
    low = raw.lower()
    return b"nan" in low or b"inf" in low or (b"\\" in raw and b"\\u00" in low)


class Reader(Generic[T]):
    """Reads one type from bytes. Built once per type, at import or first use."""

    __slots__ = ("_kind", "_shape", "typed")

    def __init__(self, kind: object) -> None:
        self._kind = kind
        self._shape: inspect.Type | None = None
        self.typed: Callable[[bytes], T] = msgspec.json.Decoder(
            kind, strict=False, dec_hook=decode_custom
        ).decode  # type: ignore[call-overload, unused-ignore]
        """One typed pass and nothing else: raises :data:`REFUSED`, and lets NaN through where texts become
        Decimals."""

    def read(self, raw: bytes) -> T:
        """The value.

        Raises:
            DecodeError: The bytes do not fit, even when mended.
        """
        value = self.quick(raw)
        return self.convert(untyped(raw)) if value is None else value

    def quick(self, raw: bytes) -> T | None:
        """The value by the fast way alone; None when the slow way must look."""
        if may_hold_nan(raw):
            return None
        try:
            return self.typed(raw)
        except REFUSED:
            return None

    def convert(self, value: object) -> T:
        """The value, from decoded JSON. Raises as :meth:`read`."""
        if self._shape is None:
            self._shape = inspect.type_info(self._kind)
        try:
            mended = _mend(value, self._shape)
            return cast("T", msgspec.convert(mended, self._kind, strict=False, dec_hook=decode_custom))  # type: ignore[call-overload, unused-ignore]
        except (msgspec.MsgspecError, RecursionError, ValueError, ArithmeticError, TypeError) as error:
            text = str(error) if isinstance(error, msgspec.MsgspecError | _NoNumber) else type(error).__name__
            raise DecodeError(text) from None


def takes_nan(kind: object) -> bool:
    """Whether a text may become NaN or Infinity in a value of this type: in its Decimals and floats."""
    return _takes_nan(inspect.type_info(kind), set())


def _takes_nan(shape: inspect.Type, seen: set[type]) -> bool:
    if isinstance(shape, _WITHOUT_NAN):
        return False
    if isinstance(shape, inspect.CustomType):
        return shape.cls is not Id
    if isinstance(shape, inspect.StructType):
        known = shape.cls in seen
        seen.add(shape.cls)
        return not known and any(_takes_nan(field.type, seen) for field in shape.fields)
    if isinstance(shape, inspect.UnionType):
        return any(_takes_nan(one, seen) for one in shape.types)
    if isinstance(shape, inspect.ListType | inspect.VarTupleType):
        return _takes_nan(shape.item_type, seen)
    return True  # a number, or a type nobody thought of


class _NoNumber(ValueError):
    pass


def _mend(value: object, shape: inspect.Type) -> object:
    """``value`` as it should have been sent for ``shape``; recursive, pure."""
    optional = False
    if isinstance(shape, inspect.CustomType):
        return "" if value is None and shape.cls is Id else value
    if isinstance(shape, inspect.UnionType):
        optional = any(isinstance(kind, inspect.NoneType) for kind in shape.types)
        kinds = [kind for kind in shape.types if not isinstance(kind, inspect.NoneType | inspect.CustomType)]
        if len(kinds) != 1:
            return value
        shape = kinds[0]
    if isinstance(shape, _NUMBERS):
        return _mend_number(value, shape)
    if isinstance(shape, inspect.StrType):
        if value is None:
            return None if optional else ""
        return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value
    if isinstance(shape, inspect.EnumType):
        if optional and (value is None or (value == "" and issubclass(shape.cls, int))):
            return None  # blank text stays a member: the fast way cannot make None of it either
        return _mend_enum(value, shape)
    if isinstance(shape, inspect.BoolType):
        return None if optional and isinstance(value, str) and value in _BLANK else value
    return _mend_container(value, shape, optional=optional)


def _mend_number(value: object, shape: inspect.Type) -> object:
    if isinstance(value, str):
        text = value.strip()
        if text in _BLANK or text.lower() in _MARKET_PRICE:
            return None
        value = text
        try:
            finite = Decimal(text).is_finite()
        except InvalidOperation:
            finite = True  # not a number at all: the conversion says so, with its place
        if not finite:
            raise _NoNumber("a number field holds NaN or Infinity")
    elif isinstance(value, Decimal) and isinstance(shape, inspect.IntType | inspect.FloatType):
        if value.adjusted() > _MOST_DIGITS:
            raise _NoNumber("a number field holds a number beyond all bounds")
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _mend_enum(value: object, shape: inspect.EnumType) -> object:
    if issubclass(shape.cls, int) and isinstance(value, str | Decimal):
        bounded = isinstance(value, Decimal) and value.adjusted() <= _MOST_DIGITS
        if bounded and value == int(value):
            return int(value)
        text = str(value)
        return int(text) if _WHOLE_TEXT.fullmatch(text) else stand_in(text)
    if issubclass(shape.cls, str) and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return "" if value is None and issubclass(shape.cls, str) else value


def _mend_container(value: object, shape: inspect.Type, *, optional: bool) -> object:
    if optional and (value is None or value == ""):
        return None
    if isinstance(shape, inspect.StructType):
        return _mend_struct(value, shape)
    given, items = value, cast("list[object]", value) if isinstance(value, list) else None
    if isinstance(shape, inspect.ListType | inspect.VarTupleType | inspect.SetType | inspect.FrozenSetType):
        if value is None or value == "" or value == {}:
            return []
        return given if items is None else [_mend(item, shape.item_type) for item in items]
    if isinstance(shape, inspect.TupleType) and items is not None:
        return [_mend(item, kind) for item, kind in zip(items, shape.item_types, strict=False)]
    if isinstance(shape, inspect.DictType) and isinstance(value, dict):
        entries = cast("dict[object, object]", value)
        return {key: _mend(item, shape.value_type) for key, item in entries.items()}
    return given


def _is_empty(value: object) -> bool:
    return value is None or value == "" or value == []


def _mend_struct(value: object, shape: inspect.StructType) -> object:
    if shape.array_like:
        if not isinstance(value, list):
            return value
        items = cast("list[object]", value)
        return [_mend(item, field.type) for item, field in zip(items, shape.fields, strict=False)]
    if not isinstance(value, dict) and not _is_empty(value):
        return value
    entries = cast("dict[object, object]", value or {})
    return {
        field.encode_name: _mend(entries[field.encode_name], field.type)
        for field in shape.fields
        if field.encode_name in entries
    }
