"""The exchange's clock and its maintenance notices."""

from __future__ import annotations

from bitmart_async.models.base import Model, Ms

__all__ = ["Service", "SystemStatus", "SystemTime"]


class SystemTime(Model, frozen=True, kw_only=True):
    """The exchange's clock."""

    server_time: Ms
    """Unix ms, UTC."""


class Service(Model, frozen=True, kw_only=True):
    """One maintenance notice."""

    title: str
    service_type: str
    """spot, contract or account."""
    status: str
    """0 waiting to start, 1 under way, 2 over. Text; some replies carry a number."""
    start_time: Ms
    """Unix ms."""
    end_time: Ms
    """Unix ms."""


class SystemStatus(Model, frozen=True, kw_only=True):
    """All maintenance notices."""

    service: list[Service]
