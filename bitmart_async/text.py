"""Text from outside, made safe to show: one line, printable, short; and words that several places say alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["excerpt", "first_few", "install_extra", "one_line"]

_LIMIT = 200


def one_line(text: str, limit: int = _LIMIT) -> str:
    """``text`` with control characters escaped and cut to ``limit`` characters."""
    head = text[: limit + 1]
    safe = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in head)
    return safe if len(text) <= limit and len(safe) <= limit else safe[: limit - 1] + "…"


def first_few(names: Sequence[str], most: int = 3) -> str:
    """Some names, and how many others there are: ``a, b, c and 112 more``."""
    listed = ", ".join(names[:most])
    return listed if len(names) <= most else f"{listed} and {len(names) - most} more"


def excerpt(raw: bytes, limit: int = _LIMIT) -> str:
    """The beginning of a body as safe text, whatever its bytes are; without white space around it."""
    return one_line(raw.strip()[: limit * 4].decode("utf-8", "replace"), limit)


def install_extra(extra: str) -> str:
    """What to do when the libraries of an extra are not there, wherever the package was installed from."""
    return f"install the extra {extra!r} of bitmart-async, for example with pip install '.[{extra}]' in its checkout"
