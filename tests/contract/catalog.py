"""The project's own catalog of endpoints and one reply for each, read once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitmart_async.rest.params import Amount, Choice, Flag, NumberId, Rows, Text, Texts, Whole

if TYPE_CHECKING:
    from bitmart_async.rest.params import Param

Row = dict[str, Any]

DATA = Path(__file__).parents[1] / "data"
ROWS: list[Row] = json.loads((DATA / "catalog.json").read_text(encoding="utf-8"))
BY_ID: dict[str, Row] = {row["id"]: row for row in ROWS}
REPLIES: dict[str, Row] = {
    name: reply
    for file in sorted((DATA / "replies").glob("*.json"))
    for name, reply in json.loads(file.read_text(encoding="utf-8")).items()
}
KINDS: dict[str, type[Param]] = {
    "text": Text,
    "texts": Texts,
    "whole": Whole,
    "amount": Amount,
    "choice": Choice,
    "flag": Flag,
    "rows": Rows,
    "number-id": NumberId,
}
