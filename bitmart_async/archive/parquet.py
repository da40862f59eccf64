"""Parquet, on pyarrow. The one file that knows it."""

from __future__ import annotations

import importlib
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any, Final

from bitmart_async.archive.columns import PLACES, Column, fits
from bitmart_async.archive.raw import store_extra

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["ParquetFile", "abandoned", "arrow", "too_wide"]

_GROUP: Final = 10_000
"""Rows of one group, and rows held at most before they are written."""
_INT64: Final = 1 << 63
_STEP: Final = Decimal(1).scaleb(-PLACES)
_DIGITS: Final = Context(prec=38)


def arrow(name: str) -> Any:
    """A module of pyarrow, which has no types of its own. Raises ConfigurationError when it is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise store_extra("pyarrow") from None


def too_wide(column: Column, value: object) -> bool:
    """Whether a value does not fit its column's type, so that the column must be text."""
    if column.kind == "number":
        return isinstance(value, Decimal) and not fits(value)
    if column.kind in ("whole", "time"):
        return value is not None and not (isinstance(value, int) and -_INT64 <= value < _INT64)
    return False


def abandoned(writer: Any) -> None:
    """Close a writer whose file is of no use any more: what it still wants to write may not fit on the disk."""
    try:
        writer.close()
    except OSError:
        writer.is_open = False  # or it tries again when it is collected, and complains to standard error


class ParquetFile:
    """One table on its way to a file, beside its final name."""

    def __init__(self, path: Path, columns: Sequence[Column], wide: Sequence[bool]) -> None:
        """Args: wide: For each column, whether it must be text."""
        pa, parquet = arrow("pyarrow"), arrow("pyarrow.parquet")
        kinds = {
            "text": pa.string(),
            "number": pa.decimal128(38, PLACES),
            "whole": pa.int64(),
            "flag": pa.bool_(),
            "time": pa.timestamp("ms", tz="UTC"),
        }
        self._pa = pa
        self._columns = list(zip(columns, list(wide), strict=True))
        self._types = [kinds["text"] if over else kinds[column.kind] for column, over in self._columns]
        self._schema = pa.schema(
            [(column.name, kind) for (column, _), kind in zip(self._columns, self._types, strict=True)]
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        self.beside = path.with_name(path.name + ".part")
        """Where it is written."""
        self._writer: Any = parquet.ParquetWriter(self.beside, self._schema, compression="zstd")
        self._group: list[list[object]] = [[] for _ in self._columns]

    def add(self, values: Sequence[object]) -> None:
        """One row: Decimal, int, bool, text or None for each column; times are Unix ms."""
        for (column, over), given, group in zip(self._columns, values, self._group, strict=True):
            value = given
            if over and value is not None:
                value = column.text(value)
            elif column.kind == "number" and isinstance(value, Decimal):
                value = value.quantize(_STEP, context=_DIGITS)
            group.append(value)
        if len(self._group[0]) >= _GROUP:
            self._put()

    def _put(self) -> None:
        pa = self._pa
        arrays = [pa.array(values, type=kind) for values, kind in zip(self._group, self._types, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema), row_group_size=_GROUP)
        self._group = [[] for _ in self._columns]

    def close(self) -> None:
        """Write what is left; idempotent."""
        if self._writer is not None:
            self._put()
            self._writer.close()
            self._writer = None

    def abandon(self) -> None:
        """It cannot be written to its end; what lies beside its final name is of no use."""
        if self._writer is not None:
            abandoned(self._writer)
            self._writer = None
