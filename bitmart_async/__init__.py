"""Asyncio SDK for the BitMart exchange: REST, streams, and a BitMart that runs on your own machine.

::

    async with RestClient() as rest:
        ticker = await rest.get_spot_ticker_v3("BTC_USDT")

    async with WebsocketClient(credentials=Credentials.from_env()) as ws:
        async for update in await ws.subscribe("spot/user/orders:ALL_SYMBOLS"):
            print(update.data)

Everything public is listed in ``__all__`` here, in ``bitmart_async.models`` (typed data), and in
``bitmart_async.sandbox``. Modules are loaded when a name of theirs is first used, so importing the
package costs next to nothing.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING

from bitmart_async._version import __version__ as __version__

_HOMES = {
    "account.changes": (
        "AccountGap",
        "AccountState",
        "BalanceChanged",
        "Change",
        "Filled",
        "FillsMissing",
        "OrderChanged",
        "PositionChanged",
        "ResyncFailed",
        "Resynced",
        "UnknownState",
    ),
    "account.consumers": ("Changes",),
    "account.handle": ("OrderHandle",),
    "account.tracker": ("AccountTracker",),
    "account.views": (
        "AccountFill",
        "AccountOrder",
        "AccountPosition",
        "CoinBalance",
        "OrderStatus",
    ),
    "archive": (
        "Archive",
        "ArchiveProgress",
        "ArchiveReport",
        "Verification",
        "archive_account",
        "verify_archive",
    ),
    "book": ("BookFill", "BookResult", "BookSnapshot", "BookTrouble", "OrderBook"),
    "clock": ("Clock",),
    "credentials": ("Credentials",),
    "environments": ("DEMO", "LIVE", "Environment", "local"),
    "errors": (
        "AccountUnavailable",
        "AlreadyExists",
        "AnswerTimeout",
        "ApiError",
        "AuthError",
        "BadRequest",
        "BadResponse",
        "BitMartError",
        "BookNotReady",
        "ClientClosed",
        "ConfigurationError",
        "ConnectFailed",
        "ConnectionLost",
        "CredentialsMissing",
        "EdgeBlocked",
        "EndpointRetired",
        "Fate",
        "FrameUnreadable",
        "HistoryIncomplete",
        "HistoryStopped",
        "InsufficientFunds",
        "IpBanned",
        "LoginRefused",
        "Maintenance",
        "NotFound",
        "OrderFateUnknown",
        "OrderNotFilled",
        "OrderNotFound",
        "OrderRejected",
        "OrderResult",
        "OrderStateConflict",
        "OrderStateUnknown",
        "OutcomeUnknown",
        "ParameterError",
        "PermissionDenied",
        "PositionConflict",
        "RateLimited",
        "RedirectRefused",
        "RegionRestricted",
        "SlowConsumer",
        "StreamError",
        "StreamUnavailable",
        "SubscriptionRefused",
        "SymbolUnavailable",
        "SystemFault",
        "TimestampRejected",
        "TlsError",
        "TopicError",
        "TransportError",
        "Unavailable",
    ),
    "models.enums": (
        "AccountKind",
        "AccountTransferType",
        "AffiliateContractType",
        "AffiliateCopyTrade",
        "AffiliateMarginMode",
        "AffiliateOrderType",
        "AffiliateUserType",
        "AlgoOrderType",
        "AlgoTriggerType",
        "ApiAccountStatus",
        "ApiAccountType",
        "ApiKeyStatus",
        "BookFrame",
        "CancelSource",
        "CloseContractType",
        "ContractStatus",
        "DepositAccount",
        "EarnMaturity",
        "EarnRecordType",
        "EarnSwitch",
        "EarnSwitchState",
        "ExecutionType",
        "FlowType",
        "FundingOperation",
        "FundingStatus",
        "FundingTransferType",
        "FuturesKlineStep",
        "FuturesOrderAction",
        "FuturesOrderMode",
        "FuturesOrderState",
        "FuturesOrderType",
        "FuturesSide",
        "FuturesStpMode",
        "FuturesTransferType",
        "Leg",
        "MarginMode",
        "MarginRiskLevel",
        "MarginTransferSide",
        "MoneyMovement",
        "OpenOrderState",
        "OpenOrderType",
        "OrderMode",
        "OrderState",
        "OrderType",
        "PlanCategory",
        "PlanOrderState",
        "PlanOrderType",
        "PlanTypeFilter",
        "PositionMode",
        "PositionType",
        "PriceType",
        "PriceWay",
        "QueryState",
        "RebateStatus",
        "Side",
        "SourceAccount",
        "SpotKlineStep",
        "StpMode",
        "SubAccountStatus",
        "SubTransferType",
        "TpSlType",
        "TradeRole",
        "TransferState",
        "WithdrawAccountType",
        "WithdrawAddressStatus",
        "WithdrawAddressType",
    ),
    "models.spot": ("SpotOrderRequest",),
    "models.spot_legacy": ("SpotOrderRequestV2",),
    "ratelimit": ("Quota", "RateLimitState", "RateLimits", "Scope", "Use"),
    "recording": (
        "ExportReport",
        "export_recording",
        "RecordedEvent",
        "RecordedFrame",
        "Recorder",
        "RecorderStats",
        "Recording",
        "RecordingSummary",
    ),
    "rest.clients": ("FuturesClientV2", "RestClient"),
    "rest.dead_mans_switch": ("DeadMansSwitch", "SwitchState"),
    "rest.endpoint": ("Auth", "Effect", "Endpoint"),
    "rest.envelope": ("Envelope",),
    "rest.history": ("Asked",),
    "rest.iterate": ("History",),
    "rest.pending": ("PendingOrder",),
    "websocket.client": ("WebsocketClient",),
    "websocket.order_books": ("BookChange", "LiveOrderBook"),
    "websocket.events": ("Event", "Gap", "StreamData", "Update"),
    "websocket.health": ("ConnectionHealth", "StreamHealth", "TopicHealth"),
    "websocket.subscription": ("Subscription",),
    "websocket.topics": ("Market", "Topic"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}
_MODULES = ("errors", "models", "topics", "trading")

logging.getLogger("bitmart_async").addHandler(logging.NullHandler())

if TYPE_CHECKING:
    # The names of _HOMES for type checkers, which run nothing: a star where all names of a module are public.
    from bitmart_async import errors as errors
    from bitmart_async import models as models
    from bitmart_async import topics as topics
    from bitmart_async import trading as trading
    from bitmart_async.account.changes import *
    from bitmart_async.account.consumers import *
    from bitmart_async.account.handle import *
    from bitmart_async.account.tracker import *
    from bitmart_async.account.views import *
    from bitmart_async.archive import Archive as Archive
    from bitmart_async.archive import ArchiveProgress as ArchiveProgress
    from bitmart_async.archive import ArchiveReport as ArchiveReport
    from bitmart_async.archive import Verification as Verification
    from bitmart_async.archive import archive_account as archive_account
    from bitmart_async.archive import verify_archive as verify_archive
    from bitmart_async.book import BookFill as BookFill
    from bitmart_async.book import BookResult as BookResult
    from bitmart_async.book import BookSnapshot as BookSnapshot
    from bitmart_async.book import BookTrouble as BookTrouble
    from bitmart_async.book import OrderBook as OrderBook
    from bitmart_async.clock import *
    from bitmart_async.credentials import *
    from bitmart_async.environments import *
    from bitmart_async.errors import *
    from bitmart_async.models.enums import *
    from bitmart_async.models.spot import SpotOrderRequest as SpotOrderRequest
    from bitmart_async.models.spot_legacy import SpotOrderRequestV2 as SpotOrderRequestV2
    from bitmart_async.ratelimit import *
    from bitmart_async.recording import ExportReport as ExportReport
    from bitmart_async.recording import RecordedEvent as RecordedEvent
    from bitmart_async.recording import RecordedFrame as RecordedFrame
    from bitmart_async.recording import Recorder as Recorder
    from bitmart_async.recording import RecorderStats as RecorderStats
    from bitmart_async.recording import Recording as Recording
    from bitmart_async.recording import RecordingSummary as RecordingSummary
    from bitmart_async.recording import export_recording as export_recording
    from bitmart_async.rest.clients import *
    from bitmart_async.rest.dead_mans_switch import DeadMansSwitch as DeadMansSwitch
    from bitmart_async.rest.dead_mans_switch import SwitchState as SwitchState
    from bitmart_async.rest.endpoint import *
    from bitmart_async.rest.envelope import *
    from bitmart_async.rest.history import Asked as Asked
    from bitmart_async.rest.iterate import *
    from bitmart_async.rest.pending import PendingOrder as PendingOrder
    from bitmart_async.websocket.client import *
    from bitmart_async.websocket.events import Event as Event
    from bitmart_async.websocket.events import Gap as Gap
    from bitmart_async.websocket.events import StreamData as StreamData
    from bitmart_async.websocket.events import Update as Update
    from bitmart_async.websocket.health import ConnectionHealth as ConnectionHealth
    from bitmart_async.websocket.health import StreamHealth as StreamHealth
    from bitmart_async.websocket.health import TopicHealth as TopicHealth
    from bitmart_async.websocket.order_books import BookChange as BookChange
    from bitmart_async.websocket.order_books import LiveOrderBook as LiveOrderBook
    from bitmart_async.websocket.subscription import Subscription as Subscription
    from bitmart_async.websocket.topics import Market as Market
    from bitmart_async.websocket.topics import Topic as Topic
else:  # hidden from type checkers: to them a module with __getattr__ has every name there could be
    __all__ = [*sorted(_HOME_OF), *_MODULES, "__version__"]  # noqa: PLE0604 - text, all of it

    def __getattr__(name: str) -> object:
        module = _HOME_OF.get(name)
        if module is not None:
            value: object = getattr(importlib.import_module(f"bitmart_async.{module}"), name)
        elif name in _MODULES:
            value = importlib.import_module(f"bitmart_async.{name}")
        else:
            raise AttributeError(f"module 'bitmart_async' has no attribute {name!r}")
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted(__all__)
