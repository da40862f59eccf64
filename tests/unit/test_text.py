"""Text from outside is shown on one line, printable and short (Z3)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bitmart_async.text import excerpt, one_line


@given(st.text(), st.integers(2, 300))
def test_Z3_one_line_is_printable_and_short(text: str, limit: int) -> None:
    """Whatever comes in: one printable line within the limit."""
    shown = one_line(text, limit)
    assert len(shown) <= limit
    assert shown.isprintable()
    if text.isprintable() and len(text) <= limit:
        assert shown == text


@given(st.binary(max_size=3000))
def test_Z3_excerpt_takes_any_bytes(raw: bytes) -> None:
    """Bodies of any bytes give at most 200 safe characters."""
    shown = excerpt(raw)
    assert len(shown) <= 200
    assert shown.isprintable()


def test_an_excerpt_has_no_white_space_around_it() -> None:
    """The line break that ends a short body is not quoted; one inside is."""
    assert excerpt(b"\r\n Refused\n") == "Refused"
    assert excerpt(b"Refused\nagain\n") == r"Refused\nagain"


def test_Z3_a_megabyte_is_cut_and_marked() -> None:
    """A long text ends in an ellipsis, so that nobody takes it for the whole."""
    shown = one_line("x" * 2**20)
    assert len(shown) == 200
    assert shown.endswith("…")
