"""Errors copy, pickle and say what happened, on whose side, and what to do."""

from __future__ import annotations

import copy
import pickle

import pytest

from bitmart_async import errors
from bitmart_async.codes import ADVICE, REST_CODES, fact_of
from bitmart_async.errors import (
    AlreadyExists,
    ApiError,
    AuthError,
    BadRequest,
    BitMartError,
    BookNotReady,
    Fate,
    HistoryIncomplete,
    InsufficientFunds,
    IpBanned,
    Maintenance,
    NotFound,
    OrderFateUnknown,
    OrderNotFilled,
    OrderNotFound,
    PermissionDenied,
    RateLimited,
    SlowConsumer,
    SubscriptionRefused,
    SystemFault,
    TimestampRejected,
    api_error_class,
)

CLASSES = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, BitMartError)
]
SPECIAL = (OrderFateUnknown, SubscriptionRefused, OrderNotFilled, SlowConsumer, BookNotReady)


def make(kind: type[BitMartError]) -> BitMartError:
    if kind is OrderFateUnknown:
        return OrderFateUnknown(
            "lost",
            client_order_id="own7",
            order_id="8",
            symbol="ABC_USDT",
            endpoint="POST /a",
            code=50022,
            message="m",
            trace="t",
            http_status=502,
            raw=b"\xff",
        )
    if kind is SubscriptionRefused:
        return SubscriptionRefused("no", refused={"a/b": "why"}, subscription=object(), code=90004)
    if issubclass(kind, HistoryIncomplete):
        return kind("more", endpoint="GET /h", window=(3, 4), rows=9)
    if issubclass(kind, OrderNotFilled):
        return kind("no", order_id="8", client_order_id="own7", symbol="A_B", status="canceled", filled="1")
    if kind is SlowConsumer:
        return SlowConsumer("slow", dropped=5)
    if kind is BookNotReady:
        return BookNotReady("gap", topic="spot/depth/increase100:BTC_USDT", reason="gap")
    return kind(
        "text",
        endpoint="GET /x",
        code=50020,
        message="mes\nsage",
        trace="tr",
        http_status=418,
        retry_after=2.5,
        raw=b"\x00raw",
        fate=Fate.NOT_ACCEPTED,
    )


def test_the_tree_is_the_public_list() -> None:
    """Every class of the module is exported, and hangs under BitMartError."""
    assert {kind.__name__ for kind in CLASSES} | {"Fate", "OrderResult", "api_error_class"} >= set(
        errors.__all__
    )
    assert {kind.__name__ for kind in CLASSES} <= set(errors.__all__)


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize(
    "way",
    [
        copy.copy,
        copy.deepcopy,
        *(
            lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol))
            for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)
def test_every_error_copies_and_pickles(kind: type[BitMartError], way: object) -> None:
    """With class, text and every attribute; what is tied to this process becomes None."""
    error = make(kind)
    error.add_note("seen by a test")
    assert callable(way)
    twin = way(error)
    assert type(twin) is kind
    assert str(twin) == str(error)
    assert twin.args == error.args
    live = kind._live
    assert {name: value for name, value in vars(twin).items() if name not in live} == {
        name: value for name, value in vars(error).items() if name not in live
    }
    assert all(getattr(twin, name) is None for name in live)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_can_be_made_without_arguments(kind: type[BitMartError]) -> None:
    """Absent facts are None or empty, never missing attributes."""
    error = kind()
    assert (error.code, error.http_status, error.retry_after) == (None, None, None)
    assert (error.endpoint, error.message, error.trace, error.raw) == ("", "", "", b"")


@pytest.mark.parametrize("code", sorted(REST_CODES))
def test_an_api_error_says_whose_side_and_what_to_do(code: int) -> None:
    """For each code of the table: endpoint, code, meaning, the exchange's words, trace, advice."""
    error = api_error_class(code, 200)(
        "x", endpoint="POST /p", code=code, message="theirs", trace="tr-1", http_status=200
    )
    text = str(error)
    assert text.startswith(f"POST /p: code {code}: {REST_CODES[code].meaning}")
    assert "theirs" in text
    assert "tr-1" in text
    assert text.endswith(ADVICE[REST_CODES[code].category])
    assert "side" in ADVICE[REST_CODES[code].category]
    assert "\n" not in text


def test_an_api_error_names_the_http_status_when_it_matters() -> None:
    """503 is shown, 200 is not."""
    assert ", HTTP 503:" in str(ApiError("x", endpoint="GET /p", code=30018, http_status=503))
    assert ", HTTP" not in str(ApiError("x", endpoint="GET /p", code=30018, http_status=200))


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (30002, 401, AuthError),
        (30007, 200, TimestampRejected),
        (30013, 429, RateLimited),
        (30017, 418, IpBanned),
        (30017, 200, IpBanned),
        (50020, 200, InsufficientFunds),
        (50005, 200, OrderNotFound),
        (40035, 400, OrderNotFound),
        (40037, 200, OrderNotFound),
        (50042, 200, AlreadyExists),
        (40050, 400, AlreadyExists),
        (30014, 200, SystemFault),
        (30016, 200, Maintenance),
        (40012, 500, SystemFault),
        (50022, 200, SystemFault),
        (60051, 200, SystemFault),
        (30013, 418, IpBanned),
    ],
)
def test_the_class_of_a_known_code(code: int, status: int, kind: type[ApiError]) -> None:
    """The code decides before the status."""
    assert api_error_class(code, status) is kind


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (99999, 500, SystemFault),
        (99999, 503, SystemFault),
        (99999, 404, NotFound),
        (99999, 401, AuthError),
        (99999, 403, PermissionDenied),
        (99999, 429, RateLimited),
        (99999, 418, IpBanned),
        (99999, 200, BadRequest),
        (99999, None, BadRequest),
        (30999, 200, AuthError),
        (40999, None, BadRequest),
        (-1, 200, BadRequest),
    ],
)
def test_the_class_of_an_unknown_code(code: int, status: int | None, kind: type[ApiError]) -> None:
    """By HTTP status, then by range; and the text says that it is a guess."""
    assert api_error_class(code, status) is kind
    assert "not in the tables" in fact_of(code, status).meaning


def test_server_text_is_made_safe() -> None:
    """Message and trace from outside are one printable line of at most 200 characters (Z3)."""
    error = ApiError("x", code=1, message="a\nb\x1b[31m" + "z" * 10**6, trace="t\r\nu")
    assert error.message.isprintable()
    assert len(error.message) <= 200
    assert error.trace.isprintable()
