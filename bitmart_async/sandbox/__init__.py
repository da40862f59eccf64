"""A BitMart on your own machine: REST, streams and a live market on 127.0.0.1, no keys, no internet.

It speaks the exchange's wire to the letter, checks signatures with code of its own and imports nothing
of the clients, so one bug cannot hide on both sides.
"""

from __future__ import annotations

from .journal import Journal, Request, Seen, SessionClosed, SessionOpened, StreamMessage
from .server import ClientOptions, Keys, Sandbox
from .truth import AccountTruth, BalanceTruth, BookTruth, FillTruth, OrderTruth, PositionTruth

__all__ = [
    "AccountTruth",
    "BalanceTruth",
    "BookTruth",
    "ClientOptions",
    "FillTruth",
    "Journal",
    "Keys",
    "OrderTruth",
    "PositionTruth",
    "Request",
    "Sandbox",
    "Seen",
    "SessionClosed",
    "SessionOpened",
    "StreamMessage",
]
