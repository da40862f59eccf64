"""Futures affiliates: rebates and invitees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitmart_async.models.enums import AffiliateContractType, MoneyMovement
from bitmart_async.models.futures_affiliate import (
    AffiliateApiRebate,
    AffiliateCustomer,
    AffiliateInviteCheck,
    AffiliateInvitee,
    AffiliateInvitees,
    AffiliateMovement,
    AffiliateMovements,
    AffiliateRebate,
    AffiliateRebates,
    AffiliateTrade,
    AffiliateTrades,
    AffiliateUserRebate,
)
from bitmart_async.ratelimit import Quota, Scope
from bitmart_async.rest.endpoint import Auth, Endpoint
from bitmart_async.rest.history import MAX_REQUESTS, Incomplete
from bitmart_async.rest.pages import Paged
from bitmart_async.rest.params import Choice, NumberId, Text, Whole
from bitmart_async.rest.section import Section
from bitmart_async.rest.windows import seconds_window_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitmart_async.rest.iterate import History

__all__ = ["FuturesAffiliate"]

_rebate_window = seconds_window_of("rebate_start_time", "rebate_end_time")
_register_window = seconds_window_of("register_start_time", "register_end_time")
_sixty_days = seconds_window_of(most_days=60)


def _rebate_rules(given: Mapping[str, object]) -> None:
    _rebate_window(given)
    _register_window(given)


_QUOTA = Quota(24, scope=Scope.KEY)
_PAGE = Whole("page", required=True, low=1)
_SIZE = Whole("size", required=True, low=1)
_SIZE_50 = Whole("size", required=True, low=1, high=50)
_CID = NumberId("cid", required=True)
_WINDOW = (Whole("start_time", required=True, low=0), Whole("end_time", required=True, low=0))

REBATE_LIST = Endpoint(
    "futures.get_affiliate_rebate_list",
    "GET",
    "/contract/private/affiliate/rebate-list",
    Auth.KEYED,
    _QUOTA,
    returns=AffiliateRebates,
    bare=True,
    rules=_rebate_rules,
    params=(
        _PAGE,
        _SIZE,
        Text("currency", required=True),
        NumberId("user_id"),
        Whole("rebate_start_time", low=0),
        Whole("rebate_end_time", low=0),
        Whole("register_start_time", low=0),
        Whole("register_end_time", low=0),
    ),
)
TRADE_LIST = Endpoint(
    "futures.get_affiliate_trade_list",
    "GET",
    "/contract/private/affiliate/trade-list",
    Auth.KEYED,
    _QUOTA,
    returns=AffiliateTrades,
    bare=True,
    rules=seconds_window_of(),
    params=(
        NumberId("user_id", required=True),
        Choice("type", AffiliateContractType, required=True),
        _PAGE,
        _SIZE,
        Whole("start_time", low=0),
        Whole("end_time", low=0),
    ),
)
REBATE_USER = Endpoint(
    "futures.get_affiliate_rebate_user",
    "GET",
    "/contract/private/affiliate/rebate-user",
    Auth.KEYED,
    _QUOTA,
    returns=AffiliateUserRebate,
    bare=True,
    rules=_sixty_days,
    params=(_CID, *_WINDOW),
)
REBATE_API = Endpoint(
    "futures.get_affiliate_rebate_api",
    "GET",
    "/contract/private/affiliate/rebate-api",
    Auth.KEYED,
    _QUOTA,
    returns=AffiliateApiRebate,
    bare=True,
    rules=_sixty_days,
    params=(_CID, *_WINDOW),
)
INVITE_CHECK = Endpoint(
    "futures.check_affiliate_invite",
    "GET",
    "/contract/private/affiliate/invite-check",
    Auth.KEYED,
    _QUOTA,
    returns=AffiliateInviteCheck,
    bare=True,
    params=(_CID,),
)
INVITED_USERS = Endpoint(
    "futures.get_affiliate_invited_users",
    "GET",
    "/contract/private/affiliate/rebate-inviteUser",
    Auth.KEYED,
    _QUOTA,
    returns=AffiliateInvitees,
    bare=True,
    rules=_sixty_days,
    params=(*_WINDOW, _PAGE, _SIZE_50, NumberId("cid")),
)
CUSTOMER_INFO = Endpoint(
    "futures.get_affiliate_customer_info",
    "GET",
    "/contract/private/affiliate/aff-customer-info",
    Auth.KEYED,
    None,
    returns=AffiliateCustomer,
    bare=True,
    params=(NumberId("userId", required=True),),
)
DEPOSIT_WITHDRAWAL_LIST = Endpoint(
    "futures.get_affiliate_deposit_withdrawal_list",
    "GET",
    "/contract/private/affiliate/deposit-withdrawal-list",
    Auth.KEYED,
    None,
    returns=AffiliateMovements,
    bare=True,
    rules=_sixty_days,
    params=(_PAGE, _SIZE_50, Choice("type", MoneyMovement), _CID, *_WINDOW),
)

REBATE_PAGES: Paged[AffiliateRebates, AffiliateRebate] = Paged(
    endpoint=REBATE_LIST,
    rows=lambda data: data.rebate_detail_page_data,
    key=lambda row: (row.trade_user_id, row.rebate_coin),
    cap=50,
    total=lambda data: data.total,
    start="rebate_start_time",
    end="rebate_end_time",
    unit=1000,
)
TRADE_PAGES: Paged[AffiliateTrades, AffiliateTrade] = Paged(
    endpoint=TRADE_LIST,
    rows=lambda data: data.trades,
    key=None,
    cap=50,
    total=lambda data: data.total,
    start="start_time",
    end="end_time",
    unit=1000,
)
INVITEE_PAGES: Paged[AffiliateInvitees, AffiliateInvitee] = Paged(
    endpoint=INVITED_USERS,
    rows=lambda data: data.users,
    key=lambda row: row.cid,
    cap=50,
    total=lambda data: data.total,
    start="start_time",
    end="end_time",
    unit=1000,
)
MOVEMENT_PAGES: Paged[AffiliateMovements, AffiliateMovement] = Paged(
    endpoint=DEPOSIT_WITHDRAWAL_LIST,
    rows=lambda data: data.movements,
    key=None,
    cap=50,
    total=lambda data: data.total,
    start="start_time",
    end="end_time",
    unit=1000,
)


class FuturesAffiliate(Section):
    """For affiliate accounts. All calls are reads and raise CredentialsMissing without keys."""

    async def get_futures_affiliate_rebates(
        self,
        *,
        page: int,
        size: int,
        currency: str,
        user_id: str | None = None,
        rebate_start_time: int | None = None,
        rebate_end_time: int | None = None,
        register_start_time: int | None = None,
        register_end_time: int | None = None,
    ) -> AffiliateRebates:
        """Rebates per invitee, with the sums.

        Args:
            page: From 1.
            size: Rows of a page; the largest is published nowhere.
            currency: Coin of the rebate, like USDT.
            user_id: Only this invitee.
            rebate_start_time: When the rebate was earned, Unix SECONDS.
            rebate_end_time: Unix SECONDS.
            register_start_time: When the invitee registered, Unix SECONDS.
            register_end_time: Unix SECONDS.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: futures V2 docs, "Get Futures Rebate List". 24 calls per 2 s per key.
        """
        return await self._call(
            REBATE_LIST,
            page=page,
            size=size,
            currency=currency,
            user_id=user_id,
            rebate_start_time=rebate_start_time,
            rebate_end_time=rebate_end_time,
            register_start_time=register_start_time,
            register_end_time=register_end_time,
        )

    def iter_futures_affiliate_rebates(
        self,
        *,
        size: int | None = None,
        currency: str,
        user_id: str | None = None,
        rebate_start_time: int | None = None,
        rebate_end_time: int | None = None,
        register_start_time: int | None = None,
        register_end_time: int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[AffiliateRebate]:
        """Rebates per invitee, page after page, each once. The sums are in get_futures_affiliate_rebates.

        Args:
            size: Rows of a page, 50 when not given.
            currency: Coin of the rebate, like USDT.
            user_id: Only this invitee.
            rebate_start_time: When the rebate was earned, Unix SECONDS.
            rebate_end_time: Unix SECONDS; now when only rebate_start_time is given.
            register_start_time: When the invitee registered, Unix SECONDS.
            register_end_time: Unix SECONDS.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: futures V2 docs, "Get Futures Rebate List".
        """
        return self._iter(
            REBATE_PAGES,
            rebate_start_time,
            rebate_end_time,
            max_requests,
            incomplete,
            size=size,
            currency=currency,
            user_id=user_id,
            register_start_time=register_start_time,
            register_end_time=register_end_time,
        )

    async def get_futures_affiliate_trades(
        self,
        user_id: str,
        *,
        type: AffiliateContractType | int,
        page: int,
        size: int,
        start_time: int | None = None,
        end_time: int | None = None,
    ) -> AffiliateTrades:
        """Trades of one invitee.

        Args:
            user_id: The invitee.
            type: 1 USDT-margined contracts, 2 coin-margined ones.
            page: From 1.
            size: Rows of a page; the largest is published nowhere.
            start_time: Unix SECONDS, although the rows carry milliseconds.
            end_time: Unix SECONDS.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: futures V2 docs, "Get Futures Trade List". 24 calls per 2 s per key.
        """
        return await self._call(
            TRADE_LIST,
            user_id=user_id,
            type=type,
            page=page,
            size=size,
            start_time=start_time,
            end_time=end_time,
        )

    def iter_futures_affiliate_trades(
        self,
        user_id: str,
        *,
        type: AffiliateContractType | int,
        size: int | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[AffiliateTrade]:
        """Trades of one invitee, page after page.

        Trades have no id: equal ones on both sides of a page's end count as missing, and
        HistoryIncomplete says so.

        Args:
            user_id: The invitee.
            type: 1 USDT-margined contracts, 2 coin-margined ones.
            size: Rows of a page, 50 when not given.
            start_time: Unix SECONDS, although the rows carry milliseconds.
            end_time: Unix SECONDS; now when only start_time is given.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: futures V2 docs, "Get Futures Trade List".
        """
        return self._iter(
            TRADE_PAGES, start_time, end_time, max_requests, incomplete, user_id=user_id, type=type, size=size
        )

    async def get_futures_affiliate_rebate_user(
        self, cid: str, *, start_time: int, end_time: int
    ) -> AffiliateUserRebate:
        """What one customer traded and what it brought.

        Args:
            cid: The customer: a sub-agent, a direct or an indirect invitee.
            start_time: Unix SECONDS.
            end_time: Unix SECONDS, at most 60 days later. Whether older days can be read is unverified.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, get_affiliate_rebate_user. 24 calls per 2 s per key.
        """
        return await self._call(REBATE_USER, cid=cid, start_time=start_time, end_time=end_time)

    async def get_futures_affiliate_rebate_api(
        self, cid: str, *, start_time: int, end_time: int
    ) -> AffiliateApiRebate:
        """Fees and rebates of one customer's trading over the API; for API affiliates.

        Args:
            cid: The customer.
            start_time: Unix SECONDS.
            end_time: Unix SECONDS, at most 60 days later. Whether older days can be read is unverified.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, get_affiliate_rebate_api. 24 calls per 2 s per key.
        """
        return await self._call(REBATE_API, cid=cid, start_time=start_time, end_time=end_time)

    async def get_futures_affiliate_invite_check(self, cid: str) -> AffiliateInviteCheck:
        """Whether a customer is one's invitee.

        Args:
            cid: The customer.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, get_affiliate_invite_check. 24 calls per 2 s per key.
        """
        return await self._call(INVITE_CHECK, cid=cid)

    async def get_futures_affiliate_rebate_invite_user(
        self,
        *,
        start_time: int,
        end_time: int,
        page: int,
        size: int,
        cid: str | None = None,
    ) -> AffiliateInvitees:
        """Invitees with volume, fees and rebates inside a window.

        Args:
            start_time: Unix SECONDS.
            end_time: Unix SECONDS, at most 60 days later.
            page: From 1.
            size: Rows of a page, 1 to 50.
            cid: Only this customer.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, get_affiliate_rebate_invite_user. 24 calls per 2 s per key.
        """
        return await self._call(
            INVITED_USERS, start_time=start_time, end_time=end_time, page=page, size=size, cid=cid
        )

    def iter_futures_affiliate_rebate_invite_user(
        self,
        *,
        start_time: int,
        end_time: int,
        size: int | None = None,
        cid: str | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[AffiliateInvitee]:
        """Invitees with volume, fees and rebates inside a window, page after page, each once.

        Args:
            start_time: Unix SECONDS.
            end_time: Unix SECONDS, at most 60 days later.
            size: Rows of a page, 1 to 50, 50 when not given.
            cid: Only this customer.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: official Python SDK 2.8.0, get_affiliate_rebate_invite_user.
        """
        return self._iter(INVITEE_PAGES, start_time, end_time, max_requests, incomplete, size=size, cid=cid)

    async def get_futures_affiliate_customer_info(self, user_id: str) -> AffiliateCustomer:
        """Futures assets and equity of one customer, USDT.

        Args:
            user_id: The customer; whether this is the cid of the other calls is unverified.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, get_affiliate_aff_customer_info. Quota unknown: the client's default applies.
        """
        return await self._call(CUSTOMER_INFO, user_id=user_id)

    async def get_futures_affiliate_deposit_withdrawal_list(
        self,
        cid: str,
        *,
        page: int,
        size: int,
        start_time: int,
        end_time: int,
        type: MoneyMovement | int | None = None,
    ) -> AffiliateMovements:
        """Deposits and withdrawals of one customer.

        Args:
            cid: The customer.
            page: From 1.
            size: Rows of a page, 1 to 50.
            start_time: Unix SECONDS.
            end_time: Unix SECONDS, at most 60 days later.
            type: 1 deposits, 2 withdrawals; both when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, get_affiliate_deposit_withdrawal_list. Quota unknown: the
        client's default applies.
        """
        return await self._call(
            DEPOSIT_WITHDRAWAL_LIST,
            page=page,
            size=size,
            type=type,
            cid=cid,
            start_time=start_time,
            end_time=end_time,
        )

    def iter_futures_affiliate_deposit_withdrawal_list(
        self,
        cid: str,
        *,
        size: int | None = None,
        start_time: int,
        end_time: int,
        type: MoneyMovement | int | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[AffiliateMovement]:
        """Deposits and withdrawals of one customer, page after page.

        Rows have no id: equal ones on both sides of a page's end count as missing, and HistoryIncomplete
        says so.

        Args:
            cid: The customer.
            size: Rows of a page, 1 to 50, 50 when not given.
            start_time: Unix SECONDS.
            end_time: Unix SECONDS, at most 60 days later.
            type: 1 deposits, 2 withdrawals; both when not given.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: official Python SDK 2.8.0, get_affiliate_deposit_withdrawal_list.
        """
        return self._iter(
            MOVEMENT_PAGES, start_time, end_time, max_requests, incomplete, cid=cid, size=size, type=type
        )
