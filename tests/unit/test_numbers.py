"""Money goes out exact and as plain text."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitmart_async.errors import ParameterError
from bitmart_async.numbers import exact, level, plain, usual_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("7E-5"), "0.00007"),
        ("7e-5", "0.00007"),
        (Decimal("1E+3"), "1000"),
        (12, "12"),
        ("0.50", "0.50"),
        (Decimal("-0.1"), "-0.1"),
        (0, "0"),
        ("+5", "5"),
        (Decimal(10) ** 20, "100000000000000000000"),
    ],
)
def test_plain_text(value: Decimal | int | str, text: str) -> None:
    """Exponents are written out, printed zeros stay."""
    assert plain(value) == text


@pytest.mark.parametrize("value", [0.1, 0.1 + 0.2, 7e-05, 1.0, float("nan"), float("inf")])
def test_floats_are_refused_with_advice(value: float) -> None:
    """The error names the parameter and says what to pass instead."""
    with pytest.raises(ParameterError) as caught:
        plain(value, "price")  # type: ignore[arg-type]
    assert str(caught.value).startswith("price=")
    assert f"Decimal({str(value)!r})" in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "sNaN",
        "-Infinity",
        "inf",
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        "",
        " ",
        "1,5",
        "1 000",
        "1_000",
        " 1",
        "1\n",
        "abc",
        "0x10",
        True,
        None,
        b"1",
        [1],
        1j,
        "1e61",
        "1e-61",
        "9" * 61,
        10**61,
        "1e999999999999999999999",
        Decimal("1e-999999"),
    ],
)
def test_what_is_no_price_is_refused(value: object) -> None:
    """NaN, blanks, separators, other types and absurd sizes never reach the wire."""
    with pytest.raises(ParameterError, match="size"):
        plain(value, "size")  # type: ignore[arg-type]


def test_a_hostile_text_is_shown_safely() -> None:
    """The error repeats what was wrong on one line and shortened."""
    with pytest.raises(ParameterError) as caught:
        plain("\x1b[31m\n" * 5000)
    assert len(str(caught.value)) < 250
    assert str(caught.value).isprintable()


IN_RANGE = st.decimals(allow_nan=False, allow_infinity=False).filter(
    lambda number: abs(number.adjusted()) <= 60 and len(number.as_tuple().digits) <= 60
)


@given(IN_RANGE)
def test_plain_is_lossless(number: Decimal) -> None:
    """Every finite Decimal in range comes back digit by digit, and no exponent is ever written."""
    text = plain(number)
    assert "e" not in text.lower()
    assert Decimal(text) == number
    assert plain(text) == text
    assert exact(text) == exact(number)


@given(
    IN_RANGE
    | IN_RANGE.map(str)
    | st.from_regex(r"[+-]?[0-9]{0,3}\.?[0-9]{0,3}(E[+-]?[0-9])?\s?", fullmatch=True)
)
def test_the_quick_way_gives_what_the_sure_one_gives(value: Decimal | str) -> None:
    """What is taken as it is written is what plain() would have written."""
    text = usual_text(value)
    if text is not None:
        assert text == plain(value)


@given(st.decimals(min_value=0, max_value=10**20, places=8))
def test_usual_prices_take_the_quick_way(number: Decimal) -> None:
    """The quick way is taken for the prices and sizes there are."""
    text = format(number, "f")
    assert usual_text(text) == text
    assert usual_text(Decimal(text)) == (None if "E" in str(number) else text)


@given(st.integers(min_value=-(10**59), max_value=10**59))
def test_plain_of_an_int_is_its_text(number: int) -> None:
    """Whole numbers are their digits."""
    assert plain(number) == str(number)


@given(st.integers(1, 10**15 - 1), st.integers(-12, 3))
def test_level_gives_the_printed_number_back(digits: int, exponent: int) -> None:
    """Up to 15 digits survive the float of a stream's book."""
    printed = Decimal(digits).scaleb(exponent)
    assert level(float(printed)) == printed
