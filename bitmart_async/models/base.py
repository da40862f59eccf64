"""What all models share: their base, their number types, their open enums.

``Id`` is ``str``; on the wire it is now a number, now text. ``Blank`` is ``Decimal | None``, for
numbers that are blank in ordinary operation on streams, where speed matters.

``Finite`` is ``float``; the decoder itself refuses NaN and Infinity in it, so that nothing has to look for
them afterwards.

``Number``, ``Ms`` and ``Seconds`` are ``Decimal`` and ``int`` to a type checker. At run time a field
of these types also takes None: the exchange writes ``""``, ``"-"`` or null where it has no number,
now and then in places where it normally has one, and a reply must not be lost for that. Fields that
are blank in ordinary operation are annotated ``Number | None`` and documented.
"""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, TypeAlias

import msgspec

__all__ = ["Blank", "Finite", "Id", "Model", "Ms", "Number", "OpenInt", "OpenStr", "Seconds", "decode_custom"]

_LARGEST = 1e308

if TYPE_CHECKING:
    Finite: TypeAlias = float
    Number: TypeAlias = Decimal
    Ms: TypeAlias = int
    Seconds: TypeAlias = int
    Whole: TypeAlias = int
    Id: TypeAlias = str
    Blank: TypeAlias = Decimal | None
else:

    class _AsText(type):
        def __instancecheck__(cls, value):
            return isinstance(value, str)

    class Id(metaclass=_AsText):
        """Stands for ``str`` in annotations; decoders hand its values to :func:`decode_custom`."""

    class _AsNumber(type):
        def __instancecheck__(cls, value):
            return value is None or isinstance(value, Decimal)

    class Blank(metaclass=_AsNumber):
        """Stands for ``Decimal | None``; as :class:`Id`."""

    Finite = Annotated[float, msgspec.Meta(ge=-_LARGEST, le=_LARGEST)]
    Number = Decimal | None
    Ms = int | None
    Seconds = int | None
    Whole = int | None


def _to_blank(value: object) -> Decimal | None:
    if value in ("", "-"):
        return None
    number = Decimal(str(value))
    if number.is_finite():
        return number
    raise ValueError("NaN or Infinity where a number belongs")


def decode_custom(kind: type, value: object) -> object:
    """The decoders' hook for ``Id``, ``Blank`` and ``object`` (plain JSON)."""
    if kind is Id:  # the one on busy streams
        if type(value) is int:
            return str(value)
        if isinstance(value, str):
            return value
        raise ValueError("an id is text or a whole number")
    return _to_blank(value) if kind.__name__ == "Blank" else value


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One object of the wire: immutable, its fields named as on the wire, in snake_case.

    Unknown fields of a reply are ignored, missing optional ones are None.
    """


_UNKNOWN = "UNKNOWN"


class OpenStr(str, enum.Enum):
    """An enum of texts that survives values it does not know.

    ``OrderState("weird")`` is a member named UNKNOWN that keeps the raw text as its value and
    differs from every known member.
    """

    @property
    def known(self) -> bool:
        """Whether this is one of the listed members."""
        return self._name_ != _UNKNOWN

    def __str__(self) -> str:
        return str(self.value)

    @classmethod
    def _missing_(cls, value: object) -> OpenStr:
        member = str.__new__(cls, value)
        member._name_ = _UNKNOWN
        member._value_ = str(value)
        return member


class OpenInt(int, enum.Enum):
    """An enum of numbers that survives values it does not know; see :class:`OpenStr`."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}.{self._name_}: {self._value_!r}>"

    @property
    def known(self) -> bool:
        """Whether this is one of the listed members."""
        return self._name_ != _UNKNOWN

    def __str__(self) -> str:
        return str(self.value)

    @classmethod
    def _missing_(cls, value: object) -> OpenInt:
        raw = _texts.get(value, value) if isinstance(value, int) else value
        member = int.__new__(cls, value if isinstance(value, int) else stand_in(str(value)))
        member._name_ = _UNKNOWN
        member._value_ = raw
        return member


_texts: dict[int, str] = {}
_MOST_TEXTS = 256


def stand_in(text: str) -> int:
    """A number that stands for ``text`` where only numbers pass: decoders know no mixed enums.

    The same text has the same number; past a bound, all further texts share one.
    """
    for number, known in _texts.items():
        if known == text:
            return number
    if len(_texts) >= _MOST_TEXTS:
        text = "?"
    number = -1_000_000 - len(_texts)
    _texts[number] = text
    return number
