"""An endpoint as a value: path, auth, quota, parameters, reply type, and what a call may do.

One constant per endpoint, beside the method that calls it; ``ENDPOINTS`` in ``bitmart_async.rest``
has them by catalog id. ``client.call(endpoint, ...)`` takes any of them.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Generic, TypeVar

from bitmart_async.errors import ParameterError
from bitmart_async.rest.params import Fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bitmart_async.ratelimit import Quota
    from bitmart_async.rest.params import Param, Rules

__all__ = ["Auth", "Effect", "Endpoint"]

T_co = TypeVar("T_co", covariant=True)


class Auth(enum.Enum):
    """What a call carries: nothing, the key alone, or key, timestamp and signature."""

    NONE = "NONE"
    KEYED = "KEYED"
    SIGNED = "SIGNED"


class Effect(enum.Enum):
    """What a call does, and so what a lost answer means."""

    READ = "read"
    """Reads only: repeated when the answer is lost, POST or not."""
    CHANGE = "change"
    """Changes something: sent at most once; a lost answer raises OutcomeUnknown."""
    ORDER = "order"
    """Places, changes or cancels orders: sent at most once; a lost answer raises OrderFateUnknown."""


class Endpoint(Generic[T_co]):
    """One path of the API.

    Args:
        id: Name in the endpoint catalog.
        quota: None when no source knows it; the client's default applies.
        returns: Type of the reply's data; ``type(None)`` where code 1000 is the whole answer.
        inner: The data holds a second envelope whose code must be 0.
        bare: Known to answer without any envelope; elsewhere a reply without a code is unreadable.
        own_id: Python name of the parameter that carries the caller's order id.
        rules: Checks combinations of parameters under strict_param_validation.
        guard: The same, always: for what would endanger money when it slipped through.
        deprecated: What to use instead, where the exchange has announced the end of this endpoint; the
            first call in a process warns.
    """

    __slots__ = (
        "_fields",
        "auth",
        "bare",
        "deprecated",
        "effect",
        "guard",
        "id",
        "in_query",
        "inner",
        "is_batch",
        "label",
        "method",
        "own_id",
        "own_wire",
        "params",
        "path",
        "quota",
        "returns",
        "rules",
        "takes_recv_window",
    )

    def __init__(
        self,
        id: str,
        method: str,
        path: str,
        auth: Auth,
        quota: Quota | None,
        *,
        returns: type[T_co],
        params: Sequence[Param] = (),
        effect: Effect = Effect.READ,
        inner: bool = False,
        own_id: str = "",
        rules: Rules | None = None,
        guard: Rules | None = None,
        deprecated: str = "",
        bare: bool = False,
    ) -> None:
        self.id = id
        self.method = method
        self.path = path
        self.auth = auth
        self.quota = quota
        self.returns = returns
        self.params = tuple(params)
        self.effect = effect
        self.inner = inner
        self.bare = bare
        self.own_id = own_id
        self.rules = rules
        self.guard = guard
        self.deprecated = deprecated
        self.label = f"{method} {path}"
        self._fields = Fields(self.params, rules)
        self.takes_recv_window = "recv_window" in self._fields.by_name
        self.in_query = method in ("GET", "DELETE")
        """Whether the parameters go into the address, not into a body."""
        self.is_batch = "." in own_id
        self.own_wire = self._fields.by_name[own_id].wire if own_id and not self.is_batch else ""
        """Wire name of the one order's id."""

    def encode(self, given: Mapping[str, object], *, strict: bool) -> dict[str, object]:
        """Parameters by wire name, checked.

        Raises:
            ParameterError: One is missing, unknown, or does not fit; the text names the endpoint.
        """
        try:
            if self.guard is not None:
                self.guard(given)
            return self._fields.encode(given, strict=strict)
        except ParameterError as error:
            raise ParameterError(f"{self.label}: {error}", endpoint=self.label) from None

    def __repr__(self) -> str:
        return f"<Endpoint {self.id}: {self.label}>"
