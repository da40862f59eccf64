"""Money as text: what may be sent, and how it is written.

Prices, sizes and amounts travel as plain decimal text (``0.00007``, never ``7E-5``). Floats are
refused because they are not the numbers people think they are: ``0.1 + 0.2`` would be sent as
``0.30000000000000004``.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import cast

from bitmart_async.errors import ParameterError
from bitmart_async.text import one_line

__all__ = ["level", "plain"]

_MOST_DIGITS = 60
_USUAL = re.compile(r"[0-9]{1,28}(?:\.[0-9]{1,28})?").fullmatch
_DIGITS = frozenset("0123456789")
_PLAIN = re.compile(r"(?:0|[1-9][0-9]{0,27})(?:\.[0-9]{1,28})?").fullmatch


def plain(value: Decimal | int | str, name: str = "number") -> str:
    """``value`` as plain decimal text, ready for the wire.

    Raises:
        ParameterError: A float, NaN, Infinity, a bool, or text that is no number.
    """
    return format(exact(value, name), "f")


def exact(value: Decimal | int | str, name: str = "number") -> Decimal:
    """``value`` as the Decimal it says it is. Raises as :func:`plain`."""
    if type(value) is Decimal:
        if _is_usual(value):
            return value
    elif type(value) is str and _USUAL(value):
        return Decimal(value)
    if isinstance(value, float):
        raise ParameterError(
            f"{name}={value!r} is a float, and floats are not exact. "
            f"Pass Decimal({str(value)!r}) or the text {str(value)!r}."
        )
    given = cast("object", value)  # what callers really pass
    if isinstance(given, bool) or not isinstance(given, Decimal | int | str):
        raise ParameterError(f"{name} must be a Decimal, an int or text, not {type(given).__name__}.")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ParameterError(
            f"{name}={one_line(repr(value), 60)} is no number. "
            f"Write it like '0.5', with a dot and without separators."
        ) from None
    if not number.is_finite():
        raise ParameterError(f"{name}={number} is not a finite number.")
    if isinstance(value, str) and ("_" in value or value != value.strip()):
        raise ParameterError(f"{name}={one_line(repr(value), 60)}: remove blanks and underscores.")
    if abs(number.adjusted()) > _MOST_DIGITS or len(number.as_tuple().digits) > _MOST_DIGITS:
        raise ParameterError(f"{name} has more than {_MOST_DIGITS} digits; no price or size has.")
    return number


def usual_text(value: object) -> str | None:
    """:func:`plain` of a value that is written plainly already, as nearly all are; None: ask plain()."""
    if type(value) is str:
        return value if _PLAIN(value) else None
    if type(value) is Decimal:
        text = str(value)  # digits and a dot, but for a sign, an exponent or a word
        return text if text[0] in _DIGITS and "E" not in text and len(text) <= _MOST_DIGITS else None
    return None


def _is_usual(number: Decimal) -> bool:
    """Whether it is plainly within bounds, by a quick look."""
    return number.is_finite() and abs(number.adjusted()) <= _MOST_DIGITS and len(str(number)) <= _MOST_DIGITS


def level(value: float) -> Decimal:
    """The Decimal the exchange printed for a number of a stream's order book.

    Book levels on streams are floats for their cost. A float holds 15 significant digits exactly,
    and no price or size of the exchange has more; the shortest text that reads back as the same
    float is therefore the printed number, up to trailing zeros.
    """
    return Decimal(repr(value))
