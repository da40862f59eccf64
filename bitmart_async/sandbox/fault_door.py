"""Faults for a program in another process: ``/sandbox/faults`` on either REST port.

GET lists the faults with their arguments. POST ``/sandbox/faults/cut`` with a JSON object of arguments
calls ``faults.cut``, which checks the names of paths, topics and sockets as ever. It answers
``{"ok": true, "result": ...}``, or ``{"ok": false, "error": "..."}`` with the status 400, 403, 404 or 405.

Only this machine may use it; and a body must be declared as JSON, so that no web page that is open in a
browser can send one. These are no calls of the exchange: nothing counts or journals them.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, get_type_hints

import msgspec
from aiohttp import web

from .faults import Faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from .calls import Json

__all__ = ["FaultDoor"]

_ROOT: Final = "/sandbox/faults"
_MARKUP: Final = re.compile(r":\w+:`~?([^`]*)`|``([^`]*)``")
"""Names in docstrings, which are told plainly here."""
_NAMES: Final = (
    "reply", "drop_answer", "delay", "limit", "ban", "edge", "maintenance", "skew",
    "cut", "blackhole", "stall", "resume", "refuse_sockets", "refuse_login", "swallow_login",
    "swallow_ack", "refuse_topic", "mute", "unmute", "lag", "lose", "lose_one_in", "repeat", "swap", "clear",
)  # fmt: skip
"""All but ``spoil``, which takes a function, and ``storm``, which lasts as long as its block."""


class _Refused(Exception):
    """Something is wrong with a request; the text says what."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class FaultDoor:
    """The way to the faults over HTTP."""

    def __init__(self, faults: Callable[[], Faults]) -> None:
        self._faults = faults

    @staticmethod
    def leads(path: str) -> bool:
        """Whether a path is one of the door's."""
        return path == _ROOT or path.startswith(f"{_ROOT}/")

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Serve one request to a path of the door."""
        try:
            return _answer(200, await self._serve(request))
        except _Refused as error:
            return _answer(error.status, {"ok": False, "error": str(error)})

    async def _serve(self, request: web.BaseRequest) -> Json:
        if not _is_local(request.remote):
            raise _Refused(403, "faults are for programs on this machine")
        name = request.path.removeprefix(_ROOT).strip("/")
        if not name:
            if request.method != "GET":
                raise _Refused(405, f"GET {_ROOT} lists the faults, POST {_ROOT}/NAME orders one")
            return {"ok": True, "faults": {name: _described(name) for name in _NAMES}}
        if name not in _NAMES:
            raise _Refused(404, f"there is no fault {name!r}; there are {', '.join(_NAMES)}")
        if request.method != "POST":
            raise _Refused(405, f"POST {_ROOT}/{name} with a JSON object of arguments orders it")
        method = getattr(self._faults(), name)
        arguments = _arguments(name, request.content_type, await request.read())
        try:
            result = method(**arguments)
            if inspect.isawaitable(result):
                result = await result
        except ValueError as error:
            raise _Refused(400, str(error)) from None
        return {"ok": True, "result": result if isinstance(result, int) else None}


def _arguments(name: str, content_type: str, body: bytes) -> dict[str, object]:
    """The arguments of a fault out of a body: names and types are those of the method."""
    if content_type != "application/json":
        raise _Refused(400, "send the arguments as JSON, with Content-Type: application/json")
    try:
        given = msgspec.json.decode(body or b"{}", type=dict[str, object])
    except msgspec.MsgspecError as error:
        raise _Refused(400, f"the arguments must be a JSON object: {error}") from None
    method = getattr(Faults, name)
    hints = get_type_hints(method, localns={"Mapping": Mapping})
    made: dict[str, object] = {}
    for key, value in given.items():
        if key == "return" or key not in hints:
            raise _Refused(400, f"{name} has no argument {key!r}: {_described(name)}")
        if hints[key] is bytes and isinstance(value, str):
            made[key] = value.encode()  # a body is written as text, not as Base64
            continue
        try:
            made[key] = msgspec.convert(value, hints[key])
        except msgspec.ValidationError as error:
            raise _Refused(400, f"{name}: {key}: {error}") from None
    try:
        inspect.signature(method).bind(None, **made)
    except TypeError as error:
        raise _Refused(400, f"{name}: {error}: {_described(name)}") from None
    return made


def _described(name: str) -> str:
    """The arguments of a fault with their defaults, and its first sentence."""
    method = getattr(Faults, name)
    shown: list[str] = []
    for parameter in list(inspect.signature(method).parameters.values())[1:]:
        default = parameter.default
        if isinstance(default, bytes):
            default = default.decode()
        shown.append(parameter.name if default is parameter.empty else f"{parameter.name}={_json(default)}")
    words = " ".join((method.__doc__ or "").split("\n\n", maxsplit=1)[0].split())
    words = _MARKUP.sub(lambda found: found[1] or found[2], words)
    return f"{name}({', '.join(shown)}): {words}"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _is_local(address: str | None) -> bool:
    try:
        return address is not None and ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _answer(status: int, content: Json) -> web.Response:
    return web.Response(body=msgspec.json.encode(content), status=status, content_type="application/json")
