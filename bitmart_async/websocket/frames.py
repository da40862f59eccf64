"""What a frame is: data of some key, a control message, or a sign of life. Pure.

Binary frames are each one raw deflate stream of a JSON text.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from bitmart_async.decoding import NotJSON
from bitmart_async.websocket.dialects import data_key, heartbeat, unusual_key

if TYPE_CHECKING:
    from bitmart_async.websocket.dialects import Control, Dialect

__all__ = ["MOST_INFLATED", "Bomb", "inflate", "open_frame"]

MOST_INFLATED: Final = 8 * 1024 * 1024
"""Bytes."""
_JSON_OBJECT: Final = 0x7B  # "{"


class Bomb(Exception):
    """A frame inflates to more than any message of the exchange could need."""


def inflate(frame: bytes) -> bytes:
    """A frame's text: inflated when it is binary, else as it is but for blanks before it.

    JSON objects begin with a byte no deflate stream of a JSON object can begin with, which is why
    text and binary need not be told apart before.

    Raises:
        NotJSON: It is neither JSON nor a whole deflate stream.
        Bomb: See there.
    """
    text = frame.lstrip()
    if text[:1] == b"{":
        return text
    inflater = zlib.decompressobj(-15)
    try:
        inflated = inflater.decompress(frame, MOST_INFLATED)
    except zlib.error:
        raise NotJSON("neither JSON nor raw deflate") from None
    if inflater.unconsumed_tail:
        raise Bomb(f"a frame inflates to more than {MOST_INFLATED >> 20} MiB")
    if not inflater.eof:
        raise NotJSON("the deflate stream is cut")
    return inflated


def open_frame(frame: bytes, dialect: Dialect) -> tuple[bytes, bytes | Control | None]:
    """A frame's text, and what it is: the key of a data frame, a control message, or neither (None).

    Raises:
        DecodeError: It cannot be read.
        Bomb: See there.
    """
    if not frame or frame[0] != _JSON_OBJECT:
        sign_of_life = heartbeat(frame)
        if sign_of_life is None:
            frame = inflate(frame)
            sign_of_life = heartbeat(frame)
        if sign_of_life is not None:
            return frame, sign_of_life
    key = data_key(frame, dialect.heads)
    if key is not None and key != b"System":
        return frame, key
    control = dialect.control(frame)
    return frame, unusual_key(frame) if control is None else control
