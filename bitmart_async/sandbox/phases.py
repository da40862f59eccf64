"""The last phases of a venue, as the exchange announced its own: what still works in each.

The order of the phases is as announced; which codes the refusals carry nobody has seen. The ones here are
those of the tables that say it best.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

__all__ = ["PHASES", "Phase", "reached"]

Phase: TypeAlias = Literal["open", "deposits_suspended", "no_new_spot_orders", "trading_over", "closed"]
PHASES: Final[tuple[Phase, ...]] = get_args(Phase)


def reached(phase: Phase, mark: Phase) -> bool:
    """Whether a phase is the other one or a later one."""
    return PHASES.index(phase) >= PHASES.index(mark)
