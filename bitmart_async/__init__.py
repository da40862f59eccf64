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

from bitmart_async._version import __version__

if TYPE_CHECKING:
    from bitmart_async import errors, topics, trading
    from bitmart_async.clock import Clock
    from bitmart_async.credentials import Credentials
    from bitmart_async.environments import DEMO, LIVE, Environment, local
    from bitmart_async.errors import (
        AccountUnavailable,
        AlreadyExists,
        AnswerTimeout,
        ApiError,
        AuthError,
        BadRequest,
        BadResponse,
        BitMartError,
        ClientClosed,
        ConfigurationError,
        ConnectFailed,
        ConnectionLost,
        CredentialsMissing,
        EdgeBlocked,
        EndpointRetired,
        Fate,
        FrameUnreadable,
        HistoryIncomplete,
        HistoryStopped,
        InsufficientFunds,
        IpBanned,
        LoginRefused,
        Maintenance,
        NotFound,
        OrderFateUnknown,
        OrderNotFound,
        OrderRejected,
        OrderStateConflict,
        OutcomeUnknown,
        ParameterError,
        PermissionDenied,
        PositionConflict,
        RateLimited,
        RedirectRefused,
        RegionRestricted,
        SlowConsumer,
        StreamError,
        StreamUnavailable,
        SubscriptionRefused,
        SymbolUnavailable,
        SystemFault,
        TimestampRejected,
        TlsError,
        TopicError,
        TransportError,
        Unavailable,
    )
    from bitmart_async.models.enums import (
        AccountKind,
        AccountTransferType,
        AffiliateContractType,
        AffiliateCopyTrade,
        AffiliateMarginMode,
        AffiliateOrderType,
        AffiliateUserType,
        AlgoOrderType,
        AlgoTriggerType,
        ApiAccountStatus,
        ApiAccountType,
        ApiKeyStatus,
        BookFrame,
        CancelSource,
        CloseContractType,
        ContractStatus,
        DepositAccount,
        EarnMaturity,
        EarnRecordType,
        EarnSwitch,
        EarnSwitchState,
        ExecutionType,
        FlowType,
        FundingOperation,
        FundingStatus,
        FundingTransferType,
        FuturesKlineStep,
        FuturesOrderAction,
        FuturesOrderMode,
        FuturesOrderState,
        FuturesOrderType,
        FuturesSide,
        FuturesStpMode,
        FuturesTransferType,
        Leg,
        MarginMode,
        MarginRiskLevel,
        MarginTransferSide,
        MoneyMovement,
        OpenOrderState,
        OpenOrderType,
        OrderMode,
        OrderState,
        OrderType,
        PlanCategory,
        PlanOrderState,
        PlanOrderType,
        PlanTypeFilter,
        PositionMode,
        PositionType,
        PriceType,
        PriceWay,
        QueryState,
        RebateStatus,
        Side,
        SourceAccount,
        SpotKlineStep,
        StpMode,
        SubAccountStatus,
        SubTransferType,
        TpSlType,
        TradeRole,
        TransferState,
        WithdrawAccountType,
        WithdrawAddressStatus,
        WithdrawAddressType,
    )
    from bitmart_async.models.spot import SpotOrderRequest
    from bitmart_async.models.spot_legacy import SpotOrderRequestV2
    from bitmart_async.ratelimit import Quota, RateLimits, RateLimitState, Scope, Use
    from bitmart_async.rest.clients import FuturesClientV2, RestClient
    from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
    from bitmart_async.rest.envelope import Envelope
    from bitmart_async.rest.history import Asked
    from bitmart_async.rest.iterate import History
    from bitmart_async.rest.transport import PendingOrder
    from bitmart_async.websocket.client import WebsocketClient
    from bitmart_async.websocket.events import Event, Gap, StreamData, Update
    from bitmart_async.websocket.subscription import Subscription
    from bitmart_async.websocket.topics import Market, Topic

_HOMES = {
    "clock": ("Clock",),
    "credentials": ("Credentials",),
    "environments": ("DEMO", "LIVE", "Environment", "local"),
    "errors": (
        "AccountUnavailable", "AlreadyExists", "AnswerTimeout", "ApiError", "AuthError", "BadRequest", "BadResponse",
        "BitMartError", "ClientClosed", "ConfigurationError", "ConnectFailed", "ConnectionLost",
        "CredentialsMissing", "EdgeBlocked", "EndpointRetired", "Fate", "FrameUnreadable", "HistoryIncomplete",
        "HistoryStopped", "InsufficientFunds", "IpBanned", "LoginRefused", "Maintenance", "NotFound", "OrderFateUnknown", "OrderNotFound", "OrderRejected",
        "OrderStateConflict", "OutcomeUnknown", "ParameterError", "PermissionDenied", "PositionConflict",
        "RateLimited", "RedirectRefused", "RegionRestricted", "SlowConsumer", "StreamError", "StreamUnavailable",
        "SubscriptionRefused", "SymbolUnavailable", "SystemFault", "TimestampRejected", "TlsError", "TopicError",
        "TransportError", "Unavailable",
    ),
    "models.enums": (
        "AccountKind", "AccountTransferType", "AffiliateContractType", "AffiliateCopyTrade",
        "AffiliateMarginMode", "AffiliateOrderType", "AffiliateUserType", "AlgoOrderType",
        "AlgoTriggerType", "ApiAccountStatus", "ApiAccountType", "ApiKeyStatus", "BookFrame",
        "CancelSource", "CloseContractType", "ContractStatus", "DepositAccount", "EarnMaturity",
        "EarnRecordType", "EarnSwitch", "EarnSwitchState", "ExecutionType", "FlowType", "FundingOperation",
        "FundingStatus", "FundingTransferType", "FuturesKlineStep", "FuturesOrderAction",
        "FuturesOrderMode", "FuturesOrderState", "FuturesOrderType", "FuturesSide", "FuturesStpMode",
        "FuturesTransferType", "Leg", "MarginMode", "MarginRiskLevel", "MarginTransferSide",
        "MoneyMovement", "OpenOrderState", "OpenOrderType", "OrderMode", "OrderState", "OrderType",
        "PlanCategory", "PlanOrderState", "PlanOrderType", "PlanTypeFilter", "PositionMode",
        "PositionType", "PriceType", "PriceWay", "QueryState", "RebateStatus", "Side", "SourceAccount",
        "SpotKlineStep", "StpMode", "SubAccountStatus", "SubTransferType", "TpSlType", "TradeRole",
        "TransferState", "WithdrawAccountType", "WithdrawAddressStatus", "WithdrawAddressType",
    ),
    "models.spot": ("SpotOrderRequest",),
    "models.spot_legacy": ("SpotOrderRequestV2",),
    "ratelimit": ("Quota", "RateLimitState", "RateLimits", "Scope", "Use"),
    "rest.clients": ("FuturesClientV2", "RestClient"),
    "rest.endpoint": ("Auth", "Effect", "Endpoint"),
    "rest.envelope": ("Envelope",),
    "rest.history": ("Asked",),
    "rest.iterate": ("History",),
    "rest.transport": ("PendingOrder",),
    "websocket.client": ("WebsocketClient",),
    "websocket.events": ("Event", "Gap", "StreamData", "Update"),
    "websocket.subscription": ("Subscription",),
    "websocket.topics": ("Market", "Topic"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "DEMO", "LIVE", "AccountKind", "AccountTransferType", "AccountUnavailable", "AffiliateContractType",
    "AffiliateCopyTrade", "AffiliateMarginMode", "AffiliateOrderType", "AffiliateUserType",
    "AlgoOrderType", "AlgoTriggerType", "AlreadyExists", "AnswerTimeout", "ApiAccountStatus",
    "ApiAccountType", "ApiError", "ApiKeyStatus", "Asked", "Auth", "AuthError", "BadRequest",
    "BadResponse", "BitMartError", "BookFrame", "CancelSource", "ClientClosed", "Clock",
    "CloseContractType", "ConfigurationError", "ConnectFailed", "ConnectionLost", "ContractStatus",
    "Credentials", "CredentialsMissing", "DepositAccount", "EarnMaturity", "EarnRecordType", "EarnSwitch",
    "EarnSwitchState", "EdgeBlocked", "Effect", "Endpoint", "EndpointRetired", "Envelope", "Environment",
    "Event", "ExecutionType", "Fate", "FlowType", "FrameUnreadable", "FundingOperation", "FundingStatus",
    "FundingTransferType", "FuturesClientV2", "FuturesKlineStep", "FuturesOrderAction", "FuturesOrderMode",
    "FuturesOrderState", "FuturesOrderType", "FuturesSide", "FuturesStpMode", "FuturesTransferType", "Gap",
    "History", "HistoryIncomplete", "HistoryStopped", "InsufficientFunds", "IpBanned", "Leg",
    "LoginRefused", "Maintenance", "MarginMode", "MarginRiskLevel", "MarginTransferSide", "Market",
    "MoneyMovement", "NotFound", "OpenOrderState", "OpenOrderType", "OrderFateUnknown", "OrderMode",
    "OrderNotFound", "OrderRejected", "OrderState", "OrderStateConflict", "OrderType", "OutcomeUnknown",
    "ParameterError", "PendingOrder", "PermissionDenied", "PlanCategory", "PlanOrderState",
    "PlanOrderType", "PlanTypeFilter", "PositionConflict", "PositionMode", "PositionType", "PriceType",
    "PriceWay", "QueryState", "Quota", "RateLimitState", "RateLimited", "RateLimits", "RebateStatus",
    "RedirectRefused", "RegionRestricted", "RestClient", "Scope", "Side", "SlowConsumer", "SourceAccount",
    "SpotKlineStep", "SpotOrderRequest", "SpotOrderRequestV2", "StpMode", "StreamData", "StreamError",
    "StreamUnavailable", "SubAccountStatus", "SubTransferType", "Subscription", "SubscriptionRefused",
    "SymbolUnavailable", "SystemFault", "TimestampRejected", "TlsError", "Topic", "TopicError", "TpSlType",
    "TradeRole", "TransferState", "TransportError", "Unavailable", "Update", "Use", "WebsocketClient",
    "WithdrawAccountType", "WithdrawAddressStatus", "WithdrawAddressType", "__version__", "errors",
    "local", "topics", "trading",
]

logging.getLogger("bitmart_async").addHandler(logging.NullHandler())


def __getattr__(name: str) -> object:
    module = _HOME_OF.get(name)
    if module is not None:
        value: object = getattr(importlib.import_module(f"bitmart_async.{module}"), name)
    elif name in ("errors", "topics", "trading"):
        value = importlib.import_module(f"bitmart_async.{name}")
    else:
        raise AttributeError(f"module 'bitmart_async' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
