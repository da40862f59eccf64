"""What `bitmart sandbox --json` printed: one JSON object with an environment and keys. Pure."""

from __future__ import annotations

import json
from typing import cast

__all__ = ["read_told"]


def read_told(text: str | bytes) -> dict[str, object]:
    """The object in ``text``. Its contents are secret and are in no error.

    Raises:
        ValueError: It is no JSON object.
    """
    wanted = "this is not what `bitmart sandbox --json` prints"
    try:
        told: object = json.loads(text)
    except ValueError:  # JSONDecodeError and UnicodeDecodeError, which show what they were given
        raise ValueError(f"{wanted}: it is no JSON") from None
    if not isinstance(told, dict):
        raise ValueError(f"{wanted}: it is no JSON object")  # noqa: TRY004 - a text, not a caller's type
    return cast("dict[str, object]", told)
