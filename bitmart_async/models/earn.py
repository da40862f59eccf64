"""Savings: products, positions, records. Amounts are in the coin ``coin_name``.

Shapes come from another client's types, no recorded reply was found. Whether a rate is a fraction or
a percentage is unverified.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from bitmart_async.models.base import Id, Model, Ms, Number, Whole
from bitmart_async.models.enums import EarnRecordType, EarnSwitchState

__all__ = [
    "AutoSavingStatus",
    "AutoSubscribeStatus",
    "EarnAsset",
    "EarnPage",
    "FixedPosition",
    "FixedProduct",
    "FixedRecord",
    "FlexiblePosition",
    "FlexibleProduct",
    "FlexibleRecord",
    "TierRate",
]

T = TypeVar("T")


class EarnPage(Model, Generic[T], frozen=True, kw_only=True):
    """One page of a list."""

    total: Whole
    """Rows on all pages."""
    rows: list[T] = msgspec.field(name="list")
    """``list`` on the wire."""


class EarnAsset(Model, frozen=True, kw_only=True, rename="camel"):
    """All savings in one coin."""

    coin_name: str
    total_user_sum: Number
    """Amount held."""
    total_profit: Number
    previous_profit: Number
    """Of yesterday, as far as the name tells."""


class TierRate(Model, frozen=True, kw_only=True, rename="camel"):
    """Rate for a part of the amount."""

    min_purchase_amount: Number
    max_purchase_amount: Number
    apy: Number


class FlexibleProduct(Model, frozen=True, kw_only=True, rename="camel"):
    """Savings that can be redeemed at any time."""

    product_id: Id
    coin_name: str
    product_tag: str
    apy: Number
    """Yearly rate; fraction or percentage is unverified."""
    min_purchase_amount: Number
    max_purchase_amount: Number
    additional_apy: Number
    has_tier_rate: bool
    tier_rate: list[TierRate] | None = None
    """Only with ``has_tier_rate``."""


class FlexiblePosition(Model, frozen=True, kw_only=True, rename="camel"):
    """Flexible savings held. No source knows a field for the amount: see EarnAsset.total_user_sum."""

    earn_id: Id
    """What redeem_flexible_saving wants."""
    product_id: Id
    coin_id: Id
    coin_name: str
    product_tag: str
    apy: Number
    """Yearly rate; fraction or percentage is unverified."""
    total_profit: Number
    auto_subscribe: bool
    additional_apy: Number
    has_tier_rate: bool
    tier_rate: list[TierRate] | None = None
    """Only with ``has_tier_rate``."""


class FlexibleRecord(Model, frozen=True, kw_only=True, rename="camel"):
    """One subscription, redemption or interest payment."""

    type: EarnRecordType
    record_id: Id
    product_id: Id
    coin_name: str
    amount: Number
    product_tag: str
    time: Ms
    """Unix ms, assumed to be of the same unit as the bounds of the query."""
    subscribe_type: str
    """Values are not documented."""
    request_no: Id
    """Your own number of the call; finds out what became of a lost one."""
    status: str
    """Values are not documented."""


class FixedProduct(Model, frozen=True, kw_only=True, rename="camel"):
    """Savings with a term."""

    product_id: Id
    coin_name: str
    product_tag: str
    lock_day: Whole
    """Term in days."""
    apy: Number
    """Yearly rate; fraction or percentage is unverified."""
    min_purchase_amount: Number
    max_purchase_amount: Number
    additional_apy: Number


class FixedPosition(Model, frozen=True, kw_only=True, rename="camel"):
    """Fixed savings held."""

    earn_id: Id
    """What redeem_fixed_saving_early wants."""
    product_id: Id
    coin_id: Id
    coin_name: str
    amount: Number
    estimated_interest: Number
    expired_date: Whole
    """End of the term, Unix time; the unit is unverified, ms as far as is known."""
    product_tag: str
    apy: Number
    """Yearly rate; fraction or percentage is unverified."""
    lock_day: Whole
    """Term in days."""
    total_profit: Number
    subscribe_type: str
    """Values are not documented."""
    additional_apy: Number


class FixedRecord(FlexibleRecord, frozen=True, kw_only=True, rename="camel"):
    """The same for fixed savings."""

    lock_day: Whole
    """Term in days."""


class AutoSavingStatus(Model, frozen=True, kw_only=True, rename="camel"):
    """Whether idle money of every coin goes into flexible savings."""

    batch_subscribe_status: EarnSwitchState


class AutoSubscribeStatus(Model, frozen=True, kw_only=True, rename="camel"):
    """Whether idle money goes into one flexible product."""

    subscribe_status: EarnSwitchState
