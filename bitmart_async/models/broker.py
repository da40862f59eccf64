"""What a broker earns."""

from __future__ import annotations

from bitmart_async.models.base import Model, Number

__all__ = ["BrokerRebate", "BrokerRebates"]


class BrokerRebate(Model, frozen=True, kw_only=True):
    """Rebate of one day in one coin."""

    currency: str
    rebate_amount: Number
    """In the coin."""


class BrokerRebates(Model, frozen=True, kw_only=True):
    """Rebates by day."""

    rebates: dict[str, list[BrokerRebate]]
    """By day, written YYYY-MM-DD; the time zone of the day is not documented."""
