"""Savings: flexible and fixed products, positions, records, switches.

Subscribing and redeeming need a key with the finance permission. No quota is documented: the
client's default applies. Reply shapes come from another client's types, no recorded reply was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from bitmart_async.models.earn import (
    AutoSavingStatus,
    AutoSubscribeStatus,
    EarnAsset,
    EarnPage,
    FixedPosition,
    FixedProduct,
    FixedRecord,
    FlexiblePosition,
    FlexibleProduct,
    FlexibleRecord,
)
from bitmart_async.models.enums import EarnMaturity, EarnRecordType, EarnSwitch
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.history import MAX_REQUESTS, Incomplete
from bitmart_async.rest.pages import Paged
from bitmart_async.rest.params import Amount, Choice, Text, Whole
from bitmart_async.rest.section import Section
from bitmart_async.rest.spot_trading import time_window

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from bitmart_async.rest.iterate import History
    from bitmart_async.rest.params import Param, Rules
    from bitmart_async.rest.spot_trading import Money

__all__ = ["Earn"]

T = TypeVar("T")

_REQUEST_NO = Text("requestNo", required=True, pattern=r"[0-9]{20}", wanted="must be exactly 20 digits")
_PRODUCT = Text("productId", required=True)
_EARN_ID = Text("earnId", required=True)
_AMOUNT = Amount("amount", required=True)
_COIN = Text("coinName")
_PAGE = (Whole("currentPage", required=True, low=1), Whole("sizePage", required=True, low=1, high=100))
_RECORDS = (
    Choice("type", EarnRecordType, required=True),
    Whole("startTime", low=0),
    Whole("endTime", low=0),
    _COIN,
    *_PAGE,
)
_MATURITY = Choice("autoSubscribe", EarnMaturity, required=True)
_SWITCH = Choice("autoSubscribe", EarnSwitch, required=True)


def _read(id: str, path: str, returns: type[T], *params: Param, rules: Rules | None = None) -> Endpoint[T]:
    return Endpoint(id, "GET", path, Auth.KEYED, None, returns=returns, params=params, rules=rules)


def _change(id: str, path: str, *params: Param) -> Endpoint[bool]:
    return Endpoint(id, "POST", path, Auth.SIGNED, None, returns=bool, effect=Effect.CHANGE, params=params)


EARN_ACCOUNT = _read("earn.account", "/newearn/cloud/v1/earn", list[EarnAsset])
FLEXIBLE_PRODUCTS = _read(
    "earn.flexible_products", "/newearn/cloud/v1/saving/product", EarnPage[FlexibleProduct], *_PAGE, _COIN
)
FLEXIBLE_SUBSCRIBE = _change(
    "earn.flexible_subscribe", "/newearn/cloud/v1/saving/subscribe", _PRODUCT, _AMOUNT, _REQUEST_NO
)
FLEXIBLE_REDEEM = _change(
    "earn.flexible_redeem", "/newearn/cloud/v1/saving/redeem", _EARN_ID, _AMOUNT, _REQUEST_NO
)
FLEXIBLE_POSITIONS = _read(
    "earn.flexible_positions",
    "/newearn/cloud/v1/saving/earn",
    EarnPage[FlexiblePosition],
    *_PAGE,
    _COIN,
    Text("productId"),
)
FLEXIBLE_HISTORY = _read(
    "earn.flexible_history",
    "/newearn/cloud/v1/saving/record",
    EarnPage[FlexibleRecord],
    *_RECORDS,
    rules=time_window,
)
FIXED_PRODUCTS = _read(
    "earn.fixed_products", "/newearn/cloud/v1/saving/fixed/product", EarnPage[FixedProduct], *_PAGE, _COIN
)
FIXED_SUBSCRIBE = _change(
    "earn.fixed_subscribe",
    "/newearn/cloud/v1/saving/fixed/subscribe",
    _PRODUCT,
    _AMOUNT,
    _REQUEST_NO,
    _MATURITY,
)
FIXED_POSITIONS = _read(
    "earn.fixed_positions",
    "/newearn/cloud/v1/saving/fixed/earn",
    EarnPage[FixedPosition],
    *_PAGE,
    _COIN,
    Text("productId"),
)
FIXED_HISTORY = _read(
    "earn.fixed_history",
    "/newearn/cloud/v1/saving/fixed/record",
    EarnPage[FixedRecord],
    *_RECORDS,
    rules=time_window,
)
FIXED_REDEEM = _change("earn.fixed_redeem", "/newearn/cloud/v1/saving/fixed/redeem", _EARN_ID, _REQUEST_NO)
FIXED_AUTO_RENEWAL = _change(
    "earn.fixed_auto_renewal", "/newearn/cloud/v1/saving/fixed/subscribe/operate", _EARN_ID, _MATURITY
)
AUTO_SAVING_TOGGLE = _change(
    "earn.auto_saving_toggle", "/newearn/cloud/v1/saving/subscribe/batch/operate", _SWITCH
)
AUTO_SAVING_STATUS = _read(
    "earn.auto_saving_status", "/newearn/cloud/v1/saving/subscribe/batch", AutoSavingStatus
)
FLEXIBLE_AUTO_TOGGLE = _change(
    "earn.flexible_auto_subscribe_toggle", "/newearn/cloud/v1/saving/subscribe/operate", _PRODUCT, _SWITCH
)
FLEXIBLE_AUTO_STATUS = _read(
    "earn.flexible_auto_subscribe_status",
    "/newearn/cloud/v1/saving/subscribe/status",
    AutoSubscribeStatus,
    _PRODUCT,
)


def _pages(
    endpoint: Endpoint[EarnPage[T]], key: Callable[[T], Hashable], *, timed: bool = False
) -> Paged[EarnPage[T], T]:
    return Paged(
        endpoint=endpoint,
        rows=lambda data: data.rows,
        key=key,
        cap=100,
        page="current_page",
        size="size_page",
        total=lambda data: data.total,
        start="start_time" if timed else None,
        end="end_time" if timed else None,
    )


FLEXIBLE_PRODUCT_PAGES = _pages(FLEXIBLE_PRODUCTS, lambda row: row.product_id)
FLEXIBLE_POSITION_PAGES = _pages(FLEXIBLE_POSITIONS, lambda row: row.earn_id)
FLEXIBLE_RECORD_PAGES = _pages(FLEXIBLE_HISTORY, lambda row: row.record_id, timed=True)
FIXED_PRODUCT_PAGES = _pages(FIXED_PRODUCTS, lambda row: row.product_id)
FIXED_POSITION_PAGES = _pages(FIXED_POSITIONS, lambda row: row.earn_id)
FIXED_RECORD_PAGES = _pages(FIXED_HISTORY, lambda row: row.record_id, timed=True)


class Earn(Section):
    """Savings of the main account.

    Subscribing and redeeming carry a ``request_no`` of yours: exactly 20 digits, never used before,
    for example ``f"{time.time_ns():020d}"``. These calls are sent at most once. When the answer is lost
    they raise :class:`OutcomeUnknown`: look for the number in the history, or call again with the SAME
    number, by which the exchange tells a repeat. All calls raise CredentialsMissing without keys.
    """

    async def get_earn_account_position(self) -> list[EarnAsset]:
        """Savings by coin, flexible and fixed together as far as is known.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, get_earn_assets. Quota unknown: the client's default applies.
        """
        return await self._call(EARN_ACCOUNT)

    async def get_flexible_saving_products(
        self, *, current_page: int, size_page: int, coin_name: str | None = None
    ) -> EarnPage[FlexibleProduct]:
        """Savings that can be redeemed at any time.

        Args:
            current_page: From 1.
            size_page: Rows a page, 1 to 100.
            coin_name: One coin, like USDT; all when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, get_savings_product. Quota unknown: the client's default applies.
        """
        return await self._call(
            FLEXIBLE_PRODUCTS, current_page=current_page, size_page=size_page, coin_name=coin_name
        )

    def iter_flexible_saving_products(
        self,
        *,
        size_page: int | None = None,
        coin_name: str | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[FlexibleProduct]:
        """All flexible savings offered, page after page, each once.

        Args:
            size_page: Rows of a page, 1 to 100, 100 when not given.
            coin_name: One coin, like USDT; all when not given.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: official Python SDK 2.8.0, get_savings_product.
        """
        return self._iter(
            FLEXIBLE_PRODUCT_PAGES,
            None,
            None,
            max_requests,
            incomplete,
            size_page=size_page,
            coin_name=coin_name,
        )

    async def subscribe_flexible_saving(self, product_id: str, *, amount: Money, request_no: str) -> bool:
        """Put money into flexible savings. Never repeated.

        Args:
            product_id: From get_flexible_saving_products.
            amount: In the product's coin.
            request_no: Your own unique number, exactly 20 digits.

        Returns:
            Whether the exchange says it was done.

        Raises:
            PermissionDenied: The key lacks the finance permission (30012).
            OutcomeUnknown: The answer was lost: repeat with the same request_no.

        Source: official Python SDK 2.8.0, post_savings_subscribe. Quota unknown: the client's default
        applies.
        """
        return await self._call(
            FLEXIBLE_SUBSCRIBE, product_id=product_id, amount=amount, request_no=request_no
        )

    async def redeem_flexible_saving(self, earn_id: str, *, amount: Money, request_no: str) -> bool:
        """Take money out of flexible savings. Never repeated.

        Args:
            earn_id: From get_flexible_saving_positions.
            amount: In the product's coin.
            request_no: Your own unique number, exactly 20 digits.

        Returns:
            Whether the exchange says it was done.

        Raises:
            PermissionDenied: The key lacks the finance permission (30012).
            OutcomeUnknown: The answer was lost: repeat with the same request_no.

        Source: official Python SDK 2.8.0, post_savings_redeem. Quota unknown: the client's default applies.
        """
        return await self._call(FLEXIBLE_REDEEM, earn_id=earn_id, amount=amount, request_no=request_no)

    async def get_flexible_saving_positions(
        self,
        *,
        current_page: int,
        size_page: int,
        coin_name: str | None = None,
        product_id: str | None = None,
    ) -> EarnPage[FlexiblePosition]:
        """Flexible savings held.

        Args:
            current_page: From 1.
            size_page: Rows a page, 1 to 100.
            coin_name: One coin; all when not given.
            product_id: One product; all when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, get_savings_holdings. Quota unknown: the client's default
        applies.
        """
        return await self._call(
            FLEXIBLE_POSITIONS,
            current_page=current_page,
            size_page=size_page,
            coin_name=coin_name,
            product_id=product_id,
        )

    def iter_flexible_saving_positions(
        self,
        *,
        size_page: int | None = None,
        coin_name: str | None = None,
        product_id: str | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[FlexiblePosition]:
        """All flexible savings held, page after page, each once.

        Args:
            size_page: Rows of a page, 1 to 100, 100 when not given.
            coin_name: One coin; all when not given.
            product_id: One product; all when not given.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: official Python SDK 2.8.0, get_savings_holdings.
        """
        return self._iter(
            FLEXIBLE_POSITION_PAGES,
            None,
            None,
            max_requests,
            incomplete,
            size_page=size_page,
            coin_name=coin_name,
            product_id=product_id,
        )

    async def get_flexible_saving_history(
        self,
        type: EarnRecordType | str,
        *,
        current_page: int,
        size_page: int,
        start_time: int | None = None,
        end_time: int | None = None,
        coin_name: str | None = None,
    ) -> EarnPage[FlexibleRecord]:
        """Subscriptions, redemptions or interest of flexible savings. How far back is not documented.

        Args:
            type: subscribe, redeem or interest.
            current_page: From 1.
            size_page: Rows a page, 1 to 100.
            start_time: Unix ms.
            end_time: Unix ms.
            coin_name: One coin; all when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, get_savings_records. Quota unknown: the client's default applies.
        """
        return await self._call(
            FLEXIBLE_HISTORY,
            type=type,
            current_page=current_page,
            size_page=size_page,
            start_time=start_time,
            end_time=end_time,
            coin_name=coin_name,
        )

    def iter_flexible_saving_history(
        self,
        type: EarnRecordType | str,
        *,
        size_page: int | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        coin_name: str | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[FlexibleRecord]:
        """Subscriptions, redemptions or interest of flexible savings, page after page, each once.

        Args:
            type: subscribe, redeem or interest.
            size_page: Rows of a page, 1 to 100, 100 when not given.
            start_time: Unix ms.
            end_time: Unix ms; now when only start_time is given.
            coin_name: One coin; all when not given.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: official Python SDK 2.8.0, get_savings_records.
        """
        return self._iter(
            FLEXIBLE_RECORD_PAGES,
            start_time,
            end_time,
            max_requests,
            incomplete,
            type=type,
            size_page=size_page,
            coin_name=coin_name,
        )

    async def get_fixed_saving_products(
        self, *, current_page: int, size_page: int, coin_name: str | None = None
    ) -> EarnPage[FixedProduct]:
        """Savings with a term.

        Args:
            current_page: From 1.
            size_page: Rows a page, 1 to 100.
            coin_name: One coin, like USDT; all when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, get_fixed_product. Quota unknown: the client's default applies.
        """
        return await self._call(
            FIXED_PRODUCTS, current_page=current_page, size_page=size_page, coin_name=coin_name
        )

    def iter_fixed_saving_products(
        self,
        *,
        size_page: int | None = None,
        coin_name: str | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[FixedProduct]:
        """All fixed savings offered, page after page, each once.

        Args:
            size_page: Rows of a page, 1 to 100, 100 when not given.
            coin_name: One coin, like USDT; all when not given.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: official Python SDK 2.8.0, get_fixed_product.
        """
        return self._iter(
            FIXED_PRODUCT_PAGES,
            None,
            None,
            max_requests,
            incomplete,
            size_page=size_page,
            coin_name=coin_name,
        )

    async def subscribe_fixed_saving(
        self, product_id: str, *, amount: Money, request_no: str, auto_subscribe: EarnMaturity | str
    ) -> bool:
        """Put money into fixed savings. Never repeated.

        Args:
            product_id: From get_fixed_saving_products.
            amount: In the product's coin.
            request_no: Your own unique number, exactly 20 digits.
            auto_subscribe: At the end of the term: OFF, REINVEST_FLEXIBLE or REINVEST_FIXED.

        Returns:
            Whether the exchange says it was done.

        Raises:
            PermissionDenied: The key lacks the finance permission (30012).
            OutcomeUnknown: The answer was lost: repeat with the same request_no.

        Source: official Python SDK 2.8.0, post_fixed_subscribe. Quota unknown: the client's default
        applies.
        """
        return await self._call(
            FIXED_SUBSCRIBE,
            product_id=product_id,
            amount=amount,
            request_no=request_no,
            auto_subscribe=auto_subscribe,
        )

    async def get_fixed_saving_positions(
        self,
        *,
        current_page: int,
        size_page: int,
        coin_name: str | None = None,
        product_id: str | None = None,
    ) -> EarnPage[FixedPosition]:
        """Fixed savings held.

        Args:
            current_page: From 1.
            size_page: Rows a page, 1 to 100.
            coin_name: One coin; all when not given.
            product_id: One product; all when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, get_fixed_holdings. Quota unknown: the client's default applies.
        """
        return await self._call(
            FIXED_POSITIONS,
            current_page=current_page,
            size_page=size_page,
            coin_name=coin_name,
            product_id=product_id,
        )

    def iter_fixed_saving_positions(
        self,
        *,
        size_page: int | None = None,
        coin_name: str | None = None,
        product_id: str | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[FixedPosition]:
        """All fixed savings held, page after page, each once.

        Args:
            size_page: Rows of a page, 1 to 100, 100 when not given.
            coin_name: One coin; all when not given.
            product_id: One product; all when not given.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: official Python SDK 2.8.0, get_fixed_holdings.
        """
        return self._iter(
            FIXED_POSITION_PAGES,
            None,
            None,
            max_requests,
            incomplete,
            size_page=size_page,
            coin_name=coin_name,
            product_id=product_id,
        )

    async def get_fixed_saving_history(
        self,
        type: EarnRecordType | str,
        *,
        current_page: int,
        size_page: int,
        start_time: int | None = None,
        end_time: int | None = None,
        coin_name: str | None = None,
    ) -> EarnPage[FixedRecord]:
        """Subscriptions, redemptions or interest of fixed savings. How far back is not documented.

        Args:
            type: subscribe, redeem or interest.
            current_page: From 1.
            size_page: Rows a page, 1 to 100.
            start_time: Unix ms.
            end_time: Unix ms.
            coin_name: One coin; all when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, get_fixed_records. Quota unknown: the client's default applies.
        """
        return await self._call(
            FIXED_HISTORY,
            type=type,
            current_page=current_page,
            size_page=size_page,
            start_time=start_time,
            end_time=end_time,
            coin_name=coin_name,
        )

    def iter_fixed_saving_history(
        self,
        type: EarnRecordType | str,
        *,
        size_page: int | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        coin_name: str | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[FixedRecord]:
        """Subscriptions, redemptions or interest of fixed savings, page after page, each once.

        Args:
            type: subscribe, redeem or interest.
            size_page: Rows of a page, 1 to 100, 100 when not given.
            start_time: Unix ms.
            end_time: Unix ms; now when only start_time is given.
            coin_name: One coin; all when not given.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: official Python SDK 2.8.0, get_fixed_records.
        """
        return self._iter(
            FIXED_RECORD_PAGES,
            start_time,
            end_time,
            max_requests,
            incomplete,
            type=type,
            size_page=size_page,
            coin_name=coin_name,
        )

    async def redeem_fixed_saving_early(self, earn_id: str, *, request_no: str) -> bool:
        """End fixed savings before their term, all of the position. What that costs is not documented.

        Args:
            earn_id: From get_fixed_saving_positions.
            request_no: Your own unique number, exactly 20 digits.

        Returns:
            Whether the exchange says it was done.

        Raises:
            PermissionDenied: The key lacks the finance permission (30012).
            OutcomeUnknown: The answer was lost: repeat with the same request_no.

        Sent at most once.

        Source: official Python SDK 2.8.0, post_fixed_redeem. Quota unknown: the client's default applies.
        """
        return await self._call(FIXED_REDEEM, earn_id=earn_id, request_no=request_no)

    async def update_fixed_saving_auto_reinvest(
        self, earn_id: str, *, auto_subscribe: EarnMaturity | str
    ) -> bool:
        """Choose what happens at the end of the term.

        Args:
            earn_id: From get_fixed_saving_positions.
            auto_subscribe: OFF (paid out), REINVEST_FLEXIBLE or REINVEST_FIXED.

        Returns:
            Whether the exchange says it was done.

        Raises:
            OutcomeUnknown: The answer was lost; setting it again does no harm.

        Sent at most once.

        Source: official Python SDK 2.8.0, post_fixed_modify_auto_renewal. Quota unknown: the client's
        default applies.
        """
        return await self._call(FIXED_AUTO_RENEWAL, earn_id=earn_id, auto_subscribe=auto_subscribe)

    async def set_auto_saving_batch(self, auto_subscribe: EarnSwitch | str) -> bool:
        """Switch for all coins: whether idle money goes into flexible savings by itself.

        Args:
            auto_subscribe: open or close. get_auto_saving_batch_status answers ON or OFF.

        Returns:
            Whether the exchange says it was done.

        Raises:
            OutcomeUnknown: The answer was lost; setting it again does no harm.

        Sent at most once.

        Source: official Python SDK 2.8.0, post_auto_subscribe_toggle. Quota unknown: the client's default
        applies.
        """
        return await self._call(AUTO_SAVING_TOGGLE, auto_subscribe=auto_subscribe)

    async def get_auto_saving_batch_status(self) -> AutoSavingStatus:
        """How the switch for all coins stands.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, get_auto_subscribe_status. Quota unknown: the client's default
        applies.
        """
        return await self._call(AUTO_SAVING_STATUS)

    async def set_flexible_saving_auto_subscribe(
        self, product_id: str, *, auto_subscribe: EarnSwitch | str
    ) -> bool:
        """Switch for one product: whether idle money goes into it by itself.

        Args:
            product_id: From get_flexible_saving_products.
            auto_subscribe: open or close. The status call answers ON or OFF.

        Returns:
            Whether the exchange says it was done.

        Raises:
            OutcomeUnknown: The answer was lost; setting it again does no harm.

        Sent at most once.

        Source: official Python SDK 2.8.0, post_flexible_auto_subscribe_toggle. Quota unknown: the client's
        default applies.
        """
        return await self._call(FLEXIBLE_AUTO_TOGGLE, product_id=product_id, auto_subscribe=auto_subscribe)

    async def get_flexible_saving_auto_subscribe_status(self, product_id: str) -> AutoSubscribeStatus:
        """How the switch of one product stands.

        Args:
            product_id: From get_flexible_saving_products.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, get_flexible_auto_subscribe_status. Quota unknown: the client's
        default applies.
        """
        return await self._call(FLEXIBLE_AUTO_STATUS, product_id=product_id)
