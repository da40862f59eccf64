"""Records of cross collateral: automatic repayments and interest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitmart_async.models.futures_wallet import AutoRepayment, AutoRepayments, InterestLog, InterestRow
from bitmart_async.rest.endpoint import Auth, Endpoint
from bitmart_async.rest.history import MAX_REQUESTS, Incomplete
from bitmart_async.rest.pages import Paged
from bitmart_async.rest.params import Text, Whole
from bitmart_async.rest.section import Section
from bitmart_async.rest.windows import seconds_window_of

if TYPE_CHECKING:
    from bitmart_async.rest.iterate import History

__all__ = ["FuturesRecords"]

_PAGE = (
    Whole("start_time", low=0),
    Whole("end_time", low=0),
    Whole("page", low=0),
    Whole("size", low=1),
)

AUTO_REPAYMENT = Endpoint(
    "futures.get_auto_repayment",
    "GET",
    "/contract/private/auto_repayment",
    Auth.KEYED,
    None,
    returns=AutoRepayments,
    rules=seconds_window_of(),
    params=(*_PAGE, Text("from_coin_code"), Text("type")),
)
CROSS_COLLATERAL_INTEREST_LOG = Endpoint(
    "futures.get_cross_collateral_interest_log",
    "GET",
    "/contract/private/cross_collateral/interest_log",
    Auth.KEYED,
    None,
    returns=InterestLog,
    rules=seconds_window_of(most_days=90),
    params=(*_PAGE, Text("coin_code")),
)

AUTO_REPAYMENT_PAGES: Paged[AutoRepayments, AutoRepayment] = Paged(
    endpoint=AUTO_REPAYMENT,
    rows=lambda data: data.repayments,
    key=None,
    cap=20,
    total=lambda data: data.total,
    start="start_time",
    end="end_time",
    unit=1000,
)
INTEREST_PAGES: Paged[InterestLog, InterestRow] = Paged(
    endpoint=CROSS_COLLATERAL_INTEREST_LOG,
    rows=lambda data: data.items,
    key=lambda row: row.id,
    cap=20,
    total=lambda data: data.total,
    start="start_time",
    end="end_time",
    unit=1000,
)


class FuturesRecords(Section):
    """Records of cross collateral. All calls raise CredentialsMissing without keys."""

    async def get_futures_auto_repayment(
        self,
        *,
        start_time: int | None = None,
        end_time: int | None = None,
        page: int | None = None,
        size: int | None = None,
        from_coin_code: str | None = None,
        type: str | None = None,
    ) -> AutoRepayments:
        """Debts the exchange paid by selling another coin, the last 7 days when no time is given.

        Args:
            start_time: Unix SECONDS.
            end_time: Unix SECONDS.
            page: That pages count from 1 is unverified.
            size: Rows of a page; by one source at most 20, unverified.
            from_coin_code: Coin paid with, like BTC; all when not given.
            type: AUTO_REPAY is the only known value.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, get_auto_repayment. Quota unknown: the client's default applies.
        """
        return await self._call(
            AUTO_REPAYMENT,
            start_time=start_time,
            end_time=end_time,
            page=page,
            size=size,
            from_coin_code=from_coin_code,
            type=type,
        )

    def iter_futures_auto_repayment(
        self,
        *,
        start_time: int | None = None,
        end_time: int | None = None,
        size: int | None = None,
        from_coin_code: str | None = None,
        type: str | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[AutoRepayment]:
        """Debts paid by selling another coin, page after page; the last 7 days when no time is given.

        Rows have no id: equal ones on both sides of a page's end count as missing, and HistoryIncomplete
        says so.

        Args:
            start_time: Unix SECONDS.
            end_time: Unix SECONDS; now when only start_time is given.
            size: Rows of a page, 20 when not given.
            from_coin_code: Coin paid with, like BTC; all when not given.
            type: AUTO_REPAY is the only known value.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: official Python SDK 2.8.0, get_auto_repayment.
        """
        return self._iter(
            AUTO_REPAYMENT_PAGES,
            start_time,
            end_time,
            max_requests,
            incomplete,
            size=size,
            from_coin_code=from_coin_code,
            type=type,
        )

    async def get_futures_cross_collateral_interest_log(
        self,
        *,
        start_time: int | None = None,
        end_time: int | None = None,
        page: int | None = None,
        size: int | None = None,
        coin_code: str | None = None,
    ) -> InterestLog:
        """Interest on cross-collateral debts, the last 7 days when no time is given.

        Args:
            start_time: Unix SECONDS.
            end_time: Unix SECONDS. The window may span 90 days.
            page: That pages count from 1 is unverified.
            size: Rows of a page; by one source at most 20, unverified.
            coin_code: Coin, like USDT; all when not given.

        A read: repeated when its answer is lost. Raises ApiError when refused, CredentialsMissing without
        keys, TransportError when nothing answers.

        Source: official Python SDK 2.8.0, get_cross_collateral_interest_log. Quota unknown:
        the client's default applies.
        """
        return await self._call(
            CROSS_COLLATERAL_INTEREST_LOG,
            start_time=start_time,
            end_time=end_time,
            page=page,
            size=size,
            coin_code=coin_code,
        )

    def iter_futures_cross_collateral_interest_log(
        self,
        *,
        start_time: int | None = None,
        end_time: int | None = None,
        size: int | None = None,
        coin_code: str | None = None,
        max_requests: int = MAX_REQUESTS,
        incomplete: Incomplete = "raise",
    ) -> History[InterestRow]:
        """Interest on cross-collateral debts, page after page, each once; without times the last 7 days.

        Args:
            start_time: Unix SECONDS.
            end_time: Unix SECONDS; now when only start_time is given. The window may span 90 days.
            size: Rows of a page, 20 when not given.
            coin_code: Coin, like USDT; all when not given.
            max_requests: Then HistoryStopped is raised.
            incomplete: ``"report"``: give what comes instead of raising HistoryIncomplete.

        Source: official Python SDK 2.8.0, get_cross_collateral_interest_log.
        """
        return self._iter(
            INTEREST_PAGES, start_time, end_time, max_requests, incomplete, size=size, coin_code=coin_code
        )
