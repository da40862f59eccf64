"""The envelope around every reply, in all the forms the exchange uses.

The usual form is ``{"code": 1000, "message": "OK", "trace": "...", "data": ...}``. Also seen or
documented: the code as text; no data key at all; the text under ``msg`` (gateway errors, account
info); ``errno`` instead of a code; a second envelope inside ``data`` (batch orders); affiliate
replies without any envelope. The code decides, before the HTTP status: failures come with HTTP 200,
and a caller's mistake with 503. A JSON object without a code is what gateways and frameworks answer
when they fail (``{"status": 500, "error": ...}``): it is neither success nor a refusal, except where
an endpoint is known to answer without envelope.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec

from bitmart_async.decoding import REFUSED, DecodeError, Reader, may_hold_nan, takes_nan, untyped
from bitmart_async.ratelimit import RateLimitState

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Envelope"]

T = TypeVar("T")

OK = 1000
NO_CODE = -1
"""Stands for the code of a refusal that has none."""
_WHOLE = re.compile(r"-?[0-9]{1,18}")


class Envelope(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A whole reply: the typed data and everything around it."""

    data: T
    code: int
    """1000: success is the only reply that becomes an Envelope."""
    message: str
    trace: str
    """The exchange's id of this call: quote it to their support."""
    http_status: int
    headers: Mapping[str, str]
    """Reply headers; names are case-insensitive."""
    rate_limit: RateLimitState | None
    """What the X-BM-RateLimit-* headers said, None without them."""
    raw: bytes
    """The untouched body."""


class Refusal(Exception):
    """The envelope says no. Internal: becomes an ApiError where endpoint and status are known."""

    def __init__(self, code: int, message: str, trace: str) -> None:
        super().__init__(code, message, trace)
        self.code, self.message, self.trace = code, message, trace


class _Wire(msgspec.Struct, Generic[T]):
    data: T
    code: int | str | None = None
    message: str | None = None
    msg: str | None = None
    trace: str | None = None


class EnvelopeReader(Generic[T]):
    """Reads the replies of one endpoint."""

    __slots__ = ("_bare", "_data", "_inner", "_nothing", "_takes_nan", "_typed")

    def __init__(self, returns: type[T], *, inner: bool = False, bare: bool = False) -> None:
        self._bare = bare
        self._nothing = returns is type(None)
        plain = returns is object
        if plain:
            returns = cast("type[T]", Any)  # to msgspec, object is a class of the user's own
        self._inner = inner
        self._data: Reader[T] = Reader(returns)
        self._typed: Callable[[bytes], _Wire[T]] | None = None
        self._takes_nan = False
        if not inner and not self._nothing and not plain:  # of plain JSON the digits are kept
            whole: object = _Wire[returns]  # type: ignore[valid-type]
            self._typed = Reader[_Wire[T]](whole).typed
            self._takes_nan = takes_nan(whole)

    def read(self, raw: bytes) -> tuple[T, str, str]:
        """Data, message and trace of a successful reply.

        Raises:
            Refusal: The code is another than success.
            DecodeError: The body cannot be read.
        """
        if self._typed is not None and not (self._takes_nan and may_hold_nan(raw)):
            try:
                wire = self._typed(raw)
            except REFUSED:
                wire = None
            if wire is not None and wire.code == OK:
                return wire.data, wire.message or wire.msg or "", wire.trace or ""
        return self._read_slowly(raw)

    def _read_slowly(self, raw: bytes) -> tuple[T, str, str]:
        reply = untyped(raw)
        if not isinstance(reply, dict):
            raise DecodeError("not a JSON object")
        body = cast("dict[str, object]", reply)
        code, message, trace = _head(body)
        if code is None:
            if not self._bare:
                raise DecodeError("no code, and only a code says that it was done")
        elif code != OK:
            raise Refusal(code, message, trace)
        if self._nothing:
            return cast("T", None), message, trace
        payload = body if code is None and "data" not in body else body.get("data")
        if self._inner:
            payload = _open_inner(payload, message, trace)
        return self._data.convert(payload), message, trace


def _open_inner(payload: object, message: str, trace: str) -> object:
    """The data of the second envelope. Its code is read first: a refusal may come without data."""
    body = cast("dict[str, object]", payload) if isinstance(payload, dict) else {}
    code = _number(body.get("code"))
    if code is None:
        raise DecodeError("the inner envelope has no code")  # neither success nor a refusal
    if code != 0:
        text = body.get("msg")
        raise Refusal(code, text if isinstance(text, str) and text else message, trace)
    return body.get("data")


def _head(body: dict[str, object]) -> tuple[int | None, str, str]:
    """Code, message and trace of any form of envelope; the code is None where nothing stands for one."""
    message = next((text for key in ("message", "msg") if isinstance(text := body.get(key), str)), "")
    trace = body.get("trace")
    trace = trace if isinstance(trace, str) else ""
    if "code" in body:
        code = _number(body["code"])
        if code is None:
            raise DecodeError("the code is no number")
        if code in (0, 200) and body.get("success") is True:
            code = OK  # account info: the success code is unverified, the flag is not
        return code, message, trace
    if "errno" in body:
        errno = str(body["errno"]).upper()
        fine = errno in ("OK", "0", "SUCCESS") and body.get("success") is not False
        return (OK if fine else NO_CODE), message or errno, trace
    if body.get("success") is False:
        return NO_CODE, message, trace
    if message and "data" not in body:
        raise DecodeError("neither code nor data")
    return None, message, trace


def _number(code: object) -> int | None:
    if isinstance(code, int) and not isinstance(code, bool):
        return code
    return int(code) if isinstance(code, str) and _WHOLE.fullmatch(code) else None
