"""A sandbox as another process finds it: ``local(**ports_of(sandbox))``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bitmart_async.sandbox import Sandbox

__all__ = ["ports_of"]


def ports_of(sandbox: Sandbox) -> dict[str, int]:
    """The arguments of ``local()``."""
    where = sandbox.environment
    urls = {
        "spot_rest": where.spot_rest,
        "futures_rest": where.futures_rest,
        "spot_streams": where.spot_public,
        "futures_streams": where.futures_public,
    }
    return {name: int(url.split("/")[2].rpartition(":")[2]) for name, url in urls.items()}
