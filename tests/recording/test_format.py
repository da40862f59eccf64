"""The lines of a recording give back what was put in; pure."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitmart_async import Gap
from bitmart_async.recording.format import (
    LineUnreadable,
    RecordedEvent,
    RecordedFrame,
    event_line,
    frame_line,
    read_head,
    read_line,
)

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_spaced = st.builds(
    lambda value, indent, blank, plain: blank + json.dumps(value, indent=indent, ensure_ascii=plain) + blank,
    _json, st.none() | st.just(1), st.sampled_from(["", " ", "\n", "\r\n"]), st.booleans(),
).map(lambda text: text.encode("utf-8", "replace"))  # fmt: skip


@given(st.binary() | st.text().map(str.encode) | _spaced)
def test_any_frame_comes_back_byte_for_byte_from_one_line_of_json(frame: bytes) -> None:
    """Whatever a socket brought: JSON in any spelling, other text, binary, nothing at all."""
    line = frame_line("spot_public", 3, frame, 5, 6)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert json.loads(line)["t"] == 5  # any program can read it
    assert read_line(line[:-1]) == RecordedFrame("spot_public", 3, 5, 6, frame)


def test_json_stands_in_a_line_as_it_is() -> None:
    """A line shows the frame's JSON, not a text with escapes; binary is flagged by its key."""
    assert b'"f":{"a" : [1.50]}' in frame_line("x", 1, b'{"a" : [1.50]}', 1, 1)
    assert b'"s":"pong"' in frame_line("x", 1, b"pong", 1, 1)
    assert b'"b":"/w=="' in frame_line("x", 1, b"\xff", 1, 1)


@given(st.text(), st.lists(st.text()).map(tuple), st.none() | st.just(Gap(1, 2)), st.integers(0, 9))
def test_an_event_comes_back(error: str, topics: tuple[str, ...], gap: Gap | None, frames: int) -> None:
    """With its words, topics, gap and count."""
    event = RecordedEvent(
        name="lost", connection="spot_public", generation=2, at_ns=1, monotonic_ns=2,
        topics=topics, error=error, gap=gap, frames=frames, seconds=0.5,
    )  # fmt: skip
    assert read_line(event_line(event)[:-1]) == event


@given(st.binary())
def test_a_damaged_line_is_one_error(line: bytes) -> None:
    """Nothing but LineUnreadable escapes."""
    with contextlib.suppress(LineUnreadable):
        read_line(line)
    with pytest.raises(LineUnreadable):
        read_head(line)
