"""What BitMart's error codes mean, in plain words, and what to do about each kind.

Where the facts come from: the official error tables for spot and futures (copies up to February
2026), checked against what other clients for BitMart record. Nobody could reach the live exchange
while this library was written, so no row was seen on the wire by its authors.

Read a category as a good guess. The exchange reuses spot business codes: the same number can mean
something else on another endpoint or another version of it. Therefore errors always show the code,
the exchange's own ``message`` and the ``trace`` its support asks for; the words below only help.

Three tables, because the numbers do not share one space: 30013 is a rate limit on REST and was a bad
signature on the old spot socket. Futures sockets send no codes, only text.

This file is data and pure functions: it imports nothing of the package and does no I/O.
"""

from __future__ import annotations

import enum
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ADVICE",
    "ALREADY_LOGGED_IN",
    "ALREADY_SUBSCRIBED",
    "LEGACY_SPOT_STREAM_CODES",
    "REST_CODES",
    "SPOT_STREAM_CODES",
    "UNPROVEN",
    "Category",
    "CodeFact",
    "LoginVerdict",
    "fact_of",
    "futures_login_verdict",
    "futures_stream_category",
    "login_verdict",
]


class Category(enum.Enum):
    """What kind of refusal a code is; :data:`ADVICE` has one sentence for each."""

    AUTH = "auth"
    """Key, secret, memo or signature."""
    TIMESTAMP = "timestamp"
    """The clock, or recvWindow."""
    PERMISSION = "permission"
    """This key, account or IP address may not do it."""
    REGION = "region"
    """Not offered in the account's country."""
    ACCOUNT_STATE = "account_state"
    """The account is frozen, not opened or out of service."""
    RATE_LIMIT = "rate_limit"
    """Too many calls, topics, messages or connections."""
    BAD_REQUEST = "bad_request"
    """A parameter is missing or wrong, or the format is. Also the guess for unknown refusals."""
    SYMBOL = "symbol"
    """The pair or contract is unknown or cannot be traded now."""
    NOT_FOUND = "not_found"
    """No such order, coin, account, record or path."""
    INSUFFICIENT_FUNDS = "insufficient_funds"
    """Not enough balance, margin or borrowing room."""
    ORDER_REJECTED = "order_rejected"
    """Trading rules forbid the order."""
    ORDER_STATE = "order_state"
    """The order or loan is past the state this call needs."""
    POSITION = "position"
    """The position is missing or in the wrong state."""
    DUPLICATE = "duplicate"
    """The id was used before, or the thing is already done."""
    UNAVAILABLE = "unavailable"
    """Closed for now for this coin, pair or account."""
    MAINTENANCE = "maintenance"
    """Planned downtime."""
    RETIRED = "retired"
    """The endpoint is gone for good."""
    SYSTEM = "system"
    """A fault inside the exchange."""


class CodeFact(NamedTuple):
    """One row: the kind of refusal and what was wrong."""

    category: Category
    meaning: str
    """Lower-case start, no full stop, so that it fits after a colon."""


_C, _F = Category, CodeFact  # short, so that every code keeps to one line

REST_CODES: Final[Mapping[int, CodeFact]] = MappingProxyType(
    {
        # Futures upgrade, known from one exchange notice only (October 2025)
        25601: _F(_C.MAINTENANCE, "the futures servers are being upgraded"),
        # 30xxx: every REST call, both markets
        30000: _F(_C.NOT_FOUND, "this URL path does not exist"),
        30001: _F(_C.AUTH, "the X-BM-KEY header is absent"),
        30002: _F(_C.AUTH, "the exchange does not know this API key"),
        30003: _F(_C.AUTH, "this API key is frozen"),
        30004: _F(_C.AUTH, "the X-BM-SIGN header is absent"),
        30005: _F(_C.AUTH, "the signature does not match: wrong secret or memo, or other bytes were signed"),
        30006: _F(_C.AUTH, "the X-BM-TIMESTAMP header is absent or not a whole number"),
        30007: _F(
            _C.TIMESTAMP, "the timestamp is too far from server time, or recvWindow is not in 1 to 60000"
        ),
        30008: _F(_C.TIMESTAMP, "the timestamp has the wrong form"),
        30010: _F(_C.PERMISSION, "the key's whitelist does not hold the IP address of this machine"),
        30011: _F(_C.AUTH, "this API key is past its expiry date"),
        30012: _F(_C.PERMISSION, "the key was made without the right this call needs"),
        30013: _F(_C.RATE_LIMIT, "too many calls to this endpoint in the current window"),
        30014: _F(_C.SYSTEM, "the service is down for the moment"),
        30016: _F(_C.MAINTENANCE, "this function is closed for maintenance (sent with HTTP 200)"),
        30017: _F(_C.RATE_LIMIT, "account or IP address is banned for a while after breaking rate limits"),
        30018: _F(
            _C.BAD_REQUEST, "the request body is not valid JSON (the caller's fault in spite of HTTP 503)"
        ),
        30019: _F(_C.PERMISSION, "the account has no right to this operation (sent with HTTP 200)"),
        30030: _F(_C.RETIRED, "the first futures API no longer runs, only V2 does (sent with HTTP 200)"),
        30031: _F(_C.RETIRED, "the exchange has removed this endpoint (sent with HTTP 200)"),
        # 400xx: futures, accounts and request form
        40001: _F(_C.NOT_FOUND, "there is no such cloud account"),
        40002: _F(_C.NOT_FOUND, "no record has this out_trade_no"),
        40003: _F(_C.DUPLICATE, "this out_trade_no was used before"),
        40004: _F(_C.BAD_REQUEST, "no more cloud accounts can be made"),
        40005: _F(_C.BAD_REQUEST, "the transfer amount has the wrong number of decimals"),
        40006: _F(_C.PERMISSION, "the caller's IP address is not accepted"),
        40007: _F(_C.BAD_REQUEST, "a parameter is unreadable: wrong type or form"),
        40008: _F(_C.TIMESTAMP, "the nonce is refused, mostly a sign of a wrong clock"),
        40009: _F(_C.BAD_REQUEST, "the version in the request is refused"),
        40010: _F(_C.NOT_FOUND, "the called function does not exist"),
        40011: _F(_C.BAD_REQUEST, "the request is not acceptable as sent"),
        40012: _F(_C.SYSTEM, "internal fault, or an open position forbids the change, or balance is too low"),
        40013: _F(_C.RATE_LIMIT, "calls come too fast, or this machine's clock is off (one code for both)"),
        # 400xx: futures, contracts, orders and positions
        40014: _F(_C.SYMBOL, "the contract is no longer offered"),
        40015: _F(_C.SYMBOL, "trading of the contract is halted for now"),
        40016: _F(_C.ORDER_REJECTED, "the order would bring the position into liquidation"),
        40017: _F(_C.ORDER_REJECTED, "one position cannot be opened and closed at the same moment"),
        40018: _F(_C.POSITION, "the position was closed before this call"),
        40019: _F(_C.POSITION, "the position is being liquidated"),
        40020: _F(
            _C.POSITION, "the position is smaller than the call needs; also seen during server upgrades"
        ),
        40021: _F(_C.POSITION, "there is no such position"),
        40022: _F(_C.POSITION, "the call needs an isolated position and this one is not"),
        40023: _F(_C.POSITION, "with that much margin removed the position would be liquidated"),
        40024: _F(_C.POSITION, "with that much margin removed the liquidation warning would fire"),
        40025: _F(_C.POSITION, "the margin left would be less than the required base"),
        40026: _F(_C.POSITION, "the cross-margin position is being liquidated"),
        40027: _F(_C.INSUFFICIENT_FUNDS, "the free futures balance does not cover this"),
        40028: _F(_C.ORDER_REJECTED, "the account holds as many plan orders as it may"),
        40029: _F(_C.ORDER_REJECTED, "leverage is above what the contract allows"),
        40030: _F(_C.ORDER_REJECTED, "leverage is below what the contract allows"),
        40031: _F(_C.ORDER_REJECTED, "the trigger price lies too far from the market"),
        40032: _F(_C.ORDER_REJECTED, "the plan order asks to live longer than allowed"),
        40033: _F(_C.ORDER_REJECTED, "the plan order asks to live for less than allowed"),
        40034: _F(_C.SYMBOL, "no contract has this symbol: missing, misspelt or delisted"),
        40035: _F(_C.NOT_FOUND, "no such futures order"),
        40036: _F(_C.ORDER_STATE, "the order is in a state that rules this out"),
        40037: _F(_C.NOT_FOUND, "no futures order has this order_id"),
        40038: _F(_C.BAD_REQUEST, "step is not one of the candle lengths"),
        40039: _F(_C.TIMESTAMP, "a timestamp is not acceptable"),
        40040: _F(_C.ORDER_REJECTED, "leverage is not acceptable, or an open position uses another one"),
        40041: _F(_C.BAD_REQUEST, "side is not one of the known values"),
        40042: _F(_C.BAD_REQUEST, "type is not one of the known values"),
        40043: _F(_C.ORDER_REJECTED, "price or size does not fit the contract's steps"),
        40044: _F(_C.ORDER_REJECTED, "size is below or above what the contract allows"),
        40045: _F(_C.BAD_REQUEST, "open_type is neither cross nor isolated"),
        40046: _F(_C.ACCOUNT_STATE, "this account has never opened futures trading"),
        40047: _F(_C.REGION, "futures are not available in the account's country"),
        40048: _F(_C.BAD_REQUEST, "client_order_id holds something other than letters and digits"),
        40049: _F(_C.BAD_REQUEST, "client_order_id has more than 32 characters"),
        40050: _F(_C.DUPLICATE, "an earlier order took this client_order_id"),
        40059: _F(_C.POSITION, "the position mode cannot change while positions or orders are open"),
        # 42xxx to 49xxx: futures, the rest
        42000: _F(_C.INSUFFICIENT_FUNDS, "the futures balance does not cover this (sent with HTTP 200)"),
        49998: _F(_C.BAD_REQUEST, "a parameter is wrong (seen by another client only)"),
        # 500xx: spot, orders and market queries
        50000: _F(_C.BAD_REQUEST, "the request is malformed"),
        50001: _F(_C.SYMBOL, "no spot pair has this symbol"),
        50002: _F(_C.BAD_REQUEST, "from or to is not a valid time"),
        50003: _F(_C.BAD_REQUEST, "step is not a valid candle length"),
        50004: _F(_C.BAD_REQUEST, "the time span would hold over 500 candles"),
        50005: _F(_C.NOT_FOUND, "no such spot order, or the query names neither orderId nor clientOrderId"),
        50006: _F(_C.ORDER_REJECTED, "size is too small for this pair"),
        50007: _F(_C.ORDER_REJECTED, "size is too large for this pair"),
        50008: _F(_C.ORDER_REJECTED, "price is lower than the pair allows"),
        50009: _F(_C.ORDER_REJECTED, "the order's value (size times price) is too small"),
        50010: _F(_C.BAD_REQUEST, "the order lacks size"),
        50011: _F(_C.BAD_REQUEST, "the order lacks price"),
        50012: _F(_C.BAD_REQUEST, "the order lacks notional, the amount to spend"),
        50013: _F(_C.BAD_REQUEST, "limit and offset together reach too far into the list"),
        50014: _F(_C.BAD_REQUEST, "the query lacks limit"),
        50015: _F(_C.BAD_REQUEST, "limit must be 1 or more"),
        50016: _F(_C.BAD_REQUEST, "limit is larger than this endpoint allows"),
        50017: _F(_C.BAD_REQUEST, "the query lacks offset"),
        50018: _F(_C.BAD_REQUEST, "offset must be 1 or more"),
        50019: _F(_C.BAD_REQUEST, "status is not a known order filter"),
        50020: _F(_C.INSUFFICIENT_FUNDS, "the spot balance does not cover this"),
        50021: _F(_C.BAD_REQUEST, "a parameter is wrong, see message; a market buy needs notional, not size"),
        50022: _F(_C.SYSTEM, "the spot service is down for the moment (though HTTP says 400)"),
        50023: _F(_C.SYMBOL, "this pair is closed to API trading"),
        50024: _F(_C.BAD_REQUEST, "the order book call asks for over 200 levels"),
        50025: _F(_C.ORDER_REJECTED, "price is higher than the pair allows"),
        50026: _F(_C.ORDER_REJECTED, "the buy price is over the bound set for the pair's opening"),
        50027: _F(_C.ORDER_REJECTED, "the sell price is under the bound set for the pair's opening"),
        50028: _F(_C.BAD_REQUEST, "one or more required parameters are absent"),
        50029: _F(
            _C.ORDER_REJECTED, "the parameters contradict each other, e.g. size times price is too small"
        ),
        50030: _F(_C.ORDER_STATE, "the order was canceled before this call"),
        50031: _F(_C.ORDER_STATE, "the order was filled before this call"),
        50032: _F(_C.ORDER_STATE, "the order is no longer open: filled or canceled"),
        50033: _F(_C.BAD_REQUEST, "the count must be 1 to 10, most likely the orders in one batch"),
        50034: _F(_C.ORDER_REJECTED, "price is too high for the book, so post-only or IOC is refused"),
        50035: _F(_C.ORDER_REJECTED, "price is too low for the book, so post-only or IOC is refused"),
        50036: _F(_C.ORDER_STATE, "the order can no longer be canceled"),
        50037: _F(_C.BAD_REQUEST, "clientOrderId has more than 32 characters"),
        50038: _F(_C.BAD_REQUEST, "clientOrderId holds something other than letters and digits"),
        50039: _F(_C.BAD_REQUEST, "the call names neither orderId nor clientOrderId"),
        50040: _F(_C.SYMBOL, "this pair is not open for trading"),
        50041: _F(_C.BAD_REQUEST, "the times asked for lie outside what can be queried"),
        50042: _F(_C.DUPLICATE, "an earlier order took this clientOrderId"),
        # 510xx: margin accounts and loans, order minimums
        51000: _F(_C.NOT_FOUND, "there is no such coin"),
        51001: _F(_C.ACCOUNT_STATE, "the margin account for this pair was never opened"),
        51002: _F(_C.ACCOUNT_STATE, "the margin account cannot be used now"),
        51003: _F(_C.BAD_REQUEST, "a limit of the margin account forbids this"),
        51004: _F(_C.INSUFFICIENT_FUNDS, "the loan asked for is larger than the account may borrow"),
        51005: _F(_C.BAD_REQUEST, "the loan asked for is smaller than the least that is lent"),
        51006: _F(_C.BAD_REQUEST, "the repayment is larger than the debt"),
        51007: _F(_C.BAD_REQUEST, "order_mode is not a known value"),
        51008: _F(_C.UNAVAILABLE, "closed for the moment; on some pairs it means no trading by API"),
        51009: _F(_C.ORDER_REJECTED, "size is too small for this side of the pair"),
        51010: _F(_C.ORDER_REJECTED, "price is under the least the pair allows"),
        51011: _F(_C.ORDER_REJECTED, "size times price is under the least a trade may be worth"),
        51012: _F(_C.ORDER_REJECTED, "the market buy spends less than the pair's minimum"),
        51013: _F(_C.ORDER_REJECTED, "the amount of the market buy is too small"),
        51014: _F(_C.ORDER_REJECTED, "the amount of the market sell is too small"),
        51015: _F(_C.ORDER_REJECTED, "the order's size is too small"),
        51024: _F(_C.ORDER_STATE, "there is no loan to repay"),
        # 520xx: spot and margin, values of parameters
        52000: _F(_C.BAD_REQUEST, "orderMode is not a known value"),
        52001: _F(_C.BAD_REQUEST, "the order type is not a known value"),
        52002: _F(_C.BAD_REQUEST, "side must be buy or sell"),
        52003: _F(_C.BAD_REQUEST, "queryState is not a known value"),
        52004: _F(_C.BAD_REQUEST, "the end time lies before the start time"),
        # 530xx to 58xxx: spot and margin, rights, method and media type
        53000: _F(_C.ACCOUNT_STATE, "the exchange froze this account for security"),
        53001: _F(_C.REGION, "the country of the identity check is barred"),
        53002: _F(_C.PERMISSION, "the account has not passed the advanced identity check (KYC)"),
        53003: _F(_C.PERMISSION, "the main account has not granted this right"),
        53004: _F(_C.REGION, "this pair is closed to the account's region"),
        53005: _F(_C.PERMISSION, "the account has no right to this endpoint"),
        53006: _F(_C.PERMISSION, "the account has not passed the starter identity check"),
        53007: _F(_C.PERMISSION, "the account has not passed advanced verification"),
        53008: _F(_C.REGION, "spot service is not available in the account's country"),
        53009: _F(_C.PERMISSION, "the account has not done the QR code check"),
        53010: _F(_C.PERMISSION, "this account is barred from borrowing"),
        53011: _F(_C.PERMISSION, "accounts of this type cannot use the function"),
        57001: _F(_C.BAD_REQUEST, "wrong HTTP method for this spot endpoint"),
        58001: _F(_C.BAD_REQUEST, "wrong Content-Type, send application/json"),
        # 590xx: spot and margin, faults behind the API
        59001: _F(_C.NOT_FOUND, "the exchange finds no account for this user"),
        59002: _F(_C.SYSTEM, "internal fault of the spot service"),
        59003: _F(_C.SYSTEM, "the spot wallet gave no proper answer, so the outcome is unknown"),
        59004: _F(_C.SYSTEM, "the margin wallet gave no proper answer, so the outcome is unknown"),
        59005: _F(_C.PERMISSION, "the margin wallet is under a restriction"),
        59006: _F(_C.SYSTEM, "the transfer hit a fault; money may have moved or not"),
        59007: _F(_C.SYSTEM, "the pair's risk data could not be read"),
        59008: _F(_C.ORDER_REJECTED, "the exchange could not place the order"),
        59009: _F(_C.ORDER_REJECTED, "the loan stands and is owed, but the order failed"),
        59010: _F(_C.INSUFFICIENT_FUNDS, "the loan is too small for this order"),
        59011: _F(_C.SYSTEM, "the wallet balance could not be read just now"),
        # 600xx: account, deposits and withdrawals
        60000: _F(_C.BAD_REQUEST, "the request is malformed: empty body, or a parameter of the wrong type"),
        60001: _F(_C.BAD_REQUEST, "the wallet type is not a known value"),
        60002: _F(_C.NOT_FOUND, "the exchange has no such coin"),
        60003: _F(_C.UNAVAILABLE, "deposits of this coin are closed"),
        60004: _F(_C.UNAVAILABLE, "withdrawals of this coin are closed"),
        60005: _F(_C.BAD_REQUEST, "amount is less than the least allowed"),
        60006: _F(_C.BAD_REQUEST, "amount has more decimals than the coin's withdrawals allow"),
        60007: _F(_C.PERMISSION, "the address is not in the account's address book"),
        60008: _F(_C.INSUFFICIENT_FUNDS, "the wallet balance does not cover this"),
        60009: _F(_C.BAD_REQUEST, "amount exceeds a limit"),
        60010: _F(_C.NOT_FOUND, "no deposit or withdrawal has this id"),
        60011: _F(_C.BAD_REQUEST, "address is not valid for the coin"),
        60012: _F(_C.UNAVAILABLE, "the coin does not offer this action"),
        60013: _F(_C.BAD_REQUEST, "amount does not fall on the coin's step"),
        60014: _F(_C.BAD_REQUEST, "address_memo is wrong or absent"),
        60015: _F(_C.PERMISSION, "the address still has to be verified in the account"),
        # 6002x to 6003x: account, rights, method and media type
        60020: _F(_C.PERMISSION, "this account is barred from deposits"),
        60021: _F(_C.PERMISSION, "this account is barred from withdrawals"),
        60022: _F(_C.PERMISSION, "the account cannot withdraw for 24 hours"),
        60026: _F(_C.PERMISSION, "a sub-account cannot call this"),
        60027: _F(_C.PERMISSION, "this call is for sub-accounts alone"),
        60028: _F(_C.ACCOUNT_STATE, "the account is disabled or out of service"),
        60029: _F(_C.ACCOUNT_STATE, "the main account froze this sub-account"),
        60030: _F(_C.BAD_REQUEST, "wrong HTTP method for this account endpoint"),
        60031: _F(_C.BAD_REQUEST, "this Content-Type is not accepted, send application/json"),
        # 6005x to 6006x: account, internal faults, receivers and limits
        60050: _F(_C.NOT_FOUND, "the exchange cannot find this account"),
        60051: _F(_C.SYSTEM, "internal fault of the account service"),
        60052: _F(_C.SYSTEM, "a fault the account service does not explain"),
        60053: _F(_C.BAD_REQUEST, "no BitMart user has this e-mail, phone or user id"),
        60054: _F(_C.PERMISSION, "only the main account can withdraw, no sub-account can"),
        60055: _F(_C.UNAVAILABLE, "this coin cannot be used here"),
        60056: _F(_C.UNAVAILABLE, "withdrawals of this coin are on hold"),
        60057: _F(_C.ACCOUNT_STATE, "the user's status blocks this"),
        60058: _F(_C.INSUFFICIENT_FUNDS, "without that money the margin account nears a margin call"),
        60059: _F(_C.PERMISSION, "withdrawals to other BitMart users are not allowed here"),
        60060: _F(_C.BAD_REQUEST, "the account service refuses the request as sent"),
        60061: _F(_C.BAD_REQUEST, "the account service does not offer this operation"),
        60062: _F(_C.PERMISSION, "the account service forbids this"),
        60063: _F(_C.ACCOUNT_STATE, "the account is frozen for security reasons"),
        60064: _F(_C.PERMISSION, "today's withdrawal allowance is spent"),
        60065: _F(_C.BAD_REQUEST, "the receiver is the sender"),
        60066: _F(
            _C.BAD_REQUEST, "with the default times the span is over 90 days, so send both start and end"
        ),
        60067: _F(_C.BAD_REQUEST, "the span from start to end is over 90 days"),
        # 610xx: transfers between main and sub-accounts
        61000: _F(_C.BAD_REQUEST, "amount must be above zero"),
        61001: _F(_C.INSUFFICIENT_FUNDS, "the paying account holds too little"),
        61002: _F(_C.NOT_FOUND, "the receiving account does not exist"),
        61003: _F(_C.NOT_FOUND, "there is no such sub-account"),
        61004: _F(_C.DUPLICATE, "an earlier transfer took this requestNo"),
        61005: _F(_C.UNAVAILABLE, "transfers from the one to the other account are closed"),
        61006: _F(_C.PERMISSION, "calls on sub-accounts are kept for institutions"),
        61007: _F(_C.PERMISSION, "the account has not been verified as an institution"),
        61008: _F(_C.UNAVAILABLE, "outgoing transfers are on hold"),
        # 70xxx and 71xxx: spot market data (most come with HTTP 200)
        70000: _F(_C.NOT_FOUND, "there is no data for this query"),
        70001: _F(_C.BAD_REQUEST, "the market data call lacks a parameter"),
        70002: _F(_C.SYMBOL, "the market data service knows no such symbol"),
        70003: _F(_C.SYSTEM, "network trouble inside the exchange (seen by another client only)"),
        71001: _F(_C.BAD_REQUEST, "after is not a valid time"),
        71002: _F(_C.BAD_REQUEST, "before is not a valid time"),
        71003: _F(_C.BAD_REQUEST, "after and before contradict each other"),
        71004: _F(_C.BAD_REQUEST, "the candle call asks for too many candles"),
        71005: _F(_C.BAD_REQUEST, "step is not a candle length of this endpoint"),
    }
)
"""Every failure code REST is known to answer with (1000 is success and has no row)."""

ALREADY_SUBSCRIBED: Final = 90008
"""Spot stream code. Harmless: the topic was subscribed before and keeps running."""

ALREADY_LOGGED_IN: Final = 91005
"""Spot stream code. Harmless: the session is logged in, so take it for a login that worked."""

SPOT_STREAM_CODES: Final[Mapping[int, CodeFact]] = MappingProxyType(
    {
        # 900xx: messages and topics
        90001: _F(_C.BAD_REQUEST, "the message does not have the form the socket expects"),
        90002: _F(_C.BAD_REQUEST, "op is not a known operation"),
        90003: _F(_C.BAD_REQUEST, "args is not acceptable"),
        90004: _F(_C.BAD_REQUEST, "the topic names no known channel"),
        90005: _F(_C.RATE_LIMIT, "one message may name 20 topics, this one names more"),
        90006: _F(_C.RATE_LIMIT, "the connection is full: it may hold 115 public or 100 private topics"),
        90007: _F(_C.RATE_LIMIT, "the client sends too fast: 100 messages in 10 seconds is the most"),
        90008: _F(_C.DUPLICATE, "the topic is subscribed already; harmless, it keeps running"),
        90009: _F(_C.BAD_REQUEST, "the socket does not accept this subscription"),
        # 910xx: login
        91001: _F(_C.AUTH, "the login holds no API key"),
        91002: _F(_C.AUTH, "the socket does not know this API key"),
        91003: _F(_C.AUTH, "the login's API key is frozen"),
        91004: _F(_C.AUTH, "the login's API key is past its expiry date"),
        91005: _F(_C.DUPLICATE, "the session is logged in already; harmless"),
        91006: _F(_C.AUTH, "the topic is private and the session is not logged in"),
        91010: _F(_C.AUTH, "the login holds no signature"),
        91011: _F(_C.AUTH, "the login's signature does not match: wrong secret or memo"),
        91021: _F(_C.AUTH, "the login holds no timestamp"),
        91022: _F(_C.TIMESTAMP, "the login's timestamp is over a minute from server time"),
        91023: _F(_C.TIMESTAMP, "the login's timestamp has the wrong form"),
        # 92xxx to 95xxx: symbols, connections, faults
        92001: _F(_C.SYMBOL, "the topic names no known symbol"),
        94001: _F(_C.RATE_LIMIT, "the client reconnects too often: 30 times a minute is the most"),
        94002: _F(
            _C.RATE_LIMIT, "this IP address has too many connections: 20 public, 10 private is the most"
        ),
        95000: _F(_C.SYSTEM, "internal fault of the spot socket"),
    }
)
"""Every code of the spot sockets. On the wire they are strings: convert before looking up."""

LEGACY_SPOT_STREAM_CODES: Final[Mapping[int, CodeFact]] = MappingProxyType(
    {
        30013: _F(_C.AUTH, "the signature does not match (old spot socket)"),
        30039: _F(_C.BAD_REQUEST, "the message is not understood (old spot socket)"),
    }
)
"""Codes of the old spot socket server, known from another client. Never look them up for REST."""

ADVICE: Final[Mapping[Category, str]] = MappingProxyType(
    {
        Category.AUTH: "On your side: check key, secret and memo, and that the key is neither expired nor frozen.",
        Category.TIMESTAMP: "On your side: check this machine's clock, sync with server time, then send once more.",
        Category.PERMISSION: "On your side: check the key's rights and IP whitelist, then verification and limits of the account.",
        Category.REGION: "On your side: do not repeat the call, as BitMart does not offer this in your country.",
        Category.ACCOUNT_STATE: "On your side: open or unfreeze the account on BitMart's site, or ask its support.",
        Category.RATE_LIMIT: "On your side: slow down and wait for the next window, or far longer after a ban.",
        Category.BAD_REQUEST: "On your side: read `message` for the parameter at fault, and correct it.",
        Category.SYMBOL: "On your side: check the spelling (BTC_USDT on spot, BTCUSDT on futures) and that it trades now.",
        Category.NOT_FOUND: "On your side: check the id, coin or path, and that it belongs to this account and market.",
        Category.INSUFFICIENT_FUNDS: "On your side: check the balance of this very wallet, then add funds or ask for less.",
        Category.ORDER_REJECTED: "On your side: compare price, size and leverage with the symbol's rules and the market.",
        Category.ORDER_STATE: "On your side: look it up, as it has moved on since you last looked: filled, canceled or repaid.",
        Category.POSITION: "On your side: query the position, its mode and its margin before you send a changed call.",
        Category.DUPLICATE: "On your side: look up what the first use of the id did before you send a new one.",
        Category.UNAVAILABLE: "On BitMart's side: wait until it opens again, or use another coin, pair or account.",
        Category.MAINTENANCE: "On BitMart's side: wait for the work to end, then query what happened before repeating.",
        Category.RETIRED: "On BitMart's side: stop calling this endpoint and use its successor.",
        Category.SYSTEM: "On BitMart's side: query orders and balances first, then repeat with growing pauses.",
    }
)
"""What to do, one sentence for each category, opening with the side the cause is on."""

UNPROVEN: Final[frozenset[int]] = frozenset(
    code for code, fact in REST_CODES.items() if fact.category in (Category.SYSTEM, Category.MAINTENANCE)
)
"""REST codes after which an order, transfer or withdrawal may have been executed all the same.

The rule: every SYSTEM and every MAINTENANCE code. Such a reply says that something behind the door
broke or closed; it does not say that this happened before the request was acted on. All other codes
judge the request itself, and a judged request is not carried out. The price of error decides the
doubtful ones: a needless query costs a call, a needless repeat costs a second order. Hence also codes
that look like pure reading faults (59007, 59011, 70003).

Not here: 59009, which is certain, but half done (the loan stands, the order does not), and 59008,
with which the exchange states that the order was not placed.

A code that no table holds is unproven too when :func:`fact_of` makes it SYSTEM.
"""

_BY_STATUS: Final[Mapping[int, Category]] = MappingProxyType(
    {
        400: Category.BAD_REQUEST,
        401: Category.AUTH,
        403: Category.PERMISSION,
        404: Category.NOT_FOUND,
        405: Category.BAD_REQUEST,
        415: Category.BAD_REQUEST,
        418: Category.RATE_LIMIT,
        429: Category.RATE_LIMIT,
    }
)

_BY_RANGE: Final[tuple[tuple[range, Category, str], ...]] = (
    (range(30_000, 31_000), Category.AUTH, "key and access"),
    (range(40_000, 41_000), Category.BAD_REQUEST, "futures"),
    (range(50_000, 60_000), Category.BAD_REQUEST, "spot and margin"),
    (range(60_000, 62_000), Category.BAD_REQUEST, "account"),
    (range(70_000, 72_000), Category.BAD_REQUEST, "spot market data"),
)


def fact_of(code: int, http_status: int | None) -> CodeFact:
    """What a REST failure code means; for an unlisted code, a guess that says it is one.

    The code goes first, since HTTP statuses mislead (failures come with 200, a caller's fault with
    503). The status serves unlisted codes, then the range of the number; what neither settles is
    BAD_REQUEST.

    Args:
        code: The envelope's ``code``, not 1000.
        http_status: The status of the reply, or None where there was none.
    """
    fact = REST_CODES.get(code)
    if fact is not None:
        return fact
    if http_status is not None:
        category = Category.SYSTEM if 500 <= http_status <= 599 else _BY_STATUS.get(http_status)
        if category is not None:
            return CodeFact(category, f"this code is not in the tables, HTTP {http_status} suggests the kind")
    for numbers, category, area in _BY_RANGE:
        if code in numbers:
            return CodeFact(category, f"this code is not in the tables, its range belongs to {area}")
    return CodeFact(Category.BAD_REQUEST, "this code is not in the tables, nor in a known range")


LoginVerdict: TypeAlias = Literal["final", "clock", "passing"]
"""After a refused login: ``final`` stop, ``clock`` sync the time and try once, ``passing`` try later."""

_CLOCK_CODES: Final = frozenset({91022, 91023})
_PASSING_CODES: Final = frozenset({90007, 94001, 94002, 95000})


def login_verdict(code: int) -> LoginVerdict:
    """Whether a spot socket's refusal of a login can pass.

    Unknown codes are final: a wrong key that is tried for ever gets the IP address banned. Ask about
    :data:`ALREADY_LOGGED_IN` first; it is no refusal, and here would count as final.
    """
    if code in _CLOCK_CODES:
        return "clock"
    return "passing" if code in _PASSING_CODES else "final"


_PASSING_TEXT: Final = "temporarily unavailable"
_LOGIN_TEXT: Final = re.compile(r"need authent?ication")  # without the t on the wire so far
_TIME_TEXT: Final = re.compile(r"timestamp|(?<![a-z])time(?![a-z])")  # not "times" nor "timeout"


def futures_stream_category(text: str) -> Category:
    """The kind of refusal behind a futures socket's text; BAD_REQUEST where the text is new.

    Texts that quote the client are told by how they begin, so that what is quoted cannot mislead.
    """
    words = text.strip().casefold()
    if words.startswith(("invalid message", "invalid action")):
        return Category.BAD_REQUEST
    if words.startswith("invalid channel") or (words.startswith("group [") and words.endswith("not exist")):
        return Category.SYMBOL
    if _PASSING_TEXT in words:
        return Category.SYSTEM
    if words.startswith("access failed") or "auth failed" in words or _LOGIN_TEXT.search(words):
        return Category.AUTH
    return Category.BAD_REQUEST


def futures_login_verdict(text: str) -> LoginVerdict:
    """Whether a futures socket's refusal of a login can pass, as far as its text tells.

    Only the text for a wrong key or signature is on record. That a clock fault names the time is a
    guess; if it does not, it counts as final.
    """
    words = text.casefold()
    if _PASSING_TEXT in words:
        return "passing"
    return "clock" if _TIME_TEXT.search(words) else "final"
